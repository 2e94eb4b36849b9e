"""Contigs in pieces: where two genomes are joined, and what the pieces are called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from binner.data import F64, I64, Contigs, check_array
from binner.errors import InputError


@dataclass(frozen=True, slots=True, eq=False)
class Joins:
    """Where contigs join two genomes, and are cut: J places, by contig and position."""

    contig: tuple[str, ...]  # (J,), names
    position: I64  # (J,), bp before it
    log_ratio: F64  # (J,), nats: two genomes over one

    def __post_init__(self) -> None:
        check_array("positions of joins", self.position, np.int64, (len(self.contig),))
        check_array("log ratios of joins", self.log_ratio, np.float64, self.position.shape)


def cut(contigs: Contigs, joins: Joins) -> tuple[Contigs, I64]:
    """The contigs in pieces, in their order, and the row of the contig that each is of, (P,).

    Contigs without a join stay as they are. Raises InputError if a contig is called what a piece would be.
    """
    row_of = {name: row for row, name in enumerate(contigs.names)}
    rows = np.array([row_of[name] for name in joins.contig], np.int64)
    offsets = np.union1d(contigs.offsets, contigs.offsets[rows] + joins.position)
    of = np.searchsorted(contigs.offsets, offsets[:-1], "right") - 1
    names = [contigs.names[row] for row in of.tolist()]
    for piece in np.flatnonzero(np.isin(of, rows)).tolist():
        start, stop = (offsets[piece : piece + 2] - contigs.offsets[of[piece]]).tolist()
        names[piece] = _piece_name(names[piece], start, stop)
        if names[piece] in row_of:
            raise InputError(f"contig '{names[piece]}' is called what a piece of another one would be: rename it")
    circular = np.flatnonzero(np.isin(of, np.setdiff1d(contigs.circular, rows)))
    depth = None if contigs.header_depth is None else contigs.header_depth[of]
    circles = tuple(circular.tolist())
    return replace(contigs, names=tuple(names), offsets=offsets, circular=circles, header_depth=depth), of


def cut_records(records: Iterable[tuple[str, bytes]], joins: Joins) -> Iterator[tuple[str, bytes]]:
    """Names and sequences, those with joins in their pieces."""
    cuts: dict[str, list[int]] = {}
    for name, position in zip(joins.contig, joins.position.tolist(), strict=True):
        cuts.setdefault(name, [0]).append(position)
    for name, sequence in records:
        if name in cuts:
            for start, stop in pairwise([*cuts[name], len(sequence)]):
                yield _piece_name(name, start, stop), sequence[start:stop]
        else:
            yield name, sequence


def _piece_name(contig: str, start: int, stop: int) -> str:
    """As samtools faidx has it: the first and the last base, counted from 1.

    >>> _piece_name("k1", 0, 500)
    'k1:1-500'
    """
    return f"{contig}:{start + 1}-{stop}"
