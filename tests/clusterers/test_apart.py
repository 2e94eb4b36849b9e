"""Homologs go to two clusters as far as the likelihood allows."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
import pytest

from binner.clusterers._apart import PRICE, Apart
from binner.clusterers.reassign import reassign
from binner.data import Homologs
from binner.likelihood import Gaussians


def homologs_of(*pairs: tuple[int, int]) -> Homologs:
    contigs = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return Homologs(contigs, np.full(len(contigs), 1000), "names")


def line(places: npt.ArrayLike, *, variance: float = 1.0) -> Gaussians:
    """Contigs on a line."""
    mean = np.asarray(places, np.float32)[:, None]
    return Gaussians(mean, np.full_like(mean, variance), np.array([100], np.float32))


def kept(gaussians: Gaussians, labels: list[int], homologs: Homologs, centres: list[float]) -> list[int]:
    """Labels after it, with clusters that are known to lie at `centres`."""
    mean = np.array(centres, np.float32)[:, None]
    given = np.array(labels, np.int64)
    Apart.of(homologs, len(labels)).keep(given, gaussians, (mean, np.full_like(mean, 1e-6)), temper=1.0)
    return [int(label) for label in given]


def test_of_two_homologs_the_one_that_is_less_sure_moves() -> None:
    gaussians = line([-0.2, -1.0, -1.0])
    assert kept(gaussians, [0, 0, 0], homologs_of((0, 1)), [-1, 1]) == [1, 0, 0]
    assert kept(gaussians, [0, 0, 0], homologs_of((1, 2)), [-1, 1]) in ([0, 0, 1], [0, 1, 0], [0, 0, 0])
    assert kept(gaussians, [0, 0, 0], homologs_of(), [-1, 1]) == [0, 0, 0]


def test_a_likelihood_that_is_sure_has_the_last_word() -> None:
    """Twice the price between two clusters: both stay."""
    far = 2 * PRICE
    gaussians = line([-far, -far])
    assert kept(gaussians, [0, 0], homologs_of((0, 1)), [-far, far]) == [0, 0]


def test_contigs_without_homologs_stay_where_they_were() -> None:
    gaussians = line([-1, -1, 1, 0.4])
    assert kept(gaussians, [5, 7, 1, 1], homologs_of((2, 3)), [-1, 1])[:2] == [5, 7]


@pytest.mark.parametrize("seed", range(6))
def test_a_chain_is_as_good_as_the_best_labels_that_there_are(seed: int) -> None:
    """Contigs of two genomes in turns along a chain, the clusters near: against all labels, by their likelihood."""
    rng = np.random.default_rng(seed)
    truth = np.arange(9) % 2
    places = np.where(truth, 1.0, -1.0) + rng.normal(0, 0.8, 9)
    pairs = [(i, i + 1) for i in range(8)]

    def loss(labels: npt.ArrayLike) -> float:
        own = np.asarray(labels)
        off = places - np.where(own, 1.0, -1.0)
        return float((off**2).sum() / 2 + PRICE * sum(own[a] == own[b] for a, b in pairs))

    found = kept(line(places), [0] * 9, homologs_of(*pairs), [-1, 1])
    plain = (places > 0).astype(int)
    assert loss(found) <= loss(plain)
    assert loss(found) <= min(loss(labels) for labels in product([0, 1], repeat=9)) + PRICE
    assert (np.array(found) == truth).sum() >= (plain == truth).sum()


def test_reassignment_keeps_homologs_apart() -> None:
    """Two genomes that lie near, in contigs that are homologs in pairs: nearly all go right, and fewer without."""
    rng = np.random.default_rng(2)
    truth = np.repeat([0, 1], 60)
    gaussians = line(np.where(truth, 1.1, -1.1) + rng.normal(0, 1, 120))
    homologs = homologs_of(*((i, 60 + (i + j) % 60) for i in range(60) for j in range(3)))
    lengths = np.full(120, 10_000)
    start = np.where(gaussians.mean[:, 0] > 0, 1, 0).astype(np.int32)
    right = []
    for apart in (None, Apart.of(homologs, 120)):
        labels = reassign(start, gaussians, lengths, least_bp=100_000, apart=apart)
        right.append(max((labels == truth).mean(), (labels != truth).mean()))
    assert right[0] < 0.95
    assert right[1] > 0.97


def test_fewer_clusters_than_a_contig_may_be_in() -> None:
    assert kept(line([0, 0]), [0, 0], homologs_of((0, 1)), [0.0]) == [0, 0]
