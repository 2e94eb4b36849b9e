"""`binner evaluate`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command, Group
from binner.cli._options import FILE, METHOD, RESULTS, option
from binner.errors import OptionError

LOGGER = logging.getLogger(__name__)

_EXAMPLES = """\b
Examples:
  binner evaluate bins truth.tsv out/contig2bin.tsv
  binner evaluate embedding truth.tsv contigs.fa --encoder whitening small
"""

_BINS_EXAMPLES = """\b
Examples:
  binner evaluate bins truth.tsv out/contig2bin.tsv
  binner evaluate bins gold_standard.binning out/cami.binning other/bins --per-bin bins.tsv
"""

_EMBEDDING_EXAMPLES = """\b
Examples:
  binner evaluate embedding truth.tsv contigs.fa -o encoders.tsv --plot encoders.svg
  binner evaluate embedding truth.tsv contigs.fa --encoder whitening dnabert_s/ --device cuda
"""

_table = option(
    *("-o", "--output", "table"), heading=RESULTS, type=FILE, metavar="TABLE", help="Where to.  [default: the screen]"
)


@click.group("evaluate", cls=Group, epilog=_EXAMPLES)
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
    _check({"-o": given["table"], "--per-bin": given["per_bin"]}, (truth, *binnings, given["fasta"]))
    with shared.at_work(shared.machine_config({"threads": 1}), verbose=given["verbose"], quiet=given["quiet"]):
        from binner.evaluate import report

        found = report.compare(truth, binnings, contigs=given["fasta"], min_length=given["min_length"])
        _write(given["table"], report.metrics_table(found))
        if given["per_bin"]:
            _write(given["per_bin"], report.bins_table(found))


@evaluate.command("embedding", cls=Command, epilog=_EMBEDDING_EXAMPLES)
@click.argument("truth", type=FILE)
@click.argument("assembly", type=FILE, metavar="CONTIGS")
@option(
    *("--encoder", "encoders"),
    heading=METHOD,
    several=True,
    metavar="NAME|FOLDER|HUB ...",
    shell_complete=shared.complete_encoder,
    default=(shared.ENCODER,),
    show_default=True,
    help="Encoders, as of `binner run`. Takes all values up to the next option.",
)
@shared.encoder_settings
@shared.min_length(1000)
@option(
    "--max-bp",
    heading=METHOD,
    type=int,
    default=20_000,
    show_default=True,
    metavar="BP",
    help="Read so much of each contig, from its start; 0 reads all.",
)
@option(
    "--per-genome",
    heading=METHOD,
    type=int,
    default=100,
    show_default=True,
    metavar="N",
    help="Contigs of each genome that are clustered and classified, at most.",
)
@_table
@option("--plot", heading=RESULTS, type=FILE, metavar="SVG", help="Draw the figures too.")
@shared.threads
@shared.device
@shared.talk
def embedding(truth: Path, assembly: Path, **given: Any) -> None:
    """Compare encoders, and 4-mers, by DNABERT-S's protocols: clusters, classification from few contigs, bins.

    TRUTH is a table of contig and genome (or species), or a gold standard in CAMI's format; CONTIGS is FASTA. Contigs
    of 2,500 bp and more are clustered, classified and binned, where their genome has ten of them. The purity of nearest
    neighbours is that of all contigs, by length.
    """
    config, machine = shared.encoder_config(given), shared.machine_config(given)
    _check({"-o": given["table"], "--plot": given["plot"]}, (truth, assembly))
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner.evaluate.embedding import SampleOptions, compare, table
        from binner.evaluate.plot import svg

        options = SampleOptions(given["min_length"], most_bp=given["max_bp"], per_genome=given["per_genome"])
        found = compare(
            truth, assembly, given["encoders"], options=options, config=config, machine=machine, watch=watch
        )
        _write(given["table"], table(found))
        if given["plot"]:
            try:
                _write(given["plot"], svg(found))
            except Exception:  # the figures are what was asked for
                LOGGER.warning("%s: no plot", given["plot"], exc_info=True)


def _check(targets: Mapping[str, Path | None], sources: Sequence[Path | None]) -> None:
    """Raise OptionError, before any work, for files that cannot be written, are read, or are the same."""
    from binner import inputs

    wanted = {name: path for name, path in targets.items() if path is not None}
    for name, path in wanted.items():
        inputs.check_target(path, sources=[source for source in sources if source is not None], option=name)
    if len({path.resolve() for path in wanted.values()}) < len(wanted):
        raise OptionError(f"{' and '.join(wanted)} are the same file: {next(iter(wanted.values()))}; name two")


def _write(path: Path | None, text: str) -> None:
    """To the screen or, whole or not at all, to a file."""
    from binner.whole_files import write_text

    if path is None:
        click.echo(text.encode("utf-8", "backslashreplace"), nl=False)  # names of files need not be text
    else:
        write_text(path, text)
