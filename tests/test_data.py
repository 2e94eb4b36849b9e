"""Figures of what flows between the stages."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import n50


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [([10], (10, 1)), ([1, 5, 2, 3], (3, 2)), ([1, 1, 1, 3], (3, 1)), ([2, 2, 2], (2, 2)), ([], (0, 0))],
)
def test_n50(lengths: list[int], expected: tuple[int, int]) -> None:
    assert n50(np.array(lengths, np.int64)) == expected
