"""What a source of further candidates is given."""

from __future__ import annotations

from dataclasses import dataclass

from binner.data import F32, I64, Bool, Clustering, Homologs, Markers
from binner.likelihood import Gaussians


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """N contigs and what clusterers and stages before them made of them."""

    clusterings: tuple[Clustering, ...]
    spaces: tuple[F32, ...]  # (N, d) each: the contigs as points in every metric
    gaussians: Gaussians
    lengths: I64  # (N,), bp
    markers: Markers | None
    homologs: Homologs | None
    least_bp: int  # of a bin
    known: Bool  # (N,), whether anything is known of the contig: those that were clustered
