"""Homologs apart: contigs that are of two genomes go to two clusters, by the likelihood of both.

A mean field (Basu et al. 2004 have such constraints in k-means): each contig is in each of the few clusters that are
likeliest for it with a probability, and pays for every homolog by that one's probability to be there too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from binner.data import F32, I64, Homologs
from binner.likelihood import Gaussians, likeliest

CLUSTERS = 4  # that a contig may be in
PRICE = 3.0  # nats, of being with a homolog: of twenty pairs one is of one genome after all
SWEEPS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Apart:
    """The homologs among N contigs, laid out for the mean field: L of the contigs have some."""

    rows: I64  # (L,)
    first: I64  # (L + 1,), where the homologs of each begin in `other`
    other: I64  # places in `rows`

    @classmethod
    def of(cls, homologs: Homologs, contigs: int) -> Apart:
        """Those of N contigs."""
        first, other, _ = homologs.links(contigs)
        rows = np.flatnonzero(np.diff(first))
        place = np.zeros(contigs, np.int64)
        place[rows] = np.arange(len(rows))
        return cls(rows, np.append(first[rows], first[-1]), place[other])

    def keep(self, labels: I64, gaussians: Gaussians, posterior: tuple[F32, F32], *, temper: float) -> None:
        """Give those of `labels` (N,) that have homologs their places among the clusters of `posterior`."""
        if len(self.rows):
            cluster, score = likeliest(gaussians, self.rows, posterior, temper=temper, most=CLUSTERS)
            labels[self.rows] = _mean_field(cluster, score, self.first, self.other, PRICE, SWEEPS)


@njit(nogil=True, cache=True)
def _mean_field(cluster: I64, score: F32, first: I64, other: I64, price: float, sweeps: int) -> I64:
    """The cluster of each contig; cluster and score (nats) of those it may be in are (L, CLUSTERS), -1 is none."""
    number, most = cluster.shape
    chance, new, cost = np.zeros((number, most)), np.zeros((number, most)), np.zeros(most)
    labels = np.empty(number, np.int64)
    for sweep in range(-1, sweeps + 1):
        for row in range(number):
            cost[:] = 0
            if sweep >= 0:
                for link in range(first[row], first[row + 1]):
                    for there in range(most):
                        for here in range(most):
                            if cluster[row, here] == cluster[other[link], there]:
                                cost[here] += price * chance[other[link], there]
            net = score[row] - cost
            labels[row] = cluster[row, np.argmax(net)]
            share = np.exp(net - net.max())
            share /= share.sum()
            new[row] = share if sweep < 0 else (share + chance[row]) / 2
        chance[:] = new
    return labels
