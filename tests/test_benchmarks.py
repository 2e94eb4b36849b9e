"""The benchmark: the table of runs, the tables that people see, how binners are called, and whole runs of fakes."""

from __future__ import annotations

import json
import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

from benchmarks import report, results
from benchmarks.__main__ import main
from benchmarks.results import Row, Stage
from benchmarks.tasks import Task, prepare
from benchmarks.tools import TOOLS, Job, Tool
from binner.stages import StageReport
from tests.test_tasks import write_set

# Puts every second contig into a bin, keeps count of its calls, and says how it was called; fails with seed 13
FAKE = """#!{python}
import gzip, os, sys
if "--help" in sys.argv: sys.exit("Fake (version 2:7.1; )")
value = dict(zip(sys.argv[1:-1], sys.argv[2:]))
with open({calls!r}, "a") as file: print(*sys.argv[1:], file=file)
if value["--seed"] == "13": sys.exit("no luck")
os.mkdir(os.path.dirname(value["-o"]))
names = [line for line in gzip.open(value["-i"], "rt") if line[0] == ">"]
with open(value["-o"] + ".1.fa", "w") as file:
    for name in names[::2]: file.write(name + "ACGT\\n")
"""


ROW = Row("s", 1, 1.0, "binner", "1+ab", 1, 2, genomes=9, near_complete=4, medium=6, f1=0.5, ari=0.25, seconds=10)


