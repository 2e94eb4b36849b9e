"""SemiBin2 trained on the contigs: what its commands are given, and where the depths of a table end up."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pysam
import pytest

from benchmarks.semibin import fill_depths, main
from benchmarks.tasks import Inputs, Task, prepare
from benchmarks.tools import TOOLS, Job, stage_record
from tests.test_tasks import write_set

# Writes features of all contigs but the first, without coverage as the BAM files have none; keeps count of its calls
FAKE = """#!{python}
import csv, os, sys
import pysam
value = dict(zip(sys.argv[1:-1], sys.argv[2:]))
with open({calls!r}, "a") as file: print(*sys.argv[1:], file=file)
if value["-t"] == "13": sys.exit("no luck")
if "--data-split" in value:
    os.makedirs(value["-o"], exist_ok=True)
    with open(os.path.join(value["-o"], "model.pt"), "w") as file: file.write("trained")
if "-b" in value:
    bams = sys.argv[sys.argv.index("-b") + 1 : sys.argv.index("-o")]
    with open(os.path.join(value["-o"], "data.csv"), "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["", "0", "1"] + [f"{{bam}}_{{kind}}" for bam in bams for kind in ("mean", "var")])
        for name in pysam.AlignmentFile(bams[0]).references[1:]:
            rows.writerow([name, "0.25", "0.75"] + ["1e-05"] * 2 * len(bams))
"""
FRESH = ["generate_sequence_features_single", "train_self", "bin_short"]


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "SemiBin2"
    path.write_text(FAKE.format(python=sys.executable, calls=str(tmp_path / "calls")))
    path.chmod(0o755)
    return path


def inputs(folder: Path, *, samples: int) -> Inputs:
    return prepare(Task(write_set(folder / "set", samples=samples), samples), folder)


@pytest.mark.parametrize(("tool", "bins"), [("semibin2-self", "bin_short"), ("semibin2-self-long", "bin_long")])
def test_the_depths_of_the_table_are_trained_with(program: Path, tmp_path: Path, tool: str, bins: str) -> None:
    out = tmp_path / "out"
    given = inputs(tmp_path, samples=2)
    main([str(program), *TOOLS[tool].arguments(Job(given, out, 3, 7))])
    features, training, binning = (line.split() for line in (tmp_path / "calls").read_text().splitlines())
    assert features[0] == "generate_sequence_features_single"
    assert training[0] == "train_self" and all("--random-seed 7 -t 3" in " ".join(call) for call in (training, binning))
    assert binning[0] == bins and str(given.contigs) in binning
    (model,) = out.glob("model-*.pt")
    assert str(model) in binning and model.read_text() == "trained"
    with pysam.AlignmentFile(str(out / "1.bam")) as bam:
        assert (bam.references, bam.lengths) == (tuple(f"c{i}" for i in range(8)), (22,) * 8)
    with (out / "data.csv").open(newline="") as file:
        head, *rows = csv.reader(file)
    assert head[3:] == [
        str(out / "0.bam_mean"),
        str(out / "0.bam_var"),
        str(out / "1.bam_mean"),
        str(out / "1.bam_var"),
    ]
    assert [row[0] for row in rows] == [f"c{i}" for i in range(1, 8)]
    assert rows[2][1:3] == ["0.25", "0.75"]
    assert [float(cell) for cell in rows[2][3:]] == [3.50001, 1.00001, 13.50001, 1.00001]


def test_a_model_serves_all_samples(program: Path, tmp_path: Path) -> None:
    given = inputs(tmp_path, samples=2)
    for seed, more in ((1, []), (1, ["--long"]), (2, [])):
        main([str(program), *TOOLS["semibin2-self"].arguments(Job(given, tmp_path / "out", 1, seed)), *more])
    commands = [line.split()[0] for line in (tmp_path / "calls").read_text().splitlines()]
    assert commands == [*FRESH, "generate_sequence_features_single", "bin_long", *FRESH]
    stages = json.loads(stage_record(tmp_path / "out").read_text())["stages"]
    assert [stage["name"] for stage in stages] == ["features", "training", "binning"]
    assert stages[1]["cpu_seconds"] > 0 and not stages[1]["kept"]


def test_the_first_failure_ends_it(program: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([str(program), *TOOLS["semibin2-self"].arguments(Job(inputs(tmp_path, samples=1), tmp_path / "o", 13, 1))])
    assert stopped.value.code == 1 and capsys.readouterr().err == "no luck\n"
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_a_contig_without_depth_is_not_made_up(tmp_path: Path) -> None:
    features = tmp_path / "data.csv"
    features.write_text(",0,s_mean,s_var\nc1,1,0,0\n")
    with pytest.raises(KeyError, match="c1"):
        fill_depths(features, [["contigName", "contigLen", "totalAvgDepth", "s", "s-var"], ["c2", "9", "1", "1", "1"]])
    assert features.read_text().endswith("c1,1,0,0\n")


def test_it_runs_where_asked_for(program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = TOOLS["semibin2-self"]
    assert tool.slow and [samples for samples in range(8) if tool.takes(samples)] == [1, 2, 3, 4]
    monkeypatch.setenv("BINNER_BENCH_SEMIBIN2", str(program))
    assert tool.find() == [sys.executable, "-m", "benchmarks.semibin", str(program)]
    monkeypatch.setenv("BINNER_BENCH_SEMIBIN2", str(tmp_path / "none"))
    assert tool.find() is None
