"""Contigs, and how long they are."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import Contigs, n50


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([10], (10, 1)), ([1, 5, 2, 3], (3, 2)), ([1, 1, 1, 3], (3, 1)), ([2, 2, 2], (2, 2)), ([], (0, 0))],
)
def test_n50(lengths: list[int], expected: tuple[int, int]) -> None:
    assert n50(np.array(lengths, np.int64)) == expected


def test_depths_in_headers_go_with_their_contigs() -> None:
    depth = np.array([1, 2, np.nan], np.float32)
    contigs = Contigs(("a", "b", "c"), np.zeros(3, np.uint8), np.arange(4), (1,), depth, ("MEGAHIT",))
    chosen = contigs.select(np.array([2, 1]))
    assert (chosen.names, chosen.circular, chosen.header_formats) == (("c", "b"), (1,), ("MEGAHIT",))
    np.testing.assert_array_equal(chosen.header_depth, depth[[2, 1]])
    with pytest.raises(ValueError, match="as many depths of headers as contigs"):
        Contigs(("a",), np.zeros(1, np.uint8), np.arange(2), (), depth)
