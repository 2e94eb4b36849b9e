"""Contigs are length-weighted means of their windows, whatever the order, the batch or the strand."""

from __future__ import annotations

from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from typing import Self

import numpy as np
import pytest

from binner import encoders
from binner.concatenation import Embedded
from binner.config import EncoderConfig, Shard
from binner.data import F32, I64, N_CODE, U8, Contigs, WindowEmbedding, Windows
from binner.embed import _pieces_per_device, embed, embed_contigs, embed_windows, join, part, window_means
from binner.encoders import Encoder
from binner.errors import InputError, OptionError


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return encoders.load("whitening")


def contigs_of(*codes: U8) -> Contigs:
    offsets = np.concatenate([[0], np.cumsum([len(code) for code in codes])]).astype(np.int64)
    return Contigs(tuple(f"c{i}" for i in range(len(codes))), np.concatenate([np.zeros(0, np.uint8), *codes]), offsets)


def bases(length: int, seed: int) -> U8:
    """A sequence of its own composition."""
    rng = np.random.default_rng(seed)
    return rng.choice(4, length, p=rng.dirichlet(np.full(4, 20))).astype(np.uint8)


def unknown(length: int) -> U8:
    return np.full(length, N_CODE, np.uint8)


@pytest.fixture
def contigs() -> Contigs:
    """Of one window, of several, with gaps, of nothing known, too short for a window."""
    gapped = np.concatenate([bases(7000, 3), unknown(50), bases(900, 4), unknown(500), bases(12_345, 5)])
    return contigs_of(bases(40_000, 1), bases(1500, 2), gapped, unknown(3000), bases(60, 6), bases(20_001, 7))


def whole(contigs: Contigs, encoder: Encoder) -> F32:
    windows = embed_windows(contigs, encoder=encoder)
    return embed_contigs(windows, encoder=encoder, contigs=len(contigs)).matrix


