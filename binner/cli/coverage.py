"""`binner coverage`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE, RESULTS, option

_EXAMPLES = """\b
Examples:
  binner coverage contigs.fa -b sample*.bam -o depth.tsv
  binner run contigs.fa --depth depth.tsv
"""


@click.command("coverage", cls=Command, epilog=_EXAMPLES)
@click.argument("contigs", type=FILE)
@shared.coverage_options
@option(
    *("-o", "--output", "table"),
    heading=RESULTS,
    type=FILE,
    required=True,
    metavar="TABLE",
    help="The table to write.",
)
@shared.min_length(1)
@shared.threads
@shared.memory
@shared.talk
def coverage(contigs: Path, table: Path, **given: Any) -> None:
    """Write the depth of every contig in every sample, as jgi_summarize_bam_contig_depths does.

    CONTIGS is FASTA, plain or compressed; - reads standard input.
    """
    config, machine = shared.coverage_config(given), shared.machine_config(given)
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner.pipeline import coverage

        coverage.write_coverage(table, contigs, config, machine=machine, min_length=given["min_length"], watch=watch)
