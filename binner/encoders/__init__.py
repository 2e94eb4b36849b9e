"""Encoders: what turns windows of DNA into vectors. One file each, one line in ENCODERS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from binner.data import F32, I64, U8
from binner.encoders.whitening import Whitening

MODELS = Path(__file__).parent.parent / "models"


class Encoder(Protocol):
    """Encodes windows, and knows how far a contig of a given length may lie from its genome."""

    @property
    def name(self) -> str:
        """As in ENCODERS."""

    @property
    def digest(self) -> str:
        """Of the weights."""

    @property
    def window(self) -> int:
        """Length of the windows that it wants, bp."""

    @property
    def prior(self) -> F32:
        """Variance of genome means around 0, (D,)."""

    def embed(self, codes: U8, start: I64, stop: I64) -> F32:
        """Encode codes[start:stop], (V, D) float32, the same for both strands, for every batch and every order."""

    def variance(self, lengths: I64) -> F32:
        """Variance of contigs of these lengths (bp) around the mean of their genome, (N, D)."""


ENCODERS: dict[str, Callable[[Path], Encoder]] = {"whitening": Whitening.load}


def load(encoder: str) -> Encoder:
    """The encoder that ships under this name, or the one in this folder. Raises InputError."""
    if encoder in ENCODERS:
        return ENCODERS[encoder](MODELS / encoder)
    return ENCODERS["whitening"](Path(encoder))
