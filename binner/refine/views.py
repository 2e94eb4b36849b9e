"""Batches of views: random spans of contigs, their halves, and what is mixed, left out and held apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from binner.data import F32, F64, I64, Bool
from binner.refine.links import Links
from binner.refine.modalities import Coverages, Modality, Spans
from binner.refine.options import RefineConfig, Regime
from binner.refine.towers import LAYERS

CUT = (0.3, 0.7)  # share of a contig where it is halved
TRUSTED_BP = 5000  # a shorter contig says too little in either modality to tie them together


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """What the first view of each contig of a batch is mixed with, and where."""

    layer: int  # of the towers, before which the vectors are mixed
    share: F32  # (B,), of the contig itself
    partner: I64  # (B,)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B contigs in V views in M modalities."""

    inputs: tuple[F32, ...]  # M of (B, V, C)
    present: Bool  # (B, M), whether anything is known of the contig
    shown: Bool  # (B, V, M), whether the head may know of it in this view; at least one
    trusted: Bool  # (B,), long and deep: what its modalities say belongs together
    weight: F32 | None  # (B, B), of two contigs as negatives
    mix: Mix | None


class Views:
    """Where batches come from: N contigs of `lengths` (N,) bp, of which `rows` are learnt from."""

    def __init__(self, modalities: Sequence[Modality], lengths: I64, rows: I64, *, links: Links | None) -> None:
        self.modalities, self.lengths, self.rows, self.links = tuple(modalities), lengths, rows, links
        self.present = np.stack([modality.present for modality in modalities], 1)  # (N, M)
        self.trusted = self.present.all(1) & (lengths >= max(TRUSTED_BP, np.median(lengths[rows])))
        for modality in modalities:
            if isinstance(modality, Coverages):
                self.trusted &= modality.deep

    def whole(self, rows: I64) -> tuple[tuple[F32, ...], Bool]:
        """The contigs as they are: M of (n, C), and which modalities each has, (n, M)."""
        return tuple(modality.whole(rows) for modality in self.modalities), self.present[rows]

    def drawn(self, spans: Spans, rng: np.random.Generator) -> tuple[F32, ...]:
        """Spans in every modality, M of (n, C)."""
        return tuple(modality.draw(spans, rng) for modality in self.modalities)

    def batches(self, config: RefineConfig, regime: Regime, rng: np.random.Generator) -> Iterator[Batch]:
        """Batches without end; mixed from the switch of the curriculum on."""
        switch = config.unmixed * regime.steps
        for number, rows in enumerate(self._orders(config, rng)):
            mix = _mix(len(rows), config, rng) if "mix" in config.terms and number >= switch else None
            yield self._batch(rows, config, rng, mix=mix)

    def _orders(self, config: RefineConfig, rng: np.random.Generator) -> Iterator[I64]:
        """Rows of each batch, all different; every contig has its turn, and pairs that share a gene come together."""
        size = min(config.contigs, len(self.rows))
        pairs = self.links.pairs if self.links else np.zeros((0, 2), np.int64)
        paired = min(len(pairs), round(config.duplicates * size / 2))
        plain = max(size - 2 * paired, 1)
        while True:
            order = rng.permutation(self.rows)
            for first in range(0, len(order) - plain + 1, plain):
                together = pairs[rng.integers(0, len(pairs), paired)].ravel() if paired else pairs.ravel()
                yield np.unique(np.concatenate([order[first : first + plain], together]))

    def _batch(self, rows: I64, config: RefineConfig, rng: np.random.Generator, *, mix: Mix | None) -> Batch:
        views = config.views
        spans = self._spans(rows, config, rng)
        inputs = tuple(values.reshape(len(rows), views, -1) for values in self.drawn(spans, rng))
        present = self.present[rows]
        shown = _shown(np.repeat(present[:, None], views, axis=1), config.dropped, rng)
        if mix is not None:  # both that are mixed need to have what is mixed
            shown[:, 0] = present & present[mix.partner]
        weight = self.links.weights(rows, config.duplicate_weight) if self.links else None
        return Batch(inputs, present, shown, self.trusted[rows], weight, mix)

    def _spans(self, rows: I64, config: RefineConfig, rng: np.random.Generator) -> Spans:
        """Random spans, log-uniform from the shortest to the whole contig; of some contigs both halves, (B V,)."""
        shape = len(rows), config.views
        shortest = np.minimum(config.shortest / np.maximum(self.lengths[rows], 1), 1)[:, None]
        width = shortest ** rng.random(shape)
        start = rng.random(shape) * (1 - width)
        stop = start + width
        if "halves" in config.terms and config.views > 1:
            halved = (rng.random(len(rows)) < config.halved) & (shortest[:, 0] <= 0.5)
            cut = rng.uniform(*CUT, len(rows))
            start[halved, :2] = np.stack([np.zeros(len(rows)), cut], 1)[halved]
            stop[halved, :2] = np.stack([cut, np.ones(len(rows))], 1)[halved]
        return Spans(np.repeat(rows, config.views), start.ravel(), stop.ravel())

    def halves(self, number: int, shortest: int, rng: np.random.Generator) -> tuple[Spans, Spans, F64]:
        """Pairs of stretches of one contig that do not overlap, of `number` contigs, and their lengths in bp.

        Both of a pair are as long, log-uniform from `shortest` to half the contig. Fewer where contigs are too short.
        """
        long = self.rows[self.lengths[self.rows] >= 2 * shortest]
        rows = rng.choice(long, number) if len(long) else long
        width = shortest / self.lengths[rows]
        width = width * (0.5 / width) ** rng.random(len(rows))
        first = rng.random(len(rows)) * (1 - 2 * width)
        second = first + width + rng.random(len(rows)) * (1 - 2 * width - first)
        return Spans(rows, first, first + width), Spans(rows, second, second + width), width * self.lengths[rows]


def _shown(present: Bool, dropped: float, rng: np.random.Generator) -> Bool:
    """What is there (..., M) without what is dropped; all of it where nothing would be left."""
    kept = present & (rng.random(present.shape) >= dropped)
    return np.where(kept.any(-1, keepdims=True), kept, present)


def _mix(size: int, config: RefineConfig, rng: np.random.Generator) -> Mix:
    share = rng.beta(config.alpha, config.alpha, size)
    share = np.maximum(share, 1 - share)
    return Mix(int(rng.integers(LAYERS)), np.asarray(share, np.float32), rng.permutation(size))
