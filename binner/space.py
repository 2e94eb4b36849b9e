"""Composition and coverage in one space: as points for neighbour graphs, as Gaussians for likelihoods.

Coverage enters as size and shape (`Depths`). Its error is known from the counting of reads; what contigs of one genome
scatter beyond that is measured on the assembly itself, and the weight of coverage follows from both.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np

from binner.data import F32, F64, I64, Bool, Coverage, Embedding, Matrix
from binner.graph import closest, nearest
from binner.likelihood import Gaussians

logger = logging.getLogger(__name__)

PSEUDO_DEPTH = 0.1  # x, added before the logarithm: below it a sample says no more than "absent"
READ_BP = 225  # bp: variance of a depth = READ_BP depth / length; 150-bp reads, half of them beside their mate
LEAST_SCATTER = 0.04  # sd of log depth between contigs of a genome, even where the assembly shows none
LEAST_SHAPE_SCATTER = 0.01
LONGEST_WEIGHT = 50_000  # bp; a longer contig counts no more in averages over the assembly
TYPICAL_PAIRS = 8000  # contigs whose neighbours show how depth scatters within genomes
EM_ROUNDS = 50
FARTHEST_SIZE = 0.9  # log depth: contigs of one genome do not lie farther apart, unless they are repeats
FEWEST_PAIRS = 30
FEWEST_JOINT = 0.5  # share of the bp that one sample knows, which it and all others know
UNKNOWN_ERROR = 1000.0  # variance of `size` where there is no depth: a likelihood takes no notice of it
UNKNOWN_SCATTER = 0.2  # of log depth, where there are too few contigs to see any


@dataclass(frozen=True, slots=True, eq=False)
class Depths:
    """Coverage of N contigs in S samples as size and shape, with errors.

    Whatever makes a stretch of a genome more or less frequent than the rest (copies, GC, mappability, haplotypes) does
    so in all samples alike: it moves the size and leaves the shape as it is.
    """

    size: F64  # (N,), log of the depth summed over samples, centred
    shape: F64  # (N, S), roots of each sample's share of it (Hellinger: counting errors are alike); (N, 0) for S = 1
    size_error: F64  # (N,), variance of `size` from the counting of reads
    shape_error: F64  # (N,), of each column of `shape`
    size_scatter: float  # sd of `size` between contigs of a genome beyond counting
    shape_scatter: float  # and of the columns of `shape`
    typical: tuple[float, float]  # counting variances of a typical contig: of `size`, of `shape`
    known: Bool  # (N,), whether they are the contig's own; else its neighbour's, with UNKNOWN_ERROR


@dataclass(frozen=True, slots=True)
class Metric:
    """How points are laid out: `expected` composition (or raw vectors), coverage `weight` times its natural scale.

    The expected composition is the mean of the contig's genome as far as the contig tells it (the vector shrunk by its
    error, in each direction on its own), at unit length: a short contig turns towards the directions in which genomes
    differ most.
    """

    name: str
    expected: bool
    weight: float


WITH_COVERAGE = (Metric("loose", True, 0.5), Metric("tight", True, 2.0), Metric("raw", False, 0.8))
WITHOUT_COVERAGE = (Metric("expected", True, 0), Metric("raw", False, 0))


def depths(coverage: Coverage | None, embedding: Embedding, lengths: I64) -> Depths | None:
    """Size and shape with their errors; the scatter within genomes is that of neighbours in composition.

    Contigs whose depth is not known in all samples that count lie where the nearest one in composition lies that has a
    depth, with an error so large that likelihoods ignore it. None if no depth is known at all.
    """
    mean = _joint(coverage, lengths) if coverage is not None else None
    if mean is None:
        return None
    known = np.asarray((~np.isnan(mean)).all(1), np.bool_)
    depth = np.where(known[:, None], mean, 0).astype(np.float64)
    total = depth.sum(1)
    weight = np.minimum(lengths, LONGEST_WEIGHT).astype(np.float64) * known
    size, shape = size_and_shape(depth)
    size -= weight @ size / weight.sum()
    size_error = np.where(known, READ_BP / (lengths * (total + PSEUDO_DEPTH)), UNKNOWN_ERROR)
    shape_error = size_error / 4  # in every sample
    blocks = np.column_stack([size, shape])
    errors = np.column_stack([size_error, shape_error])
    scatter = _scatter(embedding, blocks, errors, covered=known & embedding.known & (total > 1), lengths=lengths)
    typical = float(np.median(size_error[known & (lengths >= np.median(lengths[known]))]))
    if not known.all():
        there = np.flatnonzero(known & embedding.known)  # all N: near to everything, and no neighbour of anything
        there = there if len(there) else np.flatnonzero(known)
        composition = _expected(embedding)
        blocks[~known] = blocks[there[closest(composition[~known], composition[there])]]
    return Depths(blocks[:, 0], blocks[:, 1:], size_error, shape_error, *scatter, (typical, typical / 4), known)


def size_and_shape(depth: F64) -> tuple[F64, F64]:
    """Log of the sum over samples (N,), and roots of each sample's share of it (N, S), of depths (N, S) in x.

    One sample has no shape: (N, 0).
    """
    total = depth.sum(1)
    shape = np.sqrt((depth + PSEUDO_DEPTH) / (depth + PSEUDO_DEPTH).sum(1, keepdims=True))
    return np.log(total + PSEUDO_DEPTH), shape if depth.shape[1] > 1 else shape[:, :0]


def _joint(coverage: Coverage, lengths: I64) -> F32 | None:
    """Depths in the samples that count, (N, at most S), NaN where they are not known; None if there are none.

    What can be told is told by contigs that all samples know. So those that know most bp come first, and one that would
    leave less than FEWEST_JOINT of the bp of the first does not count.
    """
    there = ~np.isnan(coverage.mean)
    bp = lengths @ there  # (S,)
    joint, kept = np.ones(len(lengths), bool), []
    for sample in np.argsort(-bp, kind="stable").tolist():
        both = joint & there[:, sample]
        if bp[sample] and lengths[both].sum() >= FEWEST_JOINT * bp.max():
            joint = both
            kept.append(sample)
        else:
            logger.info("sample %s knows too few contigs: it does not count", coverage.samples[sample])
    return coverage.mean[:, sorted(kept)] if kept else None


def _scatter(embedding: Embedding, blocks: F64, errors: F64, *, covered: Bool, lengths: I64) -> tuple[float, float]:
    """Standard deviations within genomes of size and shape, the columns of `blocks` (N, 1 + S), beyond their `errors`.

    `errors` (N, 2) are the variances of the size and of each column of the shape. Pairs within genomes are nearest
    neighbours in composition among long contigs. Which of them are of one genome is told by their shapes, and by sizes
    that are not too far apart.
    """
    long = np.flatnonzero(covered & (lengths >= max(5000, np.median(lengths))))
    long = long[:: max(1, -(-len(long) // TYPICAL_PAIRS))]
    neighbours, _ = nearest(unit_rows(embedding.matrix[long]), 3)
    first, second = np.repeat(long, neighbours.shape[1]), long[neighbours.ravel()]
    if len(first) < FEWEST_PAIRS:
        return UNKNOWN_SCATTER, LEAST_SHAPE_SCATTER
    other = np.random.default_rng(0).permutation(long)[np.arange(len(first)) % len(long)]
    broad = np.maximum(_squares(blocks, first, other).mean(0), 1e-3)
    squares = _squares(blocks, first, second)
    counting = errors[first] + errors[second]
    same, shape = _same_genome(squares[:, 1:], counting[:, 1:], broad[1:])
    same *= squares[:, 0] < FARTHEST_SIZE**2
    size = np.sqrt(max(same @ (squares[:, 0] - counting[:, 0]) / max(same.sum(), 1e-9) / 2, 0))
    return max(float(size), LEAST_SCATTER), max(shape, LEAST_SHAPE_SCATTER)


def _squares(blocks: F64, first: I64, second: I64) -> F64:
    """Squared differences of pairs of rows, (P, 1 + S): in place, for with many samples they are large."""
    off: F64 = blocks[first]
    off -= blocks[second]
    off *= off
    return off


def _same_genome(squares: F64, counting: F64, broad: F64) -> tuple[F64, float]:
    """Probability that pairs (P,) are of one genome, by squared differences of shapes (P, S), and the shapes' scatter.

    A mixture (EM): of pairs of one genome, whose variance is `counting` (P, 1) and twice the scatter, and of pairs of
    two, whose variance is that of random pairs, `broad` (S,). Without shapes (one sample) all are of one genome.
    """
    if not squares.shape[1]:
        return np.ones(len(squares)), 0.0
    scatter, share = 1e-3, 0.8
    for _ in range(EM_ROUNDS):
        narrow = 2 * scatter + counting
        density = squares / narrow
        density -= squares / broad
        density += np.log(narrow / broad)
        odds = density.sum(1) / 2 + np.log((1 - share) / share)
        same = 1 / (1 + np.exp(np.clip(odds, -50, 50)))
        share = float(np.clip(same.mean(), 1e-6, 1 - 1e-6))
        scatter = max(float(same @ (squares - counting).mean(1) / max(same.sum(), 1e-9) / 2), 1e-6)
    return same, float(np.sqrt(scatter))


def points(embedding: Embedding, depth: Depths | None, metric: Metric) -> F32:
    """Contigs as points (N, D + 1 + S) whose distances mean the same in composition and in coverage.

    Composition is scaled to unit length (of each contig, or of the typical one), which makes the error of a window
    1 / radius; size and shape of the coverage are scaled so that their errors are as large.
    """
    radius = float(np.median(np.linalg.norm(embedding.matrix, axis=1))) or 1.0
    composition = _expected(embedding) if metric.expected else embedding.matrix / np.float32(radius)
    if depth is None:
        return np.ascontiguousarray(composition, np.float32)
    scale = metric.weight / radius
    size = depth.size[:, None] * scale / np.sqrt(depth.size_scatter**2 + depth.typical[0])
    shape = depth.shape * scale / np.sqrt(depth.shape_scatter**2 + depth.typical[1])
    return np.ascontiguousarray(_side_by_side(composition, size, shape))


def gaussians(embedding: Embedding, depth: Depths | None, lengths: I64) -> Gaussians:
    """The embedding and, where there is coverage, its size and its shape: D + 1 + S directions."""
    if depth is None:
        return Gaussians(embedding.matrix, embedding.variance, embedding.prior)
    size = (depth.size_error + depth.size_scatter**2)[:, None]
    shape_variance = (depth.shape_error + depth.shape_scatter**2).astype(np.float32)
    shape = np.repeat(shape_variance[:, None], depth.shape.shape[1], 1)
    weight = np.minimum(lengths, LONGEST_WEIGHT) * depth.known
    weight = weight / weight.sum()
    centred = np.column_stack([depth.size, depth.shape - weight @ depth.shape])
    prior = np.maximum(weight @ centred**2, 1e-4)
    return Gaussians(
        _side_by_side(embedding.matrix, centred),
        _side_by_side(embedding.variance, size, shape),
        np.concatenate([embedding.prior, prior]).astype(np.float32),
    )


def _side_by_side(*tables: Matrix) -> F32:
    """Columns of tables (N, .), each in single precision before there are many of them."""
    return np.hstack([table.astype(np.float32, copy=False) for table in tables])


def _expected(embedding: Embedding) -> F32:
    """Expected genome means (PLDA: prior / (prior + variance) of the vector), at unit length."""
    return unit_rows(embedding.matrix * (embedding.prior / (embedding.prior + embedding.variance)))


def unit_rows(matrix: Matrix) -> Matrix:
    """Rows of length 1 (N, D); those of length 0 stay."""
    norm = np.linalg.norm(matrix, axis=1, keepdims=True)
    unit: Matrix = (matrix / np.where(norm > 0, norm, 1)).astype(matrix.dtype, copy=False)
    return unit
