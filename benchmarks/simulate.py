"""Small metagenomes with known truth, in memory for tests and as files for the demo.

python -m benchmarks.simulate OUT [--species 6] [--samples 3] [--seed 1]

writes OUT/contigs.fa.gz, OUT/S1.bam ... and OUT/truth.tsv (contig, genome, length). The same seed makes the same
metagenome. The first two species are close relatives, which coverage tells apart better than composition does.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import genomes as g
from benchmarks.files import write_bam, write_contigs, write_truth
from benchmarks.profiles import NONE, Profiles, planted_profiles
from binner.data import F64, I32, I64, U8, Contigs, Coverage, Markers

READ_BP = 250
RELATED_RATE = 0.12  # of codons redrawn between close relatives


@dataclass(frozen=True, eq=False)
class Metagenome:
    """Contigs, in random order, with what is known of them. N contigs, G genomes, S samples, M marker genes."""

    contigs: Contigs
    genome: I32  # (N,), -1 = belongs to none of them
    genomes: tuple[str, ...]  # (G,)
    reads: I64  # (N, S), how many lie on the contig
    samples: tuple[str, ...]  # (S,)
    markers: Markers  # planted genes that lie on the contig as a whole

    @cached_property
    def coverage(self) -> Coverage:
        """Depths that follow from the number of reads; the variance is that of reads at random places."""
        lengths = np.maximum(self.contigs.lengths, 1)[:, None]
        mean = (self.reads * READ_BP / lengths).astype(np.float32)
        variance = (mean * (1 - np.minimum(READ_BP / lengths, 1) * 2 / 3)).astype(np.float32)
        return Coverage(self.samples, mean, variance, self.contigs.names_digest)


def simulate(
    *,
    species: int = 6,
    genome_bp: tuple[int, int] = (350_000, 500_000),
    contig_bp: int = 4000,
    spread: float = 0.8,
    samples: int = 3,
    depth: float = 6.0,
    related: bool = True,
    profiles: Profiles = NONE,
    odd: bool = False,
    seed: int = 1,
) -> Metagenome:
    """A metagenome of `species` genomes of a size between `genome_bp`, cut into contigs of a log-normal length.

    `contig_bp` is the median of their lengths and `spread` the standard deviation of the logarithm (0: all alike, but
    for the last piece of a genome); `depth` is the mean over genomes and samples, x; `related` makes the second species
    a close relative of the first; `profiles` are planted, once in each genome; `odd` adds gaps of N, a contig of
    nothing but N, one shorter than a read and one that belongs to no genome.
    """
    rng = np.random.default_rng(seed)
    made = _genomes(rng, species=species, genome_bp=genome_bp, related=related, profiles=profiles)
    pieces: list[U8] = []
    owner: list[int] = []
    counts: list[npt.NDArray[np.uint8]] = []
    for index, genome in enumerate(made):
        for start, stop in _cut(len(genome.codes), rng, contig_bp=contig_bp, spread=spread):
            whole = (genome.markers[:, 1] >= start) & (genome.markers[:, 2] <= stop)
            counts.append(np.bincount(genome.markers[whole, 0], minlength=len(profiles.names)).astype(np.uint8))
            piece = genome.codes[start:stop]
            pieces.append(piece if rng.random() < 0.5 else 3 - piece[::-1])
            owner.append(index)
    if odd:
        pieces = [_with_gap(piece, rng) if rng.random() < 0.04 else piece for piece in pieces]
        strange = [np.full(1500, 4, np.uint8), rng.integers(0, 4, 180, np.uint8), rng.integers(0, 4, 2500, np.uint8)]
        pieces += strange
        owner += [-1] * len(strange)
        counts += [np.zeros(len(profiles.names), np.uint8)] * len(strange)
    order = rng.permutation(len(pieces))
    contigs = join([pieces[at] for at in order])
    genome_of = np.array(owner, np.int32)[order]
    table = np.array(counts, np.uint8).reshape(len(pieces), len(profiles.names))[order]
    return Metagenome(
        contigs=contigs,
        genome=genome_of,
        genomes=tuple(f"genome_{index + 1}" for index in range(species)),
        reads=draw_reads(contigs.lengths, genome_of, rng, species=species, samples=samples, depth=depth),
        samples=tuple(f"S{index + 1}" for index in range(samples)),
        markers=Markers(profiles.names, table, np.zeros_like(table), contigs.names_digest),
    )


def _genomes(
    rng: np.random.Generator, *, species: int, genome_bp: tuple[int, int], related: bool, profiles: Profiles
) -> list[g.Genome]:
    made: list[g.Genome] = []
    first: g.Species | None = None
    contents = np.linspace(0.34, 0.64, species)[rng.permutation(species)] if species > 1 else np.array([0.5])
    for index in range(species):
        if index == 1 and related and first is not None:
            kind = g.relative_of(first, rng)
            genes = g.mutate_genes(made[0].genes, kind, rng, rate=RELATED_RATE)
        else:
            kind = g.draw_species(float(contents[index]), rng)
            first = first or kind
            total = int(rng.uniform(*genome_bp) * 0.9)  # what genes take of a genome
            genes = g.draw_genes(kind, rng, total=total, profiles=profiles.emissions)
        made.append(g.build(genes, kind, rng))
    return made


def _cut(length: int, rng: np.random.Generator, *, contig_bp: int, spread: float) -> list[tuple[int, int]]:
    """Where the contigs lie: one after the other with small losses between them, the last one being what is left."""
    spans = []
    start = 0
    while start < length:
        size = max(int(contig_bp * np.exp(spread * rng.standard_normal())), 300)
        stop = min(start + size, length)
        if stop - start >= 300 or start == 0:
            spans.append((start, stop))
        start = stop + int(rng.integers(0, 60))
    return spans


def _with_gap(codes: U8, rng: np.random.Generator) -> U8:
    """A scaffold: a run of N in the middle of the contig."""
    at = int(rng.integers(0, len(codes)))
    return np.concatenate([codes[:at], np.full(int(rng.integers(10, 200)), 4, np.uint8), codes[at:]])


def join(pieces: Sequence[U8]) -> Contigs:
    """Contigs with the names contig_1, contig_2 ... of these codes."""
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    codes = np.concatenate([np.zeros(0, np.uint8), *pieces])
    return Contigs(tuple(f"contig_{row + 1}" for row in range(len(pieces))), codes, offsets)


def draw_reads(lengths: I64, genome: I32, rng: np.random.Generator, *, species: int, samples: int, depth: float) -> I64:
    """(N, S), reads on each contig: Poisson around the genome's depth, times what differs between contigs."""
    abundance: F64 = rng.lognormal(0, 1.0, (species, samples))
    abundance *= depth / max(abundance.mean(), 1e-9) if species else 1
    contig_effect = rng.lognormal(0, 0.08, (len(lengths), 1)) * rng.lognormal(0, 0.04, (len(lengths), samples))
    expected = np.where(genome[:, None] >= 0, abundance[genome], 0.3 * depth) if species else contig_effect * depth
    places = np.maximum(lengths - READ_BP + 1, 0)[:, None]
    return rng.poisson(expected * contig_effect * places / READ_BP).astype(np.int64)


def demo(*, species: int, samples: int, seed: int) -> Metagenome:
    """What the command line makes: with marker genes and oddities."""
    return simulate(species=species, samples=samples, profiles=planted_profiles(), odd=True, seed=seed)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a metagenome as files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--species", type=int, default=6)
    parser.add_argument("--samples", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    made = demo(species=options.species, samples=options.samples, seed=options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    write_contigs(made.contigs, options.out / "contigs.fa.gz", seed=options.seed)
    write_truth(made.contigs, made.genome, made.genomes, options.out / "truth.tsv")
    for index, sample in enumerate(made.samples):
        path = options.out / f"{sample}.bam"
        write_bam(made.contigs, made.reads[:, index], path, read_bp=READ_BP, seed=options.seed + index)
    print(f"{len(made.contigs)} contigs of {len(made.genomes)} genomes, {len(made.contigs.codes)} bp, in {options.out}")


if __name__ == "__main__":
    main()
