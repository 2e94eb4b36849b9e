"""Nearest neighbours, and the graphs that clusterers cut."""

from __future__ import annotations

from typing import Any

import numpy as np

from binner.communities import Graph
from binner.data import F32, I64

EXACT_BELOW = 50_000  # points; from there on an inverted file is faster at the same recall
TYPICAL_NEIGHBOUR = 15  # the distance scale of a graph is the median over its first 15 neighbours
GENOME_BP = 3_000_000  # bp of a typical genome in an assembly


def genomes_expected(bp: int) -> float:
    """How many genomes an assembly of so many bp may hold.

    The resolution at which modularity sees a genome grows with their number: joining two communities of a degree d each
    in a graph of m edges costs resolution d^2 / 2 m (Fortunato & Barthelemy 2007).
    """
    return max(1.0, bp / GENOME_BP)


def neighbours_that_fit(contigs: int, bp: int) -> int:
    """How many neighbours a graph of this assembly wants: few where a genome is a few long contigs, at most 30."""
    per_genome = contigs / genomes_expected(bp)
    return int(np.clip(per_genome / 6, 8, 30))


def nearest(points: F32, k: int) -> tuple[I64, F32]:
    """The k nearest other points by Euclid (fewer if there are not so many): rows and squared distances, (N, k)."""
    points = np.ascontiguousarray(points, np.float32)
    number = len(points)
    k = min(k, number - 1)
    if k < 1:
        return np.zeros((number, 0), np.int64), np.zeros((number, 0), np.float32)
    distance, row = _index(points).search(points, k + 1)
    return _drop_self(row, distance)


def closest(points: F32, among: F32) -> I64:
    """For each of the points (N, D) the row of the nearest in `among` (at least one), by Euclid."""
    _, row = _index(np.ascontiguousarray(among, np.float32)).search(np.ascontiguousarray(points, np.float32), 1)
    found: I64 = row[:, 0]
    return found


def _index(points: F32) -> Any:
    import faiss

    number, width = points.shape
    index: Any = faiss.index_factory(width, "Flat" if number < EXACT_BELOW else f"IVF{int(4 * np.sqrt(number))},Flat")
    if number >= EXACT_BELOW:
        index.train(points)
        index.nprobe = 16
    index.add(points)
    return index


def _drop_self(row: I64, distance: F32) -> tuple[I64, F32]:
    """Without the point itself, which is not always first among its copies; without it, the farthest goes."""
    own = row == np.arange(len(row))[:, None]
    own[~own.any(1), -1] = True
    keep = ~own
    width = row.shape[1] - 1
    return row[keep].reshape(-1, width), np.maximum(distance[keep].reshape(-1, width), 0)


def graph_of(row: I64, distance: F32, *, error: F32 | None = None) -> Graph:
    """The undirected graph of neighbours (N, k), its weights exp(-d^2 / t), t being the typical d^2.

    With `error` (N,), the squared distance by which each point may be off, an edge weighs t / (t + the errors of both
    ends) times as much: what may be elsewhere ties less.
    """
    number, k = row.shape
    scale = float(np.median(distance[:, : min(k, TYPICAL_NEIGHBOUR)])) if distance.size else 1.0
    source, target = np.repeat(np.arange(number), k), row.ravel()
    found = target >= 0  # an inverted file may find fewer than k
    low, high = np.minimum(source, target)[found], np.maximum(source, target)[found]
    pair, first = np.unique(low * number + high, return_index=True)
    weight = np.exp(-distance.ravel()[found][first].astype(np.float64) / max(scale, 1e-12))
    edges = np.stack([pair // number, pair % number], 1)
    if error is not None:
        weight *= scale / (scale + error[edges].sum(1, dtype=np.float64)) if scale > 0 else 1
    return Graph(number, edges, np.maximum(weight, 1e-9))
