"""CLIP on trusted pairs against a slow reference in float64."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from binner.losses import PAIRED_LOSSES

clip = PAIRED_LOSSES["clip"]


def draw(things: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, second = normalize(torch.randn(2, things, 6, generator=generator, dtype=torch.float64), dim=-1)
    return first, second


def slow(
    first: Tensor, second: Tensor, paired: Tensor, temperature: float, known: tuple[Tensor, Tensor] | None = None
) -> float:
    """The definition, sum by sum, in both directions."""
    everywhere = torch.ones(len(first), dtype=torch.bool)
    of_first, of_second = known or (everywhere, everywhere)
    terms = []
    for one, other, there in ((first, second, of_second), (second, first, of_first)):
        for i in np.flatnonzero(paired.numpy()):
            e = [math.exp(float(one[i] @ other[j]) / temperature) if there[j] else 0.0 for j in range(len(other))]
            terms.append(-math.log(e[i] / sum(e)))
    return float(np.mean(terms))


@pytest.mark.parametrize("trusted", [[0], [1, 4, 6], list(range(7))])
@pytest.mark.parametrize("temperature", [0.05, 0.5])
def test_equals_a_slow_reference(trusted: list[int], temperature: float) -> None:
    first, second = draw(7)
    paired = torch.zeros(7, dtype=torch.bool)
    paired[trusted] = True
    found = float(clip(first, second, paired=paired, temperature=temperature))
    assert found == pytest.approx(slow(first, second, paired, temperature), rel=1e-4)


def test_unpaired_things_are_candidates_only() -> None:
    first, second = draw(6)
    paired = torch.tensor([True, True, False, False, False, False])
    nearer = second.clone()
    nearer[3] = first[3]  # its own pair gets better, which nobody asked for
    found, before = (float(clip(first, rows, paired=paired, temperature=0.2)) for rows in (nearer, second))
    assert found != before  # as a candidate it counts
    first, second = (rows.clone().requires_grad_() for rows in draw(6))
    clip(first, second, paired=paired, temperature=0.2).backward()  # type: ignore[no-untyped-call]
    assert first.grad is not None
    towards = torch.linalg.lstsq(second.detach()[:2].T, first.grad[3]).solution  # it moves along the trusted ones,
    torch.testing.assert_close(second.detach()[:2].T @ towards, first.grad[3], rtol=1e-4, atol=1e-6)
    assert (towards > 0).all()  # away from them, and its own pair has no part in it


def test_a_thing_is_a_candidate_where_it_is_known() -> None:
    first, second = (rows.clone().requires_grad_() for rows in draw(7))
    paired = torch.arange(7) < 3
    known = (torch.tensor([True] * 6 + [False]), torch.tensor([True] * 4 + [False] * 3))
    found = clip(first, second, paired=paired, temperature=0.2, known=known)
    assert float(found.detach()) == pytest.approx(slow(first.detach(), second.detach(), paired, 0.2, known), rel=1e-4)
    found.backward()  # type: ignore[no-untyped-call]
    assert first.grad is not None
    assert second.grad is not None
    assert [bool(row.abs().max() > 0) for row in first.grad] == known[0].tolist()
    assert [bool(row.abs().max() > 0) for row in second.grad] == known[1].tolist()


@pytest.mark.parametrize(("things", "trusted"), [(0, 0), (1, 1), (5, 0)])
def test_nothing_to_compare_costs_nothing(things: int, trusted: int) -> None:
    first, second = draw(things)
    paired = torch.arange(things) < trusted
    assert float(clip(first, second, paired=paired, temperature=0.2)) == 0


def test_stays_finite_at_a_low_temperature() -> None:
    first, second = (rows.float().requires_grad_() for rows in draw(20))
    value = clip(first, second, paired=torch.ones(20, dtype=torch.bool), temperature=0.001)
    value.backward()  # type: ignore[no-untyped-call]
    assert torch.isfinite(value)
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()


def test_autocast_does_not_coarsen_the_loss() -> None:
    first, second = draw(6)
    paired = torch.ones(6, dtype=torch.bool)
    with torch.autocast("cpu", torch.bfloat16):
        found = clip(first.float(), second.float(), paired=paired, temperature=0.05)
    assert float(found) == pytest.approx(slow(first, second, paired, 0.05), rel=1e-4)
