"""`binner train whitening`: from a folder of genomes to a folder that `--encoder` takes."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from binner import shipped
from binner.data import Progress, silent
from binner.errors import InputError
from binner.train import genomes as training
from binner.train import target
from binner.train.whitening import (
    ERROR_LAW_BP,
    FOLDS,
    PIECES_BP,
    VALIDATION_BP,
    Validation,
    WhiteningOptions,
    genera_to_judge,
    train,
    validate,
)

logger = logging.getLogger(__name__)

CARD = "README.md"


def train_whitening(
    folder: Path, out: Path, options: WhiteningOptions, *, command: Sequence[str], progress: Progress = silent
) -> None:
    """Train on the genomes in `folder` (`binner.train.genomes.read`), validate on held-out genera, write into `out`.

    `out` must be new or empty. Raises InputError and OptionError.
    """
    with target.filled(out) as unfinished:
        genomes = training.read(folder, progress=progress)
        genera = len(genera_to_judge(genomes))
        if genera < FOLDS:
            raise InputError(
                f"{folder}: {genera} genera have a genome with a sequence of {VALIDATION_BP:,} bp, and validation "
                f"needs {FOLDS}: add genomes of other genera"
            )
        folds = validate(genomes, options)
        encoder = train(genomes, options)
        encoder.save(unfinished)
        (unfinished / CARD).write_text(_card(genomes, options, folds, digest=encoder.digest, command=command))
    logger.info("%s: whitening %s", out, encoder.digest)


def _card(
    genomes: training.Genomes,
    options: WhiteningOptions,
    folds: list[Validation],
    *,
    digest: str,
    command: Sequence[str],
) -> str:
    """The model card: data, command, figures."""
    settings = ", ".join(f"{name} {value}" for name, value in asdict(options).items())
    law = np.array([fold.error_law for fold in folds])
    ratios = ["-" if np.isnan(found).all() else f"{np.nanmean(found):.2f}" for found in law.T]
    ari = np.array([(*fold.ari, *fold.ari_4mers) for fold in folds])  # ours by length, then that of 4-mers
    mean = ari.mean(0)
    figure = shipped.FIGURE.format(model=mean[0], four_mers=mean[len(PIECES_BP)])
    table = [(str(i), str(fold.genera), own) for i, (fold, own) in enumerate(zip(folds, ari, strict=True), 1)]
    rows = [
        f"| {name} | {genera} | {' | '.join(f'{value:.3f}' for value in values)} |"
        for name, genera, values in [*table, ("mean", "", mean)]
    ]
    lengths = [f"{low / 1000:g}-{high / 1000:g} kb" for low, high in PIECES_BP]
    return f"""# Whitening {digest}

A linear encoder of windows of DNA: whitened frequencies of canonical k-mers and of words in the reading frames
(`binner/encoders/whitening.py` and `frames.py` have the formulas), with the variance of a contig around its genome as a
law of its length.

- Data: {len(genomes.names)} prokaryotic genomes, {len(genomes.codes) / 1e6:.0f} Mb, \
{genomes.species.max() + 1} species in {genomes.genus.max() + 1} genera (clusters of Mash distance 0.05 and 0.2).
- Command: `{shlex.join(command)}`
- Settings: {settings}.
- Use: `binner run --encoder`; for bacteria and archaea. Eukaryotes and viruses were not in the data.
{figure}

## Validation on genera kept out of training

K-means ARI (k = number of species, pieces as unit vectors), beside plain 4-mer frequencies:

| fold | genera | {" | ".join(f"{of}, {length}" for of in ("whitening", "4-mers") for length in lengths)} |
|---|---|{"---|" * len(mean)}
{chr(10).join(rows)}

Observed over predicted variance within held-out genomes (1: the error bar is right), mean of the folds:

| piece | {" | ".join(f"{bp / 1000:g} kb" for bp in ERROR_LAW_BP)} |
|---|{"---|" * len(ERROR_LAW_BP)}
| ratio | {" | ".join(ratios)} |
"""
