"""Counts of k-mers, the same for a sequence and its reverse complement."""

from __future__ import annotations

from functools import cache

import numpy as np
from numba import njit, prange

from binner.data import F32, I32, I64, U8


@cache
def canonical_index(k: int) -> tuple[I32, int]:
    """For each of the 4^k words its row among those that are the smaller of themselves and their reverse complement.

    Returns (4^k,) int32 and the number of rows: 136 for k = 4, 512 for k = 5, 2080 for k = 6.
    """
    words = np.arange(4**k)
    reverse = np.zeros_like(words)
    rest = words.copy()
    for _ in range(k):
        reverse = reverse * 4 + 3 - rest % 4
        rest //= 4
    smaller, index = np.unique(np.minimum(words, reverse), return_inverse=True)
    return index.astype(np.int32), len(smaller)


def count(codes: U8, start: I64, stop: I64, *, k: int) -> F32:
    """How often each canonical k-mer occurs in codes[start:stop], (V, number of canonical k-mers); none with an N."""
    index, width = canonical_index(k)
    counts = np.zeros((len(start), width), np.float32)
    _count(codes, start, stop, index, k, counts)
    return counts


@njit(parallel=True, nogil=True, cache=True)
def _count(codes: U8, start: I64, stop: I64, index: I32, k: int, counts: F32) -> None:
    mask = 4**k - 1
    for row in prange(len(start)):
        word = run = 0
        for position in range(start[row], stop[row]):
            code = codes[position]
            if code > 3:
                run = 0
                continue
            word = ((word << 2) | code) & mask
            run += 1
            if run >= k:
                counts[row, index[word]] += 1
