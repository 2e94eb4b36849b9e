"""What contrastive losses start from."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def similarities(views: Tensor, *, temperature: float) -> tuple[Tensor, Tensor]:
    """Scaled cosines of views (B, V, d), B >= 2 and V >= 2: of each view with the others of its thing, (B V, V - 1),
    and with all views, (B V, B V), where those of its own thing are -inf.

    Memory grows as (B V)^2: the batch bounds it, whatever the number of things.
    """
    things, per_thing, width = views.shape
    flat = views.reshape(-1, width)
    scaled = products(flat, flat) / temperature  # (B V, B V)
    blocks = scaled.view(things, per_thing, things, per_thing).diagonal(dim1=0, dim2=2).permute(2, 0, 1)  # (B, V, V)
    apart = ~torch.eye(per_thing, dtype=torch.bool, device=views.device).expand(things, -1, -1)
    thing = torch.arange(things, device=views.device).repeat_interleave(per_thing)
    others = scaled.masked_fill(thing[:, None] == thing[None, :], -math.inf)
    return blocks[apart].view(-1, per_thing - 1), others


def weighted(scaled: Tensor, weight: Tensor | None, *, per_thing: int = 1) -> Tensor:
    """`scaled` (B V, B V) plus the logarithm of what each pair of things weighs, `weight` (B, B); None: all 1."""
    if weight is None:
        return scaled
    log = weight.to(scaled.dtype).log()
    return scaled + log.repeat_interleave(per_thing, 0).repeat_interleave(per_thing, 1)


def products(rows: Tensor, others: Tensor) -> Tensor:
    """All products of rows (A, d) and (B, d), (A, B) float32: sums of many exponentials want more than bf16."""
    with torch.autocast(rows.device.type, enabled=False):
        return rows.float() @ others.float().T


def squared_distances(rows: Tensor, others: Tensor) -> Tensor:
    """Of all rows (A, d) to all others (B, d), (A, B) float32."""
    rows, others = rows.float(), others.float()
    apart = rows.square().sum(1)[:, None] + others.square().sum(1)[None, :] - 2 * products(rows, others)
    return apart.clamp_min(0)
