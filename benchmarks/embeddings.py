"""Embeddings of the sets, each computed once by `binner embed` and kept; 4-mers as an encoder with an error law."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.measure import measure
from binner.artifacts import fingerprint
from binner.config import EncoderConfig, MachineConfig, check_encoder_name, encoder_parts
from binner.encoders import locate
from binner.encoders.error_law import ERROR_LAW
from binner.train.error_law import ErrorLawOptions, train_error_law

FOUR_MERS = "4-mers"  # their frequencies behind the map and the error law that `binner train errors` fits
PLAIN = "plain-4-mers"  # as they are, and without an error law: they cannot be binned
K, KMERS = 4, 136
DIGITS = 8  # of a digest in a file's name


@dataclass(frozen=True, slots=True)
class Reading:
    """How contigs are read."""

    window: int | None  # bp; None: as the encoder wants
    max_windows: int | None  # None: all

    @property
    def options(self) -> list[str]:
        """Of `binner embed`."""
        given = (("--window", self.window), ("--max-windows", self.max_windows))
        return [word for name, value in given if value is not None for word in (name, str(value))]


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes what is not there yet in the folder `keep`."""

    keep: Path
    genomes: Path  # that the error law of 4-mers is fitted on
    threads: int
    device: str

    def check(self, encoder: str) -> None:
        """Raise OptionError for an encoder that cannot be, before any work."""
        for part in encoder_parts(encoder):
            if part != FOUR_MERS and encoder != PLAIN:
                check_encoder_name(part)

    def files(self, encoder: str, contigs: Path, name: str, reading: Reading) -> tuple[list[Path], float]:
        """A file for each part of an encoder, of the contigs known as `name`, and the seconds that all took.

        They are nan where a file was put there by somebody else.
        """
        found = [self._file(part, contigs, name, reading) for part in encoder_parts(encoder)]
        return found, sum(_seconds(file) for file in found)

    def digest(self, encoder: str) -> str:
        """Of the files of its parts."""
        return "+".join(fingerprint(self._folder(part))[:DIGITS] for part in encoder_parts(encoder))

    def _file(self, part: str, contigs: Path, name: str, reading: Reading) -> Path:
        folder = self._folder(part)
        words = [re.sub(r"\W+", "_", part), fingerprint(folder)[:DIGITS], *map(str, reading.options)]
        file = self.keep / name / f"{'-'.join(word.removeprefix('--') for word in words)}.npz"
        if file.exists():
            return file
        file.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "binner", "embed", str(contigs), "--encoder", str(folder)]
        machine = ["-t", str(self.threads), "--device", self.device]
        log = file.with_suffix(".log")
        usage = measure([*command, "-o", str(file), *reading.options, *machine], log, threads=self.threads)
        if usage.code:
            raise ValueError(last_line(log))
        _sidecar(file).write_text(f"{usage.seconds:.2f}\n")
        return file

    def _folder(self, part: str) -> Path:
        return self._four_mers() if part == FOUR_MERS else locate(part)

    def _four_mers(self) -> Path:
        """An encoder that passes the frequencies on as they are, with the law that is fitted on them."""
        from binner.encoders import kmer_network

        folder = self.keep / FOUR_MERS
        if not (folder / ERROR_LAW).exists():
            model = kmer_network.KmerBackbone(kmer_network.KmerConfig(k=K, width=KMERS, layers=0))
            model.begin_with(np.zeros(KMERS, np.float32), np.eye(KMERS, dtype=np.float32))
            kmer_network.save(model, folder)
            machine = MachineConfig(self.threads, "cpu")
            train_error_law(self.genomes, folder, ErrorLawOptions(), config=EncoderConfig(), machine=machine)
        return folder


def last_line(log: Path) -> str:
    """What a command that failed said last."""
    lines: Sequence[str] = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else f"{log}: empty"


def _sidecar(file: Path) -> Path:
    return file.with_suffix(".seconds")


def _seconds(file: Path) -> float:
    return float(_sidecar(file).read_text()) if _sidecar(file).exists() else float("nan")
