"""Communities of a graph, found by igraph in processes of their own: it holds Python's lock while it works.

Kept apart from the clusterers, so that a new process loads no more than igraph.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

ITERATIONS = 4
MANY_EDGES = 500_000  # of all the graphs together; from there on a second process is worth its start


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """N points and E undirected edges, each once."""

    points: int
    edges: npt.NDArray[np.int64]  # (E, 2)
    weights: npt.NDArray[np.float64]  # (E,), > 0


def leiden(jobs: Sequence[tuple[Graph, float]], *, seed: int, processes: int) -> list[npt.NDArray[np.int32]]:
    """Leiden communities (Traag et al. 2019, modularity) of graphs, each at a resolution: labels (N,), largest = 0.

    The same for the same seed, whatever the number of processes.
    """
    graphs, resolutions = [graph for graph, _ in jobs], [resolution for _, resolution in jobs]
    seeds = [seed] * len(jobs)
    if processes < 2 or sum(len(graph.edges) for graph in graphs) < MANY_EDGES:
        return list(map(_communities, graphs, resolutions, seeds))
    with ProcessPoolExecutor(min(processes, len(jobs)), get_context("spawn")) as pool:
        return list(pool.map(_communities, graphs, resolutions, seeds))


def _communities(graph: Graph, resolution: float, seed: int) -> npt.NDArray[np.int32]:
    import igraph

    random.seed(seed)  # igraph draws from it
    whole = igraph.Graph(n=graph.points, edges=graph.edges)
    found = whole.community_leiden("modularity", weights=graph.weights, resolution=resolution, n_iterations=ITERATIONS)
    labels = np.asarray(found.membership, np.int32)
    rank = np.empty(labels.max(initial=-1) + 1, np.int32)
    rank[np.argsort(-np.bincount(labels), kind="stable")] = np.arange(len(rank))
    return rank[labels]
