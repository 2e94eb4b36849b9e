"""The optimisation loop."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from binner.errors import InputError
from binner.fit import FitConfig, Watched, fit, rate

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


def test_stops_where_genera_kept_out_gain_nothing() -> None:
    """The loss falls all the while; the weights are those of the best look."""
    linear, looks, seen = model(), [-0.4, -0.5, -0.5001, -0.3, -0.5002], list[Tensor]()

    def validate() -> float:
        seen.append(linear.weight.detach().clone())
        return looks[len(seen) - 1]

    losses = fit(
        linear,
        itertools.repeat(torch.ones(4, 3)),
        lambda batch: (linear(batch) - batch @ TARGET.T).square().mean(),
        config=FitConfig(steps=400, check_every=10, patience=3),
        seed=1,
        device="cpu",
        validate=validate,
    )
    assert len(losses) == 50, "a gain of less than a thousandth is none"
    assert losses[-1] < losses[0]
    assert torch.equal(linear.weight, seen[4])


def test_small_gains_add_up() -> None:
    """Each look gains less than a thousandth: two in three are without a gain, and never three in a row."""
    linear, looks = model(), itertools.count()
    losses = fit(
        linear,
        itertools.repeat(torch.ones(4, 3)),
        lambda batch: linear(batch).square().mean(),
        config=FitConfig(steps=100, check_every=10, patience=3),
        seed=1,
        device="cpu",
        validate=lambda: 1 - 0.0004 * next(looks),
    )
    assert len(losses) == 100


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


def test_a_gradient_that_is_not_finite_changes_no_weight(tmp_path: Path) -> None:
    linear, state = model(), tmp_path / "state.pt"
    steps = itertools.count(1)

    def loss(batch: Tensor) -> Tensor:
        total: Tensor = linear(batch).sum()
        return (total - total.detach()).abs().sqrt() if next(steps) == 3 else total**2  # 0, with a slope of inf

    with pytest.raises(ArithmeticError, match="the gradient is nan at step 3"):
        fit(
            linear,
            itertools.repeat(torch.ones(4, 3)),
            loss,
            config=FitConfig(steps=5, save_every=1),
            seed=1,
            device="cpu",
            watched=Watched(state=state),
        )
    kept = torch.load(state, weights_only=True)
    assert len(kept["losses"]) == 2
    for name, weight in linear.state_dict().items():
        assert torch.equal(weight, kept["model"][name])


def test_the_rate_rises_and_falls() -> None:
    config = FitConfig(steps=100, warm_up=0.1)
    rates = [rate(step, config) for step in range(101)]
    assert max(rates) == pytest.approx(1) == rates[10]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0)


class Noisy(nn.Module):
    """A network with chance inside."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.first, self.head = nn.Linear(3, 16), nn.Linear(16, 1)

    def forward(self, rows: Tensor) -> Tensor:
        found: Tensor = self.head(nn.functional.dropout(torch.tanh(self.first(rows)), 0.2, self.training))
        return found


class KilledError(Exception):
    """Stands for SIGKILL: nothing behind it runs."""


def noisy_run(state: Path | None, *, die_at: int = 0, accumulate: int = 1) -> tuple[list[float], Noisy]:
    """A run of 40 steps that looks every 7 and keeps its state every 5."""
    noisy = Noisy()
    looks = itertools.count(1)

    def batches(had: int) -> Iterator[Tensor]:
        for number in itertools.count(had):
            yield torch.randn(16, 3, generator=torch.Generator().manual_seed(number))

    def loss(batch: Tensor) -> Tensor:
        off: Tensor = noisy(batch) - batch @ TARGET.T
        return (off**2).mean()

    def progress(done: int, total: int) -> None:
        if done == die_at:
            raise KilledError

    def validate() -> float:
        next(looks)
        held_out = torch.randn(64, 3, generator=torch.Generator().manual_seed(10**6))
        return float(loss(held_out))

    config = FitConfig(steps=40, learning_rate=0.02, check_every=7, save_every=5, accumulate=accumulate)
    losses = fit(
        noisy,
        batches,
        loss,
        config=config,
        seed=3,
        device="cpu",
        validate=validate,
        progress=progress,
        watched=Watched(state=state, rates={"head.": 2.0}),
    )
    return losses, noisy


