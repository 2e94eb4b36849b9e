"""The benchmark of `--split-chimeras`: what is joined, and what is counted of it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from benchmarks import chimeras
from benchmarks.files import write_bam, write_contigs, write_truth
from benchmarks.multi import write_fasta
from benchmarks.simulate import Metagenome, simulate
from binner import coverage
from binner.coverage import write_jgi
from binner.data import Contigs
from binner.evaluate.tables import Pairs
from tests.assemblies import contigs_of


@pytest.fixture
def made(tmp_path: Path) -> Metagenome:
    """A set of four genomes and two samples, as the benchmark has it."""
    made = simulate(species=4, genome_bp=(100_000, 120_000), contig_bp=10_000, samples=2, related=False, depth=8)
    folder = tmp_path / "set"
    folder.mkdir()
    write_contigs(made.contigs, folder / "contigs.fa.gz", seed=1)
    write_truth(made.contigs, made.genome, made.genomes, folder / "truth.tsv")
    write_jgi(tmp_path / "depth", made.contigs, made.coverage)
    (folder / "depth.jgi.txt.gz").write_bytes(gzip.compress((tmp_path / "depth").read_bytes()))
    return made


def test_pairs_of_different_genomes_are_joined(made: Metagenome) -> None:
    key = [str(genome) for genome in made.genome.tolist()]
    joined = chimeras.join(made.contigs, key, 5, np.random.default_rng(1))
    assert sorted(row for part in joined.parts for row in part) == list(range(len(made.contigs)))
    pairs = [part for part in joined.parts if len(part) > 1]
    assert len(pairs) == 5
    assert all(key[first] != key[second] for first, second in pairs)
    for row, part in enumerate(joined.parts):
        assert joined.contigs[row].tobytes() == b"".join(made.contigs[each].tobytes() for each in part)
        assert joined.join(row, made.contigs) == (made.contigs.lengths[part[0]] if len(part) > 1 else 0)
    alike = chimeras.join(made.contigs, ["x"] * len(made.contigs), 5, np.random.default_rng(1))
    assert alike.contigs.digest == made.contigs.digest, "there is no pair to join"


def test_reads_move_along(made: Metagenome, tmp_path: Path) -> None:
    key = [str(genome) for genome in made.genome.tolist()]
    joined = chimeras.join(made.contigs, key, 5, np.random.default_rng(1))
    write_bam(made.contigs, made.reads[:, 0], tmp_path / "S1.bam", read_bp=100, seed=1)
    moved = chimeras.move_reads(tmp_path / "S1.bam", made.contigs, joined, tmp_path / "set")
    before, after = (
        coverage.read(contigs, bams=[path])
        for contigs, path in ((made.contigs, tmp_path / "S1.bam"), (joined.contigs, moved))
    )
    assert before is not None
    assert after is not None
    lengths = made.contigs.lengths
    for row, part in enumerate(joined.parts):
        expected = np.average(before.mean[list(part), 0], weights=lengths[list(part)])
        assert after.mean[row, 0] == pytest.approx(expected, rel=0 if len(part) == 1 else 0.15)


def test_stretches_of_one_genome_are_scored() -> None:
    """Cuts beside the join, a piece that is in no bin, and a contig of no genome."""
    whole = contigs_of(*(np.zeros(length, np.uint8) for length in (100, 60, 40, 10)))
    codes = np.concatenate([whole[0], whole[1], whole[2], whole[3]])
    joined = chimeras.Joined(Contigs(("c0+c1", "c2", "c3"), codes, np.array([0, 160, 200, 210])), ((0, 1), (2,), (3,)))
    pairs: Pairs = [("c0+c1:1-90", "a"), ("c0+c1:91-130", "b"), ("c2", "a"), ("c3", "a")]
    truth, placed = chimeras._by_parts(whole, joined, ["g", "h", "g", ""], pairs)
    found = {name: (origin.genomes, origin.length) for name, origin in truth.items()}
    assert found == {
        "c0:0": (("g",), 90),
        "c0:90": (("g",), 10),
        "c1:90": (("h",), 30),
        "c1": (("h",), 30),
        "c2:0": (("g",), 40),
    }
    assert dict(placed) == {"c0:0": "a", "c0:90": "b", "c1:90": "b", "c2:0": "a", "c3:0": "a"}


def test_both_ways_are_printed(
    made: Metagenome, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_binner(arguments: list[str], out: Path) -> Pairs:
        assert "--depth" in arguments
        out.mkdir()
        joined = [text.split()[0][1:] for text in Path(arguments[0]).read_text().split("\n") if "+" in text]
        if "--split-chimeras" not in arguments:
            return [(name, "bin_1") for name in joined]
        first = joined[0].partition("+")[0]
        at = int(made.contigs.lengths[made.contigs.names.index(first)])
        (out / "chimeras.tsv").write_text(
            f"contig\tposition\tlog_ratio\n{joined[0]}\t{at + 900}\t9\n{joined[1]}\t1\t9\n"
        )
        return [(f"{joined[0]}:1-{at + 900}", "bin_1")]

    monkeypatch.setattr(chimeras, "run_binner", run_binner)
    keep = ["--keep", str(tmp_path / "keep")]
    chimeras.main(["pay", str(tmp_path / "set"), "--share", "0.1", "--samples", "2", "--seeds", "3", *keep])
    whole, split = capsys.readouterr().out.splitlines()
    assert whole == "set-3 whole: 0 near-complete, 0 medium"
    joins = round(0.1 * (made.contigs.lengths >= 1000).sum())
    assert split.startswith(f"set-3 split: 0 near-complete, 0 medium, 1 of {joins} joins found (")
    assert split.endswith(" are long enough), 1 cuts elsewhere, in 0 contigs without a join")


def test_calibration_and_counts(made: Metagenome, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = ["genome\tspecies_cluster\tgenus_cluster"]
    (tmp_path / "genomes").mkdir()
    for genome in range(len(made.genomes)):
        table.append(f"g{genome}\ts{genome}\tx{genome}")
        write_fasta(made.contigs.select(np.flatnonzero(made.genome == genome)), tmp_path / f"genomes/g{genome}.fa")
    (tmp_path / "genomes.tsv").write_text("\n".join(table) + "\n")
    chimeras.main(["calibrate", str(tmp_path)])
    first, *others = capsys.readouterr().out.splitlines()
    of_genomes = made.contigs.lengths[made.genome >= 0]
    assert np.sum(of_genomes >= 6500) <= int(first.split()[0]) <= np.sum(of_genomes >= 5000)
    assert "1 in 1,000 is above" in first
    assert [line.split(" bp: ")[0].rpartition(" ")[2] for line in others] == ["0", "10000", "20000"]
    chimeras.main(["count", str(tmp_path), "--sets", "set"])
    assert capsys.readouterr().out.startswith("set: ")
