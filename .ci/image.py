"""Replay a Dockerfile without docker or a registry, as root on Linux, and run commands in what comes of it.

    image.py BASE --target cpu --arg TORCH_INDEX=https://pypi.org/simple --lend DEMO -- COMMAND ...

BASE is the folder of a root file system that stands for every image the file begins FROM. Stages are layers over it
(overlayfs). RUN steps are run in a chroot, with the network and with what this machine's pip is told (its index, its
wheels). COMMAND is then run as Apptainer does by --cleanenv --containall, only stricter: no network, no environment at
all, a root that cannot be written, a user that the image does not know; /tmp is new, /data can be written, /mnt is what
was lent. All mounts are in a namespace of their own and end with it.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

STRANGER = "4711:4711"
DEVICES = ("null", "zero", "random", "urandom")
ENOUGH_KB = 10_000_000  # of memory, to build in it
ROOT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass
class Stage:
    """A stage of a Dockerfile: what it begins from, its steps, and its layers, the topmost first."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)
    layers: list[Path] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=lambda: {"PATH": ROOT_PATH})
    root: Path = Path()


def parse(text: str, given: dict[str, str]) -> dict[str, Stage]:
    """Stages by name."""
    stages: dict[str, Stage] = {}
    known: dict[str, str] = {}
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", " ", lines).splitlines():
        if not line.strip():
            continue
        step, _, rest = line.strip().partition(" ")
        if step == "ARG" and not stages:
            name, _, value = rest.partition("=")
            known[name] = given.get(name, value)
        elif step == "FROM":
            base, _, name = Template(rest).safe_substitute(known).partition(" AS ")
            stages[name or str(len(stages))] = stage = Stage(base)
        else:
            stage.steps.append((step, rest))
    return stages