@pytest.mark.parametrize("die_at", [3, 5, 18, 40])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_a_run_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path, die_at: int, accumulate: int) -> None:
    losses, whole = noisy_run(None, accumulate=accumulate)
    with pytest.raises(KilledError):
        noisy_run(tmp_path / "state.pt", die_at=die_at, accumulate=accumulate)
    assert (tmp_path / "state.pt").exists() == (die_at >= 5)
    again, resumed = noisy_run(tmp_path / "state.pt", accumulate=accumulate)
    assert again == losses, "to the last bit"
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]


def test_the_best_look_survives_the_kill(tmp_path: Path) -> None:
    linear, looks = model(), iter([1.0, 5.0, 6.0, 7.0])
    batches = itertools.repeat(torch.ones(4, 3))
    state = tmp_path / "state.pt"

    def run(steps: int, die_at: int = 0) -> list[float]:
        def progress(done: int, total: int) -> None:
            if done == die_at:
                raise KilledError

        config = FitConfig(steps=steps, check_every=5, save_every=5)
        return fit(
            linear,
            lambda had: batches,
            lambda batch: linear(batch).square().mean(),
            config=config,
            seed=1,
            device="cpu",
            validate=lambda: next(looks),
            progress=progress,
            watched=Watched(state=state),
        )

    with pytest.raises(KilledError):
        run(15, die_at=5)
    best = linear.weight.detach().clone()
    run(15)
    assert torch.equal(linear.weight, best)


@pytest.mark.parametrize("length", [0, 500, -5])
def test_a_damaged_state_takes_one_line(length: int, tmp_path: Path) -> None:
    def run() -> None:
        batches = itertools.repeat(torch.ones(4, 3))
        config, watched = FitConfig(steps=1), Watched(state=tmp_path / "state.pt")
        fit(linear, batches, lambda b: linear(b).mean(), config=config, seed=1, device="cpu", watched=watched)

    linear = model()
    run()
    (tmp_path / "state.pt").write_bytes((tmp_path / "state.pt").read_bytes()[:length])
    with pytest.raises(InputError, match=r"state\.pt: not a state that can .*; remove it, and the same command trains"):
        run()


def test_accumulated_batches_are_one_large_batch() -> None:
    rows = torch.randn(40, 8, 3, generator=torch.Generator().manual_seed(2))
    found = []
    for parts, number in ((rows, 4), (rows.reshape(10, 32, 3), 1)):
        linear = model()
        config = FitConfig(steps=10, accumulate=number)
        losses = fit(
            linear,
            iter(parts),
            lambda batch, linear=linear: (linear(batch) - batch @ TARGET.T).square().mean(),  # type: ignore[misc]
            config=config,
            seed=1,
            device="cpu",
        )
        found.append((losses, linear.weight.detach()))
    assert found[0][0] == pytest.approx(found[1][0])
    torch.testing.assert_close(found[0][1], found[1][1])


def test_weights_have_the_rate_of_their_prefix() -> None:
    noisy = Noisy()
    before = {name: weight.clone() for name, weight in noisy.state_dict().items()}
    fit(
        noisy,
        iter([torch.ones(4, 3)]),
        lambda batch: noisy(batch).mean(),
        config=FitConfig(steps=1, learning_rate=1e-4, warm_up=0.0, weight_decay=0.0),
        seed=1,
        device="cpu",
        watched=Watched(rates={"head.": 100.0}),
    )
    moved = {name: float((weight - before[name]).abs().max()) for name, weight in noisy.state_dict().items()}
    assert moved["first.weight"] == pytest.approx(1e-4, rel=0.01)  # Adam's first step is the rate
    assert moved["head.weight"] == pytest.approx(1e-2, rel=0.01)


def test_what_happens_is_reported() -> None:
    linear = model()
    seen: list[tuple[int, dict[str, float]]] = []
    losses = fit(
        linear,
        itertools.repeat(torch.ones(4, 3)),
        lambda batch: linear(batch).square().mean(),
        config=FitConfig(steps=3),
        seed=1,
        device="cpu",
        watched=Watched(report=lambda step, figures: seen.append((step, dict(figures)))),
    )
    assert [step for step, _ in seen] == [1, 2, 3]
    assert [figures["loss"] for _, figures in seen] == losses
    assert all(figures["gradient"] > 0 for _, figures in seen)


def test_the_rate_can_stay() -> None:
    config = FitConfig(steps=100, warm_up=0.0, cosine=False)
    assert {rate(step, config) for step in range(100)} == {1.0}
