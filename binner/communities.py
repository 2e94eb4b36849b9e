"""Communities of a graph, found by igraph in processes of their own: it holds Python's lock while it works.

Kept apart from the clusterers, so that a new process loads no more than igraph.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

ITERATIONS = 4
EDGES_AT_ONCE = 50_000
MANY_EDGES = 500_000  # of all the graphs together; from there on a second process is worth its start
PROCESS_BYTES = 100 * 10**6  # Python and igraph
BYTES_PER_EDGE = 130  # of a process' graph: igraph's, the arrays that it comes in, and what is on its way


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """N points and E undirected edges, each once."""

    points: int
    edges: npt.NDArray[np.int64]  # (E, 2)
    weights: npt.NDArray[np.float64]  # (E,), > 0


def leiden(
    graphs: Sequence[Graph], resolutions: Sequence[float], *, seed: int, processes: int, memory: int | None = None
) -> list[list[npt.NDArray[np.int32]]]:
    """Leiden communities (Traag et al. 2019, modularity) of each graph at each resolution: labels (N,), largest = 0.

    The same for the same seed, whatever the number of processes: as many as fit into `memory` (bytes; None: whatever
    it takes), of which each holds a graph.
    """
    if memory is not None:
        edges = max((len(graph.edges) for graph in graphs), default=0)
        processes = min(processes, memory // (PROCESS_BYTES + BYTES_PER_EDGE * edges))
    if processes < 2 or sum(len(graph.edges) for graph in graphs) * len(resolutions) < MANY_EDGES:
        return [_communities(graph, resolutions, seed) for graph in graphs]
    step = -(-len(resolutions) // processes)
    parts = [resolutions[start : start + step] for start in range(0, len(resolutions), step)]
    jobs = [(graph, part) for graph in graphs for part in parts]
    with ProcessPoolExecutor(min(processes, len(jobs)), get_context("spawn")) as pool:
        found = list(pool.map(_communities, *zip(*jobs, strict=True), [seed] * len(jobs)))
    return [list(chain(*found[at : at + len(parts)])) for at in range(0, len(found), len(parts))]


def _communities(graph: Graph, resolutions: Sequence[float], seed: int) -> list[npt.NDArray[np.int32]]:
    import igraph

    # Pairs of numbers, which igraph reads four times as fast as an array; not all at once, for each takes 80 bytes
    parts = (graph.edges[start : start + EDGES_AT_ONCE] for start in range(0, len(graph.edges), EDGES_AT_ONCE))
    pairs = chain.from_iterable(zip(*part.T.tolist(), strict=True) for part in parts)
    whole = igraph.Graph(n=graph.points, edges=pairs)
    found = []
    for resolution in resolutions:
        random.seed(seed)  # igraph draws from it
        cut = whole.community_leiden(
            "modularity", weights=graph.weights, resolution=resolution, n_iterations=ITERATIONS
        )
        found.append(_by_size(np.asarray(cut.membership, np.int32)))
    return found


def _by_size(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Numbered anew, the largest community first."""
    rank = np.empty(labels.max(initial=-1) + 1, np.int32)
    rank[np.argsort(-np.bincount(labels), kind="stable")] = np.arange(len(rank))
    return rank[labels]