class Builder:
    """Builds the stages that are needed, each once."""

    def __init__(self, stages: dict[str, Stage], base: Path, work: Path, args: dict[str, str]) -> None:
        self.stages, self.base, self.work, self.args = stages, base, work, args
        self.pip, self.lent = pip_settings()

    def build(self, name: str) -> Stage:
        """The stage, with all that it stands on."""
        stage = self.stages[name]
        if stage.layers:
            return stage
        below = self.build(stage.base) if stage.base in self.stages else None
        if below:
            stage.env = dict(below.env)
        for step, rest in stage.steps:
            if step == "COPY" and rest.startswith("--from="):
                self.build(rest.split()[0].removeprefix("--from="))
        own = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.work))
        for folder in ("upper", "inner", "root"):
            (own / folder).mkdir()
        lower, stage.root = below.layers if below else [self.base], own / "root"
        mount_layers(stage.root, lower, f"upperdir={own / 'upper'},workdir={own / 'inner'}")
        bind_system(stage.root, self.lent)
        for step, rest in stage.steps:
            began = time.monotonic()
            self.do(stage, step, rest)
            print(f"{name}: {step} {rest[:90]} ({time.monotonic() - began:.0f} s)", flush=True)
        subprocess.run(["umount", "--recursive", "--lazy", stage.root / "proc", stage.root / "dev"], check=True)
        stage.layers = [own / "upper", *lower]
        return stage

    def do(self, stage: Stage, step: str, rest: str) -> None:
        """One step."""
        filled = Template(rest).safe_substitute({**self.args, **stage.env})
        if step == "RUN":
            env = {**self.pip, **stage.env, "DEBIAN_FRONTEND": "noninteractive"}
            line = ["chroot", str(stage.root), "/bin/sh", "-c", rest]
            subprocess.run(line, env=env, check=True, stdout=subprocess.DEVNULL)
        elif step == "ENV":
            stage.env |= dict(pair.split("=", 1) for pair in shlex.split(filled))
        elif step == "ARG":
            name, _, value = filled.partition("=")
            stage.env[name] = self.args.get(name, value)
        elif step == "WORKDIR":
            (stage.root / filled.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif step == "COPY":
            *options, source, target = filled.split()
            copied = self.stages[options[0].removeprefix("--from=")].root / source.lstrip("/") if options else None
            copy(copied or Path(source), stage.root / target.lstrip("/"), context=not options)
        elif step not in ("LABEL", "USER", "CMD"):
            raise SystemExit(f"{step}: not a step that is known here")


def copy(source: Path, target: Path, *, context: bool) -> None:
    """Copy a folder, from the context without what .dockerignore names."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not context:
        subprocess.run(["cp", "-a", source, target], check=True)
        return
    patterns = Path(".dockerignore").read_text().split()
    anywhere = [pattern.removeprefix("**/") for pattern in patterns if pattern.startswith("**/")]

    def left_out(folder: str, names: list[str]) -> set[str]:
        hidden = anywhere + ([pattern for pattern in patterns if "/" not in pattern] if Path(folder) == source else [])
        return {name for name in names if any(fnmatch.fnmatch(name, pattern) for pattern in hidden)}

    shutil.copytree(source, target, ignore=left_out, dirs_exist_ok=True)


def mount(*words: str | Path) -> None:
    """Call mount."""
    subprocess.run(["mount", *words], check=True)


def mount_layers(root: Path, layers: list[Path], more: str = "") -> None:
    """Lay layers over one another; without `more` they cannot be written."""
    lower = ":".join(map(str, layers))
    mount("-t", "overlay", "overlay", "-o", ",".join(filter(None, [f"lowerdir={lower}", more])), root)


def bind_system(root: Path, lent: list[Path]) -> None:
    """What a RUN step finds of the machine: devices, processes, names of hosts, certificates, wheels."""
    mount("--rbind", "/dev", root / "dev")
    mount("-t", "proc", "proc", root / "proc")
    for path in (Path("/etc/resolv.conf"), Path("/etc/ssl/certs"), *lent):
        place = root / str(path).lstrip("/")
        if path.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.touch()
        mount("--bind", path.resolve(), place)


def pip_settings() -> tuple[dict[str, str], list[Path]]:
    """What pip is told on this machine, as variables, and the folders and files that it is to look into."""
    found = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    told: dict[str, str] = {}
    for line in found.stdout.splitlines():
        key, _, value = line.partition("=")
        told["PIP_" + key.rpartition(".")[2].upper().replace("-", "_")] = value.strip("'\"")
    words = [word.removeprefix("file://") for value in told.values() for word in value.split()]
    constraints = [Path(word) for word in told.get("PIP_CONSTRAINT", "").split()]
    return told, [*(Path("/", *Path(word).parts[1:3]) for word in words if word.startswith("/opt/")), *constraints]


def contained(stage: Stage, lent: Path, work: Path, command: list[str]) -> int:
    """The exit code of a command in a container of the stage, as the top of this file says."""
    root, data = work / "run", work / "data"
    root.mkdir()
    data.mkdir(exist_ok=True)
    data.chmod(0o777)
    mount_layers(root, stage.layers)
    mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", root / "dev")
    for name in DEVICES:
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", root / "dev" / name)
    (root / "dev" / "shm").mkdir()
    for place in ("dev/shm", "tmp"):
        mount("-t", "tmpfs", "-o", "mode=1777", "tmpfs", root / place)
    mount("--bind", data, root / "data")
    mount("--bind", "-o", "ro", lent, root / "mnt")
    bare = ["chroot", f"--userspec={STRANGER}", "--groups=", str(root), "/usr/bin/env", "-i", "sh", "-c"]
    words = f"mount -t proc proc {root}/proc && exec {shlex.join([*bare, f'cd /data && {shlex.join(command)}'])}"
    alone = ["unshare", "--mount", "--net", "--pid", "--ipc", "--fork", "sh", "-c", words]
    return subprocess.run(alone, check=False).returncode


def replay(given: argparse.Namespace) -> int:
    """Build, then run, inside the namespace: what is mounted here is not there for the process that cleans up."""
    args = dict(pair.split("=", 1) for pair in given.arg)
    available = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())["MemAvailable"]
    if int(available.split()[0]) > ENOUGH_KB:  # on a disk, removing the files can take longer than all the rest
        mount("-t", "tmpfs", "tmpfs", given.work)
    builder = Builder(parse(Path("Dockerfile").read_text(), args), given.base, given.work, args)
    stage = builder.build(given.target)
    return contained(stage, given.lend.resolve(), given.work, given.command)


def main() -> int:
    """Read the options, and do the work in a namespace of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("base", type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--arg", action="append", default=[])
    parser.add_argument("--lend", type=Path, required=True)
    parser.add_argument("--work", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("command", nargs="+")
    given = parser.parse_args()
    if given.work:
        return replay(given)
    with tempfile.TemporaryDirectory(prefix="image-") as work:
        inside = [sys.executable, sys.argv[0], "--work", work, *sys.argv[1:]]
        return subprocess.run(["unshare", "--mount", "--propagation=private", *inside], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
