"""`binner evaluate bins`: what it compares, and its tables."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from binner.errors import InputError
from binner.evaluate.report import bins_table, compare, metrics_table
from tests.commands import call
from tests.evaluate import amber_case


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a gold standard and two binnings of it; the tests are in it."""
    monkeypatch.chdir(tmp_path)
    Path("gold.binning").write_text(amber_case.gold())
    Path("bins.binning").write_text(amber_case.bins())
    Path("few.tsv").write_text("c1\tx\nc2\tx\n")
    return tmp_path


def test_metrics_of_several_binnings(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("evaluate", "bins", "gold.binning", "bins.binning", "few.tsv", "-q") == 0
    rows = {row["metric"]: row for row in csv.DictReader(capsys.readouterr().out.splitlines(), delimiter="\t")}
    assert rows["bins"] == {"metric": "bins", "bins.binning": "5", "few.tsv": "1"}
    expected = amber_case.EXPECTED["accuracy_bp"]
    assert float(rows["accuracy_bp"]["bins.binning"]) == pytest.approx(expected, rel=1e-5)
    assert rows["precision_avg_bp_sem"]["few.tsv"] == "nan"


def test_tables_go_into_files(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(case.iterdir())
    assert call("evaluate", "bins", "gold.binning", "few.tsv", "-o", "out.tsv", "--per-bin", "per_bin.tsv") == 0
    assert capsys.readouterr().out == ""
    assert {path.name for path in set(case.iterdir()) - before} == {"out.tsv", "per_bin.tsv"}
    (row,) = csv.DictReader(Path("per_bin.tsv").read_text().splitlines(), delimiter="\t")
    assert row["genome"] == "A"
    assert (row["bp"], row["contigs"], row["purity_bp"]) == ("1400", "2", "1")


def test_short_contigs_do_not_count(case: Path) -> None:
    (found,) = compare(Path("gold.binning"), [Path("bins.binning")], min_length=3000).values()
    assert found.whole.contigs == 7
    assert set(found.genomes) == {"A", "B", "D"}
    assert metrics_table({"x": found}).startswith("metric\tx\ngenomes\t3\n")
    assert len(bins_table({"x": found}).splitlines()) == 4  # a head, x1, x2 and x5


def test_no_bins_are_scored_with_a_warning(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("empty").mkdir()
    assert call("evaluate", "bins", "gold.binning", "empty", "-q") == 0
    out, err = capsys.readouterr()
    assert "near_complete\t0\n" in out
    assert "empty: no bins in it (FASTA files)" in err


def test_lengths_of_a_fasta_file(case: Path) -> None:
    Path("truth.tsv").write_text("c1\tg\nc2\th\n")
    Path("contigs.fa").write_text(">c1\nACGT\n>c2\nAC\n")
    (found,) = compare(Path("truth.tsv"), [Path("few.tsv")], contigs=Path("contigs.fa")).values()
    assert found.genomes["g"].bp == 4


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("none.tsv", "few.tsv"), "none.tsv: no such file"),
        (("gold.binning", "other.tsv"), "other.tsv: none of its contigs ('z', ...)"),
        (("gold.binning", "few.tsv", "-o", "no/where.tsv"), "-o no/where.tsv: there is no such folder"),
        (("gold.binning", "few.tsv", "-o", "gold.binning"), "-o gold.binning: one of the inputs"),
        (("gold.binning", "few.tsv", "--per-bin", "./few.tsv"), "--per-bin few.tsv: one of the inputs"),
        (("gold.binning", "few.tsv", "--contigs", "c.fa", "-o", "c.fa"), "-o c.fa: one of the inputs"),
        (("gold.binning", "few.tsv", "-o", "t.tsv", "--per-bin", "link"), "-o and --per-bin are the same file: t.tsv"),
        (("gold.binning", "few.tsv", "-m", "5000"), "no contig of 5000 bp or more"),
        (("gold.binning",), "Missing argument 'BINS...'"),
    ],
)
def test_mistakes_are_one_line(
    case: Path, args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("other.tsv").write_text("z\tx\n")
    Path("c.fa").write_text(">c1\nACGT\n")
    Path("link").symlink_to("t.tsv")
    before = {path: path.read_bytes() for path in Path().iterdir() if path.is_file()}
    assert call("evaluate", "bins", *args, "-q") == 2
    assert {path: path.read_bytes() for path in Path().iterdir() if path.is_file()} == before
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_none_of_the_contigs_is_known(case: Path) -> None:
    with pytest.raises(InputError, match="of the length asked for"):
        compare(Path("gold.binning"), [Path("few.tsv")], min_length=3000)
