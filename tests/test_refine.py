"""The refinement head, on simulated contigs."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from benchmarks.simulate import Metagenome, simulate
from binner.config import LossName
from binner.data import F32, Coverage
from binner.embed import embed
from binner.fit import FitConfig
from binner.refine import RefineConfig, fit
from binner.space import depths

QUICK = RefineConfig(contigs=64, fit=FitConfig(steps=40))


@pytest.fixture(scope="module")
def metagenome() -> Metagenome:
    return simulate(species=4, genome_bp=(120_000, 150_000), samples=3, related=False)


def refine(
    made: Metagenome, coverage: Coverage | None, number: int, config: RefineConfig = QUICK, seed: int = 1
) -> F32:
    contigs = made.contigs.select(np.arange(number))
    windows, embedding = embed(contigs, encoder="whitening")
    if coverage is not None:
        coverage = Coverage(coverage.samples, coverage.mean[:number], coverage.variance[:number], contigs.names_digest)
    depth = depths(coverage, embedding, contigs.lengths) if coverage and len(contigs) else None
    return fit(windows, embedding, depth, contigs.lengths, config=config, seed=seed, device="cpu")


def samples(coverage: Coverage, number: int) -> Coverage | None:
    if not number:
        return None
    names = coverage.samples[:number]
    return Coverage(names, coverage.mean[:, :number], coverage.variance[:, :number], coverage.names_digest)


@pytest.mark.parametrize("number", [0, 1, 2, 10])
@pytest.mark.parametrize("number_of_samples", [0, 1, 3])
def test_works_on_a_few_contigs(metagenome: Metagenome, number: int, number_of_samples: int) -> None:
    points = refine(metagenome, samples(metagenome.coverage, number_of_samples), number)
    assert points.dtype == np.float32
    assert len(points) == number
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("loss", get_args(LossName))
@pytest.mark.parametrize("number_of_samples", [0, 1, 3])
def test_neighbours_are_of_one_genome(metagenome: Metagenome, number_of_samples: int, loss: LossName) -> None:
    number = len(metagenome.contigs)
    config = RefineConfig(loss=loss, contigs=64, fit=FitConfig(steps=40))
    points = refine(metagenome, samples(metagenome.coverage, number_of_samples), number, config)
    near = points @ points.T
    np.fill_diagonal(near, -1)
    truth = metagenome.genome
    long = metagenome.contigs.lengths > 3000
    assert (truth[near.argmax(1)] == truth)[long].mean() > (0.9 if number_of_samples == 3 else 0.6)


def test_the_same_seed_gives_the_same_points(metagenome: Metagenome) -> None:
    one, two = (refine(metagenome, metagenome.coverage, 60) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, refine(metagenome, metagenome.coverage, 60, seed=2))


def test_training_changes_the_plain_metric(metagenome: Metagenome) -> None:
    untrained = refine(metagenome, None, 60, RefineConfig(contigs=64, fit=FitConfig(steps=0)))
    assert np.abs(refine(metagenome, None, 60) - untrained).max() > 0.01
