"""The density tree over the neighbour graph is HDBSCAN's where the graph is complete."""

from __future__ import annotations

import hdbscan
import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from binner.clusterers.density import flat_clusters, single_linkage
from binner.data import F32
from binner.graph import nearest


def blobs(seed: int, number: int = 300) -> F32:
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 6, (6, 4))
    return (centres[rng.integers(0, 6, number)] + rng.normal(size=(number, 4))).astype(np.float32)


def reference(points: F32, *, core: int, size: int, method: str = "eom") -> hdbscan.HDBSCAN:
    settings = {"min_cluster_size": size, "min_samples": core, "cluster_selection_method": method}
    return hdbscan.HDBSCAN(**settings, algorithm="generic", approx_min_span_tree=False).fit(points.astype(np.float64))


@pytest.mark.parametrize("core", [1, 2, 5, 20])
@pytest.mark.parametrize("seed", range(3))
def test_the_tree_is_that_of_hdbscan_on_the_complete_graph(seed: int, core: int) -> None:
    """The heights of all merges; which of several equally distant points merges first is anybody's choice."""
    points = blobs(seed)
    tree = single_linkage(*nearest(points, len(points) - 1), core=core)
    expected = reference(points, core=core, size=5).single_linkage_tree_.to_numpy()
    np.testing.assert_allclose(np.sort(tree[:, 2]), np.sort(expected[:, 2]), atol=1e-5)


@pytest.mark.parametrize("method", ["eom", "leaf"])
@pytest.mark.parametrize("size", [5, 15])
@pytest.mark.parametrize("seed", range(4))
def test_the_clusters_are_those_of_hdbscan_on_the_complete_graph(seed: int, size: int, method: str) -> None:
    """With the distance to the nearest neighbour as core distance no two merges are equally high."""
    points = blobs(seed)
    tree = single_linkage(*nearest(points, len(points) - 1), core=1)
    labels = flat_clusters(tree, size=size, method=method)
    expected = reference(points, core=1, size=size, method=method).labels_
    np.testing.assert_array_equal(labels == -1, expected == -1)
    assert adjusted_rand_score(labels, expected) == 1
    assert labels.max() >= 1


def test_components_that_the_graph_does_not_connect_are_clusters() -> None:
    points = np.concatenate([np.random.default_rng(i).normal(100 * i, 1, (40, 3)) for i in range(3)]).astype(np.float32)
    tree = single_linkage(*nearest(points, 6), core=5)
    assert tree.shape == (119, 4)
    assert adjusted_rand_score(flat_clusters(tree, size=20, method="eom"), np.repeat([0, 1, 2], 40)) == 1


def test_copies_of_a_point_are_no_trouble() -> None:
    points = np.zeros((30, 3), np.float32)
    labels = flat_clusters(single_linkage(*nearest(points, 8), core=5), size=5, method="eom")
    assert labels.shape == (30,)
