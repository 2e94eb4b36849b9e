"""What a tool says goes into `bins.tsv`, beside what is there; a table of other bins leaves it as it was."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import pytest

from binner.errors import InputError
from binner.quality.columns import add, names_of
from binner.quality.tables import Judged, QualityTable

BINS = (
    "bin\tbp\tcontigs\tcompleteness\tcontamination\ttier\tdepth:S1\n"
    "bin_1\t2000\t3\t\t\tunknown\t1.5\n"
    "bin_2\t1000\t1\t\t\tunknown\t2\n"
)


@pytest.fixture
def bins(tmp_path: Path) -> Path:
    (tmp_path / "bins.tsv").write_text(BINS)
    return tmp_path / "bins.tsv"


def said(values: Mapping[str, tuple[float, float]], *, size: int | None = 2000) -> QualityTable:
    return QualityTable("checkm2", {name: Judged(*value, size) for name, value in values.items()}, "report.tsv")


def test_columns_come_behind_the_tier_and_replace_their_own(bins: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert add(bins, said({"bin_1": (90.006, 4.999), "foreign": (1, 1)})) == {"near-complete": 1, "unknown": 1}
    assert "report.tsv: names 1 of 2 bins, not bin_2" in caplog.text
    assert bins.read_text() == (
        "bin\tbp\tcontigs\tcompleteness\tcontamination\ttier\tcheckm2_completeness\tcheckm2_contamination"
        "\tcheckm2_tier\tdepth:S1\n"
        "bin_1\t2000\t3\t\t\tunknown\t90.01\t5.00\tnear-complete\t1.5\n"
        "bin_2\t1000\t1\t\t\tunknown\t\t\tunknown\t2\n"
    )
    one = QualityTable("checkm", {"bin_1": Judged(60, 1, None), "bin_2": Judged(10, 11, None)}, "qa.tsv")
    assert add(bins, one) == {"medium": 1, "contaminated": 1}
    assert add(bins, said({"bin_1": (20, 0), "bin_2": (99, 0)}, size=None)) == {"low": 1, "near-complete": 1}
    head, first, second = (line.split("\t") for line in bins.read_text().splitlines())
    assert head[5:] == [
        *("tier", "checkm_completeness", "checkm_contamination", "checkm_tier"),
        *("checkm2_completeness", "checkm2_contamination", "checkm2_tier", "depth:S1"),
    ]
    assert first[5:] == ["unknown", "60.00", "1.00", "medium", "20.00", "0.00", "low", "1.5"]
    assert second[5:] == ["unknown", "10.00", "11.00", "contaminated", "99.00", "0.00", "near-complete", "2"]
    assert names_of(bins) == ["bin_1", "bin_2"]


def test_other_bins(bins: Path) -> None:
    with pytest.raises(InputError, match=r"report.tsv: names none of the 2 bins.*\('maxbin.1' there, 'bin_1' here\)"):
        add(bins, said({"maxbin.1": (90, 1)}))
    with pytest.raises(InputError, match="other bins: bin_2 has 2,000 bp there and 1,000 bp here"):
        add(bins, said({"bin_1": (90, 1), "bin_2": (90, 1)}))
    assert bins.read_text() == BINS


def test_no_table_of_bins(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"bins.tsv: cannot be read"):
        names_of(tmp_path / "bins.tsv")
    for text in ("", "name\tbp\n", BINS + "bin_3\t5\n"):
        (tmp_path / "bins.tsv").write_text(text)
        with pytest.raises(InputError, match="not as binner writes it"):
            names_of(tmp_path / "bins.tsv")
