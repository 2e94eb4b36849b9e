"""The one optimisation loop: AdamW, warm-up and cosine, clipping, an early stop. Refinement and training share it.

Under `torchrun` every process goes through it with batches of its own; gradients are averaged over the processes. What
a run needs to go on after it was killed is kept in one file, and the rest follows from the seed and the step.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from binner.data import Progress, silent
from binner.encoders.readable import readable
from binner.runtime import gpu_has_bf16
from binner.whole_files import whole

logger = logging.getLogger(__name__)

Batch = TypeVar("Batch")
Report = Callable[[int, Mapping[str, float]], None]  # figures of a step: loss, rate, norm of the gradient
BETAS = (0.9, 0.98)


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How to optimise."""

    steps: int = 300
    learning_rate: float = 1e-3  # at its highest
    weight_decay: float = 1e-2  # of matrices; biases and scales have none
    warm_up: float = 0.1  # share of the steps
    clip: float = 1.0  # norm of the gradient; inf: never
    check_every: int = 50  # steps between two looks at whether it still gets better
    patience: int = 0  # looks without a gain after which it stops; 0: never
    least_gain: float = 1e-3  # relative
    cosine: bool = True  # False: the rate stays at its highest after the warm-up
    betas: tuple[float, float] = BETAS
    accumulate: int = 1  # batches whose gradients make one step
    save_every: int = 500  # steps between two states that are kept
    bf16_on_cpu: bool = False  # matrix products in bf16, as on every GPU that has it


@dataclass(frozen=True, slots=True)
class Watched:
    """What else the loop does; by default nothing."""

    report: Report | None = None  # called behind every step
    state: Path | None = None  # where the state is kept, and taken up from if it is there
    rates: Mapping[str, float] = field(default_factory=dict)  # prefix of weights: factor of their learning rate


def fit(
    model: nn.Module,
    batches: Iterator[Batch] | Callable[[int], Iterator[Batch]],
    loss: Callable[[Batch], Tensor],
    *,
    config: FitConfig,
    seed: int,
    device: str,
    validate: Callable[[], float] | None = None,
    progress: Progress = silent,
    watched: Watched | None = None,
) -> list[float]:
    """Change the weights of `model` (moved to `device`) so that `loss` of the batches falls; the losses of the steps.

    `batches` are an iterator, or a function from the number of batches that were had before to the rest of them, which
    a run that is to be taken up needs. Every `check_every` steps it looks at `validate` (lower is better; the weights
    of the best look are kept), or without one at the mean loss since the last look. The chance inside the model
    (dropout) follows from `seed` and the step; torch's global state is left as it was. The loss is computed in bf16 on
    a GPU that has it. Raises ArithmeticError if the loss or its gradient is not finite: before that step is taken.
    """
    model.to(device)
    run = _Run(model, config, validate=validate, watched=watched or Watched())
    run.restore()
    _share(model)
    kind = torch.device(device).type
    bf16 = gpu_has_bf16(device) if kind == "cuda" else config.bf16_on_cpu
    stream = batches(run.step * config.accumulate) if callable(batches) else batches
    with torch.random.fork_rng([torch.device(device)] if kind == "cuda" else []):
        while run.step < config.steps and not run.over:
            parts = list(islice(stream, config.accumulate))
            if len(parts) < config.accumulate:
                break
            model.train()
            torch.manual_seed(_mixed(seed, run.step))
            run.update(_backward(parts, loss, kind, bf16=bf16))
            progress(run.step, config.steps)
    run.watch.restore()
    model.eval()
    return run.losses


def rate(step: int, config: FitConfig) -> float:
    """Share of the highest learning rate at a step: a straight line up, then half a cosine down to 0."""
    up = max(1, round(config.warm_up * config.steps))
    if step < up:
        return (step + 1) / up
    if not config.cosine:
        return 1.0
    return 0.5 * (1 + math.cos(math.pi * min(1, (step - up) / max(1, config.steps - up))))


def average_gradients(model: nn.Module) -> None:
    """Mean of the gradients over the processes, if there is more than one.

    One exchange of all of them behind the backward pass: it works whatever part of the model a loss goes through, and
    accumulated gradients are exchanged once.
    """
    if ranks() == 1:
        return
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    flat = torch.cat([gradient.reshape(-1) for gradient in gradients])
    distributed.all_reduce(flat)
    flat /= ranks()
    for gradient, part in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(part.view_as(gradient))


def _share(model: nn.Module) -> None:
    """Have all processes start from the weights of the first."""
    if ranks() > 1:
        for weight in model.state_dict().values():
            distributed.broadcast(weight, 0)


def ranks() -> int:
    """How many processes train together."""
    return int(distributed.get_world_size()) if distributed.is_available() and distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return int(distributed.get_rank()) if ranks() > 1 else 0


def _mixed(seed: int, step: int) -> int:
    """A seed for each step and process."""
    return ((seed * 1_000_003 + step) * 1_009 + rank()) % 2**63


def _backward(parts: Sequence[Batch], loss: Callable[[Batch], Tensor], kind: str, *, bf16: bool) -> float:
    """Add the gradients of the mean loss of the batches; that mean."""
    total = 0.0
    for batch in parts:
        with torch.autocast(kind, torch.bfloat16, enabled=bf16):
            value = loss(batch) / len(parts)
        value.backward()  # type: ignore[no-untyped-call]
        total += float(value.detach())
    return total


