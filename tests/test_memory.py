"""Sizes, budgets and peaks of memory."""

from __future__ import annotations

import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from binner import memory
from binner.errors import OptionError
from tests.test_runtime import system

MB = 10**6


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4G", 4 * 10**9),
        ("500M", 500 * MB),
        ("500mb", 500 * MB),
        ("2GiB", 2 * 1024**3),
        ("2gi", 2 * 1024**3),
        ("0.5T", 5 * 10**11),
        (" 16 k ", 16_000),
        ("123456", 123456),
        ("8B", 8),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert memory.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "G", "-4G", "4X", "4 G B", "0", "0G", "1e9", "nan", "4i", "4GG", "٤G"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(OptionError, match="is no size of memory"):
        memory.parse_size(text)


@pytest.mark.parametrize("size", [900_000, 814 * MB, 23 * 10**8])
def test_a_written_size_reads_back(size: int) -> None:
    assert memory.parse_size(memory.format_size(size).replace(" ", "")) == size


def test_the_least_limit_counts(tmp_path: Path) -> None:
    machine = memory.memory_limit({}, system=tmp_path)
    assert machine > 100 * MB
    root = system(tmp_path / "v2", "0::/job\n", {"job/memory.max": "max", "memory.max": str(64 * MB)})
    assert memory.memory_limit({}, system=root) == 64 * MB
    root = system(tmp_path / "v1", "3:memory:/\n", {"memory/memory.limit_in_bytes": str(32 * MB)})
    assert memory.memory_limit({}, system=root) == 32 * MB
    root = system(tmp_path / "v1none", "3:memory:/\n", {"memory/memory.limit_in_bytes": str(2**63 - 4096)})
    assert memory.memory_limit({}, system=root) == machine


def test_the_scheduler_limits_memory(tmp_path: Path) -> None:
    machine = memory.memory_limit({}, system=tmp_path)
    assert memory.memory_limit({"SLURM_MEM_PER_NODE": "16"}, system=tmp_path) == 16 * 1024**2
    assert memory.memory_limit({"SLURM_MEM_PER_CPU": "4", "SLURM_CPUS_ON_NODE": "3"}, system=tmp_path) == 12 * 1024**2
    assert memory.memory_limit({"SLURM_MEM_PER_NODE": "0"}, system=tmp_path) == machine


def allocate(size: int) -> None:
    """Touch and free `size` bytes."""
    block = bytearray(size)
    time.sleep(0.15)  # longer than the sampler's pause
    del block


def peaks_of_two_blocks(mark: bool) -> list[int]:
    """Peaks of blocks that use 300 and 50 MB."""
    if not mark:
        memory._reset_mark = lambda: False
    peaks = []
    for size in (300 * MB, 50 * MB):
        with memory.PeakMemory() as block:
            allocate(size)
        peaks.append(block.peak)
    return peaks


@pytest.mark.parametrize("mark", [True, False], ids=["system's mark", "sampled"])
def test_a_block_has_a_peak_of_its_own(mark: bool) -> None:
    if mark and not memory._reset_mark():
        pytest.skip("this system keeps no mark that can be reset")
    # In a process of its own: other tests' memory may go back to the system at any time
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        large, small = process.submit(peaks_of_two_blocks, mark).result()
    assert 150 * MB < large - small < 350 * MB


def test_without_proc_the_peak_of_the_process_stands_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    monkeypatch.setattr(memory, "_reset_mark", lambda: False)
    with memory.PeakMemory() as block:
        allocate(10 * MB)
    assert block.peak == memory.peak_memory() == memory.resident_memory() > 10 * MB


def test_what_the_process_uses_now() -> None:
    assert 10 * MB < memory.resident_memory() <= memory.peak_memory() + MB


def test_what_is_granted() -> None:
    assert memory.granted(5 * MB) == 5 * MB
    assert 0 < memory.granted(None) < memory.memory_limit()


def test_a_limit_of_address_space_is_none_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    granted = memory.granted(None)
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1500 * MB, 1500 * MB))
    assert memory.granted(None) == granted
    memory.check_address_space(1)
    memory.check_address_space(2)
    wanted = r"allows 1\.5 GB of address space, and about 2\.4 GB are needed for 8 threads: raise it, or lower -t"
    with pytest.raises(OptionError, match=wanted):
        memory.check_address_space(8)
    with pytest.raises(OptionError, match=r"about 2\.4 GB are needed for 1 thread and a\.fa: raise"):
        memory.check_address_space(1, more=1000 * MB, what="a.fa")
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    memory.check_address_space(1024)
