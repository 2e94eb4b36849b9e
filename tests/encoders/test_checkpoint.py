"""Checkpoints: what is read is what was written, whatever it is wrapped in; what does not fit is named."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from binner.encoders import checkpoint
from binner.errors import InputError
from tests.encoders import toy

Tensors = dict[str, Tensor]
NORM = "embeddings.LayerNorm.weight"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return toy.write_model(tmp_path / "model")


def repack(folder: Path, change: Callable[[Tensors], object]) -> None:
    """The weights as pytorch_model.bin, changed."""
    tensors = dict(checkpoint.load(folder).state_dict())
    torch.save(change(tensors), folder / checkpoint.PICKLED)
    (folder / checkpoint.SAFETENSORS).unlink()


def test_what_was_saved_is_loaded(folder: Path, tmp_path: Path) -> None:
    model = checkpoint.load(folder)
    assert not model.training
    checkpoint.save(model, tmp_path / "copy", tokenizer=folder / "tokenizer.json")
    again = checkpoint.load(tmp_path / "copy")
    assert again.config == model.config == toy.SHAPE
    for name, tensor in model.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor)
    assert (tmp_path / "copy/tokenizer.json").read_bytes() == (folder / "tokenizer.json").read_bytes()
    assert all(weight.requires_grad for weight in again.parameters())


def test_whoever_may_read_the_folder_may_read_the_weights(folder: Path) -> None:
    assert (folder / checkpoint.SAFETENSORS).stat().st_mode == (folder / checkpoint.CONFIG).stat().st_mode


@pytest.mark.parametrize("prefix", ["", "bert.", "module.", "module.bert."])
def test_wrappers_are_seen_through(folder: Path, prefix: str) -> None:
    expected = checkpoint.load(folder).state_dict()

    def wrap(tensors: Tensors) -> Tensors:
        wrapped = {prefix + name: tensor.half() for name, tensor in tensors.items()}
        extra = ["cls.predictions.decoder.weight", "module.cls.predictions.transform.dense.bias"]
        extra += [f"{prefix}pooler.dense.weight", f"{prefix}embeddings.position_ids"]
        return wrapped | {name: torch.ones(3) for name in extra}

    repack(folder, wrap)
    found = checkpoint.load(folder).state_dict()
    for name, tensor in expected.items():
        assert found[name].dtype == torch.float32
        assert torch.equal(found[name], tensor.half().float())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: {name: tensor for name, tensor in t.items() if name != NORM}, f"1 missing keys: {NORM};"),
        (lambda t: t | {"encoder.layer.2.mlp.wo.bias": t[NORM]}, "1 unexpected keys: encoder.layer.2.mlp.wo.bias;"),
        (
            lambda t: {name.replace("Norm.w", "Norm.W"): tensor for name, tensor in t.items() if "layer." not in name},
            r"2\d missing keys: .*, \.\.\.; 1 unexpected keys: embeddings.LayerNorm.Weight; is config.json that",
        ),
        (lambda t: t | {NORM: torch.ones(3)}, rf"{NORM} has the shape \(3,\), and config.json wants \(48,\)"),
        (lambda t: {"model": t}, "other things than tensors by name"),
        (lambda t: [1, 2], "other things than tensors by name"),
        (lambda t: t | {NORM: t[NORM] * float("nan")}, rf"{NORM} holds values that are not finite \(1 of 2\d tensors"),
        (lambda t: t | {5: torch.ones(3)}, "other things than tensors by name"),
        (lambda t: t | {"x": Path("x")}, "not weights that can be read safely"),
    ],
    ids=["missing", "unexpected", "both", "shape", "nested", "a list", "nan", "a number", "another class"],
)
def test_weights_that_do_not_fit(folder: Path, change: Callable[[Tensors], object], message: str) -> None:
    repack(folder, change)
    with pytest.raises(InputError, match=message) as caught:
        checkpoint.load(folder)
    assert str(folder / checkpoint.PICKLED) in str(caught.value)
    assert "\n" not in str(caught.value)


class Evil:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return Path.touch, (Path("executed"),)  # type: ignore[return-value]


def test_nothing_in_a_checkpoint_is_executed(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (folder / checkpoint.SAFETENSORS).unlink()
    (folder / checkpoint.PICKLED).write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(InputError, match="not weights that can be read safely"):
        checkpoint.load(folder)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", [checkpoint.SAFETENSORS, checkpoint.PICKLED])
@pytest.mark.parametrize("content", [b"", b"no weights", bytes(100)], ids=["empty", "text", "zeros"])
def test_damaged_weights(folder: Path, name: str, content: bytes) -> None:
    (folder / checkpoint.SAFETENSORS).unlink()
    (folder / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: not weights that can be read safely"):
        checkpoint.load(folder)


def test_bytes_that_are_wrong_take_one_line(folder: Path) -> None:
    """Bytes of the old pickled layout, changed one after another: torch fails over them in its own ways, or not."""
    (folder / checkpoint.SAFETENSORS).unlink()
    path = folder / checkpoint.PICKLED
    torch.save({NORM: torch.ones(3)}, path, _use_new_zipfile_serialization=False)
    content = path.read_bytes()
    for at in range(0, len(content), 2):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x5A]) + content[at + 1 :])
        with pytest.raises(InputError, match=checkpoint.PICKLED):
            checkpoint.load(folder)


def test_no_weights(folder: Path) -> None:
    (folder / checkpoint.SAFETENSORS).unlink()
    with pytest.raises(InputError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        checkpoint.load(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hidden_act": "relu"}, "hidden_act is 'relu'"),
        ({"num_attention_heads": 7}, "48 cannot be shared by 7 heads"),
        ({"hidden_size": None}, "not the description of a transformer"),
        ({"hidden_dropout_prob": 1.5}, "dropout is 1.5, and must be from 0 to below 1"),
        ({"layer_norm_eps": float("nan")}, "epsilon is nan"),
        ({"hidden_size": float("inf")}, "not the description of a transformer: cannot convert float infinity"),
        ({"hidden_size": 10**19}, "width is 10000000000000000000, which is not the size of a network"),
        ({"num_hidden_layers": 10**6}, "layers is 1000000, which is not the size of a network"),
        ({"num_hidden_layers": 3}, "missing keys: encoder.layer.2.attention.output.LayerNorm.bias, .*, ..."),
        ({"vocab_size": 100}, "word_embeddings.weight has the shape"),
    ],
)
def test_a_config_that_does_not_fit(folder: Path, change: dict[str, Any], message: str) -> None:
    path = folder / checkpoint.CONFIG
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=message):
        checkpoint.load(folder)


@pytest.mark.parametrize("content", [None, b"", b"[]", b"\xff", b"[" * 100_000])
def test_a_config_that_is_none(folder: Path, content: bytes | None) -> None:
    path = folder / checkpoint.CONFIG
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"config\.json"):
        checkpoint.load(folder)
