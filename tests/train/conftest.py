"""What the tests of both kinds of networks train on, and are judged by."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from binner import runtime
from binner.train import validation
from tests.commands import same_environment
from tests.train import simulated


@pytest.fixture(scope="module")
def genomes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of them, as `binner train` reads it."""
    made = simulated.genomes(genera=8, genome_bp=20_000)
    return simulated.write(made, tmp_path_factory.mktemp("training") / "genomes")


@contextmanager
def little_to_judge_by() -> Iterator[pytest.MonkeyPatch]:
    """A verdict of less than it deserves, on one thread; more may be patched until the end."""
    with same_environment(), pytest.MonkeyPatch.context() as patch:
        runtime.limit_threads(1)
        patch.setattr(validation, "PIECES", 4)
        yield patch
