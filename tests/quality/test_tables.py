"""Tables of CheckM and CheckM2: each kind gives the same values, and every mistake one line."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from binner.errors import InputError
from binner.quality.tables import Judged, parse, read

REPORT = (
    "Name\tCompleteness\tContamination\tCompleteness_Model_Used\tTranslation_Table_Used\tGenome_Size\n"
    "bin_1\t93.69\t3.6\tNeural Network (Specific Model)\t11\t386821\n"
    "bin_2.fa\t50.0\t0\tGradient Boost (General Model)\t11\t379933\n"
)
BRIEF = "Bin Id\tMarker lineage\t0\t1\tCompleteness\tContamination\nbin_1\troot (UID1)\t7\t100\t93.69\t3.60\n"
LONG = "Bin Id\tMarker lineage\tCompleteness\tContamination\tGenome size (bp)\nbin_1\troot\t93.69\t3.60\t386821\n"
EXTENDED = "bin_1\t{'marker lineage': 'root', 'Completeness': 93.69, 'Contamination': 3.6, 'Genome size': 386821}\n"


def test_every_kind() -> None:
    found = parse(REPORT, source="x")
    assert found.tool == "checkm2"
    assert found.bins == {"bin_1": Judged(93.69, 3.6, 386821), "bin_2": Judged(50, 0, 379933)}
    for text, size in ((BRIEF, None), (LONG, 386821), (EXTENDED, 386821)):
        found = parse(text, source="x")
        assert found.tool == "checkm"
        assert found.bins == {"bin_1": Judged(93.69, 3.6, size)}


def test_as_files_come(tmp_path: Path) -> None:
    for content in (REPORT.encode(), gzip.compress(REPORT.replace("\n", "\r\n").encode())):
        (tmp_path / "report").write_bytes(content)
        assert read(tmp_path / "report").bins == parse(REPORT, source="x").bins


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "x: empty; a table of quality is"),
        ("contig\tbin\nc1\tbin_1\n", "x: none of the tables that are understood"),
        (BRIEF.replace("\t", "  "), "x: none of the tables that are understood.*--tab_table"),
        (REPORT + REPORT.splitlines()[1] + "\n", "x, line 4: bin 'bin_1' is there twice"),
        (REPORT.replace("\t379933", ""), "x, line 3: 5 columns, and the header has 6"),
        (REPORT.replace("50.0", "much"), "x, line 3: Completeness is 'much', which is no number of 0 and more"),
        (REPORT.replace("50.0", "500"), "x, line 3: a completeness of 500 is no percentage"),
        (REPORT.replace("\t3.6\t", "\t-1\t"), "x, line 2: Contamination is '-1'"),
        (REPORT.replace("\t3.6\t", "\tnan\t"), "x, line 2: Contamination is 'nan'"),
        (EXTENDED + "bin_2\tnothing\n", "x, line 2: no bin and its statistics"),
        (EXTENDED.replace("'Completeness': 93.69, ", ""), "x, line 1: Completeness is None"),
    ],
)
def test_mistakes(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse(text, source="x")


@pytest.mark.parametrize("row", ["{[]: 95}", "{" * 5000, "95"])
def test_no_statistics(row: str) -> None:
    with pytest.raises(InputError, match="line 2: no bin and its statistics"):
        parse(f"bin_1\t{{'Completeness': 90.0, 'Contamination': 1.0}}\nbin_2\t{row}\n", source="t")


def test_no_text(tmp_path: Path) -> None:
    (tmp_path / "table").write_bytes(b"\x00\xff\xfe")
    with pytest.raises(InputError, match="not a text file"):
        read(tmp_path / "table")
