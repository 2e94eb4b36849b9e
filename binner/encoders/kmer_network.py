"""A network on frequencies of words: what the whitening sees of a window, through a few residual layers.

The words are k-mers, and those in the reading frames if it is so made. The first map can be that of a whitening, and
the layers behind it add nothing until they are trained. Its hidden states are shaped as those of a transformer with one
token, so that the same loop trains both. Without layers it is frequencies behind an error law, whichever is measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from functools import cached_property, partial
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from binner.config import EncoderConfig
from binner.data import F32, I64, U8, Progress, digest, silent
from binner.encoders import checkpoint, frames
from binner.encoders.error_law import Lawful
from binner.encoders.kmers import canonical_index
from binner.encoders.transformer import MOST, MOST_LAYERS, pool
from binner.encoders.whitening import WINDOWS_PER_BATCH, features
from binner.errors import InputError

Features = Callable[[U8, I64, I64], F32]  # can be sent to workers: no weight is in it
KIND = "kmers"  # `model_type` in config.json
MOST_K = 12  # words of more letters are too many for a table
WINDOW = 6000  # bp, as the whitening's, where neither the user nor the error law says another


@dataclass(frozen=True, slots=True)
class KmerConfig:
    """The shape."""

    k: int = 5
    frames: bool = False  # whether words in the reading frames are read too
    width: int = 256
    layers: int = 2
    inner: int = 512
    dropout: float = 0.1  # while training

    def __post_init__(self) -> None:
        for name, least, most in (("k", 1, MOST_K), ("width", 1, MOST), ("layers", 0, MOST_LAYERS), ("inner", 1, MOST)):
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} is {getattr(self, name)}, and must be from {least} to {most}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout}, and must be from 0 to below 1")


class KmerLayer(nn.Module):
    """What is added to the hidden states; nothing before it is trained."""

    def __init__(self, config: KmerConfig) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(config.width)
        self.inward = nn.Linear(config.width, config.inner)
        self.outward = nn.Linear(config.inner, config.width)
        self.dropout = nn.Dropout(config.dropout)
        nn.init.zeros_(self.outward.weight)
        nn.init.zeros_(self.outward.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        """Hidden states (B, 1, H) behind the layer."""
        inner = nn.functional.gelu(self.inward(self.norm(hidden.float())))
        out: Tensor = hidden + self.outward(self.dropout(inner))
        return out


class KmerBackbone(nn.Module):
    """Stabilised frequencies of words (B, 1, K) to hidden states (B, 1, H): the interface of `Transformer`.

    They are centred and scaled in float32, since they differ by little.
    """

    centre: Tensor
    scale: Tensor
    odds: Tensor  # (GC classes, 64), log odds of codons; there only if frames are read

    def __init__(self, config: KmerConfig) -> None:
        super().__init__()
        self.config = config
        self.checkpointing = False  # there is nothing that it would save
        words = canonical_index(config.k)[1]
        if config.frames:
            words += frames.PLACES * frames.WORDS
            self.register_buffer("odds", torch.zeros(frames.GC_CLASSES, frames.WORDS))
        self.register_buffer("centre", torch.zeros(words))
        self.register_buffer("scale", torch.ones(words))
        self.start = nn.Linear(words, config.width)
        self.layers = nn.ModuleList(KmerLayer(config) for _ in range(config.layers))

    @property
    def features(self) -> Features:
        """What it reads of codes[start:stop], (V, K)."""
        return partial(features, k=self.config.k, odds=self.odds.cpu().numpy() if self.config.frames else None)

    def begin_with(self, centre: F32, projection: F32) -> None:
        """Make the first map (features - centre) @ projection, centre (K,), projection (K, H)."""
        scale = np.maximum(np.linalg.norm(projection, axis=1), np.float32(1e-12))
        with torch.no_grad():
            self.centre.copy_(torch.from_numpy(centre))
            self.scale.copy_(torch.from_numpy(scale))
            self.start.weight.copy_(torch.from_numpy(projection / scale[:, None]).T)
            self.start.bias.zero_()

    def embed_tokens(self, features: Tensor) -> Tensor:
        """Hidden states (B, 1, H) before the first layer."""
        hidden: Tensor = self.start((features.float() - self.centre) * self.scale)
        return hidden

    def run(self, hidden: Tensor, *, first: int = 0, last: int | None = None, mask: Tensor | None = None) -> Tensor:
        """Hidden states (B, 1, H) behind the layers first..last-1; a window is all there, so there is no mask."""
        del mask
        for layer in self.layers[first:last]:
            hidden = layer(hidden)
        return hidden

    def forward(self, features: Tensor, mask: Tensor | None = None) -> Tensor:
        """Last hidden states (B, 1, H)."""
        return self.run(self.embed_tokens(features), mask=mask)


class KmerNetwork(Lawful):
    """An encoder (`binner.encoders.Encoder`) of a folder with config.json, weights and an error law."""

    quick = True

    def __init__(self, model: KmerBackbone, folder: Path, config: EncoderConfig, *, device: str) -> None:
        super().__init__(folder, width=model.config.width, window=config.window, otherwise=WINDOW)
        self.weights_digest = digest(*(p for name, t in model.state_dict().items() for p in (name, t.numpy())))
        self.device = torch.device(device)
        self.model = model.to(self.device).requires_grad_(False)

    @classmethod
    def load(cls, folder: Path, config: EncoderConfig, *, device: str) -> Self:
        """Read the model in `folder`; raises InputError."""
        return cls(load(folder), folder, config, device=device)

    @cached_property
    def digest(self) -> str:
        """Of the weights, the error law and the window."""
        return digest(self.weights_digest, self.law.digest, str(self.window))

    def embed(self, codes: U8, start: I64, stop: I64, *, progress: Progress = silent) -> F32:
        """Encode codes[start:stop], (V, D) float32 behind the error law's map, the same for both strands."""
        self.warn_of_a_guess()
        centred = self.vectors(codes, start, stop, progress=progress) - self.law.centre
        return np.asarray(centred @ self.law.projection, np.float32)

    def vectors(self, codes: U8, start: I64, stop: I64, *, progress: Progress = silent) -> F32:
        """The model's own vectors, (V, H) float32."""
        out = np.empty((len(start), self.model.config.width), np.float32)
        for first in range(0, len(start), WINDOWS_PER_BATCH):
            rows = slice(first, first + WINDOWS_PER_BATCH)
            found = torch.from_numpy(self.model.features(codes, start[rows], stop[rows]))
            with torch.inference_mode():
                out[rows] = pool(self.model(found[:, None].to(self.device))).cpu().numpy()
            progress(min(first + WINDOWS_PER_BATCH, len(start)), len(start))
        return out


def load(folder: Path) -> KmerBackbone:
    """The network in `folder`, float32, in evaluation mode. Raises InputError."""
    with torch.device("meta"):
        model = KmerBackbone(read_config(folder / checkpoint.CONFIG))
    return checkpoint.fill(model, folder)


def read_config(path: Path) -> KmerConfig:
    """The shape that a config.json describes. Raises InputError."""
    try:
        content = json.loads(path.read_bytes())
        return KmerConfig(**checkpoint.typed(KmerConfig, {f.name: content[f.name] for f in fields(KmerConfig)}))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a folder with a trained encoder") from error
    except checkpoint.NO_DESCRIPTION as error:
        raise InputError(f"{path}: not the description of a network on k-mers: {error}") from error


def save(model: KmerBackbone, folder: Path) -> None:
    """Write config.json and model.safetensors."""
    checkpoint.write(model, {"model_type": KIND, **asdict(model.config)}, folder)
