"""Embeddings side by side: one error in all directions, each part's own law, windows whose means are the contigs."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from binner.concatenation import Embedded, concatenate
from binner.config import EncoderConfig
from binner.data import Contigs
from binner.embed import embed, window_means
from binner.likelihood import Gaussians
from tests.test_embed import bases, contigs_of, unknown


@pytest.fixture(scope="module")
def contigs() -> Contigs:
    """Of one window and of several, with a gap, of nothing known."""
    gapped = np.concatenate([bases(7000, 3), unknown(50), bases(900, 4)])
    return contigs_of(bases(40_000, 1), bases(1500, 2), gapped, unknown(3000), bases(20_001, 7))


def part(contigs: Contigs, *, window: int, directions: int, unit: float, max_windows: int | None = None) -> Embedded:
    """The first directions of the whitening in another unit, by windows of another length."""
    windows, found = embed(contigs, encoder="whitening", config=EncoderConfig(window, max_windows=max_windows))
    matrix = windows.matrix[:, :directions] * np.float32(unit)
    return dataclasses.replace(windows, matrix=matrix, encoder=f"by {window}"), dataclasses.replace(
        found,
        matrix=found.matrix[:, :directions] * np.float32(unit),
        variance=found.variance[:, :directions] * np.float32(unit) ** 2,
        prior=found.prior[:directions] * np.float32(unit) ** 2,
        encoder=f"by {window}",
    )


@pytest.fixture(scope="module")
def parts(contigs: Contigs) -> list[Embedded]:
    return [
        part(contigs, window=6000, directions=20, unit=1),
        part(contigs, window=1300, directions=9, unit=30),
    ]


def test_the_unit_of_a_part_does_not_matter(contigs: Contigs, parts: list[Embedded]) -> None:
    _, found = concatenate(parts)
    assert found.matrix.dtype == found.variance.dtype == found.prior.dtype == np.float32
    np.testing.assert_array_equal(found.matrix[:, :20], parts[0][1].matrix)
    np.testing.assert_array_equal(found.variance[:, :20], parts[0][1].variance)
    error = parts[0][1].variance[0].mean() / parts[1][1].variance[0].mean()
    np.testing.assert_allclose(found.variance[:, 20:], parts[1][1].variance * error, rtol=1e-4)
    np.testing.assert_allclose(found.matrix[:, 20:], parts[1][1].matrix * np.sqrt(error), rtol=1e-4)
    np.testing.assert_allclose(found.prior[20:], parts[1][1].prior * error, rtol=1e-4)
    other = part(contigs, window=1300, directions=9, unit=0.01)
    np.testing.assert_allclose(concatenate([parts[0], other])[1].matrix, found.matrix, rtol=1e-4, atol=1e-4)


def test_likelihoods_are_the_sums_of_the_parts(parts: list[Embedded]) -> None:
    def log_odds(embedding: Embedded) -> float:
        """That contigs 0 and 4 are of one genome, against two, but for the units of the densities."""
        both = embedding[1]
        given = Gaussians(both.matrix, both.variance, both.prior)
        rows = np.array([0, 4])
        precision = 1 / given.variance[rows].astype(float)
        alone = (given.mean[rows] ** 2 / (given.variance[rows] + given.prior)).sum()
        pooled = (precision * given.mean[rows]).sum(0) / precision.sum(0)
        apart = (precision * (given.mean[rows] - pooled) ** 2).sum()
        return float(alone - apart - (pooled**2 / (1 / precision.sum(0) + given.prior)).sum())

    assert log_odds(concatenate(parts)) == pytest.approx(sum(log_odds(each) for each in parts), rel=1e-3)


def test_windows_are_those_of_the_longest_and_their_means_the_contigs(contigs: Contigs, parts: list[Embedded]) -> None:
    for order in (parts, parts[::-1]):
        windows, found = concatenate(order)
        np.testing.assert_array_equal(windows.windows.start, parts[0][0].windows.start)
        weight = windows.windows.lengths.astype(np.float32)
        means = window_means(windows, windows.windows.contig, weight, rows=len(contigs))
        np.testing.assert_allclose(means, found.matrix, rtol=1e-3, atol=1e-3)
        assert windows.encoder == found.encoder == " + ".join(each[0].encoder for each in order)
        assert (found.matrix[3] == 0).all(), "nothing is known of it"


def test_where_a_part_read_nothing_its_contig_stands_in(contigs: Contigs, parts: list[Embedded]) -> None:
    capped = part(contigs, window=1300, directions=9, unit=1, max_windows=1)
    windows, found = concatenate([capped, parts[0]])
    np.testing.assert_array_equal(windows.windows.start, parts[0][0].windows.start)
    contig = windows.windows.contig
    np.testing.assert_allclose(windows.matrix[contig == 0, :9], found.matrix[contig][contig == 0, :9], rtol=1e-5)
    assert (found.variance[0, :9] > 10 * found.variance[0, 9:].mean()).all(), "of one window of 1.3 kb"


def test_one_is_itself_and_nothing_is_nothing(parts: list[Embedded]) -> None:
    assert concatenate(parts[:1]) is parts[0]
    none = [part(contigs_of(), window=window, directions=4, unit=2) for window in (500, 900)]
    windows, found = concatenate(none)
    assert windows.matrix.shape == found.matrix.shape == (0, 8)
