"""Neighbours against a slow reference, and graphs with each edge once."""

from __future__ import annotations

import numpy as np
import pytest

from binner import graph
from binner.graph import closest, graph_of, nearest, neighbours_that_fit


def test_nearest_equals_a_slow_reference_and_leaves_the_point_out() -> None:
    points = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
    points[50:60] = points[0]  # copies: the point itself is then not always the first of them
    rows, distances = nearest(points, 12)
    assert (rows != np.arange(200)[:, None]).all()
    exact = ((points[:, None] - points) ** 2).sum(-1)
    np.fill_diagonal(exact, np.inf)
    np.testing.assert_allclose(distances, np.sort(exact, axis=1)[:, :12], atol=1e-4)
    np.testing.assert_allclose(np.take_along_axis(exact, rows, 1), distances, atol=1e-4)


def test_closest_equals_a_slow_reference() -> None:
    rng = np.random.default_rng(0)
    points, among = (rng.normal(size=(number, 6)).astype(np.float32) for number in (80, 30))
    exact = ((points[:, None] - among) ** 2).sum(-1)
    np.testing.assert_array_equal(closest(points, among), exact.argmin(1))
    assert closest(points, among[:1]).tolist() == [0] * 80


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_few_points_have_few_neighbours(number: int) -> None:
    rows, distances = nearest(np.zeros((number, 4), np.float32), 30)
    assert rows.shape == distances.shape == (number, max(number - 1, 0))
    assert len(graph_of(rows, distances).edges) == number * (number - 1) // 2


def test_the_inverted_file_finds_nearly_all(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    exact, _ = nearest(points, 5)
    monkeypatch.setattr(graph, "EXACT_BELOW", 1000)
    found, _ = nearest(points, 5)
    recall = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(exact.tolist(), found.tolist(), strict=True)])
    assert recall > 0.95


def test_a_graph_has_each_edge_once_and_nearer_ones_weigh_more() -> None:
    points = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32)
    found = graph_of(*nearest(points, 6))
    pairs = {tuple(pair) for pair in found.edges.tolist()}
    assert len(pairs) == len(found.edges)
    assert all(low < high for low, high in pairs)
    lengths = np.linalg.norm(points[found.edges[:, 0]] - points[found.edges[:, 1]], axis=1)
    assert (np.diff(found.weights[np.argsort(lengths)]) <= 1e-6).all()
    assert (found.weights > 0).all()


def test_neighbours_fit_the_assembly() -> None:
    assert neighbours_that_fit(1_437, 92_900_000) == 8  # a genome is some fifty contigs
    assert neighbours_that_fit(32_213, 134_000_000) == 30  # a genome is hundreds
    assert neighbours_that_fit(0, 0) == 8


def test_points_that_may_be_elsewhere_tie_less() -> None:
    points = np.random.default_rng(2).normal(size=(80, 4)).astype(np.float32)
    rows, distances = nearest(points, 6)
    plain = graph_of(rows, distances)
    error = np.zeros(80, np.float32)
    np.testing.assert_array_equal(graph_of(rows, distances, error=error).weights, plain.weights)
    error[7] = 1.0
    unsure = graph_of(rows, distances, error=error)
    np.testing.assert_array_equal(unsure.edges, plain.edges)
    own = (plain.edges == 7).any(1)
    np.testing.assert_array_equal(unsure.weights[~own], plain.weights[~own])
    scale = np.median(distances)
    np.testing.assert_allclose(unsure.weights[own], plain.weights[own] * scale / (scale + 1), rtol=1e-5)
