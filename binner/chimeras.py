"""Contigs that join two genomes: where composition, and depth in alignments, change along them, and their pieces.

For each place between two windows, the two sides of a contig are of one genome or of two. With the error law of the
encoder both have a marginal likelihood (`binner.likelihood.log_evidence`), and the place with the highest ratio is
where the contig is cut, if the ratio is above a threshold; its pieces are looked at in their turn. Cutting a sequence
of Gaussians in two again and again is binary segmentation (Scott & Knott 1974), here of vectors.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from numba import njit, prange

from binner import encoders
from binner.config import EncoderConfig
from binner.data import F32, F64, I64, Contigs, Coverage, Progress, Windows, silent
from binner.embed import embed_windows
from binner.joins import Joins
from binner.replicons import ends_meet
from binner.space import LONGEST_WEIGHT, PSEUDO_DEPTH, READ_BP, UNKNOWN_SCATTER, size_and_shape
from binner.windows import DEPTH_WINDOW, of_depth

logger = logging.getLogger(__name__)

ENCODER = "whitening"  # whatever embeds the contigs: it is quick, and the threshold is its own
LEAST_SIDE = 2500  # bp that are read on either side of a cut; less tells next to nothing
STRETCH = 6000  # bp; a side of a contig, however long, scatters around its genome as a sample of so many bp does, too
# Nats, by python -m benchmarks.chimeras calibrate: one contig in 1,000 that are of one genome is above it
THRESHOLD = 4.2
# Depth has its say, and no more: within genomes it jumps at repeats, prophages and islands that some strains lack
MOST_BY_DEPTH = 4.0  # nats
SHAPE_SCATTER = 0.05  # sd between parts of a genome of the roots of each sample's share of the depth


@dataclass(frozen=True, slots=True, eq=False)
class Sides:
    """What sides of contigs are compared by; V windows, D directions, B samples."""

    windows: Windows
    composition: F32  # (V, D)
    depth: F32  # (V, B), x, NaN where it is not known; (V, 0) without alignments
    error: F32  # (D,), variance of 1 bp
    prior: F32  # (D,)
    size_prior: float  # variance of the log of depths
    shape_prior: F64  # (B,)

    def best(self, first: I64, stop: I64, *, least: int) -> tuple[I64, F64]:
        """For each run of windows the first one behind its best cut, and the log ratio there, (K,) each; else -inf."""
        at = np.zeros(len(first), np.int64)
        ratio = np.full(len(first), -np.inf)
        _best_cuts(
            self.composition,
            self.depth,
            self.windows.lengths,
            first,
            stop,
            least,
            self.error.astype(np.float64),
            self.prior.astype(np.float64),
            self.size_prior,
            self.shape_prior,
            at,
            ratio,
        )
        return at, ratio


def find(
    contigs: Contigs,
    coverage: Coverage | None = None,
    *,
    least: int = LEAST_SIDE,
    progress: Progress = silent,
) -> Joins:
    """Where contigs join two genomes: there the log likelihood ratio, in nats, is above THRESHOLD.

    Either side has `least` bp or more. Depth counts where `coverage.along` has it, in `windows.of_depth`. Contigs
    that are circular, told or by their ends, are not looked at: what is joined at random closes no circle.
    """
    sides = read(contigs, coverage, progress=progress)
    contig, position, ratio = _cuts(sides, contigs, least=least)
    joins = Joins(tuple(contigs.names[row] for row in contig.tolist()), position, ratio)
    logger.info(
        "%d of %d contigs are cut at %d joins, by composition%s",
        *(len(set(joins.contig)), len(contigs), len(contig), " and depth" * (sides.depth.shape[1] > 0)),
    )
    return joins


def read(contigs: Contigs, coverage: Coverage | None = None, *, progress: Progress = silent) -> Sides:
    """Composition and, where `coverage.along` is known, depth along the contigs."""
    encoder = encoders.load(ENCODER, EncoderConfig(window=DEPTH_WINDOW))
    found = embed_windows(contigs, encoder=encoder, progress=progress)
    depth, priors = np.zeros((len(found.windows), 0), np.float32), (1.0, np.ones(0))
    if coverage is not None and coverage.along is not None:
        depth, priors = coverage.along, _depth_priors(coverage, contigs.lengths)
    error = encoder.variance(np.ones(1, np.int64))[0]
    return Sides(found.windows, found.matrix, depth, error, encoder.prior, *priors)


def coverage_of(pieces: Contigs, of: I64, contigs: Contigs, coverage: Coverage) -> Coverage:
    """That of pieces: in samples of alignments the mean of their windows, in those of tables that of the contig."""
    mean = coverage.mean[of]
    if coverage.along is not None:
        tiles = of_depth(contigs)
        piece = np.searchsorted(pieces.offsets, contigs.offsets[tiles.contig] + tiles.start, "right") - 1
        total = np.bincount(piece, tiles.lengths, len(pieces))
        changed = np.flatnonzero((pieces.lengths < contigs.lengths[of]) & (total > 0))
        for sample, depths in enumerate(coverage.along.T):
            mean[changed, sample] = np.bincount(piece, depths * tiles.lengths, len(pieces))[changed] / total[changed]
    return Coverage(coverage.samples, mean, coverage.variance[of], pieces.names_digest)


def _depth_priors(coverage: Coverage, lengths: I64) -> tuple[float, F64]:
    """How far apart genomes are: variances over the assembly of what sides are compared by."""
    assert coverage.along is not None
    depth = coverage.mean[:, : coverage.along.shape[1]].astype(np.float64)
    known = ~np.isnan(depth).any(1)
    if not known.any():
        return 1.0, np.ones(depth.shape[1])
    depth, lengths = depth[known], lengths[known]
    weight = np.minimum(lengths, LONGEST_WEIGHT) / np.minimum(lengths, LONGEST_WEIGHT).sum()
    size_prior, *shape_prior = (weight @ (x - weight @ x) ** 2 for x in np.column_stack(size_and_shape(depth)).T)
    return float(size_prior), np.array(shape_prior)


def runs(tiles: Windows, contigs: int) -> tuple[I64, I64]:
    """The first window of each contig, and the one behind its last, (N,) each."""
    rows = np.arange(contigs)
    return np.searchsorted(tiles.contig, rows), np.searchsorted(tiles.contig, rows, "right")


def _cuts(sides: Sides, contigs: Contigs, *, least: int) -> tuple[I64, I64, F64]:
    """Contig, position and log ratio of every cut, by contig and position."""
    tiles = sides.windows
    first, stop = runs(tiles, len(contigs))
    behind, ratios = np.zeros(0, np.int64), np.zeros(0)
    whole = True  # the first time, contigs; then pieces
    while len(first):
        at, ratio = sides.best(first, stop, least=least)
        cuts = np.flatnonzero(ratio > THRESHOLD)
        if whole:
            row = tiles.contig[at[cuts]].tolist()
            cuts = cuts[[each not in contigs.circular and not ends_meet(contigs[each]) for each in row]]
            whole = False
        behind, ratios = np.append(behind, at[cuts]), np.append(ratios, ratio[cuts])
        first, stop = np.append(first[cuts], at[cuts]), np.append(at[cuts], stop[cuts])
    order = np.argsort(behind)
    behind = behind[order]
    return tiles.contig[behind], tiles.start[behind], ratios[order]


@njit(parallel=True, nogil=True, cache=True)
def _best_cuts(z, depth, lengths, first, stop, least, error, prior, size_prior, shape_prior, at, ratio):  # type: ignore[no-untyped-def]
    for run in prange(len(first)):
        width = z.shape[1]
        total = np.zeros(width + depth.shape[1])  # of what is weighted by length: composition, then depths
        for window in range(first[run], stop[run]):
            _add(total, z[window], depth[window], lengths[window])
        bases = lengths[first[run] : stop[run]].sum()
        left = np.zeros(len(total))
        before = 0
        for window in range(first[run], stop[run] - 1):
            _add(left, z[window], depth[window], lengths[window])
            before += lengths[window]
            if min(before, bases - before) < least:
                continue
            own, other = left / before, (total - left) / (bases - before)
            found = _by_composition(own[:width], other[:width], before, bases - before, error, prior)
            if len(total) > width:
                say = _by_depth(own[width:], other[width:], before, bases - before, size_prior, shape_prior)
                found += 0.0 if np.isnan(say) else min(say, MOST_BY_DEPTH)
            if found > ratio[run]:
                at[run], ratio[run] = window + 1, found


@njit(nogil=True, cache=True)
def _add(total, z, depth, length):  # type: ignore[no-untyped-def]
    for direction in range(len(z)):
        total[direction] += length * z[direction]
    for sample in range(len(depth)):
        total[len(z) + sample] += length * depth[sample]


@njit(nogil=True, cache=True)
def _by_composition(own, other, before, behind, error, prior):  # type: ignore[no-untyped-def]
    """Log of the likelihood of two genomes over that of one, from the means (D,) of so many bp."""
    found = 0.0
    for d in range(len(own)):
        a, b = 1 / (error[d] * (1 / before + 1 / STRETCH)), 1 / (error[d] * (1 / behind + 1 / STRETCH))
        one, two, both = 1 + prior[d] * a, 1 + prior[d] * b, 1 + prior[d] * (a + b)
        x, y = a * own[d], b * other[d]
        found += (prior[d] * (x**2 / one + y**2 / two - (x + y) ** 2 / both) - np.log(one * two / both)) / 2
    return found


@njit(nogil=True, cache=True)
def _by_depth(own, other, before, behind, size_prior, shape_prior):  # type: ignore[no-untyped-def]
    """The same from the depths (B,), by the differences of their size and of their shape (`binner.space.Depths`)."""
    deep, beside = own.sum() + PSEUDO_DEPTH, other.sum() + PSEUDO_DEPTH
    counting = READ_BP / (before * deep) + READ_BP / (behind * beside)
    found = _apart(np.log(deep / beside), counting + 2 * UNKNOWN_SCATTER**2, 2 * size_prior)
    own, other = own + PSEUDO_DEPTH, other + PSEUDO_DEPTH
    for sample in range(len(own) if len(own) > 1 else 0):
        difference = np.sqrt(own[sample] / own.sum()) - np.sqrt(other[sample] / other.sum())
        found += _apart(difference, counting / 4 + 2 * SHAPE_SCATTER**2, 2 * shape_prior[sample])
    return found


@njit(nogil=True, cache=True)
def _apart(difference, within, between):  # type: ignore[no-untyped-def]
    """Log likelihood ratio of a difference: of two genomes, which vary by `between`, or of one."""
    return (difference**2 * (1 / within - 1 / (within + between)) - np.log1p(between / within)) / 2
