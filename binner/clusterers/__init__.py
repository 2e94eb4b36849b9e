"""Clusterers: what proposes bins. One file each, one line in CLUSTERERS; `binner.select` alone decides."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from binner.clusterers import density, leiden, merge, reassign
from binner.clusterers._apart import Apart
from binner.clusterers._scene import Scene
from binner.communities import leiden as leiden_communities
from binner.data import F32, I32, I64, Clustering, Embedding, Homologs, Progress, Refined, silent
from binner.graph import genomes_expected, graph_of, nearest, neighbours_that_fit
from binner.memory import resident_memory
from binner.space import WITH_COVERAGE, WITHOUT_COVERAGE, Depths, Metric, gaussians, points

logger = logging.getLogger(__name__)

Clusterer = Callable[[Scene], Iterator[tuple[str, I32]]]
CLUSTERERS: dict[str, Clusterer] = {
    "leiden": leiden.cluster,
    "reassign": reassign.cluster,
    "density": density.cluster,
    "merge": merge.cluster,
}
EVERY_METRIC = ("leiden", "reassign")  # and these vote; the others propose in the first metric
WITHOUT_GRAPH = ("merge",)  # what votes where each contig is a neighbour of half of all: it knows no resolution
RESOLUTIONS = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64)  # of the communities, for each genome that is expected
FEWEST_GENOMES = 12  # expected at least: more resolution than few genomes need does no harm
LEAST_BP = 200_000  # bp of a cluster that draws contigs


def propose(
    embedding: Embedding,
    depth: Depths | None,
    lengths: I64,
    *,
    seed: int,
    threads: int = 1,
    memory: int | None = None,
    metrics: Sequence[Metric] | None = None,
    refined: Refined | None = None,
    homologs: Homologs | None = None,
    complete: I64 | None = None,
    progress: Progress = silent,
) -> list[Clustering]:
    """Partitions of the contigs by every clusterer in every metric; contigs of which nothing is known (all N) are -1.

    metrics: None for those that fit. `refined` are the points of the refinement head: one more metric, in whose graph
    contigs that may be off weigh less. `homologs` are kept apart. `complete` are rows of contigs that hold most of a
    genome: such a one is a candidate by itself, and others may be its neighbours, but it looks for none, since what is
    nearest to it is of another genome. `memory` (bytes; None: all that there is) bounds this process and those that it
    starts.
    """
    known = np.flatnonzero(embedding.known)
    if len(known) < 2:
        return [Clustering(_spread(np.zeros(len(known), np.int32), known, len(lengths)), "alone")]
    if metrics is None:
        metrics = WITH_COVERAGE if depth else WITHOUT_COVERAGE
    spaces = [(metric.name, points(embedding, depth, metric)) for metric in metrics]
    errors: list[F32 | None] = [None] * len(spaces)
    if refined is not None:
        spaces.append(("refined", refined.points))
        errors.append(refined.variance[known])
    k = neighbours_that_fit(len(known), int(lengths[known].sum()))
    logger.info("graphs of %d neighbours in %d metrics", k, len(spaces))
    near = [nearest(space[known], k) for _, space in spaces]
    complete = np.zeros(0, np.int64) if complete is None else complete
    genomes = genomes_expected(int(lengths[known].sum()))
    if k < len(known) / genomes:  # else contigs of any genome have strangers among their neighbours
        for row, _ in near:
            row[np.isin(known, complete)] = -1
    progress(1, len(spaces) + 2)
    resolutions = [share * max(FEWEST_GENOMES, genomes) for share in RESOLUTIONS]
    graphs = [graph_of(*pair, error=error) for pair, error in zip(near, errors, strict=True)]
    spare = None if memory is None else memory - resident_memory()
    communities = leiden_communities(graphs, resolutions, seed=seed, processes=threads, memory=spare)
    progress(2, len(spaces) + 2)
    model = gaussians(embedding, depth, lengths).select(known)
    apart = Apart.of(homologs.select(known), len(known)) if homologs is not None else None
    found: list[Clustering] = []
    for place, ((name, _), pair, cuts) in enumerate(zip(spaces, near, communities, strict=True)):
        scene = Scene(*pair, dict(zip(resolutions, cuts, strict=True)), model, lengths[known], LEAST_BP, apart)
        clusterers = EVERY_METRIC if place or not metrics else tuple(CLUSTERERS)
        voters = EVERY_METRIC if 2 * k < len(known) else WITHOUT_GRAPH
        for method, labels, votes in _all(scene, clusterers, voters):
            found.append(Clustering(_spread(labels, known, len(lengths)), f"{name}: {method}", votes))
        progress(place + 3, len(spaces) + 2)
    if len(complete):
        alone = _spread(np.arange(len(complete), dtype=np.int32), complete, len(lengths))
        found.append(Clustering(alone, "contigs that hold most of a genome", votes=False))
    return found


def _all(scene: Scene, clusterers: Sequence[str], voters: Sequence[str]) -> Iterator[tuple[str, I32, bool]]:
    """Method, labels and vote of every partition."""
    for name in clusterers:
        for parameters, labels in CLUSTERERS[name](scene):
            yield f"{name}, {parameters}", labels, name in voters


def _spread(labels: I32, rows: I64, number: int) -> I32:
    """Labels of some rows as labels of all; the others are -1."""
    spread = np.full(number, -1, np.int32)
    spread[rows] = labels
    return spread
