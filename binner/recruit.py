"""Contigs that the choice left over join the bin that their probability says, where that is more likely than not.

The probability (`binner.membership`) weighs what the partitions say, composition and coverage. What is in a bin stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from binner.data import I64, Bin, Membership

LEAST = 0.5  # probability of the bin


def recruit(bins: Sequence[Bin], membership: Membership, lengths: I64) -> list[Bin]:
    """The bins, largest first, with the contigs that are in none and belong to one with a probability of LEAST.

    `membership` is that of these bins, `lengths` (N,) are bp.
    """
    left = np.ones(len(lengths), bool)
    for found in bins:
        left[found.rows] = False
    chosen = np.flatnonzero(left & (membership.second >= 0) & (membership.second_probability >= LEAST))
    grown = []
    for index, found in enumerate(bins):
        rows = np.sort(np.concatenate([found.rows, chosen[membership.second[chosen] == index]]))
        grown.append(replace(found, rows=rows, size=int(lengths[rows].sum())))
    return sorted(grown, key=lambda found: found.rank)
