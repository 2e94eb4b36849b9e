"""The Gaussians against slow references."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from binner.likelihood import Gaussians, likeliest, log_evidence, most_likely, pool


def some_gaussians(number: int, directions: int, seed: int = 0) -> Gaussians:
    rng = np.random.default_rng(seed)
    return Gaussians(
        rng.normal(0, 3, (number, directions)).astype(np.float32),
        rng.uniform(0.2, 2, (number, directions)).astype(np.float32),
        rng.uniform(1, 9, directions).astype(np.float32),
    )


def joint(gaussians: Gaussians, rows: list[int]) -> float:
    """Log density of contigs of one genome whose mean is integrated out."""
    total = 0.0
    for d, prior in enumerate(gaussians.prior):
        covariance = np.diag(gaussians.variance[rows, d].astype(float)) + float(prior)
        total += multivariate_normal.logpdf(gaussians.mean[rows, d], np.zeros(len(rows)), covariance)
    return total


def evidence(gaussians: Gaussians, rows: list[int]) -> float:
    labels = np.full(len(gaussians.mean), -1)
    labels[rows] = 0
    pooled = pool(gaussians, labels, 1, temper=1.0)
    return float(log_evidence(pooled.weighted, pooled.precision, gaussians.prior)[0])


def test_the_gain_of_a_merge_is_the_ratio_of_the_marginal_likelihoods() -> None:
    gaussians = some_gaussians(7, 5)
    one, two = [0, 2, 5], [1, 6]
    expected = joint(gaussians, one + two) - joint(gaussians, one) - joint(gaussians, two)
    gain = evidence(gaussians, one + two) - evidence(gaussians, one) - evidence(gaussians, two)
    assert gain == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("distance", [0.3, 3.0, 30.0])
@pytest.mark.parametrize("directions", [1, 7, 8, 17, 40])
def test_most_likely_is_the_densest_cluster(directions: int, distance: float) -> None:
    """Of clusters that the first directions tell apart, and of such as they do not."""
    gaussians = some_gaussians(300, directions)
    rng = np.random.default_rng(1)
    mean = rng.normal(0, distance, (50, directions)).astype(np.float32)
    variance = rng.uniform(0.01, 1, (50, directions)).astype(np.float32)
    spread = np.sqrt(gaussians.variance[:, None] / 0.3 + variance)
    density = norm.logpdf(gaussians.mean[:, None], mean, spread).sum(-1)  # (300, 50)
    best = most_likely(gaussians, mean, variance, temper=0.3)
    np.testing.assert_allclose(density[np.arange(300), best], density.max(1), rtol=1e-5)
    assert (best == density.argmax(1)).mean() > 0.99


def test_of_equal_clusters_the_first_takes_all() -> None:
    gaussians = some_gaussians(30, 20)
    mean, variance = np.zeros((4, 20), np.float32), np.ones((4, 20), np.float32)
    mean[[0, 3]] = 50  # far from all
    assert most_likely(gaussians, mean, variance, temper=1).tolist() == [1] * 30
    assert most_likely(gaussians, mean[:1], variance[:1], temper=1).tolist() == [0] * 30


def test_contigs_without_a_cluster_count_nowhere() -> None:
    gaussians = some_gaussians(5, 3)
    with_noise = pool(gaussians, np.array([0, -1, 1, -1, 0]), 2, temper=0.5)
    kept = Gaussians(gaussians.mean[[0, 2, 4]], gaussians.variance[[0, 2, 4]], gaussians.prior)
    without = pool(kept, np.array([0, 1, 0]), 2, temper=0.5)
    np.testing.assert_allclose(with_noise.weighted, without.weighted)
    np.testing.assert_allclose(with_noise.precision, without.precision)


@pytest.mark.parametrize("clusters", [1, 3, 9])
def test_likeliest_clusters_against_all_of_them(clusters: int) -> None:
    rng = np.random.default_rng(clusters)
    contigs, width, most = 40, 11, 4
    gaussians = Gaussians(
        rng.normal(size=(contigs, width)).astype(np.float32),
        rng.uniform(0.2, 2, (contigs, width)).astype(np.float32),
        np.ones(width, np.float32),
    )
    mean = rng.normal(size=(clusters, width)).astype(np.float32)
    variance = rng.uniform(0.01, 0.5, (clusters, width)).astype(np.float32)
    rows = np.array([3, 3, 17, 39])
    cluster, score = likeliest(gaussians, rows, (mean, variance), temper=0.3, most=most)
    spread = (gaussians.variance[rows] / 0.3)[:, None] + variance
    expected = -(((gaussians.mean[rows][:, None] - mean) ** 2 / spread + np.log(spread)).sum(2)) / 2
    order = np.argsort(-expected, axis=1)[:, :most]
    there = min(most, clusters)
    np.testing.assert_array_equal(cluster[:, :there], order)
    np.testing.assert_allclose(score[:, :there], np.take_along_axis(expected, order, 1), rtol=1e-5)
    assert (cluster[:, there:] == -1).all()
    assert np.isneginf(score[:, there:]).all()
