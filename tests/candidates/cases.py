"""Contigs of genomes that lie apart, for the sources of candidates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from binner.candidates import Given
from binner.data import I64, Clustering, Markers
from binner.likelihood import Gaussians

GENES = 10


def partition(labels: npt.ArrayLike, *, votes: bool = True) -> Clustering:
    return Clustering(np.asarray(labels, np.int32), "test", votes)


def given(genome: I64, clusterings: Sequence[Clustering], *, apart: float = 5, seed: int = 0, **changes: Any) -> Given:
    """Contigs of 10 kb, of which every fourth of a genome holds a marker gene, each gene once."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, apart, (int(genome.max()) + 1, 8))
    points = (means[genome] + rng.normal(size=(len(genome), 8))).astype(np.float32)
    counts = np.zeros((len(genome), GENES), np.uint8)
    for number in np.unique(genome):
        rows = np.flatnonzero(genome == number)[::4][:GENES]
        counts[rows, np.arange(len(rows))] = 1
    fields: dict[str, Any] = {
        "clusterings": tuple(clusterings),
        "spaces": (points,),
        "gaussians": Gaussians(points, np.ones_like(points), np.full(8, apart**2, np.float32)),
        "lengths": np.full(len(genome), 10_000),
        "markers": Markers(tuple(f"universal:{gene}" for gene in range(GENES)), counts, 0 * counts, "names"),
        "homologs": None,
        "least_bp": 100_000,
        "known": np.ones(len(genome), bool),
    }
    return Given(**fields | changes)


def groups(labels: npt.NDArray[np.integer[Any]]) -> set[frozenset[int]]:
    """Clusters as sets of rows."""
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in set(labels.tolist()) - {-1}}
