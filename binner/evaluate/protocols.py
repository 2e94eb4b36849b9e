"""How well an encoder tells genomes apart: the protocols of DNABERT-S, and the neighbours of contigs by length.

Zhou et al. 2024, arXiv:2402.08777: K-means with the true number of species; classification of species from a few
sequences of each; binning by a modified K-medoid. They use about 100 sequences of each species, cut to 10 or 20 kb.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from binner.data import F64, I64, Matrix
from binner.evaluate.kmedoid import kmedoid
from binner.space import unit_rows

SEEDS = range(5)
SHOTS = (1, 2, 5, 10, 20)
TEST = 80  # sequences of each species that are classified, at most
LEAST_TEST = 10
THRESHOLDS = tuple(round(0.1 * tenth, 1) for tenth in range(1, 10))
NEIGHBOURS = 10
LENGTHS = (0, 1, 2, 5, 10, 20)  # kb, where classes of contigs begin
BLOCK = 1 << 24  # similarities held at a time


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of an evaluation."""

    protocol: str  # K-means, few-shot, K-medoid, neighbours
    metric: str
    at: str  # shots, threshold or class of lengths; empty where there is none
    value: float
    sd: float  # over seeds; nan where there are none
    sequences: int


def cluster(matrix: Matrix, labels: I64, *, seeds: Sequence[int] = SEEDS) -> list[Figure]:
    """K-means of unit vectors (N, D), K = number of species (N,): likeness of clusters and species."""
    from sklearn import metrics
    from sklearn.cluster import KMeans

    unit, species = unit_rows(matrix), len(np.unique(labels))
    judges = {
        "ARI": metrics.adjusted_rand_score,
        "NMI": metrics.normalized_mutual_info_score,
        "homogeneity": metrics.homogeneity_score,
        "completeness": metrics.completeness_score,
    }
    runs = [
        KMeans(species, init="random", n_init=3, max_iter=1000, random_state=seed).fit_predict(unit) for seed in seeds
    ]
    return [
        _mean("K-means", name, [float(judge(labels, run)) for run in runs], sequences=len(unit))
        for name, judge in judges.items()
    ]


def classify(
    matrix: Matrix, labels: I64, *, shots: Sequence[int] = SHOTS, seeds: Sequence[int] = SEEDS
) -> list[Figure]:
    """Macro F1 of logistic regression on standardised vectors (N, D), learnt from so many of each species (N,).

    The last 80 of each species in a random order are classified, or as many as the most shots leave; species with
    fewer than 10 of these are left out, and without two species there are no figures.
    """
    ids, counts = np.unique(labels, return_counts=True)
    large = ids[counts >= max(shots) + LEAST_TEST]
    if len(large) < 2:
        return []
    values: dict[int, list[float]] = {shot: [] for shot in shots}
    classified = 0
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(labels))
        own = [order[labels[order] == species] for species in large]
        test = np.concatenate([rows[-min(TEST, len(rows) - max(shots)) :] for rows in own])
        classified = len(test)
        for shot in shots:
            train = np.concatenate([rows[:shot] for rows in own])
            values[shot].append(_f1_of_classes(matrix, labels, train=train, test=test))
    return [_mean("few-shot", "macro F1", values[shot], at=str(shot), sequences=classified) for shot in shots]


def _f1_of_classes(matrix: Matrix, labels: I64, *, train: I64, test: I64) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import f1_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.5, max_iter=3000))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of no convergence: as published
        model.fit(matrix[train], labels[train])
    return float(f1_score(labels[test], model.predict(matrix[test]), average="macro"))


def recover(matrix: Matrix, labels: I64, *, threshold: float) -> list[Figure]:
    """Species (N,) that bins of the unit vectors (N, D) by K-medoid recover above each threshold of F1 and recall.

    A bin is matched with at most one species so that most sequences agree. As published, what is in no bin does not
    count; `(all)` counts it as missed.
    """
    bins = kmedoid(unit_rows(matrix), threshold=threshold)
    quality = _quality(bins, labels)
    figures = [
        Figure("K-medoid", "similarity threshold", "", threshold, float("nan"), len(bins)),
        Figure("K-medoid", "bins", "", float(bins.max() + 1), float("nan"), len(bins)),
        Figure("K-medoid", "share binned", "", float((bins >= 0).mean()), float("nan"), len(bins)),
    ]
    return figures + [
        Figure("K-medoid", f"species by {name}", str(least), float((each > least).sum()), float("nan"), len(bins))
        for name, each in quality.items()
        for least in THRESHOLDS
    ]


def _quality(bins: I64, labels: I64) -> dict[str, F64]:
    """Recall and F1 of each species, counting sequences; 0 for a species without a bin."""
    from scipy.optimize import linear_sum_assignment

    _, species = np.unique(labels, return_inverse=True)
    table = np.zeros((species.max() + 1, bins.max() + 1), np.int64)
    inside = bins >= 0
    np.add.at(table, (species[inside], bins[inside]), 1)
    row, column = linear_sum_assignment(table, maximize=True)
    common, of_bin = np.zeros(len(table)), np.zeros(len(table))
    common[row], of_bin[row] = table[row, column], table.sum(0)[column]
    binned, whole = table.sum(1), np.bincount(species)
    return {
        "F1": 2 * common / np.maximum(binned + of_bin, 1),
        "recall": common / np.maximum(binned, 1),
        "F1 (all)": 2 * common / (whole + of_bin),
        "recall (all)": common / whole,
    }


def neighbours(
    matrix: Matrix, labels: I64, lengths: I64, *, number: int = NEIGHBOURS, starts: Sequence[int] = LENGTHS
) -> list[Figure]:
    """Share of the nearest neighbours by cosine that are of the same species, mean over contigs by class of length.

    The classes begin at `starts` (kb); shorter contigs are in none.
    """
    pure = _purity(unit_rows(matrix), labels, number=min(number, len(matrix) - 1))
    of = np.searchsorted(np.array(starts) * 1000, lengths, side="right") - 1
    names = classes_of_length(starts)
    classes = {"all": np.ones(len(of), np.bool_)} | {name: of == row for row, name in enumerate(names)}
    return [
        Figure("neighbours", "purity", name, float(pure[rows].mean()), float("nan"), int(rows.sum()))
        for name, rows in classes.items()
        if rows.any()
    ]


def classes_of_length(starts: Sequence[int] = LENGTHS) -> list[str]:
    """What classes of contigs that begin at `starts` (kb) are called.

    >>> classes_of_length((1, 2))
    ['1-2 kb', '2 kb or more']
    """
    return [f"{first}-{end} kb" for first, end in pairwise(starts)] + [f"{starts[-1]} kb or more"]


def _purity(unit: Matrix, labels: I64, *, number: int) -> F64:
    """Share (N,) of the nearest neighbours of each row that have its label."""
    shares = np.empty(len(unit))
    step = max(1, BLOCK // len(unit))
    for first in range(0, len(unit), step):
        rows = np.arange(first, min(first + step, len(unit)))
        likeness = unit[rows] @ unit.T
        likeness[np.arange(len(rows)), rows] = -np.inf
        nearest = np.argpartition(likeness, -number, axis=1)[:, -number:]
        shares[rows] = (labels[nearest] == labels[rows, None]).mean(1)
    return shares


def _mean(protocol: str, metric: str, values: Sequence[float], *, at: str = "", sequences: int) -> Figure:
    return Figure(protocol, metric, at, float(np.mean(values)), float(np.std(values)), sequences)
