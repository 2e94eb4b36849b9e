"""Circular contigs that are whole chromosomes: bins as they are, which no clustering can improve.

A circular contig is complete, so what is left to tell is a chromosome from a plasmid: chromosomes have the single-copy
marker genes, plasmids and the second chromosomes of some bacteria have next to none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

import numpy as np

from binner.data import I64, U8, Bin, Contigs, Markers
from binner.markers import completeness

logger = logging.getLogger(__name__)

LEAST_COMPLETE = 40.0  # %, of markers; Patescibacteria reach some 60, a second chromosome 10
MOST_CONTAMINATED = 10.0  # %; with more, two genomes were joined
LEAST_OVERLAP = 55  # bp; the least word of usual de Bruijn graphs, of which a closed path repeats one
MOST_OVERLAP = 50_000  # bp; assemblers of long reads leave about a read


def whole_genomes(contigs: Contigs, markers: Markers, *, least_bp: int) -> list[Bin]:
    """A bin for each contig of `least_bp` and more that is circular and has the marker genes of one chromosome.

    Circular are those that the assembler calls so, and those that end as they begin.
    """
    large = np.flatnonzero(contigs.lengths >= least_bp)
    told = set(contigs.circular)
    candidates = [row for row in _with_markers(large, markers) if row in told or ends_meet(contigs[row])]
    bins = [Bin(np.array([row], np.int64), int(contigs.lengths[row]), 0.0) for row in candidates]
    if not bins:
        return []
    complete, contaminated = completeness(markers, bins)
    whole = (complete >= LEAST_COMPLETE) & (contaminated < MOST_CONTAMINATED)
    logger.info("%d of %d large circular contigs are whole genomes", whole.sum(), len(bins))
    return [found for found, is_whole in zip(bins, whole, strict=True) if is_whole]


def _with_markers(rows: I64, markers: Markers) -> Iterator[int]:
    """Those that can be chromosomes, by their number of different markers: to look at few ends."""
    yield from rows[(markers.counts[rows] > 0).mean(axis=1) >= LEAST_COMPLETE / 200].tolist()


def ends_meet(codes: U8) -> bool:
    """Whether a contig (length,) ends with what it begins with: at least 55 bp and at most half of it, exactly."""
    start = codes[:LEAST_OVERLAP]
    reach = min(MOST_OVERLAP, len(codes) // 2)
    if reach < LEAST_OVERLAP or (start > 3).any():
        return False
    tail = codes[len(codes) - reach :].tobytes()
    at = tail.find(start.tobytes())
    while at >= 0:
        if tail[at:] == codes[: reach - at].tobytes():
            return True
        at = tail.find(start.tobytes(), at + 1)
    return False
