"""Results of stages kept on disk, so that a run takes up where an earlier one was killed.

One file a stage: a zip of plain arrays and JSON (numpy's npz; nothing in it is executed), written under another name
and then moved into place. It counts only if its key, the digest of all that the result depends on, is the one asked
for, and if it reads back whole: the zip's checksums and the checks of the data types see to that.
"""

from __future__ import annotations

import ast
import json
import logging
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from binner import data
from binner.data import digest
from binner.errors import InputError
from binner.whole_files import whole

logger = logging.getLogger(__name__)

_WHOLE_FILE = 64 << 20  # bytes; larger files are fingerprinted by samples
_SAMPLES, _SAMPLE_BYTES = 64, 64 << 10
_PACKAGE = Path(__file__).parent
DAMAGE = (OSError, ValueError, TypeError, KeyError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error)
_TYPES: dict[str, Callable[..., Any]] = {
    name: kind for name, kind in vars(data).items() if isinstance(kind, type) and is_dataclass(kind)
}


def key(*parts: object) -> str:
    """Digest of whatever a result depends on: texts, numbers, paths, digests, dataclasses of options, None."""
    return digest(
        json.dumps([asdict(p) if is_dataclass(p) and not isinstance(p, type) else p for p in parts], default=str)
    )


def code_version(module: str) -> str:
    """Digest of the sources of a module or folder of binner and of all that it imports from binner.

    Results of other code are not taken up, and code that has nothing to do with a result does not undo it.
    """
    reached, ahead = set[str](), {module}
    while ahead:
        reached |= ahead
        ahead = {name for done in ahead for file in _sources(done) for name in _imported(file)} - reached
    files = [file for name in sorted(reached) for file in _sources(name)]
    return digest(*(part for file in files for part in (str(file.relative_to(_PACKAGE)), file.read_bytes())))


def _sources(name: str) -> list[Path]:
    """Files of a module or folder; none if it is a name that is imported from binner itself."""
    folder = _PACKAGE / name
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [f for f in [_PACKAGE / f"{name}.py"] if f.exists()]


def _imported(file: Path) -> set[str]:
    """Modules and folders of binner that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith(f"{__package__}.")}


def fingerprint(path: Path) -> str:
    """Digest of a file's content, or of all files in a folder.

    Above 64 MiB it is that of the size, the time of the last change and 64 blocks of 64 KiB spread over the file:
    reading tens of GB of alignments again would take as long as the stage that is to be saved.

    Raises InputError if the file cannot be read.
    """
    try:
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            return digest(*(part for file in files for part in (str(file.relative_to(path)), fingerprint(file))))
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if status.st_size <= _WHOLE_FILE:
                return digest(file.read())
            blocks = [f"{status.st_size} {status.st_mtime_ns}".encode()]
            for start in np.linspace(0, status.st_size - _SAMPLE_BYTES, _SAMPLES).astype(int).tolist():
                file.seek(start)
                blocks.append(file.read(_SAMPLE_BYTES))
            return digest(*blocks)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


class OtherKeyError(ValueError):
    """What was read is not what was wanted: the result of something else."""


def write(path: Path, own: str, value: object) -> None:
    """Write a result and its key: dataclasses of `binner.data`, arrays, texts, numbers, lists and tuples of them."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    meta = json.dumps({"key": own, "value": _flatten(value, arrays)})
    with whole(path) as unfinished, unfinished.open("wb") as file:
        np.savez(file, meta=np.frombuffer(meta.encode(), np.uint8), **arrays)  # type: ignore[arg-type]


def read(path: Path, wanted: str) -> Any:
    """What `write` wrote. Raises OtherKeyError if it has another key, and one of DAMAGE if it is not whole."""
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        meta = json.loads(arrays["meta"].tobytes())
        if meta["key"] != wanted:
            raise OtherKeyError(path)
        return _restore(meta["value"], arrays)


@dataclass(frozen=True)
class Cache:
    """The kept results, `<stage>.npz` each, in one folder. The latest of each stage is kept, so disk use is bounded."""

    folder: Path

    def load(self, stage: str, wanted: str) -> Any:
        """The kept result, or None if there is none, it has another key, or it is damaged (which is logged)."""
        path = self._path(stage)
        try:
            return read(path, wanted)
        except FileNotFoundError:
            return None
        except OtherKeyError:
            logger.info("%s: inputs, options or code have changed since the result in %s", stage, path)
            return None
        except DAMAGE as error:
            logger.warning("%s: the kept result in %s is damaged (%s) and is computed again", stage, path, error)
            return None

    def latest(self, stage: str, *, item: int) -> Any:
        """One item of the tuple kept last, whatever it depends on; the others are not read. None as for `load`."""
        path = self._path(stage)
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                return _restore(json.loads(arrays["meta"].tobytes())["value"]["tuple"][item], arrays)
        except FileNotFoundError:
            return None
        except (*DAMAGE, IndexError) as error:
            logger.warning("%s: the kept result in %s is damaged (%s)", stage, path, error)
            return None

    def save(self, stage: str, own: str, value: object) -> None:
        """Keep a result: dataclasses of `binner.data`, arrays, texts, numbers, and lists and tuples of them."""
        write(self._path(stage), own, value)

    def kept(self) -> Iterator[Path]:
        """The files of the kept results."""
        return self.folder.glob("*.npz")

    def _path(self, stage: str) -> Path:
        return self.folder / f"{stage}.npz"


def _flatten(value: object, arrays: dict[str, npt.NDArray[Any]]) -> object:
    """JSON that names the arrays it leaves in `arrays`."""
    if isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("arrays of Python objects cannot be kept")
        arrays[name := f"a{len(arrays)}"] = value
        return {"array": name}
    if is_dataclass(value) and not isinstance(value, type):
        content = {f.name: _flatten(getattr(value, f.name), arrays) for f in fields(value)}
        return {"type": type(value).__name__, "fields": content}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [_flatten(item, arrays) for item in value]}
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _restore(tree: Any, arrays: Any) -> Any:
    if not isinstance(tree, dict):
        return tree
    if "array" in tree:
        return arrays[tree["array"]]
    if "type" in tree:
        return _TYPES[tree["type"]](**{name: _restore(content, arrays) for name, content in tree["fields"].items()})
    ((name, items),) = tree.items()
    return {"list": list, "tuple": tuple}[name](_restore(item, arrays) for item in items)
