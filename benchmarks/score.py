"""How well bins match genomes that are known: what `bench/score.py` of the shared data gives, as a function."""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

NEAR_COMPLETE = (0.90, 0.05)  # at least this completeness, at most this contamination
MEDIUM_QUALITY = (0.50, 0.10)
_HEADS = ("contig", "contigname", "sequenceid")
_SWAPPED_HEAD = "clustername"  # VAMB: the cluster comes first


@dataclass(frozen=True, slots=True)
class Score:
    """Genomes recovered, and how alike bins and genomes are by bp; contigs without a truth are left out."""

    genomes: int  # that have contigs
    bins: int  # of any size
    near_complete: int  # genomes that one bin holds at NEAR_COMPLETE
    medium: int  # at MEDIUM_QUALITY, the near-complete ones included
    f1: float  # mean over genomes of that of the genome's best bin
    ari: float  # adjusted Rand index of the binned bp


def read_truth(path: Path) -> dict[str, tuple[str, int]]:
    """Genome and length (bp) of each contig, from a table without a header: contig, genome, length."""
    with path.open(encoding="utf-8") as lines:
        rows = (line.rstrip("\n").split("\t") for line in lines)
        return {row[0]: (row[1], int(row[2])) for row in rows}


def read_bins(path: Path) -> dict[str, str]:
    """Bin of each contig, from a folder of FASTA files or a table of contigs and bins, plain or gzip.

    A table may have a header; VAMB's, which tells it by `clustername`, has the bin first.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if {".fa", ".fna", ".fasta"} & set(file.suffixes))
        return {line[1:].split()[0]: file.name for file in files for line in _lines(file) if line.startswith(">")}
    swapped = False
    found = {}
    for line in _lines(path):
        if line[0] in "@#\n":
            continue
        first, second = line.rstrip("\n").split("\t")[:2]
        if first.lower() == _SWAPPED_HEAD:
            swapped = True
        elif first.lower() not in _HEADS:
            found[second if swapped else first] = first if swapped else second
    return found


def score(truth: Mapping[str, tuple[str, int]], bins: Mapping[str, str]) -> Score:
    """Score the bins of contigs against their genomes.

    Completeness is the share of a genome's bp that lies in the bin, contamination the share of a bin's bp that belongs
    to other genomes than the one it holds most of.
    """
    genome_bp: Counter[str] = Counter()
    for genome, length in truth.values():
        genome_bp[genome] += length
    shared: defaultdict[str, Counter[str]] = defaultdict(Counter)  # bp of each genome in each bin
    for contig, name in bins.items():
        if contig in truth:
            genome, length = truth[contig]
            shared[name][genome] += length
    good, fair = (_recovered(shared.values(), genome_bp, limits) for limits in (NEAR_COMPLETE, MEDIUM_QUALITY))
    return Score(len(genome_bp), len(shared), good, fair, _mean_f1(shared.values(), genome_bp), _ari(shared.values()))


def _recovered(shared: Iterable[Counter[str]], genome_bp: Mapping[str, int], limits: tuple[float, float]) -> int:
    """Genomes of which some bin is the genome's own, and within the limits."""
    completeness, contamination = limits
    genomes = set()
    for row in shared:
        genome, bp = max(row.items(), key=lambda item: item[1])
        if bp / genome_bp[genome] >= completeness and 1 - bp / row.total() <= contamination:
            genomes.add(genome)
    return len(genomes)


def _mean_f1(shared: Iterable[Counter[str]], genome_bp: Mapping[str, int]) -> float:
    best = dict.fromkeys(genome_bp, 0.0)
    for row in shared:
        size = row.total()
        for genome, bp in row.items():
            best[genome] = max(best[genome], 2 * bp / (size + genome_bp[genome]))
    return sum(best.values()) / len(best) if best else 0.0


def _ari(shared: Iterable[Counter[str]]) -> float:
    """Over all pairs of binned bp: in the same bin, in the same genome."""
    genome_bp: Counter[str] = Counter()
    both = in_bins = 0
    for row in shared:
        genome_bp.update(row)
        both += sum(_pairs(bp) for bp in row.values())
        in_bins += _pairs(row.total())
    in_genomes = sum(_pairs(bp) for bp in genome_bp.values())
    pairs = _pairs(genome_bp.total())
    expected = in_genomes * in_bins / pairs if pairs else 0.0
    return (both - expected) / max(1e-9, (in_genomes + in_bins) / 2 - expected)


def _pairs(count: int) -> int:
    return count * (count - 1) // 2


def _lines(path: Path) -> Iterable[str]:
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        yield from lines
