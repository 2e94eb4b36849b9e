"""The folder of a run: whose it is, one run at a time, and no trace of a run that could not begin."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from binner.artifacts import Cache
from binner.errors import OptionError
from binner.runtime import can_write

logger = logging.getLogger(__name__)

INSIDE = ".binner"  # kept results, the lock, standard input
LOG = "binner.log"
_LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Workspace:
    """A folder for results that this process alone may write."""

    out: Path
    cache: Cache

    @property
    def inside(self) -> Path:
        """Where everything goes that is not a result."""
        return self.out / INSIDE

    @property
    def log(self) -> Path:
        """The log of all runs in this folder."""
        return self.out / LOG


@contextmanager
def open_workspace(out: Path, *, force: bool = False) -> Iterator[Workspace]:
    """Create or take up the folder `out`; with `force`, without the results kept of earlier runs.

    What this block created is removed if it ends in an error before any result was kept.

    Raises OptionError if the folder is not binner's, cannot be written, or is in use by another run.
    """
    _check_ours(out)
    space = Workspace(out, Cache(out / INSIDE))
    created = [folder for folder in (space.inside, out, *out.parents) if not folder.exists()]
    try:
        with _open_lock(space) as lock:
            hold(lock, out)
            with _no_trace(space, new=bool(created)):
                _clear(space, kept=force)
                yield space
            lock.truncate(0)
    except OSError as error:
        error.filename = error.filename or str(out)  # of a full disk, which does not say so itself
        raise
    finally:
        # Innermost first, and only what is empty: others may have put theirs into a folder made on the way.
        for folder in created:
            with suppress(OSError):
                folder.rmdir()


def _clear(space: Workspace, *, kept: bool) -> None:
    """Remove what a killed run left inside, and with `kept` the kept results too: all but the lock."""
    stays = {_LOCK, *(path.name for path in space.cache.kept() if not kept)}
    for path in space.inside.iterdir():
        if path.name in stays:
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@contextmanager
def _no_trace(space: Workspace, *, new: bool) -> Iterator[None]:
    """Empty the folder after an error if nothing but this run has been in it, and the run kept nothing."""
    try:
        yield
    except BaseException:
        if new and not any(space.cache.kept()):
            shutil.rmtree(space.inside, ignore_errors=True)
            space.log.unlink(missing_ok=True)
        raise


def _check_ours(out: Path) -> None:
    try:
        if out.exists() and not out.is_dir():
            raise OptionError(f"{out}: a file, and the results need a folder; choose another -o")
        ours = not out.exists() or (out / INSIDE).is_dir() or not any(out.iterdir())
    except OSError as error:
        raise OptionError(f"{out}: cannot be read: {error.strerror}; choose another -o") from None
    if not ours:
        raise OptionError(f"{out}: a folder with files that are not binner's; choose another -o, or an empty folder")
    if not can_write(out):  # of a finished run, say, to which only the log would be added before it shows
        raise OptionError(
            f"{out}: results cannot be written there: no permission, or a read-only disk; choose another -o"
        )


def _open_lock(space: Workspace) -> TextIOWrapper:
    try:
        space.inside.mkdir(parents=True, exist_ok=True)
        return (space.inside / _LOCK).open("a+")
    except OSError as error:
        raise OptionError(
            f"{space.out}: results cannot be written there: {error.strerror}; choose another -o"
        ) from None


def hold(lock: TextIOWrapper, out: Path) -> None:
    """Let no other run into the folder `out`, of which `lock` is an open file. Raises OptionError if one is in it.

    The system frees the lock when this process ends, however it ends.
    """
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(lock.fileno()), Path(lock.name).stat()):
            raise BlockingIOError
    except (BlockingIOError, FileNotFoundError):  # held, or removed by its holder since it was opened here
        raise _in_use(out, _holder(lock)) from None
    except OSError:  # a file system without locks
        _check_holder(_holder(lock), out)
    lock.seek(0)
    lock.truncate()
    json.dump({"pid": os.getpid(), "host": socket.gethostname()}, lock)
    lock.flush()


def _holder(lock: TextIOWrapper) -> dict[str, object]:
    """Who used the folder last, as noted in the lock file; empty if it left in peace."""
    lock.seek(0)
    with suppress(ValueError):
        found = json.loads(lock.read())
        return found if isinstance(found, dict) else {}
    return {}


def _in_use(out: Path, holder: dict[str, object]) -> OptionError:
    return OptionError(f"{out}: in use by another run of binner{_who(holder)}; wait for it, or choose another -o")


def _who(holder: dict[str, object]) -> str:
    return f" (process {holder['pid']} on {holder['host']})" if {"pid", "host"} <= holder.keys() else ""


def _check_holder(holder: dict[str, object], out: Path) -> None:
    """Where the file system keeps no locks: go by the note of who uses the folder, as far as it can be checked."""
    pid = holder.get("pid")
    if not isinstance(pid, int):
        return
    if holder.get("host") != socket.gethostname():
        logger.warning("%s: last used by another run%s; if that still runs, end one of the two", out, _who(holder))
    elif _alive(pid):
        raise _in_use(out, holder)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True
