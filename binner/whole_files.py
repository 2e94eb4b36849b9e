"""Files that are written whole or not at all: under another name first, and then moved to where they belong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what `path` is to hold; it is moved there at the end of the block, and removed if that fails.

    A link stays one: what it leads to is written. What is there and is no file, as a device or a pipe, is written
    itself. An OSError of the block that names no file, as that of a full disk, names `path`.
    """
    try:
        if path.exists() and not path.is_file():
            yield path
            return
        target = path.resolve()
        unfinished = unfinished_of(target)
        try:
            yield unfinished
            unfinished.replace(target)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def unfinished_of(path: Path) -> Path:
    """What a file is called until it is whole."""
    return path.with_name(f".{path.name}.tmp")


def write_text(path: Path, text: str) -> None:
    r"""Write a text as UTF-8, with the line ends that it has; bytes in names of files that are no text as \udcNN."""
    with whole(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
