"""Training of the head on one assembly, its points, and how far they may be off."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from binner.data import F32, F64, I64, Bool, Coverage, Embedding, Markers, Progress, Refined, WindowEmbedding, silent
from binner.fit import fit as optimise
from binner.refine.links import Links
from binner.refine.modalities import Coverages, Modality, Sequences
from binner.refine.objective import Objective
from binner.refine.options import RefineConfig, Regime, regime
from binner.refine.towers import Head
from binner.refine.views import Views
from binner.space import Depths

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 1 << 14  # contigs that go through the trained head together
TYPICAL = 10_000  # contigs from which a tower learns its scales
ERROR_PAIRS = 4096  # stretches of contigs from which the error is measured
FEWEST_PAIRS = 20
LEAST_VARIANCE = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known of N contigs. None: nothing of the kind."""

    lengths: I64  # (N,), bp
    sequence: tuple[WindowEmbedding, Embedding]
    composition: tuple[WindowEmbedding, Embedding] | None = None  # where `sequence` is another encoder's
    coverage: Coverage | None = None
    depth: Depths | None = None  # of `coverage`
    along: WindowEmbedding | None = None  # (V, S), x, depth of windows in all samples
    markers: Markers | None = None

    def modalities(self) -> list[Modality]:
        """Each with its tower."""
        found: list[Modality] = [Sequences("sequence", *self.sequence)]
        if self.composition is not None:
            found.append(Sequences("composition", *self.composition))
        if self.coverage is not None and self.depth is not None:
            present = self.depth.known & (self.coverage.mean > 0).any(1)
            every = self.depth.shape.shape[1] in (len(self.coverage.samples), 0)  # samples count
            found.append(Coverages(self.depth, present, self.along if every else None))
        return found


def fit(evidence: Evidence, *, config: RefineConfig, seed: int, device: str, progress: Progress = silent) -> Refined:
    """Points of the contigs, (N, d) unit rows, and their variances by length.

    d is the sum of the directions of the modalities, coverage having 128. Contigs without windows (all N) are not
    learnt from. The same for the same seed, machine and threads.
    """
    modalities = evidence.modalities()
    known = np.flatnonzero(modalities[0].present)
    samples = evidence.depth.shape.shape[1] or 1 if evidence.depth else 0
    settled = regime(config, evidence.lengths[known], samples=samples)
    head = _start(modalities, known, config, settled, seed=seed).to(device)
    lengths = evidence.lengths
    if len(known) < 2:
        return Refined(_points(head, modalities, device=device), np.full(len(lengths), LEAST_VARIANCE, np.float32))
    links = None
    if "markers" in config.terms and evidence.markers is not None:
        links = Links.find(evidence.markers, _points(head, modalities, device=device), known)
        logger.info("%d pairs of near contigs hold the same single-copy gene", len(links.pairs))
    views = Views(modalities, lengths, known, links=links)
    rng = np.random.default_rng(seed)
    losses = optimise(
        head,
        views.batches(config, settled, rng),
        Objective(head, config, temperature=settled.temperature, device=device),
        config=replace(config.fit, steps=settled.steps),
        seed=seed,
        device=device,
        progress=progress,
    )
    if losses:
        logger.info(
            "refined in %d steps at temperature %.2f: loss %.3f to %.3f; %d of %d contigs tie the modalities together",
            *(len(losses), settled.temperature, losses[0], losses[-1], views.trusted[known].sum(), len(known)),
        )
    variance = _variance(head, views, lengths, config, rng=rng, device=device)
    return Refined(_points(head, modalities, device=device), variance)


def _start(modalities: list[Modality], known: I64, config: RefineConfig, settled: Regime, *, seed: int) -> Head:
    """A head that has learnt nothing yet."""
    some = known[:: max(1, -(-len(known) // TYPICAL))]
    typical = [torch.from_numpy(each.whole(some[each.present[some]])) for each in modalities]
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return Head([each.name for each in modalities], typical, hidden=settled.hidden, shared=config.shared)


def _points(head: Head, modalities: list[Modality], *, device: str) -> F32:
    """Of all contigs as they are."""
    number = len(modalities[0].present)
    points = np.empty((number, head.width), np.float32)
    for first in range(0, number, ROWS_AT_ONCE):
        rows = np.arange(first, min(first + ROWS_AT_ONCE, number))
        inputs = [modality.whole(rows) for modality in modalities]
        present = np.stack([modality.present[rows] for modality in modalities], 1)
        points[rows] = _mapped(head, inputs, present, device=device)
    return points


def _mapped(head: Head, inputs: list[F32], present: Bool, *, device: str) -> F32:
    with torch.no_grad():
        tensors: list[Tensor] = [torch.from_numpy(values).to(device) for values in inputs]
        points, _ = head(tensors, torch.from_numpy(present.astype(np.float32)).to(device))
        return np.asarray(points.float().cpu().numpy(), np.float32)


def _variance(
    head: Head, views: Views, lengths: I64, config: RefineConfig, *, rng: np.random.Generator, device: str
) -> F32:
    """Squared distance (N,) to expect between a contig's point and its genome's centre, from its length.

    Half the squared distance of two stretches of one contig that do not overlap, as a + b / bp with a, b >= 0.
    """
    first, second, bp = views.halves(ERROR_PAIRS, config.shortest, rng)
    if len(bp) < FEWEST_PAIRS:
        return np.full(len(lengths), LEAST_VARIANCE, np.float32)
    points = [
        _mapped(head, list(views.drawn(spans, rng)), views.present[spans.row], device=device)
        for spans in (first, second)
    ]
    level, slope = _error_law(((points[0] - points[1]) ** 2).sum(1) / 2, bp)
    logger.info(
        "points of 1,000 bp err by %.2f, of 10,000 bp by %.2f", *np.sqrt(level + slope / np.array([1000, 10_000]))
    )
    return np.maximum(level + slope / np.maximum(lengths, 1), LEAST_VARIANCE).astype(np.float32)


def _error_law(squares: F64 | F32, bp: F64) -> tuple[float, float]:
    """The a, b >= 0 of a + b / bp that are nearest to the squares (n,); relative errors count alike (two rounds)."""
    from scipy.optimize import nnls

    weight = np.ones(len(bp))
    level = slope = 0.0
    for _ in range(2):
        level, slope = nnls(np.column_stack([np.ones(len(bp)), 1 / bp]) * weight[:, None], squares * weight)[0]
        weight = 1 / np.maximum(level + slope / bp, LEAST_VARIANCE)
    return float(level), float(slope)
