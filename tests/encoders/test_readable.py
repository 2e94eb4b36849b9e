"""Whatever a library makes of a damaged file is one line, but not what says nothing of the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from binner.encoders.readable import readable
from binner.errors import InputError


@pytest.mark.parametrize("error", [IndexError("pop"), AssertionError(), RuntimeError("one\ntwo")])
def test_what_goes_wrong_names_the_file(error: Exception) -> None:
    why = str(error).partition("\n")[0] or "AssertionError"
    with (
        pytest.raises(InputError, match=rf"^w.bin: not weights that can be read safely \({why}\); copy them$"),
        readable(Path("w.bin"), what="weights", otherwise="copy them"),
    ):
        raise error


def test_want_of_memory_is_none_of_the_file() -> None:
    with pytest.raises(MemoryError), readable(Path("w.bin"), what="weights"):
        raise MemoryError
