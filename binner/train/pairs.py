"""Pairs of pieces of one species, drawn from packed genomes: what the species model learns from.

Everything follows from the seed and the number of the batch, so that a run can be taken up at any batch and several
processes draw parts of the same batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from binner.data import I64, N_CODE, U8
from binner.errors import InputError, OptionError
from binner.train.packed import Packed

TRIES = 16  # draws of two pieces until they do not overlap; then the longest stretch is halved
FEWEST_SPECIES = 2  # to train on, and to validate on
Place = tuple[int, int]  # start and stop of a piece


@dataclass(frozen=True, slots=True)
class PairOptions:
    """What the pieces are like."""

    pairs: int = 64  # in a batch, each of another species
    shortest: int = 1000  # bp
    longest: int = 10_000  # bp
    substitutions: float = 0.0  # highest rate in a piece
    indels: float = 0.0  # highest rate in a piece, half of them insertions
    strains: float = 0.0  # share of the pairs from two genomes, where a species has several


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """B pairs: codes of both pieces, and their species."""

    first: list[U8]
    second: list[U8]
    species: I64  # (B,)


def split(packed: Packed, *, share: float, seed: int, fold: int = 1) -> tuple[I64, I64]:
    """Species to train on and species that are kept out: all those of a `share` of the genera, at least two.

    The same seed and fold (from 1) keep the same genera out; every genus is in one of the folds, of which there are
    1 / `share`. Raises InputError where nothing is left to train on, OptionError for a fold that is none.
    """
    genera = np.unique(packed.genus)
    number = max(FEWEST_SPECIES, round(share * len(genera)))
    order = np.random.default_rng([seed, 0]).permutation(genera)
    others = max(min(round(1 / share) - 1, (len(genera) - number) // FEWEST_SPECIES), 0)
    if fold > 1 + others:
        raise OptionError(f"--fold {fold}: {len(genera)} genera, {number} of them kept out, make {1 + others} folds")
    out = order[:number] if fold == 1 else np.array_split(order[number:], others)[fold - 2]
    held_out = np.unique(packed.species[np.isin(packed.genus, out)])
    rest = np.setdiff1d(packed.species, held_out)
    if len(rest) < FEWEST_SPECIES:
        raise InputError(
            f"{len(genera)} genera: {len(out)} are kept out for validation, and training needs {FEWEST_SPECIES} "
            "species of others; add genomes of other genera"
        )
    return rest, held_out


class Pairs:
    """Draws pairs from the species `species` that have room for two pieces of the shortest length."""

    def __init__(self, packed: Packed, species: I64, options: PairOptions, *, seed: int) -> None:
        self.packed, self.options, self.seed = packed, options, seed
        owner, start, stop = packed.stretches
        long = stop - start >= options.shortest
        self.owner, self.start, self.stop = owner[long], start[long], stop[long]
        bounds = np.searchsorted(self.owner, np.arange(len(packed.names) + 1))
        self.rows = [slice(*pair) for pair in pairwise(bounds.tolist())]
        self.genomes = {
            int(name): genomes
            for name in species
            if len(genomes := self._with_room(np.flatnonzero(packed.species == name)))
        }
        self.species = np.array(sorted(self.genomes), np.int64)
        if len(self.species) < FEWEST_SPECIES:
            raise InputError(
                f"{len(self.species)} species have two pieces of {options.shortest:,} bp, and training needs "
                f"{FEWEST_SPECIES}; give longer genomes or lower --shortest"
            )

    def batch(self, number: int, *, part: int = 0, parts: int = 1) -> Drawn:
        """Part `part` of the batch `number`; the species of all parts differ."""
        common = np.random.default_rng([self.seed, 1, number])
        options = self.options
        lengths = np.exp(common.uniform(np.log(options.shortest), np.log(options.longest), 2)).round().astype(int)
        size = min(options.pairs, len(self.species)) // parts
        species = common.permutation(self.species)[part * size : (part + 1) * size]
        drawn = Drawn([], [], species)
        for row, name in enumerate(species.tolist()):
            rng = np.random.default_rng([self.seed, 2, number, part * size + row])
            for place, pieces in zip(self.places(name, lengths, rng=rng), (drawn.first, drawn.second), strict=True):
                codes = self.packed.codes(*place)
                codes = mutate(codes, substitutions=options.substitutions, indels=options.indels, rng=rng)
                pieces.append(reverse_complement(codes) if rng.random() < 0.5 else codes)
        return drawn

    def places(self, species: int, lengths: I64, *, rng: np.random.Generator) -> tuple[Place, Place]:
        """Two places of one species that do not overlap, about as long as `lengths`; shorter in short sequences."""
        genomes = self.genomes[species]
        one = int(rng.choice(genomes))
        if len(genomes) > 1 and rng.random() < self.options.strains:
            other = int(rng.choice(genomes[genomes != one]))
            return self._place(one, lengths[0], rng), self._place(other, lengths[1], rng)
        for _ in range(TRIES):
            first, second = (self._place(one, length, rng) for length in lengths)
            if first[1] <= second[0] or second[1] <= first[0]:
                return first, second
        return self._halves(one, lengths, rng)

    def _place(self, genome: int, length: int, rng: np.random.Generator) -> Place:
        """A place in the genome, all equally likely; its longest stretch if none is long enough."""
        start, stop = self.start[self.rows[genome]], self.stop[self.rows[genome]]
        room = np.cumsum(np.maximum(stop - start - length + 1, 0))
        if not room[-1]:
            longest = int((stop - start).argmax())
            return int(start[longest]), int(stop[longest])
        at = int(rng.integers(room[-1]))
        row = int(np.searchsorted(room, at, "right"))
        begin = int(start[row] + at - (room[row - 1] if row else 0))
        return begin, begin + int(length)

    def _halves(self, genome: int, lengths: I64, rng: np.random.Generator) -> tuple[Place, Place]:
        """Pieces from both halves of the longest stretch, or from the two longest where it is too short for two."""
        start, stop = self.start[self.rows[genome]], self.stop[self.rows[genome]]
        order = np.argsort(start - stop, kind="stable")[:2]
        parts = [(int(start[row]), int(stop[row])) for row in order]
        if parts[0][1] - parts[0][0] >= 2 * self.options.shortest:
            middle = sum(parts[0]) // 2
            parts = [(parts[0][0], middle), (middle, parts[0][1])]
        if rng.random() < 0.5:
            parts.reverse()
        found = []
        for (begin, end), length in zip(parts, lengths.tolist(), strict=True):
            at = begin + int(rng.integers(max(end - begin - length, 0) + 1))
            found.append((at, min(at + length, end)))
        return found[0], found[1]

    def _with_room(self, genomes: I64) -> I64:
        room = []
        for genome in genomes.tolist():
            lengths = self.stop[self.rows[genome]] - self.start[self.rows[genome]]
            if len(lengths) > 1 or (len(lengths) and lengths[0] >= 2 * self.options.shortest):
                room.append(genome)
        return np.array(room, np.int64)


def laid_out(pieces: Sequence[U8]) -> tuple[U8, I64, I64]:
    """Pieces one after another: their codes, starts and stops."""
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    stop = np.cumsum(lengths)
    return np.concatenate([np.zeros(0, np.uint8), *pieces]), stop - lengths, stop


def reverse_complement(codes: U8) -> U8:
    """The other strand; N stays N."""
    turned = codes[::-1]
    return np.where(turned == N_CODE, turned, 3 - turned).astype(np.uint8)


def mutate(codes: U8, *, substitutions: float, indels: float, rng: np.random.Generator) -> U8:
    """The piece with errors, at rates drawn evenly from 0 to the given ones."""
    if substitutions:
        hit = (rng.random(len(codes)) < rng.uniform(0, substitutions)) & (codes != N_CODE)
        codes = np.where(hit, (codes + rng.integers(1, 4, len(codes), np.uint8)) % 4, codes).astype(np.uint8)
    if indels:
        change = rng.random(len(codes))
        of_each = rng.uniform(0, indels) / 2
        copies = np.where(change < of_each, 0, np.where(change > 1 - of_each, 2, 1))
        second = np.concatenate([[False], np.diff(np.repeat(np.arange(len(codes)), copies)) == 0])[: copies.sum()]
        codes = np.repeat(codes, copies)
        codes = np.where(second, rng.integers(0, 4, len(codes), np.uint8), codes).astype(np.uint8)
    return codes
