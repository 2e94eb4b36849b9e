"""The refinement head: a small network, trained on this assembly alone, that fuses composition and coverage.

Views of a contig are positives, all other contigs are negatives. A view is a random span of the contig: its
composition is the mean of the encoded windows that it covers, its coverage the contig's, each with the error that so
short a stretch would have. The head starts as the plain metric (`binner.space`) and learns what to add.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor, nn
from torch.nn.functional import normalize

from binner.config import LossName
from binner.data import F32, F64, I64, Embedding, Progress, WindowEmbedding, silent
from binner.fit import FitConfig
from binner.fit import fit as optimise
from binner.losses import LOSSES
from binner.space import Depths

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 1 << 15  # contigs that go through the trained head together
INPUT_SCALE = 8.0  # what a typical composition vector measures when it enters the network


@dataclass(frozen=True, slots=True)
class RefineConfig:
    """How the head is trained."""

    loss: LossName = "multi-positive"
    temperature: float = 0.2
    contigs: int = 512  # in a batch
    views: int = 2  # of each
    shortest: int = 1000  # bp, of a view
    hidden: int = 256
    without_coverage: float = 0.1  # share of the views whose coverage is dropped, so that any contig can lack it
    coverage_weight: float = 2.0  # of coverage against composition in the metric that the head starts from
    fit: FitConfig = field(default_factory=FitConfig)


def fit(
    windows: WindowEmbedding,
    embedding: Embedding,
    depth: Depths | None,
    lengths: I64,
    *,
    config: RefineConfig,
    seed: int,
    device: str,
    progress: Progress = silent,
) -> F32:
    """Refined points of the contigs, unit rows (N, D), and (N, D + 1 + S) with coverage of more than one sample."""
    views = _Views(windows, embedding, depth, lengths)
    head = _Head(views, config=config, seed=seed)
    known = np.flatnonzero((embedding.matrix != 0).any(1))
    if len(known) > 1:
        loss = LOSSES[config.loss]

        def batch_loss(batch: F32) -> Tensor:
            return loss(head(torch.from_numpy(batch).to(device)), temperature=config.temperature)

        batches = views.batches(known, config, np.random.default_rng(seed))
        losses = optimise(head, batches, batch_loss, config=config.fit, seed=seed, device=device, progress=progress)
        if losses:
            logger.info("refined in %d steps: loss %.3f to %.3f", len(losses), losses[0], losses[-1])
    points = np.empty((len(lengths), views.width), np.float32)
    whole = views.rows(np.arange(len(lengths)), embedding.matrix, present=np.ones(len(lengths)))
    with torch.no_grad():
        for first in range(0, len(whole), ROWS_AT_ONCE):
            rows = torch.from_numpy(whole[first : first + ROWS_AT_ONCE]).to(device)
            points[first : first + ROWS_AT_ONCE] = head(rows).float().cpu().numpy()
    return points


class _Views:
    """Contigs and their spans as the head sees them: composition, coverage, and whether there is coverage."""

    def __init__(self, windows: WindowEmbedding, embedding: Embedding, depth: Depths | None, lengths: I64) -> None:
        self.windows, self.embedding, self.depth = windows, embedding, depth
        self.lengths = np.maximum(lengths, 1)
        contig, bp = windows.windows.contig, windows.windows.lengths
        self.ends = np.concatenate([[0], np.cumsum(bp)])  # of the windows, laid end to end
        self.first = self.ends[np.searchsorted(contig, np.arange(len(lengths) + 1))]  # where each contig starts in them
        self.composition = embedding.matrix.shape[1]
        self.width = self.composition + (1 + depth.shape.shape[1] if depth else 0)
        self.radius = float(np.median(np.linalg.norm(embedding.matrix, axis=1))) if len(lengths) else 1.0

    def batches(self, known: I64, config: RefineConfig, rng: np.random.Generator) -> Iterator[F32]:
        """Views (B, V, width + 1) of B different contigs, without end."""
        size = min(config.contigs, len(known))
        while True:
            order = rng.permutation(known)
            for first in range(0, len(order) - size + 1, size):
                rows = np.repeat(order[first : first + size], config.views)
                yield self.draw(rows, config, rng).reshape(size, config.views, -1)

    def draw(self, rows: I64, config: RefineConfig, rng: np.random.Generator) -> F32:
        """A random span of each of the contigs `rows`, lengths log-uniform from the shortest to the whole contig."""
        read = (self.first[rows + 1] - self.first[rows]).astype(float)
        shortest = np.minimum(config.shortest, read)
        span = np.maximum(shortest * (read / shortest) ** rng.random(len(rows)), 1)
        start = self.first[rows] + rng.random(len(rows)) * (read - span)
        mean, seen = self._means(start, start + span)
        of_one_bp = self.embedding.variance[rows] * self.lengths[rows, None]
        unseen = np.maximum(1 / span - seen, 0)[:, None]  # a part of a window is known no better than the window
        mean = mean + rng.normal(size=mean.shape) * np.sqrt(of_one_bp * unseen)
        present = (rng.random(len(rows)) >= config.without_coverage).astype(float)
        return self.rows(rows, mean, present=present, shorter=self.lengths[rows] / span, rng=rng)

    def rows(
        self,
        rows: I64,
        composition: F32 | F64,
        *,
        present: F64,
        shorter: F64 | None = None,
        rng: np.random.Generator | None = None,
    ) -> F32:
        """Input of the head (len(rows), width + 1); with `rng`, coverage errs as on a stretch so much shorter."""
        if self.depth is None:
            return np.column_stack([composition, present]).astype(np.float32)
        depth = self.depth
        size, shape = depth.size[rows], depth.shape[rows]
        if rng is not None and shorter is not None:
            counting = depth.size_error[rows] * shorter + depth.size_scatter**2
            size = size + rng.normal(size=len(rows)) * np.sqrt(counting)
            counting = depth.shape_error[rows] * shorter + depth.shape_scatter**2
            shape = shape + rng.normal(size=shape.shape) * np.sqrt(counting)[:, None]
        size = size / np.sqrt(depth.size_scatter**2 + depth.typical[0])
        shape = (shape - depth.shape.mean(0)) / np.sqrt(depth.shape_scatter**2 + depth.typical[1])
        coverage = np.column_stack([size, shape]) * present[:, None]
        return np.column_stack([composition, coverage, present]).astype(np.float32)

    def _means(self, start: F64, stop: F64) -> tuple[F32, F64]:
        """Mean of the windows under each span, and the sum of w^2 / bp over them, w their shares of the span."""
        first = np.searchsorted(self.ends, start, "right") - 1
        last = np.maximum(np.searchsorted(self.ends, stop, "left"), first + 1)
        spans = np.repeat(np.arange(len(start)), last - first)
        window = np.arange(len(spans)) - np.repeat(np.cumsum(last - first) - last, last - first)
        overlap = np.minimum(stop[spans], self.ends[window + 1]) - np.maximum(start[spans], self.ends[window])
        share = np.maximum(overlap, 0) / (stop - start)[spans]
        shape = (len(start), len(self.windows.windows))
        mean: F32 = csr_matrix((share.astype(np.float32), (spans, window)), shape=shape) @ self.windows.matrix
        return mean, np.bincount(spans, share**2 / self.windows.windows.lengths[window], len(start)).astype(float)


class _Head(nn.Module):
    """The plain metric plus what a network of two hidden layers adds to it, as unit vectors."""

    def __init__(self, views: _Views, *, config: RefineConfig, seed: int) -> None:
        super().__init__()
        self.composition = views.composition
        self.radius = views.radius or 1.0
        self.coverage_weight = config.coverage_weight
        with torch.random.fork_rng([]):
            torch.manual_seed(seed)
            last = nn.Linear(config.hidden, views.width)
            self.network = nn.Sequential(
                *(nn.Linear(views.width + 1, config.hidden), nn.GELU()),
                *(nn.Linear(config.hidden, config.hidden), nn.GELU()),
                last,
            )
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, rows: Tensor) -> Tensor:
        """Rows (..., width + 1) of `_Views` to unit vectors (..., width)."""
        composition, coverage = rows[..., : self.composition], rows[..., self.composition : -1]
        plain = torch.cat([normalize(composition, dim=-1), coverage * (self.coverage_weight / self.radius)], -1)
        scaled = torch.cat(
            [composition * (INPUT_SCALE / self.radius), 3 * torch.tanh(coverage / 10), rows[..., -1:]], -1
        )
        refined: Tensor = normalize(plain + self.network(scaled), dim=-1)
        return refined
