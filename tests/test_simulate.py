"""The generator of metagenomes: the same by seed, true to its truth, and good enough for gene callers and profiles."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pyrodigal
import pysam
import pytest

from benchmarks import genomes, simulate
from benchmarks.files import write_bam, write_contigs, write_truth
from benchmarks.profiles import Profiles, planted_profiles
from benchmarks.simulate import READ_BP, Metagenome
from binner import fasta
from binner.data import F64, U8
from binner.markers import profiles

DEMO = Path(__file__).parent.parent / "benchmarks" / "demo"


def made_up_profiles() -> Profiles:
    """Three proteins, each site of which is one amino acid."""
    rng = np.random.default_rng(9)
    proteins = [np.eye(20, dtype=np.float32)[rng.integers(0, 20, length)] for length in (120, 300, 500)]
    return Profiles(("set:a", "set:b", "set:c"), tuple(proteins))


@pytest.fixture(scope="module")
def metagenome() -> Metagenome:
    return simulate.simulate(species=4, genome_bp=(90_000, 110_000), profiles=made_up_profiles(), odd=True, seed=5)


def text(codes: U8) -> bytes:
    return np.frombuffer(b"ACGTN", np.uint8)[codes].tobytes()


def test_the_seed_decides(metagenome: Metagenome) -> None:
    profiles = made_up_profiles()
    again = simulate.simulate(species=4, genome_bp=(90_000, 110_000), profiles=profiles, odd=True, seed=5)
    other = simulate.simulate(species=4, genome_bp=(90_000, 110_000), profiles=profiles, odd=True, seed=6)
    assert again.contigs.digest == metagenome.contigs.digest
    np.testing.assert_array_equal(again.reads, metagenome.reads)
    np.testing.assert_array_equal(again.genome, metagenome.genome)
    assert other.contigs.digest != metagenome.contigs.digest


def test_contigs_add_up_to_genomes(metagenome: Metagenome) -> None:
    sizes = [int(metagenome.contigs.lengths[metagenome.genome == g].sum()) for g in range(4)]
    assert all(80_000 < size < 130_000 for size in sizes)
    assert (metagenome.genome == -1).sum() == 3
    odd = [metagenome.contigs[row] for row in np.flatnonzero(metagenome.genome == -1).tolist()]
    assert sorted(len(codes) for codes in odd) == [180, 1500, 2500]
    assert sum((codes == 4).all() for codes in odd) == 1
    assert not (np.diff(metagenome.genome) == 0).all()  # in random order
    with_gap = [row for row in range(len(metagenome.contigs)) if 0 < (metagenome.contigs[row] == 4).mean() < 1]
    assert with_gap


def test_markers_are_planted_once_in_each_genome(metagenome: Metagenome) -> None:
    assert metagenome.markers.genes == ("set:a", "set:b", "set:c")
    for g in range(4):
        total = metagenome.markers.counts[metagenome.genome == g].sum(0)
        assert (total <= 1).all()
        assert total.sum() >= 1  # the others are cut by the end of a contig
    assert metagenome.markers.counts[metagenome.genome == -1].sum() == 0


def test_planted_proteins_can_be_read_off(metagenome: Metagenome) -> None:
    """Where the table says a marker lies whole, the contig encodes the profile's protein, on one of its strands."""
    letters = "".join(genomes.AMINO_ACIDS[a] for a in made_up_profiles().emissions[1].argmax(1))
    planted = (metagenome.markers.counts[:, 1] > 0) & (metagenome.genome != 1)  # the relative's proteins have changed
    row = int(np.flatnonzero(planted)[0])
    codes = metagenome.contigs[row]
    frames = []
    for strand, shift in itertools.product((codes, np.where(codes < 4, 3 - codes, 4)[::-1]), range(3)):
        triplets = strand[shift : shift + (len(strand) - shift) // 3 * 3].reshape(-1, 3).astype(int)
        known = (triplets < 4).all(1)
        codons = np.where(known, (triplets * [16, 4, 1]).sum(1) % 64, 48)
        frames.append("".join(genomes.AMINO_ACID_OF_CODON[codon] for codon in codons))
    assert sum(letters in frame for frame in frames) == 1


@pytest.mark.parametrize("gc", [0.32, 0.5, 0.66])
def test_pyrodigal_finds_the_genes(gc: float) -> None:
    rng = np.random.default_rng(int(gc * 100))
    species = genomes.draw_species(gc, rng)
    genome = genomes.build(genomes.draw_genes(species, rng, total=120_000), species, rng)
    assert abs(((genome.codes == 1) | (genome.codes == 2)).mean() - gc) < 0.08
    found = pyrodigal.GeneFinder(meta=True).find_genes(text(genome.codes))
    proteins = {gene.translate().rstrip("*")[1:] for gene in found}
    planted = ["".join(genomes.AMINO_ACID_OF_CODON[c] for c in gene.codons[1:-1]) for gene in genome.genes]
    ends = {protein[-30:] for protein in proteins}  # the start may be called elsewhere
    assert np.mean([protein[-30:] in ends for protein in planted]) > 0.95
    assert len(found) < 1.1 * len(planted)
    coding = sum(len(gene.codons) * 3 for gene in genome.genes) / len(genome.codes)
    assert 0.8 < coding < 0.95


def tetramers(codes: U8) -> F64:
    words = np.convolve(codes.astype(int), [64, 16, 4, 1], "valid")
    share: F64 = np.bincount(words, minlength=256) / len(words)
    return share


def test_relatives_are_close(metagenome: Metagenome) -> None:
    clean = metagenome.contigs.codes[metagenome.contigs.codes < 4]
    assert len(clean) > 300_000
    means = []
    for g in range(4):
        codes = np.concatenate([metagenome.contigs[row] for row in np.flatnonzero(metagenome.genome == g).tolist()])
        means.append((tetramers(codes[codes < 4]) + tetramers(3 - codes[codes < 4][::-1])) / 2)
    distance = {(a, b): float(np.abs(means[a] - means[b]).sum()) for a, b in itertools.combinations(range(4), 2)}
    assert min(distance, key=lambda pair: distance[pair]) == (0, 1)
    assert 3 * distance[0, 1] < min(d for pair, d in distance.items() if pair != (0, 1))


def test_depth_is_that_of_the_genomes(metagenome: Metagenome) -> None:
    coverage, lengths = metagenome.coverage, metagenome.contigs.lengths
    assert coverage.samples == ("S1", "S2", "S3")
    long = lengths > 3000
    for g in range(4):
        mine = (metagenome.genome == g) & long
        mean = np.average(coverage.mean[mine], axis=0, weights=lengths[mine])
        error = np.sqrt(mean * READ_BP / lengths[mine, None]) + 0.15 * mean + 0.05  # counting, and what contigs add
        assert (np.abs(coverage.mean[mine] - mean) < 4 * error).all()
    assert coverage.mean[lengths < READ_BP].sum() == 0


@pytest.mark.parametrize(
    ("species", "genome_bp", "contig_bp", "spread", "count"),
    [(1, 1_000_000, 10_000_000, 0.0, 1), (2, 3_000, 100_000, 0.0, 2), (10, 100_000, 1_000, 0.0, 1000)],
)
def test_shapes(species: int, genome_bp: int, contig_bp: int, spread: float, count: int) -> None:
    made = simulate.simulate(
        species=species, genome_bp=(genome_bp, genome_bp), contig_bp=contig_bp, spread=spread, samples=50
    )
    assert made.reads.shape == (len(made.contigs), 50)
    assert abs(len(made.contigs) - count) <= 0.15 * count
    assert len(made.contigs.codes) == pytest.approx(species * genome_bp, rel=0.15)
    assert made.coverage.mean.shape == (len(made.contigs), 50)


def test_no_species() -> None:
    made = simulate.simulate(species=0)
    assert len(made.contigs) == 0
    assert made.coverage.mean.shape == (0, 3)


def test_files(metagenome: Metagenome, tmp_path: Path) -> None:
    contigs = metagenome.contigs
    write_contigs(contigs, tmp_path / "contigs.fa.gz", seed=1)
    read = fasta.read(tmp_path / "contigs.fa.gz")
    assert read.digest == contigs.digest
    raw = b"".join(sequence for _, sequence in fasta.records(tmp_path / "contigs.fa.gz"))
    assert set(raw) == set(b"ACGTacgtNR")

    write_truth(contigs, metagenome.genome, metagenome.genomes, tmp_path / "truth.tsv")
    rows = [line.split("\t") for line in (tmp_path / "truth.tsv").read_text().splitlines()]
    assert len(rows) == (metagenome.genome >= 0).sum()
    assert all(int(length) == contigs.lengths[contigs.names.index(name)] for name, _, length in rows)

    write_bam(contigs, metagenome.reads[:, 0], tmp_path / "S1.bam", read_bp=READ_BP, seed=1)
    places, counts, spans = [], np.zeros(len(contigs), int), set()
    kinds = {"plain": 0, "distant": 0, "flagged": 0, "unmapped": 0}
    with pysam.AlignmentFile(str(tmp_path / "S1.bam")) as file:
        assert file.references == contigs.names
        for read_ in file:
            if read_.is_unmapped:
                kinds["unmapped"] += 1
                continue
            counts[read_.reference_id] += 1
            places.append((read_.reference_id, read_.reference_start))
            assert read_.reference_end is not None
            assert read_.reference_end <= contigs.lengths[read_.reference_id]
            spans.add(read_.reference_end - read_.reference_start)
            flagged = read_.is_secondary or read_.is_duplicate
            kinds[
                "flagged" if flagged else "distant" if float(str(read_.get_tag("NM"))) > 0.03 * READ_BP else "plain"
            ] += 1
    assert places == sorted(places)
    np.testing.assert_array_equal(counts, metagenome.reads[:, 0])
    assert spans == {READ_BP, READ_BP - 30}
    assert kinds["plain"] > 0.93 * counts.sum()
    assert min(kinds.values()) > 0


def test_planted_profiles() -> None:
    planted = planted_profiles()
    sets = [name.partition(":")[0] for name in planted.names]
    assert sets.count("universal") >= 38
    assert sets.count("bacteria") >= 60
    assert len(set(planted.names)) == len(planted.names)
    assert set(planted.names) <= set(profiles.genes())
    for emissions in planted.emissions:
        assert emissions.shape[1] == 20
        np.testing.assert_allclose(emissions.sum(1), 1, atol=1e-3)
