"""Losses: pure functions of tensors that never see a model. One file each, one line in a registry."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from binner.losses.clip import clip
from binner.losses.density import density
from binner.losses.gather import gather
from binner.losses.mi_mix import mi_mix
from binner.losses.mmd import mmd
from binner.losses.multi_positive import multi_positive
from binner.losses.w_simclr import w_simclr

__all__ = [
    "LOSSES",
    "MATCHING_LOSSES",
    "MIXED_LOSSES",
    "PAIRED_LOSSES",
    "Loss",
    "MatchingLoss",
    "MixedLoss",
    "PairedLoss",
    "gather",
]


class Loss(Protocol):
    """A contrastive loss."""

    def __call__(self, views: Tensor, *, temperature: float, weight: Tensor | None = None) -> Tensor:
        """Scalar loss of `views` (B, V, d): B things in V views each, unit rows; negatives by `weight` (B, B)."""


class MixedLoss(Protocol):
    """A contrastive loss of things of which one view is mixed with another thing's."""

    def __call__(
        self,
        mixed: Tensor,
        clean: Tensor,
        *,
        share: Tensor,
        partner: Tensor,
        temperature: float,
        weight: Tensor | None = None,
    ) -> Tensor:
        """Scalar loss of B things: rows of `mixed` (B, d) are `share` (B,) themselves, the rest `partner` (B,)."""


class PairedLoss(Protocol):
    """A loss that joins two modalities of the things whose pair is trusted."""

    def __call__(
        self,
        first: Tensor,
        second: Tensor,
        *,
        paired: Tensor,
        temperature: float,
        known: tuple[Tensor, Tensor] | None = None,
    ) -> Tensor:
        """Scalar loss of B things in two modalities, (B, d) each, unit rows; `paired` (B,) are trusted.

        Where a thing is not `known` in a modality, (B,) each, its row there does not count.
        """


class MatchingLoss(Protocol):
    """A loss between two clouds of points, none of which is paired with another."""

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        """Scalar loss of `first` (n, d) and `second` (m, d)."""


LOSSES: dict[str, Loss] = {"multi-positive": multi_positive, "w-simclr": w_simclr}
MIXED_LOSSES: dict[str, MixedLoss] = {"mi-mix": mi_mix}
PAIRED_LOSSES: dict[str, PairedLoss] = {"clip": clip}
MATCHING_LOSSES: dict[str, MatchingLoss] = {"density": density, "mmd": mmd}
