"""Where `-o FOLDER` of `binner train` leads: new or empty, and filled whole or, if that fails, as it was."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from binner.errors import OptionError
from binner.workspace import hold

UNFINISHED = ".unfinished"  # a folder in it, until what it is to hold is whole
LOCK = ".lock"
OURS = {UNFINISHED, LOCK}  # what a killed run may have left of its beginnings


def check_free(out: Path, *, begun: Path | None = None) -> None:
    """Raise OptionError unless `out` is new or empty, or holds the file `begun` of a run that is to be taken up."""
    try:
        taken = out.exists() and not (begun and begun.is_file()) and (not out.is_dir() or not _empty(out))
    except OSError as error:
        raise OptionError(f"-o {out}: cannot be looked into ({error.strerror}); name another folder") from None
    if taken:
        raise OptionError(f"-o {out}: there is something already; name a new folder")


@contextmanager
def made(out: Path) -> Iterator[None]:
    """Make a folder and what leads to it; if the block fails they go again, but for what others put theirs into.

    Raises OptionError where that cannot be.
    """
    new = [folder for folder in (out, *out.parents) if not folder.exists()]
    try:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OptionError(f"-o {out}: no folder can be made there ({error.strerror}); name another") from None
        yield
    except BaseException:
        for folder in new:
            with suppress(OSError):
                folder.rmdir()
        raise


@contextmanager
def filled(out: Path) -> Iterator[Path]:
    """Where to write what `out`, new or empty, is to hold; it is moved there at the end. Raises OptionError."""
    with held(out), unfinished(out) as folder:
        yield folder
        move(folder, out)


@contextmanager
def held(out: Path, *, begun: Path | None = None) -> Iterator[None]:
    """Make the folder, or take up the run in it that has written `begun`, and let no other run in. Raises OptionError.

    If the block fails before anything is in the folder, it goes again.
    """
    check_free(out, begun=begun)
    with made(out):
        try:
            lock = (out / LOCK).open("a+")
        except OSError as error:
            raise _not_written(out, error) from None
        with lock:
            hold(lock, out)
            try:
                yield
            finally:
                Path(lock.name).unlink(missing_ok=True)


@contextmanager
def unfinished(out: Path) -> Iterator[Path]:
    """A new folder in `out` that is removed at the end, if it is still there. Raises OptionError."""
    folder = out / UNFINISHED
    shutil.rmtree(folder, ignore_errors=True)
    try:
        folder.mkdir()
    except OSError as error:
        raise _not_written(out, error) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def move(folder: Path, out: Path) -> None:
    """What is in one folder into the other."""
    for file in sorted(folder.iterdir()):
        file.replace(out / file.name)


def _not_written(out: Path, error: OSError) -> OptionError:
    return OptionError(f"-o {out}: cannot be written to ({error.strerror}); name another folder")


def _empty(folder: Path) -> bool:
    return all(path.name in OURS for path in folder.iterdir())
