"""What people see while a run goes on: bars on a terminal, plain lines in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from binner.data import Progress
from binner.stages import Watch, unwatched

if TYPE_CHECKING:
    from rich.console import Console

_EVERY = 10.0  # s between the lines of a stage's progress
_LINE = "%(asctime)s %(levelname)-7s %(message)s"


@contextmanager
def console(*, verbose: bool, quiet: bool) -> Iterator[Watch]:
    """Show what binner logs, and give the watch of its stages. Warnings of other libraries are for the log file."""
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    handler: logging.Handler
    watch: Watch
    if sys.stderr.isatty():
        from rich.console import Console

        screen = Console(stderr=True, highlight=False)
        handler, watch = _Screen(screen), _bar(screen)
    else:
        handler, watch = logging.StreamHandler(sys.stderr), _lines
        handler.setFormatter(logging.Formatter(_LINE, "%H:%M:%S"))
    handler.setLevel(level)
    logger = logging.getLogger("binner")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(level)
    logging.captureWarnings(True)
    try:
        yield unwatched if quiet else watch
    finally:
        logging.captureWarnings(False)
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def _lines(title: str) -> Iterator[Progress]:
    """A line when a stage begins and another every ten seconds in which it got further."""
    logger = logging.getLogger(__name__)
    logger.info("%s ...", title)
    began = last = time.monotonic()

    def progress(done: int, total: int) -> None:
        nonlocal last
        if total and (now := time.monotonic()) - last >= _EVERY:
            last = now
            logger.info("%s: %.0f %% after %.0f s", title, 100 * done / total, now - began)

    yield progress


def _bar(screen: Console) -> Watch:
    from rich.progress import BarColumn, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    @contextmanager
    def watch(title: str) -> Iterator[Progress]:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
        )
        with Bars(*columns, console=screen, transient=True) as bars:
            task = bars.add_task(title, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total or None)

    return watch


class _Screen(logging.Handler):
    """Lines above the bar."""

    def __init__(self, screen: Console) -> None:
        super().__init__()
        self.screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        mark = "[yellow]Warning:[/] " if record.levelno >= logging.WARNING else ""
        from rich.markup import escape

        self.screen.print(f"{mark}{escape(record.getMessage())}", soft_wrap=True)
