"""Greedy binning of unit vectors around their densest, with a threshold of similarity: DNABERT-S's modified K-medoid.

Zhou et al. 2024, arXiv:2402.08777. Similarities are computed in blocks of rows and never held all at once.
"""

from __future__ import annotations

import numpy as np

from binner.data import F64, I64, Bool, Matrix

BLOCK = 1 << 24  # similarities held at a time
ROUNDS = 3  # in which members and centre are brought in line
MOST_BINS = 1000


def similarity_threshold(unit: Matrix, labels: I64, *, percentile: float = 70) -> float:
    """A percentile of the products of unit vectors (N, D) with the means of their classes (N,), not of length 1."""
    _, row = np.unique(labels, return_inverse=True)
    sums = np.zeros((row.max() + 1, unit.shape[1]))
    np.add.at(sums, row, unit)
    means = sums / np.bincount(row)[:, None]
    return float(np.percentile((unit * means[row]).sum(1), percentile))


def kmedoid(unit: Matrix, *, threshold: float, smallest: int = 10, most: int = MOST_BINS) -> I64:
    """Bins of unit vectors (N, D), -1 = none.

    The density of a vector is the sum of its similarities to all that are in no bin yet, those below `threshold` left
    out. A bin grows around the densest: its members are all free vectors whose product with the centre reaches the
    threshold, the next centre is their mean, three times. The first `most` bins are made, those with less than
    `smallest` members dropped. Memory: BLOCK similarities.
    """
    labels = np.full(len(unit), -1)
    free = np.ones(len(unit), np.bool_)
    density = densities(unit, unit, threshold=threshold)
    sizes: list[int] = []
    while free.any() and len(sizes) < most:
        members = _grow(unit, int(np.argmax(np.where(free, density, -np.inf))), free, threshold=threshold)
        labels[members] = len(sizes)
        sizes.append(int(members.sum()))
        free &= ~members
        density -= densities(unit, unit[members], threshold=threshold)
    kept = np.array([*(size >= smallest for size in sizes), False])
    number = np.where(kept, np.cumsum(kept) - 1, -1)
    renumbered: I64 = number[labels]
    return renumbered


def densities(unit: Matrix, others: Matrix, *, threshold: float) -> F64:
    """Sums (N,) of the products of each row of `unit` with the rows of `others` that reach the threshold."""
    sums = np.zeros(len(unit))
    step = max(1, BLOCK // max(len(others), 1))
    for first in range(0, len(unit), step):
        block = unit[first : first + step] @ others.T
        block[block < threshold] = 0
        sums[first : first + step] = block.sum(1, dtype=np.float64)
    return sums


def _grow(unit: Matrix, seed: int, free: Bool, *, threshold: float) -> Bool:
    """Members (N,) of the bin around a free vector, at least that one."""
    members = np.zeros(len(unit), np.bool_)
    members[seed] = True
    centre = unit[seed]
    for _ in range(ROUNDS):
        found = free & (unit @ centre >= threshold)
        if not found.any():  # the mean of vectors that differ is short
            break
        members = found
        centre = unit[members].mean(0)
    return members
