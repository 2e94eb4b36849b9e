"""Bins judged by CheckM itself, by a table and by programs that fail: in a run and after one. No bin is ever lost."""

from __future__ import annotations

import json
import lzma
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.profiles import planted_profiles
from benchmarks.simulate import simulate
from binner.config import MachineConfig, QualityConfig, RunConfig
from binner.errors import InputError, OptionError, ProgramError
from binner.markers import profiles
from binner.pipeline import quality
from binner.pipeline import run as whole
from binner.quality import programs
from binner.report import TABLES
from tests.commands import call
from tests.quality.tools import add_missing, script

MODELS = 6
MACHINE = MachineConfig(1, "cpu")


@pytest.fixture(scope="module")
def contigs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two genomes, small ones, with marker genes."""
    profiles = planted_profiles()
    made = simulate(species=2, genome_bp=(200_000, 210_000), related=False, profiles=profiles, seed=2)
    path = tmp_path_factory.mktemp("contigs") / "contigs.fa"
    with path.open("w") as file:
        for row, name in enumerate(made.contigs.names):
            file.write(f">{name}\n{''.join('ACGTN'[code] for code in made.contigs[row])}\n")
    return path


@pytest.fixture(autouse=True)
def surroundings(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data of CheckM, no CheckM2, and what CheckM calls."""
    add_missing(own_folder / "bin", "prodigal", "hmmsearch", "hmmfetch", "hmmalign")
    monkeypatch.setenv("PATH", f"{own_folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv(programs.DATA, raising=False)


def run(contigs: Path, quality: QualityConfig | None = None, **changes: Any) -> dict[str, Any]:
    """The record of a run into `out`."""
    config = RunConfig(contigs, out=Path("out"), machine=MACHINE, markers=False, min_bin_size=50_000, quality=quality)
    whole.run(replace(config, **changes))
    return record()


def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path("out/run.json").read_text())
    return found


def table() -> list[dict[str, str]]:
    head, *rows = [line.split("\t") for line in Path("out/bins.tsv").read_text().splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def files() -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in Path("out").glob("**/*.*") if ".binner" not in str(file)}


def models() -> Path:
    """A few of the models that binner ships, as CheckM takes them."""
    with lzma.open(profiles.FOLDER / "bacteria.hmm.xz", "rt") as file:
        text = file.read()
    Path("models.hmm").write_text("//\n".join(text.split("//\n")[:MODELS]) + "//\n")
    return Path("models.hmm")


def report(*, size: int | None = None, suffix: str = "") -> Path:
    """What CheckM2 would say about the bins in `out`."""
    rows = [f"{row['bin']}{suffix}\t{91 - i}.5\t{i}\t{size or row['bp']}\n" for i, row in enumerate(table())]
    Path("quality_report.tsv").write_text("Name\tCompleteness\tContamination\tGenome_Size\n" + "".join(rows))
    return Path("quality_report.tsv")


@pytest.mark.skipif(not (Path(sys.executable).parent / "checkm").exists(), reason="checkm-genome is not installed")
def test_checkm_itself(contigs: Path, own_folder: Path) -> None:
    """The way with models of one's own, which needs no data: in a folder with a space, twice, and on other bins."""
    before = Path.home() / ".checkm"
    was = before.exists()
    by = QualityConfig("checkm", models())
    out = run(contigs, by, out=Path("out"))
    assert [stage["kept"] for stage in out["stages"] if stage["name"] == "checkm"] == [False]
    assert before.exists() == was
    rows = table()
    assert rows
    for row in rows:
        share = float(row["checkm_completeness"]) * MODELS / 100
        assert share == pytest.approx(round(share), abs=0.01)
        assert row["checkm_tier"] in ("near-complete", "medium", "low", "contaminated")
    assert any(float(row["checkm_completeness"]) > 0 for row in rows)
    verdict = out["quality"]["checkm"]
    assert verdict["source"].startswith("CheckM 1.2")
    assert sum(verdict["tiers"].values()) == len(rows)
    kept = Path("out/checkm.tsv").read_text()
    assert kept.startswith("Bin Id\tMarker lineage\t# genomes\t# markers\t# marker sets\t")  # what MultiQC looks for
    assert not (Path("out/.binner") / "quality").exists()

    assert quality.judge_folder(Path("out"), by, machine=MACHINE) == verdict
    again = run(contigs, by)
    assert [stage["kept"] for stage in again["stages"] if stage["name"] == "checkm"] == [True]
    assert (table(), Path("out/checkm.tsv").read_text()) == (rows, kept)
    plain = run(contigs)
    assert plain["quality"] == {}
    assert "checkm_tier" not in table()[0]
    assert not Path("out/checkm.tsv").exists()


