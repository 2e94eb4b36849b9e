"""Figures say where things are: what is drawn lies where its axis says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from binner.report import figures
from binner.report.results import read
from tests.report import folder


@pytest.mark.parametrize("number", [1, 2, 6, 40])
def test_a_bin_stands_above_its_number(number: int, tmp_path: Path) -> None:
    names = tuple(f"bin_{place + 1}" for place in range(number))
    contigs = tuple(f"c{place}" for place in range(number + 1))
    drawn = figures.bin_sizes(read(folder.write(tmp_path / "out", bins=names, contigs=contigs)))
    ticks = {text: float(x) for x, text in re.findall(r'<text class="tick x" x="([\d.]+)"[^>]*>(\d+)<', drawn)}
    assert ticks
    assert all(1 <= int(text) <= number for text in ticks)
    bars = [(float(x), float(width)) for x, width in re.findall(r"M([\d.]+) [\d.]+h([\d.]+)V", drawn)]
    middles = sorted(x + width / 2 for x, width in bars)
    assert len(middles) == number
    for text, place in ticks.items():
        assert middles[int(text) - 1] == pytest.approx(place, abs=0.2)
    for (x, width), (following, _) in zip(sorted(bars), sorted(bars)[1:], strict=False):
        assert x + width < following
