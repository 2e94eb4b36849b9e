"""The fit of an embedding to the assembly: against plain sums, what it finds, and what must not change it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from binner import adaptation
from binner.adaptation import KNOWN_GENOMES, KNOWN_WINDOWS, REFERENCE, adapt
from binner.data import F32, F64, I64, Embedding, WindowEmbedding, Windows
from binner.graph import GENOME_BP
from binner.space import LONGEST_WEIGHT, unit_rows

WIDTH = 7


@dataclass(frozen=True)
class Assembly:
    windows: WindowEmbedding
    embedding: Embedding
    genome: I64  # of each contig

    @property
    def adapted(self) -> tuple[F32, Embedding]:
        windows, embedding = adapt(self.windows, self.embedding)
        return windows.matrix, embedding


def assembly(*, contigs: int = 200, most: int = 6, genomes: int = 5, within: F64 | None = None) -> Assembly:
    """Contigs of 1 to `most` windows of 3 to 6 kb, which scatter by `within` (WIDTH, WIDTH) if of 6 kb."""
    rng = np.random.default_rng(4)
    genome = rng.integers(0, genomes, contigs)
    means = rng.normal(0, 3, (genomes, WIDTH))
    number = rng.integers(1, most + 1, contigs)
    contig = np.repeat(np.arange(contigs), number)
    start = (np.arange(len(contig)) - np.repeat(np.cumsum(number) - number, number)) * REFERENCE
    lengths = rng.integers(3000, REFERENCE + 1, len(contig))
    windows = Windows(contig, start, start + lengths)
    error = rng.multivariate_normal(np.zeros(WIDTH), np.eye(WIDTH) if within is None else within, len(contig))
    matrix = means[genome[contig]] + error * np.sqrt(REFERENCE / lengths)[:, None]
    return embedded(windows, matrix.astype(np.float32), genome)


def embedded(windows: Windows, matrix: F32, genome: I64) -> Assembly:
    """Its law: variances that grow with the direction; contigs are means of their windows."""
    read = np.bincount(windows.contig, windows.lengths, len(genome))
    total = np.zeros((len(genome), WIDTH))
    np.add.at(total, windows.contig, matrix * windows.lengths[:, None])
    mean = (total / np.maximum(read, 1)[:, None]).astype(np.float32)
    noise = np.linspace(0.5, 2, WIDTH)
    variance = (REFERENCE / np.maximum(read, 1)[:, None] * noise).astype(np.float32)
    own = Embedding(mean, variance, np.linspace(9, 1, WIDTH).astype(np.float32), "none", "names")
    return Assembly(WindowEmbedding(windows, matrix, "none", "names"), own, genome)


def correlated() -> F64:
    spread = np.random.default_rng(9).normal(size=(WIDTH, WIDTH))
    return np.asarray(spread @ spread.T / 2 + 0.2 * np.eye(WIDTH))


def covariances(made: Assembly) -> tuple[F64, F64]:
    """Within and between, one window and one contig at a time."""
    where, matrix = made.windows.windows, made.windows.matrix.astype(np.float64)
    contigs = made.embedding.matrix.astype(np.float64)
    read = [int(where.lengths[where.contig == row].sum()) for row in range(len(contigs))]
    within, free = KNOWN_WINDOWS * np.diag(np.linspace(0.5, 2, WIDTH)), KNOWN_WINDOWS
    for row, mean in enumerate(contigs):
        mine = np.flatnonzero(where.contig == row)
        if len(mine) > 1:
            for window in mine:
                off = matrix[window] - mean
                within += np.outer(off, off) * where.lengths[window] / REFERENCE
            free += len(mine) - 1
    within /= free
    weight = np.minimum(read, LONGEST_WEIGHT) / np.minimum(read, LONGEST_WEIGHT).sum()
    genomes = max(sum(read) / GENOME_BP, 1)
    share = genomes / (genomes + KNOWN_GENOMES)
    centre = share * (weight @ contigs)
    between = (1 - share) * np.diag(np.linspace(9, 1, WIDTH))
    for row, mean in enumerate(contigs):
        off = mean - centre
        between += share * weight[row] * (np.outer(off, off) - within * REFERENCE / read[row])
    return within, between


def test_against_plain_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two windows, log odds of being of one genome or two depend on the covariances alone."""
    monkeypatch.setattr(adaptation, "_BLOCK", 17)
    made = assembly(within=correlated())
    within, between = covariances(made)
    matrix, found = made.adapted
    prior = np.sort(np.linalg.eigvals(np.linalg.solve(within, between)).real)[::-1]
    np.testing.assert_allclose(found.prior, np.maximum(prior, adaptation.LEAST_PRIOR), rtol=1e-4)
    pairs = np.random.default_rng(0).integers(0, len(matrix), (50, 2))
    apart = np.diff(made.windows.matrix[pairs].astype(np.float64), axis=1)[:, 0]
    expected = np.einsum("pi,ij,pj->p", apart, np.linalg.inv(within), apart)
    np.testing.assert_allclose((np.diff(matrix[pairs], axis=1)[:, 0] ** 2).sum(1), expected, rtol=1e-3)


