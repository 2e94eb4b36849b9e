"""Homologs: contigs that hold the same stretch of the genomes of two relatives, and so cannot be of one genome.

A genome has most of its genes once. Where two contigs have the same genes in the same order, as far as both reach, and
the proteins differ by more than strains of a species do, one is of one relative and one of another: what single-copy
marker genes say of a few genes, this says of all that two genomes of an assembly share, without a database.

Words of eight residues are read in the reading frames (`binner.encoders.frames`), one in four by its hash is kept, and
pairs of contigs are found that share several near one diagonal. Identity is that of residues, from the share of words
that both have (as in Mash, Ondov et al. 2016: identity^8). Stretches that end inside both contigs are left out: genes
that a genome has twice, and mobile ones, look so.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from binner.data import F64, I32, I64, Contigs, Homologs, Progress, silent
from binner.encoders import locate
from binner.encoders.whitening import Whitening
from binner.homologs import kernel as kernel
from binner.homologs.kernel import U32, WORD
from binner.windows import batches

logger = logging.getLogger(__name__)

SHARE = 4  # one in so many words is kept
MOST_WORDS = 1 << 26  # and fewer where there would be more than that: a GB of memory
MOST_PLACES = (12, 8, 5, 3)  # a word in more places says little, and of many pairs; fewer where there are too many hits
BP_OF_A_HIT = 8  # there is at most one hit (a word that two contigs share) for so many bp: 4 bytes a bp in all
FREE_HITS = 4_000_000  # which are never too many; the densest development set has one for 50 bp
FEWEST_WORDS = 4  # that a pair shares on its diagonals
BAND = 600  # bp, of diagonals: insertions and deletions move it
LEAST_BP = 700  # of a stretch
LEAST_IDENTITY = 0.75  # of residues; below it are genes of one family as often as the same gene
MOST_IDENTITY = 0.99  # from there on it may be one genome's: haplotypes, and what was assembled twice
OVERHANG = (0.3, 200)  # share of the stretch, and bp, that both contigs may go on beside it
BATCH = 1_000_000  # bp of contigs that one thread takes at a time
_ODD = 0x9E3779B1  # so that no two assemblies have one salt


@dataclass(frozen=True, slots=True, eq=False)
class _Words:
    """Sampled words of N contigs, contig by contig, place by place. W of them."""

    hashes: U32  # (W,)
    places: U32  # (W,), 2 bp + 1 where the gene is read along the contig
    first: I64  # (N + 1,), where those of each contig begin


def find(contigs: Contigs, *, assembly: I32 | None = None, threads: int, progress: Progress = silent) -> Homologs:
    """Pairs of homologous contigs: about 25 ns a bp. The same for every number of threads, and for both strands.

    With `assembly` (N,), that of each contig, they are looked for in each one on its own.
    """
    words = _sample(contigs, threads=threads, progress=progress)
    if assembly is not None:  # words of two assemblies differ
        salt = (assembly.astype(np.uint64) * np.uint64(_ODD)).astype(np.uint32)
        words = replace(words, hashes=words.hashes ^ np.repeat(salt, np.diff(words.first)))
    pairs, ends, bp, identity = _stretches(words, contigs.lengths)
    beside = np.minimum(ends[:, 0], ends[:, 2]) + np.minimum(
        contigs.lengths[pairs[:, 0]] - ends[:, 1], contigs.lengths[pairs[:, 1]] - ends[:, 3]
    )
    kept = (bp >= LEAST_BP) & (identity >= LEAST_IDENTITY) & (identity < MOST_IDENTITY)
    kept &= beside < OVERHANG[0] * bp + OVERHANG[1]
    pairs, bp = pairs[kept], bp[kept]
    order = np.lexsort((-bp, pairs[:, 1], pairs[:, 0]))  # of both directions the longer stretch
    pairs, bp = pairs[order], bp[order]
    once = np.ones(len(pairs), bool)
    once[1:] = (pairs[1:] != pairs[:-1]).any(1)
    found = Homologs(pairs[once], bp[once], contigs.names_digest)
    logger.info(
        "%d pairs of contigs are homologs, %d of %d contigs are in one",
        *(len(found.bp), len(np.unique(found.contigs)), len(contigs)),
    )
    return found


def _sample(contigs: Contigs, *, threads: int, progress: Progress) -> _Words:
    share = max(SHARE, -(-len(contigs.codes) // 3 // MOST_WORDS))
    odds = Whitening.load(locate("whitening")).odds

    def read(part: range) -> tuple[U32, U32, I64]:
        offsets = contigs.offsets[part.start : part.stop + 1]
        room = int(offsets[-1] - offsets[0]) // 3 + len(part)
        out = np.empty(room, np.uint32), np.empty(room, np.uint32), np.empty(len(part), np.int64)
        number = kernel.sample(contigs.codes, offsets, odds, share, out)
        return out[0][:number].copy(), out[1][:number].copy(), out[2]

    parts = batches(contigs.lengths, bp=BATCH)
    found = [(np.zeros(0, np.uint32), np.zeros(0, np.uint32), np.zeros(1, np.int64))]
    with ThreadPoolExecutor(threads) as pool:
        for done, part in enumerate(pool.map(read, parts), 1):
            found.append(part)
            progress(done, len(parts))
    hashes, places, numbers = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return _Words(hashes, places, np.cumsum(numbers))


def _stretches(words: _Words, lengths: I64) -> tuple[I64, I64, I64, F64]:
    """Pairs (P, 2) with words in common, start and stop of the stretch in both (P, 4), its bp and its identity.

    What the second contig has on its other strand is counted from its end.
    """
    key, at = _shared(words, lengths)
    order = np.argsort(key, kind="stable")
    key = key[order]
    new = np.ones(len(key), bool)
    new[1:] = key[1:] != key[:-1]
    start = np.flatnonzero(new)
    stop = np.append(start[1:], len(key))
    many = stop - start >= FEWEST_WORDS
    start, stop = start[many], stop[many]
    out = np.empty((len(start), 5), np.int64)
    kernel.stretches(at, order, start, stop, BAND, out)
    kept = out[:, 0] >= FEWEST_WORDS
    key, shared, ends = key[start[kept]], out[kept, 0], out[kept, 1:]
    first, second, along = key >> 33, key >> 1 & (1 << 32) - 1, key & 1 > 0
    there = np.where(along[:, None], ends[:, 2:], lengths[second][:, None] - ends[:, :1:-1])
    number = np.minimum(
        kernel.words_between(words.places, words.first, first, ends[:, 0], ends[:, 1]),
        kernel.words_between(words.places, words.first, second, there[:, 0], there[:, 1]),
    )
    identity = np.minimum(shared / np.maximum(number, 1), 1) ** (1 / WORD)
    bp = np.minimum(ends[:, 1] - ends[:, 0], ends[:, 3] - ends[:, 2])
    return np.stack([first, second], 1), ends, bp, identity


def _shared(words: _Words, lengths: I64) -> tuple[I64, I32]:
    """Words that two contigs share, (P,) and (P, 2), as the kernel says."""
    keys = words.hashes.astype(np.uint64)  # in place, for there are many
    keys <<= np.uint64(32)
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    contig = np.repeat(np.arange(len(lengths), dtype=np.int32), np.diff(words.first))
    given = keys, contig, words.places, lengths
    room = max(FREE_HITS, int(lengths.sum()) // BP_OF_A_HIT)
    for most in MOST_PLACES:
        hits = kernel.shared(*given, most, np.empty(0, np.int64), np.empty((0, 2), np.int32))
        if hits <= room:
            break
    if most < MOST_PLACES[0]:
        logger.info("stretches are in many copies: words in more than %d places are left out", most)
    pair, at = np.empty(hits, np.int64), np.empty((hits, 2), np.int32)
    kernel.shared(*given, most, pair, at)
    return pair, at
