"""The refinement head on simulated contigs: any subset of what can be known, seeds, errors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.profiles import planted_profiles
from benchmarks.simulate import Metagenome, simulate
from binner.config import RefineTerm
from binner.data import F32, Coverage, Refined
from binner.embed import embed
from binner.refine import TERMS, Evidence, RefineConfig, fit
from binner.refine.fitting import _error_law
from binner.space import depths

QUICK = RefineConfig(contigs=48, steps=20, hidden=32)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Matrices are small here: threads would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def metagenome() -> Metagenome:
    return simulate(species=4, genome_bp=(120_000, 150_000), samples=3, related=False, profiles=planted_profiles())


def evidence_of(
    made: Metagenome, number: int, *, samples: int = 3, uncovered: int = 0, depth_of_those: float = 0.0
) -> Evidence:
    """The first so many contigs; the last of them have no reads, or (NaN) no depth that is known."""
    contigs = made.contigs.select(np.arange(number))
    embedded = embed(contigs, encoder="whitening")
    torch.set_num_threads(1)  # numba had it at all there are
    if not samples or not number:
        return Evidence(contigs.lengths, embedded)
    mean = made.coverage.mean[:number, :samples].copy()
    mean[number - uncovered :] = depth_of_those
    coverage = Coverage(made.coverage.samples[:samples], mean, mean, contigs.names_digest)
    markers = replace(made.markers.select(np.arange(number)), names_digest=contigs.names_digest)
    depth = depths(coverage, embedded[1], contigs.lengths)
    return Evidence(contigs.lengths, embedded, coverage=coverage, depth=depth, markers=markers)


def refine(evidence: Evidence, config: RefineConfig = QUICK, seed: int = 1) -> Refined:
    return fit(evidence, config=config, seed=seed, device="cpu")


def agreement(points: F32, made: Metagenome) -> float:
    """Share of the contigs above 3 kb whose nearest neighbour is of their genome."""
    near = points @ points.T
    np.fill_diagonal(near, -1)
    long = made.contigs.lengths[: len(points)] > 3000
    truth = made.genome[: len(points)]
    return float((truth[near.argmax(1)] == truth)[long].mean())


@pytest.mark.parametrize("number", [0, 1, 2, 10])
@pytest.mark.parametrize("samples", [0, 1, 3])
def test_works_on_a_few_contigs(metagenome: Metagenome, number: int, samples: int) -> None:
    refined = refine(evidence_of(metagenome, number, samples=samples))
    assert len(refined.points) == number
    np.testing.assert_allclose(np.linalg.norm(refined.points, axis=1), 1, atol=1e-5)
    assert (refined.variance > 0).all()


@pytest.mark.parametrize("terms", [(), TERMS])
@pytest.mark.parametrize("samples", [0, 1, 3])
def test_neighbours_are_of_one_genome(metagenome: Metagenome, samples: int, terms: tuple[RefineTerm, ...]) -> None:
    evidence = evidence_of(metagenome, len(metagenome.contigs), samples=samples)
    refined = refine(evidence, replace(QUICK, terms=terms))
    assert agreement(refined.points, metagenome) > (0.9 if samples == 3 else 0.6)


@pytest.mark.parametrize("depth", [0.0, np.nan])
def test_contigs_without_coverage_lack_that_modality_and_find_their_genome(
    metagenome: Metagenome, depth: float
) -> None:
    number = len(metagenome.contigs)
    evidence = evidence_of(metagenome, number, uncovered=number // 3, depth_of_those=depth)
    *_, coverage = evidence.modalities()
    assert coverage.name == "coverage"
    lacking = np.arange(number) >= number - number // 3
    np.testing.assert_array_equal(coverage.present, ~lacking)
    assert not coverage.whole(np.flatnonzero(lacking)).any()
    assert agreement(refine(evidence).points, metagenome) > 0.7


def test_composition_beside_another_encoder(metagenome: Metagenome) -> None:
    evidence = evidence_of(metagenome, 80)
    windows, embedding = evidence.sequence
    odd = (
        replace(windows, matrix=windows.matrix[:, ::2]),
        replace(
            embedding,
            matrix=embedding.matrix[:, ::2],
            variance=embedding.variance[:, ::2],
            prior=embedding.prior[::2],
        ),
    )
    both = refine(replace(evidence, sequence=odd, composition=evidence.sequence))
    assert both.points.shape[1] == refine(evidence).points.shape[1] + odd[0].matrix.shape[1]


def test_the_same_seed_gives_the_same_points(metagenome: Metagenome) -> None:
    evidence = evidence_of(metagenome, 60)
    one, two = refine(evidence), refine(evidence)
    np.testing.assert_array_equal(one.points, two.points)
    np.testing.assert_array_equal(one.variance, two.variance)
    assert not np.array_equal(one.points, refine(evidence, seed=2).points)


def test_training_changes_the_plain_metric(metagenome: Metagenome) -> None:
    evidence = evidence_of(metagenome, 60, samples=0)
    untrained = refine(evidence, replace(QUICK, steps=0))
    assert np.abs(refine(evidence).points - untrained.points).max() > 0.01


def test_marker_genes_hold_contigs_apart(metagenome: Metagenome) -> None:
    evidence = evidence_of(metagenome, len(metagenome.contigs), samples=1)
    assert evidence.markers is not None
    held = (evidence.markers.counts > 0).astype(np.int64)
    apart = np.triu(held @ held.T, 1) > 0

    def nearness(terms: tuple[RefineTerm, ...]) -> float:
        config = replace(QUICK, terms=terms, duplicate_weight=50.0, steps=80)
        points = refine(evidence, config).points
        return float((points @ points.T)[apart].mean())

    assert nearness(("markers",)) < nearness(())


def test_short_contigs_err_more(metagenome: Metagenome) -> None:
    evidence = evidence_of(metagenome, len(metagenome.contigs))
    refined = refine(evidence)
    order = np.argsort(evidence.lengths)
    assert (np.diff(refined.variance[order]) <= 0).all()
    assert refined.variance[order[0]] > 1.2 * refined.variance[order[-1]]


def test_the_error_law_is_found_again() -> None:
    rng = np.random.default_rng(0)
    bp = np.exp(rng.uniform(np.log(1000), np.log(50_000), 4000))
    squares = (0.1 + 500 / bp) * rng.chisquare(8, 4000) / 8
    level, slope = _error_law(squares, bp)
    assert level == pytest.approx(0.1, rel=0.1)
    assert slope == pytest.approx(500, rel=0.1)
