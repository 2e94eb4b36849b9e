"""What flows between the stages: frozen, checked where it is born.

N contigs, S samples, V windows, D directions of the embedding, M marker genes. Lengths and positions are bp, 0-based
and half-open; depths are x (mean reads over a base).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]
U8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.floating[Any]]

N_CODE = 4  # any base that is not A, C, G or T
UNSEEN = -2  # in place of a cluster's label: the clusterer was not given this contig

Progress = Callable[[int, int], None]  # (done, total), called by long stages


def silent(done: int, total: int) -> None:
    """The progress callback of those who do not watch."""


def check_array(
    what: str, array: npt.NDArray[Any], dtype: npt.DTypeLike, shape: tuple[int, ...], *, gaps: bool = False
) -> None:
    """Raise ValueError unless `array` has this dtype and shape (-1: any size) and is finite (with `gaps`: or NaN)."""
    if array.dtype != dtype:
        raise ValueError(f"{what}: dtype {array.dtype}, expected {np.dtype(dtype)}")
    if array.ndim != len(shape) or any(e not in (-1, g) for g, e in zip(array.shape, shape, strict=True)):
        raise ValueError(f"{what}: shape {array.shape}, expected {shape}")
    if array.dtype.kind == "f" and not (np.isfinite(array) | (gaps & np.isnan(array))).all():
        raise ValueError(f"{what}: holds values that are not finite")


def digest(*parts: str | bytes | npt.NDArray[Any]) -> str:
    """Hex digest (128 bit) of strings, bytes and arrays, each with its length so that parts cannot run together."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        view = np.ascontiguousarray(data).reshape(-1).view(np.uint8).data if isinstance(data, np.ndarray) else data
        state.update(len(view).to_bytes(8, "little"))
        state.update(view)
    return state.hexdigest()


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
class Coverage:
    """Depth of every contig in every sample. 0 says that no read is there, NaN that nothing is known."""

    samples: tuple[str, ...]
    mean: F32  # (N, S), x; NaN where the source of the sample does not have the contig
    variance: F32  # (N, S), x^2, of the depth over the contig's bases; 0 where the source has none, NaN where `mean` is
    names_digest: str  # of the contigs the rows belong to
    along: F32 | None = None  # (V, B), x, of `windows.of_depth`, if asked for, in the first B samples; or NaN

    def __post_init__(self) -> None:
        check_array("mean depth", self.mean, np.float32, (-1, len(self.samples)), gaps=True)
        check_array("variance of depth", self.variance, np.float32, self.mean.shape, gaps=True)
        if (self.mean < 0).any() or (self.variance < 0).any():
            raise ValueError("depths and their variances must not be negative")
        if (np.isnan(self.mean) != np.isnan(self.variance)).any():
            raise ValueError("a depth and its variance are known together or not at all")

    @property
    def known(self) -> Bool:
        """(N,), whether the depth of the contig is known in every sample."""
        return np.asarray((~np.isnan(self.mean)).all(1), np.bool_)

    def select(self, rows: I64) -> Coverage:
        """That of the contigs in `rows`, in that order."""
        return Coverage(self.samples, self.mean[rows], self.variance[rows], digest(self.names_digest, rows))


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


@dataclass(frozen=True, slots=True, eq=False)
class WindowEmbedding:
    """Every window encoded once; contigs and their views are length-weighted means of these rows."""

    windows: Windows
    matrix: F32  # (V, D)
    encoder: str  # name and digest of the weights
    names_digest: str

    def __post_init__(self) -> None:
        check_array("embedding of the windows", self.matrix, np.float32, (len(self.windows), -1))

    def select(self, rows: I64) -> WindowEmbedding:
        """That of the contigs in `rows`, ascending."""
        kept = np.isin(self.windows.contig, rows)
        contig = np.searchsorted(rows, self.windows.contig[kept])
        windows = Windows(contig, self.windows.start[kept], self.windows.stop[kept])
        return WindowEmbedding(windows, self.matrix[kept], self.encoder, digest(self.names_digest, rows))


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """Contigs as Gaussians: row i lies at `matrix[i]` with variance `variance[i]` in every direction on its own."""

    matrix: F32  # (N, D)
    variance: F32  # (N, D), of the row around the mean of its genome
    prior: F32  # (D,), variance of genome means around 0
    encoder: str  # name and digest of the weights
    names_digest: str

    def __post_init__(self) -> None:
        check_array("embedding", self.matrix, np.float32, (-1, -1))
        check_array("variance of the embedding", self.variance, np.float32, self.matrix.shape)
        check_array("prior of the embedding", self.prior, np.float32, (self.matrix.shape[1],))
        if (self.variance <= 0).any() or (self.prior <= 0).any():
            raise ValueError("variances must be positive")

    @property
    def known(self) -> Bool:
        """(N,), whether anything is known of the contig: not of one of nothing but N, which lies at 0."""
        return np.asarray((self.matrix != 0).any(1), np.bool_)

    def select(self, rows: I64) -> Embedding:
        """That of the contigs in `rows`, in that order."""
        own = digest(self.names_digest, rows)
        return Embedding(self.matrix[rows], self.variance[rows], self.prior, self.encoder, own)


