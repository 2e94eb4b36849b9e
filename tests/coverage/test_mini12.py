"""The reads of mini12: what jgi measured on them, from the CRAMs and from the BAMs made of them, and at what cost."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage

import numpy as np
import pysam
import pytest

from binner import coverage, fasta
from binner.data import F32, Contigs

DATA = Path(__file__).parents[3] / "shared" / "data" / "dev" / "mini12"
FASTA = DATA / "contigs.fa.gz"
SAMPLES = ("S0", "S1")

pytestmark = pytest.mark.benchmark


@pytest.fixture(scope="module")
def contigs() -> Contigs:
    return fasta.read(FASTA)


@pytest.fixture(scope="module")
def bams(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("mini12")
    reference = folder / "contigs.fa"
    reference.write_bytes(b"".join(b">%s\n%s\n" % (name.encode(), text) for name, text in fasta.records(FASTA)))
    made = [folder / f"{sample}.bam" for sample in SAMPLES]
    for bam in made:
        command = ("-b", "-T", str(reference), "-o", str(bam), str(DATA / f"{bam.stem}.cram"))
        pysam.samtools.view(*command, catch_stdout=False)
    return made


def measured(contigs: Contigs, *paths: Path) -> tuple[F32, F32]:
    found = coverage.read(contigs, bams=paths, reference=FASTA, threads=2)
    assert found is not None
    return found.mean, found.variance


def test_equals_jgi(contigs: Contigs, bams: list[Path]) -> None:
    theirs = coverage.read(contigs, depth=[DATA / "depth.jgi.txt.gz"])
    assert theirs is not None
    assert theirs.samples[:2] == ("S0.bam", "S1.bam")
    mean, variance = measured(contigs, *bams)
    for ours, expected in ((mean, theirs.mean[:, :2]), (variance, theirs.variance[:, :2])):
        assert (np.abs(ours - expected) <= 1e-3 * np.maximum(expected, 1)).all()
    of_crams = measured(contigs, *(DATA / f"{sample}.cram" for sample in SAMPLES))
    np.testing.assert_array_equal(of_crams[0], mean)
    np.testing.assert_array_equal(of_crams[1], variance)


@pytest.mark.skipif(shutil.which("jgi_summarize_bam_contig_depths") is None, reason="needs MetaBAT's jgi")
def test_takes_no_more_cpu_time_than_jgi(bams: list[Path], tmp_path: Path) -> None:
    files = [str(bam) for bam in bams]
    table = str(tmp_path / "depth.tsv")
    ours = [sys.executable, "-m", "binner", "coverage", str(FASTA), "-o", table, "-b", *files]
    theirs = ["jgi_summarize_bam_contig_depths", "--outputDepth", table, *files]

    def seconds(command: list[str]) -> float:
        before = getrusage(RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True)
        after = getrusage(RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    seconds(ours)  # compiles, once for each machine
    rounds = [(seconds(ours), seconds(theirs)) for _ in range(5)]
    assert np.median([of[0] for of in rounds]) <= np.median([of[1] for of in rounds]), rounds
