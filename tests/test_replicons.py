"""Circular contigs: chromosomes are bins as they are, plasmids are not."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import U8, Contigs, Markers
from binner.replicons import ends_meet, whole_genomes
from tests.assemblies import contigs_of

RNG = np.random.default_rng(1)
GENES = (*(f"bacteria:{number}" for number in range(20)), "universal:a", "archaea:b")


def bases(length: int) -> U8:
    return RNG.integers(0, 4, length, np.uint8)


def closed(length: int, overlap: int) -> U8:
    codes = bases(length)
    return np.concatenate([codes, codes[:overlap]])


def markers(contigs: Contigs, *copies: tuple[int, int]) -> Markers:
    """So many genes once on each contig, and so many of them twice."""
    counts = np.zeros((len(contigs), len(GENES)), np.uint8)
    for row, (once, twice) in enumerate(copies):
        counts[row, :once] = 1
        counts[row, :twice] = 2
    return Markers(GENES, counts, contigs.names_digest)


@pytest.mark.parametrize("overlap", [55, 127, 9000, 50_000])
def test_ends_that_overlap_meet(overlap: int) -> None:
    assert ends_meet(closed(120_000, overlap))


@pytest.mark.parametrize(
    "codes",
    [
        bases(100_000),
        closed(100_000, 54),
        closed(100_000, 50_001),
        np.concatenate([closed(100_000, 200), bases(1)]),
        np.full(10_000, 4, np.uint8),
        bases(60),
        bases(0),
    ],
    ids=["linear", "54 bp", "50,001 bp", "a base too far", "N", "short", "empty"],
)
def test_ends_that_do_not_meet(codes: U8) -> None:
    assert not ends_meet(codes)


def test_ends_that_are_a_repeat_meet() -> None:
    """The first word comes more than once near the end, and the last of these counts."""
    start = bases(300)
    assert ends_meet(np.concatenate([start, bases(5000), start[:60], bases(10), start]))


def test_chromosomes_are_bins() -> None:
    told, overlapping, plasmid, linear, mixed, short = (
        *(bases(5000), closed(5000, 80), closed(5000, 80), bases(5000), closed(5000, 80), closed(400, 80)),
    )
    contigs = contigs_of(told, overlapping, plasmid, linear, mixed, short)
    contigs = Contigs(contigs.names, contigs.codes, contigs.offsets, circular=(0, 2))
    found = markers(contigs, (19, 0), (8, 1), (1, 0), (20, 0), (20, 3), (20, 0))
    bins = whole_genomes(contigs, found, least_bp=1000)
    assert [(each.rows.tolist(), each.size) for each in bins] == [([0], 5000), ([1], 5080)]


def test_no_circular_contig() -> None:
    contigs = contigs_of(bases(5000), bases(2000))
    assert whole_genomes(contigs, markers(contigs, (20, 0), (0, 0)), least_bp=1000) == []
