"""The density tree: HDBSCAN's hierarchy (Campello et al. 2013) over the neighbour graph.

HDBSCAN links all pairs of points by their mutual reachability. Here only the pairs of the neighbour graph are linked,
which costs O(N k) and gives the same tree where k = N - 1. Condensed tree, stabilities and the choice of clusters are
the `hdbscan` package's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import minimum_spanning_tree

from binner.clusterers._scene import Scene
from binner.data import F32, F64, I32, I64

CORE_NEIGHBOURS = 5  # the core distance of a contig is that to its 5th neighbour
LEAST_DISTANCE = 1e-6  # of the median one
CLUSTER_SIZES = (5, 15)  # contigs of the smallest cluster


def cluster(scene: Scene) -> Iterator[tuple[str, I32]]:
    """Clusters of excess of mass and the leaves of the tree, for more than one smallest size; noise is -1."""
    if scene.neighbours.shape[1] < 2:
        return
    tree = single_linkage(scene.neighbours, scene.distances, core=CORE_NEIGHBOURS)
    for size in CLUSTER_SIZES:
        for method in ("eom", "leaf"):
            yield f"{method} of {size}", flat_clusters(tree, size=size, method=method)


def single_linkage(neighbours: I64, distances: F32, *, core: int) -> F64:
    """Single-linkage tree (N - 1, 4), as scipy's, of the mutual reachability over the edges of the neighbour graph.

    Components that the graph does not connect are joined at twice the greatest distance in it.
    """
    from hdbscan._hdbscan_linkage import label

    number, k = neighbours.shape
    distance = np.sqrt(distances.astype(np.float64))
    core_distance = distance[:, min(core, k) - 1]
    source, target = np.repeat(np.arange(number), k), neighbours.ravel()
    found = target >= 0
    source, target, reach = source[found], target[found], distance.ravel()[found]
    reach = np.maximum(reach, np.maximum(core_distance[source], core_distance[target]))
    reach = (
        np.maximum(reach, LEAST_DISTANCE * np.median(reach)) + np.finfo(float).tiny
    )  # copies: 1 / distance is finite
    tree = minimum_spanning_tree(_shortest_of_both(source, target, reach, number)).tocoo()
    roots = _representatives(tree.row, tree.col, number)
    low = np.concatenate([tree.row, roots[:-1]]).astype(np.float64)
    high = np.concatenate([tree.col, roots[1:]]).astype(np.float64)
    length = np.concatenate([tree.data, np.full(len(roots) - 1, 2 * reach.max(initial=1.0))])
    order = np.argsort(length, kind="stable")
    linkage: F64 = label(np.ascontiguousarray(np.stack([low, high, length], 1)[order]))
    return linkage


def flat_clusters(tree: F64, *, size: int, method: str) -> I32:
    """Labels of the most stable clusters (`eom`) or of the leaves (`leaf`) of the tree condensed at `size`."""
    from hdbscan._hdbscan_tree import compute_stability, condense_tree, get_clusters

    condensed = condense_tree(tree, max(size, 2))
    labels, _, _ = get_clusters(condensed, compute_stability(condensed), method)
    return np.asarray(labels, np.int32)


def _shortest_of_both(source: I64, target: I64, length: F64, number: int) -> coo_matrix:
    """Each undirected edge once."""
    low, high = np.minimum(source, target), np.maximum(source, target)
    order = np.lexsort((length, high, low))
    low, high, length = low[order], high[order], length[order]
    first = np.ones(len(low), bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    return coo_matrix((length[first], (low[first], high[first])), shape=(number, number))


def _representatives(row: I64, column: I64, number: int) -> I64:
    """One point of each component of a forest."""
    from scipy.sparse.csgraph import connected_components

    forest = coo_matrix((np.ones(len(row)), (row, column)), shape=(number, number))
    components = connected_components(forest, directed=False)[1]
    first: I64 = np.unique(components, return_index=True)[1]
    return first
