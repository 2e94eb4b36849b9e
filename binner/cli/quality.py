"""`binner quality`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._binning import checkm_markers
from binner.cli._command import Command
from binner.cli._options import FILE, RESULTS, option
from binner.config import QualityConfig

_EXAMPLES = """\b
Examples:
  binner quality soil --with checkm2
  binner quality soil --with quality_report.tsv
  binner quality soil --with checkm --checkm-markers models.hmm
"""


@click.command("quality", cls=Command, epilog=_EXAMPLES)
@click.argument("folder", type=FILE)
@option(
    *("--with", "by"),
    heading=RESULTS,
    required=True,
    metavar="checkm|checkm2|TABLE",
    help="Run CheckM or CheckM2, or take up a table that one of them wrote about these bins.",
)
@checkm_markers
@shared.threads
@shared.memory
@shared.talk
def quality(folder: Path, by: str, **given: Any) -> None:
    """Put what CheckM or CheckM2 says about the bins of a finished run into its bins.tsv and run.json.

    FOLDER is what binner run wrote.
    """
    machine = shared.machine_config(given)
    config = QualityConfig(by, given["checkm_markers"])
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner.pipeline import quality

        quality.judge_folder(folder, config, machine=machine, watch=watch, command=sys.argv)
