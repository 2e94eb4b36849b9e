"""Nextflow's processes without Nextflow: their blocks filled in and run in bash, in a folder of the task's own."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.pipelines import groovy
from tests.pipelines.demo import PIPELINES

FOLDER = PIPELINES / "nextflow"
_SECTION = re.compile(r"^    (input|output|when|script|stub):$", re.MULTILINE)
_INPUT = re.compile(r"(val|path)\((\w+)(?:, stageAs: '([^']+)')?\)")
_PATH = re.compile(r'path\("([^"]*)"\)')


@dataclass(frozen=True, slots=True)
class Output:
    """A channel that a process emits: patterns of its files."""

    emit: str
    paths: tuple[str, ...]
    versions: tuple[str, ...]  # commands
    optional: bool


@dataclass(frozen=True, slots=True)
class Staged:
    """A file as a task sees it."""

    name: str

    def __str__(self) -> str:
        return self.name

    @property
    def extension(self) -> str:
        """What follows the last dot."""
        return self.name.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Process:
    """What a file of a module says."""

    name: str
    path: Path
    sections: Mapping[str, str]

    @property
    def inputs(self) -> list[tuple[str, str, str]]:
        """Kind (val or path), name and pattern of each input."""
        return [(kind, name, pattern) for kind, name, pattern in _INPUT.findall(self.sections["input"])]

    @property
    def outputs(self) -> list[Output]:
        """The channels, in order."""
        lines = [line.strip() for line in self.sections["output"].strip().splitlines()]
        return [
            Output(
                re.findall(r"emit: (\w+)", line)[0],
                tuple(_PATH.findall(line)),
                tuple(re.findall(r'eval\("(.*?)"\)', line)),
                "optional: true" in line,
            )
            for line in lines
        ]


def read(path: Path) -> Process:
    """The one process of a module."""
    text = path.read_text()
    body = text[: text.rindex("}")]
    parts = _SECTION.split(body)
    found = re.findall(r"^process (\w+) \{$", text, re.MULTILINE)
    assert len(found) == 1
    return Process(found[0], path, dict(zip(parts[1::2], parts[2::2], strict=True)))


PROCESSES = {process.name: process for process in map(read, sorted((FOLDER / "modules").rglob("main.nf")))}


def parameters() -> dict[str, Any]:
    """The parameters with their defaults."""
    block = re.findall(r"^params \{\n(.*?)^\}", (FOLDER / "nextflow.config").read_text(), re.MULTILINE | re.DOTALL)[0]
    pairs = re.findall(r"^    (\w+) += (.+)$", block, re.MULTILINE)
    return {name: int(value) if value.isdigit() else groovy.evaluate(value, {}) for name, value in pairs}


def settings(process: str, params: Mapping[str, Any]) -> str:
    """`task.ext.args` as the configuration of the modules gives it."""
    text = (FOLDER / "conf" / "modules.config").read_text()
    block = re.findall(rf"withName: '{process}' \{{\n(.*?)^    \}}", text, re.MULTILINE | re.DOTALL)[0]
    found = re.findall(r"ext\.args += \{ (.*) \}$", block, re.MULTILINE)
    return str(groovy.evaluate(found[0], {"params": dict(params)})) if found else ""


@dataclass(frozen=True, slots=True)
class Task:
    """A process with its inputs, in a folder. `given`: values, and for paths a file or a list of files."""

    process: Process
    folder: Path
    given: Mapping[str, Any]
    environment: Mapping[str, str]
    gpu: bool = False

    def run(self, section: str) -> dict[str, list[Path]]:
        """Run the block; the files of each channel, which must be there unless the channel is optional."""
        script, names = self.fill(section)
        self.bash(script)
        found: dict[str, list[Path]] = {}
        for output in self.process.outputs:
            patterns = [groovy.string(pattern, names) for pattern in output.paths]
            found[output.emit] = sorted(path for pattern in patterns for path in self.folder.glob(pattern))
            assert found[output.emit] or output.optional or not patterns, f"{patterns} of {output.emit}"
        return found

    def fill(self, section: str) -> tuple[str, dict[str, Any]]:
        """The script, and what its names stand for; links to the inputs are then in the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        assert {name for _, name, _ in self.process.inputs} == set(self.given)
        names = {
            name: self._stage(self.given[name], pattern) if kind == "path" else self.given[name]
            for kind, name, pattern in self.process.inputs
        }
        memory = SimpleNamespace(toMega=lambda: 2000)
        extra = {"args": settings(self.process.name, parameters())}
        task = {"cpus": 2, "memory": memory, "accelerator": self.gpu or None, "ext": extra}
        return groovy.run(self.process.sections[section], {**names, "task": task})

    def bash(self, script: str) -> str:
        """What it prints, with Nextflow's options of bash."""
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert done.returncode == 0, script + done.stderr
        return done.stdout

    def _stage(self, files: Any, pattern: str) -> Any:
        if isinstance(files, list):
            return [self._stage(file, pattern) for file in files]
        name = pattern.replace("*", files.name) if pattern else files.name
        place = self.folder / name
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(files)
        return Staged(name)
