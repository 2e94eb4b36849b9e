"""What a clusterer is given."""

from __future__ import annotations

from dataclasses import dataclass

from binner.clusterers._apart import Apart
from binner.data import F32, I32, I64
from binner.likelihood import Gaussians


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """N contigs in one metric: their neighbours and communities as points, and what is known of them as Gaussians."""

    neighbours: I64  # (N, k), nearest first
    distances: F32  # (N, k), squared
    communities: dict[float, I32]  # Leiden's at each resolution, coarse to fine
    gaussians: Gaussians
    lengths: I64  # (N,), bp
    least_bp: int  # bp of a cluster that draws contigs
    apart: Apart | None = None  # homologs, if they are known
