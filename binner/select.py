"""The judge: of all clusters that were proposed, the best one for each genome.

A cluster scores by the agreement of the partitions that vote (half of them cut a neighbour graph, half are the
likelihood's answer to those), by the single-copy marker genes it holds (complete genomes have each once), and by the
homologs it should not hold (what two relatives have in common is on two contigs). The best cluster becomes a bin,
without the few contigs that do not fit (`binner.trim`); its contigs leave all others, which are scored again, and so
on.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numba import njit

from binner.data import F32, F64, I64, Bin, Bool, Clustering, Homologs, Markers
from binner.space import Depths
from binner.trim import trim
from binner.votes import Votes

logger = logging.getLogger(__name__)

MARKER_WEIGHT = 1.0  # a bin with every marker once scores as much more as one that all partitions agree on
HOMOLOG_WEIGHT = (
    8.0  # a bin of whose bp one in eight beyond the free share has a homolog in the bin loses as much again
)
FREE_SHARE = 0.03  # of the bp, which costs nothing: genomes have some genes twice
DOMAINS = ("bacteria", "archaea")  # of the marker sets; each is judged together with the universal genes


def choose(
    clusterings: Sequence[Clustering],
    lengths: I64,
    *,
    markers: Markers | None,
    min_bin_size: int,
    depth: Depths | None = None,
    homologs: Homologs | None = None,
) -> list[Bin]:
    """Disjoint bins of at least `min_bin_size` bp, largest first."""
    candidates = list(_candidates(clusterings, lengths, min_bin_size))
    logger.info("%d candidate bins from %d partitions", len(candidates), len(clusterings))
    judge = _Judge(Votes.of(clusterings, lengths), markers, homologs)
    bins = [
        Bin(rows, int(lengths[rows].sum()), score)
        for rows, score in _take_best(candidates, judge, lengths, least_bp=min_bin_size, depth=depth)
    ]
    return sorted(bins, key=lambda found: found.rank)


def shares(bins: Sequence[Bin], clusterings: Sequence[Clustering], lengths: I64) -> F32:
    """The share of the votes that count whose version of a contig's bin holds it, (N,); 0 for contigs in no bin."""
    votes = Votes.of(clusterings, lengths)
    share = np.zeros(len(lengths), np.float32)
    for found in bins:
        share[found.rows] = votes.share(found.rows)
    return share


def scorer(
    clusterings: Sequence[Clustering], lengths: I64, markers: Markers | None, homologs: Homologs | None
) -> Callable[[Sequence[I64]], F64]:
    """The judge's scores (C,) of any C clusters, each the rows of its contigs, as a function of nothing else."""
    return _Judge(Votes.of(clusterings, lengths), markers, homologs).scores


def _candidates(clusterings: Sequence[Clustering], lengths: I64, least_bp: int) -> Iterator[I64]:
    """Every cluster that is large enough, once, rows ascending."""
    seen: set[bytes] = set()
    for clustering in clusterings:
        for rows in clustering.clusters():
            if lengths[rows].sum() >= least_bp and (key := rows.tobytes()) not in seen:
                seen.add(key)
                yield rows


def _take_best(
    candidates: list[I64], judge: _Judge, lengths: I64, *, least_bp: int, depth: Depths | None
) -> Iterator[tuple[I64, float]]:
    """Greedily: the best cluster (the larger of equals) whose contigs are all free, trimmed; others lose theirs."""
    free = np.ones(len(lengths), bool)
    sizes = [int(lengths[rows].sum()) for rows in candidates]
    heap = [(-score, -sizes[place], place) for place, score in enumerate(judge.scores(candidates))]
    heapq.heapify(heap)
    while heap:
        loss, _, place = heapq.heappop(heap)
        rows = candidates[place]
        left = rows[free[rows]]
        if len(left) == len(rows):
            kept = trim(rows, lengths, share=judge.votes.share(rows), depth=depth)
            rows = kept if lengths[kept].sum() >= least_bp else rows
            free[rows] = False
            yield rows, -loss
        elif len(left) and (size := int(lengths[left].sum())) >= least_bp:
            candidates[place] = left
            heapq.heappush(heap, (-judge.scores([left])[0], -size, place))


class _Judge:
    def __init__(self, votes: Votes, markers: Markers | None, homologs: Homologs | None) -> None:
        self.votes = votes
        self.links = homologs.links(len(votes.lengths)) if homologs is not None else None
        self.inside = np.zeros(len(votes.lengths), bool)  # what numba works with: False between two calls
        self.markers = markers
        self.sets = _marker_sets(markers) if markers is not None else []

    def scores(self, clusters: Sequence[I64]) -> F64:
        """Agreement in [0, 1] plus weighted markers less weighted homologs of each cluster."""
        if not clusters:
            return np.zeros(0)
        starts = np.concatenate([[0], np.cumsum([len(rows) for rows in clusters])])
        rows = np.concatenate(clusters)
        score = self.votes.matches(rows, starts).agreement
        if self.links is not None:
            share = _linked_share(rows, starts, self.links, self.votes.lengths, self.inside)
            score -= HOMOLOG_WEIGHT * np.maximum(share - FREE_SHARE, 0)
        if self.markers is not None:
            score += MARKER_WEIGHT * np.array([self._markers(each) for each in clusters])
        return score

    def _markers(self, rows: I64) -> float:
        """Share of the genes of the domain that fits best that are there, less those that are there too often."""
        assert self.markers is not None
        held, over = self.markers.copies(rows)
        return max(float(held[genes].sum() - over[genes].sum()) / len(genes) for genes in self.sets)


def _marker_sets(markers: Markers) -> list[I64]:
    """Columns of the universal genes with those of each domain that has a set of its own."""
    kinds = np.array([gene.split(":")[0] for gene in markers.genes])
    sets = [np.flatnonzero((kinds == "universal") | (kinds == domain)) for domain in DOMAINS if domain in kinds]
    return [genes for genes in sets or [np.flatnonzero(kinds == "universal")] if len(genes)] or [np.arange(len(kinds))]


@njit(nogil=True, cache=True)
def _linked_share(rows: I64, starts: I64, links: tuple[I64, I64, I64], lengths: F64, inside: Bool) -> F64:
    """Share of the bp of the clusters rows[starts[i]:starts[i + 1]] that have homologs in the same cluster, (C,).

    `links`: where the links of each contig begin (N + 1,), their other ends, and bp. `inside` (N,) says which contigs
    are in a cluster; it comes and goes as False.
    """
    first, other, bp = links
    share = np.zeros(len(starts) - 1)
    for cluster in range(len(share)):
        own = rows[starts[cluster] : starts[cluster + 1]]
        inside[own] = True
        linked = size = 0.0
        for row in own:
            held = 0.0
            for link in range(first[row], first[row + 1]):
                held += bp[link] if inside[other[link]] else 0.0
            linked += min(held, lengths[row])
            size += lengths[row]
        inside[own] = False
        share[cluster] = linked / max(size, 1.0)
    return share
