"""The log and run.json say what happened."""

from __future__ import annotations

import json
import logging
import os
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from binner import __version__, record
from binner.config import CoverageConfig, MachineConfig, RunConfig
from binner.errors import InputError

SUMMARY = record.Summary(
    out=Path("soil_binner"),
    bins=3,
    near_complete=1,
    contigs=120,
    bp=12_340_000,
    binned_contigs=100,
    binned_bp=9_870_000,
    seconds=12.3,
    peak_memory=814_000_000,
)
CONFIG = RunConfig(
    Path("soil.fa"), coverage=CoverageConfig(bams=(Path("a.bam"),)), machine=MachineConfig(threads=2), seed=7
)


def test_the_summary_is_one_line() -> None:
    line = "3 bins (1 near-complete), 9.9 Mb of 12.3 Mb binned in 12 s, 814 MB; results in soil_binner"
    assert str(SUMMARY) == line
    assert str(replace(SUMMARY, bins=1, near_complete=None)).startswith("1 bin, 9.9 Mb of")


def test_the_log_holds_everything_and_the_end(tmp_path: Path) -> None:
    log = tmp_path / "binner.log"
    log.write_text("earlier\n")
    logger = logging.getLogger("binner.somewhere")
    before = logging.getLogger("binner").level
    with pytest.raises(InputError), record.log_to(log):
        logger.debug("a detail")
        raise InputError("contigs.fa: bad")
    logger.error("after the end")
    text = log.read_text()
    assert text.startswith("earlier\n")
    assert "DEBUG binner.somewhere: a detail" in text
    assert "ERROR binner.record: The run ended early\nTraceback" in text
    assert "contigs.fa: bad" in text
    assert "after the end" not in text
    assert logging.getLogger("binner").level == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_a_full_disk_is_no_matter_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    with record.log_to(Path("/dev/full")):
        logging.getLogger("binner").warning("a detail")
    assert capsys.readouterr().err == ""


def test_the_log_takes_names_that_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logging.getLogger("binner"), "propagate", False)  # pytest's own log cannot take them
    with record.log_to(tmp_path / "log"):
        logging.getLogger("binner").debug("%s", Path(os.fsdecode(b"S\xff.bam")))
    assert "S\\udcff.bam" in (tmp_path / "log").read_text()


def test_the_log_holds_warnings_of_libraries(tmp_path: Path) -> None:
    logging.captureWarnings(True)
    try:
        with record.log_to(tmp_path / "log"), warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("deprecated, somewhere", DeprecationWarning, stacklevel=1)
    finally:
        logging.captureWarnings(False)
    assert "deprecated, somewhere" in (tmp_path / "log").read_text()


def test_the_beginning_says_what_with(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "binner"):
        record.log_start(CONFIG, command=["binner", "run", "my contigs.fa"], device="cpu", memory=4 * 10**9)
    first = caplog.messages[0]
    assert first == f"binner {__version__}, 2 threads, cpu, up to 4.0 GB of memory; results go to soil_binner"
    assert "command: binner run 'my contigs.fa'" in caplog.messages


def test_run_json(tmp_path: Path) -> None:
    (tmp_path / "soil.fa").write_text(">a\nACGT\n")
    path = tmp_path / "run.json"
    record.write_record(
        path,
        CONFIG,
        command=["binner", "run", "soil.fa"],
        device="cpu",
        inputs=[record.describe_input(tmp_path / "soil.fa")],
        samples=("S1", "S2"),
        stages=[{"name": "contigs", "seconds": 0.1}],
        quality={},
        summary=SUMMARY,
    )
    found = json.loads(path.read_text())
    assert found["tool"] == "binner"
    assert found["versions"]["binner"] == __version__
    assert {"python", "numpy", "torch"} <= set(found["versions"])
    assert found["command"] == "binner run soil.fa"
    assert found["options"]["coverage"]["bams"] == ["a.bam"]
    assert found["seed"] == 7
    assert found["inputs"][0]["path"] == str(tmp_path / "soil.fa")
    assert found["inputs"][0]["bytes"] == 8
    assert len(found["inputs"][0]["fingerprint"]) == 32
    assert found["samples"] == ["S1", "S2"]
    assert found["host"]["threads"] == 2
    assert found["stages"] == [{"name": "contigs", "seconds": 0.1}]
    assert found["quality"] == {}
    record.add_quality(path, {"checkm": {"tiers": {"medium": 1}}})
    assert json.loads(path.read_text()) == {**found, "quality": {"checkm": {"tiers": {"medium": 1}}}}
    path.write_text("[]")
    with pytest.raises(InputError, match=r"run.json: not as binner writes it"):
        record.add_quality(path, {})
    assert found["summary"]["binned_bp"] == 9_870_000
    assert {each.name for each in tmp_path.iterdir()} == {"soil.fa", "run.json"}, "nothing half-written is left"


def test_libraries_that_are_missing_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_LIBRARIES", ("numpy", "no-such-library"))
    assert set(record.versions()) == {"binner", "python", "numpy"}
