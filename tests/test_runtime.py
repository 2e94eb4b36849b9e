"""Threads, devices and caches follow what the machine and the scheduler grant."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from binner import runtime
from binner.errors import DeviceError, OptionError
from tests.commands import same_environment

HERE = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def system(root: Path, cgroup: str, files: dict[str, str]) -> Path:
    """A root folder with /proc/self/cgroup and the control groups' files."""
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(cgroup)
    for name, value in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value)
    return root


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that lets this process run on eight CPUs."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


@pytest.mark.parametrize("name", ["SLURM_CPUS_PER_TASK", "NSLOTS", "PBS_NCPUS", "LSB_DJOB_NUMPROC"])
def test_the_scheduler_sets_the_threads(name: str, eight: None, tmp_path: Path) -> None:
    assert runtime.granted_threads({name: "3"}, system=tmp_path) == 3
    assert runtime.granted_threads({name: "64"}, system=tmp_path) == 8, "not more than the process may run on"
    assert runtime.granted_threads({name: "many"}, system=tmp_path) == 8
    assert runtime.granted_threads({name: "0"}, system=tmp_path) == 1


@pytest.mark.parametrize(("processes", "threads"), [("1", 8), ("3", 2), ("16", 1), ("0", 8), ("x", 8)])
def test_processes_of_torchrun_share_the_threads(processes: str, threads: int, eight: None, tmp_path: Path) -> None:
    assert runtime.granted_threads({"LOCAL_WORLD_SIZE": processes}, system=tmp_path) == threads


@pytest.mark.parametrize(("capability", "expected"), [((7, 5), False), ((8, 0), True), ((9, 0), True)])
def test_gpus_that_have_bf16(capability: tuple[int, int], expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    assert runtime.gpu_has_bf16("cuda:1") is expected


def test_affinity_alone(tmp_path: Path) -> None:
    assert runtime.granted_threads({}, system=tmp_path) == HERE


@pytest.mark.parametrize(
    ("cgroup", "files", "threads"),
    [
        ("0::/job\n", {"job/cpu.max": "250000 100000\n"}, 3),
        ("0::/job\n", {"job/cpu.max": "max 100000\n"}, 8),
        ("0::/job/step\n", {"job/step/cpu.max": "max 100000", "job/cpu.max": "200000 100000"}, 2),
        ("0::/only/on/the/host\n", {"cpu.max": "100000 100000"}, 1),
        ("4:cpu,cpuacct:/job\n", {"cpu,cpuacct/job/cpu.cfs_quota_us": "50000",
                                  "cpu,cpuacct/job/cpu.cfs_period_us": "100000"}, 1),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 8),
        ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "400000", "cpu/cpu.cfs_period_us": "100000"}, 4),
        ("4:cpuset:/\n", {"cpuset/cpu.cfs_quota_us": "100000", "cpuset/cpu.cfs_period_us": "100000"}, 8),
        ("", {}, 8),
    ],
)  # fmt: skip
def test_quotas_of_control_groups(
    cgroup: str, files: dict[str, str], threads: int, eight: None, tmp_path: Path
) -> None:
    assert runtime.granted_threads({}, system=system(tmp_path, cgroup, files)) == threads


LIBRARIES = """
from binner import runtime
runtime.limit_threads(1)
import faiss, numba, numpy, scipy.linalg, sklearn, threadpoolctl, torch
late = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
print(set(late), torch.get_num_threads(), faiss.omp_get_max_threads(), numba.get_num_threads())
runtime.limit_loaded_libraries(1)
"""
LOADED = """
import os
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "2"
import faiss, numba, numpy, scipy.linalg, sklearn, threadpoolctl, torch
from binner import runtime
runtime.limit_threads(1)
late = [pool["num_threads"] for pool in threadpoolctl.threadpool_info()]
print(set(late), torch.get_num_threads(), faiss.omp_get_max_threads(), numba.get_num_threads())
"""


@pytest.mark.parametrize("script", [LIBRARIES, LOADED], ids=["before they are loaded", "after they are loaded"])
def test_every_library_is_held_to_the_threads(script: str) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    out = subprocess.run([sys.executable, "-c", script], env=clean, capture_output=True, text=True, check=True)
    assert out.stdout.split("\n")[0] == "{1} 1 1 1"


def test_numba_keeps_its_pool_when_more_threads_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    import numba

    for name in (*runtime._LIBRARY_THREADS, "TOKENIZERS_PARALLELISM"):
        monkeypatch.setenv(name, "1")
    pool: int = vars(numba.config)["NUMBA_NUM_THREADS"]
    runtime.limit_threads(pool + 1)
    assert numba.get_num_threads() == pool
    assert os.environ["OMP_NUM_THREADS"] == str(pool + 1)
    runtime.limit_threads(1)


@pytest.mark.parametrize("own", [{}, {"GOMP_SPINCOUNT": "7"}, {"OMP_WAIT_POLICY": "active"}])
def test_threads_soon_sleep_unless_the_user_has_it_otherwise(own: dict[str, str]) -> None:
    script = "import os; from binner.runtime import limit_threads; limit_threads(2); print(os.getenv('GOMP_SPINCOUNT'))"
    clean = {name: value for name, value in os.environ.items() if name not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    out = subprocess.run([sys.executable, "-c", script], env=clean | own, capture_output=True, text=True, check=True)
    assert out.stdout.strip() == (own.get("GOMP_SPINCOUNT", "None") if own else "10000")


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtime, "_GPU_NODES", (tmp_path / "nvidiactl",))


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cuda = SimpleNamespace(is_available=lambda: True, device_count=lambda: 2)
    monkeypatch.setattr(runtime, "_GPU_NODES", (tmp_path,))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))


