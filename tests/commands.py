"""Commands called as from a shell, in this process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from binner.cli import main


def call(*args: str) -> int:
    """The exit code of `binner ARGS`."""
    with pytest.raises(SystemExit) as left:
        main(args)
    assert isinstance(left.value.code, int)
    return left.value.code


@contextmanager
def same_environment() -> Iterator[None]:
    """Have the environment afterwards as it was before: commands limit the threads of libraries by it."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
