"""Losses against slow references in float64; what every loss must hold to."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from binner.losses import LOSSES


def some_views(things: int, per_thing: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.nn.functional.normalize(
        torch.randn(things, per_thing, 5, generator=generator, dtype=torch.float64), dim=-1
    )


def slow(name: str, views: Tensor, temperature: float, weight: Tensor | None = None) -> float:
    things, per_thing, _ = views.shape
    rows = [(thing, views[thing, view].numpy()) for thing in range(things) for view in range(per_thing)]
    given = np.ones((things, things)) if weight is None else weight.numpy()
    terms = []
    for i, (thing, anchor) in enumerate(rows):
        negatives = np.exp([anchor @ other / temperature for t, other in rows if t != thing])
        weights = negatives / negatives.mean() if name == "w-simclr" else np.ones(len(negatives))
        weights = weights * [given[thing, t] for t, _ in rows if t != thing]
        for j, (t, other) in enumerate(rows):
            if t == thing and i != j:
                positive = math.exp(anchor @ other / temperature)
                terms.append(-math.log(positive / (positive + (weights * negatives).sum())))
    return float(np.mean(terms))


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize(("things", "per_thing"), [(2, 2), (6, 2), (5, 4)])
def test_equals_a_slow_reference(name: str, things: int, per_thing: int) -> None:
    views = some_views(things, per_thing)
    found = float(LOSSES[name](views, temperature=0.3))
    assert found == pytest.approx(slow(name, views, 0.3), rel=1e-5)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize(("things", "per_thing"), [(2, 2), (5, 3)])
def test_negatives_count_by_their_weight(name: str, things: int, per_thing: int) -> None:
    views = some_views(things, per_thing)
    weight = 1 + 4 * torch.rand(things, things, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    found = float(LOSSES[name](views, temperature=0.3, weight=weight))
    assert found == pytest.approx(slow(name, views, 0.3, weight), rel=1e-5)
    assert float(LOSSES[name](views, temperature=0.3, weight=torch.ones(things, things))) == float(
        LOSSES[name](views, temperature=0.3)
    )


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_stays_finite_at_a_low_temperature(name: str) -> None:
    views = some_views(20, 3).float().requires_grad_()
    value = LOSSES[name](views, temperature=0.001)
    value.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(value)
    assert views.grad is not None
    assert torch.isfinite(views.grad).all()


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_order_of_things_and_views_does_not_matter(name: str) -> None:
    views = some_views(6, 3)
    turned = views[torch.randperm(6)][:, torch.randperm(3)]
    assert float(LOSSES[name](turned, temperature=0.2)) == pytest.approx(float(LOSSES[name](views, temperature=0.2)))


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_views_of_one_thing_that_agree_cost_less(name: str) -> None:
    views = some_views(6, 2)
    agreeing = torch.stack([views[:, 0], views[:, 0]], 1)
    assert LOSSES[name](agreeing, temperature=0.2) < LOSSES[name](views, temperature=0.2)


@pytest.mark.parametrize("name", sorted(LOSSES))
@pytest.mark.parametrize("shape", [(1, 3), (4, 1)])
def test_nothing_to_compare_costs_nothing(name: str, shape: tuple[int, int]) -> None:
    assert float(LOSSES[name](some_views(*shape), temperature=0.2)) == 0


@pytest.mark.parametrize("name", sorted(LOSSES))
def test_autocast_does_not_coarsen_the_loss(name: str) -> None:
    views = some_views(6, 2).float()
    with torch.autocast("cpu", torch.bfloat16):
        found = LOSSES[name](views, temperature=0.05)
    assert float(found) == float(LOSSES[name](views, temperature=0.05))
