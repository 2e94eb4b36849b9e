"""Words in reading frames against a slow reference, against genes that are known, and the same on both strands."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import F32, U8
from binner.encoders.frames import CHANGE, GC_CLASSES, PLACES, REVERSE, WORDS, count, frequencies, read

BASES = "ACGT"
STOPS = [int("".join(str(BASES.index(base)) for base in stop), 4) for stop in ("TAA", "TAG", "TGA")]


def flat(odds: list[float] | F32) -> F32:
    """The same log odds whatever the GC content."""
    return np.tile(np.asarray(odds, np.float32), (GC_CLASSES, 1))


def other_strand(codes: U8) -> U8:
    return np.where(codes > 3, 4, 3 - codes)[::-1].astype(np.uint8)


def whole(codes: U8, odds: F32) -> F32:
    counts = count(codes, np.array([0]), np.array([len(codes)]), odds=odds)
    assert counts.shape == (1, PLACES * WORDS)
    return counts.reshape(PLACES, WORDS)


def slow_path(words: list[int], odds: F32) -> list[int]:
    """The best state at each word, by keeping every state's whole path."""
    score = [0.0] * 7
    paths: list[list[int]] = [[] for _ in range(7)]
    for i, word in enumerate(words):
        best = max((6, *range(6)), key=lambda state: score[state])
        before, roads = list(score), [list(path) for path in paths]
        for state in (i % 3, i % 3 + 3, 6):
            if before[state] < before[best] - CHANGE:
                score[state], paths[state] = before[best] - CHANGE, list(roads[best])
        for state in range(7):
            paths[state].append(state)
        if word >= 0:
            score[i % 3] += float(odds[0, word])
            score[i % 3 + 3] += float(odds[0, REVERSE[word]])
    return paths[max((6, *range(6)), key=lambda state: score[state])]


def slow_counts(codes: U8, odds: F32) -> F32:
    codes = min(codes, other_strand(codes), key=lambda strand: strand.tolist())
    threes = [codes[i : i + 3].astype(int) for i in range(len(codes) - 2)]
    words = [-1 if max(three) > 3 else int(three @ np.array([16, 4, 1])) for three in threes]
    counts = np.zeros((PLACES, WORDS), np.float32)
    for i, state in enumerate(slow_path(words, odds)):
        if state == 6 or i % 3 != state % 3:
            continue
        for place in range(PLACES):
            at = i + place if state < 3 else i - place
            if 0 <= at < len(words) and words[at] >= 0:
                counts[place, words[at] if state < 3 else REVERSE[words[at]]] += 1
    return counts


@pytest.mark.parametrize("seed", range(8))
def test_counts_equal_a_slow_reference(seed: int) -> None:
    rng = np.random.default_rng(seed)
    codes = rng.choice(5, 400, p=[0.3, 0.2, 0.2, 0.29, 0.01]).astype(np.uint8)
    odds = flat(rng.normal(0, 3, WORDS).astype(np.float32))  # strong, so that the state changes often
    counts = whole(codes, odds)
    np.testing.assert_array_equal(counts, slow_counts(codes, odds))
    assert counts.sum() > 0


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 100, 3001])
def test_both_strands_read_alike(size: int) -> None:
    rng = np.random.default_rng(size)
    for bases in (5, 1):  # with N, and nothing but A, where every frame is as good
        codes = rng.integers(0, bases, size).astype(np.uint8)
        odds = flat(rng.normal(0, 1, WORDS).astype(np.float32))
        np.testing.assert_array_equal(whole(codes, odds), whole(other_strand(codes), odds))


def test_genes_are_read_in_their_frames() -> None:
    """Genes of a codon usage of its own on either strand, in any frame, with random bases between them."""
    rng = np.random.default_rng(5)
    usage = rng.dirichlet(np.full(WORDS, 0.5))
    usage[STOPS] = 0
    usage /= usage.sum()
    odds = flat(np.log(usage * WORDS + 1e-2).astype(np.float32))
    parts, codons = [], np.zeros(WORDS)
    for _ in range(12):
        gene = rng.choice(WORDS, rng.integers(150, 400), p=usage)
        codons += np.bincount(gene, minlength=WORDS)
        bases = np.stack([gene // 16, gene // 4 % 4, gene % 4], 1).ravel().astype(np.uint8)
        parts += [bases if rng.random() < 0.5 else other_strand(bases), rng.integers(0, 4, 70).astype(np.uint8)]
    found = whole(np.concatenate(parts), odds)
    assert found[0].sum() == pytest.approx(codons.sum(), rel=0.03)
    assert np.abs(found[0] - codons).sum() < 0.04 * codons.sum()
    # Words at the second place begin with a codon's last two bases
    assert found[1].reshape(16, 4).sum(1) == pytest.approx(found[0].reshape(4, 16).sum(0), rel=0.2, abs=12)


def test_the_gc_content_chooses_the_odds() -> None:
    """Between two classes the odds lie between theirs; beyond the last, they are the last's."""
    rng = np.random.default_rng(2)
    favoured = rng.normal(0, 1, WORDS).astype(np.float32)
    odds = np.zeros((GC_CLASSES, WORDS), np.float32)
    odds[-1] = favoured
    for share, counted in ((0.2, False), (0.95, True)):
        strong = rng.random(2000) < share
        codes = np.where(strong, rng.choice([1, 2], 2000), rng.choice([0, 3], 2000)).astype(np.uint8)
        assert (whole(codes, odds).sum() > 0) == counted
    np.testing.assert_array_equal(whole(codes, odds), whole(codes, flat(favoured)))


def test_frequencies() -> None:
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 4, 3000).astype(np.uint8)
    odds = flat(rng.normal(0, 1, WORDS).astype(np.float32))
    start, stop = np.array([0, 10, 20]), np.array([3000, 11, 20])
    found = frequencies(codes, start, stop, odds=odds)
    assert found.dtype == np.float32
    np.testing.assert_allclose((found**2).reshape(3, PLACES, WORDS).sum(2), 1, rtol=1e-5)
    np.testing.assert_allclose(found[1:], 1 / 8)  # nothing is read there


def test_a_long_contig_takes_three_bytes_a_base() -> None:
    """What is kept of each base: its word, the step of the path, and the frame."""
    codes = np.random.default_rng(0).integers(0, 5, 3000).astype(np.uint8)
    words, frame, _ = read(codes, 0, len(codes), flat([0.0] * WORDS), REVERSE)
    assert words.itemsize == frame.itemsize == 1
    assert words.min() == -1
    assert words.max() == WORDS - 1
