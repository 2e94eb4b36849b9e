"""The network: a tower for each modality into one shared space, and what it adds to the plain metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

LAYERS = 3  # of a tower: vectors are mixed before any of them
WAVES = 64  # random directions in which coverage is seen
REACH = 3.0  # width of the kernel of coverage, in scatters within a genome


@dataclass(frozen=True, slots=True)
class Blend:
    """Mixing of vectors (B, ...) before a layer of the towers."""

    layer: int
    share: Tensor  # (B,)
    partner: Tensor  # (B,)

    def __call__(self, rows: Tensor) -> Tensor:
        """The share of each row, and the rest of its partner's."""
        share = self.share.view(-1, *[1] * (rows.ndim - 1))
        return share * rows + (1 - share) * rows[self.partner]


class Tower(nn.Module):
    """Rows of a modality to the shared space. `plain` is its part of the metric that the head starts from."""

    layers: nn.ModuleList
    width: int  # of `plain`

    def _build(self, seen: int, hidden: int, shared: int) -> None:
        self.layers = nn.ModuleList(
            [
                nn.Sequential(nn.Linear(seen, hidden), nn.GELU()),
                nn.Sequential(nn.Linear(hidden, hidden), nn.GELU()),
                nn.Linear(hidden, shared),
            ]
        )

    def features(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """What the layers see of rows (..., C), (..., F), and the plain part, (..., width)."""
        raise NotImplementedError

    def forward(self, rows: Tensor, blend: Blend | None = None) -> tuple[Tensor, Tensor]:
        """Vectors in the shared space, and the plain part."""
        hidden, plain = self.features(rows)
        for place, layer in enumerate(self.layers):
            if blend is not None and blend.layer == place:
                hidden = blend(hidden)
            hidden = layer(hidden)
        return hidden, plain if blend is None else blend(plain)


class SequenceTower(Tower):
    """Vectors of sequences; plainly, their cosine."""

    def __init__(self, typical: Tensor, *, hidden: int, shared: int) -> None:
        super().__init__()
        self.width = typical.shape[1]
        radius = float(typical.norm(dim=1).median()) if len(typical) else 0.0
        self.scale = math.sqrt(self.width) / (radius or 1.0)
        self._build(self.width, hidden, shared)

    def features(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Scaled to a variance of about one a direction; as unit vectors."""
        return rows * self.scale, normalize(rows, dim=-1)


class CoverageTower(Tower):
    """Coverage in units of its scatter within a genome; plainly, a Gaussian kernel of it.

    Random Fourier features (Rahimi & Recht 2007) are bounded, however deep a contig is, and their inner products are
    the kernel. Beside them the layers see where among all contigs it lies, scaled by the quantiles.
    """

    def __init__(self, typical: Tensor, *, hidden: int, shared: int) -> None:
        super().__init__()
        columns = typical.shape[1]
        self.frequencies: Tensor
        self.broad: Tensor
        self.register_buffer("frequencies", torch.randn(columns, WAVES) / (REACH * math.sqrt(columns)))
        quantiles = torch.quantile(typical, typical.new_tensor([0.1, 0.9]), dim=0) if len(typical) else None
        spread = torch.ones(columns) if quantiles is None else (quantiles[1] - quantiles[0]).clamp_min(1)
        self.register_buffer("broad", spread / 2)
        self.width = 2 * WAVES
        self._build(self.width + columns, hidden, shared)

    def features(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Waves and bounded values; waves."""
        angle = rows @ self.frequencies  # (..., W)
        waves = torch.cat([angle.cos(), angle.sin()], -1)
        return torch.cat([waves, torch.tanh(rows / self.broad)], -1), waves / math.sqrt(WAVES)


TOWERS: dict[str, Callable[..., Tower]] = {
    "sequence": SequenceTower,
    "composition": SequenceTower,
    "coverage": CoverageTower,
}


class Head(nn.Module):
    """Contigs in any of M modalities to unit vectors (..., d): the plain metric and what is learnt on top.

    Vectors of the towers that a contig has are averaged in the shared space, so that any subset of them will do.
    """

    def __init__(self, names: Sequence[str], typical: Sequence[Tensor], *, hidden: int, shared: int) -> None:
        super().__init__()
        self.towers = nn.ModuleList(
            TOWERS[name](rows, hidden=hidden, shared=shared) for name, rows in zip(names, typical, strict=True)
        )
        self.width = sum(tower.width for tower in self.towers)  # type: ignore[misc]
        last = nn.Linear(hidden, self.width)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.join = nn.Sequential(nn.Linear(shared + len(names), hidden), nn.GELU(), last)

    def forward(
        self, inputs: Sequence[Tensor], shown: Tensor, blend: Blend | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Points (..., d), and each tower's unit vectors (..., shared).

        `inputs` are M of (..., C), `shown` (..., M) is 1 where a modality may be used, else 0. With `blend` rows are
        mixed on the way.
        """
        outputs = [tower(rows, blend) for tower, rows in zip(self.towers, inputs, strict=True)]
        plain = torch.cat([part * shown[..., place, None] for place, (_, part) in enumerate(outputs)], -1)
        vectors = torch.stack([vector for vector, _ in outputs], -2)  # (..., M, shared)
        mean = (vectors * shown[..., None]).sum(-2) / shown.sum(-1, keepdim=True).clamp_min(1)
        learnt = self.join(torch.cat([mean, shown], -1))
        units = tuple(normalize(vector.float(), dim=-1) for vector, _ in outputs)
        return normalize((plain + learnt).float(), dim=-1), units
