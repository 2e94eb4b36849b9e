"""Fixtures of both workflows."""

from __future__ import annotations

import pytest

from tests.commands import call, same_environment
from tests.pipelines.demo import BAMS, CONTIGS, bins


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> set[frozenset[str]]:
    """The bins of the demo by one command, which those of a workflow are held against."""
    folder = tmp_path_factory.mktemp("alone") / "demo"
    with same_environment():
        assert call("run", str(CONTIGS), "-b", *map(str, BAMS), "-o", str(folder), "-t", "1", "-q") == 0
    return set(bins(folder).values())
