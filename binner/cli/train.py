"""`binner train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE, RESULTS, option

_EXAMPLES = """\b
Examples:
  binner train whitening genomes/ -o my_encoder
  binner run contigs.fa --encoder my_encoder
"""


@click.group("train")
def train() -> None:
    """Train what binner ships: its encoder, from a folder of genomes."""


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
