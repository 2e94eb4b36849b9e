"""Left-over contigs: those that belong to a bin more likely than not join it, and nothing else moves."""

from __future__ import annotations

import numpy as np

from binner.data import Bin, Membership, no_membership
from binner.recruit import LEAST, recruit

LENGTHS = np.array([9000, 1000, 8000, 3000, 2000, 5000, 1000], np.int64)
BINS = [Bin(np.array([0, 1]), 10_000, 1.5), Bin(np.array([2]), 8000, 1.0)]


def belonging(second: list[int], chance: list[float]) -> Membership:
    own = np.array([0.9, 0.1, 0.9, 0, 0, 0, 0], np.float32)
    return Membership(own, np.array(second, np.int32), np.array(chance, np.float32))


def rows_of(bins: list[Bin]) -> list[list[int]]:
    return [found.rows.tolist() for found in bins]


def test_left_over_contigs_join_the_bin_they_belong_to() -> None:
    """Row 1 is in a bin, and stays there; rows 5 and 6 are too doubtful, and of no bin at all."""
    found = recruit(BINS, belonging([-1, 1, -1, 1, 1, 0, -1], [0, 0.9, 0, LEAST, 0.8, 0.49, 0]), LENGTHS)
    assert rows_of(found) == [[2, 3, 4], [0, 1]]  # the largest first
    assert [bin_.size for bin_ in found] == [13_000, 10_000]
    assert [bin_.score for bin_ in found] == [1.0, 1.5]


def test_where_nothing_is_left_over_bins_are_as_they_were() -> None:
    nowhere = belonging([-1] * 7, [0] * 7)
    assert rows_of(recruit(BINS, nowhere, LENGTHS)) == rows_of(BINS)
    assert recruit([], no_membership(7), LENGTHS) == []
