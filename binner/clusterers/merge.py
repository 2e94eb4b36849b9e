"""Agglomeration by the likelihood: fine communities merge as long as one genome explains them better than two."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

import numpy as np

from binner.clusterers._scene import Scene
from binner.data import F32, I32, I64, Bool
from binner.likelihood import Pooled, log_evidence, pool

TEMPER = 0.4
PARTNERS = 20  # merges that a cluster keeps in view
MOST_CLUSTERS = 1000  # in an agglomeration; beyond it the smallest ones stay alone
GAINS = (30, 0, -30, -100)  # nats: merges below are not made; negative ones go on beyond the best model


def cluster(scene: Scene) -> Iterator[tuple[str, I32]]:
    """Partitions of the agglomeration, cut where the next merge gains less than each of GAINS."""
    fine = scene.communities[max(scene.communities)]
    number = int(fine.max(initial=-1)) + 1
    merges = agglomerate(pool(scene.gaussians, fine, number, temper=TEMPER), scene.gaussians.prior, down_to=min(GAINS))
    for gain in GAINS:
        yield f"gain {gain}", _cut(merges, number, gain)[fine]


def agglomerate(pooled: Pooled, prior: F32, *, down_to: float) -> list[tuple[int, int, float]]:
    """Merges (first, second, gain in nats) of K clusters, the best one first each time; merge i makes cluster K + i."""
    number = min(len(pooled.weighted), MOST_CLUSTERS)
    total = len(pooled.weighted) + number
    weighted, precision = np.zeros((2, total, pooled.weighted.shape[1]))
    weighted[: len(pooled.weighted)], precision[: len(pooled.weighted)] = pooled.weighted, pooled.precision
    evidence = np.zeros(total)
    evidence[: len(pooled.weighted)] = log_evidence(pooled.weighted, pooled.precision, prior)
    alive: Bool = np.zeros(total, bool)
    alive[:number] = True  # communities are numbered by size
    heap: list[tuple[float, int, int]] = []

    def view(cluster: int, others: I64) -> None:
        gain = log_evidence(weighted[cluster] + weighted[others], precision[cluster] + precision[others], prior)
        gain -= evidence[cluster] + evidence[others]
        for other in np.argsort(-gain)[:PARTNERS]:
            if gain[other] >= down_to:
                heapq.heappush(heap, (-gain[other], cluster, int(others[other])))

    for one in range(number):
        view(one, np.arange(one + 1, number))
    merges: list[tuple[int, int, float]] = []
    while heap:
        loss, first, second = heapq.heappop(heap)
        if not (alive[first] and alive[second]):
            continue
        merged = len(pooled.weighted) + len(merges)
        merges.append((first, second, -loss))
        alive[[first, second]] = False
        weighted[merged] = weighted[first] + weighted[second]
        precision[merged] = precision[first] + precision[second]
        evidence[merged] = log_evidence(weighted[merged], precision[merged], prior)
        view(merged, np.flatnonzero(alive))
        alive[merged] = True
    return merges


def _cut(merges: list[tuple[int, int, float]], number: int, gain: float) -> I32:
    """Cluster of each of the first `number` when merges stop before the first that gains less."""
    labels = np.arange(number + len(merges), dtype=np.int32)
    made = next((i for i, merge in enumerate(merges) if merge[2] < gain), len(merges))
    for place in range(made - 1, -1, -1):
        first, second, _ = merges[place]
        labels[[first, second]] = labels[number + place]
    return labels[:number]
