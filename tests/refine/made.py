"""Contigs made up for tests of the refinement head."""

from __future__ import annotations

import numpy as np

from binner.data import Embedding, WindowEmbedding, Windows
from binner.refine.modalities import Coverages, Sequences
from binner.space import Depths

WINDOW = 1000  # bp
D = 4


def sequences(windows_per_contig: list[int], *, name: str = "sequence", seed: int = 0) -> Sequences:
    """Contigs of windows of 1,000 bp, each a draw around 0 with the variance that its length gives it."""
    count = np.array(windows_per_contig, np.int64)
    contig = np.repeat(np.arange(len(count)), count)
    start = np.concatenate([np.zeros(0, np.int64), *[np.arange(number) for number in count]]).astype(np.int64) * WINDOW
    matrix = np.random.default_rng(seed).normal(size=(len(contig), D)).astype(np.float32)
    windows = WindowEmbedding(Windows(contig, start, start + WINDOW), matrix, "none", "names")
    mean = np.zeros((len(count), D), np.float32)
    np.add.at(mean, contig, matrix)
    mean /= np.maximum(count, 1)[:, None]
    variance = np.repeat(1 / np.maximum(count, 1)[:, None], D, 1).astype(np.float32)
    return Sequences(name, windows, Embedding(mean, variance, np.ones(D, np.float32), "none", "names"))


def coverages(contigs: int, samples: int, *, absent: tuple[int, ...] = (), counting: float = 0.03) -> Coverages:
    rng = np.random.default_rng(7)
    shape = rng.random((contigs, samples if samples > 1 else 0))
    error = np.full(contigs, counting)
    known = np.ones(contigs, bool)
    depth = Depths(rng.normal(size=contigs), shape, error, error / 4, 0.1, 0.02, (counting, counting / 4), known)
    return Coverages(depth, ~np.isin(np.arange(contigs), absent))
