"""What is read in the reading frames of a window: the counts of words of three bases at each place in the codon.

Nearly nine tenths of a prokaryotic genome are genes, and within a gene the three places of a codon have compositions of
their own; counts of k-mers blur them. A Viterbi pass over seven states (six frames, and none) finds the frames: a codon
adds its log odds (codons over words anywhere, in genomes of the window's GC content), and a change of state costs
`CHANGE`. It takes one pass over the bases, without calling genes.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from binner.data import F32, I8, I64, U8

WORDS = 64  # of three bases: 16 a + 4 b + c
PLACES = 3  # in a codon
NONE = 6  # the state between genes
LOWEST_GC, GC_STEP, GC_CLASSES = 0.2, 0.05, 11  # log odds are kept for a GC content of 20, 25 ... 70 %
CHANGE = 7.0  # nats: genes are about 1,000 bp long

REVERSE = np.array(  # the word on the other strand
    [16 * (3 - w % 4) + 4 * (3 - w // 4 % 4) + 3 - w // 16 for w in range(WORDS)], np.int64
)


def frequencies(codes: U8, start: I64, stop: I64, *, odds: F32) -> F32:
    """Stabilised frequencies of the words at each place in the codon, (V, 3 * 64): the same for both strands.

    `odds` (GC_CLASSES, 64) are log odds of a codon. Frequencies are relative to the words at the same place, and all
    alike where there are none.
    """
    counts = count(codes, start, stop, odds=odds).reshape(-1, PLACES, WORDS) + np.float32(0.375)
    stable: F32 = np.sqrt(counts / counts.sum(2, keepdims=True))
    return stable.reshape(-1, PLACES * WORDS)


def count(codes: U8, start: I64, stop: I64, *, odds: F32) -> F32:
    """How often each word stands at each place in the codon in codes[start:stop], read along the gene, (V, 3 * 64)."""
    counts = np.zeros((len(start), PLACES * WORDS), np.float32)
    _count(codes, start, stop, odds, REVERSE, counts)
    return counts


@njit(parallel=True, nogil=True, cache=True)
def _count(codes: U8, start: I64, stop: I64, odds: F32, reverse: I64, counts: F32) -> None:
    for row in prange(len(start)):
        words, frame, _ = read(codes, start[row], stop[row], odds, reverse)
        for i in range(len(words)):
            if frame[i] == NONE:
                continue
            for place in range(PLACES):
                at = i + place if frame[i] < 3 else i - place
                if 0 <= at < len(words) and words[at] >= 0:
                    word = words[at] if frame[i] < 3 else reverse[words[at]]
                    counts[row, place * WORDS + word] += 1


@njit(nogil=True, cache=True)
def read(codes: U8, start: int, stop: int, odds: F32, reverse: I64) -> tuple[I8, U8, bool]:
    """The words of codes[start:stop] from left to right on the strand that reads smaller, -1 with an N; the frame in
    which a codon begins at each (0-2: along, 3-5: against, NONE); and whether that strand is the reverse one.
    """
    words, gc, flipped = _words(codes, start, stop)
    frame = np.full(len(words), NONE, np.uint8)
    if len(words):
        low = min(int(gc), len(odds) - 2)
        weight = odds[low] + (gc - low) * (odds[low + 1] - odds[low])
        steps, last = _forward(words, weight, reverse)
        _back(steps, last, frame)
    return words, frame, flipped


@njit(nogil=True, cache=True)
def _words(codes: U8, start: int, stop: int) -> tuple[I8, float, bool]:
    """Words of three bases, class of GC content, and whether the reverse strand reads smaller."""
    size = stop - start
    words = np.empty(max(size - 2, 0), np.int8)
    flip, strong, known = 0, 0, 0
    for i in range(size):
        here, there = codes[start + i], codes[stop - 1 - i]
        there = 3 - there if there < 4 else 4
        if not flip and here != there:
            flip = 1 if here < there else 2
        if here < 4:
            known += 1
            strong += here == 1 or here == 2
    word, run = 0, 0
    for i in range(size):
        code = codes[stop - 1 - i] if flip == 2 else codes[start + i]
        if code > 3:
            run = 0
        else:
            word = (word * 4 + (3 - code if flip == 2 else code)) % WORDS
            run += 1
        if i >= 2:
            words[i - 2] = word if run >= 3 else -1
    gc = (strong / max(known, 1) - LOWEST_GC) / GC_STEP
    return words, min(max(gc, 0.0), GC_CLASSES - 1.0), flip == 2


@njit(nogil=True, cache=True)
def _forward(words: I8, weight: F32, reverse: I64) -> tuple[U8, int]:
    """The steps of the best path and its last state. Frame f (0-2: along, 3-5: against) reads a codon where i % 3 is
    f % 3; a step holds the best state before i (bits 0-2), and which of the frames of i and none are entered from it.
    """
    steps = np.empty(len(words), np.uint8)
    score = np.zeros(7)
    for i in range(len(words)):
        along, against = i % 3, i % 3 + 3
        best = 6
        for state in range(6):
            if score[state] > score[best]:
                best = state
        enter = score[best] - CHANGE
        step = best
        if score[along] < enter:
            score[along] = enter
            step |= 8
        if score[against] < enter:
            score[against] = enter
            step |= 16
        if score[6] < enter:
            score[6] = enter
            step |= 32
        steps[i] = step
        word = words[i]
        if word >= 0:
            score[along] += weight[word]
            score[against] += weight[reverse[word]]
    best = 6
    for state in range(6):
        if score[state] > score[best]:
            best = state
    return steps, best


@njit(nogil=True, cache=True)
def _back(steps: U8, state: int, frame: U8) -> None:
    """Follow the path from its end, and note where codons begin."""
    for i in range(len(steps) - 1, -1, -1):
        reads = state < NONE and i % 3 == state % 3
        if reads:
            frame[i] = state
        entered = 32 if state == NONE else 8 if state < 3 else 16
        if (state == NONE or reads) and steps[i] & entered:
            state = steps[i] & 7
