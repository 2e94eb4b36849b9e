"""Prodigal and HMMER as CheckM calls them, by pyrodigal and pyhmmer: for machines that have CheckM, but not these.

Called as `python stand_in.py PROGRAM ARGUMENTS`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyhmmer
from pyhmmer.easel import Alphabet, SequenceFile
from pyhmmer.plan7 import HMM, HMMFile
from pyrodigal.cli import main as pyrodigal


def prodigal(arguments: list[str]) -> int:
    """Genes; pyrodigal has no -q, and is quiet."""
    return int(pyrodigal([argument for argument in arguments if argument != "-q"]) or 0)


def read(proteins: str) -> Any:
    """All sequences of a file."""
    with SequenceFile(proteins, digital=True, alphabet=Alphabet.amino()) as file:
        return file.read_block()


def hmmsearch(arguments: list[str]) -> None:
    """hmmsearch --domtblout TABLE ... -E 0.1 --domE 0.1 --noali MODELS PROTEINS."""
    table, (models, proteins) = arguments[arguments.index("--domtblout") + 1], arguments[-2:]
    sequences = read(proteins)
    with HMMFile(models) as file, Path(table).open("wb") as out:
        searches: Iterable[Any] = pyhmmer.hmmsearch(file, sequences, cpus=1, E=0.1, domE=0.1)
        for number, hits in enumerate(searches):
            hits.write(out, format="domains", header=number == 0)


def hmmfetch(arguments: list[str]) -> None:
    """hmmfetch MODELS NAME: the model of that name or accession."""
    models, wanted = arguments[-2:]
    with HMMFile(models) as file:
        for model in file:
            if wanted in (model.name, model.accession):
                model.write(sys.stdout.buffer)


def hmmalign(arguments: list[str]) -> None:
    """hmmalign [--allcol] --outformat Pfam MODEL PROTEINS."""
    with HMMFile(arguments[-2]) as models:
        model = next(models)
    assert isinstance(model, HMM)
    sequences = read(arguments[-1])
    aligned = pyhmmer.hmmalign(model, sequences, all_consensus_cols="--allcol" in arguments)
    aligned.write(sys.stdout.buffer, "pfam")


PROGRAMS = {"prodigal": prodigal, "hmmsearch": hmmsearch, "hmmfetch": hmmfetch, "hmmalign": hmmalign}

if __name__ == "__main__":
    name, *rest = sys.argv[1:]
    sys.exit(None if "-h" in rest else PROGRAMS[name](rest))
