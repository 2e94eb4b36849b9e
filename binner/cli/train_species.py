"""`binner train species` and `binner train pack`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE, METHOD, OTHER, RESULTS, option
from binner.errors import OptionError

_EXAMPLES = """\b
Examples:
  binner train species genomes/ -o my_model --size small --labels species.tsv
  binner train species genomes/ -o my_model --init DNABERT-2-117M --preset published
  torchrun --nproc-per-node 8 -m binner train species packed/ -o my_model --size base
  binner run contigs.fa --encoder my_model
"""
_PACK_EXAMPLES = """\b
Examples:
  binner train pack genomes/ -o packed
  binner train species packed/ -o my_model
"""
MODEL, DATA = "Model", "Data"
SIZES = ("tiny", "small", "base", "kmers")  # of binner.train.options, which loads torch
PRESETS = ("own", "published")

labels = option(
    "--labels",
    heading=DATA,
    type=FILE,
    metavar="TSV",
    help="Genome, species and, if known, genus, a line each, for a folder of FASTA files.",
)


def _number(name: str, kind: type, text: str, *, heading: str = METHOD, metavar: str = "N") -> shared.Decorator:
    return option(name, heading=heading, type=kind, metavar=metavar, help=text)


_model = shared.together(
    option(
        "--size",
        heading=MODEL,
        type=click.Choice(SIZES),
        help="Transformers: small of 2 layers of 256, for CPUs; base of 12 of 768; tiny for tests. kmers: 2 layers on"
        " 5-mer frequencies.  [default: small]",
    ),
    option("--init", heading=MODEL, type=FILE, metavar="FOLDER", help="Start from a model, as from DNABERT-2 or -S."),
    option("--tokenizer", heading=MODEL, type=FILE, metavar="FOLDER", help="Take tokenizer.json from there."),
    _number("--dropout", float, "Share of activations that are dropped.", heading=MODEL, metavar="SHARE"),
    option("--half", heading=MODEL, is_flag=True, help="Write the weights in 16 bits."),
)
_data = shared.together(
    labels,
    _number("--shortest", int, "Length of the shortest pieces.  [default: 1000]", heading=DATA, metavar="BP"),
    _number("--longest", int, "Length of the longest pieces.", heading=DATA, metavar="BP"),
    _number("--substitutions", float, "Highest rate of wrong bases in a piece.", heading=DATA, metavar="RATE"),
    _number("--indels", float, "Highest rate of missing and added bases.", heading=DATA, metavar="RATE"),
    _number("--strains", float, "Share of pairs from two genomes of a species.", heading=DATA, metavar="SHARE"),
    _number("--held-out", float, "Share of genera for validation.  [default: 0.1]", heading=DATA, metavar="SHARE"),
    _number("--fold", int, "Which share of the genera, for cross-validation.  [default: 1]", heading=DATA),
)
_method = shared.together(
    option(
        "--preset",
        heading=METHOD,
        type=click.Choice(PRESETS),
        default="own",
        show_default=True,
        help="Settings that the other options start from: binner's own, or those DNABERT-S was trained with.",
    ),
    _number("--steps", int, "Steps of the optimiser."),
    _number("--pairs", int, "Pairs in a step, over all processes."),
    _number(
        "--accumulate",
        int,
        "Batches that a step is made of, to save memory. Pairs are told apart from others of their batch alone, so that"
        " smaller ones teach less.",
    ),
    option(
        "--checkpointing/--no-checkpointing",
        heading=METHOD,
        default=None,
        help="Save memory, for a third more time.  [default: with base]",
    ),
    _number("--learning-rate", float, "At its highest.", metavar="RATE"),
    _number("--head-rate", float, "Learning rate of the head over the model's.", metavar="FACTOR"),
    _number("--weight-decay", float, "Of matrices.", metavar="RATE"),
    _number("--temperature", float, "Of the losses.  [default: 0.05]", metavar="T"),
    _number("--unmixed", float, "Share of the steps before the mixing begins.  [default: 1/3]", metavar="SHARE"),
    _number("--distil", float, "Weight of the likeness to whitened k-mers.", metavar="WEIGHT"),
    _number("--check-every", int, "Steps between looks at the genera kept out."),
    _number("--patience", int, "Stop after so many looks without a gain.  [default: never]"),
    _number("--save-every", int, "Steps between states that a killed run goes on from."),
    shared.seed,
)


@click.command("species", cls=Command, epilog=_EXAMPLES)
@click.argument("genomes", type=FILE)
@option(*("-o", "--output"), heading=RESULTS, type=FILE, required=True, metavar="FOLDER", help="The model to write.")
@_model
@_data
@_method
@shared.threads
@shared.device
@option(
    "--tensorboard",
    heading=OTHER,
    type=FILE,
    metavar="FOLDER",
    help="Log there for TensorBoard, which must be installed, as well.",
)
@shared.talk
def species(genomes: Path, output: Path, **given: Any) -> None:
    """Train a species-aware language model on GENOMES and validate it on genera kept out.

    GENOMES is a folder of FASTA files (a file is a genome), a table of their paths, species and genera, or what
    `binner train pack` wrote. The same command goes on where it was killed.
    """
    machine = shared.machine_config(given)
    if given["init"] and given["size"]:
        raise OptionError(f"--size {given['size']}: --init has a size of its own; leave one out")
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner.train.kinds import shape_in
        from binner.train.options import options, size_like
        from binner.train.species import Task, train_species

        size = size_like(shape_in(given["init"])) if given["init"] else given["size"] or "small"
        own = options(size, preset=given["preset"], fine_tuning=given["init"] is not None, given=given)
        rest = {name: given[name] for name in ("init", "tokenizer", "labels", "half", "tensorboard")}
        command = ("binner", *sys.argv[1:])
        train_species(Task(genomes, output, own, size=size, machine=machine, command=command, **rest), watch=watch)


@click.command("pack", cls=Command, epilog=_PACK_EXAMPLES)
@click.argument("genomes", type=FILE)
@option(*("-o", "--output"), heading=RESULTS, type=FILE, required=True, metavar="FOLDER", help="The folder to write.")
@labels
@shared.threads
@shared.talk
def pack(genomes: Path, output: Path, **given: Any) -> None:
    """Pack GENOMES at two bits a base, to train on them elsewhere or more than once."""
    machine = shared.machine_config(given)
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"]) as watch:
        from binner.train.packed import pack_into
        from binner.train.sources import find

        with watch("Packing the genomes") as progress:
            pack_into(output, find(genomes, labels=given["labels"]), progress=progress)
