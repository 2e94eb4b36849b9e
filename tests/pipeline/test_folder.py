"""The folder of the results: no input is written over, nor results of other contigs without a word of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from binner import report
from binner.config import STDIN, CoverageConfig, RunConfig
from binner.errors import OptionError
from binner.pipeline import folder


def config(contigs: str | Path = "a/contigs.fa", **changes: Any) -> RunConfig:
    return RunConfig(Path(contigs), **changes)


def finished(out: str, *contigs: str) -> None:
    """A folder with the record of a run on these contigs."""
    Path(out).mkdir()
    inputs = [{"path": str(Path(file).absolute())} for file in (*contigs, "reads.bam")]
    record = {"inputs": inputs, "options": {"others": contigs[1:]}}
    Path(out, "run.json").write_text(json.dumps(record))


@pytest.mark.usefixtures("own_folder")
def test_results_of_other_contigs_are_not_replaced_unasked() -> None:
    finished("contigs_binner", "a/contigs.fa")
    folder.check(config())
    folder.check(config("./a/../a/contigs.fa"))
    folder.check(config("b/contigs.fa", out=Path("contigs_binner")))
    folder.check(config("b/contigs.fa", force=True))
    with pytest.raises(
        OptionError, match=r"contigs_binner: holds the results of .*/a/contigs\.fa; name .* with -o, or"
    ):
        folder.check(config("b/contigs.fa"))


@pytest.mark.usefixtures("own_folder")
def test_results_of_other_assemblies_are_not_replaced_unasked() -> None:
    finished("multi_binner", "a.fa", "b.fa")
    folder.check(config("b.fa", others=(Path("a.fa"),), multi=True))
    with pytest.raises(OptionError, match=r"results of .*/a\.fa, .*/b\.fa"):
        folder.check(config("a.fa", others=(Path("c.fa"),), multi=True))


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize(
    "text", ["", "[]", '{"inputs": [{}], "options": {"others": []}}', '{"inputs": [], "options": 1}']
)
def test_a_record_that_says_nothing_stops_nobody(text: str) -> None:
    finished("contigs_binner", "a/contigs.fa")
    Path("contigs_binner/run.json").write_text(text)
    folder.check(config("b/contigs.fa"))
    folder.check(config(STDIN))


@pytest.mark.usefixtures("own_folder")
@pytest.mark.parametrize("file", ["bins/bin_1.fa", "contigs.tsv", ".binner/embedding.npz", "report.html", "link"])
def test_inputs_are_not_written_over(file: str) -> None:
    Path("x/bins").mkdir(parents=True)
    Path("x/link").symlink_to("bins/bin_1.fa")
    for changes in ({"contigs": f"x/{file}"}, {"coverage": CoverageConfig(abundance=(Path("x", file),))}):
        with pytest.raises(OptionError, match=f"x: x/{file} would be overwritten; choose another -o"):
            folder.check(config(**changes, out=Path("x")))


@pytest.mark.usefixtures("own_folder")
def test_inputs_may_lie_beside_the_results() -> None:
    for contigs in ("contigs.fa", "x/contigs.fa", "x/mine/bins/bin_1.fa", "bins/bin_1.fa"):
        folder.check(config(contigs, out=Path("x"), bins=(Path("y"),)))
    for bins in ("x/mine", "x", "x/bins"):
        with pytest.raises(OptionError, match=f"x: {bins} would be overwritten"):
            folder.check(config(out=Path("x"), bins=(Path(bins),)))


@pytest.mark.usefixtures("own_folder")
def test_a_link_that_leads_to_itself() -> None:
    Path("x").symlink_to("x")
    with pytest.raises(OptionError, match="x: a link that leads to itself; choose another -o"):
        folder.check(config(out=Path("x")))


def test_what_tells_of_earlier_bins_goes(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    for name in (report.REPORT, *report.TABLES, "notes.txt"):
        (tmp_path / name).touch()
    folder.clear(tmp_path, judge=None)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
