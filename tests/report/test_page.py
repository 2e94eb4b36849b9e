"""The page says what the tables say, without a script, safe from any name, and of a size that is bounded."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from binner import report
from binner.errors import InputError
from binner.report import figures, gallery, page
from tests.report import folder

NASTY = (
    "</script><script>document.title='gone'</script>",
    "<img/src=x/onerror=alert(1)>",
    "a&amp;b",
    "'\"`",
    "\u2028e",
)


def write(out: Path, **changes: Any) -> folder.Page:
    folder.write(out, **changes)
    return folder.read(report.write(out))


def test_the_essentials_are_there_without_a_script(tmp_path: Path) -> None:
    names = tuple(f"c{number}" for number in range(60))
    folder.write(tmp_path / "out", contigs=names)
    folder.keep_embedding(tmp_path / "out", names)
    found = folder.read(report.write(tmp_path / "out"))
    assert found.titles == [
        "Bins by tier",
        "Completeness and contamination, by marker genes",
        "Depth and GC",
        "Map of the contigs",
        "Lengths of contigs",
    ]
    assert sum(tag == "svg" and "role" in of for tag, of in found.tags) == 6
    for told in (
        *("soil", "2 near-complete", "of 60 that took part", "bin_1", "95.00", "1.25", "51.50", "15"),
        *("binner run soil.fa.gz", "markers", "3.25", "6.50", "123 MB", "clustering (from an earlier run)"),
        *("2 threads of 4, cpu, Linux", "/data/soil.fa.gz", "coverage.bams", "numpy"),
    ):
        assert told in found.shown, told
    assert "Not drawn" not in found.shown


def test_unknown_depths_are_left_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    names = tuple(f"c{number}" for number in range(60))
    folder.write(tmp_path / "out", contigs=names, unknown=("bin_1", *names[:20]))
    folder.keep_embedding(tmp_path / "out", names)
    found = folder.read(report.write(tmp_path / "out"))
    assert (len(found.titles), "Not drawn" in found.shown, caplog.messages) == (5, False, [])
    assert "Depth against GC of 40 contigs" in (tmp_path / "out" / "report.html").read_text()
    first, second = json.loads(found.data)
    assert first["depth"].count(None) == second["depth"].count(None) == 10
    assert "nan" not in (tmp_path / "out" / "report.html").read_text().lower().split("<script")[0]


def test_the_contigs_of_each_bin_are_in_the_data(tmp_path: Path) -> None:
    found = write(tmp_path / "out")
    first, second = json.loads(found.data)
    assert (first["name"], sorted(first["contigs"]), sorted(second["contigs"])) == ("bin_1", ["a", "c"], ["b", "d"])
    assert first["length"] == sorted(first["length"], reverse=True)
    assert (first["more"], first["probability"]) == (0, [0.75, 0.75])


def test_names_with_markup(tmp_path: Path) -> None:
    found = write(tmp_path / "out", contigs=NASTY, bins=NASTY[:2], samples=NASTY[:3], assembly="<b>soil")
    assert [tag for tag, _ in found.tags if tag in ("img", "b")] == ["b"] * 6, "those of the tiles"
    assert NASTY[0] in found.shown
    listed = [name for each in json.loads(found.data) for name in each["contigs"]]
    assert sorted(listed) == sorted(NASTY[:4]), "the last contig is in no bin"
    assert "</script" not in found.data


def test_a_long_name_is_cut(tmp_path: Path) -> None:
    found = write(tmp_path / "out", contigs=("x" * 50 + "y" * 5000, "b"), bins=("bin_1",))
    (name,) = json.loads(found.data)[0]["contigs"]
    assert len(name) == page.LONGEST_NAME
    assert name.startswith("xxx")
    assert name.endswith("yyy")


@pytest.mark.parametrize(
    ("changes", "titles"),
    [
        ({"samples": ()}, {"Depth and GC"}),
        ({"markers": False}, {"Completeness and contamination, by marker genes"}),
        ({"bins": ()}, {"Completeness and contamination, by marker genes"}),
        ({"contigs": ("a",), "bins": ()}, {"Completeness and contamination, by marker genes"}),
    ],
)
def test_what_is_not_known_is_not_drawn(changes: dict[str, Any], titles: set[str], tmp_path: Path) -> None:
    every = set(write(tmp_path / "one").titles)
    assert every - set(write(tmp_path / "two", **changes).titles) == titles


def test_no_contigs(tmp_path: Path) -> None:
    found = write(tmp_path / "out", bins=(), contigs=())
    assert "No contig was long enough" in found.shown
    assert json.loads(found.data) == []


def test_other_judges_have_figures_and_columns_too(tmp_path: Path) -> None:
    found = write(tmp_path / "out", extra=("checkm2_completeness", "checkm2_contamination"))
    assert found.titles[:3] == [
        "Bins by tier, by checkm2",
        *(f"Completeness and contamination, by {name}" for name in ("checkm2", "marker genes")),
    ]
    assert "completeness (checkm2), %" in found.shown
    assert "12.50" in found.shown


def test_no_embedding_no_map(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert "Not drawn: no embedding is kept" in write(tmp_path / "out").shown
    assert caplog.text == "", "it may have been removed to free the space"
    folder.keep_embedding(tmp_path / "out", ("x", "y"))
    assert "is that of other contigs" in folder.read(report.write(tmp_path / "out")).shown
    assert "no map: the embedding kept" in caplog.text
    (tmp_path / "out" / ".binner" / "embedding.npz").write_bytes(b"no embedding")
    assert "Not drawn: no embedding is kept" in folder.read(report.write(tmp_path / "out")).shown
    assert "damaged" in caplog.text


def test_a_figure_that_fails_takes_nothing_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> str:
        raise ZeroDivisionError("by nought")

    monkeypatch.setattr(figures, "depth_gc", fail)
    found = write(tmp_path / "out")
    assert "Not drawn: it failed" in found.shown
    assert "Lengths of contigs" in found.titles
    assert "'Depth and GC' cannot be drawn (ZeroDivisionError: by nought)" in caplog.text


def test_neighbouring_bins_differ_in_colour() -> None:
    rng = np.random.default_rng(1)
    centres = rng.random((60, 2))
    colours = figures.colours_of(centres)
    distance = ((centres[:, None] - centres[None]) ** 2).sum(-1)
    np.fill_diagonal(distance, np.inf)
    assert set(colours.tolist()) == set(range(figures.COLOURS))
    assert (colours[distance.argmin(1)] != colours).all()


def test_the_size_is_bounded(tmp_path: Path) -> None:
    """100,000 contigs in 400 bins: the longest are drawn and listed, and the page says how many."""
    names = tuple(f"k141_{number}" for number in range(100_000))
    folder.write(tmp_path / "out", contigs=names, bins=tuple(f"bin_{number}" for number in range(1, 401)))
    folder.keep_embedding(tmp_path / "out", names)
    began = time.process_time()
    path = report.write(tmp_path / "out")
    assert time.process_time() - began < 60, "10 s on a machine with nothing else to do"
    assert path.stat().st_size < 2_500_000
    found = folder.read(path)
    assert f"Drawn are the {gallery.MOST_CONTIGS:,} longest of 100,000 contigs" in found.shown
    bins = json.loads(found.data)
    assert sum(len(each["contigs"]) for each in bins) == page.MOST_LISTED
    assert all(each["more"] + len(each["contigs"]) in (249, 250) for each in bins)


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    write(tmp_path / "out")
    before = (tmp_path / "out" / "report.html").read_bytes()
    (tmp_path / "out" / "bins.tsv").write_text("bin\n")
    with pytest.raises(InputError):
        report.write(tmp_path / "out")
    assert (tmp_path / "out" / "report.html").read_bytes() == before
    assert not list((tmp_path / "out").glob(".*.tmp"))
    report.remove(tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["bins.tsv", "contigs.tsv", "run.json"]


def test_tables_for_multiqc(tmp_path: Path) -> None:
    write(tmp_path / "out", extra=("checkm2_completeness", "checkm2_contamination"))
    assert {path.name for path in (tmp_path / "out").glob("*_mqc.tsv")} == set(report.TABLES)
    for name in report.TABLES:
        lines = (tmp_path / "out" / name).read_text().splitlines()
        settings = [line for line in lines if line.startswith("# ")]
        rows = [line.split("\t") for line in lines[len(settings) :]]
        assert settings[0].startswith("# id: binner_")
        assert len({len(row) for row in rows}) == 1
        assert all(row[0].startswith("soil") for row in rows[1:])
    assert rows[1] == ["soil: bin_1", *rows[1][1:3], "5000", "51.5", "12.5", "12.5", "95.0", "1.25", "near-complete"]
