"""Windows cover every stretch between gaps once, and never span a gap."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import N_CODE, Contigs
from binner.windows import LONG_RUN, SHORTEST_WINDOW, batches, tile


def contigs_of(*sequences: str) -> Contigs:
    codes = [np.array(["ACGTN".index(base) for base in sequence], np.uint8) for sequence in sequences]
    offsets = np.concatenate([[0], np.cumsum([len(code) for code in codes])]).astype(np.int64)
    return Contigs(tuple(f"c{i}" for i in range(len(codes))), np.concatenate([np.zeros(0, np.uint8), *codes]), offsets)


@pytest.mark.parametrize("length", [1, 99, 100, 5999, 9000, 9001, 123_457])
def test_a_contig_without_gaps_is_covered_once_by_windows_of_like_length(length: int) -> None:
    windows = tile(contigs_of("A" * length), length=6000)
    if length < SHORTEST_WINDOW:
        assert len(windows) == 0
        return
    assert windows.start[0] == 0
    assert windows.stop[-1] == length
    np.testing.assert_array_equal(windows.start[1:], windows.stop[:-1])
    assert windows.lengths.max() - windows.lengths.min() <= 1
    assert windows.lengths.max() < 9001


def test_no_window_spans_a_gap_and_short_runs_of_n_are_no_gap() -> None:
    gap, run = "N" * LONG_RUN, "N" * (LONG_RUN - 1)
    contigs = contigs_of("A" * 200 + gap + "C" * 300, "A" * 150 + run + "G" * 150, gap + "T" * 120 + gap, "N" * 500)
    windows = tile(contigs, length=6000)
    found = list(zip(windows.contig.tolist(), windows.start.tolist(), windows.stop.tolist(), strict=True))
    assert found == [(0, 0, 200), (0, 210, 510), (1, 0, 309), (2, 10, 130)]


def test_every_known_base_is_in_one_window_whatever_the_gaps() -> None:
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 4, 50_000).astype(np.uint8)
    for start in rng.integers(0, 49_000, 12):
        codes[start : start + rng.integers(1, 60)] = N_CODE
    windows = tile(Contigs(("x",), codes, np.array([0, len(codes)])), length=1000)
    covered = np.zeros(len(codes), int)
    for start, stop in zip(windows.start, windows.stop, strict=True):
        covered[start:stop] += 1
        run = "".join("N" if code == N_CODE else "." for code in codes[start:stop])
        assert "N" * LONG_RUN not in run
    assert covered.max() == 1
    missed = (covered == 0) & (codes != N_CODE)
    assert missed.sum() < SHORTEST_WINDOW * 13  # stretches too short for a window


def test_without_contigs_there_are_no_windows() -> None:
    assert len(tile(contigs_of(), length=6000)) == 0


@pytest.mark.parametrize("lengths", [[], [7], [0, 0, 10], [1, 2, 3, 100, 1, 1, 5]])
def test_batches_are_runs_of_about_a_size(lengths: list[int]) -> None:
    found = batches(np.array(lengths, np.int64), bp=5)
    assert [row for part in found for row in part] == list(range(len(lengths)))
    assert all(sum(lengths[row] for row in part[1:]) < 5 for part in found)
