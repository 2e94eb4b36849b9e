"""What is known of contigs: depth, vectors, genes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from binner.data.arrays import F32, I64, U8, Bool, check_array, digest
from binner.data.contigs import Windows


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
class Genes:
    """Genes by contig, in the order of their start. G of them."""

    contig: I64  # (G,), row
    start: I64  # (G,), bp on the contig as given, 0-based
    stop: I64  # (G,), bp, half-open, with the stop codon
    reverse: Bool  # (G,), read from the other strand
    partial: Bool  # (G,), cut by an end of the contig
    residues: U8  # (sum of lengths,), letters of the proteins without the stop, one after the other
    offsets: I64  # (G + 1,), where each protein starts in `residues`
    names_digest: str  # of the contigs the rows belong to

    def __post_init__(self) -> None:
        genes = len(self.contig)
        for name in ("start", "stop"):
            check_array(f"{name} of genes", getattr(self, name), np.int64, (genes,))
        for name in ("reverse", "partial"):
            check_array(f"genes: {name}", getattr(self, name), np.bool_, (genes,))
        check_array("residues", self.residues, np.uint8, (-1,))
        check_array("offsets of proteins", self.offsets, np.int64, (genes + 1,))
        if self.offsets[0] != 0 or self.offsets[-1] != len(self.residues) or (np.diff(self.offsets) < 0).any():
            raise ValueError("offsets do not cut the residues into proteins")

    def __len__(self) -> int:
        return len(self.contig)

    def protein(self, gene: int) -> bytes:
        """Letters of one protein; a codon with an N is X."""
        return self.residues[self.offsets[gene] : self.offsets[gene + 1]].tobytes()


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
