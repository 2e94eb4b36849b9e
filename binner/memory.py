"""Memory: sizes as people write them, what this machine grants, and the peak of a stretch of a run."""

from __future__ import annotations

import os
import re
import resource
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

from binner.errors import OptionError
from binner.runtime import cgroup_values

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate(("k", "m", "g", "t"), 1)}
_STATUS = Path("/proc/self/status")
_SYSTEM = Path("/")
_SAMPLE_EVERY = 0.05  # s
SHARE = 0.9  # of what the machine has that is ours; the rest is the system's
# Address space that a run reserves on no data to speak of, most of which it never fills: those measured on the demo
# with 1 to 16 threads are 7 to 17 % below it.
_ADDRESSES, _ADDRESSES_PER_THREAD = 1_200 * 10**6, 150 * 10**6
ADDRESSES_OF_TORCH = 800 * 10**6  # more, where it is loaded


def parse_size(text: str) -> int:
    """Bytes of a size: a plain number, or with k, M, G, T (powers of 1,000) or Ki, Mi, Gi, Ti (of 1,024), B or not.

    Raises OptionError.

    >>> parse_size("1.5G"), parse_size("2GiB"), parse_size("800")
    (1500000000, 2147483648, 800)
    """
    match = re.fullmatch(r"(\d+\.?\d*|\.\d+)\s*([kmgt]?i?)b?", text.strip().lower(), re.ASCII)
    size = float(match[1]) * _UNITS[match[2]] if match is not None and match[2] in _UNITS else 0
    if not 1 <= size <= sys.maxsize:
        raise OptionError(f"'{text}' is no size of memory; write it as in 4G, 500M or 2GiB")
    return int(size)


def format_size(size: float) -> str:
    """A size for people, in decimal units.

    >>> format_size(814_000_000), format_size(2_340_000_000), format_size(900)
    ('814 MB', '2.3 GB', '1 kB')
    """
    if size >= 10**9:
        return f"{size / 10**9:,.1f} GB"
    return f"{size / 10**6:.0f} MB" if size >= 10**6 else f"{size / 10**3:.0f} kB"


def memory_limit(environ: Mapping[str, str] = os.environ, *, system: Path = _SYSTEM) -> int:
    """Bytes that this process may use: the least of the machine's memory, control groups and the scheduler."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for value in (
        *cgroup_values("", ("memory.max",), system=system),
        *cgroup_values("memory", ("memory.limit_in_bytes",), system=system),
    ):
        limits += [int(number) for number in value if number.isdecimal()]
    node, cpu, cpus = (environ.get(f"SLURM_{what}", "") for what in ("MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE"))
    if node.isdecimal() and int(node):  # MiB; 0 = all
        limits.append(int(node) * 1024**2)
    elif cpu.isdecimal() and cpus.isdecimal() and int(cpu):
        limits.append(int(cpu) * int(cpus) * 1024**2)
    return min(limits)


def granted(most: int | None) -> int:
    """Bytes that may be used: `most`, or what the machine or the scheduler has, less the system's share."""
    return most or int(SHARE * memory_limit())


def check_address_space(threads: int, *, more: int = 0, what: str = "") -> None:
    """Raise OptionError if a limit of address space leaves too little for so many threads, and `more` bytes for `what`.

    It is no limit of memory. Libraries that meet it end the process, or wait forever: this is for before they load.
    """
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    needed = _ADDRESSES + _ADDRESSES_PER_THREAD * threads + more
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise OptionError(
            f"ulimit -v (h_vmem) allows {format_size(limit)} of address space, and about {format_size(needed)} are"
            f" needed for {threads} thread{'s' * (threads > 1)}{what and f' and {what}'}: raise it, or lower -t"
        )


def _status(field: str) -> int:
    """Bytes of a field of /proc/self/status (VmRSS, VmHWM); 0 where there is none."""
    try:
        lines: Iterator[str] = iter(_STATUS.read_text().splitlines())
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:")), 0)


def resident_memory() -> int:
    """What the process uses now, bytes; where the system does not say, the most so far."""
    return _status("VmRSS") or peak_memory()


def peak_memory() -> int:
    """The most resident memory since the process began, or since a PeakMemory block began, bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class PeakMemory:
    """The peak of resident memory in a `with` block, `peak` bytes.

    Linux keeps the mark and lets it be reset; where it does not, a thread samples, and elsewhere the process' peak so
    far stands in.
    """

    peak: int = 0

    def __enter__(self) -> PeakMemory:
        self._stop = threading.Event()
        self._sampler: threading.Thread | None = None
        if not _reset_mark() and _status("VmRSS"):
            self._sampler = threading.Thread(target=self._sample, daemon=True)
            self._sampler.start()
        return self

    def _sample(self) -> None:
        while not self._stop.wait(_SAMPLE_EVERY):
            self.peak = max(self.peak, _status("VmRSS"))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._sampler is None:
            self.peak = _status("VmHWM") or peak_memory()
        else:
            self._sampler.join()
            self.peak = max(self.peak, _status("VmRSS"))


def _reset_mark() -> bool:
    """Set the process' mark of its peak (VmHWM) back to what it uses now; False where the system has no such thing."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return False
    return True
