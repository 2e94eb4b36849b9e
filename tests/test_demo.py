"""The data set that ships with the repository is what its command makes, and small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pysam
import pytest

from benchmarks import simulate
from benchmarks.simulate import Metagenome
from binner import fasta

DEMO = Path(__file__).parent.parent / "benchmarks" / "demo"


@pytest.fixture(scope="module")
def made() -> Metagenome:
    return simulate.demo(species=6, samples=3, seed=1)


def test_contigs(made: Metagenome) -> None:
    contigs = fasta.read(DEMO / "contigs.fa.gz")
    assert contigs.names == made.contigs.names
    assert contigs.digest == made.contigs.digest


def test_truth(made: Metagenome) -> None:
    rows = [line.split("\t") for line in (DEMO / "truth.tsv").read_text().splitlines()]
    contigs = made.contigs
    expected = {
        name: (f"genome_{genome + 1}", str(length))
        for name, genome, length in zip(contigs.names, made.genome, contigs.lengths, strict=True)
        if genome >= 0
    }
    assert {name: (genome, length) for name, genome, length in rows} == expected


def test_reads(made: Metagenome) -> None:
    for index, sample in enumerate(made.samples):
        counts = np.zeros(len(made.contigs), np.int64)
        with pysam.AlignmentFile(str(DEMO / f"{sample}.bam")) as file:
            for read in file:
                if not read.is_unmapped:
                    counts[read.reference_id] += 1
        np.testing.assert_array_equal(counts, made.reads[:, index])


def test_it_is_small_and_whole() -> None:
    files = sorted(path.name for path in DEMO.iterdir())
    assert files == ["README.md", "S1.bam", "S2.bam", "S3.bam", "contigs.fa.gz", "truth.tsv"]
    assert sum(path.stat().st_size for path in DEMO.iterdir()) < 3_000_000


def test_the_command_writes_such_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    simulate.main([str(tmp_path / "out"), "--species", "1", "--samples", "1", "--seed", "3"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["S1.bam", "contigs.fa.gz", "truth.tsv"]
    contigs = fasta.read(tmp_path / "out" / "contigs.fa.gz")
    assert f"{len(contigs)} contigs of 1 genomes, {len(contigs.codes)} bp" in capsys.readouterr().out
