"""The words of five residues that give a profile away: all that score high enough somewhere along it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from binner.data import F32, I8, I32, I64, U8, check_array
from binner.genetic_code import RESIDUES

OTHER = (-1.0, -2.0)  # bits of an unknown residue, of TGA: a segment crosses it only if the profile goes on behind it
UNITS = 8  # scores are integers, this many to a bit
SEED = 5  # residues
BLOCK = 32  # words that share a place in the table of 20**5 / BLOCK, which so stays in the processor's cache


@dataclass(frozen=True, slots=True, eq=False)
class SeedIndex:
    """Where in which profile a word scores high. G positions: those of all profiles, and barriers around each."""

    scores: I8  # (G, 22), units; the last columns are the unknown residue and TGA
    owner: I32  # (G,), row of the profile
    occupied: U8  # bitmap over words: which have an entry
    first: I32  # (20**5 / BLOCK + 1,), where the entries of each BLOCK of words begin
    entries: I32  # BLOCK * (row of `scores` where the word starts) + (word modulo BLOCK), by word
    profiles: int

    def __post_init__(self) -> None:
        check_array("scores", self.scores, np.int8, (-1, len(RESIDUES) + len(OTHER)))
        check_array("first", self.first, np.int32, (20**SEED // BLOCK + 1,))


def build_index(matrices: Sequence[F32], least: F32) -> SeedIndex:
    """The index of profiles given as log-odds in bits, each (positions, 20) in the order of RESIDUES.

    `least` (profiles,), bits: what a word must score to be a seed of the profile.
    """
    check_array("least score of a seed", least, np.float32, (len(matrices),))
    barrier = np.full((1, len(RESIDUES) + len(OTHER)), -128, np.int8)
    blocks = [barrier]
    for matrix in matrices:
        other = np.tile(np.array(OTHER, np.float32), (len(matrix), 1))
        blocks += [in_units(np.hstack([matrix, other])), barrier]
    scores = np.concatenate(blocks)
    lengths = np.array([len(matrix) for matrix in matrices], np.int64)
    ends = np.cumsum(lengths + 1)
    owner = np.concatenate([np.zeros(1, np.int32), np.repeat(np.arange(len(matrices), dtype=np.int32), lengths + 1)])
    units = np.round(least * UNITS).astype(np.int64)
    word, position = np.empty(0, np.int32), np.empty(0, np.int32)
    count = _words(scores, ends - lengths, lengths, units, word, position)
    word, position = np.empty(count, np.int32), np.empty(count, np.int32)
    _words(scores, ends - lengths, lengths, units, word, position)
    order = np.argsort(word, kind="stable")
    word, position = word[order], position[order]
    occupied = np.zeros(20**SEED, np.bool_)
    occupied[word] = True
    first = np.searchsorted(word, np.arange(0, 20**SEED + 1, BLOCK)).astype(np.int32)
    entries = position * BLOCK + word % BLOCK
    return SeedIndex(scores, owner, np.packbits(occupied, bitorder="little"), first, entries, len(matrices))


def in_units(matrix: F32) -> I8:
    """Log-odds in bits as integers, UNITS to a bit, same shape."""
    return np.clip(np.round(matrix * UNITS), -127, 127).astype(np.int8)


@njit(nogil=True, cache=True)
def _words(scores: I8, starts: I64, lengths: I64, least: I64, word: I32, position: I32) -> int:
    """Fill (word, position) of every seed, where they have room; return how many there are."""
    n = 0
    top = np.zeros(SEED + 1, np.int64)  # best that the rest of the word can add
    total = np.zeros(SEED + 1, np.int64)
    residue = np.zeros(SEED, np.int64)
    for p in range(len(starts)):
        for j in range(starts[p], starts[p] + lengths[p] - SEED + 1):
            for u in range(SEED - 1, -1, -1):
                top[u] = top[u + 1] + scores[j + u, :20].max()
            u = 0
            residue[0] = -1
            while u >= 0:
                residue[u] += 1
                if residue[u] == 20:
                    u -= 1
                    continue
                total[u + 1] = total[u] + scores[j + u, residue[u]]
                if total[u + 1] + top[u + 1] < least[p]:
                    continue
                if u < SEED - 1:
                    u += 1
                    residue[u] = -1
                    continue
                if n < len(word):
                    code = 0
                    for v in range(SEED):
                        code = code * 20 + residue[v]
                    word[n], position[n] = code, j
                n += 1
    return n
