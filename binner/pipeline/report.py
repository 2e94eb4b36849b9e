"""The report at the end of a run, which is whole without it."""

from __future__ import annotations

import logging
from pathlib import Path

from binner import report
from binner.stages import Stages

logger = logging.getLogger(__name__)


def report_run(out: Path, stages: Stages, *, wanted: bool) -> None:
    """Write the report of the results in `out`, or remove that of earlier results; nothing about it fails a run."""
    try:
        report.remove(out)
        if wanted:
            stages.run("report", "Writing the report", lambda _: report.write(out))
    except Exception as error:
        logger.warning(
            "No report (%s: %s); the results are whole, and `binner report %s` tries again",
            *(type(error).__name__, error, out),
        )
        logger.debug("the report", exc_info=error)
