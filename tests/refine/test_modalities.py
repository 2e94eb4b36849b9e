"""Spans against means that are added up window by window, and their noise against the laws that it follows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from binner.data import F64
from binner.refine.modalities import Coverages, Sequences, Spans
from tests.refine.made import D, coverages, sequences

RNG = np.random.default_rng(0)


def whole_of(rows: list[int]) -> Spans:
    return Spans(np.array(rows), np.zeros(len(rows)), np.ones(len(rows)))


def mean_by_hand(made: Sequences, contig: int, start: float, stop: float) -> F64:
    rows = np.flatnonzero(made.windows.windows.contig == contig)
    start, stop = (share * 1000 * len(rows) for share in (start, stop))
    mean = np.zeros(D)
    for number, row in enumerate(rows):
        overlap = max(0.0, min(1000 * (number + 1), stop) - max(1000 * number, start))
        mean += overlap * made.windows.matrix[row]
    return mean / (stop - start)


def test_spans_weigh_windows_by_their_overlap() -> None:
    made = sequences([3, 1, 8])
    made = replace(made, embedding=replace(made.embedding, variance=np.full((3, D), 1e-12, np.float32)))
    spans = Spans(np.array([0, 0, 1, 2, 2]), np.array([0, 0.1, 0.2, 0, 0.51]), np.array([1, 0.9, 0.4, 0.3, 1]))
    for found, row, start, stop in zip(made.draw(spans, RNG), spans.row, spans.start, spans.stop, strict=True):
        np.testing.assert_allclose(found, mean_by_hand(made, row, start, stop), atol=1e-4)


def test_a_whole_contig_is_itself() -> None:
    made = sequences([3, 0, 1, 8])
    np.testing.assert_allclose(made.draw(whole_of([0, 2, 3]), RNG), made.whole(np.array([0, 2, 3])), atol=1e-5)
    assert made.present.tolist() == [True, False, True, True]
    assert not made.draw(whole_of([1]), RNG).any()


def test_nothing_was_encoded() -> None:
    made = sequences([0, 0])
    assert not made.present.any()
    assert not made.draw(whole_of([0, 1]), RNG).any()


@pytest.mark.parametrize("windows", [1, 8])
@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_a_span_has_the_error_of_a_contig_of_its_length(windows: int, share: float) -> None:
    number = 4000
    made = sequences([windows] * number)
    start = RNG.random(number) * (1 - share)
    moved = made.draw(Spans(np.arange(number), start, start + share), RNG)
    # around the genome, whose mean is 0: windows err by 1 / 1,000 bp, and so does what is added
    assert moved.var() == pytest.approx(1 / (windows * share), rel=0.08)


def test_spans_are_of_their_contig_alone() -> None:
    made = sequences([2, 30, 1])
    far = np.where(made.windows.windows.contig == 1, 1000, 0).astype(np.float32)[:, None] + made.windows.matrix
    made = replace(made, windows=replace(made.windows, matrix=far))
    rows = np.tile(np.arange(3), 300)
    start = 0.9 * RNG.random(900)
    drawn = made.draw(Spans(rows, start, start + 0.1), RNG)
    assert ((drawn[:, 0] > 900) == (rows == 1)).all()


@pytest.mark.parametrize("samples", [1, 3, 50])
def test_coverage_errs_by_counting_and_by_scatter(samples: int) -> None:
    number = 4000
    made = coverages(number, samples)
    rows = np.arange(number)
    quarter = Spans(rows, np.full(number, 0.5), np.full(number, 0.75))
    moved = made.draw(quarter, RNG) - made.whole(rows)
    assert moved.shape == (number, 1 if samples == 1 else 1 + samples)
    assert moved[:, 0].var() == pytest.approx((4 * 0.03 + 0.1**2) / (0.03 + 0.1**2), rel=0.1)
    if samples > 1:
        assert moved[:, 1:].var() == pytest.approx((4 * 0.0075 + 0.02**2) / (0.0075 + 0.02**2), rel=0.1)


@pytest.mark.parametrize("samples", [1, 3])
def test_coverage_is_measured_on_the_span(samples: int) -> None:
    """Where depths along the contigs are known; a whole contig is itself."""
    number, pieces = 500, 8
    made = coverages(number, samples, counting=1e-9)
    tiles = sequences([pieces] * number).windows
    depth = np.random.default_rng(3).uniform(1, 50, (number * pieces, samples)).astype(np.float32)
    made = replace(made, along=replace(tiles, matrix=depth))
    rows = np.arange(number)
    np.testing.assert_allclose(made.draw(whole_of(rows.tolist()), RNG), made.whole(rows), atol=1e-3)
    first = made.draw(Spans(rows, np.zeros(number), np.full(number, 0.25)), RNG) - made.whole(rows)
    of_span, of_contig = (depth.reshape(number, pieces, samples)[:, :end].mean(1) for end in (2, pieces))
    size = np.log(of_span.sum(1) + 0.1) - np.log(of_contig.sum(1) + 0.1)
    np.testing.assert_allclose(first[:, 0], size / 0.1, rtol=1e-3, atol=0.01)  # in units of the scatter
    if samples > 1:
        one, other = (np.sqrt((each + 0.1) / (each + 0.1).sum(1, keepdims=True)) for each in (of_span, of_contig))
        np.testing.assert_allclose(first[:, 1:], (one - other) / 0.02, rtol=1e-3, atol=0.01)


def test_less_than_a_window_errs_by_what_it_does_not_see() -> None:
    number = 4000
    made = coverages(number, 1, counting=0.03)
    tiles = sequences([4] * number).windows
    made = replace(made, along=replace(tiles, matrix=np.full((4 * number, 1), 9, np.float32)))
    rows = np.arange(number)
    moved = made.draw(Spans(rows, np.zeros(number), np.full(number, 0.125)), RNG) - made.whole(rows)
    # half a window of four: counting of 1 / 8 of the contig, less the part that the window has shown
    assert moved[:, 0].var() == pytest.approx((8 - 4) * 0.03 / (0.03 + 0.1**2), rel=0.1)


def test_contigs_without_coverage_have_none() -> None:
    made = coverages(6, 3, absent=(1, 4))
    everything = made.whole(np.arange(6))
    assert (everything.any(1) == made.present).all()
    assert (made.draw(whole_of([0, 1, 4]), RNG).any(1) == [True, False, False]).all()
    assert not made.deep[[1, 4]].any()


def test_one_very_deep_contig_moves_no_other() -> None:
    made = coverages(101, 3)
    size = made.depth.size.copy()
    size[size.argmax()] += 10  # a phage
    deeper = Coverages(replace(made.depth, size=size), made.present)
    rows = np.flatnonzero(size == made.depth.size)
    np.testing.assert_allclose(deeper.whole(rows), made.whole(rows), atol=1e-5)


def test_deep_is_what_counting_tells_better_than_genomes_scatter() -> None:
    assert coverages(3, 2, counting=0.009).deep.all()  # below 0.1^2
    assert not coverages(3, 2, counting=0.011).deep.any()
