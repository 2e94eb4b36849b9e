"""Losses: pure functions of tensors that never see a model. One file each, one line in LOSSES or MIXED_LOSSES."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from binner.losses.gather import gather
from binner.losses.mi_mix import mi_mix
from binner.losses.multi_positive import multi_positive
from binner.losses.w_simclr import w_simclr

__all__ = ["LOSSES", "MIXED_LOSSES", "Loss", "MixedLoss", "gather"]


class Loss(Protocol):
    """A contrastive loss."""

    def __call__(self, views: Tensor, *, temperature: float) -> Tensor:
        """Scalar loss of `views` (B, V, d): B things in V views each, unit rows."""


class MixedLoss(Protocol):
    """A contrastive loss of things of which one view is mixed with another thing's."""

    def __call__(self, mixed: Tensor, clean: Tensor, *, share: Tensor, partner: Tensor, temperature: float) -> Tensor:
        """Scalar loss of B things: rows of `mixed` (B, d) are `share` (B,) themselves, the rest `partner` (B,)."""


LOSSES: dict[str, Loss] = {"multi-positive": multi_positive, "w-simclr": w_simclr}
MIXED_LOSSES: dict[str, MixedLoss] = {"mi-mix": mi_mix}
