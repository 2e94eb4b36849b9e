"""Axes put values where their ticks say, and labels do not cover each other."""

from __future__ import annotations

import re

import numpy as np
import pytest

from binner.report import svg


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0, 12.6), (3, 4), (22.5, 74), (0, 5_900_000), (0, 0)])
def test_linear_ticks(low: float, high: float) -> None:
    axis = svg.linear("x", low, high)
    values = [value for value, _ in axis.ticks]
    assert 1 <= len(values) <= 8
    assert all(axis.low <= value <= axis.high for value in values)
    np.testing.assert_allclose(axis.place(np.array([axis.low, (axis.low + axis.high) / 2, axis.high])), [0, 0.5, 1])


@pytest.mark.parametrize(("low", "high"), [(0.1, 1000), (0.1, 1e7), (4, 30), (1000, 1000)])
def test_logarithmic_ticks(low: float, high: float) -> None:
    axis = svg.logarithmic("x", low, high)
    middle = np.sqrt(axis.low * axis.high)
    np.testing.assert_allclose(axis.place(np.array([axis.low, middle, axis.high])), [0, 0.5, 1], atol=1e-9)
    assert len(axis.ticks) <= 9
    assert len(axis.ticks) >= 2 or high < 2 * low


def test_what_is_beyond_the_axis_lies_on_its_end() -> None:
    axis = svg.logarithmic("depth", 0.1, 100)
    assert axis.place(np.array([0.0, 1e9])).tolist() == pytest.approx([0, 1])


def test_a_picture_turns_up_the_right_way() -> None:
    plot = svg.Plot(svg.linear("a", 0, 10), svg.linear("b", 0, 10))
    x, y = plot.across(np.array([0.0, 10])), plot.up(np.array([0.0, 10]))
    assert x[0] < x[1] < plot.width
    assert 0 < y[1] < y[0] < plot.height
    drawn = plot.draw([], described='a "figure" <of> two')
    assert 'aria-label="a &quot;figure&quot; &lt;of&gt; two"' in drawn


def test_labels_that_would_cover_an_earlier_one_are_left_out() -> None:
    x, y = np.array([100.0, 102, 300]), np.array([50.0, 52, 50])
    drawn = svg.labels(["first", "second", "<third>"], x, y, inside=(560, 400))
    assert re.findall(r">([^<]+)</text>", drawn) == ["first", "&lt;third&gt;"]
    drawn = svg.labels(["at the edge"], np.array([559.0]), y[:1], inside=(560, 400))
    assert float(re.findall(r'x="([\d.]+)"', drawn)[0]) < 540


def test_sizes() -> None:
    lengths = np.array([200, 2499, 2500, 99_999, 100_000, 10**7])
    assert svg.size_classes(lengths).tolist() == [0, 0, 1, 4, 5, 5]
    assert len(svg.DIAMETERS) == len(svg.SIZES)