def test_without_a_gpu(no_gpu: None) -> None:
    assert runtime.choose_device("auto") == "cpu"
    assert runtime.choose_device("cpu") == "cpu"
    with pytest.raises(DeviceError, match=r"--device cuda: no usable GPU \(this machine shows no GPU driver\)"):
        runtime.choose_device("cuda")


def test_with_gpus(two_gpus: None) -> None:
    assert runtime.choose_device("auto") == "cuda:0"
    assert runtime.choose_device("cpu") == "cpu"
    assert runtime.choose_device("cuda") == "cuda:0"
    assert runtime.choose_device("cuda:1") == "cuda:1"
    with pytest.raises(DeviceError, match="there are 2 here"):
        runtime.choose_device("cuda:2")


@pytest.mark.parametrize(("cuda", "why"), [(None, "built without CUDA"), ("12.9", "lends none to this process")])
def test_a_gpu_that_torch_cannot_use(
    cuda: str | None, why: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch = SimpleNamespace(
        cuda=SimpleNamespace(is_available=lambda: False), version=SimpleNamespace(cuda=cuda), __version__="2.0+cpu"
    )
    monkeypatch.setattr(runtime, "_GPU_NODES", (tmp_path,))
    monkeypatch.setitem(sys.modules, "torch", torch)
    with pytest.raises(DeviceError, match=why):
        runtime.choose_device("cuda:0")
    caplog.clear()
    assert runtime.choose_device("auto") == "cpu"
    assert why in caplog.text


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Neither the package nor the cache folder of the user can be written (told so, as root may write)."""
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_compiled_code_finds_a_place(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/nowhere/at/all")
    runtime.keep_compiled_code()
    folder = Path(os.environ.pop("NUMBA_CACHE_DIR"))
    assert folder == read_only / f"binner-{os.getuid()}"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_compiled_code_is_not_taken_from_a_folder_that_others_may_write(read_only: Path) -> None:
    shared = read_only / f"binner-{os.getuid()}"
    shared.mkdir()
    shared.chmod(0o777)
    runtime.keep_compiled_code()
    folder = Path(os.environ.pop("NUMBA_CACHE_DIR"))
    assert folder.is_dir()
    assert folder != shared


def test_compiled_code_stays_with_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    runtime.keep_compiled_code()
    assert "NUMBA_CACHE_DIR" not in os.environ


def test_a_given_place_for_compiled_code_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "given"))
    assert runtime.keep_compiled_code() == tmp_path / "given"
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path / "given")


def test_a_given_place_that_cannot_be_written_is_not(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/given")
    assert runtime.keep_compiled_code() == read_only / f"binner-{os.getuid()}"
    assert os.environ["NUMBA_CACHE_DIR"] == str(read_only / f"binner-{os.getuid()}")


def test_a_user_whom_the_system_does_not_know(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)
    assert runtime.keep_compiled_code().parent == read_only


def test_matplotlib_finds_a_place(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLCONFIGDIR", "/given")
    monkeypatch.setenv("MPLBACKEND", "agg")
    runtime.keep_settings()
    assert os.environ["MPLCONFIGDIR"] == str(read_only / f"binner-{os.getuid()}")


@pytest.mark.parametrize("name", ["MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "HOME"])
def test_settings_of_matplotlib_stay(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for each in ("MPLCONFIGDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "one that is not there")
    before = dict(os.environ)
    runtime.keep_settings()
    assert dict(os.environ) == before | {"MPLBACKEND": "agg"}


@pytest.mark.parametrize("name", ["XDG_CONFIG_HOME", "XDG_CACHE_HOME"])
def test_matplotlib_writes_settings_and_a_cache(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    for each in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(each, str(tmp_path))
    monkeypatch.setenv(name, "/proc/1/none")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with same_environment():
        runtime.keep_settings()
        assert os.environ["MPLCONFIGDIR"] == str(tmp_path / f"binner-{os.getuid()}")


def test_nowhere_for_temporary_files(read_only: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def gettempdir() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr("tempfile.gettempdir", gettempdir)
    with pytest.raises(OptionError, match="export TMPDIR"):
        runtime.keep_compiled_code()


def test_what_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert runtime.can_write(tmp_path / "to" / "be" / "made")
    assert not runtime.can_write(tmp_path / "file")
    assert not runtime.can_write(tmp_path / "file" / "below")
    assert not runtime.can_write(Path("/proc/1/below"))


def test_as_many_gpus_as_are_asked_for(two_gpus: None) -> None:
    runtime.check_devices(2)
    with pytest.raises(DeviceError, match="--devices 3: there are 2 GPUs here"):
        runtime.check_devices(3)


def test_no_gpus_to_share(no_gpu: None) -> None:
    with pytest.raises(DeviceError, match="--devices 2: there are 0 GPUs here"):
        runtime.check_devices(2)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, (0, 1, 0)),
        ({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, (3, 8, 1)),
        ({"RANK": "3", "WORLD_SIZE": "8"}, (0, 1, 0)),
        ({"RANK": "x", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, (0, 1, 0)),
    ],
)
def test_what_torchrun_says(environ: dict[str, str], expected: tuple[int, int, int]) -> None:
    assert runtime.torchrun_rank(environ) == expected