def test_rows_survive_the_table(tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    assert results.read(table) == []
    staged = replace(ROW, stages=(Stage("markers", 1.5, 3, 10**9, kept=True), Stage("choice", 1, 1, 1, kept=False)))
    failed = replace(ROW, seed=2, status="exit code 1: a\ttab\nand a line", cpu_seconds=2, peak_memory=1e9, f1=0, ari=0)
    results.append(table, ROW)
    results.append(table, failed)
    results.append(table, staged)
    first, second = results.read(table)
    assert first.status == "exit code 1: a tab and a line"
    assert second.stages == staged.stages
    assert second.kept and not first.kept
    assert (second.f1, second.seconds, str(second.peak_memory)) == (0.5, 10, "nan")


def test_another_table_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.write_text("contig\tbin\na\tb\n")
    with pytest.raises(ValueError, match="not a table of benchmark runs"):
        results.read(table)
    table.unlink()
    results.append(table, ROW)
    with table.open("a") as file:
        file.write("s\tone\n")
    with pytest.raises(ValueError, match=r"table.tsv, line 3: "):
        results.read(table)


def lines_of(text: str, title: str) -> list[str]:
    """The rows of one of the tables."""
    block = text.split(f"### {title}\n\n")[1].split("\n\n")[0]
    return [line for line in block.splitlines() if not line.startswith("| ---")]


def test_tables_show_medians_of_the_latest_version() -> None:
    rows = [replace(ROW, seed=seed, near_complete=nc) for seed, nc in ((1, 3), (2, 5), (3, 4))]
    old = [replace(ROW, version="0+00", near_complete=0), replace(ROW, samples=2, tool="metabat2", version="2")]
    failed = replace(ROW, samples=0, tool="metabat2", status="exit code 1")
    text = report.tables([*old, *rows, failed])
    assert lines_of(text, "Near-complete genomes (medium quality and better)") == [
        "| task | genomes | binner | MetaBAT2 |",
        "| s, contigs only | 9 | - | failed |",
        "| s, first sample | 9 | 4 (6) | - |",
        "| s, 2 samples | 9 | - | 4 (6) |",
    ]
    assert lines_of(text, "F1 / ARI")[2] == "| s, first sample | 9 | 0.500 / 0.250 | - |"
    assert "- binner: 1+ab; threads 2; seeds 1, 2, 3" in text


def test_times_are_those_of_fresh_runs() -> None:
    own, taken = Stage("markers", 8, 9, 10**9, kept=False), Stage("markers", 0.1, 0.1, 10**6, kept=True)
    last = Stage("choice", 1, 1, 2 * 10**9, kept=False)
    fresh = replace(ROW, cpu_seconds=12, peak_memory=2e9, stages=(own, last))
    kept = replace(ROW, seed=2, seconds=1, cpu_seconds=1, peak_memory=1e9, stages=(taken, last))
    text = report.tables([fresh, kept])
    assert lines_of(text, "Seconds / CPU seconds / peak memory")[1] == "| s, 1 sample | 9 | 10.0 / 12.0 / 2.00 GB |"
    assert lines_of(text, "Stages of `binner`: seconds / peak memory") == [
        "| task | markers | choice |",
        "| s, 1 sample | 8.0 / 1.00 GB | 1.0 / 2.00 GB |",
    ]
    assert "| s, 1 sample | 9 | 1.0 / 1.0 / 1.00 GB (kept) |" in report.tables([kept])


def test_growth_has_a_column_for_each_part() -> None:
    rows = [
        replace(ROW, fraction=f, cpu_seconds=s, stages=(Stage("markers", 1, s / 2, 1, kept=False),))
        for f, s in ((0.25, 2), (0.5, 4), (1.0, 8))
    ]
    whole_only = replace(ROW, tool="metabat2")
    assert lines_of(report.tables([*rows, whole_only]), "Growth: CPU seconds at a part of the contigs") == [
        "| task |  | 0.25 | 0.5 | 1 |",
        "| s, 1 sample | binner | 2.0 | 4.0 | 8.0 |",
        "|  | - markers | 1.0 | 2.0 | 4.0 |",
    ]


def test_stages_are_those_that_binner_records() -> None:
    assert [field.name for field in fields(Stage)] == [field.name for field in fields(StageReport)]


@pytest.mark.parametrize("samples", [0, 1])
@pytest.mark.parametrize("tool", [name for name in TOOLS if name.startswith("binner")])
def test_binner_knows_its_options(samples: int, tool: str, tmp_path: Path) -> None:
    from binner.cli.run import run

    inputs = prepare(Task(write_set(tmp_path / "set", samples=1), samples), tmp_path)
    command, *options = TOOLS[tool].arguments(Job(inputs, tmp_path / "out", 2, 7))
    given = run.make_context(command, options).params
    assert command == "run"
    assert (given["contigs"], given["out"], given["seed"]) == ((inputs.contigs,), tmp_path / "out", 7)
    assert (given["markers"], given["force"]) == (tool != "binner-no-markers", True)
    assert bool(given["depth"]) == bool(samples)


def test_tools_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BINNER_BENCH_VAMB", str(tmp_path / "vamb"))
    assert TOOLS["vamb"].find() is None
    assert TOOLS["binner"].find() == [sys.executable, "-m", "binner"]
    usual = [name for name, tool in TOOLS.items() if tool.takes(0) and not tool.slow]
    assert usual == ["binner", "binner-no-markers", "metabat2"]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set in `data`, a fake MetaBAT2, and the file in which that notes how it was called."""
    path, program = tmp_path / "calls", tmp_path / "fake"
    program.write_text(FAKE.format(python=sys.executable, calls=str(path)))
    program.chmod(0o755)
    monkeypatch.setenv("BINNER_BENCH_METABAT2", str(program))
    monkeypatch.chdir(tmp_path)
    write_set(tmp_path / "data" / "set", samples=2)
    return path


def test_a_benchmark_takes_up_where_it_stopped(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["data", "--tools", "metabat2", "--seeds", "1", "--samples", "0,all", "--threads", "3"])
    assert len(calls.read_text().splitlines()) == 2
    said = capsys.readouterr()
    wanted = ["| task | genomes | MetaBAT2 |", "| set, contigs only | 2 | 1 (1) |", "| set, 2 samples | 2 | 1 (1) |"]
    assert lines_of(said.out, "Near-complete genomes (medium quality and better)") == wanted
    assert "set, 2 samples, 1 of the contigs, metabat2, seed 1" in said.err
    main(["data", "--tools", "metabat2", "--seeds", "1,2", "--threads", "3"])
    ran = [call.split() for call in calls.read_text().splitlines()]
    assert len(ran) == 6
    assert "-a" not in ran[0] and "-a" in ran[1] and ran[-1][-4:] == ["-t", "3", "--seed", "2"]
    row = results.read(Path("results.tsv"))[-1]
    assert (row.set, row.samples, row.seed, row.version, row.bins) == ("set", 2, 2, "2:7.1", 1)
    assert row.seconds > 0 and row.peak_memory > 1e6
    main(["--markdown"])
    assert len(calls.read_text().splitlines()) == 6
    main(["data", "--tools", "metabat2", "--seeds", "2", "--threads", "3", "--again"])
    assert len(calls.read_text().splitlines()) == 9
    assert len(results.read(Path("results.tsv"))) == 6


def test_what_failed_is_said_and_tried_again(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        main(["data", "--tools", "metabat2", "--seeds", "13", "--samples", "0"])
        said = capsys.readouterr()
        assert "exit code 1: no luck" in said.err
        assert "| set, contigs only | 2 | failed |" in said.out
    assert len(calls.read_text().splitlines()) == 2


def test_the_page_gets_the_tables(calls: Path, tmp_path: Path) -> None:
    main(["data", "--tools", "metabat2", "--seeds", "1", "--samples", "0", "--fraction", "0.5,1"])
    page = tmp_path / "page.md"
    page.write_text(f"Before\n{report.BEGIN}\nold\n{report.END}\nAfter\n")
    for _ in range(2):
        main(["--markdown", str(page)])
        text = page.read_text()
        assert text.startswith(f"Before\n{report.BEGIN}\n\n### ") and text.endswith(f"\n\n{report.END}\nAfter\n")
        assert "old" not in text and text.count("### Growth") == 1
    page.write_text("no place")
    with pytest.raises(SystemExit):
        main(["--markdown", str(page)])
    assert page.read_text() == "no place"


def test_seeds_after_the_first_take_up_what_was_kept(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[Path, bool]] = []

    def arguments(job: Job) -> list[str]:
        seen.append((job.out, job.fresh))
        stage = {"name": "markers", "seconds": 1, "cpu_seconds": 1, "peak_memory": 1, "kept": not job.fresh}
        job.out.mkdir(parents=True, exist_ok=True)
        (job.out / "run.json").write_text(json.dumps({"stages": [stage]}))
        return ["-c", ""]

    fake = Tool("fake", arguments, "none", program="python", resumes=True)
    monkeypatch.setitem(TOOLS, "binner", fake)
    monkeypatch.setenv("BINNER_BENCH_PYTHON", sys.executable)
    main(["data", "--tools", "binner", "--seeds", "5,6", "--samples", "0,1", "--keep", str(tmp_path / "kept")])
    out = tmp_path / "kept" / "binner" / "set-1"
    assert seen == [(out, True), (out, False), (out, True), (out, False)]
    assert [row.kept for row in results.read(Path("results.tsv"))] == [False, True, False, True]
    seen.clear()
    main(["data", "--tools", "binner", "--seeds", "7,8", "--samples", "0"])
    assert [fresh for _, fresh in seen] == [True, True]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name the folder with the sets"),
        (["data", "--sets", "x"], "no set x; there are set"),
        (["data", "--tools", "maxbin"], "no tool 'maxbin'"),
        (["data", "--tools", "vamb"], "not installed: vamb"),
        (["data", "--samples", "some"], "not a number of samples, nor all: 'some'"),
        (["data", "--fraction", "0"], "not a fraction above 0 and up to 1: '0'"),
        (["data", "--fraction", "all"], "not a fraction above 0 and up to 1: 'all'"),
        (["data/set", "--tools", "metabat2"], "no folder in it holds"),
    ],
)
def test_mistakes_are_named(
    arguments: list[str], message: str, calls: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BINNER_BENCH_VAMB", "none/vamb")
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not calls.exists()
