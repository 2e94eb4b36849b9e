"""How good a word must be to be a seed of a profile: learnt from the marker genes that the full way finds in genomes.

Lower thresholds find more genes and cost time, since words that reach them by chance must be looked at. A profile whose
genes are alike can ask for much: the thresholds are those at which the two costs together are least.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from numba import njit

from binner import fasta, genes, markers
from binner.config import FASTA_SUFFIXES, fasta_stem
from binner.data import F64, I8, I64, U8, Progress, silent
from binner.errors import InputError
from binner.genetic_code import RESIDUES
from binner.markers import profiles
from binner.markers.index import SEED, UNITS, in_units

log = logging.getLogger(__name__)

MISS = 40.0  # seeds a residue by chance that are as bad as missing every gene
MOST_CHANCE = 5e-3  # seeds a residue by chance, of one profile
LEAST_CHANCE = 8e-4  # likewise: what serves lineages that are not among the genomes
LOWEST, HIGHEST = -128 * SEED, 127 * SEED  # units


def learn(genomes: Path, target: Path, *, threads: int, progress: Progress = silent) -> int:
    """Write the seed thresholds learnt from a folder of genomes to `target`; return how many genes they rest on.

    3 CPU seconds a Mb. Raises InputError if the folder holds no FASTA file (compressed or not) or no marker gene.
    """
    files = sorted(path for path in genomes.iterdir() if fasta_stem(path) and path.is_file())
    if not files:
        raise InputError(
            f"{genomes}: no FASTA file in it to learn from ({', '.join(FASTA_SUFFIXES)}, plain or compressed)"
        )
    scores = [in_units(profiles.log_odds(profile)) for profile in profiles.load()]
    found = [np.empty((0, 2), np.int64)]
    for done, path in enumerate(files, 1):
        found.append(_best_words(path, scores, threads=threads))
        log.info("%s: %d marker genes", path.name, len(found[-1]))
        progress(done, len(files))
    words = np.concatenate(found)
    if not len(words):
        raise InputError(f"{genomes}: no marker gene in {len(files)} files: are these genomes of bacteria or archaea?")
    background = profiles.background().astype(np.float64)
    least = [
        threshold(chance(matrix, background), words[words[:, 0] == row, 1], genes=len(words))
        for row, matrix in enumerate(scores)
    ]
    note = f"learnt from {len(words)} genes of {len(files)} genomes"
    profiles.write_seeds(target, (np.array(least) / UNITS).astype(np.float32), note=note)
    return len(words)


def threshold(chance: F64, words: I64, *, genes: int) -> int:
    """Threshold (units) of one profile at which chance seeds and missed genes together cost least, within the bounds.

    `chance` [t - LOWEST]: seeds a residue of random protein at threshold t; `words` (units): the best word of each of
    the profile's genes; `genes`: how many there are of all profiles.
    """
    first = int(np.argmax(chance <= MOST_CHANCE))
    last = max(first, int(np.count_nonzero(chance >= LEAST_CHANCE)) - 1)
    allowed = np.arange(first, last + 1)
    missed = np.searchsorted(np.sort(words), allowed + LOWEST) / genes
    return int(allowed[np.argmin(chance[allowed] + MISS * missed)]) + LOWEST


def _best_words(path: Path, scores: list[I8], *, threads: int) -> I64:
    """Profile and best word (units) of every marker gene of a genome that the full way finds, (genes, 2)."""
    called = genes.call(fasta.read(path), threads=threads)
    hits = markers.search_all(called, threads=threads)
    codes = np.full(256, len(RESIDUES), np.uint8)
    codes[np.frombuffer(RESIDUES.encode(), np.uint8)] = np.arange(len(RESIDUES))
    found = [
        (profile, _best_word(codes[np.frombuffer(called.protein(protein), np.uint8)], scores[profile]))
        for protein, profile in zip(hits.protein.tolist(), hits.profile.tolist(), strict=True)
    ]
    return np.array(found, np.int64).reshape(-1, 2)


@njit(nogil=True, cache=True)
def _best_word(protein: U8, scores: I8) -> int:
    """Highest score of SEED residues along any diagonal."""
    best = LOWEST
    for q in range(len(protein) - SEED + 1):
        if (protein[q : q + SEED] >= 20).any():
            continue
        for j in range(len(scores) - SEED + 1):
            total = 0
            for u in range(SEED):
                total += scores[j + u, protein[q + u]]
            best = max(best, total)
    return best


@njit(nogil=True, cache=True)
def chance(scores: I8, background: F64) -> F64:
    """Seeds a residue of random protein, by threshold - LOWEST: summed over the profile's positions."""
    size = HIGHEST - LOWEST + 1
    total = np.zeros(size)
    now = np.zeros(size)
    then = np.zeros(size)
    for j in range(len(scores) - SEED + 1):
        now[:] = 0
        low = high = -LOWEST
        now[low] = 1.0
        for u in range(SEED):
            then[:] = 0
            row = scores[j + u]
            for b in range(low, high + 1):
                if now[b] > 0:
                    for r in range(20):
                        then[b + row[r]] += now[b] * background[r]
            low += row.min()
            high += row.max()
            now, then = then, now
        total += now
    for b in range(size - 2, -1, -1):
        total[b] += total[b + 1]
    return total
