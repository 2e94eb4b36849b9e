"""`binner train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE, RESULTS, option
from binner.errors import InputError, OptionError

_EXAMPLES = """\b
Examples:
  binner train whitening genomes/ -o my_encoder
  binner run contigs.fa --encoder my_encoder
"""
_MARKER_EXAMPLES = """\b
Examples:
  binner train markers genomes/ -o seeds.tsv
"""


@click.group("train")
def train() -> None:
    """Train what binner ships, from genomes: its encoder, and how it looks for marker genes."""


@train.command("whitening", cls=Command, epilog=_EXAMPLES)
@click.argument("genomes", type=FILE)
@option(*("-o", "--output"), heading=RESULTS, type=FILE, required=True, metavar="FOLDER", help="The encoder to write.")
@shared.seed
@shared.threads
@shared.talk
def whitening(genomes: Path, output: Path, **given: Any) -> None:
    """Train the whitening on GENOMES and validate it on genera kept out.

    GENOMES is a folder with genomes.tsv (columns genome, species_cluster, genus_cluster) and genomes/<genome>.fa.gz.
    """
    machine = shared.machine_config(given)
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner.train.encoder import train_whitening
        from binner.train.whitening import WhiteningOptions

        options = WhiteningOptions(seed=given["seed"])
        with watch("Training the whitening") as progress:
            train_whitening(genomes, output, options, command=["binner", *sys.argv[1:]], progress=progress)


@train.command("markers", cls=Command, epilog=_MARKER_EXAMPLES)
@click.argument("genomes", type=FILE)
@option(*("-o", "--output"), heading=RESULTS, type=FILE, required=True, metavar="TABLE", help="The table to write.")
@shared.threads
@shared.talk
def markers(genomes: Path, output: Path, **given: Any) -> None:
    """Learn from GENOMES which words of the marker genes' profiles are worth a closer look.

    GENOMES is a folder of FASTA files. The table of words that comes with binner was learnt so: 2 CPU seconds a Mb.
    """
    machine = shared.machine_config(given)
    if not genomes.is_dir():
        raise InputError(f"{genomes}: not a folder; name one with FASTA files of genomes")
    if output.is_dir() or not output.parent.is_dir():
        raise OptionError(f"-o {output}: {'a folder' if output.is_dir() else 'there is no such folder'}; name a file")
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner import marker_training

        with watch("Learning from marker genes") as progress:
            marker_training.learn(genomes, output, threads=machine.threads, progress=progress)
