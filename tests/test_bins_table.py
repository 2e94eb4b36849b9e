"""The class of a bin, and how it is written."""

from __future__ import annotations

import pytest

from binner.bins_table import quality_cells, tier


@pytest.mark.parametrize(
    ("completeness", "contamination", "expected"),
    [
        (90.1, 4.9, "near-complete"),
        (90, 0, "medium"),
        (100, 5, "medium"),
        (50, 9.9, "medium"),
        (49.9, 0, "low"),
        (0, 0, "low"),
        (100, 10, "contaminated"),
        (10, 200, "contaminated"),
    ],
)
def test_tier(completeness: float, contamination: float, expected: str) -> None:
    assert tier(completeness, contamination) == expected
    cells = quality_cells((completeness, contamination))
    assert cells == (f"{completeness:.2f}", f"{contamination:.2f}", expected)


def test_a_bin_that_nobody_judged() -> None:
    assert quality_cells(None) == ("", "", "unknown")
