"""Where contigs are cut into the windows that an encoder sees, and into batches for threads."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numba import njit

from binner.data import I64, N_CODE, U8, Contigs, Windows

LONG_RUN = 10  # bp of N in a row: a gap, which no window spans; shorter runs are single unread bases
SHORTEST_WINDOW = 100  # bp; less of a sequence says nothing
DEPTH_WINDOW = 1000  # bp


def tile(contigs: Contigs, *, length: int) -> Windows:
    """Windows of about `length` bp that cover every stretch between gaps; the windows of a stretch are equally long.

    A stretch of n bp is cut into round(n / length) windows, at least one, so that every base is in one window and none
    is much shorter than the others. Stretches below 100 bp are left out.
    """
    contig, start, stop = _stretches(contigs.codes, contigs.offsets)
    spans = stop - start
    pieces = np.maximum(1, np.rint(spans / length).astype(np.int64))
    stretch = np.repeat(np.arange(len(pieces)), pieces)
    piece = np.arange(len(stretch)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    begin, span, of = start[stretch], spans[stretch], pieces[stretch]
    return Windows(contig[stretch], begin + span * piece // of, begin + span * (piece + 1) // of)


def of_depth(contigs: Contigs) -> Windows:
    """Those in which depth along the contigs is asked of alignments: where they are cut, and where spans are drawn."""
    return tile(contigs, length=DEPTH_WINDOW)


def thin(windows: Windows, most: int) -> Windows:
    """At most `most` windows of each contig, evenly spread over those that it has."""
    number = np.bincount(windows.contig)
    first = np.cumsum(number) - number
    place = np.arange(len(windows)) - first[windows.contig]
    of = number[windows.contig]
    # Window i of n is the middle of one of `most` equal parts if the parts' middles pass a whole number there.
    part = (2 * place * most + of) // (2 * of)
    following = (2 * (place + 1) * most + of) // (2 * of)
    keep = (of <= most) | (part < following)
    return Windows(windows.contig[keep], windows.start[keep], windows.stop[keep])


def batches(lengths: I64, *, bp: int) -> list[range]:
    """Consecutive rows of about `bp` together: but for its first row each batch has less."""
    cuts = np.flatnonzero(np.diff(np.cumsum(lengths) // bp)) + 1
    edges = [0, *cuts.tolist(), len(lengths)]
    return [range(start, stop) for start, stop in pairwise(edges) if stop > start]


@njit(nogil=True, cache=True)
def _stretches(codes: U8, offsets: I64) -> tuple[I64, I64, I64]:
    """Contig, start and stop (bp in the contig) of every stretch between gaps that is long enough."""
    found = [(np.int64(0), np.int64(0), np.int64(0)) for _ in range(0)]  # an empty list whose type numba can tell
    for row in range(len(offsets) - 1):
        first, end = offsets[row], offsets[row + 1]
        begin, last = np.int64(-1), np.int64(-1)  # of the stretch: its first and its latest base that is not N
        for position in range(first, end + 1):
            at_end = position == end
            if not at_end and codes[position] != N_CODE:
                if begin < 0:
                    begin = np.int64(position)
                last = np.int64(position)
            elif begin >= 0 and (at_end or position - last >= LONG_RUN):
                if last + 1 - begin >= SHORTEST_WINDOW:
                    found.append((np.int64(row), begin - first, last + 1 - first))
                begin = np.int64(-1)
    contig, start, stop = np.empty((3, len(found)), np.int64)
    for place, stretch in enumerate(found):
        contig[place], start[place], stop[place] = stretch
    return contig, start, stop
