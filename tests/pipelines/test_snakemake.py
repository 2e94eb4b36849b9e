"""The Snakemake workflow: for real on the demo and, if asked, on SLURM; what needs other programs by dry-run."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from snakemake.exceptions import WorkflowError

from binner import fasta
from binner.data import Contigs
from tests.pipelines.demo import BAMS, CONTIGS, GENOMES, PIPELINES, bins, demo_rows, environment, write_sheet

WORKFLOW = PIPELINES / "snakemake"
READ, INSERT, DEPTH = 150, 400, 6  # bp, bp, mean depth


@pytest.fixture
def folder(own_folder: Path) -> Path:
    write_sheet(own_folder / "samples.csv", demo_rows())
    return own_folder


def snakemake(*args: str, timeout: float = 300, **config: Any) -> subprocess.CompletedProcess[str]:
    """What `snakemake ARGS` does in the working folder, with this configuration."""
    Path("config.json").write_text(json.dumps(config))
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(WORKFLOW / "workflow" / "Snakefile"), *args]
    return subprocess.run(
        [*command, "--configfile", "config.json"],
        env=environment(Path.cwd()),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def locally(*args: str, **config: Any) -> str:
    """All that it says on this machine, where it must succeed."""
    done = snakemake("--profile", str(WORKFLOW / "profiles" / "local"), "--cores", "2", *args, **config)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_lint(folder: Path) -> None:
    done = snakemake("--lint")
    assert done.returncode == 0, done.stdout + done.stderr


def test_format() -> None:
    command = [sys.executable, "-m", "snakefmt", "--check", "--line-length", "120", str(WORKFLOW)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_the_demo(folder: Path, alone: set[frozenset[str]]) -> None:
    """Alignments to bins, the embedding in two shards: the same bins as by one command."""
    said = locally(embed={"shards": 2})
    assert said.count("rule coverage:") == len(BAMS)
    assert said.count("rule embed:") == 2
    found = bins(folder / "results" / "bins" / "demo")
    assert len(found) == GENOMES
    assert all(name.startswith("demo_bin_") for name in found)
    assert set(found.values()) == alone
    header = (folder / "results" / "bins" / "demo" / "bins.tsv").read_text().split("\n", 1)[0]
    assert header.split("\t")[-3:] == ["depth:S1", "depth:S2", "depth:S3"]
    assert "demo_bin_6" in (folder / "results" / "bins" / "demo" / "report.html").read_text()
    assert "Nothing to be done" in locally(embed={"shards": 2})


@pytest.mark.parametrize(("tool", "form"), [("minimap2", "bam"), ("strobealign", "cram"), ("strobealign_aemb", "bam")])
def test_plans_of_mapping(tool: str, form: str, folder: Path) -> None:
    """Reads of one sample, alignments of another: each goes the way that it can."""
    for name in ("a_1.fq.gz", "a_2.fq.gz"):
        (folder / name).touch()
    reads = {"sample": "a", "reads_1": "a_1.fq.gz", "reads_2": "a_2.fq.gz"}
    write_sheet(folder / "samples.csv", [*demo_rows(), {"assembly": "demo", "contigs": str(CONTIGS), **reads}])
    plan = locally("--dry-run", mapping={"tool": tool, "format": form})
    aemb = tool == "strobealign_aemb"
    assert ("strobealign --aemb -t 2" in plan) == aemb
    assert ("--abundance results/abundance/demo/a.tsv" in plan) == aemb
    assert (f"-b results/alignments/{tool}/demo/a.{form}" in plan) == (not aemb)
    assert ("--reference results/reference/demo.fa" in plan) == (form == "cram" and not aemb)
    assert plan.count("rule coverage:") == len(BAMS) + (not aemb)


def test_contigs_alone_and_several_assemblies(folder: Path) -> None:
    write_sheet(folder / "samples.csv", [*demo_rows(), {"assembly": "other", "contigs": str(CONTIGS)}])
    plan = locally("--dry-run")
    assert "rule quality:" not in plan
    runs = [line for line in plan.splitlines() if "binner run " in line]
    assert sorted("--depth" in line for line in runs) == [False, True]


def test_quality(folder: Path) -> None:
    """CheckM2 between bins and report, as a job of its own."""
    plan = locally("--dry-run", quality="checkm2")
    jobs = re.findall(r"rule (\w+):", plan)
    assert jobs.count("quality") == 1
    assert "binner quality results/bins/demo --with checkm2 -t 2 --max-memory 48000M" in plan


def test_node_classes(folder: Path) -> None:
    """With a language model on GPU nodes, the embedding and nothing else asks for one."""
    classes = {"gpu": {"gpu": 1, "slurm_partition": "fast"}, "cpu": {"slurm_partition": "many"}}
    embed = {"encoder": "model", "node_class": "gpu", "shards": 3}
    plan = locally("--dry-run", embed=embed, node_classes=classes)
    jobs = [job for job in plan.split("\n\n") if "resources:" in job]
    on_gpu = [job for job in jobs if "gpu=1" in job]
    assert len(on_gpu) == 3
    assert all("slurm_partition=fast" in job and "--device cuda" in job for job in on_gpu)
    assert sum("slurm_partition=many" in job for job in jobs) == len(BAMS) + 2  # and bins and their report
    assert all(f"--shard {number}/3" in plan for number in (1, 2, 3))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "an empty sample sheet"),
        ([{"assembly": "a"}], "line 2: .*'contigs' is a required property"),
        ([{"assembly": "a b", "contigs": "c"}], "line 2: .*'a b' does not match"),
        ([{"assembly": "a", "contigs": "c", "sample": "s"}], "line 2: a sample has reads or a BAM"),
        ([{"assembly": "a", "contigs": "c", "bam": "x.bam"}], "line 2: a sample has reads or a BAM"),
        ([{"assembly": "a", "contigs": "c", "sample": "s", "reads_2": "r"}], "line 2: reads that are not in pairs"),
        ([{"assembly": "a", "contigs": "c"}, {"assembly": "a", "contigs": "d"}], "line 3: assembly a has other"),
        ([{"assembly": "a", "contigs": "c", "sample": "s", "bam": "x.bam"}] * 2, "line 3: sample s of assembly a ag"),
    ],
)
def test_sheets_that_cannot_be(rows: list[dict[str, str]], message: str, tmp_path: Path) -> None:
    sheet = write_sheet(tmp_path / "samples.csv", rows)
    names: dict[str, Any] = {}
    exec((WORKFLOW / "workflow" / "rules" / "sheet.smk").read_text(), names)
    with pytest.raises(WorkflowError, match=rf"(?s)samples\.csv(, |: ){message}"):
        names["read_sheet"](sheet, str(WORKFLOW / "workflow" / "schemas" / "samples.schema.yaml"))


def test_settings_that_cannot_be(folder: Path) -> None:
    done = snakemake("--dry-run", "--cores", "1", samples="none.csv")
    assert done.returncode == 1
    assert "none.csv: there is no such sample sheet" in done.stdout + done.stderr
    done = snakemake("--dry-run", "--cores", "1", mapping={"tool": "bwa"})
    assert "'bwa' is not one of" in done.stdout + done.stderr


def write_reads(folder: Path, *, seed: int) -> tuple[Path, Contigs]:
    """Some contigs of the demo, and pairs of reads drawn evenly from them, without errors."""
    rng = np.random.default_rng(seed)
    records = [(name, text) for name, text in fasta.records(CONTIGS) if len(text) >= 2000][:12]
    contigs = folder / "some.fa.gz"
    with gzip.open(contigs, "wb") as out:
        out.write(b"".join(b">%b\n%b\n" % (name.encode(), text) for name, text in records))
    pairs: list[tuple[bytes, bytes]] = []
    for _, text in records:
        starts = rng.integers(0, len(text) - INSERT, DEPTH * len(text) // (2 * READ))
        pairs += [(text[i : i + READ], reverse(text[i + INSERT - READ : i + INSERT])) for i in starts]
    for number in (0, 1):
        with gzip.open(folder / f"a_{number + 1}.fq.gz", "wb") as out:
            for index, pair in enumerate(pairs):
                out.write(b"@r%d\n%b\n+\n%b\n" % (index, pair[number], b"I" * READ))
    return contigs, fasta.read(contigs)


def reverse(text: bytes) -> bytes:
    """The other strand."""
    return text.translate(bytes.maketrans(b"ACGT", b"TGCA"))[::-1]


@pytest.mark.skipif(not (shutil.which("minimap2") and shutil.which("samtools")), reason="needs minimap2 and samtools")
def test_reads_are_mapped(folder: Path) -> None:
    """Reads drawn evenly have the depth with which they were drawn, by BAM and by CRAM."""
    contigs, found = write_reads(folder, seed=1)
    reads = {"reads_1": "a_1.fq.gz", "reads_2": "a_2.fq.gz"}
    write_sheet(folder / "samples.csv", [{"assembly": "x", "contigs": str(contigs), "sample": "a", **reads}])
    tables = []
    for form in ("bam", "cram"):
        table = "results/depth/x/a.tsv"
        locally(table, mapping={"format": form})
        assert Path(f"results/alignments/minimap2/x/a.{form}").is_file()
        tables.append(Path(table).read_text())
    depth = {line.split("\t")[0]: float(line.split("\t")[3]) for line in tables[0].splitlines()[1:]}
    assert set(depth) == set(found.names)
    np.testing.assert_allclose(list(depth.values()), DEPTH, rtol=0.25)
    assert tables[0] == tables[1]


def has_slurm() -> bool:
    """Whether a SLURM answers, as after hpc/one_node_slurm.sh start."""
    if shutil.which("sinfo") is None:
        return False
    done = subprocess.run(["sinfo", "-h", "-o", "%t"], capture_output=True, text=True, timeout=30, check=False)
    return done.returncode == 0 and bool(done.stdout.strip())


@pytest.mark.slow
@pytest.mark.skipif(not has_slurm(), reason="needs a SLURM that answers")
def test_the_demo_on_slurm(folder: Path, alone: set[frozenset[str]]) -> None:
    """The profile's jobs go through sbatch, shards and samples as arrays; bins are those of one command."""
    small = ["--set-threads", "embed=1", "coverage=1", "bin=2", "--default-resources", "mem_mb=1000", "runtime=10"]
    site = ["--slurm-no-account", "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "2"]
    profile = ["--profile", str(WORKFLOW / "profiles" / "slurm"), "--latency-wait", "10"]
    done = snakemake(*profile, *small, *site, timeout=900, embed={"shards": 2})
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "Submitted array job" in said  # the shards: they are ready together
    assert set(bins(folder / "results" / "bins" / "demo").values()) == alone
