"""`binner evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE, METHOD, RESULTS, option
from binner.errors import OptionError

_BINS_EXAMPLES = """\b
Examples:
  binner evaluate bins truth.tsv out/contig2bin.tsv
  binner evaluate bins gold_standard.binning out/cami.binning other/bins --per-bin bins.tsv
"""

_table = option(
    *("-o", "--output", "table"), heading=RESULTS, type=FILE, metavar="TABLE", help="Where to.  [default: the screen]"
)


@click.group("evaluate")
def evaluate() -> None:
    """Measure bins, or encoders, against genomes that are known."""


@evaluate.command("bins", cls=Command, epilog=_BINS_EXAMPLES)
@click.argument("truth", type=FILE)
@click.argument("binnings", type=FILE, metavar="BINS...", nargs=-1, required=True)
@option("--contigs", "fasta", heading=METHOD, type=FILE, metavar="FASTA", help="Lengths, if TRUTH has none.")
@shared.min_length(0)
@_table
@option(
    "--per-bin", heading=RESULTS, type=FILE, metavar="TABLE", help="Write a table of the bins and their genomes too."
)
@shared.talk
def bins(truth: Path, binnings: tuple[Path, ...], **given: Any) -> None:
    """Compare BINS with the genomes of TRUTH: AMBER's metrics and its names of them, and counts of genomes recovered.

    TRUTH is a table of contig, genome and length, or a gold standard in CAMI's format. BINS are tables of contig and
    bin, files in CAMI's format, or folders of FASTA files.
    """
    for name, path in (("-o", given["table"]), ("--per-bin", given["per_bin"])):
        _check(name, path)
    with shared.at_work(shared.machine_config({"threads": 1}), verbose=given["verbose"], quiet=given["quiet"]):
        from binner.evaluate import report

        found = report.compare(truth, binnings, contigs=given["fasta"], min_length=given["min_length"])
        _write(given["table"], report.metrics_table(found))
        if given["per_bin"]:
            _write(given["per_bin"], report.bins_table(found))


def _check(name: str, path: Path | None) -> None:
    """Raise OptionError, before any work, for a file that cannot be written."""
    if path is not None and (path.is_dir() or not path.parent.is_dir()):
        raise OptionError(f"{name} {path}: {'a folder' if path.is_dir() else 'there is no such folder'}; name a file")


def _write(path: Path | None, text: str) -> None:
    """To the screen or, whole or not at all, to a file."""
    if path is None:
        click.echo(text, nl=False)
        return
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)
