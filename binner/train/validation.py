"""What users care about, on genera that were kept out of training: clusters that are species, and bins."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np

from binner.data import F32, I64, U8
from binner.encoders import whitening
from binner.encoders.whitening import Whitening
from binner.errors import InputError
from binner.evaluate import protocols
from binner.evaluate.kmedoid import similarity_threshold
from binner.space import unit_rows
from binner.train.packed import Packed
from binner.train.pairs import FEWEST_SPECIES, laid_out, reverse_complement
from binner.train.whitening import WhiteningOptions, fit

logger = logging.getLogger(__name__)

SPECIES = 200  # at most
PIECES = 12  # of each
SHORTEST, LONGEST = 1000, 4000  # bp, log-uniform
SHARE = 0.5  # a species is recovered by a bin whose F1 exceeds this; what is in no bin counts as missed
PERCENTILE = 30  # of similarities to the own species' mean: what K-medoid's threshold leaves out
TEACHER_BP = 200_000_000  # bp that the teacher learns from, at most
TEACHER = WhiteningOptions()  # as it ships


@dataclass(frozen=True, slots=True)
class Verdict:
    """How good vectors of held-out pieces are."""

    ari: float  # of K-means, K = number of species
    recovered: float  # share of the species that K-medoid gives a bin with F1 above one half

    @property
    def score(self) -> float:
        """What the best checkpoint has most of."""
        return (self.ari + self.recovered) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """V pieces of held-out species, from several places and either strand."""

    codes: U8
    start: I64  # (V,)
    stop: I64  # (V,)
    species: I64  # (V,)

    def judge(self, matrix: F32) -> Verdict:
        """Of vectors (V, D).

        The threshold of K-medoid is learnt on one half of the species and used on the other, and the other way round.
        """
        unit = unit_rows(matrix)
        found = protocols.cluster(unit, self.species, seeds=(0,))
        ari = next(figure.value for figure in found if figure.metric == "ARI")
        names = np.unique(self.species)
        half = np.isin(self.species, names[: len(names) // 2])
        recovered = 0.0
        for learn, use in ((half, ~half), (~half, half)):
            threshold = similarity_threshold(unit[learn], self.species[learn], percentile=PERCENTILE)
            figures = protocols.recover(unit[use], self.species[use], threshold=threshold)
            recovered += next(f.value for f in figures if f.metric == "species by F1 (all)" and f.at == str(SHARE))
        return Verdict(ari, recovered / len(names))

    def four_mers(self) -> F32:
        """Frequencies of canonical 4-mers (V, 136)."""
        plain: F32 = whitening.frequencies(self.codes, self.start, self.stop, k=4) ** 2
        return plain


def draw(packed: Packed, species: I64, *, seed: int) -> Pieces:
    """Pieces of `species`, log-uniform in length, as many of each; the same for the same seed. Raises InputError."""
    rng = np.random.default_rng([seed, 5])
    owner, start, stop = packed.stretches
    chosen = rng.permutation(species)[:SPECIES]
    codes: list[U8] = []
    names: list[int] = []
    for name in np.sort(chosen).tolist():
        rows = np.flatnonzero((packed.species[owner] == name) & (stop - start >= SHORTEST))
        if not len(rows):
            continue
        spans = (stop - start)[rows]
        for row in rng.choice(rows, PIECES, p=spans / spans.sum()).tolist():
            length = min(
                round(float(np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST))))), int(stop[row] - start[row])
            )
            begin = int(start[row] + rng.integers(stop[row] - start[row] - length + 1))
            piece = packed.codes(begin, begin + length)
            codes.append(reverse_complement(piece) if rng.random() < 0.5 else piece)
            names.append(name)
    if (found := len(set(names))) < FEWEST_SPECIES:
        raise InputError(
            f"of {len(species)} species that are kept out for validation, {found} have a sequence of {SHORTEST:,} bp, "
            f"and it needs {FEWEST_SPECIES}: give longer genomes, or keep out more with --held-out"
        )
    return Pieces(*laid_out(codes), np.array(names, np.int64))


def teacher(packed: Packed, species: I64, *, seed: int) -> Whitening:
    """The whitening learnt from the genomes of `species` alone, so that nothing of held-out ones leaks."""
    drawn = teaching(packed, species, seed=seed)
    return fit(drawn.codes, drawn.start, drawn.stop, species=drawn.species, options=replace(TEACHER, seed=seed))


def teaching(packed: Packed, species: I64, *, seed: int) -> Pieces:
    """Pieces of the genomes of `species` that a whitening is learnt from."""
    rng = np.random.default_rng([seed, 6])
    piece = TEACHER.reference
    owner, start, stop = packed.stretches
    genomes = np.flatnonzero(np.isin(packed.species, species))
    each = int(np.clip(TEACHER_BP // (piece * max(len(genomes), 1)), 2, TEACHER.per_genome))
    codes: list[U8] = []
    names: list[int] = []
    for genome in rng.permutation(genomes)[: TEACHER_BP // (2 * piece)].tolist():
        rows = np.flatnonzero(owner == genome)
        whole = stop[rows] - start[rows]
        # Pieces of a genome must differ: all of one stretch would say that nothing varies within.
        bp = piece if len(rows) != 1 or whole[0] > piece else max(int(whole[0]) // 2, 1)
        spans = np.maximum(whole - bp, 1)
        for row in rng.choice(rows, each, p=spans / spans.sum()).tolist() if len(rows) else ():
            begin = int(start[row] + rng.integers(max(stop[row] - start[row] - bp, 0) + 1))
            codes.append(packed.codes(begin, min(begin + bp, int(stop[row]))))
            names.append(int(packed.species[genome]))
    return Pieces(*laid_out(codes), np.array(names))
