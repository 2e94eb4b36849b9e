"""Bins of other binners as partitions of the contigs, among which the judge chooses as among binner's own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from binner.data import UNSEEN, Clustering, Contigs
from binner.errors import InputError
from binner.evaluate.tables import read_bins

logger = logging.getLogger(__name__)


def read_partitions(paths: Sequence[Path], contigs: Contigs) -> list[Clustering]:
    """A partition for each table of contigs and bins, or folder of bins.

    Contigs that are shorter than all that a binner has put into bins were not before it: it does not vote on them.

    Raises InputError for what is neither, for a contig in two bins of one binner, and for bins of other contigs.
    """
    row_of = {name: row for row, name in enumerate(contigs.names)}
    return [_read(path, contigs, row_of) for path in paths]


def _read(path: Path, contigs: Contigs, row_of: Mapping[str, int]) -> Clustering:
    labels = np.full(len(contigs), -1, np.int32)
    number: dict[str, int] = {}
    bin_of: dict[str, str] = {}
    for contig, name in read_bins(path):
        if contig in bin_of:
            raise InputError(
                f"{path}: contig '{contig}' is in two bins, '{bin_of[contig]}' and '{name}': a contig belongs into one"
            )
        bin_of[contig] = name
        if contig in row_of:
            labels[row_of[contig]] = number.setdefault(name, len(number))
    placed = contigs.lengths[labels >= 0]
    _report(path, contigs, list(bin_of), known=len(placed), bins=len(number))
    labels[contigs.lengths < placed.min(initial=np.iinfo(np.int64).max)] = UNSEEN
    return Clustering(labels, str(path))


def _report(path: Path, contigs: Contigs, binned: Sequence[str], *, known: int, bins: int) -> None:
    logger.info("%s: %d of %d contigs in %d bins", path, known, len(contigs), bins)
    if not binned:
        logger.warning("%s: no bins in it%s", path, " (FASTA files)" if path.is_dir() else "")
    elif len(contigs) and not known:
        raise InputError(
            f"{path}: names none of the {len(contigs)} contigs (its first is '{binned[0]}', theirs"
            f" '{contigs.names[0]}'): give bins of these contigs"
        )
    elif known < len(binned):
        logger.info("%s: %d contigs of its bins do not take part", path, len(binned) - known)
