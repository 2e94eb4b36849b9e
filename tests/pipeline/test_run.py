"""Whole runs, with stand-ins for the stages that take long: what is written, kept, taken up and cleaned away."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import binner
from binner import artifacts, report, stages
from binner.config import CoverageConfig, MachineConfig, RunConfig
from binner.data import Progress
from binner.errors import BinnerError, DeviceError, InputError, OptionError
from binner.pipeline import coverage
from binner.pipeline.run import run
from tests import fakes

ROOT = Path(__file__).parents[2]
RNG = np.random.default_rng(1)
STAGES = ["contigs", "coverage", "markers", "homologs", "embedding", "clustering", "choice", "quality", "results"]


def bases(length: int) -> str:
    return "".join(RNG.choice(list("ACGT"), length))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three genomes of 3, 2 and 1 contigs, one contig that is too short, and their abundance in a sample."""
    monkeypatch.chdir(tmp_path)
    contigs = {
        f"g{genome}_{number}": bases(1000 + 100 * number) for genome in (1, 2, 3) for number in range(4 - genome)
    }
    contigs["g1_short"] = bases(300)
    Path("contigs.fa").write_text("".join(f">{name} flag=1\n{text}\n" for name, text in contigs.items()))
    Path("S1.tsv").write_text("".join(f"{name}\t{len(name)}\n" for name in contigs))
    return tmp_path


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the stages that ran."""
    called: list[str] = []
    for name, module in fakes.modules(called.append).items():
        monkeypatch.setitem(sys.modules, f"binner.{name}", module)
        monkeypatch.setattr(binner, name, module, raising=False)
    monkeypatch.setattr(artifacts, "_sources", lambda name: [])  # the code of stand-ins has no version
    return called


def config(**changes: Any) -> RunConfig:
    options: dict[str, Any] = {
        "coverage": CoverageConfig(abundance=(Path("S1.tsv"),)),
        "min_bin_size": 2000,
        "report": False,
    }
    return RunConfig(Path("contigs.fa"), **{**options, **changes})


def results(out: str = "contigs_binner") -> dict[str, bytes]:
    """Everything that a run wrote for its user, but for what differs from run to run."""
    files = [path for path in Path(out).rglob("*") if path.is_file() and ".binner" not in path.parts[1:2]]
    differ = ("run.json", "binner.log", "report.html")
    return {str(path.relative_to(out)): path.read_bytes() for path in files if path.name not in differ}


def test_a_run(calls: list[str], caplog: pytest.LogCaptureFixture) -> None:
    titles: list[str] = []

    def watch(title: str) -> Any:
        titles.append(title)
        return stages.unwatched(title)

    with caplog.at_level(logging.INFO, "binner"):
        summary = run(config(), watch=watch, command=["binner", "run", "contigs.fa"])
    assert calls == ["find", "compare", "embed", "propose", "choose", "completeness"]
    assert titles[:2] == ["Reading contigs", "Measuring coverage (1 file)"]
    assert len(titles) == len(STAGES)
    assert (summary.bins, summary.near_complete, summary.contigs) == (2, 2, 6)
    assert (summary.binned_contigs, summary.binned_bp, summary.bp) == (5, 5400, 6400)
    assert summary.out == Path("contigs_binner")
    assert caplog.messages[-1] == str(summary)
    assert sorted(path.name for path in Path("contigs_binner").iterdir()) == [
        *(".binner", "anvio_collection.txt", "binner.log", "bins", "bins.tsv", "cami.binning", "contig2bin.tsv"),
        *("contigs.tsv", "gtdbtk_batch.tsv", "run.json"),
    ]
    assert Path("contigs_binner/contig2bin.tsv").read_text().splitlines()[0] == "g1_0\tbin_1"
    assert "@SampleID:contigs\n" in Path("contigs_binner/cami.binning").read_text()
    assert not list(Path().glob("*.tmp"))


def test_the_record_of_a_run(calls: list[str]) -> None:
    summary = run(config(seed=5), command=["binner", "run", "contigs.fa"])
    record = json.loads(Path("contigs_binner/run.json").read_text())
    assert [stage["name"] for stage in record["stages"]] == STAGES
    assert all(stage["seconds"] >= 0 and stage["peak_memory"] > 10**7 for stage in record["stages"])
    assert [Path(file["path"]).name for file in record["inputs"]] == ["contigs.fa", "S1.tsv"]
    assert record["seed"] == 5
    assert record["host"]["device"] == "cpu"
    assert record["summary"]["bins"] == summary.bins == 2
    log = Path("contigs_binner/binner.log").read_text()
    for told in ("command: binner run contigs.fa", "Clustering: done in", "DEBUG", str(summary)):
        assert told in log


def test_without_coverage_and_markers(calls: list[str]) -> None:
    summary = run(config(coverage=CoverageConfig(), markers=False))
    assert calls == ["compare", "embed", "propose", "choose"]
    assert (summary.bins, summary.near_complete) == (2, None)
    assert "depth" not in Path("contigs_binner/bins.tsv").read_text()


def put_depths_into_headers(factor: int = 1) -> None:
    path = Path("contigs.fa")
    lines = path.read_text().splitlines()
    lines = [
        f"{line.split()[0]} multi={factor * len(lines[n + 1])}" if n % 2 == 0 else line for n, line in enumerate(lines)
    ]
    path.write_text("\n".join(lines))


def test_depths_in_headers(calls: list[str]) -> None:
    """They are a sample where no file is given, and where it is not switched off; a change of them is noticed."""
    put_depths_into_headers()
    run(config(coverage=CoverageConfig()))
    header, *rows = (line.split("\t") for line in Path("contigs_binner/contigs.tsv").read_text().splitlines())
    assert header[-1] == "depth:assembly"
    assert all(float(row[-1]) == float(row[1]) for row in rows), "the depth of each is its length here"
    assert "depth:assembly" in Path("contigs_binner/bins.tsv").read_text()
    assert json.loads(Path("contigs_binner/run.json").read_text())["samples"] == ["assembly"]
    assert "as MEGAHIT writes them" in Path("contigs_binner/binner.log").read_text()
    for change, again in ((1, 0), (2, 1)):
        calls.clear()
        put_depths_into_headers(change)
        run(config(coverage=CoverageConfig()))
        assert calls.count("propose") == again
    run(config(coverage=CoverageConfig(headers=False)))
    assert json.loads(Path("contigs_binner/run.json").read_text())["samples"] == []
    assert "depth" not in Path("contigs_binner/contigs.tsv").read_text()
    run(config())
    assert json.loads(Path("contigs_binner/run.json").read_text())["samples"] == ["S1"], "a file comes before"


def test_depths_in_headers_of_several_assemblies(calls: list[str]) -> None:
    put_depths_into_headers()
    Path("b.fa").write_text(Path("contigs.fa").read_text())
    run(config(others=(Path("b.fa"),), multi=True, coverage=CoverageConfig()))
    assert json.loads(Path("multi_binner/run.json").read_text())["samples"] == []


def test_contigs_of_no_assembly_are_of_a_file(calls: list[str]) -> None:
    with pytest.raises(InputError, match=r"^contigs\.fa: contig 'g1_0' is not called <assembly>:<contig>"):
        run(config(multi=True))


def test_contigs_that_a_table_lacks_are_binned_without_a_depth(calls: list[str]) -> None:
    Path("S1.tsv").write_text("".join(f"g{genome}_0\t{genome}\n" for genome in (1, 3)))
    summary = run(config())
    assert (summary.bins, summary.binned_contigs) == (2, 5), "as with all depths"
    header, *rows = (line.split("\t") for line in Path("contigs_binner/contigs.tsv").read_text().splitlines())
    assert header[-1] == "depth:S1"
    assert {row[0]: row[-1] for row in rows if row[-1]} == {"g1_0": "1", "g3_0": "3"}
    assert [line.split("\t")[-1] for line in Path("contigs_binner/bins.tsv").read_text().splitlines()[1:]] == ["1", ""]
    said = Path("contigs_binner/binner.log").read_text()
    assert "4 contigs are not in it: their depth is unknown, and they are binned by composition" in said
    first = results()
    calls.clear()
    run(config())
    assert (calls, results()) == (["choose", "completeness"], first), "what is not known is kept as such"


def test_options_reach_the_stages(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    got: dict[str, dict[str, Any]] = {}

    def spy(module: str, name: str) -> None:
        real = getattr(getattr(binner, module), name)

        def wrapped(*args: Any, **options: Any) -> Any:
            got[name] = options
            return real(*args, **options)

        monkeypatch.setattr(getattr(binner, module), name, wrapped)

    spied = {"embed": "embed_parts", "clusterers": "propose", "select": "choose", "markers": "find"}
    for module, name in spied.items():
        spy(module, name)
    machine = MachineConfig(threads=2, device="cpu", max_memory=5 * 10**9)
    run(config(machine=machine, seed=3, min_bin_size=1500, min_length=1100))
    assert got["embed_parts"]["encoder"] == "whitening"
    assert got["find"]["threads"] == 2
    assert (got["propose"]["seed"], got["propose"]["threads"]) == (3, 2)
    assert got["choose"]["min_bin_size"] == 1500
    assert got["choose"]["markers"].counts.shape == (3, 10), "three contigs have 1,100 bp or more"
    assert got["choose"]["homologs"].contigs.shape == got["propose"]["homologs"].contigs.shape == (0, 2)


def test_several_assemblies(calls: list[str]) -> None:
    """Genomes of two files: bins are called after the files, and each file is clustered on its own."""
    text = Path("contigs.fa").read_text()
    Path("b.fa").write_text(text)
    Path("S1.tsv").write_text("".join(f"{file}:g{g}_0\t1\n" for file in ("contigs", "b") for g in (1, 2, 3)))
    summary = run(config(others=(Path("b.fa"),), multi=True))
    assert calls == ["find", "compare", "embed", "propose", "choose", "propose", "choose", "completeness"]
    assert (summary.out, summary.bins, summary.contigs) == (Path("multi_binner"), 4, 12)
    names = {path.stem for path in Path("multi_binner/bins").glob("*.fa")}
    assert names == {"contigs_bin_1", "contigs_bin_2", "b_bin_1", "b_bin_2"}
    record = json.loads(Path("multi_binner/run.json").read_text())
    assert [Path(file["path"]).name for file in record["inputs"]] == ["contigs.fa", "b.fa", "S1.tsv"]
    assert {"clustering-contigs", "clustering-b"} <= {stage["name"] for stage in record["stages"]}
    first = results("multi_binner")
    calls.clear()
    run(config(others=(Path("b.fa"),), multi=True))
    assert "propose" not in calls
    assert results("multi_binner") == first


def test_a_run_reports(calls: list[str], caplog: pytest.LogCaptureFixture) -> None:
    made = {"report.html", *report.TABLES}
    run(config(report=True))
    assert made <= results().keys() | {"report.html"}
    assert "contigs.fa" in Path("contigs_binner/report.html").read_text()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    run(config(min_bin_size=1))
    assert not made & {path.name for path in Path("contigs_binner").iterdir()}, "a report of other bins does not stay"


def test_a_report_that_fails_fails_no_run(
    calls: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(out: Path) -> None:
        raise OSError(28, "No space left on device", "report.html")

    run(config(report=True))
    monkeypatch.setattr(report, "write", fail)
    assert run(config(report=True)).bins == 2
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.startswith("No report (OSError: ")
    assert warning.endswith("the results are whole, and `binner report contigs_binner` tries again")
    assert not Path("contigs_binner/report.html").exists()
    assert "Traceback" in Path("contigs_binner/binner.log").read_text()


def test_refinement_is_kept_by_its_terms(calls: list[str]) -> None:
    run(config(refine=True))
    assert calls == ["find", "compare", "embed", "embed", "refine for all", "propose", "choose", "completeness"]
    calls.clear()
    run(config(refine=True))
    assert calls == ["choose", "completeness"]
    calls.clear()
    run(config(refine=True, refine_terms=("mix", "mmd")))
    assert calls == ["refine for mix,mmd", "propose", "choose", "completeness"]
    calls.clear()
    run(config(refine=True, refine_terms=("mix", "mmd"), markers=False))
    assert calls == ["refine for mix,mmd", "propose", "choose"], "markers have a part in it"


def test_composition_is_kept_by_its_weights(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(config(refine=True))
    calls.clear()
    Path("other").mkdir()
    monkeypatch.setattr("binner.pipeline.bins.COMPOSITION", "other")
    monkeypatch.setattr(
        binner.encoders, "locate", lambda encoder: Path("other") if encoder == "other" else fakes.MODELS
    )
    run(config(refine=True))
    assert calls[:2] == ["embed", "embed"]
    calls.clear()
    Path("other/weights").write_text("others")
    run(config(refine=True))
    assert calls == ["embed", "refine for all", "propose", "choose", "completeness"]


def test_no_contig_is_long_enough(calls: list[str], caplog: pytest.LogCaptureFixture) -> None:
    summary = run(config(min_length=5000))
    assert (summary.bins, summary.contigs) == (0, 0)
    assert calls == []
    assert "No bins: no contig has 5000 bp or more (--min-len)" in caplog.text
    names = {path.name for path in Path("contigs_binner").iterdir()}
    assert {"bins", "bins.tsv", "contigs.tsv", "contig2bin.tsv", "cami.binning", "run.json", "binner.log"} <= names
    assert Path("contigs_binner/contig2bin.tsv").read_text() == ""


def test_no_bin_is_large_enough(calls: list[str], caplog: pytest.LogCaptureFixture) -> None:
    summary = run(config(min_bin_size=10**6))
    assert (summary.bins, summary.contigs) == (0, 6)
    assert "No bins: no group of contigs has 1000000 bp or more (--min-bin-size); 6 contigs" in caplog.text


def test_no_contig_can_be_placed(
    calls: list[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["binner.select"], "choose", lambda *_, **__: [])
    assert run(config(min_bin_size=0)).bins == 0
    assert "No bins: no contig could be placed, for which it needs bases other than N; 6 contigs" in caplog.text


def test_the_second_run_takes_up_the_first(calls: list[str]) -> None:
    run(config())
    first = results()
    calls.clear()
    run(config())
    assert calls == ["choose", "completeness"], "what takes no time is done again"
    assert results() == first
    kept = {stage["name"]: stage["kept"] for stage in json.loads(Path("contigs_binner/run.json").read_text())["stages"]}
    assert [name for name in STAGES if kept[name]] == ["coverage", "markers", "homologs", "embedding", "clustering"]


def test_all_genes_are_a_stage_that_is_kept(calls: list[str]) -> None:
    run(config(all_genes=True))
    assert [name for name in calls if name in ("find", "call genes", "among")] == ["call genes", "among"]
    Path("contigs_binner/.binner/markers.npz").unlink()
    calls.clear()
    run(config(all_genes=True))
    assert calls == ["among", "choose", "completeness"]
    calls.clear()
    run(config())
    assert calls[0] == "find", "what is found among all genes is not what is found where they are likely"


@pytest.mark.parametrize(
    ("change", "again"),
    [
        ({"force": True}, ["find", "compare", "embed", "propose"]),
        ({"seed": 2}, ["propose"]),
        ({"prefix": "x"}, []),
        ({"min_bin_size": 1}, []),
        ({"machine": MachineConfig(threads=2)}, []),
        ({"markers": False}, []),
        ({"all_genes": True}, ["call genes", "among"]),
        ({"homologs": False}, ["propose"]),
        ({"coverage": CoverageConfig()}, ["propose"]),
        ({"min_length": 250}, ["find", "compare", "embed", "propose"]),
    ],
)
def test_only_what_an_option_changes_is_done_again(change: dict[str, Any], again: list[str], calls: list[str]) -> None:
    run(config())
    calls.clear()
    run(config(**change))
    assert [name for name in calls if name not in ("choose", "completeness")] == again


def test_changed_inputs_are_noticed(calls: list[str]) -> None:
    run(config())
    calls.clear()
    table = Path("S1.tsv")
    table.write_text(table.read_text().replace("\t4", "\t5"))
    run(config())
    assert calls == ["propose", "choose", "completeness"]
    assert "\t5\n" in Path("contigs_binner/contigs.tsv").read_text()
    calls.clear()
    contigs = Path("contigs.fa")
    contigs.write_text(contigs.read_text().replace("\n", "\nN", 1))
    run(config())
    assert calls[:3] == ["find", "compare", "embed"]


def test_an_encoder_of_ones_own_is_known_by_its_content(calls: list[str]) -> None:
    Path("encoder").mkdir()
    Path("encoder/weights").write_text("1")
    run(config(encoder="encoder"))
    calls.clear()
    run(config(encoder="encoder"))
    assert "embed" not in calls
    Path("encoder/weights").write_text("2")
    run(config(encoder="encoder"))
    assert "embed" in calls


@pytest.mark.parametrize("stage", ["coverage", "markers", "homologs", "embedding", "clustering"])
def test_damaged_results_are_made_again(stage: str, calls: list[str], caplog: pytest.LogCaptureFixture) -> None:
    run(config())
    first = results()
    kept = Path(f"contigs_binner/.binner/{stage}.npz")
    kept.write_bytes(kept.read_bytes()[:-30])
    run(config())
    assert f"{stage}: the kept result in" in caplog.text
    assert "damaged" in caplog.text
    assert results() == first


@contextmanager
def start(stop: str, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another binner, which stands still at a stage."""
    line = [sys.executable, "-m", "tests.fakes", "calls", stop, "run", "contigs.fa", "--min-bin-size", "2000", *args]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[bytes]) -> tuple[int, str]:
    _, err = process.communicate(timeout=300)
    return process.returncode, err.decode()


