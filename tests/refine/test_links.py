"""Cannot-links against all pairs, one by one."""

from __future__ import annotations

import numpy as np

from binner.data import Markers
from binner.refine.links import NEAREST, Links


def test_pairs_are_the_nearest_with_the_same_gene() -> None:
    rng = np.random.default_rng(3)
    counts = (rng.random((60, 5)) < 0.3).astype(np.uint8) * 2
    points = rng.normal(size=(60, 3)).astype(np.float32)
    rows = np.arange(50)  # the others are not learnt from
    cut = np.minimum(counts, rng.integers(0, 3, counts.shape)).astype(np.uint8)
    links = Links.find(Markers(tuple("abcde"), counts, cut, "names"), points, rows)
    expected = set()
    for gene in range(5):
        holders = [row for row in rows if counts[row, gene]]
        for row in holders:
            others = sorted((float(((points[row] - points[o]) ** 2).sum()), o) for o in holders if o != row)
            near = [other for _, other in others[:NEAREST]]
            in_pieces = cut[:, gene] == counts[:, gene]
            expected |= {(min(row, o), max(row, o)) for o in near if not (in_pieces[row] and in_pieces[o])}
    assert {tuple(pair) for pair in links.pairs.tolist()} == expected
    assert len(links.pairs) == len(expected)


def test_weights() -> None:
    held = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]], bool)
    links = Links(held, held, np.zeros((0, 2), np.int64))
    weights = links.weights(np.array([3, 1, 0, 2]), 5.0)
    assert weights.dtype == np.float32
    expected = [[1, 1, 1, 1], [1, 5, 5, 5], [1, 5, 5, 1], [1, 5, 1, 5]]  # a contig is no negative of itself
    np.testing.assert_array_equal(weights, expected)
    pieces = held & ~np.array([[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 0]], bool)  # of two contigs, not of two genomes
    weights = Links(held, held & ~pieces, links.pairs).weights(np.arange(3), 5.0)
    np.testing.assert_array_equal(weights, [[5, 5, 1], [5, 5, 5], [1, 5, 5]])
    weights = Links(held, np.zeros_like(held), links.pairs).weights(np.arange(3), 5.0)
    np.testing.assert_array_equal(weights, np.ones((3, 3)))


def test_no_gene_is_on_two_contigs() -> None:
    markers = Markers(("a", "b"), np.eye(2, dtype=np.uint8), np.zeros((2, 2), np.uint8), "names")
    assert Links.find(markers, np.zeros((2, 3), np.float32), np.arange(2)).pairs.shape == (0, 2)
