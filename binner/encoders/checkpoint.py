"""Folders of transformers in the published layout: config.json beside model.safetensors or pytorch_model.bin."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file
from safetensors.torch import save as to_bytes
from torch import Tensor, nn

from binner.encoders.readable import readable
from binner.encoders.tokenizer import TOKENIZER
from binner.encoders.transformer import Transformer, TransformerConfig
from binner.errors import InputError
from binner.whole_files import whole

logger = logging.getLogger(__name__)

Module = TypeVar("Module", bound=nn.Module)
CONFIG, SAFETENSORS, PICKLED = "config.json", "model.safetensors", "pytorch_model.bin"
FIELDS = {
    "vocab_size": "vocabulary",
    "hidden_size": "width",
    "num_hidden_layers": "layers",
    "num_attention_heads": "heads",
    "intermediate_size": "inner",
    "type_vocab_size": "types",
    "layer_norm_eps": "epsilon",
    "hidden_dropout_prob": "dropout",
}
ACTIVATION = "gelu"  # the exact one
NOT_OURS = re.compile(r"cls\.|pooler\.|(.*\.)?position_ids$")  # of the masked language model; never trained; a counter
NO_DESCRIPTION = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
SHOWN = 3  # keys that an error names


def load(folder: Path) -> Transformer:
    """The transformer in `folder`, float32, in evaluation mode.

    Raises InputError where a file is missing or damaged, a key is missing, unexpected or of another shape, or a value
    is not finite.
    """
    with torch.device("meta"):
        model = Transformer(read_config(folder / CONFIG))
    return fill(model, folder)


def fill(model: Module, folder: Path) -> Module:
    """The weights in `folder` for a model that has none yet, float32, in evaluation mode. Raises InputError."""
    path = next((folder / name for name in (SAFETENSORS, PICKLED) if (folder / name).exists()), None)
    if path is None:
        raise InputError(f"{folder}: neither {SAFETENSORS} nor {PICKLED} in it; name a folder with a trained encoder")
    tensors = {bare(name): tensor for name, tensor in _read(path).items()}
    tensors = {name: tensor.float() for name, tensor in tensors.items() if not NOT_OURS.match(name)}
    _compare(path, tensors, model.state_dict())
    if broken := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise InputError(
            f"{path}: {broken[0]} holds values that are not finite ({len(broken)} of {len(tensors)} tensors do); "
            "copy the weights again, or train them at a lower rate"
        )
    model.load_state_dict(tensors, assign=True)
    return model.eval()


def save(model: Transformer, folder: Path, *, tokenizer: Path) -> None:
    """Write config.json, model.safetensors (the type of the weights as it is) and a copy of `tokenizer` (a file)."""
    config = {name: getattr(model.config, own) for name, own in FIELDS.items()}
    rest = {"model_type": "bert", "hidden_act": ACTIVATION, "attention_probs_dropout_prob": 0.0}
    write(model, {**config, **rest}, folder)
    if tokenizer.resolve() != (folder / TOKENIZER).resolve():
        shutil.copyfile(tokenizer, folder / TOKENIZER)


def write(model: nn.Module, config: Mapping[str, object], folder: Path) -> None:
    """config.json and model.safetensors."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with whole(folder / SAFETENSORS) as unfinished:
        unfinished.write_bytes(to_bytes(tensors, metadata={"format": "pt"}))  # `save_file` makes it the owner's alone


def read_config(path: Path) -> TransformerConfig:
    """The shape that a config.json describes. Raises InputError."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
        activation = content.get("hidden_act", ACTIVATION)
        if activation != ACTIVATION:
            raise ValueError(f"hidden_act is '{activation}', and only '{ACTIVATION}' is known")
        given = {own: content[name] for name, own in FIELDS.items() if name in content}
        return TransformerConfig(**typed(TransformerConfig, given))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a folder with a trained encoder") from error
    except NO_DESCRIPTION as error:
        raise InputError(f"{path}: not the description of a transformer: {error}") from error


def typed(shape: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a description as the fields of `shape` want them. Raises what is in NO_DESCRIPTION."""
    numbers = {"int": int, "float": float, "bool": bool}
    return {name: numbers[shape.__annotations__[name]](value) for name, value in given.items()}


def bare(name: str) -> str:
    """A key without the prefixes of wrappers: those of data-parallel training and of the masked language model.

    >>> bare("module.bert.encoder.layer.0.mlp.wo.bias")
    'encoder.layer.0.mlp.wo.bias'
    """
    return name.removeprefix("module.").removeprefix("bert.")


def _read(path: Path) -> dict[str, Tensor]:
    with readable(path, what="weights"):
        tensors = (
            load_file(path)
            if path.name == SAFETENSORS
            else torch.load(path, map_location="cpu", weights_only=True, mmap=False)
        )
    if not isinstance(tensors, dict) or not all(
        isinstance(name, str) and isinstance(tensor, Tensor) for name, tensor in tensors.items()
    ):
        raise InputError(f"{path}: holds other things than tensors by name")
    return tensors


def _compare(path: Path, found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """Raise InputError unless both have the same keys and shapes."""
    differing = {"missing": wanted.keys() - found.keys(), "unexpected": found.keys() - wanted.keys()}
    if any(differing.values()):
        parts = [
            f"{len(keys)} {what} keys: {', '.join(sorted(keys)[:SHOWN])}{', ...' if len(keys) > SHOWN else ''};"
            for what, keys in differing.items()
            if keys
        ]
        raise InputError(f"{path}: {' '.join(parts)} is {CONFIG} that of these weights?")
    for name, tensor in wanted.items():
        if found[name].shape != tensor.shape:
            shapes = f"{tuple(found[name].shape)}, and {CONFIG} wants {tuple(tensor.shape)}"
            raise InputError(f"{path}: {name} has the shape {shapes}")
