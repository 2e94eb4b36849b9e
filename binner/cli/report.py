"""`binner report`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE

LOGGER = logging.getLogger(__name__)

_EXAMPLES = """\b
Examples:
  binner run contigs.fa -o soil --no-report
  binner report soil
"""


@click.command("report", cls=Command, epilog=_EXAMPLES)
@click.argument("folder", type=FILE, metavar="OUT")
@shared.talk
def report(folder: Path, **given: Any) -> None:
    """Write the report of a finished run into its folder: report.html, and tables for MultiQC (*_mqc.tsv).

    OUT is the folder that `binner run` or `binner cluster` wrote. Nothing is computed but the map of the contigs, from
    the embedding kept in OUT/.binner.
    """
    with shared.at_work(shared.machine_config({"threads": 1}), verbose=given["verbose"], quiet=given["quiet"]):
        from binner import report

        LOGGER.info("%s", report.write(folder))
