"""Two modalities of one thing find each other among those of all things, where the pair can be trusted."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from binner.losses._similarity import products


def clip(
    first: Tensor, second: Tensor, *, paired: Tensor, temperature: float, known: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    """Mean over trusted things i and both directions of log sum_j e^s_ij - s_ii, s = cosine / temperature.

    `first`, `second` (B, d), unit rows: a thing in one modality and in the other. `paired` (B,), bool: whose pair is
    trusted; the others are candidates only, each in the modalities that are `known` of it ((B,) bool each; None: in
    both). 0 without a trusted pair, or with nothing to mistake it for (B < 2). CLIP (Radford et al. 2021), on few pairs
    as in Gentle-CLIP (Song et al. 2024).
    """
    rows = paired.nonzero()[:, 0]
    if not len(rows) or len(first) < 2:
        return (first.sum() + second.sum()) * 0
    scaled = products(first, second) / temperature  # (B, B)
    there, back = scaled[rows], scaled.T[rows]
    if known is not None:
        there, back = there.masked_fill(~known[1], -torch.inf), back.masked_fill(~known[0], -torch.inf)
    return torch.stack([cross_entropy(there, rows), cross_entropy(back, rows)]).mean()
