"""The one optimisation loop: AdamW, warm-up and cosine, clipping, an early stop. Refinement and training share it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn

from binner.data import Progress, silent

logger = logging.getLogger(__name__)

Batch = TypeVar("Batch")
BETAS = (0.9, 0.98)


@dataclass(frozen=True, slots=True)
class FitConfig:
    """How to optimise."""

    steps: int = 300
    learning_rate: float = 1e-3  # at its highest
    weight_decay: float = 1e-2  # of matrices; biases and scales have none
    warm_up: float = 0.1  # share of the steps
    clip: float = 1.0  # norm of the gradient
    check_every: int = 50  # steps between two looks at whether it still gets better
    patience: int = 0  # looks without a gain after which it stops; 0: never
    least_gain: float = 1e-3  # relative


def fit(
    model: nn.Module,
    batches: Iterator[Batch],
    loss: Callable[[Batch], Tensor],
    *,
    config: FitConfig,
    seed: int,
    device: str,
    validate: Callable[[], float] | None = None,
    progress: Progress = silent,
) -> list[float]:
    """Change the weights of `model` (moved to `device`) so that `loss` of the batches falls; the losses of the steps.

    Every `check_every` steps it looks at `validate` (lower is better; the weights of the best look are kept), or
    without one at the mean loss since the last look. The chance inside the model (dropout) follows from `seed`;
    torch's global state is left as it was. On a GPU the loss is computed in bf16. Raises ArithmeticError if the loss
    is not finite.
    """
    model.to(device)
    kind = torch.device(device).type
    optimiser = torch.optim.AdamW(_groups(model, config.weight_decay), lr=config.learning_rate, betas=BETAS)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: rate(step, config))
    watch = _Watch(config, model if validate else None)
    losses: list[float] = []
    with torch.random.fork_rng([torch.device(device)] if kind == "cuda" else []):
        torch.manual_seed(seed)
        for step, batch in zip(range(1, config.steps + 1), batches, strict=False):
            model.train()
            with torch.autocast(kind, torch.bfloat16, enabled=kind == "cuda"):
                value = loss(batch)
            optimiser.zero_grad(set_to_none=True)
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimiser.step()
            schedule.step()
            losses.append(float(value.detach()))
            if not math.isfinite(losses[-1]):
                raise ArithmeticError(f"the loss is {losses[-1]} at step {step}")
            progress(step, config.steps)
            if step % config.check_every == 0:
                recent = losses[-config.check_every :]
                if watch.is_over(_validated(model, validate) if validate else sum(recent) / len(recent)):
                    logger.debug("no gain any more: stopped at step %d of %d", step, config.steps)
                    break
    watch.restore()
    model.eval()
    return losses


def rate(step: int, config: FitConfig) -> float:
    """Share of the highest learning rate at a step: a straight line up, then half a cosine down to 0."""
    up = max(1, round(config.warm_up * config.steps))
    if step < up:
        return (step + 1) / up
    return 0.5 * (1 + math.cos(math.pi * min(1, (step - up) / max(1, config.steps - up))))


def _groups(model: nn.Module, decay: float) -> list[dict[str, object]]:
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": decay},
        {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0},
    ]


def _validated(model: nn.Module, validate: Callable[[], float]) -> float:
    model.eval()
    with torch.no_grad():
        return validate()


class _Watch:
    """Whether it still gets better, and the weights when it was best."""

    def __init__(self, config: FitConfig, model: nn.Module | None) -> None:
        self.config = config
        self.model = model
        self.best = math.inf
        self.kept: dict[str, Tensor] = {}
        self.looks_without_gain = 0

    def is_over(self, value: float) -> bool:
        """Take note of a look; True if it was one too many without a gain."""
        gained = math.isinf(self.best) or value < self.best - self.config.least_gain * abs(self.best)
        self.looks_without_gain = 0 if gained else self.looks_without_gain + 1
        if value < self.best:
            self.best = value
            if self.model is not None:
                self.kept = {name: weight.detach().clone() for name, weight in self.model.state_dict().items()}
        return 0 < self.config.patience <= self.looks_without_gain

    def restore(self) -> None:
        """Give the model the weights of the best look."""
        if self.model is not None and self.kept:
            self.model.load_state_dict(self.kept)
