"""Training genomes on disk, two bits a base: written in one pass over the FASTA files, read by memory map.

A folder with `bases.2bit` (A C G T = 0 1 2 3, the first of four bases in the lowest bits; every sequence starts a byte)
and `index.npz` (sequences, runs of N, names). Whatever the size of the genomes, memory holds one sequence at a time
while they are packed, and the index afterwards.
"""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from binner import fasta
from binner.data import I64, N_CODE, U8, Progress, digest, silent
from binner.errors import InputError
from binner.train import stretches, target
from binner.train.sources import Source

logger = logging.getLogger(__name__)

BASES, INDEX = "bases.2bit", "index.npz"
PER_BYTE = 4
BLOCK = 1 << 22  # bases that are packed at once
_UNPACKED = ((np.arange(256)[:, None] >> (2 * np.arange(PER_BYTE))) & 3).astype(np.uint8)  # (256, 4)
_DAMAGE = (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True, eq=False)
class Packed:
    """G genomes of S sequences with R runs of N. Positions count packed bases; can be sent to other processes."""

    folder: Path
    names: npt.NDArray[np.str_]  # (G,)
    species: I64  # (G,), ids from 0
    genus: I64  # (G,), ids from 0; where none is known the species is its own
    start: I64  # (S,), a multiple of 4, ascending
    length: I64  # (S,), bp
    genome: I64  # (S,), row of the genome, ascending
    gap_start: I64  # (R,), ascending
    gap_stop: I64  # (R,)

    def __reduce__(self) -> tuple[Callable[[Path], Packed], tuple[Path]]:
        return read, (self.folder,)

    def _check(self) -> None:
        """Raise ValueError unless the arrays belong together."""
        for rows in (("names", "species", "genus"), ("start", "length", "genome"), ("gap_start", "gap_stop")):
            shapes = {getattr(self, name).shape for name in rows}
            if len(shapes) > 1 or len(next(iter(shapes))) != 1:
                raise ValueError(f"{', '.join(rows)} are not as long as each other")
        if not len(self.names) or not len(self.start):
            raise ValueError("no genome in it")

    @property
    def bp(self) -> int:
        """Bases of all genomes."""
        return int(self.length.sum())

    @property
    def digest(self) -> str:
        """Of what is packed: the bases' places, names and labels; the bases themselves by their number."""
        return digest(*(getattr(self, field.name) for field in fields(self)[1:] if field.name != "names"), *self.names)

    @cached_property
    def _bytes(self) -> U8:
        path = self.folder / BASES
        return np.memmap(path, np.uint8, "r") if path.stat().st_size else np.zeros(0, np.uint8)

    @cached_property
    def stretches(self) -> tuple[I64, I64, I64]:
        """Genome, start and stop of what lies between long runs of N, in order; no piece spans such a run."""
        row, start, stop = stretches.between(
            self.start, self.start + self.length, gap_start=self.gap_start, gap_stop=self.gap_stop
        )
        return self.genome[row], start, stop

    def codes(self, start: int, stop: int) -> U8:
        """Codes (stop - start,) of a piece of one sequence."""
        first = start // PER_BYTE
        unpacked = _UNPACKED[self._bytes[first : -(-stop // PER_BYTE)]].reshape(-1)
        piece: U8 = unpacked[start - first * PER_BYTE : stop - first * PER_BYTE].copy()
        low = np.searchsorted(self.gap_stop, start, "right")
        high = np.searchsorted(self.gap_start, stop, "left")
        for gap in range(low, high):  # hardly ever any
            piece[max(self.gap_start[gap] - start, 0) : self.gap_stop[gap] - start] = N_CODE
        return piece


def pack(sources: Sequence[Source], folder: Path, *, progress: Progress = silent) -> Packed:
    """Write the genomes into `folder`, which must exist. Raises InputError for what is no FASTA of nucleotides."""
    index = _Index()
    with (folder / BASES).open("wb") as out:
        for row, source in enumerate(sources):
            before = len(index.start)
            for name, text in fasta.records(source.path):
                codes = _codes(text, source.path, name)
                index.add(codes, genome=row)
                for block in range(0, len(codes), BLOCK):
                    out.write(_two_bits(codes[block : block + BLOCK]).tobytes())
            if len(index.start) == before or not sum(index.length[before:]):
                raise InputError(f"{source.path}: no sequence in it; leave it out")
            progress(row + 1, len(sources))
    np.savez(
        folder / INDEX,
        names=np.array([source.name for source in sources], dtype=np.str_),
        species=_ids([source.species for source in sources]),
        genus=_ids([source.genus for source in sources]),
        **index.arrays(),
    )
    packed = read(folder)
    logger.info("%d genomes, %.1f Mb, packed in %s", len(sources), packed.bp / 1e6, folder)
    return packed


def pack_into(out: Path, sources: Sequence[Source], *, progress: Progress = silent) -> Packed:
    """Pack into `out`, which must be new or empty; all of it or nothing. Raises InputError and OptionError."""
    with target.filled(out) as unfinished:
        pack(sources, unfinished, progress=progress)
    return read(out)


def read(folder: Path) -> Packed:
    """Open what `pack` wrote. Raises InputError."""
    path = folder / INDEX
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            packed = Packed(folder, **{field.name: arrays[field.name] for field in fields(Packed)[1:]})
        packed._check()
        size = (folder / BASES).stat().st_size
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; name a folder that `binner train pack` wrote") from error
    except _DAMAGE as error:
        raise InputError(f"{path}: damaged ({error}); pack the genomes again") from error
    wanted = -(-int(packed.start[-1] + packed.length[-1]) // PER_BYTE)
    if size != wanted:
        raise InputError(f"{folder / BASES}: {size:,} bytes, and {INDEX} wants {wanted:,}; pack the genomes again")
    return packed


def is_packed(folder: Path) -> bool:
    """Whether a folder looks like packed genomes."""
    return (folder / INDEX).is_file()


class _Index:
    """What grows while the genomes are packed."""

    def __init__(self) -> None:
        self.at = 0
        self.start: list[int] = []
        self.length: list[int] = []
        self.genome: list[int] = []
        self.gaps: list[I64] = [np.zeros((0, 2), np.int64)]

    def add(self, codes: U8, *, genome: int) -> None:
        self.start.append(self.at)
        self.length.append(len(codes))
        self.genome.append(genome)
        unread = np.flatnonzero(np.diff(codes > 3, prepend=False, append=False))
        self.gaps.append(unread.astype(np.int64).reshape(-1, 2) + self.at)
        self.at += -(-len(codes) // PER_BYTE) * PER_BYTE

    def arrays(self) -> dict[str, Any]:
        gaps = np.concatenate(self.gaps)
        numbers = {name: np.array(getattr(self, name), np.int64) for name in ("start", "length", "genome")}
        return {**numbers, "gap_start": gaps[:, 0], "gap_stop": gaps[:, 1]}


def _codes(text: bytes, path: Path, name: str) -> U8:
    """Codes of a record; 5 stands for IUPAC letters, which count as N."""
    codes = np.frombuffer(text.translate(fasta.CODES), np.uint8)
    if (wrong := np.flatnonzero(codes == fasta.NO_LETTER)).size:
        raise InputError(f"{path}: contig '{name}' holds {chr(text[wrong[0]])!r}, which is no base")
    other = int((codes == fasta.OTHER_LETTER).sum())
    if other > len(codes) / 2:
        raise InputError(f"{path}: contig '{name}': {other / len(codes):.0%} of the letters are none of A C G T N")
    return codes


def _two_bits(codes: U8) -> U8:
    """Four bases a byte; N is written as A, and known by the runs."""
    whole = np.zeros(-(-len(codes) // PER_BYTE) * PER_BYTE, np.uint8)
    whole[: len(codes)] = np.where(codes > 3, 0, codes)
    shifted = whole.reshape(-1, PER_BYTE) << np.arange(0, 2 * PER_BYTE, 2, dtype=np.uint8)
    packed: U8 = np.bitwise_or.reduce(shifted, axis=1)
    return packed


def _ids(words: Sequence[str]) -> I64:
    return np.unique(np.array(words, dtype=np.str_), return_inverse=True)[1].astype(np.int64)
