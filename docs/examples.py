"""The commands that the documents show: found, run, and what they print compared or written anew.

A fenced block of `console` has lines that begin with "$ " and what they print below them; a block of `bash` is run as
it stands, up to its first mistake. The comment `<!-- not run: WHY -->` above a block leaves it out. The blocks of a
page are run one after the other in one folder, which has `benchmarks` as this repository has it.

    python -m docs.examples PAGE ...    writes what the commands print now into the console blocks of these pages
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parent.parent
FENCE = re.compile(r"(?:<!-- not run: (?P<why>[^>]+) -->\n+)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.M)
PROMPT = "$ "
PROGRESS = re.compile(r"\d+ % after ")  # of slow machines only


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    kind: str  # of the fence: console, bash, or anything else
    text: str
    start: int  # of the text in the page, letters
    why: str | None  # it is not run

    def commands(self) -> list[str]:
        """What is typed, in lines that a shell takes."""
        if self.kind != "console":
            return [self.text]
        return [line.removeprefix(PROMPT) for line in self.text.splitlines() if line.startswith(PROMPT)]

    def outputs(self) -> list[str]:
        """What a console block shows under each of its commands."""
        return ["\n".join(shown.splitlines()[1:]).strip() for shown in re.split(r"^\$ ", self.text, flags=re.M)[1:]]


def blocks(page: str) -> list[Block]:
    """All blocks of a page, in order."""
    return [Block(m["kind"], m["text"], m.start("text"), m["why"]) for m in FENCE.finditer(page)]


def to_run(page: str) -> list[Block]:
    """The blocks that are commands, without those that say why they are not run."""
    return [block for block in blocks(page) if block.kind in ("console", "bash") and block.why is None]


def prepare(folder: Path) -> dict[str, str]:
    """Make a folder one to run commands in, and give the environment that goes with it."""
    (folder / "benchmarks").symlink_to(ROOT / "benchmarks")
    program = folder / ".bin" / "binner"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m binner "$@"\n')
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8"}


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    """What a command prints, on both streams. Raises RuntimeError if it fails."""
    done = subprocess.run(
        ["bash", "-euc", command],  # a pipe into head ends early, and is no failure
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(f"{command!r} ended with {done.returncode}: {done.stdout}")
    return done.stdout.strip()


def comparable(output: str) -> list[str]:
    r"""The lines of an output without what differs by machine: numbers, units of size, widths, and the order of lines.

    >>> comparable("12:01 INFO 2 threads, 22.7 GB\nb   1.5")
    ['# INFO # thread, # B', 'b #']
    """
    lines = (line for line in output.splitlines() if not PROGRESS.search(line))
    plain = (re.sub(r"(?<![\w.])\d[\d.,:]*", "#", " ".join(line.split())) for line in lines)
    return sorted(re.sub(r"\bthreads\b", "thread", re.sub(r"# [kMG]B\b", "# B", line)) for line in plain if line)


def results(page: str) -> Iterator[tuple[Block, list[str]]]:
    """Each block that is run, and what its commands print now."""
    with TemporaryDirectory() as name:
        environment = prepare(Path(name))
        for block in to_run(page):
            yield block, [run(command, Path(name), environment) for command in block.commands()]


def rewritten(page: str) -> str:
    """A page with what its commands print now, where that differs by more than numbers."""
    pieces, at = [], 0
    for block, outputs in results(page):
        if block.kind != "console":
            continue
        shown = [
            f"{PROMPT}{command}\n{old if comparable(old) == comparable(new) else new}".rstrip()
            for command, old, new in zip(block.commands(), block.outputs(), outputs, strict=True)
        ]
        pieces += [page[at : block.start], "\n\n".join(shown), "\n"]
        at = block.start + len(block.text)
    return "".join([*pieces, page[at:]])


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(rewritten(path.read_text()))
