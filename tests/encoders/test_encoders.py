"""What every encoder must hold to; each entry of the registry goes through all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from binner import encoders
from binner.data import I64, U8
from binner.encoders import ENCODERS, MODELS, Encoder
from binner.encoders.whitening import WEIGHTS, Whitening, fit
from binner.errors import InputError

Windows = tuple[U8, I64, I64]


@pytest.fixture(params=sorted(ENCODERS))
def encoder(request: pytest.FixtureRequest) -> Encoder:
    return encoders.load(request.param)


@pytest.fixture
def windows() -> Windows:
    codes = np.random.default_rng(0).integers(0, 4, 60_000).astype(np.uint8)
    start = np.arange(0, 50_000, 1700)
    return codes, start, start + np.random.default_rng(1).integers(200, 8000, len(start))


def test_shipped_weights_are_small_and_have_a_card(encoder: Encoder) -> None:
    folder = MODELS / encoder.name
    assert sum(file.stat().st_size for file in folder.iterdir()) < 20e6
    card = (folder / "README.md").read_text()
    assert encoder.digest in card
    assert "Command:" in card


def closely(encoder: Encoder) -> float:
    """How far two readings of one window may lie apart: bf16 rounds, by a few percent of the error of a window."""
    error = float(np.sqrt(encoder.variance(np.array([encoder.window])).mean()))
    return 1e-4 if encoder.name == "whitening" else 0.1 * error


def test_neither_batch_nor_order_change_a_row(encoder: Encoder, windows: Windows) -> None:
    codes, start, stop = windows
    together = encoder.embed(codes, start, stop)
    assert together.dtype == np.float32
    assert together.shape == (len(start), len(encoder.prior))
    alone = np.concatenate([encoder.embed(codes, start[i : i + 1], stop[i : i + 1]) for i in range(len(start))])
    np.testing.assert_allclose(alone, together, atol=closely(encoder))
    np.testing.assert_allclose(encoder.embed(codes, start[::-1], stop[::-1])[::-1], together, atol=closely(encoder))


def test_both_strands_are_one(encoder: Encoder, windows: Windows) -> None:
    codes, start, stop = windows
    other = np.ascontiguousarray(3 - codes[::-1])
    turned = encoder.embed(other, len(codes) - stop, len(codes) - start)
    np.testing.assert_allclose(turned, encoder.embed(codes, start, stop), atol=closely(encoder))


def test_the_error_falls_with_the_length(encoder: Encoder) -> None:
    variance = encoder.variance(np.array([1000, 2000, 100_000]))
    assert variance.dtype == np.float32
    assert (variance > 0).all()
    assert (np.diff(variance, axis=0) < 0).all()


def test_whitening_of_known_genomes() -> None:
    """Species means far apart in one direction: found; the noise there is the one put in."""
    rng = np.random.default_rng(3)
    species = np.repeat(np.arange(40), 50)
    spread = np.linspace(1, 3, 6)
    means = np.zeros((40, 6))
    means[:, 2] = rng.normal(0, 20, 40)
    features = (means[species] + rng.normal(0, 1, (2000, 6)) * spread).astype(np.float32)
    centre, projection, noise, prior = fit(features, species, directions=2, shrinkage=0.0)
    assert abs(projection[2, 0]) > 5 * np.abs(np.delete(projection[:, 0], 2)).max()
    share = prior / (prior + noise)
    np.testing.assert_allclose(noise / share**2, 1, atol=0.01)  # whitened, by definition
    assert prior[0] == pytest.approx(means[:, 2].var() / spread[2] ** 2, rel=0.1)
    assert prior[1] < 0.2
    np.testing.assert_allclose(centre[2], means[:, 2].mean(), atol=0.2)


def test_save_and_load(tmp_path: Path) -> None:
    shipped = Whitening.load(MODELS / "whitening")
    shipped.save(tmp_path)
    loaded = encoders.load(str(tmp_path))
    assert loaded.digest == shipped.digest
    assert loaded.window == shipped.window


@pytest.mark.parametrize("content", [None, b"", b"no weights at all", b"\x02\0\0\0\0\0\0\0{}"])
def test_a_folder_without_weights_is_an_input_error(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / WEIGHTS).write_bytes(content)
    with pytest.raises(InputError, match=WEIGHTS):
        encoders.load(str(tmp_path))


def test_weights_that_do_not_fit_together_are_refused(tmp_path: Path) -> None:
    shipped = Whitening.load(MODELS / "whitening")
    with pytest.raises(ValueError, match="noise"):
        replace(shipped, noise=shipped.noise[:3])
    with pytest.raises(ValueError, match="4-mers"):
        replace(shipped, k=4)
    with pytest.raises(ValueError, match="odds"):
        replace(shipped, odds=shipped.odds[:3])
