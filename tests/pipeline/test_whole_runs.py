"""Whole runs with the real stages, from nothing at all to sizes that real assemblies have."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.files import write_bam
from benchmarks.simulate import Metagenome, simulate
from binner import fasta
from binner.config import CoverageConfig, RunConfig
from binner.coverage import write_jgi
from binner.data import Contigs, Coverage
from binner.pipeline.run import run
from binner.record import Summary
from tests.report import folder as report_page

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "benchmarks" / "demo"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def small() -> Metagenome:
    """Four species in three samples."""
    return simulate(species=4, genome_bp=(250_000, 300_000), related=False, odd=True, seed=2)


def write(contigs: Contigs, coverage: Coverage | None = None) -> RunConfig:
    """The files of an assembly, and what bins them in a second."""
    letters = np.frombuffer(b"ACGTN", np.uint8)
    with Path("contigs.fa").open("wb") as file:
        for row, name in enumerate(contigs.names):
            file.write(b">%s\n%s\n" % (name.encode(), letters[contigs[row]].tobytes()))
    if coverage is not None:
        write_jgi(Path("depth.tsv"), contigs, coverage)
    depth = (Path("depth.tsv"),) if coverage is not None else ()
    return RunConfig(Path("contigs.fa"), coverage=CoverageConfig(depth=depth), markers=False, min_bin_size=100_000)


def select(made: Metagenome, rows: npt.NDArray[np.int64]) -> tuple[Contigs, Coverage]:
    contigs = made.contigs.select(rows)
    whole = made.coverage
    return contigs, Coverage(whole.samples, whole.mean[rows], whole.variance[rows], contigs.names_digest)


def changed(config: RunConfig, **changes: Any) -> RunConfig:
    return RunConfig(**{name: getattr(config, name) for name in config.__slots__} | changes)


def table(path: Path) -> list[dict[str, str]]:
    head, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def check(config: RunConfig, summary: Summary) -> dict[str, str]:
    """Every table agrees with the bins' FASTA files and with the contigs; bins by the names of their contigs."""
    out = config.folder
    source = dict(fasta.records(config.contigs))
    held = {path.stem: dict(fasta.records(path)) for path in (out / "bins").glob("*.fa")}
    bin_of = {name: found for found, records in held.items() for name in records}
    assert len(bin_of) == sum(map(len, held.values())), "no contig is in two bins"
    assert all(source[name] == text for records in held.values() for name, text in records.items())
    assert dict(line.split("\t") for line in (out / "contig2bin.tsv").read_text().splitlines()) == bin_of
    bins = table(out / "bins.tsv")
    assert [row["bin"] for row in bins] == [f"{config.prefix}_{number}" for number in range(1, len(held) + 1)]
    for row in bins:
        assert int(row["bp"]) == sum(map(len, held[row["bin"]].values())) >= config.min_bin_size
        assert int(row["contigs"]) == len(held[row["bin"]])
    contigs = table(out / "contigs.tsv")
    assert {row["contig"]: int(row["length"]) for row in contigs} == {
        name: len(text) for name, text in source.items() if len(text) >= config.min_length
    }
    assert {row["contig"]: row["bin"] for row in contigs if row["bin"]} == bin_of
    for row in contigs:
        own, second = float(row["probability"]), float(row["second_probability"])
        assert min(own, second) >= 0 and own + second <= 1 + 1e-5
        assert (own > 0) == bool(row["bin"])
        assert (second > 0) == bool(row["second_bin"])
        assert row["second_bin"] in {"", *held} - ({row["bin"]} if row["bin"] else set())
    lines = (out / "cami.binning").read_text().split("\n\n")[1].splitlines()
    assert lines[0] == "@@SEQUENCEID\tBINID"
    assert dict(line.split("\t") for line in lines[1:]) == bin_of
    assert (summary.bins, summary.binned_contigs) == (len(held), len(bin_of))
    assert summary.binned_bp == sum(len(source[name]) for name in bin_of)
    assert json.loads((out / "run.json").read_text())["summary"]["bins"] == len(held)
    reported = [bin_["name"] for bin_ in json.loads(report_page.read(out / "report.html").data)]
    assert reported == [row["bin"] for row in bins]
    assert "it failed" not in (out / "report.html").read_text()
    return bin_of


def recovered(made: Metagenome, bin_of: dict[str, str], *, complete: float = 0.9, pure: float = 0.95) -> int:
    """Genomes of which so much lies in a bin that is so pure, by bp."""
    bp: Counter[tuple[str, int]] = Counter()
    for row, name in enumerate(made.contigs.names):
        if name in bin_of:
            bp[bin_of[name], int(made.genome[row])] += int(made.contigs.lengths[row])
    size: Counter[str] = Counter()
    for (found, _), length in bp.items():
        size[found] += length
    whole = np.bincount(made.genome[made.genome >= 0], made.contigs.lengths[made.genome >= 0])
    return sum(g >= 0 and n >= complete * whole[g] and n >= pure * size[found] for (found, g), n in bp.items())


