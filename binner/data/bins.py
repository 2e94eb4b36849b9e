"""Clusters of contigs, the bins that are chosen among them, and how sure each contig is of its own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from binner.data.arrays import F32, I32, I64, check_array


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """One partition of the contigs, proposed by a clusterer."""

    labels: I32  # (N,), -1 = in no cluster, UNSEEN = not looked at
    method: str  # metric, clusterer and its parameters
    votes: bool = True  # whether it has a say in which candidates agree with the partitions; all propose

    def __post_init__(self) -> None:
        check_array("labels", self.labels, np.int32, (-1,))

    def clusters(self) -> list[I64]:
        """Rows of each cluster, ascending."""
        order = np.argsort(self.labels, kind="stable")
        order = order[self.labels[order] >= 0]
        return [rows for rows in np.split(order, np.flatnonzero(np.diff(self.labels[order])) + 1) if len(rows)]


@dataclass(frozen=True, slots=True, eq=False)
class Bin:
    """A chosen genome."""

    rows: I64  # contigs, ascending
    size: int  # bp
    score: float  # of the judge

    def __post_init__(self) -> None:
        check_array("rows of a bin", self.rows, np.int64, (-1,))
        if not len(self.rows):
            raise ValueError("a bin holds at least one contig")

    @property
    def rank(self) -> tuple[int, int]:
        """What bins are sorted by: the largest first, of equals that with the first contig."""
        return -self.size, int(self.rows[0])


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """For each of N contigs how likely it is of the genome of its bin, and the best other bin."""

    probability: F32  # (N,), 0 without a bin
    second: I32  # (N,), index of a bin, -1 = nothing speaks for another
    second_probability: F32  # (N,), 0 where there is none

    def __post_init__(self) -> None:
        check_array("probability", self.probability, np.float32, (-1,))
        check_array("second bin", self.second, np.int32, self.probability.shape)
        check_array("probability of the second bin", self.second_probability, np.float32, self.probability.shape)


def no_membership(contigs: int) -> Membership:
    """That of contigs in no bin at all."""
    probability, second_probability = np.zeros((2, contigs), np.float32)
    return Membership(probability, np.full(contigs, -1, np.int32), second_probability)
