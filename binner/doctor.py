"""Whether binner can work here: a check for each thing that it needs, none of which lets another down."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from binner import __version__, runtime, shipped
from binner.config import EncoderName, MachineConfig
from binner.errors import BinnerError
from binner.memory import format_size, granted

State = Literal["ok", "warning", "failed"]

_LEAST_PYTHON = (3, 11)
_LEAST_MEMORY = 2 * 10**9  # bytes; the demo takes 0.6 GB, torch with it 1 GB
_LEAST_DISK = 10**9  # bytes
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(?:>=([\d.]+))?$")  # all that setup.cfg uses
MODULES = {"faiss-cpu": "faiss", "scikit-learn": "sklearn", "checkm-genome": "checkm"}  # where the names differ
_LOADED = (  # by a run, only when it gets there
    "binner.pipeline.run",
    "binner.pipeline.part",
    "binner.clusterers",
    "binner.encoders.language_model",
    "binner.homologs",
    "binner.markers",
    "binner.refine",
)
_TRIED_BP = 5000


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one thing. Only `failed` keeps binner from working."""

    name: str
    state: State
    text: str
    details: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is looked at: the machine that was granted, and the folder that results would go to."""

    machine: MachineConfig
    output: Path = Path()


def checks(around: Surroundings) -> Iterator[Check]:
    """One after the other. A check that breaks down has failed, and says why."""
    for name, look in _CHECKS.items():
        try:
            state, text, details = look(around)
            yield Check(name, state, text, details)
        except BinnerError as error:
            yield Check(name, "failed", str(error))
        except Exception as error:  # the very thing that is looked for
            yield Check(name, "failed", f"{type(error).__name__}: {error}")


Found = tuple[State, str, dict[str, str]]


def _versions(_: Surroundings) -> Found:
    text = f"{__version__} in {shipped.PACKAGE}; Python {platform.python_version()} on {platform.platform()}"
    if sys.version_info < _LEAST_PYTHON:
        return "failed", f"{text}; Python {'.'.join(map(str, _LEAST_PYTHON))} or newer is needed", {}
    return "ok", text, {"binner": __version__, "python": platform.python_version(), "platform": platform.platform()}


def _packages(_: Surroundings) -> Found:
    if not (required := _required()):
        return "warning", "binner is not installed but run from a folder: what it requires is not known", {}
    versions, wrong = {}, []
    for name, least in required.items():
        if importlib.util.find_spec(module(name)) is None:
            wrong.append(f"{name} is missing")
            continue
        with suppress(importlib.metadata.PackageNotFoundError):  # conda's faiss does not go by PyPI's name
            versions[name] = importlib.metadata.version(name)
        if _release(versions.get(name, least)) < _release(least):
            wrong.append(f"{name} {versions[name]} is older than {least}")
    if wrong:
        return "failed", f"{'; '.join(wrong)}: install binner anew", versions
    return "ok", ", ".join(f"{name} {versions.get(name, '(?)')}" for name in sorted(required)), versions


def _required() -> dict[str, str]:
    """The least version of each package that binner requires; nothing where it runs from a folder, not installed."""
    try:
        lines = importlib.metadata.requires("binner") or []
    except importlib.metadata.PackageNotFoundError:
        return {}
    found = [_REQUIREMENT.match(line.replace(" ", "")) for line in lines if "extra ==" not in line]
    return {match[1]: match[2] or "0" for match in found if match is not None}


def module(package: str) -> str:
    """The module to import of a package.

    >>> module("faiss-cpu"), module("numpy")
    ('faiss', 'numpy')
    """
    return MODULES.get(package, package)


def _release(version: str) -> tuple[int, ...]:
    """The numbers of a release, to compare; what comes after them (+cpu, rc1) is left out.

    >>> _release("2.13.0+cpu") > _release("2.4")
    True
    """
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()


def _libraries(around: Surroundings) -> Found:
    """Load what binner requires, for what is there may not load, and have each encoder that ships read some DNA."""
    for name in (*map(module, _required()), *_LOADED):
        importlib.import_module(name)
    import numpy as np

    from binner import encoders

    codes = np.random.default_rng(1).integers(4, size=_TRIED_BP, dtype=np.uint8)
    start, stop = np.array([0]), np.array([_TRIED_BP])
    width = {}
    for name in get_args(EncoderName):
        encoder = encoders.load(name, machine=MachineConfig(around.machine.threads, "cpu"))
        vectors = encoder.embed(codes, start, stop)
        if not np.isfinite(vectors).all():
            return "failed", f"{name} makes no numbers of {_TRIED_BP} bp", {}
        width[name] = str(vectors.shape[1])
    layer = importlib.import_module("numba").threading_layer()
    return "ok", f"loaded; {' and '.join(width)} embed; numba's threads are those of {layer}", {**width, "numba": layer}


def _gpu(around: Surroundings) -> Found:
    device = runtime.choose_device(around.machine.device)
    found, why = runtime.gpus()
    if not found:
        return "ok", f"none ({why}): language models run on the CPU", {}
    text = ", ".join(f"{name} ({format_size(memory)})" for name, memory in found)
    return "ok", f"{text}; --device {around.machine.device} is {device}", {"device": device}


def _threads(around: Surroundings) -> Found:
    granted_here, there = runtime.granted_threads(), os.cpu_count() or 1
    text = f"{around.machine.threads}; granted here: {granted_here} of {there}"
    return ("warning" if around.machine.threads > granted_here else "ok"), text, {"granted": str(granted_here)}


def _memory(around: Surroundings) -> Found:
    size = granted(around.machine.max_memory)
    text = f"up to {format_size(size)}"
    if size < _LEAST_MEMORY:
        return "warning", f"{text}; assemblies of more than a few Mb take {format_size(_LEAST_MEMORY)} or more", {}
    return "ok", text, {"bytes": str(size)}


def _shipped_files(around: Surroundings) -> Found:  # noqa: ARG001 as the other checks
    states = shipped.verify()
    if wrong := [f"{name}: {state}" for name, state in states.items() if state != "OK"]:
        return "failed", f"{'; '.join(wrong)}: install binner anew", dict(states)
    return "ok", f"{', '.join(get_args(EncoderName))} and marker genes: {len(states)} files as they were shipped", {}


def _output(around: Surroundings) -> Found:
    return _writable(around.output, "choose another -o")


def _temporary(_: Surroundings) -> Found:
    return _writable(runtime.temporary_folder(), "name another: export TMPDIR=FOLDER")


def _numba(_: Surroundings) -> Found:
    return _writable(runtime.keep_compiled_code(), "name another: export NUMBA_CACHE_DIR=FOLDER")


def _writable(folder: Path, way_out: str) -> Found:
    """Write into a folder, or where it would be made."""
    nearest = next(each for each in (folder, *folder.absolute().parents) if os.path.exists(each))  # noqa: PTH110
    if not nearest.is_dir():
        return "failed", f"{nearest} is no folder; {way_out}", {}
    try:
        with tempfile.TemporaryFile(dir=nearest) as file:
            file.write(b"binner")
            file.flush()
    except OSError as error:
        return "failed", f"{folder.absolute()} cannot be written: {error.strerror}; {way_out}", {}
    free = shutil.disk_usage(nearest).free
    text = f"{folder.absolute()}, {format_size(free)} free"
    return ("ok" if free >= _LEAST_DISK else "warning"), text, {"folder": str(folder.absolute()), "free": str(free)}


# The order matters: where numba keeps its code is settled before numba is loaded.
_CHECKS: dict[str, Callable[[Surroundings], Found]] = {
    "binner": _versions,
    "packages": _packages,
    "threads": _threads,
    "memory": _memory,
    "output folder": _output,
    "temporary folder": _temporary,
    "compiled code": _numba,
    "shipped files": _shipped_files,
    "libraries": _libraries,
    "GPU": _gpu,
}
