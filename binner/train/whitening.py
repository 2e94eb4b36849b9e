"""Training and validation of the whitening: seconds on a CPU."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from binner.data import F32, F64, I64, U8, Bool
from binner.encoders import whitening
from binner.encoders.whitening import Whitening
from binner.errors import OptionError
from binner.space import unit_rows
from binner.train import codons
from binner.train.genomes import Genomes, draw_pieces

logger = logging.getLogger(__name__)

FOLDS = 5
VALIDATION_BP = 10_000  # bp that a genome needs without a gap to be judged on
PIECES_BP = ((2_000, VALIDATION_BP), (1_000, 2_000))  # lengths of the pieces that are clustered
ERROR_LAW_BP = (1500, 3000, 6000, 12000, 25000)


@dataclass(frozen=True, slots=True)
class WhiteningOptions:
    """How the whitening is trained; the defaults are those of the encoder that ships."""

    k: int = 5
    directions: int = 256  # of which `binner.adaptation` chooses
    shrinkage: float = 0.3  # of the within-genome covariance towards a multiple of the identity
    reference: int = 6000  # bp, of the pieces that it is learnt from, and of the windows that it wants
    per_genome: int = 48  # pieces
    seed: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise OptionError(f"--seed must be from 0 to {2**32 - 1}, not {self.seed}")


@dataclass(frozen=True, slots=True)
class Validation:
    """On genera that were kept out of training."""

    genera: int
    ari: tuple[float, ...]  # K-means, k = number of species, pieces of each of PIECES_BP as unit vectors
    ari_4mers: tuple[float, ...]  # the same on plain 4-mer frequencies
    error_law: tuple[float, ...]  # observed / predicted variance within genomes for ERROR_LAW_BP


def train(genomes: Genomes, options: WhiteningOptions, *, keep: Bool | None = None) -> Whitening:
    """Learn the whitening from the genomes in `keep` (G,), by default all."""
    rng = np.random.default_rng(options.seed)
    start, stop, owner = draw_pieces(genomes, bp=options.reference, per_genome=options.per_genome, rng=rng)
    if keep is not None:
        start, stop, owner = (array[keep[owner]] for array in (start, stop, owner))
    return fit(genomes.codes, start, stop, species=genomes.species[owner], options=options)


def fit(codes: U8, start: I64, stop: I64, *, species: I64, options: WhiteningOptions) -> Whitening:
    """Learn the whitening from the pieces codes[start:stop] of `options.reference` bp and their species (V,)."""
    odds = codons.log_odds(codes, start, stop, rng=np.random.default_rng(options.seed))
    features = whitening.features(codes, start, stop, k=options.k, odds=odds)
    fitted = whitening.fit(features, species, directions=options.directions, shrinkage=options.shrinkage)
    centre, projection, noise, prior = (array.astype(np.float32) for array in fitted)
    return Whitening(centre, projection, noise, prior, odds, options.k, options.reference, options.reference)


def genera_to_judge(genomes: Genomes) -> I64:
    """Ids of the genera with a stretch that is long enough to be kept out for validation, ascending."""
    genome, start, stop = genomes.stretches
    return np.unique(genomes.genus[genome[stop - start >= VALIDATION_BP]])


def validate(genomes: Genomes, options: WhiteningOptions, *, folds: int = FOLDS) -> list[Validation]:
    """Train without a fold of the genera, judge on that fold, for each fold; needs as many genera to judge."""
    genera = genera_to_judge(genomes)
    fold_of = np.full(genomes.genus.max() + 1, -1)
    fold_of[genera] = np.random.default_rng(options.seed).permutation(len(genera)) % folds
    fold = fold_of[genomes.genus]
    results = []
    for out in range(folds):
        encoder = train(genomes, options, keep=fold != out)
        result = _judge(genomes, encoder, held_out=fold == out, seed=options.seed)
        logger.info("fold %d of %d: %s", out + 1, folds, result)
        results.append(result)
    return results


def _judge(genomes: Genomes, encoder: Whitening, *, held_out: Bool, seed: int) -> Validation:
    rng = np.random.default_rng(seed)
    start, stop, owner = draw_pieces(genomes, bp=VALIDATION_BP, per_genome=20, rng=rng)
    start, stop, owner = (array[held_out[owner]] for array in (start, stop, owner))
    species = genomes.species[owner]
    found, plain = [], []
    for shortest, longest in PIECES_BP:
        stop = start + rng.integers(shortest, longest + 1, len(start))
        four_mers = whitening.frequencies(genomes.codes, start, stop, k=4) ** 2
        found.append(_kmeans_ari(encoder.embed(genomes.codes, start, stop), species, seed=seed))
        plain.append(_kmeans_ari(four_mers, species, seed=seed))
    return Validation(
        genera=len(np.unique(genomes.genus[owner])),
        ari=tuple(found),
        ari_4mers=tuple(plain),
        error_law=tuple(_error_ratio(genomes, encoder, bp, held_out=held_out, rng=rng) for bp in ERROR_LAW_BP),
    )


def _kmeans_ari(vectors: F32, labels: I64, *, seed: int) -> float:
    means = KMeans(len(np.unique(labels)), n_init=3, random_state=seed).fit(unit_rows(vectors))
    return float(adjusted_rand_score(labels, means.labels_))


def _error_ratio(genomes: Genomes, encoder: Whitening, bp: int, *, held_out: Bool, rng: np.random.Generator) -> float:
    """Observed over predicted variance of pieces of `bp` around the mean of their genome; nan without such pieces."""
    start, stop, owner = draw_pieces(genomes, bp=bp, per_genome=12, rng=rng)
    start, stop, owner = (array[held_out[owner]] for array in (start, stop, owner))
    if not len(start):
        return float("nan")
    vectors = encoder.embed(genomes.codes, start, stop).reshape(-1, 12, len(encoder.prior)).astype(np.float64)
    observed: F64 = vectors.var(1, ddof=1).mean(0)
    return float((observed / encoder.variance(np.array([bp]))[0]).mean())
