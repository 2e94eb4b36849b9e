"""Mean and variance of depth along contigs."""

from __future__ import annotations

import numpy as np
import pytest

from binner.coverage import depth


@pytest.mark.parametrize("edge", [0, 1, 75])
def test_summarise(edge: int) -> None:
    rng = np.random.default_rng(edge)
    lengths = np.array([1, 2, 3, 4, 5, 150, 151, 152, 153, 400, 0, 7], np.int64)
    slots = np.zeros(depth.slots_for(lengths), np.int32)
    starts = np.cumsum(lengths + 1) - lengths - 1
    depths = [np.zeros(length) for length in lengths]
    for _ in range(400):
        row = rng.integers(len(lengths))
        begin, end = np.sort(rng.integers(0, lengths[row] + 1, 2))
        slots[starts[row] + begin] += 1
        slots[starts[row] + end] -= 1
        depths[row][begin:end] += 1
    mean, variance = depth.summarise(slots, lengths, edge=edge)
    for index, of in enumerate(depths):
        inner = of[edge : len(of) - edge] if len(of) > 2 * edge + 1 else of
        np.testing.assert_array_equal(slots[starts[index] : starts[index] + len(of)], of)
        assert mean[index] == pytest.approx(inner.mean() if len(inner) > 2 else 0, rel=1e-6)
        assert variance[index] == pytest.approx(inner.var(ddof=1) if len(inner) > 2 else 0, rel=1e-5)


@pytest.mark.parametrize("length", [depth.SINGLE + 150, depth.SINGLE + 151])
def test_deep_and_long(length: int) -> None:
    """Sums far beyond what single precision holds."""
    lengths = np.array([length], np.int64)
    slots = np.zeros(depth.slots_for(lengths), np.int32)
    slots[[0, length // 2]] = 900, 200
    mean, variance = depth.summarise(slots, lengths, edge=75)
    assert mean[0] == pytest.approx(1000, rel=1e-5)
    assert variance[0] == pytest.approx(100**2, rel=1e-5 if length - 150 > depth.SINGLE else 0.05)
