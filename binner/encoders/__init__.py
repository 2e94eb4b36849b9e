"""Encoders: what turns windows of DNA into vectors. One file each, one line in ENCODERS."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from binner.config import HUB_NAME, EncoderConfig, MachineConfig
from binner.data import F32, I64, U8, Progress, silent
from binner.encoders.whitening import Whitening
from binner.errors import InputError

MODELS = Path(__file__).parent.parent / "models"


class Encoder(Protocol):
    """Encodes windows, and knows how far a contig of a given length may lie from its genome."""

    @property
    def name(self) -> str:
        """As in ENCODERS, or of the folder that holds it."""

    @property
    def digest(self) -> str:
        """Of the weights."""

    @property
    def window(self) -> int:
        """Length of the windows that it wants, bp."""

    @property
    def prior(self) -> F32:
        """Variance of genome means around 0, (D,)."""

    def embed(self, codes: U8, start: I64, stop: I64, *, progress: Progress = silent) -> F32:
        """Encode codes[start:stop], (V, D) float32, the same for both strands, for every batch and every order."""

    def variance(self, lengths: I64) -> F32:
        """Variance of contigs of these lengths (bp) around the mean of their genome, (N, D)."""


def _whitening(folder: Path, config: EncoderConfig, _: MachineConfig) -> Encoder:
    """On the CPU, with the threads that numba and BLAS are held to."""
    encoder = Whitening.load(folder)
    return replace(encoder, window=config.window or encoder.window)


def _language_model(folder: Path, config: EncoderConfig, machine: MachineConfig) -> Encoder:
    from binner.encoders.language_model import LanguageModel  # loads torch: 2 s

    return LanguageModel.load(folder, config, device=machine.device, threads=machine.threads)


def _kmer_network(folder: Path, config: EncoderConfig, machine: MachineConfig) -> Encoder:
    from binner.encoders.kmer_network import KmerNetwork  # loads torch: 2 s

    return KmerNetwork.load(folder, config, device=machine.device)


Load = Callable[[Path, EncoderConfig, MachineConfig], Encoder]  # reads a folder; raises InputError
ENCODERS: dict[str, Load] = {"whitening": _whitening, "small": _language_model}


def locate(encoder: str) -> Path:
    """The folder of an encoder: that ships under this name, lies in this folder, or has this name on huggingface.co.

    Raises InputError.
    """
    if encoder in ENCODERS:
        return MODELS / encoder
    folder = Path(encoder)
    if folder.is_file():
        raise InputError(f"--encoder {encoder}: a file; name the folder that it is in")
    if not folder.is_dir() and HUB_NAME.fullmatch(encoder):
        from binner.encoders import hub

        return hub.resolve(encoder)
    return folder


def load(encoder: str | Path, config: EncoderConfig | None = None, machine: MachineConfig | None = None) -> Encoder:
    """The encoder that ships under this name, lies in this folder, or has this name on huggingface.co.

    A path is that of a folder, whatever its name. The device of `machine` is "cpu" (the default) or "cuda:N". Raises
    InputError.
    """
    folder = encoder if isinstance(encoder, Path) else locate(encoder)
    read = None if isinstance(encoder, Path) else ENCODERS.get(encoder)
    return (read or _reader_of(folder))(folder, config or EncoderConfig(), machine or MachineConfig(device="cpu"))


def is_kmer_network(folder: Path) -> bool:
    """Whether the config.json in a folder says so."""
    try:
        return bool(json.loads((folder / "config.json").read_bytes())["model_type"] == "kmers")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def _reader_of(folder: Path) -> Load:
    """A folder with a config.json or a tokenizer holds a network, any other a whitening."""
    if is_kmer_network(folder):
        return _kmer_network
    is_model = any((folder / name).exists() for name in ("config.json", "tokenizer.json"))
    return _language_model if is_model else _whitening
