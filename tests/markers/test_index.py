"""The index of seeds against a search by brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from binner.data import F32
from binner.genetic_code import RESIDUES
from binner.markers.index import BLOCK, SEED, UNITS, SeedIndex, build_index, in_units


def random_matrices(*lengths: int) -> list[F32]:
    rng = np.random.default_rng(3)
    return [rng.normal(-1, 2.5, (length, 20)).astype(np.float32) for length in lengths]


def entries_of(index: SeedIndex) -> set[tuple[int, int]]:
    """(word, row of scores) of every entry."""
    block = np.repeat(np.arange(len(index.first) - 1), np.diff(index.first))
    words = block * BLOCK + index.entries % BLOCK
    return set(zip(words.tolist(), (index.entries // BLOCK).tolist(), strict=True))


def test_entries_are_all_the_words_that_score_enough() -> None:
    matrices = random_matrices(9, 4, 7)
    least = np.array([17, 10, 18], np.float32)
    index = build_index(matrices, least)
    expected = set()
    row = 1  # after the first barrier
    for matrix, bits in zip(matrices, least, strict=True):
        units = in_units(matrix).astype(int)
        for start in range(len(matrix) - SEED + 1):
            for word in itertools.product(range(20), repeat=2):  # the first two residues, then the rest at once
                head = units[start, word[0]] + units[start + 1, word[1]]
                rest = units[start + 2, :, None, None] + units[start + 3, None, :, None] + units[start + 4, None, None]
                for a, b, c in np.argwhere(head + rest >= bits * UNITS):
                    expected.add((int((((word[0] * 20 + word[1]) * 20 + a) * 20 + b) * 20 + c), row + start))
        row += len(matrix) + 1
    assert len(expected) > 100
    assert entries_of(index) == expected
    assert len(index.entries) == len(expected)


def test_the_bitmap_says_which_words_have_an_entry() -> None:
    index = build_index(random_matrices(30), np.array([22], np.float32))
    words = sorted({word for word, _ in entries_of(index)})
    assert np.flatnonzero(np.unpackbits(index.occupied, bitorder="little")).tolist() == words != []


def test_every_position_knows_its_profile() -> None:
    matrices = random_matrices(6, 5)
    index = build_index(matrices, np.array([1000, 1000], np.float32))
    assert index.profiles == 2 and len(index.entries) == 0
    for number, start in ((0, 1), (1, 8)):
        size = len(matrices[number])
        assert (index.owner[start : start + size] == number).all()
        np.testing.assert_array_equal(index.scores[start : start + size, :20], in_units(matrices[number]))
        assert (index.scores[[start - 1, start + size]] == -128).all()  # no segment runs into another profile


def test_scores_are_kept_within_their_range() -> None:
    extreme = np.full((5, len(RESIDUES)), -40, np.float32)
    extreme[:, 3] = 40
    assert in_units(extreme).min() == -127 and in_units(extreme).max() == 127
    index = build_index([extreme], np.array([70], np.float32))
    assert entries_of(index) == {(3 * (20**4 + 20**3 + 20**2 + 20 + 1), 1)}


def test_no_profiles_no_seeds() -> None:
    index = build_index([], np.zeros(0, np.float32))
    assert index.profiles == len(index.entries) == 0 and not index.occupied.any()


def test_there_is_a_threshold_for_each_profile() -> None:
    with pytest.raises(ValueError, match="least score of a seed: shape"):
        build_index(random_matrices(8, 8), np.zeros(1, np.float32))
