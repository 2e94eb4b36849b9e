"""Leiden's communities: against the best partition of small graphs, and the same however the points are numbered."""

from __future__ import annotations

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from binner import communities as module
from binner.communities import Graph, leiden
from binner.data import F64, I32, I64


def communities(graph: Graph, resolution: float = 1.0, seed: int = 1) -> I32:
    ((labels,),) = leiden([graph], [resolution], seed=seed, processes=1)
    assert labels.dtype == np.int32
    assert labels.shape == (graph.points,)
    return labels


def graph_of(weights: F64) -> Graph:
    """The graph of a matrix (N, N) of which the upper triangle counts."""
    first, second = np.nonzero(np.triu(weights, 1))
    return Graph(len(weights), np.stack([first, second], 1), weights[first, second])


def cliques(*sizes: int, bridge: float = 0.1) -> Graph:
    """Full graphs, each joined to the next by one light edge."""
    group = np.repeat(np.arange(len(sizes)), sizes)
    weights = (group[:, None] == group).astype(float)
    for edge in np.cumsum(sizes)[:-1]:
        weights[edge - 1, edge] = bridge
    return graph_of(weights)


def modularity(graph: Graph, labels: I64, resolution: float) -> float:
    """By definition: within communities, the weight that is there less the weight to be expected."""
    matrix = np.zeros((graph.points, graph.points))
    matrix[tuple(graph.edges.T)] = graph.weights
    matrix += matrix.T
    strength = matrix.sum(0)
    surplus = matrix - resolution * np.outer(strength, strength) / strength.sum()
    return float(surplus[labels[:, None] == labels].sum() / strength.sum())


def partitions(number: int) -> Iterator[list[int]]:
    """Every partition of so many points, once."""
    if number == 0:
        yield []
        return
    for rest in partitions(number - 1):
        for label in range(max(rest, default=-1) + 2):
            yield [*rest, label]


@pytest.mark.parametrize("resolution", [0.5, 1.0, 2.0])
def test_communities_of_small_graphs_are_the_best_partition_there_is(resolution: float) -> None:
    everything = np.array(list(partitions(7)))
    rng = np.random.default_rng(4)
    for _ in range(4):
        graph = graph_of(rng.uniform(0.1, 1, (7, 7)) * (rng.random((7, 7)) < 0.5))
        best = max(modularity(graph, labels, resolution) for labels in everything)
        found = modularity(graph, communities(graph, resolution).astype(np.int64), resolution)
        assert found == pytest.approx(best, abs=0.02)
        assert found <= best + 1e-9


def test_cliques_are_communities_numbered_by_size() -> None:
    np.testing.assert_array_equal(communities(cliques(4, 9, 6)), np.repeat([2, 0, 1], [4, 9, 6]))


def test_weights_count() -> None:
    """A ring of six, paired up by its heavy edges."""
    ring = np.stack([np.arange(6), (np.arange(6) + 1) % 6], 1)
    ring.sort(axis=1)
    for heavy in (0, 1):
        labels = communities(Graph(6, ring, np.where(np.arange(6) % 2 == heavy, 5.0, 0.1)))
        for edge, (first, second) in enumerate(ring):
            assert (labels[first] == labels[second]) == (edge % 2 == heavy)


def test_a_finer_resolution_gives_more_communities() -> None:
    rng = np.random.default_rng(2)
    graph = graph_of(rng.uniform(0, 1, (60, 60)) * (rng.random((60, 60)) < 0.2))
    numbers = [communities(graph, resolution).max() + 1 for resolution in (0.25, 1, 4, 16)]
    assert numbers == sorted(set(numbers))


def test_the_numbering_of_the_points_does_not_matter() -> None:
    graph = cliques(5, 8, 6, 7)
    order = np.random.default_rng(1).permutation(graph.points)
    again = communities(Graph(graph.points, np.sort(order[graph.edges], axis=1), graph.weights))
    assert adjusted_rand_score(communities(graph), again[order]) == 1


def test_the_same_seed_gives_the_same_communities() -> None:
    rng = np.random.default_rng(3)
    graph = graph_of(rng.uniform(0, 1, (80, 80)) * (rng.random((80, 80)) < 0.1))
    by_seed = [communities(graph, 2, seed) for seed in (1, 2, 3, 4)]
    assert any((by_seed[0] != other).any() for other in by_seed[1:]), "a graph on which the seed matters"
    random.seed(99)  # what others do with Python's generator
    np.testing.assert_array_equal(communities(graph, 2, 3), by_seed[2])


@pytest.mark.parametrize("processes", [1, 2])
def test_every_graph_at_every_resolution(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MANY_EDGES", 1)
    graphs, resolutions = [cliques(3, 4), cliques(5, 6, 7)], [1, 0.01, 2]
    found = leiden(graphs, resolutions, seed=1, processes=processes)
    for graph, cuts in zip(graphs, found, strict=True):
        for resolution, labels in zip(resolutions, cuts, strict=True):
            np.testing.assert_array_equal(labels, communities(graph, resolution))
    np.testing.assert_array_equal(found[0][1], np.zeros(7))
    assert leiden([], resolutions, seed=1, processes=processes) == []


def test_no_more_processes_than_memory_has_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MANY_EDGES", 1)
    graphs, resolutions = [cliques(3, 4), cliques(5, 6, 7)], [1, 0.01, 2]
    expected = leiden(graphs, resolutions, seed=1, processes=1)
    started: list[int] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers: int, _context: object) -> None:
            started.append(workers)
            super().__init__(1)  # random's generator is the process' own

    monkeypatch.setattr(module, "ProcessPoolExecutor", Pool)
    one = module.PROCESS_BYTES + module.BYTES_PER_EDGE * len(graphs[1].edges)
    for memory, processes in ((None, 4), (4 * one, 4), (3 * one - 1, 2), (2 * one - 1, None), (-1, None)):
        found = leiden(graphs, resolutions, seed=1, processes=4, memory=memory)
        assert started == ([] if processes is None else [processes])
        started.clear()
        for cuts, others in zip(expected, found, strict=True):
            np.testing.assert_array_equal(cuts, others)


@pytest.mark.parametrize("points", [0, 1, 5])
def test_without_edges_every_point_is_alone(points: int) -> None:
    labels = communities(Graph(points, np.zeros((0, 2), np.int64), np.zeros(0)))
    assert sorted(labels) == list(range(points))
