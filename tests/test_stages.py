"""Stages are timed, measured, shown and taken up."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from binner.artifacts import Cache
from binner.data import Progress
from binner.stages import Stages

MB = 10**6


def work(progress: Progress) -> list[int]:
    """A stage of two steps that takes 100 MB, 0.1 s of CPU and 0.2 s besides."""
    block = bytearray(100 * MB)
    progress(1, 2)
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    time.sleep(0.2)
    progress(2, 2)
    return [len(block)]


def test_what_a_stage_took(caplog: pytest.LogCaptureFixture) -> None:
    stages = Stages(threads=1)
    with caplog.at_level(logging.INFO, "binner"):
        assert stages.run("cover", "Measuring coverage", work) == [100 * MB]
        stages.run("nothing", "Doing nothing", lambda _: 1)
    first, second = stages.reports
    assert (first.name, first.kept) == ("cover", False)
    assert 0.1 <= first.cpu_seconds < first.seconds
    assert first.seconds >= 0.3
    assert first.peak_memory - second.peak_memory > 50 * MB
    assert second.seconds < first.seconds
    assert stages.peak_memory == first.peak_memory
    assert re.search(r"Measuring coverage: done in \d+\.\d s", caplog.text)


def test_the_time_of_children_counts() -> None:
    stages = Stages(threads=1)
    loop = "import time\nwhile time.process_time() < 0.3: pass"
    stages.run("child", "Running a child", lambda _: subprocess.run([sys.executable, "-c", loop], check=True))
    assert stages.reports[0].cpu_seconds >= 0.25


def test_progress_is_shown_under_the_title() -> None:
    seen: list[tuple[object, ...]] = []

    @contextmanager
    def watch(title: str) -> Iterator[Progress]:
        seen.append((title,))
        yield lambda done, total: seen.append((done, total))
        seen.append(("end",))

    Stages(threads=1, watch=watch).run("a", "Doing it", work)
    assert seen == [("Doing it",), (1, 2), (2, 2), ("end",)]


def test_results_are_taken_up_under_their_key(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    calls: list[str] = []

    def count(_: Progress) -> int:
        calls.append("x")
        return len(calls)

    def run(key: str | None, stage: str = "a") -> tuple[int, bool]:
        stages = Stages(threads=1, cache=Cache(tmp_path))
        return stages.run(stage, "Counting", count, key=key), stages.reports[0].kept

    assert run("k1") == (1, False)
    with caplog.at_level(logging.INFO, "binner"):
        assert run("k1") == (1, True)
    assert "Counting: taken from an earlier run" in caplog.text
    assert run("k2") == (2, False)
    assert run("k1") == (3, False), "one result is kept for each stage"
    assert run("k1", stage="b") == (4, False)
    assert run(None) == (5, False)
    assert run("k1") == (3, True)


def test_a_stage_that_fails_keeps_nothing(tmp_path: Path) -> None:
    stages = Stages(threads=1, cache=Cache(tmp_path))
    with pytest.raises(ZeroDivisionError):
        stages.run("a", "Failing", lambda _: 1 // 0, key="k")
    assert stages.reports == []
    assert not list(tmp_path.iterdir())
