"""What a span of a contig looks like in each modality, with the error that so short a stretch has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.sparse import csr_matrix

from binner.data import F32, F64, I64, Bool, Embedding, WindowEmbedding, Windows
from binner.space import Depths, size_and_shape


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Stretches of n contigs."""

    row: I64  # (n,), of the contig
    start: F64  # (n,), share of the contig
    stop: F64  # (n,), above `start`


class Modality(Protocol):
    """What was measured on N contigs in one way: C columns. A tower reads it (`binner.refine.towers.TOWERS`)."""

    @property
    def name(self) -> str:
        """Of its tower."""

    @property
    def present(self) -> Bool:
        """(N,), whether anything is known of the contig."""

    def whole(self, rows: I64) -> F32:
        """The contigs `rows` (n,) as they are, (n, C)."""

    def draw(self, spans: Spans, rng: np.random.Generator) -> F32:
        """Spans (n,) of them as if each were a contig of its own of the same genome, (n, C)."""


@dataclass(frozen=True, eq=False)
class Tiling:
    """The windows of N contigs, all laid end to end: means over what is under a span."""

    windows: Windows
    contigs: int

    def means(self, spans: Spans, matrix: F32) -> tuple[F32, F64]:
        """Of the rows (V, C) of the windows under each span, by overlap, (n, C); and the error beyond theirs (n,).

        The error of the mean of windows is known where that of 1 bp is 1: sum of w^2 / bp over them, w their shares of
        the span. A part of a window is known no better than the window, so what is missing to 1 / bp is to be added.
        """
        read = np.maximum(self.bp[spans.row], 1)
        first = self._ends[self._first[spans.row]]
        start = first + spans.start * read
        stop = np.maximum(first + spans.stop * read, start + 1)
        gather, seen = self._shares(start, stop)
        return gather @ matrix, np.maximum(1 / (stop - start) - seen, 0)

    def _shares(self, start: F64, stop: F64) -> tuple[csr_matrix, F64]:
        last_window = len(self._ends) - 1
        first = np.clip(np.searchsorted(self._ends, start, "right") - 1, 0, max(last_window - 1, 0))
        last = np.clip(np.searchsorted(self._ends, stop, "left"), first + 1, max(last_window, 1))
        if not last_window:
            return csr_matrix((len(start), 0), dtype=np.float32), np.zeros(len(start))
        pointer = np.concatenate([[0], np.cumsum(last - first)])
        spans = np.repeat(np.arange(len(start)), last - first)
        window = np.arange(pointer[-1]) + np.repeat(first - pointer[:-1], last - first)
        overlap = np.minimum(stop[spans], self._ends[window + 1]) - np.maximum(start[spans], self._ends[window])
        share = np.maximum(overlap, 0) / (stop - start)[spans]
        gather = csr_matrix((share.astype(np.float32), window, pointer), shape=(len(start), last_window))
        return gather, np.bincount(spans, share**2 / self.windows.lengths[window], len(start)).astype(np.float64)

    @cached_property
    def bp(self) -> F64:
        """(N,), of each contig in windows."""
        return np.diff(self._ends[self._first])

    @cached_property
    def _ends(self) -> F64:
        """Where each window ends and the next begins (V + 1,), bp."""
        return np.concatenate([[0], np.cumsum(self.windows.lengths)]).astype(np.float64)

    @cached_property
    def _first(self) -> I64:
        """First window of each contig (N + 1,)."""
        return np.searchsorted(self.windows.contig, np.arange(self.contigs + 1)).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Sequences:
    """Vectors of windows: of a language model, of composition.

    A span is the mean of the windows that it covers, and every window is encoded once.
    """

    name: str
    windows: WindowEmbedding
    embedding: Embedding

    @cached_property
    def present(self) -> Bool:
        """Whether the contig has windows: one of nothing but N has none."""
        return self._tiling.bp > 0

    def whole(self, rows: I64) -> F32:
        """Of the contigs."""
        return self.embedding.matrix[rows]

    def draw(self, spans: Spans, rng: np.random.Generator) -> F32:
        """Of spans, with the error of so short a stretch."""
        mean, unseen = self._tiling.means(spans, self.windows.matrix)
        of_one_bp = self.embedding.variance[spans.row] * np.maximum(self._tiling.bp[spans.row], 1)[:, None]
        noise = rng.standard_normal(mean.shape, np.float32) * np.sqrt(of_one_bp * unseen[:, None])
        return ((mean + noise) * self.present[spans.row, None]).astype(np.float32)

    @cached_property
    def _tiling(self) -> Tiling:
        return Tiling(self.windows.windows, len(self.embedding.matrix))