def wait_for(stage: str) -> None:
    """Until another binner is at a stage."""
    until = time.monotonic() + 300
    while not Path("calls").exists() or stage not in Path("calls").read_text().split():
        assert time.monotonic() < until
        time.sleep(0.02)


def finish_new(*args: str) -> tuple[int, str]:
    with start("", *args) as process:
        return finish(process)


@pytest.mark.parametrize("stage", ["find", "compare", "embed", "propose", "choose"])
def test_a_killed_run_is_taken_up(stage: str) -> None:
    order = ["find", "compare", "embed", "propose", "choose", "completeness"]
    with start(stage, "--abundance", "S1.tsv") as killed:
        wait_for(stage)
        killed.send_signal(signal.SIGKILL)
        assert finish(killed)[0] == -signal.SIGKILL
    assert not Path("contigs_binner/bins").exists()
    Path("calls").unlink()
    assert finish_new("--abundance", "S1.tsv")[0] == 0
    assert Path("calls").read_text().split() == order[order.index(stage) :]
    assert finish_new("--abundance", "S1.tsv", "-o", "whole")[0] == 0
    assert results("whole") == results()


def test_one_run_at_a_time() -> None:
    with start("embed") as first:
        wait_for("embed")
        code, err = finish_new()
        assert code == 2
        assert err.startswith(f"Error: contigs_binner: in use by another run of binner (process {first.pid} on ")
        assert err.count("\n") == 1


