"""Cannot-links: two contigs that hold the same single-copy gene are of two genomes, unless both hold a piece of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from binner.data import F32, I64, Bool, Markers
from binner.graph import nearest

NEAREST = 3  # of the contigs with the same gene: the far ones need no holding apart
FEWEST = 2  # contigs with a gene


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """Which contigs are known to be of two genomes."""

    held: Bool  # (N, M), single-copy genes
    whole: Bool  # (N, M), those of them of which a copy is not cut
    pairs: I64  # (P, 2), near contigs that share one

    @classmethod
    def find(cls, markers: Markers, points: F32, rows: I64) -> Links:
        """Those among the contigs `rows`; near is what is near by `points` (N, d)."""
        found = [np.zeros((0, 2), np.int64)]
        held, whole = markers.counts > 0, markers.counts > markers.cut
        for gene in range(held.shape[1]):
            holders = rows[held[rows, gene]]
            if len(holders) >= FEWEST:
                near, _ = nearest(points[holders], NEAREST)
                source = np.repeat(np.arange(len(holders)), near.shape[1])
                target = near.ravel()
                ends = holders[np.sort(np.stack([source, target], 1)[target >= 0], axis=1)]
                found.append(ends[whole[ends, gene].any(axis=1)])
        return cls(held, whole, np.unique(np.concatenate(found), axis=0))

    def weights(self, rows: I64, weight: float) -> F32:
        """Of the contigs `rows` (B,) as negatives of each other, (B, B): `weight` where two share a gene, else 1."""
        held, whole = (table[rows].astype(np.float32) for table in (self.held, self.whole))
        shared = held @ whole.T
        return np.where(shared + shared.T > 0, np.float32(weight), np.float32(1))