@pytest.mark.parametrize("count", [0, 1, 2, 10, 100])
@pytest.mark.parametrize("covered", [True, False], ids=["covered", "contigs alone"])
def test_few_contigs(count: int, covered: bool, small: Metagenome) -> None:
    long = np.flatnonzero(small.contigs.lengths >= 1000)[:count]
    short = np.flatnonzero(small.contigs.lengths < 1000)[:1]  # so that there is a file at all
    contigs, coverage = select(small, np.concatenate([long, short]))
    config = changed(write(contigs, coverage if covered else None), markers=count <= 10)
    summary = run(config)
    assert summary.contigs == count
    check(config, summary)


def test_one_genome_in_one_contig_is_a_bin() -> None:
    made = simulate(species=1, genome_bp=(400_000, 400_001), contig_bp=10**6, spread=0, samples=1)
    config = write(made.contigs, made.coverage)
    assert len(check(config, run(config))) == 1


@pytest.mark.parametrize("samples", [1, 50])
def test_samples(samples: int) -> None:
    made = simulate(species=4, genome_bp=(250_000, 300_000), related=False, samples=samples, seed=3)
    config = write(made.contigs, made.coverage)
    summary = run(config)
    bin_of = check(config, summary)
    assert recovered(made, bin_of) >= 3
    assert sum(name.startswith("depth:") for name in table(config.folder / "bins.tsv")[0]) == samples


