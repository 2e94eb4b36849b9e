"""The protocols: perfect and useless embeddings, definitions by hand, and bounds of what is judged."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import f1_score, recall_score

from binner.data import F64, I64
from binner.evaluate import protocols
from binner.evaluate.protocols import Figure, classify, cluster, neighbours, recover
from binner.space import unit_rows


def points(*, noise: float, species: int = 4, each: int = 40, seed: int = 0) -> tuple[F64, I64]:
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(species), each)
    matrix: F64 = 5 * np.eye(species, 8)[labels] + noise * rng.normal(size=(len(labels), 8))
    return matrix, labels


def by_name(figures: list[Figure]) -> dict[tuple[str, str], float]:
    return {(figure.metric, figure.at): figure.value for figure in figures}


def test_clusters() -> None:
    matrix, labels = points(noise=0.1)
    found = cluster(matrix, labels, seeds=range(8))
    assert {figure.metric for figure in found} == {"ARI", "NMI", "homogeneity", "completeness"}
    assert all(figure.value > 0.7 and figure.sequences == 160 for figure in found)
    rng = np.random.default_rng(1)
    assert abs(by_name(cluster(matrix, rng.permutation(labels)))["ARI", ""]) < 0.05
    scaled = matrix * rng.uniform(0.1, 9, (len(matrix), 1))
    assert by_name(cluster(scaled, labels)) == pytest.approx(by_name(cluster(matrix, labels)))


def test_more_shots_classify_better() -> None:
    matrix, labels = points(noise=2.0, each=60)
    found = by_name(classify(matrix, labels))
    assert list(found) == [("macro F1", str(shots)) for shots in (1, 2, 5, 10, 20)]
    assert found["macro F1", "1"] < found["macro F1", "20"] > 0.8
    perfect, _ = points(noise=0.01, each=60)
    assert by_name(classify(perfect[:, :4], labels))["macro F1", "1"] == 1


def test_what_is_classified_is_not_learnt_from(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, labels = points(noise=1.0, each=35)
    labels[-6:] = 0  # species 3 has 29, one less than it needs
    seen = []

    def score(_: F64, labels: I64, *, train: I64, test: I64) -> float:
        assert not set(train) & set(test)
        assert set(labels[train]) == set(labels[test]) == {0, 1, 2}
        seen.append((len(train), np.bincount(labels[test]).tolist()))
        return 1.0

    monkeypatch.setattr(protocols, "_f1_of_classes", score)
    classify(matrix, labels, seeds=[0])
    assert seen == [(3 * shots, [21, 15, 15]) for shots in (1, 2, 5, 10, 20)]


def test_too_few_to_classify() -> None:
    matrix, labels = points(noise=1.0, each=29)
    assert classify(matrix, labels) == []


def test_species_are_recovered_by_f1_and_recall(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2])
    bins = np.array([0, 0, 0, 1, 1, 1, -1, -1, -1, -1])
    monkeypatch.setattr(protocols, "kmedoid", lambda *_, **__: bins)
    found = by_name(recover(np.ones((10, 2)), labels, threshold=0.5))
    inside = bins >= 0  # as published: in sklearn's words, of the sequences in bins, whose bin is called as its species
    recall = recall_score(labels[inside], bins[inside], average=None, labels=[0, 1, 2], zero_division=0)
    f1 = f1_score(labels[inside], bins[inside], average=None, labels=[0, 1, 2], zero_division=0)
    for least in protocols.THRESHOLDS:
        assert found["species by recall", str(least)] == (recall > least).sum()
        assert found["species by F1", str(least)] == (f1 > least).sum()
        assert found["species by recall (all)", str(least)] == (np.array([0.75, 0.5, 0]) > least).sum()
        assert found["species by F1 (all)", str(least)] == (np.array([6 / 7, 4 / 7, 0]) > least).sum()
    assert (found["bins", ""], found["share binned", ""]) == (2, 0.6)


def test_nothing_is_recovered_without_bins() -> None:
    matrix, labels = points(noise=1.0)
    found = by_name(recover(matrix, labels, threshold=1.1))
    assert found["bins", ""] == 0
    assert {value for (metric, _), value in found.items() if metric.startswith("species")} == {0}


def test_neighbours_by_length(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix, labels = points(noise=1.5, each=20)
    lengths = np.where(np.arange(len(labels)) % 2, 1999, 25_000)
    monkeypatch.setattr(protocols, "BLOCK", 300)
    found = neighbours(matrix, labels, lengths, number=5)
    assert [(figure.at, figure.sequences) for figure in found] == [("all", 80), ("1-2 kb", 40), ("20 kb or more", 40)]
    unit = unit_rows(matrix)
    shares = []
    for row in range(len(unit)):
        order = sorted(set(range(len(unit))) - {row}, key=lambda other: -float(unit[row] @ unit[other]))
        shares.append(np.mean(labels[order[:5]] == labels[row]))
    assert found[0].value == pytest.approx(np.mean(shares))
    assert found[1].value == pytest.approx(np.mean(shares[1::2]))
    assert math.isnan(found[0].sd)


def test_unit_rows() -> None:
    assert unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist() == [[0.6, 0.8], [0.0, 0.0]]
