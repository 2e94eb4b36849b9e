"""Losses between clouds against slow references in float64, and what every one of them must hold to."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from binner.data import F64
from binner.losses import MATCHING_LOSSES


def cloud(points: int, seed: int, shift: float = 0.0) -> Tensor:
    """Unit rows (points, 5) around a direction."""
    generator = torch.Generator().manual_seed(seed)
    rows = 0.5 * torch.randn(points, 5, generator=generator, dtype=torch.float64)
    return normalize(rows + torch.tensor([1.0, shift, 0, 0, 0], dtype=torch.float64), dim=-1)


def slow_density(first: F64, second: F64) -> float:
    """Point by point, as the definition has it."""

    def rho(x: F64, points: F64) -> float:
        variance = sum(np.var(points[:, d]) for d in range(points.shape[1]))
        return float(np.mean([math.exp(-((x - y) ** 2).sum() / variance) for y in points]))

    def divergence(own: F64, other: F64) -> float:
        terms = [(rho(x, own) - rho(x, other)) * (math.log(rho(x, own)) - math.log(rho(x, other))) for x in own]
        return float(np.mean(terms))

    spread = [sum((points[:, d].max() - points[:, d].min()) ** 2 for d in range(5)) for points in (first, second)]
    return float((divergence(first, second) + divergence(second, first)) * (1 / spread[0] + 1 / spread[1]))


def slow_mmd(first: F64, second: F64) -> float:
    """Kernel by kernel, sum by sum."""
    joined = [*first, *second]
    apart = sorted(((x - y) ** 2).sum() for i, x in enumerate(joined) for y in joined[:i])
    median = apart[(len(apart) - 1) // 2]

    def mean(width: float, rows: F64, others: F64) -> float:
        return float(np.mean([math.exp(-((x - y) ** 2).sum() / (width * median)) for x in rows for y in others]))

    kernels = [
        mean(width, first, first) + mean(width, second, second) - 2 * mean(width, first, second)
        for width in (0.25, 0.5, 1, 2, 4)
    ]
    return float(np.mean(kernels))


SLOW: dict[str, Callable[[F64, F64], float]] = {"density": slow_density, "mmd": slow_mmd}
NAMES = sorted(MATCHING_LOSSES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("points", "others", "shift"), [(6, 6, 0.0), (9, 4, 0.7), (2, 15, -1.0)])
def test_equals_a_slow_reference(name: str, points: int, others: int, shift: float) -> None:
    first, second = cloud(points, 1), cloud(others, 2, shift)
    expected = SLOW[name](first.numpy(), second.numpy())
    assert float(MATCHING_LOSSES[name](first, second)) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_gradient_is_that_of_the_definition(name: str) -> None:
    first, second = cloud(7, 1), cloud(5, 2, 0.5)
    moved = first.clone().requires_grad_()
    MATCHING_LOSSES[name](moved, second).backward()  # type: ignore[no-untyped-call]
    median = SLOW[name](first.numpy(), second.numpy())
    step = np.zeros((7, 5))
    step[3, 1] = 1e-4
    up, down = (SLOW[name](first.numpy() + sign * step, second.numpy()) for sign in (1, -1))
    assert moved.grad is not None
    # the median of MMD is a constant to its gradient: one point of twelve moves it by less than the tolerance
    assert float(moved.grad[3, 1]) == pytest.approx((up - down) / 2e-4, rel=0.05, abs=1e-3 * median)


@pytest.mark.parametrize("name", NAMES)
def test_no_order_no_sides_and_never_negative(name: str) -> None:
    loss = MATCHING_LOSSES[name]
    first, second = cloud(20, 1), cloud(12, 2, 0.8)
    found = float(loss(first, second))
    assert found == pytest.approx(float(loss(second, first.flip(0))), rel=1e-5)
    assert found > 0
    assert float(loss(first, first.flip(0))) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_is_greater_the_farther_the_clouds_are_apart(name: str) -> None:
    found = [float(MATCHING_LOSSES[name](cloud(200, 1), cloud(200, 2, shift))) for shift in (0.0, 0.5, 1.5)]
    assert found == sorted(found)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("points", "others"), [(0, 4), (4, 0), (0, 0)])
def test_nothing_to_compare_costs_nothing(name: str, points: int, others: int) -> None:
    assert float(MATCHING_LOSSES[name](cloud(points, 1), cloud(others, 2))) == 0


@pytest.mark.parametrize("name", NAMES)
def test_stays_finite_where_a_cloud_is_a_point(name: str) -> None:
    first = cloud(1, 1).float().expand(6, -1).clone().requires_grad_()
    value = MATCHING_LOSSES[name](first, cloud(6, 2, 3.0).float())
    value.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(value)
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()


@pytest.mark.parametrize("name", NAMES)
def test_autocast_does_not_coarsen_the_loss(name: str) -> None:
    first, second = cloud(6, 1).float(), cloud(8, 2, 0.5).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = MATCHING_LOSSES[name](first, second)
    assert float(found) == float(MATCHING_LOSSES[name](first, second))
