"""Circular contigs: chromosomes are bins as they are, plasmids are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.simulate import simulate
from binner import fasta
from binner.config import RunConfig
from binner.data import U8, Contigs, Markers
from binner.evaluate.tables import read_bins, read_labels
from binner.pipeline.run import run
from binner.replicons import ends_meet, most_of_genomes, whole_genomes
from tests.assemblies import contigs_of

RNG = np.random.default_rng(1)
DEMO = Path(__file__).parent.parent / "benchmarks" / "demo"
LETTERS = np.frombuffer(b"ACGTN", np.uint8)
GENES = (*(f"bacteria:{number}" for number in range(20)), "universal:a", "archaea:b")


def bases(length: int) -> U8:
    return RNG.integers(0, 4, length, np.uint8)


def closed(length: int, overlap: int) -> U8:
    codes = bases(length)
    return np.concatenate([codes, codes[:overlap]])


def markers(contigs: Contigs, *copies: tuple[int, int]) -> Markers:
    """So many genes once on each contig, and so many of them twice."""
    counts = np.zeros((len(contigs), len(GENES)), np.uint8)
    for row, (once, twice) in enumerate(copies):
        counts[row, :once] = 1
        counts[row, :twice] = 2
    return Markers(GENES, counts, np.zeros_like(counts), contigs.names_digest)


@pytest.mark.parametrize("overlap", [55, 127, 9000, 50_000])
def test_ends_that_overlap_meet(overlap: int) -> None:
    assert ends_meet(closed(120_000, overlap))


@pytest.mark.parametrize(
    "codes",
    [
        bases(100_000),
        closed(100_000, 54),
        closed(100_000, 50_001),
        np.concatenate([closed(100_000, 200), bases(1)]),
        np.full(10_000, 4, np.uint8),
        bases(60),
        bases(0),
    ],
    ids=["linear", "54 bp", "50,001 bp", "a base too far", "N", "short", "empty"],
)
def test_ends_that_do_not_meet(codes: U8) -> None:
    assert not ends_meet(codes)


def test_ends_that_are_a_repeat_meet() -> None:
    """The first word comes more than once near the end, and the last of these counts."""
    start = bases(300)
    assert ends_meet(np.concatenate([start, bases(5000), start[:60], bases(10), start]))


def test_chromosomes_are_bins() -> None:
    told, overlapping, plasmid, linear, mixed, short = (
        *(bases(5000), closed(5000, 80), closed(5000, 80), bases(5000), closed(5000, 80), closed(400, 80)),
    )
    contigs = contigs_of(told, overlapping, plasmid, linear, mixed, short)
    contigs = Contigs(contigs.names, contigs.codes, contigs.offsets, circular=(0, 2))
    found = markers(contigs, (19, 0), (8, 1), (1, 0), (20, 0), (20, 3), (20, 0))
    bins = whole_genomes(contigs, found, least_bp=1000)
    assert [(each.rows.tolist(), each.size) for each in bins] == [([0], 5000), ([1], 5080)]


def test_no_circular_contig() -> None:
    contigs = contigs_of(bases(5000), bases(2000))
    assert whole_genomes(contigs, markers(contigs, (20, 0), (0, 0)), least_bp=1000) == []


def test_contigs_with_most_genes_of_a_genome() -> None:
    """More than half of them, most of them once, on a contig that would be a bin, circular or not."""
    lengths = np.array([5000, 5000, 5000, 5000, 900])
    contigs = contigs_of(*(bases(length) for length in lengths))
    found = markers(contigs, (20, 0), (11, 1), (9, 0), (20, 3), (20, 0))
    assert most_of_genomes(lengths, found, least_bp=1000).tolist() == [0, 1]
    assert most_of_genomes(lengths[:0], found.select(np.arange(0)), least_bp=1000).tolist() == []


@pytest.mark.parametrize("told", [True, False], ids=["told", "by its ends"])
def test_a_circular_genome_of_4_mb_is_a_bin_and_a_plasmid_is_whole(told: bool, own_folder: Path) -> None:
    """The contigs of a genome of the demo, with 3.6 Mb of another in between, make the chromosome."""
    demo = fasta.read(DEMO / "contigs.fa.gz", min_length=1000)
    genome = read_labels(DEMO / "truth.tsv")
    first = genome[demo.names[0]]
    filler, plasmid = (
        simulate(species=1, genome_bp=(bp, bp + 1), contig_bp=10**8, spread=0, samples=1, seed=7).contigs.codes
        for bp in (3_600_000, 50_000)
    )
    parts = [demo[row] for row, name in enumerate(demo.names) if genome.get(name) == first]
    chromosome = np.concatenate([*parts, filler])
    overlap = chromosome[: 0 if told else 127]
    tag = b" circular=true" if told else b""
    with Path("contigs.fa").open("wb") as file:
        file.write(b">chromosome%s\n%s%s\n" % (tag, LETTERS[chromosome].tobytes(), LETTERS[overlap].tobytes()))
        file.write(b">plasmid circular=true\n%s\n" % LETTERS[plasmid].tobytes())
        for row, name in enumerate(demo.names):
            if genome.get(name) != first:
                file.write(b">%s\n%s\n" % (name.encode(), LETTERS[demo[row]].tobytes()))
    assert len(chromosome) > 3_990_000
    run(RunConfig(Path("contigs.fa"), out=own_folder / "out"))
    bin_of = dict(read_bins(own_folder / "out" / "contig2bin.tsv"))
    assert [name for name, found in bin_of.items() if found == bin_of["chromosome"]] == ["chromosome"]
    assert "near-complete" in (own_folder / "out" / "bins.tsv").read_text().splitlines()[1]
    lengths = [line.split("\t")[:2] for line in (own_folder / "out" / "contigs.tsv").read_text().splitlines()]
    assert ["plasmid", str(len(plasmid))] in lengths, "in a bin or in none, but in one piece"
    assert sum(name.startswith("plasmid") for name, _ in lengths) == 1
    in_bins = [dict(fasta.records(path)) for path in (own_folder / "out" / "bins").glob("*.fa")]
    assert all(len(records["plasmid"]) == len(plasmid) for records in in_bins if "plasmid" in records)
    assert len(set(bin_of.values())) >= 5, "the other genomes have bins of theirs"
