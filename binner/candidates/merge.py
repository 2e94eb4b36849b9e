"""Halves of genomes put together: two clusters of one partition that one genome explains and whose markers agree."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from binner.candidates._given import Given
from binner.data import F32, I32
from binner.graph import nearest
from binner.likelihood import log_evidence, pool

TEMPER = 0.4
NEAREST = 50  # clusters that each is compared with
PARTNERS = 3  # of each cluster that are considered
LEAST_GAIN = -200.0  # nats, of one genome over two: genomes are not Gaussian, and halves of one may lie apart
SHARED_GENES = 3  # single-copy genes that both may have: pieces of one gene count twice
MOST_BP = 12_000_000


def propose(given: Given) -> Iterator[I32]:
    """For each partition that votes its best pairs, each cluster in one of them; the others are in no cluster."""
    if not len(given.lengths):
        return
    unit = np.sqrt(np.median(given.gaussians.variance, axis=0))
    for clustering in given.clusterings:
        if clustering.votes:
            yield _pairs(clustering.labels, given, unit)


def _pairs(labels: I32, given: Given, unit: F32) -> I32:
    """Of one partition; clusters are near by their genomes' means in `unit` (D,), the error of the typical contig."""
    clusters = int(labels.max(initial=-1)) + 1
    binned = np.flatnonzero(labels >= 0)
    size = np.bincount(labels[binned], given.lengths[binned], clusters)
    large = np.flatnonzero(size >= given.least_bp)
    pooled = pool(given.gaussians, labels, clusters, temper=TEMPER)
    weighted, precision = pooled.weighted[large], pooled.precision[large]
    genes = _genes(labels, clusters, given)[large]
    alone = log_evidence(weighted, precision, given.gaussians.prior)
    pairs: list[tuple[float, int, int]] = []
    posterior = pooled.posterior(given.gaussians.prior)[0][large]
    near = np.sort(nearest(posterior / unit, NEAREST)[0], axis=1)
    for one, others in enumerate(near):
        gain = log_evidence(weighted[one] + weighted[others], precision[one] + precision[others], given.gaussians.prior)
        gain -= alone[one] + alone[others]
        fits = (genes[others] & genes[one]).sum(1) <= SHARED_GENES
        fits &= (size[large[others]] + size[large[one]] <= MOST_BP) & (gain > LEAST_GAIN)
        best = np.flatnonzero(fits)[np.argsort(-gain[fits], kind="stable")[:PARTNERS]]
        pairs += [(-float(gain[place]), one, int(others[place])) for place in best]
    return _take_pairs(pairs, large, labels, clusters=clusters)


def _take_pairs(
    pairs: list[tuple[float, int, int]], large: npt.NDArray[np.int64], labels: I32, *, clusters: int
) -> I32:
    """Pairs (loss, first, second), the best first, each cluster once."""
    merged = np.full(max(clusters, 1), -1, np.int32)
    for number, (_, first, second) in enumerate(sorted(pairs)):
        if merged[large[first]] < 0 and merged[large[second]] < 0:
            merged[large[[first, second]]] = number
    return np.where(labels >= 0, merged[np.maximum(labels, 0)], np.int32(-1))


def _genes(labels: I32, clusters: int, given: Given) -> npt.NDArray[np.bool_]:
    """Which genes each cluster has, (clusters, M)."""
    if given.markers is None:
        return np.zeros((clusters, 0), bool)
    contig, gene = np.nonzero(given.markers.counts)
    found = np.zeros((clusters, len(given.markers.genes)), bool)
    kept = labels[contig] >= 0
    found[labels[contig[kept]], gene[kept]] = True
    return found
