"""k-mer counts against a slow reference, and the same on both strands."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from binner.data import U8
from binner.encoders.kmers import canonical_index, count


def slow_counts(codes: U8, k: int) -> Counter[str]:
    word, counts = "".join("ACGTN"[code] for code in codes), Counter[str]()
    for start in range(len(word) - k + 1):
        kmer = word[start : start + k]
        if "N" not in kmer:
            counts[min(kmer, kmer[::-1].translate(str.maketrans("ACGT", "TGCA")))] += 1
    return counts


@pytest.mark.parametrize(("k", "width"), [(4, 136), (5, 512), (6, 2080)])
def test_counts_equal_a_slow_reference(k: int, width: int) -> None:
    codes = np.random.default_rng(k).choice(5, 3000, p=[0.3, 0.2, 0.2, 0.29, 0.01]).astype(np.uint8)
    start, stop = np.array([0, 700, 2999]), np.array([700, 3000, 3000])
    counts = count(codes, start, stop, k=k)
    index, number = canonical_index(k)
    assert counts.shape == (3, width) == (3, number)
    for row in range(3):
        expected = np.zeros(width)
        for kmer, times in slow_counts(codes[start[row] : stop[row]], k).items():
            expected[index[int("".join(str("ACGT".index(base)) for base in kmer), 4)]] = times
        np.testing.assert_array_equal(counts[row], expected)


def test_both_strands_count_alike() -> None:
    codes = np.random.default_rng(1).integers(0, 5, 2000).astype(np.uint8)
    other = np.where(codes == 4, 4, 3 - codes)[::-1].astype(np.uint8)
    ends = np.array([0]), np.array([2000])
    np.testing.assert_array_equal(count(codes, *ends, k=5), count(other, *ends, k=5))
