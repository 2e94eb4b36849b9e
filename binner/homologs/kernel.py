"""The compiled part of binner.homologs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from binner.data import F32, I8, I32, I64, U8
from binner.encoders.frames import NONE, REVERSE, WORDS, read
from binner.genetic_code import CODONS, RESIDUES

U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]

WORD = 8  # residues
WORD_BP = 3 * WORD
RESIDUE = CODONS.reshape(5, 5, 5)[:4, :4, :4].reshape(WORDS).astype(np.int64)  # of a codon; stops come after RESIDUES
_AMINO_ACIDS = len(RESIDUES)
_LEADING = _AMINO_ACIDS ** (WORD - 1)


@njit(nogil=True, cache=True)
def sample(codes: U8, offsets: I64, odds: F32, share: int, out: tuple[U32, U32, I64]) -> int:
    """Hashes and places of one in `share` of the words of residues in the reading frames of contigs, place by place.

    `out` has room for all: hashes, places (2 bp + 1 where the gene is read along the contig), and the number of words
    of each contig. Returns how many words there are.
    """
    hashes, places, numbers = out
    total = 0
    for contig in range(len(offsets) - 1):
        start, stop = offsets[contig], offsets[contig + 1]
        words, frame, flipped = read(codes, start, stop, odds, REVERSE)
        own_hashes, own_places = hashes[total:], places[total:]
        number = _sample(words, frame, share, own_hashes, own_places)
        if flipped:
            own_hashes[:number] = own_hashes[:number][::-1].copy()
            for row in range(number // 2):
                last = number - 1 - row
                own_places[row], own_places[last] = own_places[last], own_places[row]
            for row in range(number):
                at = stop - start - WORD_BP - (own_places[row] >> 1)
                own_places[row] = 2 * at + 1 - (own_places[row] & 1)
        numbers[contig] = number
        total += number
    return total


@njit(nogil=True, cache=True)
def _sample(words: I8, frame: U8, share: int, hashes: U32, places: U32) -> int:
    """Those of one contig, on the strand that was read: how many."""
    number = word = run = 0
    for i in range(len(words)):
        if frame[i] == NONE:
            continue
        along = frame[i] < 3
        residue = _AMINO_ACIDS
        if words[i] >= 0:
            residue = RESIDUE[words[i] if along else REVERSE[words[i]]]
        if i < 3 or frame[i - 3] != frame[i] or residue >= _AMINO_ACIDS:
            run = 0
        if residue >= _AMINO_ACIDS:
            continue
        run += 1
        word = word % _LEADING * _AMINO_ACIDS + residue if along else word // _AMINO_ACIDS + residue * _LEADING
        mixed = _mix(word)
        if run >= WORD and np.uint32(mixed) % np.uint32(share) == 0 and number < len(hashes):
            hashes[number] = mixed >> np.uint64(32)
            places[number] = 2 * (i - WORD_BP + 3) + along
            number += 1
    return number


@njit(nogil=True, cache=True)
def _mix(word: int) -> np.uint64:
    """64 bits in which every bit of the word shows (the finaliser of MurmurHash3, Appleby 2011)."""
    mixed = np.uint64(word) + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    mixed = (mixed ^ (mixed >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return mixed ^ (mixed >> np.uint64(33))


@njit(nogil=True, cache=True)
def shared(keys: U64, contig: I32, places: U32, lengths: I64, most: int, pair: I64, at: I32) -> int:
    """Words that two contigs share, from `keys`, sorted: hash * 2^32 + index of the word. Returns how many.

    Fills, as far as they go, `pair` (room,): first contig * 2^33 + second * 2 + (1 if both read it along or both
    against), and `at` (room, 2): bp in the first and in the second (from its end where they differ). Words that are in
    more than `most` places are left out.
    """
    rows, begin = 0, 0
    while begin < len(keys):
        end = begin + 1
        while end < len(keys) and keys[end] >> np.uint64(32) == keys[begin] >> np.uint64(32):
            end += 1
        if end - begin <= most:
            for a in range(begin, end):
                one = np.int64(keys[a] & np.uint64(0xFFFFFFFF))
                for b in range(a + 1, end):
                    other = np.int64(keys[b] & np.uint64(0xFFFFFFFF))
                    if contig[one] == contig[other]:
                        continue
                    if rows < len(pair):
                        along = np.int64(places[one] & 1 == places[other] & 1)
                        there = np.int64(places[other] >> 1)
                        pair[rows] = np.int64(contig[one]) << 33 | np.int64(contig[other]) << 1 | along
                        at[rows, 0] = places[one] >> 1
                        at[rows, 1] = there if along else lengths[contig[other]] - WORD_BP - there
                    rows += 1
        begin = end
    return rows


@njit(nogil=True, cache=True)
def stretches(at: I32, order: I64, start: I64, stop: I64, band: int, out: I64) -> None:
    """Of each group at[order[start:stop]] (columns: bp in the first contig, in the second) those in the densest band of
    diagonals: how many, and where they begin and end in both contigs. Fills `out` (groups, 5).
    """
    for group in range(len(start)):
        own = at[order[start[group] : stop[group]]]
        diagonal = own[:, 1] - own[:, 0]
        rank = np.argsort(diagonal)
        most, best, low = 0, 0, 0
        for high in range(len(rank)):
            while diagonal[rank[high]] - diagonal[rank[low]] > band:
                low += 1
            if high - low + 1 > most:
                most, best = high - low + 1, low
        chosen = own[rank[best : best + most]]
        out[group, 0] = most
        for side in range(2):
            out[group, 1 + 2 * side] = chosen[:, side].min()
            out[group, 2 + 2 * side] = np.int64(chosen[:, side].max()) + WORD_BP


@njit(nogil=True, cache=True)
def words_between(places: U32, first_word: I64, contig: I64, start: I64, stop: I64) -> I64:
    """How many sampled words of `contig` lie in start:stop bp of it; its words begin at `first_word` (N + 1,)."""
    number = np.empty(len(contig), np.int64)
    for row in range(len(contig)):
        own = places[first_word[contig[row]] : first_word[contig[row] + 1]]
        low = np.searchsorted(own, np.uint32(2 * start[row]))
        number[row] = np.searchsorted(own, np.uint32(2 * max(stop[row] - WORD_BP, start[row]) + 2)) - low
    return number
