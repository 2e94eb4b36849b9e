"""`binner run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE, METHOD, RESULTS, option
from binner.config import RunConfig

_EXAMPLES = """\b
Examples:
  binner run contigs.fa
  binner run contigs.fa.gz -b sample*.bam -o soil -t 8
  binner run contigs.fa --depth depth.tsv --no-markers
"""

_CONFIG = ("out", "min_length", "min_bin_size", "encoder", "embedding", "markers", "refine", "seed", "prefix", "force")

_results = shared.together(
    option(
        *("-o", "--output", "out"),
        heading=RESULTS,
        type=FILE,
        metavar="FOLDER",
        help="Where the results go.  [default: <name of the contigs>_binner]",
    ),
    option(
        "--prefix",
        heading=RESULTS,
        default="bin",
        show_default=True,
        metavar="TAG",
        help="Bins are called <TAG>_<number>.",
    ),
    option(
        "--min-bin-size",
        heading=RESULTS,
        type=int,
        default=200_000,
        show_default=True,
        metavar="BP",
        help="Bins of this size and more are written.",
    ),
    option(
        "--force",
        heading=RESULTS,
        is_flag=True,
        help="Start anew, not where an earlier run into the same folder stopped.",
    ),
)

_method = shared.together(
    shared.min_length(1000),
    shared.encoder_options,
    option(
        "--embedding",
        heading=METHOD,
        several=True,
        type=FILE,
        metavar="FILE ...",
        help="Take up what binner embed wrote for these contigs, whole or all its shards, in place of --encoder.",
    ),
    option(
        "--markers/--no-markers",
        heading=METHOD,
        default=True,
        show_default=True,
        help="Look for single-copy marker genes: better bins, and their completeness.",
    ),
    option(
        "--refine/--no-refine",
        heading=METHOD,
        default=None,
        help="Refine the embedding on these contigs.  [default: where it pays]",
    ),
    shared.seed,
)


@click.command("run", cls=Command, epilog=_EXAMPLES)
@click.argument("contigs", type=FILE)
@shared.coverage_options
@_results
@_method
@shared.threads
@shared.memory
@shared.device
@shared.talk
def run(contigs: Path, **given: Any) -> None:
    """Put the contigs of an assembly into bins, one for each genome.

    CONTIGS is FASTA, plain or compressed; - reads standard input.
    """
    coverage, machine = shared.coverage_config(given), shared.machine_config(given)
    reading, rest = shared.encoder_config(given), {name: given[name] for name in _CONFIG}
    config = RunConfig(contigs, coverage=coverage, machine=machine, reading=reading, **rest)
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner import pipeline

        pipeline.run(config, watch=watch, command=sys.argv)
