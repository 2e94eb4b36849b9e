"""The optimisation loop."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from binner.fit import FitConfig, fit, rate

TARGET = torch.tensor([[2.0, -1.0, 0.5]])


def model() -> nn.Linear:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Linear(3, 1)


def train(linear: nn.Module) -> list[float]:
    generator = torch.Generator().manual_seed(1)
    batches = (torch.randn(64, 3, generator=generator) for _ in itertools.count())

    def loss(batch: Tensor) -> Tensor:
        off: Tensor = linear(batch) - batch @ TARGET.T
        return (off**2).mean()

    config = FitConfig(steps=400, learning_rate=0.05, weight_decay=0.0)
    return fit(linear, batches, loss, config=config, seed=1, device="cpu")


def test_finds_the_weights() -> None:
    linear = model()
    losses = train(linear)
    assert len(losses) == 400
    assert losses[-1] < 1e-4 < losses[0]
    torch.testing.assert_close(linear.weight.data, TARGET, atol=0.02, rtol=0)


def test_the_same_seed_gives_the_same_losses_and_leaves_torch_as_it_was() -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    assert train(model()) == train(model())
    assert torch.equal(torch.get_rng_state(), before)


def test_stops_where_nothing_is_gained() -> None:
    linear, batches = model(), itertools.repeat(torch.ones(4, 3))
    config = FitConfig(steps=400, check_every=10, patience=3)
    losses = fit(linear, batches, lambda batch: linear(batch).sum() * 0 + 1, config=config, seed=1, device="cpu")
    assert len(losses) == 40  # the first look, and three without a gain


def test_a_loss_that_is_not_finite_is_an_error() -> None:
    linear = model()
    with pytest.raises(ArithmeticError, match="at step 1"):
        fit(
            linear,
            itertools.repeat(torch.full((4, 3), torch.inf)),
            lambda batch: linear(batch).sum() * 0,
            config=FitConfig(steps=5),
            seed=1,
            device="cpu",
        )


def test_the_rate_rises_and_falls() -> None:
    config = FitConfig(steps=100, warm_up=0.1)
    rates = [rate(step, config) for step in range(101)]
    assert max(rates) == pytest.approx(1) == rates[10]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0)
