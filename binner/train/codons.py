"""How much more often a word of three bases is a codon than not: what the search for reading frames goes by."""

from __future__ import annotations

import numba
import numpy as np
from scipy.ndimage import gaussian_filter1d

from binner import genes
from binner.data import F32, F64, I64, U8, Bool, Contigs
from binner.encoders.frames import GC_CLASSES, GC_STEP, LOWEST_GC, REVERSE, WORDS

MOST = 3000  # pieces that genes are called on: 18 Mb of 6 kb, 20 CPU seconds
STOPS = (48, 50, 56)  # TAA, TAG, TGA; the last is a codon in some genomes
STOP_ODDS = (-4.0, -4.0, -3.0)
_BLUR = 0.7  # classes of GC content


def log_odds(codes: U8, start: I64, stop: I64, *, rng: np.random.Generator) -> F32:
    """Log odds of the codons (GC_CLASSES, 64), from genes called on (some of) the pieces codes[start:stop].

    Codons of the genes of pyrodigal against words at any place of either strand, in classes of GC content that are
    blurred into their neighbours. A stop costs what a wrong call would.
    """
    chosen = rng.permutation(len(start))[:MOST]
    lengths = stop[chosen] - start[chosen]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    pieces = Contigs(
        tuple(map(str, range(len(chosen)))),
        np.concatenate([np.zeros(0, np.uint8), *(codes[start[row] : stop[row]] for row in chosen)]),
        offsets,
    )
    words, known = _words(pieces.codes)
    known[(offsets[1:-1, None] - (2, 1)).ravel()] = False  # half in the next piece
    strong = np.concatenate([[0], np.cumsum((pieces.codes == 1) | (pieces.codes == 2))])
    share = np.diff(strong[offsets]) / np.maximum(lengths, 1)
    gc = np.clip(np.rint((share - LOWEST_GC) / GC_STEP), 0, GC_CLASSES - 1).astype(np.int64)

    contig = np.repeat(np.arange(len(chosen)), lengths)[: len(words)]
    anywhere = _counts(gc[contig][known], words[known])
    anywhere += anywhere[:, REVERSE]
    called = genes.call(pieces, threads=numba.get_num_threads())
    codons = (called.stop - called.start) // 3
    gene = np.repeat(np.arange(len(called)), codons)
    place = np.arange(codons.sum()) - np.repeat(np.cumsum(codons) - codons, codons)
    at = (offsets[called.contig] + called.start)[gene] + 3 * place
    at, gene = at[known[at]], gene[known[at]]
    read = np.where(called.reverse[gene], REVERSE[words[at]], words[at])
    odds = np.log(_shares(_counts(gc[called.contig][gene], read))) - np.log(_shares(anywhere))
    odds[:, STOPS] = STOP_ODDS
    return odds.astype(np.float32)


def _words(codes: U8) -> tuple[I64, Bool]:
    """The word of three bases at each place, and whether it has no N."""
    wide = codes.astype(np.int64)
    words = 16 * wide[:-2] + 4 * wide[1:-1] + wide[2:]
    known = (codes[:-2] < 4) & (codes[1:-1] < 4) & (codes[2:] < 4)
    return words, known


def _counts(row: I64, word: I64) -> F64:
    return np.bincount(row * WORDS + word, minlength=GC_CLASSES * WORDS).reshape(GC_CLASSES, WORDS).astype(np.float64)


def _shares(counts: F64) -> F64:
    blurred: F64 = gaussian_filter1d(counts + 1, _BLUR, axis=0, mode="nearest")
    shares: F64 = blurred / blurred.sum(1, keepdims=True)
    return shares