def test_chimeras_are_split(small: Metagenome) -> None:
    """Two contigs of two genomes end to end are cut there; all files agree on the pieces, which have own depths."""
    lengths = small.contigs.lengths
    first, second = (max(np.flatnonzero(small.genome == genome), key=lengths.__getitem__) for genome in (0, 2))
    rest = np.setdiff1d(np.flatnonzero(lengths >= 1000), [first, second])
    parts = small.contigs.select(np.array([first, second, *rest]))
    contigs = Contigs(("joined", *parts.names[2:]), parts.codes, np.delete(parts.offsets, 1))
    config = write(contigs)
    reads = np.concatenate([[40 * int(lengths[first] + lengths[second]) // 100], small.reads[rest, 0] * 2])
    write_bam(contigs, reads, Path("S1.bam"), read_bp=100, seed=1)
    config = changed(config, coverage=CoverageConfig(bams=(Path("S1.bam"),)), out=Path("out"))
    whole = run(config)
    assert whole.split is None
    assert "split" not in str(whole)
    before = table(Path("out/contigs.tsv"))
    assert before[0]["contig"] == "joined"
    split = run(changed(config, split_chimeras=True))
    cuts = {row["contig"]: int(row["position"]) for row in table(Path("out/chimeras.tsv"))}
    assert split.split == len(cuts) <= 2
    assert f"{split.split} contig" in str(split)
    assert json.loads(Path("out/run.json").read_text())["summary"]["split"] == split.split
    assert abs(cuts["joined"] - lengths[first]) <= 1000
    rows = {row["contig"]: row for row in table(Path("out/contigs.tsv"))}
    pieces = [f"joined:1-{cuts['joined']}", f"joined:{cuts['joined'] + 1}-{contigs.lengths[0]}"]
    assert sum(int(rows[name]["length"]) for name in pieces) == contigs.lengths[0]
    depths = {name: float(rows[name]["depth:S1"]) for name in pieces}
    assert all(depth == pytest.approx(float(before[0]["depth:S1"]), rel=0.1) for depth in depths.values())
    assert len(set(depths.values())) == 2
    assert next(rows[name] for name in rows if ":" not in name)["depth:S1"] == before[1]["depth:S1"]
    source = dict(fasta.records(config.contigs))
    for path in Path("out/bins").glob("*.fa"):
        for name, text in fasta.records(path):
            contig, _, span = name.partition(":")
            start, stop = map(int, span.split("-")) if span else (1, len(source[contig]))
            assert text == source[contig][start - 1 : stop]
            assert rows[name]["bin"] == path.stem
    run(config)
    assert table(Path("out/contigs.tsv")) == before
    assert not Path("out/chimeras.tsv").exists()


def test_a_contig_of_10_mb(small: Metagenome) -> None:
    rng = np.random.default_rng(1)
    codes = np.concatenate([small.contigs.codes, rng.integers(0, 4, 10**7, np.uint8)])
    contigs = Contigs((*small.contigs.names, "long"), codes, np.append(small.contigs.offsets, len(codes)))
    config = write(contigs)
    assert "long" in check(config, run(config))


def test_ten_thousand_contigs_of_1000_bp() -> None:
    made = simulate(species=20, genome_bp=(560_000, 570_000), contig_bp=1000, spread=0, samples=3, seed=4)
    rows = np.flatnonzero(made.contigs.lengths == 1000)[:10_000]
    assert len(rows) == 10_000
    config = write(*select(made, rows))
    summary = run(config)
    check(config, summary)
    assert summary.bins > 0


def test_further_candidates_join_the_choice(small: Metagenome) -> None:
    config = write(small.contigs, small.coverage)
    more = changed(config, also=("tree", "split", "merge"), out=Path("more"))
    assert recovered(small, check(more, run(more))) == 4
    stages = [stage["name"] for stage in json.loads(Path("more/run.json").read_text())["stages"]]
    assert stages.index("clustering") < stages.index("candidates") < stages.index("choice")


def test_left_over_contigs_are_recruited(small: Metagenome) -> None:
    config = write(small.contigs, small.coverage)
    plain = check(config, run(config))
    more = changed(config, recruit=True, out=Path("more"))
    grown = check(more, run(more))
    assert recovered(small, grown) == 4
    assert plain.keys() < grown.keys()
    chance = {row["contig"]: float(row["probability"]) for row in table(Path("more/contigs.tsv"))}
    assert all(chance[contig] > 0 for contig in grown)


def test_second_bins_are_of_the_same_assembly() -> None:
    """Of two assemblies of close relatives by their contigs alone: other bins are near."""
    made = simulate(species=3, genome_bp=(250_000, 300_000), contig_bp=2500, seed=4)
    config = write(made.contigs)
    lines = Path("contigs.fa").read_text().splitlines(keepends=True)
    files = [Path(f"{name}.fa") for name in "AB"]
    for number, file in enumerate(files):
        pairs = range(2 * number, len(lines), 4)
        file.write_text("".join(lines[at] + lines[at + 1] for at in pairs))
    many = changed(config, contigs=files[0], others=(files[1],), multi=True, min_bin_size=20_000, out=Path("out"))
    run(many)
    rows = table(Path("out/contigs.tsv"))
    own = {row["bin"]: row["contig"][0] for row in rows if row["bin"]}
    assert set(own.values()) == {"A", "B"}
    seconds = [(row["contig"][0], own[row["second_bin"]]) for row in rows if row["second_bin"]]
    assert {here for here, _ in seconds} == {"A", "B"}
    assert all(here == there for here, there in seconds)


def test_the_same_seed_gives_the_same_bins(small: Metagenome) -> None:
    config = write(small.contigs, small.coverage)
    run(config)
    run(changed(config, out=Path("again")))
    for name in ("contig2bin.tsv", "bins.tsv", "contigs.tsv"):
        assert (Path("again") / name).read_bytes() == (config.folder / name).read_bytes()


def test_a_run_on_kept_results_gives_the_same_bins(small: Metagenome) -> None:
    config = write(small.contigs, small.coverage)
    run(config)
    first = (config.folder / "contigs.tsv").read_bytes()
    run(config)
    stages = json.loads((config.folder / "run.json").read_text())["stages"]
    assert {"coverage", "embedding", "clustering"} <= {stage["name"] for stage in stages if stage["kept"]}
    assert (config.folder / "contigs.tsv").read_bytes() == first


def test_the_demo() -> None:
    """The first command of the README: alignments, marker genes and all."""
    bams = sorted(DEMO.glob("*.bam"))
    line = [sys.executable, "-m", "binner", "run", str(DEMO / "contigs.fa.gz"), "-b", *map(str, bams), "-t", "2"]
    done = subprocess.run(line, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    assert done.stderr.endswith("results in contigs_binner\n")
    assert "Finding marker genes: done" in done.stderr
    truth = {row[0]: row[1] for row in map(str.split, (DEMO / "truth.tsv").read_text().splitlines())}
    config = RunConfig(DEMO / "contigs.fa.gz")
    record = json.loads(Path("contigs_binner/run.json").read_text())["summary"]
    summary = Summary(**{**record, "out": Path(record["out"])})
    bin_of = check(config, summary)
    bins = table(Path("contigs_binner/bins.tsv"))
    assert len({(bin_of[name], genome) for name, genome in truth.items() if name in bin_of}) <= 1.5 * len(bins)
    assert sum(row["tier"] == "near-complete" for row in bins) == summary.near_complete
    assert summary.bins >= 5


def test_markers_among_all_genes_are_much_the_same() -> None:
    shown = []
    for all_genes in (False, True):
        run(RunConfig(DEMO / "contigs.fa.gz", all_genes=all_genes, out=Path(f"out_{all_genes}")))
        bins = table(Path(f"out_{all_genes}/bins.tsv"))
        shown.append(np.array([[float(row["completeness"]), float(row["contamination"])] for row in bins]))
    assert shown[0].shape == shown[1].shape and shown[0][:, 0].max() > 90
    assert np.abs(shown[0] - shown[1]).max() <= 2