def test_a_table(contigs: Path) -> None:
    run(contigs)
    plain = files()
    found = quality.judge_folder(Path("out"), QualityConfig(str(report(suffix=".fa"))), machine=MACHINE)
    rows = table()
    assert found == {"tool": "checkm2", "source": "quality_report.tsv", "tiers": {"near-complete": 2}}
    assert record()["quality"] == {"checkm2": found}
    assert [(row["checkm2_completeness"], row["checkm2_contamination"]) for row in rows] == [
        ("91.50", "0.00"),
        ("90.50", "1.00"),
    ]
    changed = {name for name, content in files().items() if plain.get(name) != content}
    reported = {f"out/{name}" for name in ("report.html", *TABLES)}
    assert changed == {"out/bins.tsv", "out/run.json", "out/binner.log"} | reported
    assert "by checkm2" in Path("out/report.html").read_text(), "it tells what is known now"
    assert run(contigs, QualityConfig("quality_report.tsv"))["quality"] == {"checkm2": found}
    assert table() == rows


def test_what_is_wrong_before_a_run_stops_it(contigs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty.tsv").touch()
    line = ("run", str(contigs), "-o", "out", "--no-markers", "-t", "1", "--quality")
    for by, said in (
        (("checkm2",), "checkm2 is not on the PATH"),
        (("none.tsv",), "'none.tsv' is neither checkm nor checkm2 nor a file"),
        (("empty.tsv",), "empty.tsv: empty; a table of quality is"),
        (("checkm", "--checkm-markers", "none.hmm"), "none.hmm: no such file"),
        (("checkm2", "--checkm-markers", "none.hmm"), "--checkm-markers goes with --quality checkm, not with checkm2"),
    ):
        assert call(*line, *by) == 2
        err = capsys.readouterr().err
        assert err.startswith("Error: ")
        assert err.count("\n") == 1
        assert said in err
    assert call(*line[:-1], "--checkm-markers", "models.hmm") == 2
    assert not Path("out").exists()


def test_a_table_of_other_bins_loses_no_bins(contigs: Path, caplog: pytest.LogCaptureFixture) -> None:
    run(contigs)
    plain = files()
    report(size=5)
    found = run(contigs, QualityConfig("quality_report.tsv"))
    error = found["quality"]["checkm2"]["error"]
    assert "it is of other bins: bin_1 has 5 bp there" in error
    assert f"The bins are written, but not judged by checkm2: {error}" in caplog.text
    same = [name for name in plain if name not in ("out/run.json", "out/binner.log", "out/report.html")]
    assert {name: files()[name] for name in same} == {name: plain[name] for name in same}
    with pytest.raises(InputError, match="of other bins"):
        quality.judge_folder(Path("out"), QualityConfig("quality_report.tsv"), machine=MACHINE)
    assert call("quality", "out", "--with", "quality_report.tsv") == 2


def test_a_program_that_fails_loses_no_bins(
    contigs: Path, own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script(own_folder / "bin" / "checkm2", "test $1 = --version && echo 1.0.2 && exit", "echo no database; exit 1")
    line = ("run", str(contigs), "-o", "out", "--no-markers", "--min-bin-size", "50000", "-t", "1", "-q")
    assert call(*line, "--quality", "checkm2") == 0
    said = "checkm2 predict failed (code 1): no database; binner.log has all it said"
    assert f"The bins are written, but not judged by checkm2: {said}" in " ".join(capsys.readouterr().err.split())
    assert record()["quality"]["checkm2"]["error"] == said
    assert len(table()) == len(list(Path("out/bins").glob("*.fa"))) == 2
    assert "no database" in Path("out/binner.log").read_text()
    with pytest.raises(ProgramError):
        quality.judge_folder(Path("out"), QualityConfig("checkm2"), machine=MACHINE)
    assert call("quality", "out", "--with", "checkm2") == 1
    assert capsys.readouterr().err.endswith(f"Error: {said}\n")


def test_no_bins_need_no_judge(contigs: Path, own_folder: Path) -> None:
    script(own_folder / "bin" / "checkm2", "test $1 = --version && echo 1.0.2 && exit", "exit 1")
    assert run(contigs, QualityConfig("checkm2"), min_bin_size=10**9)["quality"] == {}
    assert quality.judge_folder(Path("out"), QualityConfig("checkm2"), machine=MACHINE) is None


def test_a_folder_that_is_no_run(contigs: Path) -> None:
    Path("other").mkdir()
    for folder in ("none", "other"):
        with pytest.raises(OptionError, match=f"{folder}: not the folder of a finished run"):
            quality.judge_folder(Path(folder), QualityConfig("checkm2"), machine=MACHINE)
    assert not Path("none").exists()


def test_a_table_that_is_read_is_not_removed(contigs: Path) -> None:
    run(contigs)
    text = report().read_text()
    Path("out/checkm2.tsv").write_text(text)
    run(contigs, QualityConfig("out/checkm2.tsv"))
    run(contigs)
    assert Path("out/checkm2.tsv").read_text() == text
