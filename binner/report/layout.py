"""Contigs on a plane, so that those which are neighbours in composition and coverage are neighbours in the picture."""

from __future__ import annotations

import numpy as np
from numba import njit

from binner import space
from binner.data import F32, F64, I64, Coverage, Embedding
from binner.graph import graph_of, nearest

TIGHT, EXPECTED = space.WITH_COVERAGE[1], space.WITHOUT_COVERAGE[0]  # metrics, with coverage and without
WIDTH = 50  # directions of largest variance in which neighbours are looked for
NEIGHBOURS = 15
EPOCHS, FEWEST_EPOCHS = 200, 30
SOON = 3000  # contigs that get all epochs; more get fewer in proportion, so that the time does not grow
REPULSIONS = 4  # random points that each end of an edge is pushed from
LONGEST_STEP = 4.0
SPREAD = 5.0  # of the picture that it begins with
SEED = 1


def lay_out(embedding: Embedding, coverage: Coverage | None, lengths: I64, *, rows: I64) -> F64:
    """(R, 2), places of the contigs in `rows`, by the metric in which contigs cluster.

    Principal components, moved until neighbours are together: attraction along the edges of the graph of neighbours,
    repulsion from random points, with the kernel 1 / (1 + d^2) (UMAP, McInnes et al. 2018, with a = b = 1).
    """
    depth = space.depths(coverage, embedding, lengths)
    metric = TIGHT if depth is not None else EXPECTED
    points = _principal(space.points(embedding, depth, metric)[rows])
    places = np.zeros((len(rows), 2))
    columns = min(2, points.shape[1])
    places[:, :columns] = points[:, :columns]
    places *= SPREAD / max(float(places.std()), 1e-9)
    if len(rows) <= NEIGHBOURS:
        return places
    graph = graph_of(*nearest(points, NEIGHBOURS))
    source, target = (np.ascontiguousarray(end) for end in graph.edges.T)
    epochs = int(np.clip(EPOCHS * SOON / len(rows), FEWEST_EPOCHS, EPOCHS))
    _move(places, source, target, graph.weights / graph.weights.max(), epochs)
    return places


def _principal(points: F32) -> F32:
    """Coordinates along the directions of largest variance, at most WIDTH of them."""
    centred = points - points.mean(0, keepdims=True)
    _, directions = np.linalg.eigh(centred.T @ centred)
    found: F32 = np.ascontiguousarray(centred @ directions[:, ::-1][:, :WIDTH], np.float32)
    return found


@njit(nogil=True, cache=True)
def _move(places: F64, source: I64, target: I64, weights: F64, epochs: int) -> None:
    """Move `places` (N, 2); an edge acts in as many epochs as its weight (0 to 1) says."""
    number, state = np.uint64(len(places)), np.uint64(SEED)
    due = np.zeros(len(source))
    for epoch in range(epochs):
        rate = 1 - epoch / epochs
        for edge in range(len(source)):
            due[edge] += weights[edge]
            if due[edge] < 1:
                continue
            due[edge] -= 1
            ends = source[edge], target[edge]
            across, up = places[ends[0]] - places[ends[1]]
            pull = 2 * rate / (1 + across * across + up * up)
            for axis, gap in enumerate((across, up)):
                step = min(max(pull * gap, -LONGEST_STEP), LONGEST_STEP)
                places[ends[0], axis] -= step
                places[ends[1], axis] += step
            for end in ends:
                for _ in range(REPULSIONS):
                    # xorshift (Marsaglia 2003): the same picture each time
                    state ^= state << np.uint64(13)
                    state ^= state >> np.uint64(7)
                    state ^= state << np.uint64(17)
                    other = np.int64(state % number)
                    across, up = places[end] - places[other]
                    square = across * across + up * up
                    push = 2 * rate / ((0.001 + square) * (1 + square))
                    places[end, 0] += min(max(push * across, -LONGEST_STEP), LONGEST_STEP)
                    places[end, 1] += min(max(push * up, -LONGEST_STEP), LONGEST_STEP)
