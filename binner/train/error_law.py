"""`binner train errors`: how far contigs of a genome lie apart in the space of a model, from genomes."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from binner import encoders, fasta
from binner.config import EncoderConfig, MachineConfig
from binner.data import F32, F64, I64, U8, Bool, Progress, silent
from binner.encoders import whitening
from binner.encoders.error_law import ERROR_LAW, ErrorLaw, Lawful
from binner.errors import InputError, OptionError
from binner.train.genomes import between_gaps
from binner.train.sources import Source, find
from binner.train.stretches import places, varied

logger = logging.getLogger(__name__)

FOLDS = 5
FEWEST_SPECIES = 10


@dataclass(frozen=True, slots=True)
class ErrorLawOptions:
    """How the law is fitted."""

    pieces: int = 24  # of each genome, each one window long
    directions: int = 64  # that are kept of the model's vectors
    shrinkage: float = 0.1  # of the covariance within genomes
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least in (("pieces", 2), ("directions", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise OptionError(f"--{name} must be at least {least}, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """P pieces of genomes, one after another."""

    codes: U8
    start: I64  # (P,)
    stop: I64  # (P,)
    genome: I64  # (P,), row of the genome
    species: I64  # (P,)
    genus: I64  # (P,)


def train_error_law(
    genomes: Path,
    folder: Path,
    options: ErrorLawOptions,
    *,
    config: EncoderConfig,
    machine: MachineConfig,
    labels: Path | None = None,
    progress: Progress = silent,
) -> ErrorLaw:
    """Fit the error law of the model in `folder` on `genomes` (`binner.train.sources`); write it beside it.

    Raises InputError and OptionError, before any work where that is possible.
    """
    encoder = encoders.load(folder, config, machine)
    if not isinstance(encoder, Lawful):
        raise InputError(f"{folder}: not a network; a whitening has its error law from its training")
    if not os.access(folder, os.W_OK):
        raise OptionError(f"{folder}: cannot be written to; copy the model and name the copy")
    sources = find(genomes, labels=labels)
    pieces = draw(sources, bp=encoder.window, number=options.pieces, seed=options.seed)
    if len(np.unique(pieces.species)) < FEWEST_SPECIES:
        raise InputError(
            f"{genomes}: {len(np.unique(pieces.species))} species have a sequence of {encoder.window:,} bp, and the law"
            f" needs {FEWEST_SPECIES} (it counts where the genome has room for two): add genomes, or make --window"
            " smaller"
        )
    vectors = encoder.vectors(pieces.codes, pieces.start, pieces.stop, progress=progress)
    law = replace(fit(vectors, pieces, options, reference=encoder.window), strands=config.strands)
    law.save(folder)
    logger.info("%s: fitted on %d pieces of %d bp", folder / ERROR_LAW, len(vectors), encoder.window)
    return law


def draw(sources: Sequence[Source], *, bp: int, number: int, seed: int) -> Pieces:
    """`number` pieces of `bp` from each genome with room for two that lie apart, wherever in it they fall."""
    rng = np.random.default_rng(seed)
    _, species = np.unique([source.species for source in sources], return_inverse=True)
    _, genus = np.unique([source.genus for source in sources], return_inverse=True)
    codes: list[U8] = []
    owners: list[int] = []
    for row, source in enumerate(sources):
        contigs = fasta.read(source.path, min_length=bp)
        _, first, last = between_gaps(contigs.codes, contigs.offsets)
        if varied(first, last, bp=bp, row=np.zeros_like(first), rows=1)[0]:
            begins = places(first, last, bp=bp, number=number, rng=rng)
            codes += [contigs.codes[begin : begin + bp] for begin in begins]
            owners += [row] * number
    owner = np.array(owners, np.int64)
    start = np.arange(len(codes)) * bp
    joined = np.concatenate([np.zeros(0, np.uint8), *codes])
    return Pieces(joined, start, start + bp, owner, species[owner], genus[owner])


def fit(vectors: F32, pieces: Pieces, options: ErrorLawOptions, *, reference: int) -> ErrorLaw:
    """The law of vectors (P, H) of pieces of `reference` bp.

    Its variances are scaled to what genera show that the map was not fitted on (`FOLDS` folds): with few genomes and
    many directions those that it was fitted on scatter less.
    """
    law = _fit(vectors, pieces, options, reference=reference)
    genera = np.unique(pieces.genus)
    if len(genera) < FOLDS:
        logger.warning(
            "%d genera are too few to check the error law on others than those that it is fitted on", len(genera)
        )
        return law
    fold = np.random.default_rng(options.seed).permutation(len(genera))[np.searchsorted(genera, pieces.genus)] % FOLDS
    ratios = np.array([_held_out(vectors, pieces, fold == out, options, reference=reference) for out in range(FOLDS)])
    within, between = np.exp(np.log(ratios).mean(0))
    logger.info(
        "genera kept out scatter %.2f times as much within genomes, %.2f times between species", within, between
    )
    return replace(law, noise=(law.noise * within).astype(np.float32), prior=(law.prior * between).astype(np.float32))


def _fit(
    vectors: F32, pieces: Pieces, options: ErrorLawOptions, *, reference: int, keep: Bool | None = None
) -> ErrorLaw:
    rows = slice(None) if keep is None else keep
    species = pieces.species[rows]
    directions = min(options.directions, vectors.shape[1], len(np.unique(species)) - 1)
    fitted = whitening.fit(vectors[rows], species, directions=directions, shrinkage=options.shrinkage)
    centre, projection, noise, prior = (array.astype(np.float32) for array in fitted)
    return ErrorLaw(centre, projection, noise, prior, reference)


def _held_out(
    vectors: F32, pieces: Pieces, held_out: Bool, options: ErrorLawOptions, *, reference: int
) -> tuple[float, float]:
    """Observed over predicted variance, within genomes and of species' means, of a law fitted without these pieces."""
    law = _fit(vectors, pieces, options, reference=reference, keep=~held_out)
    mapped = (vectors[held_out] - law.centre).astype(np.float64) @ law.projection
    noise, number = _within(mapped, pieces.genome[held_out])
    _, row = np.unique(pieces.species[held_out], return_inverse=True)
    means = np.stack([mapped[row == each].mean(0) for each in range(row.max() + 1)])
    between = np.maximum((means**2).mean(0) - noise / number, 0)
    return float(noise.sum() / law.noise.sum()), max(float(between.sum() / law.prior.sum()), 0.01)


def _within(mapped: F64, genome: I64) -> tuple[F64, float]:
    """Variance within genomes (D,), and how many pieces a genome has."""
    _, row = np.unique(genome, return_inverse=True)
    genomes = row.max() + 1
    centred = mapped - np.stack([mapped[row == each].mean(0) for each in range(genomes)])[row]
    variance: F64 = (centred**2).sum(0) / max(len(mapped) - genomes, 1)
    return variance, len(mapped) / genomes
