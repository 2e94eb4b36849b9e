"""Depth along the contigs: one array of differences for all of them, then mean and variance of each contig.

A contig of L bp has L + 1 slots: an alignment adds 1 where it starts and takes 1 where it has ended, so it costs two
additions however long it is, in any order of the reads. The running sum of a contig's slots is its depth.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from binner.data import F32, I32, I64, Windows

MAX_EDGE = 75  # bp cut from both ends of a contig, where mappers lose reads; less if the reads are shorter (MetaBAT)
# jgi_summarize_bam_contig_depths adds up in single precision, and 0.15 % of the variance of half a million bases goes
# astray. Up to this length (bp) it is followed, sum by sum, so that the tables agree; beyond, its sums lose meaning.
SINGLE = 1 << 20
EXACT = 1 << 24  # whole numbers up to here add up without error in single precision
SLOT_BYTES = 4  # of one slot


@dataclass(frozen=True, slots=True, eq=False)
class Depths:
    """What a file of alignments says of N contigs, and of V windows of them if there are any."""

    mean: F32  # (N,), x
    variance: F32  # (N,), x^2
    along: F32  # (V,), x, mean of each window


def slots_for(lengths: I64) -> int:
    """How many slots contigs of these lengths (bp) take."""
    return int(lengths.sum()) + len(lengths)


def summarise(slots: I32, lengths: I64, *, edge: int) -> tuple[F32, F32]:
    """Mean (N,), x, and sample variance (N,), x^2, of the depth of each contig's inner bases. Turns `slots` to depths.

    `edge` bp are left out at both ends, of contigs of more than 2 * edge + 1 bp; of up to 2 bp nothing can be said (0).
    """
    mean = np.zeros(len(lengths), np.float32)
    variance = np.zeros(len(lengths), np.float32)
    _summarise(slots, lengths, edge, mean, variance)
    return mean, variance


@njit(nogil=True, cache=True)
def _summarise(slots, lengths, edge, mean, variance):  # type: ignore[no-untyped-def]
    first = 0
    for row in range(len(lengths)):
        length = lengths[row]
        depth = np.int32(0)
        for at in range(first, first + length):
            depth += slots[at]
            slots[at] = depth
        cut = edge if length > 2 * edge + 1 else 0
        if length - 2 * cut > 2:
            inner = slots[first + cut : first + length - cut]
            mean[row], variance[row] = _moments(inner)
        first += length + 1


def window_means(slots: I32, lengths: I64, rows: I64, *, windows: Windows, out: F32) -> None:
    """Write the mean depth of the windows of the contigs in `rows` to `out` (V,); `slots` are depths by now."""
    first = np.searchsorted(windows.contig, rows)
    stop = np.searchsorted(windows.contig, rows, "right")
    _window_means(slots, np.cumsum(lengths + 1) - lengths - 1, first, stop, windows.start, windows.stop, out)


@njit(nogil=True, cache=True)
def _window_means(slots, at, first, stop, begin, end, out):  # type: ignore[no-untyped-def]
    for row in range(len(at)):
        for window in range(first[row], stop[row]):
            total = 0
            for depth in slots[at[row] + begin[window] : at[row] + end[window]]:
                total += depth
            out[window] = total / (end[window] - begin[window])


@njit(nogil=True, cache=True)
def _moments(depths):  # type: ignore[no-untyped-def]
    """Mean and sample variance of a contig's depths."""
    bases = len(depths)
    total = 0
    for depth in depths:
        total += depth
    if bases > SINGLE:
        squares = 0.0
        for depth in depths:
            squares += (depth - total / bases) ** 2
        return total / bases, squares / (bases - 1)
    rounded = np.float32(total)
    if total > EXACT:
        rounded = np.float32(0)
        for depth in depths:
            rounded += np.float32(depth)
    average = rounded / np.float32(bases)
    single = np.float32(0)
    for depth in depths:
        difference = np.float32(depth) - average
        single += difference * difference
    return total / bases, single / np.float32(bases - 1)