def test_what_scatters_within_genomes_counts_less() -> None:
    """Windows of one genome scatter alike in all directions after it, and neighbours are more often of one genome."""
    within = np.diag([400.0, *[0.5] * (WIDTH - 1)])  # the law has 0.5 of the first direction
    turn = np.linalg.qr(np.random.default_rng(1).normal(size=(WIDTH, WIDTH)))[0]
    made = assembly(contigs=2000, genomes=20, within=turn @ within @ turn.T)
    matrix, found = made.adapted
    where = made.windows.windows
    off = (matrix - found.matrix[where.contig]) * np.sqrt(where.lengths / REFERENCE)[:, None]
    several = np.bincount(where.contig)[where.contig] > 1
    spread = np.linalg.eigvalsh(off[several].T @ off[several] / (several.sum() - len(np.unique(where.contig[several]))))
    assert spread.max() < 3 * spread.min(), "400 to 0.5 before"

    def purity(points: F32) -> float:
        unit = unit_rows(points)
        near = np.argsort(-(unit @ unit.T), axis=1)[:, 1:6]
        return float((made.genome[near] == made.genome[:, None]).mean())

    assert 1 - purity(found.matrix) < (1 - purity(made.embedding.matrix)) / 2


def test_an_assembly_that_shows_nothing_leaves_the_encoder_as_it_is() -> None:
    made = assembly(contigs=4, most=1)
    matrix, found = made.adapted
    expected = made.windows.matrix / np.sqrt(np.linspace(0.5, 2, WIDTH))
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), np.linalg.norm(expected, axis=1), rtol=0.1)
    np.testing.assert_allclose(found.prior, np.linspace(9, 1, WIDTH) / np.linspace(0.5, 2, WIDTH), atol=0.15)
    np.testing.assert_allclose(found.variance, (REFERENCE / made.windows.windows.lengths)[:, None] * np.ones(WIDTH))


def test_order_and_scale_of_directions_and_order_of_contigs_change_nothing() -> None:
    made = assembly(within=correlated())
    expected, known = made.adapted
    order, scale = np.random.default_rng(2).permutation(WIDTH), np.geomspace(0.1, 10, WIDTH).astype(np.float32)
    own = made.embedding
    other = replace(
        own,
        matrix=(own.matrix * scale)[:, order],
        variance=(own.variance * scale**2)[:, order],
        prior=(own.prior * scale**2)[order],
    )
    turned = Assembly(replace(made.windows, matrix=(made.windows.matrix * scale)[:, order]), other, made.genome)
    windows, found = turned.adapted
    np.testing.assert_allclose(np.abs(windows), np.abs(expected), atol=2e-3)
    np.testing.assert_allclose(found.prior, known.prior, rtol=1e-3)

    rows = np.random.default_rng(3).permutation(len(own.matrix))
    contig = np.argsort(rows)[made.windows.windows.contig]
    sorts = np.argsort(contig, kind="stable")
    where = made.windows.windows
    moved = Windows(contig[sorts], where.start[sorts], where.stop[sorts])
    shuffled = embedded(moved, made.windows.matrix[sorts], made.genome[rows])
    np.testing.assert_allclose(np.abs(shuffled.adapted[1].matrix), np.abs(known.matrix[rows]), atol=2e-3)


def test_contigs_without_windows_stay_at_nothing() -> None:
    made = assembly()
    where = made.windows.windows
    kept = where.contig % 2 == 0
    half = embedded(
        Windows(where.contig[kept], where.start[kept], where.stop[kept]), made.windows.matrix[kept], made.genome
    )
    _, found = half.adapted
    assert not found.matrix[1::2].any()
    assert found.matrix[::2].any(1).all()
    nothing = np.zeros(0, np.int64)
    empty = embedded(Windows(nothing, nothing, nothing), np.zeros((0, WIDTH), np.float32), made.genome)
    assert adapt(empty.windows, empty.embedding) == (empty.windows, empty.embedding)


def test_an_encoder_that_takes_directions_for_free_of_error() -> None:
    """As one learnt from fewer pieces than it has features: they are measured here."""
    made = assembly(within=correlated())
    variance = made.embedding.variance.copy()
    variance[:, 3:] = 1e-20
    matrix, found = adapt(made.windows, replace(made.embedding, variance=variance))
    assert np.isfinite(matrix.matrix).all()
    assert np.isfinite(found.matrix).all()
    assert (found.prior > 0).all()


def test_the_best_directions_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made = assembly(within=correlated())
    whole, known = made.adapted
    monkeypatch.setattr(adaptation, "DIRECTIONS", 3)
    windows, found = made.adapted
    np.testing.assert_allclose(np.abs(windows), np.abs(whole[:, :3]), atol=1e-4)
    np.testing.assert_allclose(found.prior, known.prior[:3])
    assert found.variance.shape == found.matrix.shape == (len(made.genome), 3)
