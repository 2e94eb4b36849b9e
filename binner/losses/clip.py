"""Two modalities of one thing find each other among those of all things, where the pair can be trusted."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from binner.losses._similarity import products


def clip(first: Tensor, second: Tensor, *, paired: Tensor, temperature: float) -> Tensor:
    """Mean over trusted things i and both directions of log sum_j e^s_ij - s_ii, s = cosine / temperature.

    `first`, `second` (B, d), unit rows: a thing in one modality and in the other. `paired` (B,), bool: whose pair is
    trusted; the others are candidates only. 0 without a trusted pair, or with nothing to mistake it for (B < 2). CLIP
    (Radford et al. 2021), on few pairs as in Gentle-CLIP (Song et al. 2024).
    """
    rows = paired.nonzero()[:, 0]
    if not len(rows) or len(first) < 2:
        return (first.sum() + second.sum()) * 0
    scaled = products(first, second) / temperature  # (B, B)
    there = cross_entropy(scaled[rows], rows)
    back = cross_entropy(scaled.T[rows], rows)
    return torch.stack([there, back]).mean()
