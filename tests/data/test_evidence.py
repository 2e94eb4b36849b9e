"""Depths are checked where they are born."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import Coverage


@pytest.mark.parametrize(
    ("mean", "variance", "complaint"),
    [
        ([[1.0, np.inf]], [[0.0, 0.0]], "mean depth: holds values that are not finite"),
        ([[1.0, 2.0]], [[0.0, np.inf]], "variance of depth: holds values that are not finite"),
        ([[1.0, 2.0]], [[0.0]], "variance of depth: shape"),
        ([[1.0, -2.0]], [[0.0, 0.0]], "must not be negative"),
        ([[1.0, np.nan]], [[0.0, 0.0]], "known together or not at all"),
        ([[1.0, 2.0]], [[0.0, np.nan]], "known together or not at all"),
    ],
)
def test_depths_are_finite_or_unknown(mean: list[list[float]], variance: list[list[float]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Coverage(("a", "b"), np.array(mean, np.float32), np.array(variance, np.float32), "names")


def test_a_contig_is_known_if_every_sample_knows_it() -> None:
    mean = np.array([[1, 0], [np.nan, 2], [np.nan, np.nan]], np.float32)
    assert Coverage(("a", "b"), mean, mean, "names").known.tolist() == [True, False, False]
