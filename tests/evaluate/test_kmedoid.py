"""The K-medoid against a reference that holds all similarities, and where it ends."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import F64, I64
from binner.evaluate import kmedoid as module
from binner.evaluate.kmedoid import densities, kmedoid, similarity_threshold


def blobs(seed: int, *, groups: int = 6, each: int = 40, noise: float = 0.25) -> tuple[F64, I64]:
    """Unit vectors around random centres, and their groups."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, groups, groups * each)
    matrix = rng.normal(size=(groups, 12))[labels] + noise * rng.normal(size=(len(labels), 12))
    unit: F64 = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return unit, labels


def naive(unit: F64, *, threshold: float, smallest: int) -> I64:
    """As it is described, with all similarities held and densities summed anew for every bin."""
    similarity = unit @ unit.T
    similarity[similarity < threshold] = 0
    labels = np.full(len(unit), -1)
    bins = 0
    while (labels == -1).any():
        free = np.flatnonzero(labels == -1)
        seed = free[np.argmax(similarity[np.ix_(free, free)].sum(1))]
        members, centre = np.array([seed]), unit[seed]
        for _ in range(3):
            near = free[unit[free] @ centre >= threshold]
            if not len(near):
                break
            members, centre = near, unit[near].mean(0)
        labels[members] = bins
        bins += 1
    kept = [group for group in range(bins) if (labels == group).sum() >= smallest]
    return np.array([kept.index(group) if group in kept else -1 for group in labels])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("threshold", [0.3, 0.7, 0.95])
def test_bins_are_those_of_the_reference(seed: int, threshold: float, monkeypatch: pytest.MonkeyPatch) -> None:
    unit, _ = blobs(seed)
    monkeypatch.setattr(module, "BLOCK", 1000)  # blocks of a few rows
    found = kmedoid(unit, threshold=threshold, smallest=4)
    assert np.array_equal(found, naive(unit, threshold=threshold, smallest=4))
    assert len(set(found)) > 1


def test_groups_far_apart_are_found() -> None:
    unit, labels = blobs(1, noise=0.05)
    found = kmedoid(unit, threshold=0.9)
    assert (found >= 0).all()
    assert len(set(zip(found, labels, strict=True))) == len(set(labels))


def test_densities_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    unit, _ = blobs(2)
    whole = densities(unit, unit[:50], threshold=0.5)
    monkeypatch.setattr(module, "BLOCK", 333)
    assert densities(unit, unit[:50], threshold=0.5) == pytest.approx(whole)
    product = unit @ unit[:50].T
    assert whole == pytest.approx(np.where(product < 0.5, 0, product).sum(1))


def test_vectors_of_length_nought_and_bins_beyond_the_most_are_in_none() -> None:
    unit = np.zeros((6, 3))
    unit[:4] = [1, 0, 0]
    assert kmedoid(unit, threshold=0.5, smallest=2).tolist() == [0, 0, 0, 0, -1, -1]
    assert (kmedoid(np.eye(9), threshold=0.5, smallest=1, most=4) >= 0).sum() == 4


def test_the_threshold_is_a_percentile_of_products_with_the_means() -> None:
    unit, labels = blobs(3)
    products = [row @ unit[labels == label].mean(0) for row, label in zip(unit, labels, strict=True)]
    assert similarity_threshold(unit, labels) == pytest.approx(np.percentile(products, 70))
