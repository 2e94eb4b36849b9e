"""`binner report`."""

from __future__ import annotations

from pathlib import Path

import pytest

from binner import report
from tests.commands import call
from tests.report import folder


def test_the_command(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(Path("out"))
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    assert call("report", "out") == 0
    assert capsys.readouterr().err.endswith("out/report.html\n")
    assert "bin_2" in folder.read(Path("out/report.html")).shown
    assert {path: path.read_bytes() for path in before} == before


def test_a_folder_that_may_not_be_written(
    own_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(Path("out"))
    before = sorted(Path("out").iterdir())
    monkeypatch.setattr(report, "can_write", lambda folder: False)  # told so, as root may write
    assert call("report", "out", "-q") == 2
    said = "Error: out: no permission to write, or a read-only disk; copy the folder, and name the copy\n"
    assert capsys.readouterr().err == said
    assert sorted(Path("out").iterdir()) == before


def test_quiet(own_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.write(Path("out"))
    assert call("report", "out", "-q") == 0
    assert capsys.readouterr() == ("", "")