@dataclass(frozen=True, eq=False)
class Coverages:
    """Size and shape of the coverage (`binner.space.Depths`), around their medians, in units of what they scatter by.

    The coverage of a span is measured on it where alignments tell the depth along the contigs. Elsewhere it is the
    contig's with the noise of counting the reads of so short a stretch, and with what contigs of a genome scatter
    beyond that.
    """

    depth: Depths
    present: Bool  # (N,), whether the depth of the contig is known, and not 0 in all samples
    along: WindowEmbedding | None = None  # (V, S), x, of windows
    name: str = "coverage"

    def whole(self, rows: I64) -> F32:
        """Of the contigs."""
        return (self._values[rows] * self.present[rows, None]).astype(np.float32)

    def draw(self, spans: Spans, rng: np.random.Generator) -> F32:
        """Of spans."""
        values = self._values[spans.row]
        if self.along is None:
            shorter = 1 / np.maximum(spans.stop - spans.start, 1e-9)
            noise = self._counting[spans.row] * shorter[:, None] + self._scatter
        else:
            mean, unseen = self._tiling.means(spans, self.along.matrix)
            values = values + (self._blocks(mean) - self._of_contigs[spans.row]) / np.sqrt(self._unit)
            noise = self._counting[spans.row] * (self._tiling.bp[spans.row] * unseen)[:, None]
        values = values + rng.standard_normal(noise.shape) * np.sqrt(noise)
        return (values * self.present[spans.row, None]).astype(np.float32)

    @cached_property
    def deep(self) -> Bool:
        """(N,), whether the counting of reads errs by no more than contigs of a genome scatter anyway."""
        return self.present & (self.depth.size_error <= self.depth.size_scatter**2)

    def _blocks(self, depth: F32) -> F64:
        """Size and shape (n, 1 + S) of depths (n, S)."""
        size, shape = size_and_shape(depth.astype(np.float64))
        return np.column_stack([size, shape[:, : self.depth.shape.shape[1]]])

    @cached_property
    def _of_contigs(self) -> F64:
        """Of the contigs, as their windows have it (N, 1 + S)."""
        rows = np.arange(len(self.present))
        whole = Spans(rows, np.zeros(len(rows)), np.ones(len(rows)))
        assert self.along is not None
        return self._blocks(self._tiling.means(whole, self.along.matrix)[0])

    @cached_property
    def _tiling(self) -> Tiling:
        assert self.along is not None
        return Tiling(self.along.windows, len(self.present))

    @cached_property
    def _unit(self) -> F64:
        """(1 + S,), variance of a typical contig around its genome."""
        depth, samples = self.depth, self.depth.shape.shape[1]
        shape = depth.shape_scatter**2 + depth.typical[1]
        return np.array([depth.size_scatter**2 + depth.typical[0], *[shape] * samples])

    @cached_property
    def _values(self) -> F64:
        """(N, 1 + S)."""
        values = np.column_stack([self.depth.size, self.depth.shape])
        known = values[self.present]
        centre = np.median(known, axis=0) if len(known) else np.zeros(values.shape[1])
        return np.asarray((values - centre) / np.sqrt(self._unit))

    @cached_property
    def _counting(self) -> F64:
        """(N, 1 + S), variance from the counting of reads."""
        samples = self.depth.shape.shape[1]
        return np.column_stack([self.depth.size_error, *[self.depth.shape_error] * samples]) / self._unit

    @cached_property
    def _scatter(self) -> F64:
        """(1 + S,), variance between contigs of a genome beyond counting."""
        samples = self.depth.shape.shape[1]
        return np.array([self.depth.size_scatter**2, *[self.depth.shape_scatter**2] * samples]) / self._unit
