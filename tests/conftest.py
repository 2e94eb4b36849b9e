"""Fixtures of more than one file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import same_environment


@pytest.fixture
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A new folder to work in, and the environment as it was afterwards."""
    monkeypatch.chdir(tmp_path)
    with same_environment():
        yield tmp_path