AGAIN = "the same command again takes up where this one stopped"


def ended_by(sent: signal.Signals, *args: str) -> tuple[int, str]:
    """Code and last line of a run that a signal reaches while it embeds."""
    with start("embed", *args) as process:
        wait_for("embed")
        process.send_signal(sent)
        code, err = finish(process)
    return code, err.rstrip().rpartition("\n")[2]


def test_an_interrupted_run_says_how_to_go_on() -> None:
    assert ended_by(signal.SIGINT) == (130, f"Error: interrupted; {AGAIN}")
    assert "KeyboardInterrupt" in Path("contigs_binner/binner.log").read_text()


def test_a_terminated_run_cleans_up() -> None:
    """The contigs of several files are one for a while; what is kept for the next run stays."""
    Path("other.fa").write_bytes(Path("contigs.fa").read_bytes())
    assert ended_by(signal.SIGTERM, "other.fa", "--multi") == (143, f"Error: terminated; {AGAIN}")
    left = {path.name for path in Path("multi_binner/.binner").iterdir()}
    assert left == {"lock", *(f"{stage}.npz" for stage in ("markers", "homologs"))}


def test_standard_input() -> None:
    line = [sys.executable, "-m", "tests.fakes", "calls", "", "run", "-", "--min-bin-size", "2000", "-q"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with Path("contigs.fa").open("rb") as contigs:
        done = subprocess.run(line, env=env, stdin=contigs, capture_output=True, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert Path("stdin_binner/contig2bin.tsv").read_text().count("\n") == 5
    assert not Path("stdin_binner/.binner/stdin.fa").exists()


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "empty": ({"contigs.fa": b""}, "an empty file"),
    "fastq": ({"contigs.fa": b"@r\nAC\n+\nII\n"}, "FASTQ"),
    "twice": ({"contigs.fa": b">a\nAC\n>a\nGT\n"}, "'a'"),
    "no such contig": ({"S1.tsv": b"other\t1\n"}, "S1.tsv"),
    "nan": ({"S1.tsv": b"g1_0\tnan\n"}, "S1.tsv"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_leaves_nothing_behind(name: str, calls: list[str]) -> None:
    files, message = BAD[name]
    for file, text in files.items():
        Path(file).write_bytes(text)
    before = sorted(Path().rglob("*"))
    with pytest.raises(InputError, match=message):
        run(config())
    assert sorted(Path().rglob("*")) == before
    assert calls == []


def test_an_assembly_that_does_not_fit_leaves_nothing_behind(calls: list[str]) -> None:
    with pytest.raises(OptionError, match=r"6 contigs with 0\.0 Mb need about 550 MB of memory, and 1 MB may be used"):
        run(config(machine=MachineConfig(max_memory=10**6)))
    assert not Path("contigs_binner").exists()


def test_bad_input_leaves_earlier_results_alone(calls: list[str]) -> None:
    run(config())
    first = results()
    Path("contigs.fa").write_text("")
    with pytest.raises(InputError):
        run(config())
    assert results() == first


def test_a_run_that_ends_between_its_bins_and_its_record(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    run(config(report=True))
    there = ["run.json", "report.html", *report.TABLES]
    assert all(Path("contigs_binner", name).exists() for name in there)
    monkeypatch.setattr("binner.record.write_record", None)
    with pytest.raises(TypeError):
        run(config(report=True, prefix="other"))
    assert Path("contigs_binner/bins/other_1.fa").exists()
    assert not any(Path("contigs_binner", name).exists() for name in there), "they tell of other bins"


def test_bins_of_others_are_found_before_the_work(calls: list[str]) -> None:
    run(config())
    calls.clear()
    with Path("contigs_binner/bins/bin_1.fa").open("a") as bin_1:
        bin_1.write(">mine\nACGT\n")
    with pytest.raises(BinnerError, match="not written by binner, or changed since"):
        run(config(force=True))
    assert calls == []


def test_a_missing_gpu_is_found_before_the_work(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binner.runtime._GPU_NODES", ())
    with pytest.raises(DeviceError):
        run(config(machine=MachineConfig(device="cuda")))
    assert not Path("contigs_binner").exists()


def test_a_bug_leaves_its_traceback_in_the_log(calls: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object, **options: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(sys.modules["binner.clusterers"], "propose", fail)
    with pytest.raises(ZeroDivisionError):
        run(config())
    assert "ZeroDivisionError: a bug" in Path("contigs_binner/binner.log").read_text()
    assert sorted(path.name for path in Path("contigs_binner/.binner").glob("*.npz")) == [
        *("coverage.npz", "embedding.npz", "homologs.npz", "markers.npz")
    ]


def test_the_depth_table_is_one_of_the_inputs(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no coverage to read"):
        coverage.write_coverage(
            tmp_path / "t", Path("contigs.fa"), CoverageConfig(), machine=MachineConfig(), min_length=1
        )


def test_a_watch_hears_of_progress(calls: list[str]) -> None:
    heard: list[tuple[int, int]] = []

    class Watch:
        def __call__(self, title: str) -> Watch:
            return self

        def __enter__(self) -> Progress:
            return lambda done, total: heard.append((done, total))

        def __exit__(self, *error: object) -> None:
            pass

    run(config(), watch=Watch())
    assert (1, 1) in heard
