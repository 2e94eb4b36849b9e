"""Clusters with several copies of single-copy genes, taken apart.

The contigs that hold the copies of one such gene are of different genomes: they are the seeds, and every contig goes
to the seed's cluster under which it is most likely (hard EM), as MaxBin and SemiBin2 do it with k-means.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from binner.candidates._given import Given
from binner.data import I32, I64, U8
from binner.likelihood import Gaussians, most_likely, pool

TEMPER = 0.3
ROUNDS = 6
FEWEST_GENES = 3  # in several copies; fewer may be its own
MOST_PARTS = 12


def propose(given: Given) -> Iterator[I32]:
    """Each partition with its clusters taken apart; those that stay whole are in no cluster."""
    if given.markers is None:
        return
    for clustering in given.clusterings:
        labels = np.full(len(given.lengths), -1, np.int32)
        parts = 0
        for rows in clustering.clusters():
            held = seeds(given.markers.counts[rows], given.lengths[rows])
            if len(held):
                labels[rows] = parts + _grow(given.gaussians.select(rows), held)
                parts += len(held)
        yield labels


def seeds(counts: U8, lengths: I64) -> I64:
    """One contig (M,) for each genome that marker counts (M, genes) say is there; none where they say it is one.

    There are as many genomes as the median of the genes in several copies has. Of the genes in as many, each on a
    contig of its own, that one counts whose shortest contig is longest: short ones are easily misplaced.
    """
    copies = counts.sum(0, dtype=np.int64)
    several = copies[copies > 1]
    if len(several) < FEWEST_GENES:
        return np.zeros(0, np.int64)
    genomes = int(np.median(several))
    apart = np.flatnonzero((copies == genomes) & (counts.max(0, initial=0) == 1))
    if genomes > MOST_PARTS or not len(apart):
        return np.zeros(0, np.int64)
    shortest = [int(lengths[counts[:, gene] > 0].min()) for gene in apart]
    return np.flatnonzero(counts[:, apart[int(np.argmax(shortest))]])


def _grow(gaussians: Gaussians, held: I64) -> I32:
    """Part of each contig."""
    labels = np.full(len(gaussians.mean), -1, np.int64)
    labels[held] = np.arange(len(held))
    for _ in range(ROUNDS):
        pooled = pool(gaussians, labels, len(held), temper=TEMPER)
        labels = most_likely(gaussians, *pooled.posterior(gaussians.prior), temper=TEMPER)
    return labels.astype(np.int32)
