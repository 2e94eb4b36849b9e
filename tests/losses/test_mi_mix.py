"""MI-Mix against a slow reference in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from binner.losses import MIXED_LOSSES

mi_mix = MIXED_LOSSES["mi-mix"]


def draw(things: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mixed, clean = normalize(torch.randn(2, things, 6, generator=generator, dtype=torch.float64), dim=-1)
    share = 0.5 + 0.5 * torch.rand(things, generator=generator, dtype=torch.float64)
    return mixed, clean, share, torch.randperm(things, generator=generator)


def slow(
    mixed: Tensor, clean: Tensor, share: Tensor, partner: Tensor, temperature: float, weight: Tensor | None = None
) -> float:
    """The definition, sum by sum."""
    things = len(mixed)
    given = np.ones((things, things)) if weight is None else weight.numpy()
    terms = []
    for i in range(things):
        e = [math.exp(float(mixed[i] @ clean[j]) / temperature) for j in range(things)]
        negatives = [e[j] for j in range(things) if j != i]
        weights = [value / np.mean(negatives) for value in negatives]
        factors = [given[i, j] for j in range(things) if j != i]
        total = e[i] + sum(f * w * value for f, w, value in zip(factors, weights, negatives, strict=True))
        own, joined = math.log(e[i] / total), math.log(e[int(partner[i])] / total)
        terms.append(-(float(share[i]) * own + (1 - float(share[i])) * joined))
    return float(np.mean(terms))


@pytest.mark.parametrize("things", [2, 3, 9])
@pytest.mark.parametrize("temperature", [0.05, 0.3])
def test_equals_a_slow_reference(things: int, temperature: float) -> None:
    mixed, clean, share, partner = draw(things)
    found = float(mi_mix(mixed, clean, share=share, partner=partner, temperature=temperature))
    assert found == pytest.approx(slow(mixed, clean, share, partner, temperature), rel=1e-5)


def test_negatives_count_by_their_weight() -> None:
    drawn = draw(6)
    weight = 1 + 4 * torch.rand(6, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    mixed, clean, share, partner = drawn
    found = float(mi_mix(mixed, clean, share=share, partner=partner, temperature=0.2, weight=weight))
    assert found == pytest.approx(slow(*drawn, 0.2, weight), rel=1e-5)


def test_gradient_is_that_of_the_definition() -> None:
    mixed, clean, share, partner = draw(5)
    mixed.requires_grad_()
    mi_mix(mixed, clean, share=share, partner=partner, temperature=0.2).backward()  # type: ignore[no-untyped-call]
    step = torch.zeros_like(mixed)
    step[2, 3] = 1e-5
    with torch.no_grad():
        up, down = (slow(mixed + sign * step, clean, share, partner, 0.2) for sign in (1, -1))
    assert mixed.grad is not None
    assert float(mixed.grad[2, 3]) == pytest.approx((up - down) / 2e-5, rel=1e-4)


def test_stays_finite_at_a_low_temperature() -> None:
    mixed, clean, share, partner = draw(20)
    mixed = mixed.float().requires_grad_()
    value = mi_mix(mixed, clean.float(), share=share.float(), partner=partner, temperature=0.001)
    value.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(value)
    assert mixed.grad is not None
    assert torch.isfinite(mixed.grad).all()


def test_the_whole_share_leaves_the_partner_a_mere_negative() -> None:
    mixed, clean, _, partner = draw(6)
    one = torch.ones(6, dtype=torch.float64)
    values = [mi_mix(mixed, clean, share=one, partner=p, temperature=0.2) for p in (partner, partner.flip(0))]
    assert float(values[0]) == pytest.approx(float(values[1]))
    half = mi_mix(mixed, clean, share=one / 2, partner=partner, temperature=0.2)
    assert float(half) != pytest.approx(float(values[0]))


def test_one_thing_costs_nothing() -> None:
    mixed, clean, share, _ = draw(1)
    assert float(mi_mix(mixed, clean, share=share, partner=torch.zeros(1, dtype=torch.int64), temperature=0.2)) == 0


def test_autocast_does_not_coarsen_the_loss() -> None:
    mixed, clean, share, partner = draw(6)
    with torch.autocast("cpu", torch.bfloat16):
        found = mi_mix(mixed.float(), clean.float(), share=share, partner=partner, temperature=0.05)
    assert float(found) == pytest.approx(slow(mixed, clean, share, partner, 0.05), rel=1e-4)
