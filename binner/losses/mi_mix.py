"""Manifold instance mixup: each mixed thing is to lie near both that went into it, in their shares."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from binner.losses._similarity import products, weighted


def mi_mix(
    mixed: Tensor,
    clean: Tensor,
    *,
    share: Tensor,
    partner: Tensor,
    temperature: float,
    weight: Tensor | None = None,
) -> Tensor:
    """Mean over i of D_i - l_i s_ii - (1 - l_i) s_i,p(i), s = cosine / temperature, D_i = log(e^s_ii + Ng_i).

    `mixed` (B, d), unit rows: thing i mixed with thing p(i) = `partner`[i] (B,), i's part being l_i = `share`[i] (B,).
    `clean` (B, d), unit rows: the other view of each thing. Negatives are all clean views but i's own, the partner's
    among them, and weigh the more, the harder they are: log Ng_i = LSE_n (2 s_in + log w_in) - LSE_n s_in + log(B - 1),
    w being the `weight` (B, B) of the two things, 1 without. 0 where B < 2. Without weights the loss of DNABERT-S
    (Zhou et al. 2024).
    """
    things = len(mixed)
    if things < 2:
        return (mixed.sum() + clean.sum()) * 0
    scaled = products(mixed, clean) / temperature  # (B, B)
    own = scaled.diagonal()
    others = scaled.masked_fill(torch.eye(things, dtype=torch.bool, device=scaled.device), -math.inf)
    hard = weighted(2 * others, weight).logsumexp(1) - others.logsumexp(1) + math.log(things - 1)
    whole = torch.logaddexp(own, hard)  # D_i
    joined = scaled.gather(1, partner[:, None])[:, 0]
    return (whole - share * own - (1 - share) * joined).mean()
