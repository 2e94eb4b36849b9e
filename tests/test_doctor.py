"""The doctor says what is wrong, each thing by itself."""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
from configparser import ConfigParser
from pathlib import Path

import pytest

from binner import doctor, runtime, shipped
from binner.config import MachineConfig
from binner.doctor import Check, Surroundings

CPU = MachineConfig(device="cpu")


@pytest.fixture(autouse=True)
def surroundings(own_folder: Path) -> None:
    """A folder of one's own, and the environment as it was afterwards."""


def found(name: str, machine: MachineConfig = CPU, output: Path | None = None) -> Check:
    """One check alone."""
    around = Surroundings(machine, output or Path())
    return next(check for check in doctor.checks(around) if check.name == name)


def only(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Leave the other checks out: some of them load torch."""
    monkeypatch.setattr(doctor, "_CHECKS", {name: doctor._CHECKS[name] for name in names})


def test_nothing_has_failed_here() -> None:
    states = {check.name: check for check in doctor.checks(Surroundings(CPU))}
    assert list(states) == list(doctor._CHECKS)
    assert [check for check in states.values() if check.state == "failed"] == []
    assert "whitening and small embed" in states["libraries"].text


def test_one_that_breaks_down_lets_the_others_be(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "libraries", "memory")
    monkeypatch.setattr(doctor, "_LOADED", ("binner.nowhere",))
    libraries, memory = doctor.checks(Surroundings(CPU))
    assert libraries == Check("libraries", "failed", "ModuleNotFoundError: No module named 'binner.nowhere'")
    assert memory.state == "ok"


def requiring(monkeypatch: pytest.MonkeyPatch, *lines: str) -> Check:
    only(monkeypatch, "packages")
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: list(lines))
    return found("packages")


def test_packages_as_required(monkeypatch: pytest.MonkeyPatch) -> None:
    check = requiring(monkeypatch, "click>=8.1", "numpy", "nowhere>=1; extra == 'test'")
    assert (check.state, list(check.details)) == ("ok", ["click", "numpy"])


def test_a_package_that_does_not_go_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    check = requiring(monkeypatch, "faiss-cpu>=1.8")
    assert (check.state, check.text) == ("ok", "faiss-cpu (?)")


def test_packages_that_are_missing_or_old(monkeypatch: pytest.MonkeyPatch) -> None:
    check = requiring(monkeypatch, "click >=99.1", "no-such-package", "numpy>=1.26")
    assert check.state == "failed"
    assert f"click {importlib.metadata.version('click')} is older than 99.1; no-such-package is missing" in check.text


def test_every_requirement_is_understood() -> None:
    parser = ConfigParser()
    parser.read(Path(__file__).parent.parent / "setup.cfg")
    for line in parser["options"]["install_requires"].split("\n"):
        assert not line or doctor._REQUIREMENT.match(line.replace(" ", "")), line


def test_binner_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    only(monkeypatch, "packages")
    monkeypatch.setattr(importlib.metadata, "requires", requires)
    assert found("packages").state == "warning"


def test_files_that_are_not_as_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "shipped files")
    monkeypatch.setattr(shipped, "verify", lambda: {"models/a": "OK", "models/b": "changed"})
    check = found("shipped files")
    assert (check.state, check.text) == ("failed", "models/b: changed: install binner anew")


def test_an_output_folder_that_will_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "output folder")
    check = found("output folder", output=Path("a/b"))
    assert check.state == "ok"
    assert check.text.startswith(f"{Path.cwd()}/a/b, ")
    assert not Path("a").exists()


@pytest.mark.parametrize("folder", ["/proc/1", "file"])
def test_an_output_folder_that_cannot_be_written(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "output folder")
    Path("file").write_text("")
    check = found("output folder", output=Path(folder))
    assert check.state == "failed"
    assert check.text.endswith("choose another -o")


def test_no_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "temporary folder")

    def gettempdir() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", gettempdir)
    check = found("temporary folder")
    assert (check.state, "export TMPDIR" in check.text) == ("failed", True)


def test_where_compiled_code_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "compiled code")
    monkeypatch.setenv("NUMBA_CACHE_DIR", f"{Path.cwd()}/numba")
    check = found("compiled code")
    assert (check.state, check.details["folder"]) == ("ok", f"{Path.cwd()}/numba")


def test_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "GPU")
    monkeypatch.setattr(runtime, "gpus", lambda: ([("H200", 141 * 10**9)], ""))
    monkeypatch.setattr(runtime, "choose_device", lambda asked: "cuda:0")
    assert found("GPU", MachineConfig()).text == "H200 (141.0 GB); --device auto is cuda:0"


def test_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "GPU")
    monkeypatch.setattr(runtime, "_GPU_NODES", ())
    assert found("GPU", MachineConfig()).state == "ok"
    check = found("GPU", MachineConfig(device="cuda"))
    assert check.state == "failed"
    assert "no usable GPU" in check.text


def test_more_threads_than_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "threads")
    assert found("threads", MachineConfig(1000, "cpu")).state == "warning"
    assert found("threads").text == f"1; granted here: {runtime.granted_threads()} of {os.cpu_count()}"


def test_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    only(monkeypatch, "memory")
    assert found("memory", MachineConfig(max_memory=10**9)).state == "warning"
    assert found("memory", MachineConfig(max_memory=4 * 10**9)).details == {"bytes": "4000000000"}
