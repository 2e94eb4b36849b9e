"""Genomes that look like bacteria to gene callers and profile searches: made of genes in the species' own codons.

A species has a GC content, an amino acid usage that follows it, and a codon usage drawn around it (Dirichlet); each
gene deviates a little from its species, as genes do. Genes stand in runs on one strand, each with a start codon, a
Shine-Dalgarno site before it and a stop codon; among them are the marker genes that were asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from binner.data import F32, F64, U8

# The standard code (same amino acids as table 11), codons in the order AAA AAC AAG AAT ACA ... TTT
AMINO_ACID_OF_CODON = "KNKNTTTTRSRSIIMIQHQHPPPPRRRRLLLLEDEDAAAAGGGGVVVV*Y*YSSSS*CWCLFLF"
AMINO_ACIDS = "ACDEFGHIKLMNPQRSTVWY"
USAGE = (
    8.3,
    1.4,
    5.5,
    6.7,
    3.9,
    7.1,
    2.3,
    5.9,
    5.8,
    9.7,
    2.4,
    4.1,
    4.7,
    3.9,
    5.5,
    6.6,
    5.4,
    6.9,
    1.1,
    2.9,
)  # %, Swiss-Prot
CODONS = np.array([[c >> 4, c >> 2 & 3, c & 3] for c in range(64)], np.uint8)  # (64, 3), codes of the bases
AMINO = np.array([AMINO_ACIDS.find(a) for a in AMINO_ACID_OF_CODON])  # (64,), -1 = stop
SENSE = AMINO >= 0
STARTS, START_SHARE = np.array([14, 46, 62]), np.array([0.82, 0.12, 0.06])  # ATG GTG TTG
STOPS = np.array([48, 50, 56])  # TAA TAG TGA
SHINE_DALGARNO = np.array([0, 2, 2, 0, 2, 2], np.uint8)  # AGGAGG
GC_OF_CODON = ((CODONS == 1) | (CODONS == 2)).sum(1)
WOBBLE_IS_GC = (CODONS[:, 2] == 1) | (CODONS[:, 2] == 2)

Codons = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Species:
    """What the genes of one species have in common."""

    gc: float  # share
    codon_logits: F64  # (64,), stops are -inf


@dataclass(frozen=True, eq=False)
class Gene:
    """A coding sequence, start and stop codon included."""

    codons: Codons
    marker: int = -1  # index of the profile it was asked to encode, -1 = none


@dataclass(frozen=True, eq=False)
class Genome:
    """A replicon and where its marker genes lie."""

    codes: U8
    genes: tuple[Gene, ...]
    markers: npt.NDArray[np.int64]  # (number of marker genes, 3): index of the profile, start, stop


def draw_species(gc: float, rng: np.random.Generator, *, spread: float = 0.35) -> Species:
    """A species of this GC content; `spread` is the standard deviation of its own taste for each codon, in logits."""
    usage = np.log(np.array(USAGE)[AMINO]) - np.log(np.bincount(AMINO[SENSE], minlength=20)[AMINO])
    lean = 4.0 * (gc - 0.5) * (GC_OF_CODON - 1.5) + 5.0 * (gc - 0.5) * (WOBBLE_IS_GC - 0.5)
    amino_taste = rng.normal(0, 0.15, 20)[AMINO]
    concentration = (
        1 / spread**2
    )  # of the Dirichlet: the logarithm of a gamma variable of this shape has about this spread
    own = np.log(np.maximum(rng.gamma(concentration, 1 / concentration, 64), 1e-3))
    return Species(gc, np.where(SENSE, usage + lean + amino_taste + own, -np.inf))


def relative_of(species: Species, rng: np.random.Generator, *, spread: float = 0.06) -> Species:
    """A close relative: nearly the same codon usage."""
    return Species(species.gc, species.codon_logits + rng.normal(0, spread, 64))


def draw_genes(species: Species, rng: np.random.Generator, *, total: int, profiles: Sequence[F32] = ()) -> list[Gene]:
    """Genes of about `total` bp in random order: one for each profile (length, 20), and others at random."""
    genes = [_encode(species, profile, index, rng) for index, profile in enumerate(profiles)]
    left = total - 3 * sum(len(gene.codons) for gene in genes)
    lengths = np.clip(rng.lognormal(5.55, 0.6, max(left // 900, 0) + 1), 60, 2000).astype(np.int64)  # codons; mean 308
    for length in lengths[np.cumsum(3 * lengths) <= left]:
        usage = _softmax(_gene_logits(species, rng))
        genes.append(Gene(_with_ends(_draw(usage, rng.random(length)), species, rng)))
    return [genes[at] for at in rng.permutation(len(genes))]


def mutate_genes(genes: Sequence[Gene], species: Species, rng: np.random.Generator, *, rate: float) -> list[Gene]:
    """A relative's genes: codons redrawn at this rate, synonymously in three of four; one gene in five is new."""
    out = []
    usage = _softmax(species.codon_logits)
    for gene in genes:
        inner = gene.codons[1:-1].copy()
        if gene.marker < 0 and rng.random() < 0.2:
            inner = _draw(_softmax(_gene_logits(species, rng)), rng.random(len(inner)))
        else:
            hit = np.flatnonzero(rng.random(len(inner)) < rate)
            free = rng.random(len(hit)) < 0.25
            inner[hit[free]] = _draw(usage, rng.random(int(free.sum())))
            inner[hit[~free]] = _synonyms(usage, AMINO[inner[hit[~free]]], rng)
        out.append(Gene(_with_ends(inner, species, rng), gene.marker))
    return out


