"""Cannot-links: two contigs that hold the same single-copy gene are of two genomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from binner.data import F32, I64, U8, Markers
from binner.graph import nearest

NEAREST = 3  # of the contigs with the same gene: the far ones need no holding apart
FEWEST = 2  # contigs with a gene


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Which contigs are known to be of two genomes."""

    counts: U8  # (N, M), copies of single-copy genes
    pairs: I64  # (P, 2), near contigs that share one

    @classmethod
    def find(cls, markers: Markers, points: F32, rows: I64) -> Links:
        """Those among the contigs `rows`; near is what is near by `points` (N, d)."""
        found = [np.zeros((0, 2), np.int64)]
        for gene in range(markers.counts.shape[1]):
            holders = rows[markers.counts[rows, gene] > 0]
            if len(holders) >= FEWEST:
                near, _ = nearest(points[holders], NEAREST)
                source = np.repeat(np.arange(len(holders)), near.shape[1])
                target = near.ravel()
                ends = np.sort(np.stack([source, target], 1)[target >= 0], axis=1)
                found.append(holders[ends])
        return cls(markers.counts, np.unique(np.concatenate(found), axis=0))

    def weights(self, rows: I64, weight: float) -> F32:
        """Of the contigs `rows` (B,) as negatives of each other, (B, B): `weight` where two share a gene, else 1."""
        held = (self.counts[rows] > 0).astype(np.float32)
        return np.where(held @ held.T > 0, np.float32(weight), np.float32(1))
