"""Log odds of codons, on genomes whose genes are known."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import genomes as g
from binner.data import F64, I64
from binner.encoders.frames import GC_CLASSES, REVERSE, WORDS, count
from binner.train import codons
from binner.train.codons import STOP_ODDS, STOPS, log_odds


@pytest.fixture(scope="module")
def genome() -> g.Genome:
    rng = np.random.default_rng(1)
    species = g.draw_species(0.5, rng)
    return g.build(g.draw_genes(species, rng, total=120_000), species, rng)


def pieces(genome: g.Genome, bp: int = 6000) -> tuple[I64, I64]:
    start = np.arange(0, len(genome.codes) - bp, bp)
    return start, start + bp


def codons_of(genome: g.Genome) -> F64:
    """How often each occurs in its genes."""
    return np.bincount(np.concatenate([gene.codons for gene in genome.genes]), minlength=WORDS).astype(np.float64)


def test_codons_of_genes_that_are_known(genome: g.Genome) -> None:
    odds = log_odds(genome.codes, *pieces(genome), rng=np.random.default_rng(1))
    assert odds.shape == (GC_CLASSES, WORDS)
    assert odds.dtype == np.float32
    used = codons_of(genome) + 1.0
    wide = genome.codes.astype(int)
    anywhere = np.bincount(16 * wide[:-2] + 4 * wide[1:-1] + wide[2:], minlength=WORDS) + 1.0
    anywhere += anywhere[REVERSE]
    expected = np.log(used / used.sum()) - np.log(anywhere / anywhere.sum())
    coding = np.setdiff1d(np.arange(WORDS), STOPS)
    common = coding[used[coding] > 300]
    np.testing.assert_allclose(odds[6][common], expected[common], atol=0.15)  # class 6: GC 50 %
    np.testing.assert_allclose(odds[:, STOPS], np.tile(STOP_ODDS, (GC_CLASSES, 1)))


def test_frames_are_found_with_them(genome: g.Genome) -> None:
    """Nearly all codons of the genome's genes are read as such."""
    start, stop = pieces(genome)
    odds = log_odds(genome.codes, start, stop, rng=np.random.default_rng(1))
    found = count(genome.codes, np.array([0]), np.array([len(genome.codes)]), odds=odds)[0, :WORDS]
    used = codons_of(genome)
    assert np.abs(found - used).sum() < 0.12 * used.sum()


def test_it_looks_at_so_many_pieces_only(genome: g.Genome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codons, "MOST", 5)
    start, stop = pieces(genome)
    some = log_odds(genome.codes, start, stop, rng=np.random.default_rng(1))
    chosen = np.random.default_rng(1).permutation(len(start))[:5]
    own = log_odds(genome.codes, start[chosen], stop[chosen], rng=np.random.default_rng(2))
    np.testing.assert_allclose(some, own, atol=1e-6)


@pytest.mark.parametrize("size", [0, 2, 40])
def test_without_genes_only_stops_count(size: int) -> None:
    codes = np.full(size, 4, np.uint8)
    odds = log_odds(codes, np.array([0]), np.array([size]), rng=np.random.default_rng(1))
    np.testing.assert_array_equal(np.delete(odds, STOPS, 1), 0)
