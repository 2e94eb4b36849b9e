"""The species model while it is trained: a backbone, and a head that is thrown away afterwards."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from binner.encoders.kmer_network import KmerBackbone
from binner.encoders.transformer import Transformer, pool
from binner.fit import rank
from binner.losses import LOSSES, MIXED_LOSSES, gather
from binner.train.batches import Batch, Mix, View

HEAD_WIDTH = 128

Backbone = Transformer | KmerBackbone


class SpeciesNetwork(nn.Module):
    """Backbone, contrastive head and, with a teacher of `teacher` directions, the map to its space."""

    def __init__(self, backbone: Backbone, *, teacher: int = 0) -> None:
        super().__init__()
        width = backbone.config.width
        self.backbone = backbone
        self.head = nn.Sequential(
            nn.Linear(width, width, bias=False), nn.ReLU(), nn.Linear(width, HEAD_WIDTH, bias=False)
        )
        self.teacher = nn.Linear(width, teacher) if teacher else None

    def embed(self, view: View) -> Tensor:
        """What the model is for: pooled hidden states (B, H) float32."""
        return pool(self.backbone(view.ids, view.mask), view.mask)

    def loss(self, batch: Batch, *, temperature: float, distil: float) -> Tensor:
        """W-SimCLR or, where the batch is to be mixed, MI-Mix, over the batches of all processes; and the teacher's.

        Only the first view is mixed; the second, which is not, is what the teacher is held against then.
        """
        second = self.embed(batch.second)
        clean = self._unit(second)
        if batch.mix is None:
            first = self.embed(batch.first)
            views = torch.stack([self._unit(first), clean], 1)
            value = LOSSES["w-simclr"](gather(views), temperature=temperature)
        else:
            first = None
            offset = rank() * len(clean)
            value = MIXED_LOSSES["mi-mix"](
                gather(self._unit(self._mixed(batch.first, batch.mix))),
                gather(clean),
                share=gather(batch.mix.share),
                partner=gather(batch.mix.partner + offset),
                temperature=temperature,
            )
        if distil and batch.targets is not None:
            value = value + distil * self._distance(second, batch.targets[1])
            if first is not None:
                value = value + distil * self._distance(first, batch.targets[0])
        return value

    def _mixed(self, view: View, mix: Mix) -> Tensor:
        """Pooled states (B, H) of a view whose states before layer `mix.layer` are mixed, token by token."""
        hidden = self.backbone.embed_tokens(view.ids)  # (B, S, H)
        hidden = self.backbone.run(hidden, last=mix.layer, mask=view.mask)
        share = mix.share[:, None, None].to(hidden.dtype)
        hidden = share * hidden + (1 - share) * hidden[mix.partner]
        mask = None if view.mask is None else view.mask & view.mask[mix.partner]  # as long as the shorter one
        return pool(self.backbone.run(hidden, first=mix.layer, mask=mask), mask)

    def _unit(self, pooled: Tensor) -> Tensor:
        unit: Tensor = normalize(self.head(pooled).float(), dim=-1)
        return unit

    def _distance(self, pooled: Tensor, target: Tensor) -> Tensor:
        """Mean of 1 - cosine to the teacher's vectors (B, D)."""
        assert self.teacher is not None
        found = normalize(self.teacher(pooled).float(), dim=-1)
        return 1 - (found * target).sum(-1).mean()
