"""Files of which nobody can say what a library makes of them when they are damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from binner.errors import InputError


@contextmanager
def readable(path: Path, *, what: str, otherwise: str = "") -> Iterator[None]:
    """Have whatever goes wrong while a file is read be one line that names it: InputError."""
    try:
        yield
    except MemoryError:  # says nothing of the file
        raise
    except Exception as error:
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise InputError(
            f"{path}: not {what} that can be read safely ({why}){otherwise and f'; {otherwise}'}"
        ) from error
