"""Composition and coverage in one space: as points for neighbour graphs, as Gaussians for likelihoods.

Coverage enters as log depth. Its error is known from the counting of reads; what contigs of one genome scatter beyond
that is measured on the assembly itself, and the weight of coverage follows from both.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from binner.data import F32, F64, I64, Coverage, Embedding
from binner.graph import nearest
from binner.likelihood import Gaussians

logger = logging.getLogger(__name__)

PSEUDO_DEPTH = 0.1  # x, added before the logarithm: below it a sample says no more than "absent"
READ_BP = 225  # bp: variance of a depth = READ_BP depth / length; 150-bp reads, half of them beside their mate
SAMPLE_SCATTER = 0.05  # sd of log depth between contigs of a genome in one sample, common scatter taken off
LONGEST_WEIGHT = 50_000  # bp; a longer contig counts no more in averages over the assembly
TYPICAL_PAIRS = 8000  # contigs whose neighbours show how depth scatters within genomes
SAME_GENOME = 0.7  # share of neighbouring contigs in composition that can be trusted to be of one genome


@dataclass(frozen=True, slots=True, eq=False)
class LogDepth:
    """Log depths of N contigs in S samples, centred, with their error."""

    mean: F64  # (N, S)
    variance: F64  # (N, S), from the counting of reads
    scatter: float  # sd within genomes of what all samples share (copy number, GC, mappability)
    typical: float  # counting variance of a typical contig


@dataclass(frozen=True, slots=True)
class Metric:
    """How points are laid out: `unit` composition vectors (or raw ones), coverage `weight` times its natural scale."""

    name: str
    unit: bool
    weight: float


WITH_COVERAGE = (Metric("loose", True, 0.5), Metric("tight", True, 2.0), Metric("raw", False, 0.8))
WITHOUT_COVERAGE = (Metric("unit", True, 0), Metric("raw", False, 0))


def log_depth(coverage: Coverage, embedding: Embedding, lengths: I64) -> LogDepth:
    """Log depths with their errors; the scatter within genomes is that of neighbours in composition."""
    depth = coverage.mean.astype(np.float64)
    weight = np.minimum(lengths, LONGEST_WEIGHT).astype(np.float64)[:, None]
    logs = np.log(depth + PSEUDO_DEPTH)
    logs -= (logs * weight).sum(0) / weight.sum()
    variance = READ_BP * np.maximum(depth, PSEUDO_DEPTH) / (lengths[:, None] * (depth + PSEUDO_DEPTH) ** 2)
    long = lengths >= np.median(lengths)
    scatter = _scatter(embedding, depth, logs, variance, lengths)
    logger.info("log depths scatter by %.3f within genomes, beyond the counting of reads", scatter)
    return LogDepth(logs, variance, scatter, float(np.median(variance[long], axis=0).mean()))


def _scatter(embedding: Embedding, depth: F64, logs: F64, variance: F64, lengths: I64) -> float:
    """Standard deviation of what all samples share, from nearest neighbours in composition among long contigs.

    Most such neighbours are of one genome, so the 70 % quantile of the absolute difference is that of a normal
    distribution whose variance is twice the scatter's plus the counting errors.
    """
    long = np.flatnonzero(lengths >= max(5000, np.median(lengths)))
    if len(long) < 10:
        long = np.arange(len(lengths))
    long = long[:: -(-len(long) // TYPICAL_PAIRS)]
    neighbours, _ = nearest(_unit(embedding.matrix[long]), 3)
    first, second = np.repeat(long, neighbours.shape[1]), long[neighbours.ravel()]
    error = variance[first] + variance[second]
    trust = ((depth[first] + depth[second]) / 2 > 1) / (error + 0.02)
    seen = trust.sum(1) > 0
    if not seen.any():
        return 0.2
    error, trust, total = error[seen], trust[seen], trust[seen].sum(1)
    shared = (trust * (logs[first] - logs[second])[seen]).sum(1) / total
    counting = (trust**2 * error).sum(1) / total**2
    spread = np.quantile(np.abs(shared), SAME_GENOME) / 1.036  # the 70 % quantile of |N(0, 1)|
    return float(np.sqrt(max((spread**2 - np.median(counting)) / 2, 1e-3)))


def points(embedding: Embedding, depth: LogDepth | None, metric: Metric) -> F32:
    """Contigs as points (N, D + 1 + S) whose distances mean the same in composition and in coverage.

    Composition is scaled to unit length (of each contig, or of the typical one), which makes the error of a window
    1 / radius; coverage is scaled so that its error is as large, in the direction that the samples share and in their
    contrasts, each by its own scatter.
    """
    norm = np.linalg.norm(embedding.matrix, axis=1)
    radius = float(np.median(norm)) or 1.0
    composition = _unit(embedding.matrix) if metric.unit else embedding.matrix / np.float32(radius)
    if depth is None:
        return np.ascontiguousarray(composition, np.float32)
    samples = depth.mean.shape[1]
    shared = depth.mean.mean(1, keepdims=True)
    scale = metric.weight / radius
    blocks = [composition, shared * np.sqrt(samples) * scale / np.sqrt(samples * depth.scatter**2 + depth.typical)]
    if samples > 1:
        blocks.append((depth.mean - shared) * scale / np.sqrt(SAMPLE_SCATTER**2 + depth.typical))
    return np.ascontiguousarray(np.hstack(blocks), np.float32)


def gaussians(embedding: Embedding, depth: LogDepth | None, lengths: I64) -> Gaussians:
    """The embedding and, with coverage, S directions of log depth: what the samples share, then their contrasts."""
    if depth is None:
        return Gaussians(embedding.matrix, embedding.variance, embedding.prior)
    samples = depth.mean.shape[1]
    frame = np.hstack([np.ones((samples, 1)), np.eye(samples)[:, : samples - 1]])
    turn = np.linalg.qr(frame)[0]  # (S, S), the first column the shared direction
    mean = depth.mean @ turn
    variance = depth.variance @ turn**2 + SAMPLE_SCATTER**2
    variance[:, 0] += samples * depth.scatter**2 - SAMPLE_SCATTER**2
    weight = np.minimum(lengths, LONGEST_WEIGHT).astype(np.float64)
    prior = np.maximum(weight @ mean**2 / weight.sum(), SAMPLE_SCATTER**2)
    return Gaussians(
        np.hstack([embedding.matrix, mean]).astype(np.float32),
        np.hstack([embedding.variance, variance]).astype(np.float32),
        np.concatenate([embedding.prior, prior]).astype(np.float32),
    )


def _unit(matrix: F32) -> F32:
    unit: F32 = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), np.float32(1e-12))
    return unit
