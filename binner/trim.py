"""What a bin is better off without: few contigs that do not fit.

A bin is near-complete with 90 % of its genome, but not with more than 5 % from elsewhere: a little of its own costs it
nothing, a little of another's costs it all. So contigs that may be another's leave, as long as they are few.
"""

from __future__ import annotations

import numpy as np

from binner.data import F32, F64, I64, Bool
from binner.space import Depths

SHALLOW = 0.65  # of the bin's depth or less: half of it is another strain's; repeats are deeper, and belong there
SURELY = 2.5  # standard deviations below the bin's depth
FEW_SHALLOW = 0.08  # share of the bin's bp: if there are more of them, they are the genome's own (strains)
FEW_DOUBTFUL = 0.04  # share of the bin's bp that leaves at most because most votes do not hold it


def trim(rows: I64, lengths: I64, *, share: F32, depth: Depths | None) -> I64:
    """The rows of a bin that stay; of `rows` (M,), `share` (M,) is the share of the votes that hold each.

    Where no contig has a majority, votes tell none from another. `lengths` (N,) and `depth` are those of all contigs.
    """
    size = lengths[rows].astype(np.float64)
    stay = np.ones(len(rows), bool)
    if depth is not None:
        shallow = _shallow(rows, size, depth)
        if size[shallow].sum() <= FEW_SHALLOW * size.sum():
            stay &= ~shallow
    if (share >= 0.5).any():
        doubtful = np.flatnonzero(stay & (share < 0.5))  # no majority
        doubtful = doubtful[np.lexsort((size[doubtful], share[doubtful]))]
        room = FEW_DOUBTFUL * size.sum() - size[~stay].sum()
        stay[doubtful[np.cumsum(size[doubtful]) <= room]] = False
    return rows[stay]


def _shallow(rows: I64, size: F64, depth: Depths) -> Bool:
    """Contigs (M,) less deep than the bin, by far and by more than their error and the scatter within genomes allow."""
    order = np.argsort(depth.size[rows], kind="stable")
    size = size * depth.known[rows]
    middle = np.searchsorted(np.cumsum(size[order]), size.sum() / 2)
    off = depth.size[rows] - depth.size[rows][order[middle]]
    surely = off < -SURELY * np.sqrt(depth.size_error[rows] + depth.size_scatter**2)
    shallow: Bool = surely & (off < np.log(SHALLOW))
    return shallow
