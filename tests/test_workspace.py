"""One run at a time in a folder of its own, without a trace of runs that could not begin."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from binner import workspace
from binner.errors import OptionError
from binner.workspace import open_workspace

HOLD = """
import sys, time
from pathlib import Path
from binner.workspace import open_workspace
with open_workspace(Path(sys.argv[1])) as space:
    print("in", flush=True)
    time.sleep(60)
"""


def hold(out: Path) -> subprocess.Popen[str]:
    """Another process that is in the folder."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(out)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


def test_a_folder_is_made_and_taken_up_again(tmp_path: Path) -> None:
    out = tmp_path / "a" / "b"
    with open_workspace(out) as space:
        space.cache.save("stage", "k", 1)
        (out / "results.tsv").write_text("")
    with open_workspace(out) as space:
        assert space.cache.load("stage", "k") == 1
        left = [space.inside / name for name in ("half.tmp", "stdin.fa", "quality/bins/bin_1.fa")]
        for path in left:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
    with open_workspace(out) as space:
        assert sorted(path.name for path in space.inside.iterdir()) == ["lock", "stage.npz"], "a killed run left others"
    with open_workspace(out, force=True) as space:
        assert space.cache.load("stage", "k") is None
        assert [path.name for path in space.inside.iterdir()] == ["lock"]
    assert (out / "results.tsv").exists()


def test_an_empty_folder_will_do(tmp_path: Path) -> None:
    with open_workspace(tmp_path) as space:
        assert space.inside.is_dir()


def test_a_file_will_not(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OptionError, match="a file, and the results need a folder"), open_workspace(tmp_path / "out"):
        pass
    assert (tmp_path / "out").read_text() == "mine"


@pytest.mark.parametrize("force", [True, False])
def test_a_folder_of_others_will_not(force: bool, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(OptionError, match="files that are not binner's"), open_workspace(tmp_path, force=force):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("out", ["/proc/binner_out", "/dev/null/x", "/proc/1/a/b"])
def test_a_place_that_cannot_be_written(out: str) -> None:
    with pytest.raises(OptionError, match=r"cannot be written there|a file"), open_workspace(Path(out)):
        pass


def test_a_finished_run_that_may_not_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_workspace(tmp_path / "out") as space:
        space.cache.save("stage", "k", 1)
    monkeypatch.setattr(workspace, "can_write", lambda folder: False)  # told so, as root may write
    message = r"out: results cannot be written there: no permission, or a read-only disk; choose another -o"
    with pytest.raises(OptionError, match=message), open_workspace(tmp_path / "out"):
        pass


@pytest.mark.parametrize("before", [True, False], ids=["empty folder", "no folder"])
def test_a_run_that_keeps_nothing_leaves_nothing(before: bool, tmp_path: Path) -> None:
    out = tmp_path / "a" / "out"
    if before:
        out.mkdir(parents=True)
    with pytest.raises(ZeroDivisionError), open_workspace(out) as space:
        (space.inside / "stdin.fa").write_text(">a")
        space.log.write_text("began")
        raise ZeroDivisionError
    assert list(tmp_path.rglob("*")) == ([tmp_path / "a", out] if before else [])


def test_a_full_disk_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space") as caught, open_workspace(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "out")


def test_what_others_put_beside_it_stays(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_workspace(tmp_path / "a" / "out"):
        (tmp_path / "a" / "other").mkdir()
        raise ZeroDivisionError
    assert list(tmp_path.rglob("*")) == [tmp_path / "a", tmp_path / "a" / "other"]


def test_kept_results_outlive_an_error(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), open_workspace(tmp_path / "out") as space:
        space.cache.save("stage", "k", 1)
        raise ZeroDivisionError
    with open_workspace(tmp_path / "out") as space:
        assert space.cache.load("stage", "k") == 1


def test_an_error_does_not_touch_earlier_runs(tmp_path: Path) -> None:
    with open_workspace(tmp_path / "out") as space:
        space.log.write_text("first")
    with pytest.raises(ZeroDivisionError), open_workspace(tmp_path / "out"):
        raise ZeroDivisionError
    assert space.log.read_text() == "first"


def test_one_run_at_a_time(tmp_path: Path) -> None:
    other = hold(tmp_path / "out")
    try:
        message = rf"in use by another run of binner \(process {other.pid} on {socket.gethostname()}\)"
        with pytest.raises(OptionError, match=message), open_workspace(tmp_path / "out"):
            pass
        assert (tmp_path / "out" / ".binner" / "lock").exists()
    finally:
        kill(other)
    with open_workspace(tmp_path / "out"):  # the dead hold no locks
        pass


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that keeps no locks."""

    def refuse(*args: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)


def note(out: Path, **holder: object) -> None:
    (out / ".binner").mkdir(parents=True)
    (out / ".binner" / "lock").write_text(json.dumps(holder))


def test_without_locks_the_living_are_respected(no_locks: None, tmp_path: Path) -> None:
    note(tmp_path, pid=os.getppid(), host=socket.gethostname())
    message = rf"in use by another run of binner \(process {os.getppid()} on "
    with pytest.raises(OptionError, match=message), open_workspace(tmp_path):
        pass


def test_without_locks_the_dead_are_succeeded(no_locks: None, tmp_path: Path) -> None:
    dead = hold(tmp_path / "elsewhere")
    kill(dead)
    note(tmp_path / "out", pid=dead.pid, host=socket.gethostname())
    with open_workspace(tmp_path / "out") as space:
        assert json.loads((space.inside / "lock").read_text())["pid"] == os.getpid()
    assert (space.inside / "lock").read_text() == "", "a run that ends in peace takes its name off"


def test_without_locks_other_hosts_cannot_be_asked(
    no_locks: None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    note(tmp_path, pid=1, host="node17")
    with open_workspace(tmp_path):
        pass
    assert "process 1 on node17" in caplog.text


@pytest.mark.parametrize("content", ["", "x", "[]", '{"pid": "1"}'])
def test_a_lock_file_with_anything_in_it(content: str, no_locks: None, tmp_path: Path) -> None:
    (tmp_path / ".binner").mkdir()
    (tmp_path / ".binner" / "lock").write_text(content)
    with open_workspace(tmp_path):
        pass


def test_a_folder_that_vanishes_under_the_lock_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its holder met an error and removed it between our opening of the lock file and our locking it."""
    real = fcntl.flock

    def late(lock: int, how: int) -> None:
        (tmp_path / "out" / ".binner" / "lock").unlink()
        real(lock, how)

    monkeypatch.setattr(fcntl, "flock", late)
    with pytest.raises(OptionError, match="in use"), open_workspace(tmp_path / "out"):
        pass


def test_processes_of_others_are_alive() -> None:
    assert workspace._alive(1)
    assert workspace._alive(os.getpid())
