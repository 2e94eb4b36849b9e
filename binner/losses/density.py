"""Two clouds of points are to be as dense where the other is, without anybody saying which point belongs to which."""

from __future__ import annotations

import torch
from torch import Tensor

from binner.losses._similarity import squared_distances

LEAST_DENSITY = 1e-8  # before a logarithm: a point far from all others says no more than "none here"
LEAST_SPREAD = 1e-6  # of a cloud that has shrunk to a point


def density(first: Tensor, second: Tensor) -> Tensor:
    """(J(A) + J(B)) (1 / R(A) + 1 / R(B)) of the clouds A = `first` (n, d) and B = `second` (m, d).

    The density of a cloud D at x is the mean over y in D of exp(-|x - y|^2 / V(D)), V its variance summed over the
    dimensions; J(X) is the mean over the points x of X of (rho_A - rho_B) (ln rho_A - ln rho_B), and R the squared
    range summed over the dimensions, which makes it dear to shrink. The semantic density distribution loss of
    Gentle-CLIP (Song et al. 2024) with means in place of sums, so that it does not grow with the batch, and h = 1/2.
    0 where a cloud has fewer than two points.
    """
    if min(len(first), len(second)) < 2:
        return (first.sum() + second.sum()) * 0
    clouds = first.float(), second.float()
    variance = [cloud.var(0, correction=0).sum().clamp_min(LEAST_SPREAD) for cloud in clouds]
    spread = [(cloud.amax(0) - cloud.amin(0)).square().sum().clamp_min(LEAST_SPREAD) for cloud in clouds]
    across = squared_distances(*clouds)  # (n, m)
    own = [torch.exp(-squared_distances(c, c) / v).mean(1) for c, v in zip(clouds, variance, strict=True)]
    other = torch.exp(-across / variance[1]).mean(1), torch.exp(-across / variance[0]).mean(0)
    return sum(map(_divergence, own, other), start=own[0].new_zeros(())) * (1 / spread[0] + 1 / spread[1])


def _divergence(one: Tensor, two: Tensor) -> Tensor:
    """Mean of (one - two) (ln one - ln two)."""
    return ((one - two) * ((one + LEAST_DENSITY).log() - (two + LEAST_DENSITY).log())).mean()