def test_a_contig_is_the_mean_of_its_windows_weighted_by_their_lengths(contigs: Contigs, encoder: Encoder) -> None:
    windows = embed_windows(contigs, encoder=encoder)
    found = embed_contigs(windows, encoder=encoder, contigs=len(contigs))
    assert found.matrix.shape == found.variance.shape == (len(contigs), len(encoder.prior))
    for row in range(len(contigs)):
        own = np.flatnonzero(windows.windows.contig == row)
        read = int(windows.windows.lengths[own].sum())
        if len(own):
            expected = np.average(windows.matrix[own].astype(float), axis=0, weights=windows.windows.lengths[own])
            np.testing.assert_allclose(found.matrix[row], expected, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(found.variance[row], encoder.variance(np.array([read]))[0])
    assert set(np.bincount(windows.windows.contig)) >= {0, 1, 3, 7}, "contigs without, with one and with more windows"
    assert found.encoder == windows.encoder == f"whitening {encoder.digest}"
    assert found.names_digest == contigs.names_digest
    np.testing.assert_array_equal(found.prior, encoder.prior)


def test_every_window_is_what_the_encoder_makes_of_its_bases(contigs: Contigs, encoder: Encoder) -> None:
    windows = embed_windows(contigs, encoder=encoder)
    for row in range(len(windows.windows)):
        start, stop = windows.windows.start[row], windows.windows.stop[row]
        piece = np.ascontiguousarray(contigs[windows.windows.contig[row]][start:stop])
        alone = encoder.embed(piece, np.array([0]), np.array([len(piece)]))[0]
        np.testing.assert_allclose(windows.matrix[row], alone, rtol=1e-4, atol=1e-4)


def test_a_contig_of_one_window_is_that_window(encoder: Encoder) -> None:
    contigs = contigs_of(bases(1000, 1), bases(6000, 2), bases(100, 3))
    windows = embed_windows(contigs, encoder=encoder)
    assert len(windows.windows) == len(contigs)
    found = embed_contigs(windows, encoder=encoder, contigs=3)
    np.testing.assert_allclose(found.matrix, windows.matrix, rtol=1e-5, atol=1e-5)


def test_of_contigs_without_a_window_nothing_is_known(contigs: Contigs, encoder: Encoder) -> None:
    windows = embed_windows(contigs, encoder=encoder)
    found = embed_contigs(windows, encoder=encoder, contigs=len(contigs))
    assert (found.matrix[[3, 4]] == 0).all()
    assert (found.matrix[[0, 1, 2, 5]] != 0).all(1).all()
    assert (found.variance[[3, 4]].min(0) > 100 * found.variance[[0, 1, 2, 5]].max(0)).all(), "far from sure"


def test_the_order_of_the_contigs_does_not_matter(contigs: Contigs, encoder: Encoder) -> None:
    order = np.random.default_rng(0).permutation(len(contigs))
    np.testing.assert_allclose(
        whole(contigs.select(order), encoder), whole(contigs, encoder)[order], rtol=1e-4, atol=1e-4
    )


def test_both_strands_lie_in_one_place(encoder: Encoder) -> None:
    """Where windows are cut moves by a base at most."""
    forward = [bases(6000, 1), bases(31_007, 2), np.concatenate([bases(7000, 3), unknown(50), bases(3000, 4)])]
    backward = [np.where(code == N_CODE, N_CODE, 3 - code)[::-1].astype(np.uint8) for code in forward]
    one, two = whole(contigs_of(*forward), encoder), whole(contigs_of(*backward), encoder)
    np.testing.assert_allclose(one[0], two[0], atol=1e-4)
    assert np.linalg.norm(one - two, axis=1).max() < 0.01 * np.linalg.norm(one, axis=1).min()


def test_batches_change_nothing_and_are_reported(
    contigs: Contigs, encoder: Encoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = embed_windows(contigs, encoder=encoder).matrix
    monkeypatch.setattr("binner.encoders.whitening.WINDOWS_PER_BATCH", 4)
    heard: list[tuple[int, int]] = []
    found = embed_windows(contigs, encoder=encoder, progress=lambda done, total: heard.append((done, total)))
    np.testing.assert_allclose(found.matrix, expected, rtol=1e-4, atol=1e-4)
    total = len(expected)
    assert heard == [(min(4 * (step + 1), total), total) for step in range(-(-total // 4))]


def test_a_cap_on_windows_takes_them_from_all_over_the_contig(
    contigs: Contigs, encoder: Encoder, caplog: pytest.LogCaptureFixture
) -> None:
    every = embed_windows(contigs, encoder=encoder)
    with caplog.at_level("INFO"):
        capped = embed_windows(contigs, encoder=encoder, max_windows=3)
    assert "--max-windows 3: 10 of 15 windows are read" in caplog.text
    number = np.bincount(every.windows.contig)
    np.testing.assert_array_equal(np.bincount(capped.windows.contig), np.minimum(number, 3))
    first = capped.windows.start[capped.windows.contig == 0]
    assert first[0] > 0
    assert np.diff(first).max() - np.diff(first).min() <= 6000, "evenly"
    found = embed_contigs(capped, encoder=encoder, contigs=len(contigs))
    whole_variance = embed_contigs(every, encoder=encoder, contigs=len(contigs)).variance
    assert (found.variance[0] > whole_variance[0]).all(), "less was read"
    np.testing.assert_array_equal(found.variance[1], whole_variance[1])


@pytest.mark.parametrize("of", [1, 2, 3, 8])
def test_shards_make_the_whole(contigs: Contigs, of: int) -> None:
    whole = embed(contigs, encoder="whitening")
    pieces = [part(contigs, Shard(number, of)) for number in range(1, of + 1)]
    assert sum((piece.names for piece in pieces), ()) == contigs.names
    assert_alike(
        join([embed(piece, encoder="whitening") for piece in pieces], names_digest=contigs.names_digest), whole
    )


def test_processes_change_nothing(contigs: Contigs) -> None:
    heard: list[int] = []
    options = EncoderConfig(devices=2)
    found = embed(contigs, encoder="whitening", config=options, progress=lambda done, total: heard.append(done))
    assert_alike(found, embed(contigs, encoder="whitening"))
    assert heard == list(range(1, 17))


def test_a_process_that_is_killed_is_no_bug(contigs: Contigs, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool:
        def __init__(self, *_: object) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def submit(self, *_: object) -> Future[Embedded]:
            killed = Future[Embedded]()
            killed.set_exception(BrokenProcessPool("terminated abruptly"))
            return killed

    monkeypatch.setattr("binner.embed.ProcessPoolExecutor", Pool)
    with pytest.raises(OptionError, match="--devices 2: a process that embeds was killed"):
        embed(contigs, encoder="whitening", config=EncoderConfig(devices=2))


def test_gpus_get_pieces_that_fill_their_batches() -> None:
    assert _pieces_per_device(5_000_000, 4, gpu=False) == 8
    assert [_pieces_per_device(mb * 10**6, 4, gpu=True) for mb in (5, 900, 10_000)] == [1, 2, 8]


def assert_alike(one: Embedded, two: Embedded) -> None:
    for name in ("contig", "start", "stop"):
        np.testing.assert_array_equal(getattr(one[0].windows, name), getattr(two[0].windows, name))
    np.testing.assert_allclose(one[0].matrix, two[0].matrix, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(one[1].matrix, two[1].matrix, rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(one[1].variance, two[1].variance)
    assert (one[1].encoder, one[1].names_digest) == (two[1].encoder, two[1].names_digest)


@pytest.mark.parametrize("contigs", [contigs_of(), contigs_of(unknown(2000), unknown(5))], ids=["none", "all N"])
def test_nothing_to_encode(contigs: Contigs, encoder: Encoder) -> None:
    windows, found = embed(contigs, encoder="whitening")
    assert len(windows.windows) == 0
    assert found.matrix.shape == (len(contigs), len(encoder.prior))
    assert (found.matrix == 0).all()


def test_a_folder_without_an_encoder_is_an_input_error() -> None:
    with pytest.raises(InputError, match="no-such-folder"):
        embed(contigs_of(bases(1000, 1)), encoder="no-such-folder")


def views(number: int, *, seed: int) -> tuple[WindowEmbedding, I64, F32]:
    """Windows, the view that each counts for, and what it weighs there."""
    rng = np.random.default_rng(seed)
    first = np.arange(number)
    windows = WindowEmbedding(
        Windows(first, first, first + 1), rng.normal(size=(number, 5)).astype(np.float32), "none", "names"
    )
    return windows, rng.integers(0, 6, number), rng.uniform(0, 1, number).astype(np.float32)


@pytest.mark.parametrize("scale", [1e-4, 1, 6000], ids=["shares", "of one", "bp"])
def test_window_means_are_weighted_means_whatever_the_unit_of_the_weights(scale: float) -> None:
    windows, row, weight = views(40, seed=1)
    found = window_means(windows, row, weight * np.float32(scale), rows=7)
    assert found.dtype == np.float32
    for view in range(6):
        expected = np.average(windows.matrix[row == view], axis=0, weights=weight[row == view])
        np.testing.assert_allclose(found[view], expected, rtol=1e-3, atol=1e-4)
    assert (found[6] == 0).all(), "no window counts for it"
    weight[row == 2] = 0
    assert (window_means(windows, row, weight, rows=7)[2] == 0).all()
