"""Contigs that hold most of a genome by themselves; circular ones are bins as they are: no clustering improves them.

A circular contig is complete, so what is left to tell is a chromosome from a plasmid: chromosomes have the single-copy
marker genes, plasmids and the second chromosomes of some bacteria have next to none.
"""

from __future__ import annotations

import logging

import numpy as np

from binner.data import I64, U8, Bin, Contigs, Markers
from binner.markers import completeness

logger = logging.getLogger(__name__)

LEAST_COMPLETE = 40.0  # %, of markers; Patescibacteria reach some 60, a second chromosome 10
MOST = 50.0  # %, of markers: two contigs of one genome do not both have more
MOST_CONTAMINATED = 10.0  # %; with more, two genomes were joined
LEAST_OVERLAP = 55  # bp; the least word of usual de Bruijn graphs, of which a closed path repeats one
MOST_OVERLAP = 50_000  # bp; assemblers of long reads leave about a read


def whole_genomes(contigs: Contigs, markers: Markers, *, least_bp: int) -> list[Bin]:
    """A bin for each contig of `least_bp` and more that is circular and has the marker genes of one chromosome.

    Circular are those that the assembler calls so, and those that end as they begin.
    """
    rows = _with_genes(contigs.lengths, markers, least_bp=least_bp, least=LEAST_COMPLETE).tolist()
    circular = [row for row in rows if row in contigs.circular or ends_meet(contigs[row])]
    if rows:
        logger.info("%d of %d contigs with many marker genes are circular: whole genomes", len(circular), len(rows))
    return [_alone(row, contigs.lengths) for row in circular]


def most_of_genomes(lengths: I64, markers: Markers, *, least_bp: int) -> I64:
    """Rows, ascending, of the contigs of `least_bp` and more with most genes of a genome: none has as many of it."""
    return _with_genes(lengths, markers, least_bp=least_bp, least=MOST)


def _with_genes(lengths: I64, markers: Markers, *, least_bp: int, least: float) -> I64:
    some = (markers.counts > 0).mean(axis=1) >= LEAST_COMPLETE / 200
    rows = np.flatnonzero((lengths >= least_bp) & some)
    if not len(rows):
        return rows
    complete, contaminated = completeness(markers, [_alone(row, lengths) for row in rows.tolist()])
    found: I64 = rows[(complete >= least) & (contaminated < MOST_CONTAMINATED)]
    return found


def _alone(row: int, lengths: I64) -> Bin:
    return Bin(np.array([row], np.int64), int(lengths[row]), 0.0)


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
