"""A network on k-mers: a whitening before it is trained, the same for both strands, and a folder that reads back."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from binner import encoders
from binner.config import EncoderConfig
from binner.data import F32, I64, U8
from binner.encoders import kmer_network, whitening
from binner.encoders.error_law import ErrorLaw
from binner.encoders.kmer_network import KmerBackbone, KmerConfig, KmerNetwork
from binner.errors import InputError

Windows = tuple[U8, I64, I64]
SHAPE = KmerConfig(k=3, width=7, layers=2, inner=11, dropout=0.5)


@pytest.fixture
def windows() -> Windows:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 5, 9000).astype(np.uint8)
    start = rng.integers(0, 6000, 30)
    return codes, start, start + rng.integers(100, 3000, 30)


def write(folder: Path, shape: KmerConfig = SHAPE, *, seed: int = 0) -> Path:
    """A network whose layers do something."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = KmerBackbone(shape)
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.5)
    kmer_network.save(model, folder)
    return folder


def load(folder: Path, config: EncoderConfig | None = None) -> KmerNetwork:
    found = encoders.load(str(folder), config)
    assert isinstance(found, KmerNetwork)
    return found


def test_before_it_is_trained_it_is_a_whitening(tmp_path: Path, windows: Windows) -> None:
    features = whitening.frequencies(*windows, k=3)
    centre, projection, _, _ = whitening.fit(features, np.arange(30) // 3, directions=7, shrinkage=0.1)
    model = KmerBackbone(SHAPE)
    model.begin_with(centre.astype(np.float32), projection.astype(np.float32))
    kmer_network.save(model, tmp_path)
    np.testing.assert_allclose(load(tmp_path).vectors(*windows), (features - centre) @ projection, rtol=1e-3, atol=1e-3)


def test_a_layer_is_what_it_says(windows: Windows, tmp_path: Path) -> None:
    found = load(write(tmp_path))
    weights = {name: tensor.double().numpy() for name, tensor in found.model.state_dict().items()}
    features = whitening.frequencies(*windows, k=3)
    hidden = (features - weights["centre"]) * weights["scale"] @ weights["start.weight"].T + weights["start.bias"]
    for layer in ("layers.0.", "layers.1."):
        w = {name.removeprefix(layer): value for name, value in weights.items() if name.startswith(layer)}
        centred = hidden - hidden.mean(1, keepdims=True)
        normed = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5) * w["norm.weight"] + w["norm.bias"]
        inner = torch.nn.functional.gelu(torch.from_numpy(normed @ w["inward.weight"].T + w["inward.bias"])).numpy()
        hidden = hidden + inner @ w["outward.weight"].T + w["outward.bias"]
    np.testing.assert_allclose(found.vectors(*windows), hidden, rtol=1e-4, atol=1e-4)


def test_strands_batches_and_order_change_nothing(
    tmp_path: Path, windows: Windows, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = load(write(tmp_path))
    codes, start, stop = windows
    expected = encoder.embed(*windows)
    other = np.where(codes == 4, 4, 3 - codes)[::-1].astype(np.uint8)
    np.testing.assert_allclose(encoder.embed(other, len(codes) - stop, len(codes) - start), expected, atol=1e-4)
    np.testing.assert_allclose(encoder.embed(codes, start[::-1], stop[::-1])[::-1], expected, atol=1e-4)
    heard: list[tuple[int, int]] = []
    monkeypatch.setattr(kmer_network, "WINDOWS_PER_BATCH", 7)
    found = encoder.embed(*windows, progress=lambda done, total: heard.append((done, total)))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert heard == [(done, 30) for done in (7, 14, 21, 28, 30)]


def test_its_law_maps_what_it_says(tmp_path: Path, windows: Windows, caplog: pytest.LogCaptureFixture) -> None:
    plain = load(write(tmp_path))
    assert plain.window == kmer_network.WINDOW
    raw = plain.embed(*windows)
    assert "binner train errors" in caplog.text
    np.testing.assert_array_equal(raw, plain.vectors(*windows))
    rng = np.random.default_rng(1)
    draws: tuple[F32, F32] = (rng.normal(size=7).astype(np.float32), rng.normal(size=(7, 3)).astype(np.float32))
    ErrorLaw(*draws, np.ones(3, np.float32), np.full(3, 4, np.float32), 2500).save(tmp_path)
    caplog.clear()
    lawful = load(tmp_path)
    np.testing.assert_allclose(lawful.embed(*windows), (raw - draws[0]) @ draws[1], rtol=1e-3, atol=1e-3)
    assert caplog.text == ""
    assert lawful.window == 2500
    np.testing.assert_allclose(lawful.variance(np.array([1250])), [[2, 2, 2]])
    assert load(tmp_path, EncoderConfig(window=700)).window == 700
    assert len({plain.digest, lawful.digest, load(tmp_path, EncoderConfig(window=700)).digest}) == 3


def test_no_layers_and_no_map_are_the_frequencies(tmp_path: Path, windows: Windows) -> None:
    model = KmerBackbone(KmerConfig(k=4, width=136, layers=0))
    model.begin_with(np.zeros(136, np.float32), np.eye(136, dtype=np.float32))
    kmer_network.save(model, tmp_path)
    found = load(tmp_path).embed(*windows)
    np.testing.assert_allclose(found, whitening.frequencies(*windows, k=4), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 4}, r"centre has the shape \(32,\), and config\.json wants \(136,\)"),
        ({"layers": 3}, r"6 missing keys: layers\.2\."),
        ({"layers": -1}, r"config\.json: not the description of a network on k-mers: layers is -1"),
        ({"width": "wide"}, r"config\.json: not the description of a network on k-mers"),
        ({"dropout": "x"}, r"config\.json: not the description of a network on k-mers"),
        ({"dropout": 3}, r"dropout is 3\.0, and must be from 0 to below 1"),
        ({"width": 10**19}, r"width is 10000000000000000000, and must be"),
        ({"k": 40}, r"k is 40, and must be from 1 to 12"),
        ({"inner": None}, r"config\.json: not the description of a network on k-mers"),
    ],
)
def test_a_damaged_folder_takes_one_line(tmp_path: Path, change: dict[str, object], message: str) -> None:
    config = json.loads((write(tmp_path) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(InputError, match=message) as caught:
        encoders.load(str(tmp_path))
    assert "\n" not in str(caught.value)


def test_whole_numbers_may_be_written_with_a_point(tmp_path: Path) -> None:
    config = json.loads((write(tmp_path) / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"width": 7.0, "layers": 2.0}))
    assert load(tmp_path).model.config == SHAPE


@pytest.mark.parametrize("content", ['{"model_type": "kmers"}', "{}", "[]", "no JSON"])
def test_what_is_no_network_on_kmers(tmp_path: Path, content: str) -> None:
    (tmp_path / "config.json").write_text(content)
    assert encoders.is_kmer_network(tmp_path) == ("kmers" in content)
    with pytest.raises(InputError, match=r"config\.json|neither model\.safetensors"):
        encoders.load(str(tmp_path))
