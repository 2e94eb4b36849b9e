"""Losses: pure functions of tensors that never see a model. One file each, one line in LOSSES."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from binner.losses.multi_positive import multi_positive
from binner.losses.w_simclr import w_simclr


class Loss(Protocol):
    """A contrastive loss."""

    def __call__(self, views: Tensor, *, temperature: float) -> Tensor:
        """Scalar loss of `views` (B, V, d): B things in V views each, unit rows."""


LOSSES: dict[str, Loss] = {"multi-positive": multi_positive, "w-simclr": w_simclr}
