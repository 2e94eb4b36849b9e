"""Communities improved by the likelihood: every contig goes to the cluster under which it is most likely.

Homologs, which are of two genomes, go to two clusters as far as the likelihood allows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from binner.clusterers._apart import Apart
from binner.clusterers._scene import Scene
from binner.data import I32, I64
from binner.likelihood import Gaussians, most_likely, pool

TEMPER = 0.3  # on the likelihood; 0.15 to 0.4 do as well (docs/experiments.md)
ROUNDS = 3


def cluster(scene: Scene) -> Iterator[tuple[str, I32]]:
    """Leiden's communities, reassigned."""
    for resolution, labels in scene.communities.items():
        better = reassign(labels, scene.gaussians, scene.lengths, least_bp=scene.least_bp, apart=scene.apart)
        yield f"resolution {resolution:.2g}", better


def reassign(labels: I32, gaussians: Gaussians, lengths: I64, *, least_bp: int, apart: Apart | None = None) -> I32:
    """Give each contig to the most likely of the clusters of `least_bp` and more, three times over (hard EM).

    Where there is no such cluster the labels come back as they are.
    """
    for _ in range(ROUNDS):
        sizes = np.bincount(labels[labels >= 0], lengths[labels >= 0], labels.max(initial=-1) + 1)
        large = np.flatnonzero(sizes >= least_bp)
        if not len(large):
            return labels
        kept = np.full(len(sizes), -1, np.int32)
        kept[large] = np.arange(len(large))
        of = np.where(labels >= 0, kept[np.maximum(labels, 0)], -1)
        pooled = pool(gaussians, of, len(large), temper=TEMPER)
        posterior = pooled.posterior(gaussians.prior)
        likely = most_likely(gaussians, *posterior, temper=TEMPER)
        if apart is not None:
            apart.keep(likely, gaussians, posterior, temper=TEMPER)
        labels = likely.astype(np.int32)
    return labels
