"""What the machine grants: threads, a device, a place for compiled code. Loads nothing heavy: it runs before them."""

from __future__ import annotations

import logging
import math
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from binner.errors import DeviceError, OptionError

logger = logging.getLogger(__name__)

# One CPU count for this job, as schedulers name it: SLURM, PBS, SGE, LSF.
_SCHEDULER_THREADS = ("SLURM_CPUS_PER_TASK", "PBS_NCPUS", "NCPUS", "PBS_NUM_PPN", "NSLOTS", "LSB_DJOB_NUMPROC")
# Read once, when a library is loaded: OpenMP (torch, faiss), BLAS of every make, numexpr, numba, joblib, Rust.
_LIBRARY_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "RAYON_NUM_THREADS",
)
# How often a thread of libgomp (faiss, torch) looks for its next work before it sleeps: tens of microseconds, not
# milliseconds, which on a machine with other work take four times the CPU seconds, and the others' too.
_SPINS, _WAITING = "10000", ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
_GPU_NODES = (Path("/dev/nvidiactl"), Path("/dev/dxg"), Path("/dev/kfd"))  # NVIDIA, WSL, AMD
_SYSTEM = Path("/")
_PACKAGE = Path(__file__).parent


def cgroup_values(controller: str, names: tuple[str, ...], *, system: Path = _SYSTEM) -> Iterator[tuple[str, ...]]:
    """Contents of the files `names` of this process' control group and of all above it, where all of them exist.

    `controller` is that of version 1 ("cpu", "memory"); version 2 has one tree for all ("").
    """
    try:
        lines = (system / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, inside = rest.partition(":")
        if controller not in controllers.split(","):
            continue
        tree = system / "sys/fs/cgroup" / controllers
        if controller and not tree.is_dir():
            tree = system / "sys/fs/cgroup" / controller
        folder = tree / inside.lstrip("/")
        # In a container the path may be the host's: then only its upper ends exist here.
        for group in (folder, *(parent for parent in folder.parents if parent.is_relative_to(tree))):
            try:
                yield tuple((group / name).read_text().strip() for name in names)
            except OSError:
                continue


def _quota_cpus(system: Path) -> Iterator[int]:
    """CPUs that the control groups' quotas amount to, rounded up."""
    quotas = [value.split() for (value,) in cgroup_values("", ("cpu.max",), system=system)]
    quotas += [list(pair) for pair in cgroup_values("cpu", ("cpu.cfs_quota_us", "cpu.cfs_period_us"), system=system)]
    for quota in quotas:
        if len(quota) == 2 and all(number.isdecimal() and int(number) > 0 for number in quota):
            yield math.ceil(int(quota[0]) / int(quota[1]))


def granted_threads(environ: Mapping[str, str] = os.environ, *, system: Path = _SYSTEM) -> int:
    """The least of what the scheduler, the control groups and the CPU affinity of this process allow, at least 1.

    The processes of torchrun on a machine have equal shares of it.
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = [affinity, *_quota_cpus(system)]
    granted += [int(environ[name]) for name in _SCHEDULER_THREADS if environ.get(name, "").isdecimal()]
    sharing = int(environ["LOCAL_WORLD_SIZE"]) if environ.get("LOCAL_WORLD_SIZE", "").isdecimal() else 1
    return max(1, min(granted) // max(1, sharing))


def limit_threads(threads: int) -> None:
    """Hold every library to `threads`: those not yet loaded by their variables, those already loaded by their calls."""
    for name in _LIBRARY_THREADS:
        os.environ[name] = str(threads)
    if not any(name in os.environ for name in _WAITING):
        os.environ["GOMP_SPINCOUNT"] = _SPINS
    os.environ["TOKENIZERS_PARALLELISM"] = "false" if threads == 1 else "true"
    if "numba" not in sys.modules:  # it refuses another value once it runs
        os.environ["NUMBA_NUM_THREADS"] = str(threads)
    limit_loaded_libraries(threads)


def limit_loaded_libraries(threads: int) -> None:
    """Hold the libraries that are loaded by now to `threads`: BLAS, OpenMP (faiss), numba, torch."""
    if "numpy" in sys.modules:
        import threadpoolctl

        threadpoolctl.threadpool_limits(limits=threads)
    if faiss := sys.modules.get("faiss"):
        faiss.omp_set_num_threads(threads)
    if numba := sys.modules.get("numba"):
        numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


def choose_device(asked: str) -> str:
    """The device for `--device`: "cpu" or "cuda:N". `auto` takes the first GPU that torch can use, else the CPU.

    Raises DeviceError where a GPU is asked for by name and cannot be used.
    """
    if asked == "cpu":
        return "cpu"
    count, why = _usable_gpus()
    if asked == "auto":
        return "cuda:0" if count else "cpu"
    index = int(asked.partition(":")[2] or 0)
    if not count:
        raise DeviceError(f"--device {asked}: no usable GPU ({why}); --device auto or cpu runs without one")
    if index >= count:
        raise DeviceError(f"--device {asked}: GPUs are counted from 0 and there are {count} here")
    return f"cuda:{index}"


def check_devices(devices: int) -> None:
    """Raise DeviceError if there are fewer GPUs than `--devices`."""
    count, _ = _usable_gpus()
    if devices > count:
        raise DeviceError(f"--devices {devices}: there are {count} GPUs here")


def gpu_has_bf16(device: str) -> bool:
    """Whether a GPU computes products in bf16 itself, as NVIDIA's do from Ampere on; older ones only pretend to."""
    import torch

    return torch.cuda.get_device_capability(device)[0] >= 8


def torchrun_rank(environ: Mapping[str, str] = os.environ) -> tuple[int, int, int]:
    """Which of how many processes torchrun made of this one, and which on this machine; (0, 1, 0) without it."""
    rank, world, local = (environ.get(name, "") for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"))
    if not (rank.isdecimal() and world.isdecimal() and local.isdecimal()):
        return 0, 1, 0
    return int(rank), int(world), int(local)


def wait_for_all() -> None:
    """Return when every process of torchrun has come here."""
    from torch import distributed

    distributed.init_process_group("gloo", timeout=timedelta(days=7))
    distributed.barrier()
    distributed.destroy_process_group()


def gpus() -> tuple[list[tuple[str, int]], str]:
    """Name and memory (bytes) of each GPU that torch can use, and if there is none, why."""
    count, why = _usable_gpus()
    if not count:
        return [], why
    import torch

    found = [torch.cuda.get_device_properties(index) for index in range(count)]
    return [(each.name, each.total_memory) for each in found], ""


def _usable_gpus() -> tuple[int, str]:
    """How many GPUs torch can use, and if none, why. Without a GPU's driver torch is not even loaded (2 s)."""
    if not any(node.exists() for node in _GPU_NODES):
        return 0, "this machine shows no GPU driver"
    import torch

    if count := torch.cuda.device_count() if torch.cuda.is_available() else 0:
        return count, ""
    built = torch.version.cuda or getattr(torch.version, "hip", None)
    why = "the driver lends none to this process" if built else f"torch {torch.__version__} is built without CUDA"
    logger.warning("A GPU driver is here, but no GPU can be used: %s", why)
    return 0, why


def keep_compiled_code() -> Path:
    """The folder where numba keeps compiled code: the first of its own choices that can be written, else (containers)
    one of ours under the temporary folder, which it is told of.

    Raises OptionError where no folder for temporary files can be written.
    """
    user = os.environ.get("XDG_CACHE_HOME") or _under_home(".cache")
    for choice in (os.environ.get("NUMBA_CACHE_DIR"), _PACKAGE / "__pycache__", user and Path(user, "numba")):
        if choice and can_write(Path(choice)):
            return Path(choice)
    folder = _own_folder()
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    return folder


def keep_settings() -> None:
    """Give matplotlib, which hdbscan loads, places where it finds none: else it says so at length in every run.

    It draws nothing, and a backend that the user has set and that is not there is an error to it.
    """
    os.environ["MPLBACKEND"] = "agg"
    config = os.environ.get("XDG_CONFIG_HOME") or _under_home(".config")
    cache = os.environ.get("XDG_CACHE_HOME") or _under_home(".cache")
    given = os.environ.get("MPLCONFIGDIR")  # is both
    if not all(place and can_write(Path(place)) for place in ([given] if given else [config, cache])):
        os.environ["MPLCONFIGDIR"] = str(_own_folder())


def _own_folder() -> Path:
    """A folder under the temporary one that is this user's alone, for numba loads what it finds in its folder.

    It stays, so that the next run starts fast. Raises OptionError where no temporary folder can be written.
    """
    folder = temporary_folder() / f"binner-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        mine = folder.stat().st_uid == os.getuid() and not folder.is_symlink() and not folder.stat().st_mode & 0o022
    except OSError:
        mine = False
    return folder if mine else Path(tempfile.mkdtemp(prefix="binner-"))


def temporary_folder() -> Path:
    """Where temporary files go. Raises OptionError where none can be written."""
    try:
        return Path(tempfile.gettempdir())
    except FileNotFoundError:
        raise OptionError("no folder for temporary files can be written; name one: export TMPDIR=FOLDER") from None


def can_write(folder: Path) -> bool:
    """Whether this process may write into a folder, or into the nearest one above it that exists, to make it there."""
    # os.path.exists, for Path.exists raises an error below a folder that may not be looked into, as another's home
    nearest = next((each for each in (folder, *folder.parents) if os.path.exists(each)), Path())  # noqa: PTH110
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _under_home(name: str) -> Path | None:
    """A folder in the user's home; None for users whom the system does not know (containers) and who name no home."""
    try:
        return Path.home() / name
    except RuntimeError:
        return None