@dataclass(frozen=True, slots=True, eq=False)
class Refined:
    """Contigs in the space of the refinement head."""

    points: F32  # (N, d), unit rows
    variance: F32  # (N,), squared distance to expect from the centre of the contig's genome

    def __post_init__(self) -> None:
        check_array("refined points", self.points, np.float32, (-1, -1))
        check_array("variance of refined points", self.variance, np.float32, (len(self.points),))
        if (self.variance <= 0).any():
            raise ValueError("variances must be positive")


@dataclass(frozen=True, slots=True, eq=False)
class Markers:
    """How often each contig holds each single-copy marker gene."""

    genes: tuple[str, ...]  # (M,), "<set>:<name>", sets: "universal" (fetchmgs), "bacteria", "archaea"
    counts: U8  # (N, M)
    cut: U8  # (N, M), how many of these an end of the contig, or a gap, may have cut
    names_digest: str

    def __post_init__(self) -> None:
        check_array("marker counts", self.counts, np.uint8, (-1, len(self.genes)))
        check_array("markers that are cut", self.cut, np.uint8, self.counts.shape)

    def select(self, rows: I64) -> Markers:
        """Those of the contigs in `rows`, in that order."""
        return Markers(self.genes, self.counts[rows], self.cut[rows], digest(self.names_digest, rows))

    def copies(self, rows: I64) -> tuple[Bool, I64]:
        """Which genes the contigs `rows` hold together, (M,), and how many copies of each too many, (M,).

        Two copies that are cut may be the pieces of one.
        """
        copies, cut = (table[rows].sum(0, dtype=np.int64) for table in (self.counts, self.cut))
        return copies > 0, np.maximum(copies - cut // 2 - 1, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Homologs:
    """Pairs of contigs that hold the same stretch of the genomes of two relatives, H of them, each pair once."""

    contigs: I64  # (H, 2), rows, the smaller first
    bp: I64  # (H,), of the stretch
    names_digest: str

    def __post_init__(self) -> None:
        check_array("homologous contigs", self.contigs, np.int64, (-1, 2))
        check_array("bp of homologs", self.bp, np.int64, (len(self.contigs),))
        if (self.contigs[:, 0] >= self.contigs[:, 1]).any():
            raise ValueError("a pair of homologs is two contigs, the smaller row first")

    def select(self, rows: I64) -> Homologs:
        """Those among the contigs in `rows`, ascending."""
        kept = np.isin(self.contigs, rows).all(1)
        return Homologs(np.searchsorted(rows, self.contigs[kept]), self.bp[kept], digest(self.names_digest, rows))

    def links(self, contigs: int) -> tuple[I64, I64, I64]:
        """Where the homologs of each of N contigs begin (N + 1,) among their rows (2 H,), and the bp of each."""
        own, other = self.contigs.T.ravel(), self.contigs[:, ::-1].T.ravel()
        order = np.lexsort((other, own))
        first = np.searchsorted(own[order], np.arange(contigs + 1))
        return first, other[order], np.tile(self.bp, 2)[order]


@dataclass(frozen=True, slots=True, eq=False)
class Clustering:
    """One partition of the contigs, proposed by a clusterer."""

    labels: I32  # (N,), -1 = in no cluster, UNSEEN = not looked at
    method: str  # metric, clusterer and its parameters
    votes: bool = True  # whether it has a say in which candidates agree with the partitions; all propose

    def __post_init__(self) -> None:
        check_array("labels", self.labels, np.int32, (-1,))

    def clusters(self) -> list[I64]:
        """Rows of each cluster, ascending."""
        order = np.argsort(self.labels, kind="stable")
        order = order[self.labels[order] >= 0]
        return [rows for rows in np.split(order, np.flatnonzero(np.diff(self.labels[order])) + 1) if len(rows)]


@dataclass(frozen=True, slots=True, eq=False)
class Bin:
    """A chosen genome."""

    rows: I64  # contigs, ascending
    size: int  # bp
    score: float  # of the judge

    def __post_init__(self) -> None:
        check_array("rows of a bin", self.rows, np.int64, (-1,))
        if not len(self.rows):
            raise ValueError("a bin holds at least one contig")

    @property
    def rank(self) -> tuple[int, int]:
        """What bins are sorted by: the largest first, of equals that with the first contig."""
        return -self.size, int(self.rows[0])


@dataclass(frozen=True, slots=True, eq=False)
class Membership:
    """For each of N contigs how likely it is of the genome of its bin, and the best other bin."""

    probability: F32  # (N,), 0 without a bin
    second: I32  # (N,), index of a bin, -1 = nothing speaks for another
    second_probability: F32  # (N,), 0 where there is none

    def __post_init__(self) -> None:
        check_array("probability", self.probability, np.float32, (-1,))
        check_array("second bin", self.second, np.int32, self.probability.shape)
        check_array("probability of the second bin", self.second_probability, np.float32, self.probability.shape)


def no_membership(contigs: int) -> Membership:
    """That of contigs in no bin at all."""
    probability, second_probability = np.zeros((2, contigs), np.float32)
    return Membership(probability, np.full(contigs, -1, np.int32), second_probability)


def n50(lengths: I64) -> tuple[int, int]:
    """Length of the contig that the middle of all bp lies in when contigs are sorted by length, and its rank."""
    ordered = np.sort(lengths)[::-1]
    if not len(ordered):
        return 0, 0
    middle = int(np.searchsorted(np.cumsum(ordered), ordered.sum() / 2))
    return int(ordered[middle]), middle + 1
