"""Batches: what is in them, what may be seen of it, and what is mixed."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from binner.data import I64, U8
from binner.refine.links import Links
from binner.refine.modalities import Modality
from binner.refine.options import RefineConfig, Regime
from binner.refine.views import Batch, Views
from tests.refine.made import D, coverages, sequences

CONFIG = RefineConfig(contigs=8, views=3, shortest=500, terms=("halves", "mix", "markers"))
REGIME = Regime(temperature=0.2, steps=12, hidden=8)


def views_of(contigs: int, *, samples: int = 2, absent: tuple[int, ...] = (), links: Links | None = None) -> Views:
    made: list[Modality] = [sequences([10] * contigs)]
    if samples:
        made.append(coverages(contigs, samples, absent=absent))
    lengths = np.full(contigs, 10_000, np.int64)
    return Views(made, lengths, np.arange(contigs), links=links)


def some(views: Views, number: int, config: RefineConfig = CONFIG, seed: int = 0) -> list[Batch]:
    return list(islice(views.batches(config, REGIME, np.random.default_rng(seed)), number))


def test_a_batch() -> None:
    batch = some(views_of(20), 1)[0]
    assert [values.shape for values in batch.inputs] == [(8, 3, D), (8, 3, 3)]
    assert all(values.dtype == np.float32 for values in batch.inputs)
    assert (batch.present.shape, batch.shown.shape, batch.trusted.shape) == ((8, 2), (8, 3, 2), (8,))
    assert batch.mix is None
    assert batch.weight is None


def test_every_contig_has_its_turn() -> None:
    views = views_of(20)
    orders = views._orders(CONFIG, np.random.default_rng(0))
    turns = [next(orders) for _ in range(2 * 50)]  # 2 batches of 8 of 20
    assert all(len(np.unique(rows)) == 8 for rows in turns)
    assert len(np.unique(np.concatenate(turns))) == 20


@pytest.mark.parametrize("contigs", [2, 3])
def test_few_contigs(contigs: int) -> None:
    assert [len(batch.present) for batch in some(views_of(contigs), 3)] == [contigs] * 3


def test_mixing_begins_at_the_switch() -> None:
    batches = some(views_of(20), 12)
    assert [batch.mix is not None for batch in batches] == [False] * 4 + [True] * 8
    mixes = [batch.mix for batch in batches if batch.mix is not None]
    assert len({mix.layer for mix in mixes}) > 1
    for mix in mixes:
        assert ((mix.share >= 0.5) & (mix.share <= 1)).all()
        assert sorted(mix.partner.tolist()) == list(range(8))
    plain = some(views_of(20), 12, replace(CONFIG, terms=("halves",)))
    assert all(batch.mix is None for batch in plain)


def test_something_is_shown_of_every_view_and_nothing_that_is_not_there() -> None:
    config = replace(CONFIG, dropped=0.7)
    for batch in some(views_of(20, absent=(0, 5, 6)), 12, config):
        assert batch.shown.any(-1).all()
        assert not (batch.shown & ~batch.present[:, None]).any()
        if batch.mix is not None:
            both = batch.present & batch.present[batch.mix.partner]
            np.testing.assert_array_equal(batch.shown[:, 0], both)


@pytest.mark.parametrize("dropped", [0.0, 0.3])
def test_modalities_are_dropped_as_often_as_asked(dropped: float) -> None:
    batches = some(views_of(60), 300, replace(CONFIG, terms=(), dropped=dropped))
    hidden = 1 - np.mean([batch.shown for batch in batches])
    assert hidden == pytest.approx(dropped * (1 - dropped), abs=0.02)  # not both at once


def spans_of(views: Views, config: RefineConfig, rows: I64) -> tuple[np.typing.NDArray[np.float64], ...]:
    spans = views._spans(rows, config, np.random.default_rng(1))
    assert (spans.row == np.repeat(rows, config.views)).all()
    return spans.start.reshape(len(rows), -1), spans.stop.reshape(len(rows), -1)


def test_halves_share_no_base_and_leave_none_out() -> None:
    config = replace(CONFIG, halved=1.0)
    start, stop = spans_of(views_of(200), config, np.arange(200))
    np.testing.assert_array_equal(stop[:, 0], start[:, 1])
    assert (start[:, 0] == 0).all()
    assert (stop[:, 1] == 1).all()
    apart = replace(config, terms=())
    start, stop = spans_of(views_of(200), apart, np.arange(200))
    assert (stop[:, 0] != start[:, 1]).all()


def test_spans_are_from_the_shortest_to_the_whole_contig() -> None:
    start, stop = spans_of(views_of(900), replace(CONFIG, terms=()), np.arange(900))
    bp = (stop - start) * 10_000
    assert bp.min() == pytest.approx(500, rel=0.02)
    assert bp.max() <= 10_000
    assert np.median(bp) == pytest.approx(np.sqrt(500 * 10_000), rel=0.1)  # log-uniform
    assert (start >= 0).all()
    assert (stop <= 1 + 1e-12).all()


def test_contigs_with_the_same_gene_come_together() -> None:
    counts: U8 = np.zeros((40, 1), np.uint8)
    counts[[3, 30]] = 1
    views = views_of(40, links=Links(counts > 0, counts > 0, np.array([[3, 30]])))
    for batch in some(views, 5):
        assert batch.weight is not None
        assert batch.weight.shape == (len(batch.present), len(batch.present))
        assert (batch.weight > 1).sum() == 4  # the two of them, and each with itself


def test_long_and_deep_contigs_are_trusted() -> None:
    modalities: list[Modality] = [sequences([10] * 4), coverages(4, 2, absent=(1,), counting=0.001)]
    views = Views(modalities, np.array([10_000, 10_000, 4999, 20_000]), np.arange(4), links=None)
    assert views.trusted.tolist() == [True, False, False, True]  # no coverage, short
    shallow: list[Modality] = [sequences([10] * 4), coverages(4, 2, counting=0.1)]
    assert not Views(shallow, np.full(4, 10_000), np.arange(4), links=None).trusted.any()


def test_stretches_that_do_not_overlap() -> None:
    views = views_of(30)
    first, second, bp = views.halves(500, 1000, np.random.default_rng(0))
    assert (first.row == second.row).all()
    assert (first.stop <= second.start).all()
    assert (second.stop <= 1 + 1e-12).all()
    for spans in (first, second):
        np.testing.assert_allclose((spans.stop - spans.start) * 10_000, bp)
    assert (bp.min() >= 999, bp.max() <= 5001) == (True, True)
    assert len(views.halves(500, 6000, np.random.default_rng(0))[2]) == 0
