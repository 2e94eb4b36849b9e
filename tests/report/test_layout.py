"""The map keeps neighbours together, is the same each time, and copes with few contigs."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import F32, I64, Coverage, Embedding
from binner.graph import nearest
from binner.report.layout import lay_out

RNG = np.random.default_rng(3)


def embedding(matrix: F32) -> Embedding:
    return Embedding(matrix, np.full_like(matrix, 0.1), np.ones(matrix.shape[1], np.float32), "toy", "names")


def genomes(number: int, each: int, *, width: int = 30) -> tuple[Embedding, I64]:
    centres = RNG.normal(size=(number, width)) * 3
    matrix = np.repeat(centres, each, 0) + RNG.normal(size=(number * each, width)) * 0.5
    return embedding(matrix.astype(np.float32)), np.repeat(np.arange(number), each)


def test_contigs_of_a_genome_lie_together() -> None:
    found, genome = genomes(12, 40)
    lengths = np.full(len(genome), 5000)
    places = lay_out(found, None, lengths, rows=np.arange(len(genome)))
    row, _ = nearest(places.astype(np.float32), 10)
    assert (genome[row] == genome[:, None]).mean() > 0.98
    np.testing.assert_array_equal(lay_out(found, None, lengths, rows=np.arange(len(genome))), places)


def test_coverage_tells_apart_what_composition_does_not() -> None:
    number = 200
    matrix = RNG.normal(size=(number, 10)).astype(np.float32)
    depth = np.where(np.arange(number)[:, None] < number // 2, [1.0, 30.0], [30.0, 1.0])
    depth = (depth * RNG.normal(1, 0.02, depth.shape)).astype(np.float32)
    coverage = Coverage(("S1", "S2"), depth, np.zeros_like(depth), "names")
    places = lay_out(embedding(matrix), coverage, np.full(number, 8000), rows=np.arange(number))
    row, _ = nearest(places.astype(np.float32), 5)
    first = np.arange(number) < number // 2
    assert (first[row] == first[:, None]).mean() > 0.95


@pytest.mark.parametrize("count", [1, 2, 15, 16, 40])
def test_few_contigs(count: int) -> None:
    found, genome = genomes(2, 20, width=3)
    places = lay_out(found, None, np.full(len(genome), 5000), rows=np.arange(count))
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()


def test_equal_contigs() -> None:
    places = lay_out(embedding(np.ones((30, 4), np.float32)), None, np.full(30, 2000), rows=np.arange(30))
    assert np.isfinite(places).all()
