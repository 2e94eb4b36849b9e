"""One stage of a run after the other: what it does, how far it is, what it took, and whether it was done before."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import TypeVar, cast

from binner.artifacts import Cache
from binner.data import Progress, silent
from binner.memory import PeakMemory, format_size
from binner.runtime import limit_loaded_libraries

logger = logging.getLogger(__name__)

Result = TypeVar("Result")
Watch = Callable[[str], AbstractContextManager[Progress]]  # opens the progress of a stage, given what it does


@contextmanager
def unwatched(title: str) -> Iterator[Progress]:  # noqa: ARG001
    """The watch of those who do not watch."""
    yield silent


@dataclass(frozen=True, slots=True)
class StageReport:
    """What a stage took."""

    name: str
    seconds: float
    cpu_seconds: float  # of all threads
    peak_memory: int  # bytes, of the process while the stage ran
    kept: bool  # taken from an earlier run


@dataclass(slots=True)
class Stages:
    """Runs stages, keeps their results in `cache` and the books in `reports`."""

    threads: int
    watch: Watch = unwatched
    cache: Cache | None = None
    reports: list[StageReport] = field(default_factory=list)

    def run(self, name: str, title: str, work: Callable[[Progress], Result], *, key: str | None = None) -> Result:
        """The result of `work`, or the one kept under `key` by an earlier run; `title` tells people what it does."""
        logger.debug("%s: begins%s", name, f", key {key}" if key else "")
        limit_loaded_libraries(self.threads)
        wall, cpu = time.perf_counter(), _cpu_seconds()
        with PeakMemory() as memory:
            result = self.cache.load(name, key) if self.cache and key else None
            kept = result is not None
            if not kept:
                with self.watch(title) as progress:
                    result = work(progress)
                if self.cache and key:
                    self.cache.save(name, key, result)
        report = StageReport(name, time.perf_counter() - wall, _cpu_seconds() - cpu, memory.peak, kept)
        self.reports.append(report)
        logger.info(
            "%s: %s in %.1f s (%.1f s of CPU, %s)",
            title,
            "taken from an earlier run" if kept else "done",
            report.seconds,
            report.cpu_seconds,
            format_size(report.peak_memory),
        )
        return cast(Result, result)

    @property
    def peak_memory(self) -> int:
        """The most that any stage used, bytes."""
        return max((report.peak_memory for report in self.reports), default=0)


def _cpu_seconds() -> float:
    """CPU time of this process, all threads, and of its children that have ended."""
    return sum(os.times()[:4])
