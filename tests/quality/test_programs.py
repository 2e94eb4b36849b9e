"""CheckM and CheckM2 as programs: what they need is asked for before, how they fail is said after."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from binner.config import QualityConfig
from binner.errors import InputError, OptionError, ProgramError
from binner.quality import programs
from tests.quality.tools import script

HELPERS = ("prodigal", "hmmsearch", "pplacer")
MODELS = "HMMER3/f [3.4 | Aug 2023]\n"
SET = "# [Lineage Marker File]\n"


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that all programs are looked for in, with those of the system behind it."""
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.delenv(programs.DATA, raising=False)
    (tmp_path / "markers").write_text(MODELS)
    return tmp_path / "bin"


def data(folder: Path) -> Path:
    """A data root as CheckM's, to look at."""
    for name in ("hmms/phylo.hmm", "hmms/checkm.hmm", "genome_tree/x"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def checkm(path: Path, *lines: str, without: str = "") -> None:
    for name in {*HELPERS} - {without}:
        script(path / name)
    script(path / "checkm", *lines)


def test_programs_that_are_missing(path: Path, tmp_path: Path) -> None:
    for tool in ("checkm", "checkm2"):
        with pytest.raises(OptionError, match=f"^{tool} is not on the PATH"):
            programs.find(QualityConfig(tool))
    script(path / "checkm")
    with pytest.raises(OptionError, match=r"CheckM calls .*pplacer, not on the PATH"):
        programs.find(QualityConfig("checkm"))
    checkm(path, without="pplacer")
    found = programs.find(QualityConfig("checkm", tmp_path / "markers"))
    assert (found.tool, found.path, found.data) == ("checkm", path / "checkm", None)


def test_data_of_checkm(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkm(path)
    with pytest.raises(OptionError, match=r"CheckM has no data: unpack .* set CHECKM_DATA_PATH .* --checkm-markers"):
        programs.find(QualityConfig("checkm"))
    (tmp_path / "markers").write_text(SET)  # which names families of the data
    with pytest.raises(OptionError, match="CheckM has no data"):
        programs.find(QualityConfig("checkm", tmp_path / "markers"))
    (tmp_path / "other").mkdir()
    monkeypatch.setenv(programs.DATA, str(tmp_path / "other"))
    with pytest.raises(OptionError, match=r"other: no data of CheckM, hmms/phylo.hmm is not in it"):
        programs.find(QualityConfig("checkm"))
    monkeypatch.setenv(programs.DATA, str(data(tmp_path / "data")))
    assert programs.find(QualityConfig("checkm")).data == tmp_path / "data"
    monkeypatch.delenv(programs.DATA)
    config = tmp_path / "lib" / "python3.11" / "site-packages" / "checkm" / "DATA_CONFIG"  # checkm data setRoot
    config.parent.mkdir(parents=True)
    config.write_text('{"dataRoot": "%s", "manifestType": "CheckM"}' % (tmp_path / "data"))
    assert programs.find(QualityConfig("checkm")).data == tmp_path / "data"
    config.write_text('{"dataRoot": "", "manifestType": "CheckM"}')
    with pytest.raises(OptionError, match="CheckM has no data"):
        programs.find(QualityConfig("checkm"))


def test_markers_that_are_none(path: Path, tmp_path: Path) -> None:
    checkm(path)
    (tmp_path / "markers").write_bytes(b"\xfd7zXZ\n")
    with pytest.raises(InputError, match="markers: neither models of HMMER 3"):
        programs.find(QualityConfig("checkm", tmp_path / "markers"))
    with pytest.raises(OptionError, match="--checkm-markers goes with --quality checkm, not with checkm2"):
        QualityConfig("checkm2", tmp_path / "markers")


def judge(config: QualityConfig, folder: Path, *, memory: int = 10**11) -> str:
    fasta = folder / "a bin.fa"
    fasta.write_text(">a\nACGT\n")
    return programs.find(config).judge([fasta], folder / "work", threads=3, memory=memory)


RECORD = 'echo "$PWD: $@" >> "$HERE/calls"; ls -L bins >> "$HERE/calls"'


def test_the_way_by_lineage(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What CheckM is asked to do: the tree fits into the memory, and names have no spaces or folders in them."""
    monkeypatch.setenv("HERE", str(tmp_path))
    monkeypatch.setenv(programs.DATA, str(data(tmp_path / "data")))
    checkm(path, RECORD, f'test "${programs.DATA}" = "{tmp_path}/data" || exit 9', "echo table > table.tsv")
    assert judge(QualityConfig("checkm"), tmp_path) == "table\n"
    work = tmp_path / "work"
    assert (tmp_path / "calls").read_text() == (
        f"{work}: lineage_wf -x fa -t 3 --pplacer_threads 1 bins out\na bin.fa\n"
        f"{work}: qa -t 3 -o 2 --tab_table -f table.tsv out/lineage.ms out\na bin.fa\n"
    )
    assert programs._tree(41 * 10**9) == programs._tree(10**9) == ["--reduced_tree"]


def test_checkm2(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE", str(tmp_path))
    script(
        path / "checkm2",
        "test $1 = --version && echo 1.0.2 && exit",
        RECORD,
        "mkdir out; cp bins/* out/quality_report.tsv",
    )
    assert judge(QualityConfig("checkm2"), tmp_path) == ">a\nACGT\n"
    assert "predict --threads 3 -x fa --input bins --output-directory out" in (tmp_path / "calls").read_text()
    assert programs.find(QualityConfig("checkm2")).version() == "1.0.2"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            ["echo; echo '[2026-11-21 18:28:22] ERROR: no bins' >&2; exit 3"],
            r"analyze failed \(code 3\): no bins; binner.log",
        ),
        (["kill -9 $$"], r"checkm analyze failed \(signal 9\): it said nothing"),
        (["exit 0"], "checkm ended without its table"),
    ],
)
def test_failures(path: Path, tmp_path: Path, lines: list[str], said: str) -> None:
    checkm(path, *lines)
    with pytest.raises(ProgramError, match=said):
        judge(QualityConfig("checkm", tmp_path / "markers"), tmp_path)


def test_an_interrupted_program_leaves_no_processes(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkm(path, "sleep 60 &", f"echo $! > {tmp_path}/child", "echo begun", "wait")

    def interrupt(*said: object) -> None:
        if "begun" in said:
            raise KeyboardInterrupt

    monkeypatch.setattr(programs.logger, "debug", interrupt)
    with pytest.raises(KeyboardInterrupt):
        judge(QualityConfig("checkm", tmp_path / "markers"), tmp_path)
    child = int((tmp_path / "child").read_text())
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(child)], capture_output=True, text=True, env=os.environ)
        if not state.stdout.strip() or state.stdout.startswith("Z"):
            return
        time.sleep(0.05)
    raise AssertionError(f"process {child} still runs")
