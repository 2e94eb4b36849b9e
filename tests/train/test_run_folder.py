"""The folder of a training run: one run at a time, whole or as it was; what a killed one left; its log."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from binner.errors import InputError, OptionError
from binner.train import target
from binner.train.journal import Journal
from binner.train.run_folder import RunFolder
from tests.commands import call

pytestmark = pytest.mark.usefixtures("own_folder")

ROOT = Path(__file__).parent.parent.parent


def test_tensorboard_has_the_same_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, float, int]] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            assert folder == str(tmp_path / "board")

        def add_scalar(self, name: str, value: float, step: int) -> None:
            seen.append((name, value, step))

        def close(self) -> None:
            seen.append(("closed", 0.0, 0))

    fake = type(sys)("torch.utils.tensorboard")
    fake.SummaryWriter = SummaryWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    journal = Journal(tmp_path / "log.csv", tensorboard=tmp_path / "board")
    journal.write(1, {"loss": 2.0})
    journal.figures = {"ari": 0.5}
    journal.write(2, {"loss": 1.0})
    journal.close()
    assert seen == [("loss", 2.0, 1), ("loss", 1.0, 2), ("ari", 0.5, 2), ("closed", 0.0, 0)]
    assert [(row["step"], row["loss"], row["ari"]) for row in journal.rows()] == [("1", "2", ""), ("2", "1", "0.5")]


def test_results_come_whole_or_not_at_all() -> None:
    folder = RunFolder(Path("deep/out"))

    def fail(work: Path) -> None:
        (work / "half").write_text("written")
        raise InputError("no")

    with pytest.raises(InputError):
        folder.begin({"a": 1}, fail)
    assert not Path("deep").exists()
    folder.begin({"a": 1, "b": Path("x")}, lambda work: None)
    assert folder.check({"a": 1, "b": Path("x")})
    with pytest.raises(OptionError, match="began with a 1, not 2"):
        folder.check({"a": 2, "b": Path("x")})
    with pytest.raises(InputError):
        folder.finish(fail)
    assert folder.holds_a_run(), "what was trained is still there"

    def fill(result: Path) -> None:
        (result / "model").write_text("x")

    folder.finish(fill)
    assert [path.name for path in folder.out.iterdir()] == ["model"]


HOLDER = """
import sys, time
from pathlib import Path
from binner.train.run_folder import RunFolder
with RunFolder(Path(sys.argv[1])).held():
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_run_at_a_time(genomes: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", HOLDER, "out"], stdout=subprocess.PIPE, env=environment) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        for line in (f"species {genomes} -o out --size tiny --device cpu", f"pack {genomes} -o out"):
            assert call("train", *line.split(), "-t", "1") == 2
            assert f"Error: out: in use by another run of binner (process {holder.pid} on " in capsys.readouterr().err
        holder.kill()
    with RunFolder(Path("out")).held():
        pass
    assert not list(Path("out").iterdir())


@pytest.mark.parametrize("content", ["{", "", "[1]", "{}"])
def test_damaged_settings_take_one_line(content: str) -> None:
    folder = RunFolder(Path("out"))
    folder.begin({"a": 1}, lambda work: None)
    (folder.work / "run.json").write_text(content)
    with pytest.raises((InputError, OptionError), match=r"remove out/training to begin anew|began with a None, not 1"):
        folder.check({"a": 1})


def test_a_torn_row_of_the_log_is_left_out(tmp_path: Path) -> None:
    Journal(tmp_path / "log.csv").write(1, {"loss": 2.0})
    with (tmp_path / "log.csv").open("a") as log:
        log.write("2,0.")
    Journal(tmp_path / "log.csv").write(3, {"loss": 1.0})
    assert [row["step"] for row in Journal(tmp_path / "log.csv").rows()] == ["1", "3"]


def test_what_a_run_left_that_was_killed_early_is_written_over() -> None:
    folder = RunFolder(Path("out"))
    (folder.out / target.UNFINISHED / "old").mkdir(parents=True)
    assert not folder.check({})
    folder.begin({}, lambda work: None)
    assert [path.name for path in folder.out.rglob("*")] == ["training", "run.json"]
