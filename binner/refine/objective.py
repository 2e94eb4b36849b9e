"""What the head is trained for: contrast of contigs, and the terms that align their modalities."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import torch
from torch import Tensor

from binner.config import RefineTerm
from binner.losses import LOSSES, MATCHING_LOSSES, MIXED_LOSSES, PAIRED_LOSSES
from binner.refine.options import RefineConfig
from binner.refine.towers import Blend, Head
from binner.refine.views import Batch


class Objective:
    """The loss of a batch by a head."""

    def __init__(self, head: Head, config: RefineConfig, *, temperature: float, device: str) -> None:
        self.head, self.config, self.temperature, self.device = head, config, temperature, device
        self.contrast = LOSSES["w-simclr" if "hard" in config.terms else "multi-positive"]

    def __call__(self, batch: Batch) -> Tensor:
        """Every term by its weight."""
        weighted = [self.config.weights[name] * value for name, value in self.terms(batch).items()]
        return torch.stack(weighted).sum()

    def terms(self, batch: Batch) -> Mapping[str, Tensor]:
        """Every term before it is weighted; those that are switched off, or have nothing to align, are missing."""
        blend = self._blend(batch)
        weight = None if batch.weight is None else self._tensor(batch.weight)
        points, units = self._forward(batch, blend)
        found = {"contrast": self._contrasted(points, blend, self.temperature, weight=weight)}
        if "self" in self.config.terms:
            found["self"] = self._within(units if blend is None else self._forward(batch, None)[1], batch)
        if len(units) > 1:
            found |= self._aligned([vectors[:, -1] for vectors in units], batch)  # the last view is never mixed
        return found

    def _forward(self, batch: Batch, blend: Blend | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Points (B, V, d) and each tower's vectors (B, V, shared); the first view is mixed."""
        inputs = [self._tensor(values) for values in batch.inputs]
        shown = self._tensor(batch.shown.astype(np.float32))
        if blend is None:
            return self.head(inputs, shown)  # type: ignore[no-any-return]
        parts = [
            self.head([values[:, views] for values in inputs], shown[:, views], mixing)
            for views, mixing in ((slice(0, 1), blend), (slice(1, None), None))
        ]
        units = tuple(torch.cat(pair, 1) for pair in zip(*(units for _, units in parts), strict=True))
        return torch.cat([points for points, _ in parts], 1), units

    def _contrasted(
        self, views: Tensor, blend: Blend | None, temperature: float, *, weight: Tensor | None = None
    ) -> Tensor:
        """Views (B, V, d) of a contig against those of others; the first, if it is mixed, against each clean one."""
        if blend is None:
            return self.contrast(views, temperature=temperature, weight=weight)
        mixed = [
            MIXED_LOSSES["mi-mix"](
                views[:, 0],
                views[:, clean],
                share=blend.share,
                partner=blend.partner,
                temperature=temperature,
                weight=weight,
            )
            for clean in range(1, views.shape[1])
        ]
        return torch.stack(mixed).mean()

    def _within(self, units: tuple[Tensor, ...], batch: Batch) -> Tensor:
        """Sum over the modalities of the contrast of the contigs that have it; `units` are of views as they are."""
        there = [vectors[self._tensor(batch.present[:, place])] for place, vectors in enumerate(units)]
        temperature = self.config.alignment_temperature
        return torch.stack([LOSSES["multi-positive"](views, temperature=temperature) for views in there]).sum()

    def _aligned(self, vectors: list[Tensor], batch: Batch) -> Mapping[str, Tensor]:
        """CLIP on the trusted contigs, the densities and MMD of all: means over the pairs of modalities."""
        terms: dict[RefineTerm, list[Tensor]] = {}
        trusted = self._tensor(batch.trusted)
        for one, other in combinations(range(len(vectors)), 2):
            there = [self._tensor(batch.present[:, place]) for place in (one, other)]
            if "clip" in self.config.terms:
                value = PAIRED_LOSSES["clip"](
                    vectors[one],
                    vectors[other],
                    paired=trusted & there[0] & there[1],
                    temperature=self.config.alignment_temperature,
                    known=(there[0], there[1]),
                )
                terms.setdefault("clip", []).append(value)
            for name in self.config.terms:
                if name in MATCHING_LOSSES:
                    value = MATCHING_LOSSES[name](vectors[one][there[0]], vectors[other][there[1]])
                    terms.setdefault(name, []).append(value)
        return {name: torch.stack(values).mean() for name, values in terms.items()}

    def _blend(self, batch: Batch) -> Blend | None:
        mix = batch.mix
        return None if mix is None else Blend(mix.layer, self._tensor(mix.share), self._tensor(mix.partner))

    def _tensor(self, values: np.typing.NDArray[np.generic]) -> Tensor:
        return torch.from_numpy(values).to(self.device)
