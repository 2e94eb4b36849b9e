"""Contigs, the assemblies they are of, and the pieces of them that are looked at one by one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from binner.data.arrays import F32, I32, I64, U8, check_array, digest


@dataclass(frozen=True, eq=False)
class Contigs:
    """An assembly. Bases are codes: A C G T = 0 1 2 3, everything else 4 (N)."""

    names: tuple[str, ...]  # unique; the first word of the header
    codes: U8  # (sum of lengths,), contig after contig
    offsets: I64  # (N + 1,), where each contig starts in `codes`
    circular: tuple[int, ...] = ()  # rows of those that the assembler calls circular, ascending
    header_depth: F32 | None = None  # (N,), x, as headers have it; NaN where one has none, None if none has one
    header_formats: tuple[str, ...] = ()  # assemblers in whose format those depths are written

    def __post_init__(self) -> None:
        check_array("codes", self.codes, np.uint8, (-1,))
        check_array("offsets", self.offsets, np.int64, (len(self.names) + 1,))
        if len(set(self.names)) != len(self.names):
            raise ValueError("names of contigs must be unique")
        if self.header_depth is not None and self.header_depth.shape != (len(self.names),):
            raise ValueError("as many depths of headers as contigs are expected")
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.codes) or (np.diff(self.offsets) < 0).any():
            raise ValueError("offsets do not cut the codes into contigs")

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, row: int) -> U8:
        """Codes of one contig, a view (length,)."""
        return self.codes[self.offsets[row] : self.offsets[row + 1]]

    @cached_property
    def lengths(self) -> I64:
        """(N,), bp."""
        return np.diff(self.offsets)

    @cached_property
    def digest(self) -> str:
        """Digest of names and bases: the key of everything computed from them."""
        return digest("\n".join(self.names), self.offsets, self.codes)

    @cached_property
    def names_digest(self) -> str:
        """Digest of the names alone: two tables of the same contigs share it."""
        return digest("\n".join(self.names))

    def select(self, rows: I64) -> Contigs:
        """The contigs in `rows`, in that order."""
        lengths = self.lengths[rows]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]).astype(np.int64)
        codes = np.empty(offsets[-1], np.uint8)
        for new, row in enumerate(rows):
            codes[offsets[new] : offsets[new + 1]] = self[row]
        circular = tuple(np.flatnonzero(np.isin(rows, self.circular)).tolist())
        depth = None if self.header_depth is None else self.header_depth[rows]
        names = tuple(self.names[row] for row in rows)
        return Contigs(names, codes, offsets, circular, depth, self.header_formats)


@dataclass(frozen=True, slots=True, eq=False)
class Assemblies:
    """Which assembly each contig is of. Each assembly gets bins of its own, whatever the number of assemblies."""

    names: tuple[str, ...]  # unique
    of: I32  # (N,), index into `names`
    multi: bool = False  # whether the names go into those of the bins

    def __post_init__(self) -> None:
        check_array("assemblies of the contigs", self.of, np.int32, (-1,))
        if len(self.of) and not (self.of.min() >= 0 and self.of.max() < len(self.names)):
            raise ValueError("a contig is of no assembly")

    def prefixes(self, prefix: str) -> tuple[str, ...]:
        """What the bins of each assembly are called, before their number.

        >>> Assemblies(("S1", "S2"), np.zeros(3, np.int32), multi=True).prefixes("bin")
        ('S1_bin', 'S2_bin')
        """
        return tuple(f"{name}_{prefix}" if self.multi else prefix for name in self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """Pieces of contigs, without a run of N inside, that are encoded once each; sorted by contig and start."""

    contig: I64  # (V,), row of the contig
    start: I64  # (V,), bp
    stop: I64  # (V,), bp

    def __post_init__(self) -> None:
        for name in ("contig", "start", "stop"):
            check_array(name, getattr(self, name), np.int64, (len(self.contig),))
        if (self.start < 0).any() or (self.stop <= self.start).any():
            raise ValueError("a window is empty or starts before its contig")

    def __len__(self) -> int:
        return len(self.contig)

    @property
    def lengths(self) -> I64:
        """(V,), bp."""
        return self.stop - self.start


def n50(lengths: I64) -> tuple[int, int]:
    """Length of the contig that the middle of all bp lies in when contigs are sorted by length, and its rank."""
    ordered = np.sort(lengths)[::-1]
    if not len(ordered):
        return 0, 0
    middle = int(np.searchsorted(np.cumsum(ordered), ordered.sum() / 2))
    return int(ordered[middle]), middle + 1