class _Run:
    """Where the optimisation stands, and how it gets on by a step."""

    def __init__(
        self, model: nn.Module, config: FitConfig, *, validate: Callable[[], float] | None, watched: Watched
    ) -> None:
        self.model, self.config, self.validate, self.watched = model, config, validate, watched
        self.optimiser = torch.optim.AdamW(
            _groups(model, config, watched.rates), lr=config.learning_rate, betas=config.betas
        )
        self.highest = [float(group["lr"]) for group in self.optimiser.param_groups]
        self.watch = _Watch(config, model if validate else None)
        self.losses: list[float] = []
        self.over = False

    @property
    def step(self) -> int:
        """Steps done."""
        return len(self.losses)

    def update(self, value: float) -> None:
        """Take the step whose gradients are there, look whether it still gets better, and keep the state."""
        config = self.config
        share = rate(self.step, config)
        average_gradients(self.model)
        value = self._mean(value)
        for group, highest in zip(self.optimiser.param_groups, self.highest, strict=True):
            group["lr"] = highest * share
        norm = float(nn.utils.clip_grad_norm_(self.model.parameters(), config.clip))
        for what, figure in (("loss", value), ("gradient", norm)):
            if not math.isfinite(figure):
                raise ArithmeticError(f"the {what} is {figure} at step {self.step + 1}")
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self.losses.append(value)
        last = self.step == config.steps
        if self.step % config.check_every == 0 or (last and self.validate):
            self.over = self.watch.is_over(self._look())
            if self.over:
                logger.debug("no gain any more: stopped at step %d of %d", self.step, config.steps)
        if self.watched.report:
            self.watched.report(self.step, {"loss": value, "rate": share, "gradient": norm})
        if self.step % config.save_every == 0 or self.over or last:
            self._save()

    def _look(self) -> float:
        if self.validate is None:
            recent = self.losses[-self.config.check_every :]
            return sum(recent) / len(recent)
        self.model.eval()
        with torch.no_grad():
            found = self.validate() if rank() == 0 else 0.0
        return self._mean(found) * ranks()  # the others add 0: all must decide alike

    def _mean(self, value: float) -> float:
        """Over the processes."""
        if ranks() == 1:
            return value
        shared = torch.tensor(value, dtype=torch.float64, device=next(self.model.parameters()).device)
        distributed.all_reduce(shared)
        return float(shared) / ranks()

    def _save(self) -> None:
        path = self.watched.state
        if path is None or rank():
            return
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "watch": self.watch.state(),
            "losses": self.losses,
            "over": self.over,
        }
        with whole(path) as unfinished:
            torch.save(state, unfinished)

    def restore(self) -> None:
        """Take up the kept state, if there is one."""
        path = self.watched.state
        if path is None or not path.exists():
            return
        with readable(path, what="a state", otherwise="remove it, and the same command trains from the start"):
            kept: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        self.model.load_state_dict(kept["model"])
        self.optimiser.load_state_dict(kept["optimiser"])
        self.watch.take(kept["watch"])
        self.losses, self.over = list(kept["losses"]), bool(kept["over"])
        logger.info("%s: taken up after step %d of %d", path, self.step, self.config.steps)


def _groups(model: nn.Module, config: FitConfig, rates: Mapping[str, float]) -> list[dict[str, object]]:
    """Matrices, which decay, and the rest, which does not, for each of the learning rates."""
    found: dict[tuple[float, bool], list[Tensor]] = {}
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            factor = next((factor for prefix, factor in rates.items() if name.startswith(prefix)), 1.0)
            found.setdefault((factor, weight.ndim > 1), []).append(weight)
    return [
        {"params": weights, "weight_decay": config.weight_decay if decays else 0.0, "lr": config.learning_rate * factor}
        for (factor, decays), weights in found.items()
    ]


class _Watch:
    """Whether it still gets better, and the weights when it was best."""

    def __init__(self, config: FitConfig, model: nn.Module | None) -> None:
        self.config = config
        self.model = model
        self.best = math.inf
        self.passed = math.inf  # what was best when a look last gained: small gains add up
        self.kept: dict[str, Tensor] = {}
        self.looks_without_gain = 0

    def is_over(self, value: float) -> bool:
        """Take note of a look; True if it was one too many without a gain."""
        gained = math.isinf(self.passed) or value < self.passed - self.config.least_gain * abs(self.passed)
        self.looks_without_gain = 0 if gained else self.looks_without_gain + 1
        self.passed = value if gained else self.passed
        if value < self.best:
            self.best = value
            if self.model is not None:
                self.kept = {name: weight.detach().clone() for name, weight in self.model.state_dict().items()}
        return 0 < self.config.patience <= self.looks_without_gain

    def state(self) -> dict[str, Any]:
        """What `take` takes up."""
        return {"best": self.best, "passed": self.passed, "kept": self.kept, "looks": self.looks_without_gain}

    def take(self, state: dict[str, Any]) -> None:
        """Go on where another stopped."""
        self.best, self.passed = state["best"], state["passed"]
        self.kept, self.looks_without_gain = state["kept"], state["looks"]

    def restore(self) -> None:
        """Give the model the weights of the best look."""
        if self.model is not None and self.kept:
            self.model.load_state_dict(self.kept)
