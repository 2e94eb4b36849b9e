"""Genomes as Gaussians: how likely a contig is in a cluster, and what joining two clusters gains.

A contig's vector is the mean of its genome plus an error whose variance is known: z ~ N(m, v); genome means are
m ~ N(0, prior) (PLDA; Ioffe 2006, Prince & Elder 2007), every direction on its own. Directions are not quite
independent and errors have heavy tails, so precisions are tempered: multiplied by a number below 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit, prange

from binner.data import F32, F64, I64, check_array

TELLING = 16  # directions that are enough to rule most clusters out
ROUNDING = np.float32(1e-3)  # of a log likelihood in single precision, and more


@dataclass(frozen=True, slots=True, eq=False)
class Gaussians:
    """Contigs with error bars; N contigs, D directions."""

    mean: F32  # (N, D)
    variance: F32  # (N, D)
    prior: F32  # (D,), variance of genome means around 0

    def __post_init__(self) -> None:
        check_array("mean", self.mean, np.float32, (-1, -1))
        check_array("variance", self.variance, np.float32, self.mean.shape)
        check_array("prior", self.prior, np.float32, (self.mean.shape[1],))

    def select(self, rows: I64) -> Gaussians:
        """The contigs in `rows`, in that order."""
        return Gaussians(self.mean[rows], self.variance[rows], self.prior)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Sufficient statistics of K clusters: sums over their contigs of tempered precisions, alone and times the mean."""

    weighted: F64  # (K, D)
    precision: F64  # (K, D)

    def posterior(self, prior: F32) -> tuple[F32, F32]:
        """Mean and variance of each cluster's genome mean, (K, D) each."""
        variance = prior / (1 + prior * self.precision)
        return (self.weighted * variance).astype(np.float32), variance.astype(np.float32)


def pool(gaussians: Gaussians, labels: npt.NDArray[np.integer], clusters: int, *, temper: float) -> Pooled:
    """Statistics of the clusters 0 .. clusters-1; contigs with a negative label count nowhere."""
    from scipy.sparse import csr_matrix

    rows = np.flatnonzero(labels >= 0)
    member = csr_matrix((np.ones(len(rows)), (labels[rows], rows)), shape=(clusters, len(labels)))
    precision = temper / gaussians.variance.astype(np.float64)
    return Pooled(np.asarray(member @ (precision * gaussians.mean)), np.asarray(member @ precision))


def log_evidence(weighted: F64, precision: F64, prior: F32) -> F64:
    """Log marginal likelihood of clusters (..., D) -> (...), without the terms that no grouping changes."""
    total = 1 + prior * precision
    evidence: F64 = 0.5 * (weighted**2 * prior / total - np.log(total)).sum(-1)
    return evidence


def most_likely(gaussians: Gaussians, mean: F32, variance: F32, *, temper: float) -> I64:
    """For each contig the cluster (posteriors (K, D), K > 0) under which it is most likely, (N,)."""
    cluster, _ = _ranked(gaussians.mean, gaussians.variance, (mean, variance), temper=temper, most=1)
    return cluster[:, 0]


def likeliest(
    gaussians: Gaussians, rows: I64, posterior: tuple[F32, F32], *, temper: float, most: int
) -> tuple[I64, F32]:
    """For each of some contigs (R,) its `most` likeliest clusters (R, most), the best first, and their log likelihoods.

    Where there are fewer clusters the rest is -1 with a log likelihood of -inf.
    """
    cluster, twice = _ranked(gaussians.mean[rows], gaussians.variance[rows], posterior, temper=temper, most=most)
    return cluster, twice / np.float32(2)


def _ranked(z: F32, variance: F32, posterior: tuple[F32, F32], *, temper: float, most: int) -> tuple[I64, F32]:
    """The `most` likeliest clusters of contigs (N, D), the first of equals first, and twice their log likelihoods.

    The directions in which clusters differ most go first; the others are looked at where those leave a cluster in
    question. No (N, K) array is made.
    """
    best = np.full((len(z), most), -1, np.int64)
    score = np.full((len(z), most), -np.inf, np.float32)
    mean, spread = posterior
    error = variance / np.float32(temper)
    telling = np.argsort(-mean.var(0) / (error.mean(0) + spread.mean(0)), kind="stable")[:TELLING]
    means, spreads = (np.ascontiguousarray(each[:, telling].T) for each in posterior)  # (TELLING, K)
    _rank(z, error, mean, spread, telling, means, spreads, spread.min(0), best, score)
    return best, score


@njit(parallel=True, fastmath={"contract", "arcp", "nsz", "reassoc"}, nogil=True, cache=True)
def _rank(
    z: F32,
    error: F32,
    mean: F32,
    variance: F32,
    telling: I64,
    means: F32,
    variances: F32,
    least: F32,
    best: I64,
    score: F32,
) -> None:
    clusters = len(mean)
    for row in prange(len(z)):
        bound = np.zeros(clusters, np.float32)  # twice the log likelihood is no more than this, less `rest`
        for place, d in enumerate(telling):
            for cluster in range(clusters):
                off = z[row, d] - means[place, cluster]
                bound[cluster] -= off * off / (error[row, d] + variances[place, cluster])
        rest = np.float32(0)
        for d in range(z.shape[1]):
            rest += np.log(error[row, d] + least[d])
        promising = int(np.argmax(bound))
        bar = np.float32(-np.inf)
        for turn in range(-1, clusters):
            cluster = turn if turn >= 0 else promising
            if bound[cluster] < bar or turn == promising:
                continue
            twice = np.float32(0)  # log likelihood
            product = np.float32(1)  # of variances: one logarithm for eight of them
            for d in range(z.shape[1]):
                spread = error[row, d] + variance[cluster, d]
                off = z[row, d] - mean[cluster, d]
                twice -= off * off / spread
                product *= spread
                if d & 7 == 7:
                    twice -= np.log(product)
                    product = np.float32(1)
            twice -= np.log(product)
            if _insert(best, score, row, cluster, twice):
                last = score[row, -1]
                bar = last - ROUNDING * (1 + abs(last)) + rest


@njit(nogil=True, cache=True)
def _insert(best: I64, score: F32, row: int, cluster: int, twice: float) -> bool:
    """Put a cluster among the best of a row, if it is one of them: whether it is."""
    place = best.shape[1]
    while place and (
        twice > score[row, place - 1] or (twice == score[row, place - 1] and cluster < best[row, place - 1])
    ):
        place -= 1
    if place == best.shape[1]:
        return False
    for later in range(best.shape[1] - 1, place, -1):
        best[row, later], score[row, later] = best[row, later - 1], score[row, later - 1]
    best[row, place], score[row, place] = cluster, twice
    return True