def build(genes: Sequence[Gene], species: Species, rng: np.random.Generator) -> Genome:
    """Lay the genes out in operons on either strand, with what stands between genes."""
    pieces: list[U8] = []
    markers = []
    at = 0
    for operon in np.split(np.arange(len(genes)), np.flatnonzero(rng.random(max(len(genes) - 1, 0)) < 0.3) + 1):
        sequence, spans = _operon([genes[i] for i in operon], species, rng)
        if rng.random() < 0.5:
            sequence = 3 - sequence[::-1]
            spans = [(m, len(sequence) - stop, len(sequence) - start) for m, start, stop in spans]
        markers += [(m, at + start, at + stop) for m, start, stop in spans]
        pieces.append(sequence)
        at += len(sequence)
    return Genome(
        np.concatenate([np.zeros(0, np.uint8), *pieces]), tuple(genes), np.array(markers, np.int64).reshape(-1, 3)
    )


def _operon(genes: Sequence[Gene], species: Species, rng: np.random.Generator) -> tuple[U8, list[tuple[int, int, int]]]:
    pieces, spans = [], []
    at = 0
    for rank, gene in enumerate(genes):
        gap = rng.integers(20, 50) if rank else rng.integers(80, 300)
        between = _noncoding(int(gap), species, rng)
        site = len(between) - len(SHINE_DALGARNO) - rng.integers(5, 10)
        between[site : site + len(SHINE_DALGARNO)] = SHINE_DALGARNO
        coding = CODONS[gene.codons].ravel()
        pieces += [between, coding]
        at += len(between)
        if gene.marker >= 0:
            spans.append((gene.marker, at, at + len(coding)))
        at += len(coding)
    return np.concatenate([*pieces, _noncoding(int(rng.integers(20, 100)), species, rng)]), spans


def _noncoding(length: int, species: Species, rng: np.random.Generator) -> U8:
    gc = max(species.gc - 0.06, 0.1)  # less than in genes, as in bacteria
    return _draw(np.array([(1 - gc) / 2, gc / 2, gc / 2, (1 - gc) / 2]), rng.random(length)).astype(np.uint8)


def _gene_logits(species: Species, rng: np.random.Generator) -> F64:
    """The species' codon usage as this gene has it: some genes are richer in GC, some in their amino acids."""
    logits: F64 = species.codon_logits + rng.normal(0, 0.35) * WOBBLE_IS_GC + rng.normal(0, 0.25, 20)[AMINO]
    return logits


def _encode(species: Species, profile: F32, marker: int, rng: np.random.Generator, *, rate: float = 0.3) -> Gene:
    """A gene for the profile's consensus, a share of its sites redrawn as the family varies there."""
    amino = profile.argmax(1)  # (length,)
    redrawn = np.flatnonzero(rng.random(len(amino)) < rate)
    share = np.cumsum(profile[redrawn].astype(np.float64), axis=1)  # (redrawn, 20)
    amino[redrawn] = (rng.random((len(redrawn), 1)) * share[:, -1:] >= share).sum(1)
    return Gene(_with_ends(_synonyms(_softmax(_gene_logits(species, rng)), amino, rng), species, rng), marker)


def _with_ends(inner: Codons, species: Species, rng: np.random.Generator) -> Codons:
    stops = np.array([1 - species.gc, 0.2, species.gc])  # TAA TAG TGA
    ends = _draw(START_SHARE, rng.random(1)), _draw(stops / stops.sum(), rng.random(1))
    return np.concatenate([STARTS[ends[0]], inner, STOPS[ends[1]]])


def _synonyms(usage: F64, amino: npt.NDArray[np.int64], rng: np.random.Generator) -> Codons:
    """A codon for each amino acid, by the usage of the codons."""
    out = np.zeros(len(amino), np.int64)
    chance = rng.random(len(amino))
    for acid in np.unique(amino):
        codons = np.flatnonzero(acid == AMINO)
        share = usage[codons] / usage[codons].sum()
        here = amino == acid
        out[here] = codons[_draw(share, chance[here])]
    return out


def _softmax(logits: F64) -> F64:
    weights = np.exp(logits - logits.max())
    usage: F64 = weights / weights.sum()
    return usage


def _draw(share: F64, chance: F64) -> Codons:
    """Indices drawn by their shares, from uniform numbers."""
    return np.minimum(np.searchsorted(np.cumsum(share), chance, side="right"), len(share) - 1)
