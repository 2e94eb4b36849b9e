"""The best set of bins in the density tree, by the judge's own score.

HDBSCAN's hierarchy (Campello et al. 2013) over the neighbour graph, as in `binner.clusterers.density`, but a cluster is
condensed by bp: a branch counts if it could be a bin. Of all sets of nodes of which none lies in another, dynamic
programming finds the one with the greatest total score, in time linear in the nodes (as GenomeFace does by markers).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numba import njit

from binner import select
from binner.candidates._given import Given
from binner.clusterers.density import single_linkage
from binner.data import F64, I32, I64, Bool
from binner.graph import nearest, neighbours_that_fit

CORE_NEIGHBOURS = 1  # reachability by the nearest one: short contigs of a genome have few others nearby
MOST_BP = 20_000_000  # of a node that is scored; no genome of a bacterium or an archaeon is as large


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Nodes of at least some bp, K of them, over N contigs; children come before their parents, the root is last."""

    parent: I64  # (K,), -1 for the root
    start: I64  # (K,), where each node's contigs start in `order`
    stop: I64  # (K,)
    order: I64  # (N,), contigs such that those of a node stand together

    def rows(self, node: int) -> I64:
        """Contigs of a node, ascending."""
        return np.sort(self.order[self.start[node] : self.stop[node]])

    def sums(self, lengths: I64) -> I64:
        """Of the contigs of each node, (K,)."""
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[self.order])])
        return np.asarray(before[self.stop] - before[self.start], np.int64)


def propose(given: Given) -> Iterator[I32]:
    """The best set of each metric's tree."""
    known = np.flatnonzero(given.known)
    lengths = given.lengths[known]
    if len(known) < 3:
        return
    score = select.scorer(given.clusterings, given.lengths, given.markers, given.homologs)
    k = neighbours_that_fit(len(known), int(lengths.sum()))
    for points in given.spaces:
        linkage = single_linkage(*nearest(points[known], k), core=CORE_NEIGHBOURS)
        tree = condense(linkage, lengths, least_bp=given.least_bp)
        scored = np.flatnonzero(tree.sums(lengths) <= MOST_BP)
        value = np.full(len(tree.parent), -np.inf)
        # Squared, for two halves of a genome have half of its votes and half of its markers each.
        value[scored] = np.maximum(score([known[tree.rows(node)] for node in scored.tolist()]), 0) ** 2
        labels = np.full(len(given.lengths), -1, np.int32)
        for label, node in enumerate(best_set(tree, value).tolist()):
            labels[known[tree.rows(node)]] = label
        yield labels


def condense(linkage: F64, lengths: I64, *, least_bp: int) -> Tree:
    """The root of a single-linkage tree (N - 1, 4), and both branches wherever both have `least_bp` bp and more.

    What else leaves a branch on its way down is noise around the branch: it stays in the node.
    """
    parent, start, size, order, kept = _condense(linkage[:, :2].astype(np.int64), lengths.astype(np.float64), least_bp)
    nodes = np.flatnonzero(kept)
    place = np.full(len(kept) + 1, -1)  # the last one is for the parent -1
    place[nodes] = np.arange(len(nodes))
    return Tree(place[parent[nodes]], start[nodes], start[nodes] + size[nodes], order)


def best_set(tree: Tree, score: F64) -> I64:
    """The nodes, ascending, of the set without overlaps that has the greatest sum of `score` (K,); -inf is never taken.

    Of sets with equal sums it is that of the larger nodes; nodes that add nothing are left out.
    """
    return np.flatnonzero(_best_set(tree.parent, score))


@njit(nogil=True, cache=True)
def _best_set(parent: I64, score: F64) -> Bool:
    number = len(parent)
    below = np.zeros(number)  # the best sum in the branches of each node
    taken = np.zeros(number, np.bool_)
    for node in range(number):
        taken[node] = score[node] >= below[node] and score[node] > 0
        if parent[node] >= 0:
            below[parent[node]] += score[node] if taken[node] else below[node]
    covered = np.zeros(number, np.bool_)
    for node in range(number - 1, -1, -1):
        if parent[node] >= 0 and (covered[parent[node]] or taken[parent[node]]):
            covered[node] = True
    return taken & ~covered


@njit(nogil=True, cache=True)
def _condense(joined: I64, lengths: F64, least_bp: float) -> tuple[I64, I64, I64, I64, Bool]:
    """Of each node of the dendrogram: its nearest kept ancestor, start in the order, size; the order; who is kept."""
    number = len(lengths)
    total = number + len(joined)
    bp, size = np.zeros(total), np.ones(total, np.int64)
    bp[:number] = lengths
    for row in range(len(joined)):
        first, second = joined[row]
        bp[number + row] = bp[first] + bp[second]
        size[number + row] = size[first] + size[second]
    start, order = np.zeros(total, np.int64), np.zeros(number, np.int64)
    above, kept = np.full(total, -1, np.int64), np.zeros(total, np.bool_)
    kept[total - 1] = True
    for row in range(len(joined) - 1, -1, -1):
        node = number + row
        first, second = joined[row]
        start[first], start[second] = start[node], start[node] + size[first]
        above[first] = above[second] = node if kept[node] else above[node]
        if bp[first] >= least_bp and bp[second] >= least_bp:
            kept[first] = kept[second] = True
    for contig in range(number):
        order[start[contig]] = contig
    return above, start, size, order, kept
