"""Where contigs join two genomes: ratios against their definition, joins that are found, contigs that stay whole."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks.simulate import Metagenome, simulate
from binner import chimeras
from binner.chimeras import STRETCH, THRESHOLD, Sides
from binner.data import F64, U8, Contigs, Coverage, Windows
from binner.joins import Joins, cut
from binner.likelihood import log_evidence
from binner.windows import DEPTH_WINDOW, of_depth
from tests.assemblies import contigs_of, reverse_complement

DIRECTIONS = 5
GENOMES = {"A": 1, "B": 4, "C": 3}  # of `metagenome`: B differs from A and C


def sides(windows: int, *, samples: int = 0, seed: int = 1) -> Sides:
    """One contig of random windows and depths."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(rng.integers(800, 1200, windows))
    start = np.concatenate([[0], ends[:-1]])
    depth = rng.gamma(20, 1, (windows, samples)).astype(np.float32)
    depth[windows // 3 :] *= 5
    return Sides(
        Windows(np.zeros(windows, np.int64), start, ends),
        rng.normal(0, 3, (windows, DIRECTIONS)).astype(np.float32),
        depth,
        error=rng.uniform(2000, 9000, DIRECTIONS).astype(np.float32),
        prior=rng.uniform(0.1, 9, DIRECTIONS).astype(np.float32),
        size_prior=1.5,
        shape_prior=np.full(samples, 0.1),
    )


def best(given: Sides, *, least: int = 0) -> tuple[int, float]:
    ends = np.array([0]), np.array([len(given.windows)])
    at, ratio = given.best(*ends, least=least)
    return int(at[0]), float(ratio[0])


def assert_cut(found: tuple[int, float], place: int, ratio: float) -> None:
    """`place` is one of those between two windows, from 0."""
    assert found[0] == place + 1
    assert found[1] == pytest.approx(ratio, rel=1e-6)


def composition_by_definition(given: Sides) -> F64:
    """One genome against two at every place between two windows, by sufficient statistics of both sides."""
    lengths = given.windows.lengths
    found = []
    for place in range(1, len(lengths)):
        statistics = []
        for side in (slice(place), slice(place, None)):
            mean = np.average(given.composition[side].astype(np.float64), axis=0, weights=lengths[side])
            precision = 1 / (given.error * (1 / lengths[side].sum() + 1 / STRETCH))
            statistics.append((precision * mean, precision))
        (b, a), (d, c) = statistics
        own = [log_evidence(*each, given.prior) for each in (*statistics, (b + d, a + c))]
        found.append(own[0] + own[1] - own[2])
    return np.array(found)


@pytest.mark.parametrize("windows", [2, 3, 40])
def test_the_ratio_is_that_of_marginal_likelihoods(windows: int) -> None:
    given = sides(windows)
    expected = composition_by_definition(given)
    assert_cut(best(given), int(expected.argmax()), float(expected.max()))


def test_both_sides_have_enough() -> None:
    given = sides(9)
    before = np.cumsum(given.windows.lengths)[:-1]
    least = 3500
    allowed = np.minimum(before, given.windows.lengths.sum() - before) >= least
    expected = np.where(allowed, composition_by_definition(given), -np.inf)
    assert_cut(best(given, least=least), int(expected.argmax()), float(expected.max()))
    assert best(given, least=5000) == (0, -np.inf)
    assert best(sides(1)) == (0, -np.inf)


@pytest.mark.parametrize("samples", [1, 3])
def test_depth_has_its_say(samples: int) -> None:
    """It is for the place where it changes, against others, and its part is bounded."""
    given = sides(30, samples=samples)
    given.composition[10:] += 9
    given.composition[12:] += 1
    expected = composition_by_definition(given)
    assert_cut(best(given), 9, float(expected[9]) + chimeras.MOST_BY_DEPTH)
    given.depth[:] = 20
    assert best(given)[1] < expected.max(), "even depths speak against a join"


def test_a_genome_without_reads_in_most_samples_is_as_deep_as_it_is() -> None:
    """Samples that have nothing of a contig add no depth to it: what changes in one is as plain beside ten of them."""
    ratios = []
    for samples in (1, 10):
        depth = np.zeros((30, samples), np.float32)
        depth[:, 0] = np.where(np.arange(30) < 10, 1.0, 1.6)
        ratios.append(best(replace(sides(30), depth=depth, shape_prior=np.full(samples, 1e-12)))[1])
    assert ratios[0] == pytest.approx(ratios[1], abs=1e-3)


def test_depth_alone_cuts_nothing() -> None:
    assert chimeras.MOST_BY_DEPTH < THRESHOLD


@cache
def metagenome() -> Metagenome:
    return simulate(species=6, genome_bp=(60_000, 70_000), contig_bp=40_000, spread=0, related=False, samples=1, seed=2)


def stretch(genome: str, bp: int, *, start: int = 0) -> U8:
    made = metagenome()
    rows = np.flatnonzero(made.genome == GENOMES[genome])
    return np.concatenate([made.contigs[row] for row in rows.tolist()])[start : start + bp]


def assembly() -> Contigs:
    """One genome, a join, two joins, a join by the N of a scaffold, one too near the end."""
    return contigs_of(
        stretch("A", 40_000),
        np.concatenate([stretch("A", 20_000), stretch("B", 15_000)]),
        np.concatenate([stretch("A", 30_000), stretch("B", 30_000), stretch("C", 8000, start=30_000)]),
        np.concatenate([stretch("A", 20_000), np.full(500, 4, np.uint8), stretch("B", 20_000)]),
        np.concatenate([stretch("A", 20_000), stretch("B", 1500)]),
    )


def test_joins_are_found() -> None:
    found = chimeras.find(assembly())
    assert found.contig == ("c1", "c2", "c2", "c3")
    assert np.abs(found.position - [20_000, 30_000, 60_000, 20_500]).max() <= DEPTH_WINDOW
    assert (found.log_ratio > THRESHOLD).all()
    assert found.position[3] == 20_500, "a gap is no place within a window"


def test_strands_are_alike() -> None:
    contigs = assembly()
    found, other = chimeras.find(contigs), chimeras.find(reverse_complement(contigs))
    assert other.contig == found.contig
    lengths = contigs.lengths[[1, 2, 2, 3]]
    assert np.abs((lengths - other.position)[[0, 2, 1, 3]] - found.position).max() <= DEPTH_WINDOW


def test_circles_stay_whole() -> None:
    closed = np.concatenate([stretch("A", 20_000), stretch("B", 20_000), stretch("A", 100)])
    linear = assembly()[1]
    contigs = contigs_of(linear, closed, linear)
    contigs = Contigs(contigs.names, contigs.codes, contigs.offsets, circular=(2,))
    assert chimeras.find(contigs).contig == ("c0",)


@pytest.mark.parametrize("contigs", [contigs_of(), contigs_of(np.full(9000, 4, np.uint8))], ids=["none", "N"])
def test_nothing_to_find(contigs: Contigs) -> None:
    assert chimeras.find(contigs).contig == ()
    zero, along = (np.zeros((rows, 1), np.float32) for rows in (len(contigs), len(of_depth(contigs))))
    covered = Coverage(("S1",), zero, zero, contigs.names_digest, along)
    assert chimeras.find(contigs, covered).contig == ()


def test_depth_along_contigs_joins_in() -> None:
    """The same assembly with none, with even ones, and with one that changes at the join."""
    contigs = assembly().select(np.array([0, 1]))
    tiles = of_depth(contigs)
    (alone,) = chimeras.find(contigs).log_ratio

    def ratio(step: float) -> float:
        along = np.where((tiles.contig == 1) & (tiles.start >= 20_000), 10 * step, 10).astype(np.float32)[:, None]
        mean = np.array([[10], [40]], np.float32)
        (found,) = chimeras.find(contigs, Coverage(("S1",), mean, 0 * mean, contigs.names_digest, along)).log_ratio
        return float(found)

    assert ratio(1) < alone < ratio(8) == pytest.approx(alone + chimeras.MOST_BY_DEPTH)
    for unknown in ([1], [0, 1]):
        mean = np.full((2, 1), 10, np.float32)
        mean[unknown] = np.nan
        coverage = Coverage(("S1",), mean, 0 * mean, contigs.names_digest, mean[tiles.contig])
        assert chimeras.find(contigs, coverage).log_ratio == [alone], "a depth that is not known has no say"


def test_coverage_of_pieces() -> None:
    contigs = contigs_of(stretch("A", 3000), np.concatenate([stretch("A", 4000), stretch("B", 6000)]))
    tiles = of_depth(contigs)
    mean = np.array([[1, 2], [16, 3]], np.float32)
    along = np.where(tiles.contig == 0, 7, np.where(tiles.start < 4000, 10, 20)).astype(np.float32)[:, None]
    whole = Coverage(("reads", "table"), mean, 2 * mean, contigs.names_digest, along)
    joins = Joins(("c1",), np.array([4000]), np.ones(1))
    pieces, of = cut(contigs, joins)
    found = chimeras.coverage_of(pieces, of, contigs, whole)
    assert found.mean.tolist() == [[1, 2], [10, 3], [20, 3]]
    assert found.variance.tolist() == [[2, 4], [32, 6], [32, 6]]
    assert (found.samples, found.names_digest, found.along) == (whole.samples, pieces.names_digest, None)
    tables = Coverage(whole.samples, mean, 2 * mean, contigs.names_digest)
    assert chimeras.coverage_of(pieces, of, contigs, tables).mean.tolist() == [[1, 2], [16, 3], [16, 3]]
