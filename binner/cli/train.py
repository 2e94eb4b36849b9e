"""`binner train`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command, Group
from binner.cli._options import FILE, METHOD, RESULTS, option
from binner.cli.train_species import pack, species
from binner.config import EncoderConfig
from binner.errors import InputError

_GROUP_EXAMPLES = """\b
Examples:
  binner train species genomes/ -o my_model --labels species.tsv
  binner train whitening genomes/ -o my_encoder
"""
_EXAMPLES = """\b
Examples:
  binner train whitening genomes/ -o my_encoder
  binner run contigs.fa --encoder my_encoder
"""
_MARKER_EXAMPLES = """\b
Examples:
  binner train markers genomes/ -o seeds.tsv
"""
_ERROR_EXAMPLES = """\b
Examples:
  binner train errors genomes/ --encoder dnabert_s/
  binner run contigs.fa --encoder dnabert_s/
"""


@click.group("train", cls=Group, epilog=_GROUP_EXAMPLES)
def train() -> None:
    """Train what binner ships, from genomes: its encoders, and how it looks for marker genes."""


train.add_command(species)
train.add_command(pack)


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

    GENOMES is a folder of FASTA files. The table of words that comes with binner was learnt so: 3 CPU seconds a Mb.
    """
    machine = shared.machine_config(given)
    if not genomes.is_dir():
        raise InputError(f"{genomes}: not a folder; name one with FASTA files of genomes")
    from binner import inputs

    inputs.check_target(output)
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner.train import markers

        with watch("Learning from marker genes") as progress:
            markers.learn(genomes, output, threads=machine.threads, progress=progress)


@train.command("errors", cls=Command, epilog=_ERROR_EXAMPLES)
@click.argument("genomes", type=FILE)
@option("--encoder", heading=RESULTS, type=FILE, required=True, metavar="FOLDER", help="The language model.")
@option("--labels", heading=METHOD, type=FILE, metavar="TSV", help="Genome, species and, if known, genus.")
@option("--window", heading=METHOD, type=int, metavar="BP", help="Length of the pieces.  [default: the model's]")
@shared.strands
@option("--pieces", heading=METHOD, type=int, default=24, show_default=True, metavar="N", help="Pieces of each genome.")
@option("--directions", heading=METHOD, type=int, default=64, show_default=True, metavar="N", help="Directions kept.")
@shared.seed
@shared.threads
@shared.device
@shared.talk
def errors(genomes: Path, encoder: Path, labels: Path | None, **given: Any) -> None:
    """Measure on GENOMES how far contigs of a genome lie apart for a language model; write it into the model's folder.

    GENOMES is a folder of FASTA files, a genome each, or a table of them; best such as the model was not trained on.
    """
    machine = shared.machine_config(given)
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner.runtime import choose_device
        from binner.train.error_law import ErrorLawOptions, train_error_law

        options = ErrorLawOptions(pieces=given["pieces"], directions=given["directions"], seed=given["seed"])
        config, machine = (
            EncoderConfig(window=given["window"], strands=given["strands"]),
            replace(machine, device=choose_device(machine.device)),
        )
        with watch("Fitting the error law") as progress:
            train_error_law(genomes, encoder, options, config=config, machine=machine, labels=labels, progress=progress)
