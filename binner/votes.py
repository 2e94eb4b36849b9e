"""What partitions of the contigs say of a cluster: its best match in each, of which those that agree most count."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit

from binner.data import F32, F64, I32, I64, UNSEEN, Clustering

MEETS_NOTHING = -3  # in place of the label of a match: the vote counts, and shares nothing with the cluster


def votes_that_count(partitions: int) -> int:
    """How many of the partitions have a say of a cluster: half of them, rounded up, and two at least where there are.

    They are those that agree most with it: a genome need not show in every metric.
    """
    return max(-(-partitions // 2), min(partitions, 2))


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """The best matches of C clusters in P partitions."""

    jaccard: F64  # (C, P), by bp
    label: I32  # (C, P), of the match, or MEETS_NOTHING; -1 where the vote does not count
    agreement: F64  # (C,), mean Jaccard index of the votes that count; 0 without votes


@dataclass(frozen=True, slots=True, eq=False)
class Votes:
    """The partitions that vote, P of them, laid out for numba."""

    labels: I32  # (P, N), -1 = in no cluster, UNSEEN = unknown to the partition
    sizes: F64  # bp of each cluster, partition after partition
    offsets: I64  # (P + 1,), where each partition's clusters start in `sizes`
    lengths: F64  # (N,), bp
    room: F64  # as long as `sizes`, 0 between two calls: what numba works with

    @classmethod
    def of(cls, clusterings: Sequence[Clustering], lengths: I64) -> Self:
        """Those of `clusterings` that vote, on contigs of these lengths (N,), bp."""
        weight = lengths.astype(np.float64)
        voters = [clustering.labels for clustering in clusterings if clustering.votes]
        labels = np.array(voters, np.int32).reshape(len(voters), len(lengths))
        sizes = [np.bincount(row[row >= 0], weight[row >= 0]) for row in labels]
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum([len(size) for size in sizes])]).astype(np.int64)
        return cls(labels, np.concatenate([np.zeros(0), *sizes]), offsets, weight, np.zeros(offsets[-1]))

    def matches(self, rows: I64, starts: I64) -> Matches:
        """Of the clusters rows[starts[i]:starts[i + 1]], C of them."""
        jaccard, label = _best_matches(rows, starts, self.labels, self.sizes, self.offsets, self.lengths, self.room)
        counting = max(votes_that_count(len(self.labels)), 1)
        rank = np.argsort(np.argsort(-jaccard, axis=1, kind="stable"), axis=1)
        label[rank >= counting] = -1
        return Matches(jaccard, label, np.sort(jaccard, axis=1)[:, -counting:].sum(1) / counting)

    def share(self, rows: I64) -> F32:
        """Share of the votes that count whose best match of a cluster holds each of its contigs, (len(rows),).

        Of votes that know the contig: 0 if none does.
        """
        label = self.matches(rows, np.array([0, len(rows)])).label[0]
        voters = np.flatnonzero(label != -1)
        own = self.labels[voters[:, None], rows]
        held = own == label[voters][:, None]
        share: F32 = held.sum(0, dtype=np.float32) / np.maximum((own != UNSEEN).sum(0, dtype=np.float32), 1)
        return share


@njit(nogil=True, cache=True)
def _best_matches(
    rows: I64, starts: I64, labels: I32, sizes: F64, offsets: I64, lengths: F64, shared: F64
) -> tuple[F64, I32]:
    """What `Votes.matches` says, but for which of them count.

    `shared` holds the bp that a cluster shares with each of a partition's clusters; it comes and goes as zeros.
    """
    clusters, partitions = len(starts) - 1, len(labels)
    best = np.zeros((clusters, partitions))
    match = np.full((clusters, partitions), MEETS_NOTHING, np.int32)
    for cluster in range(clusters):
        members = rows[starts[cluster] : starts[cluster + 1]]
        for partition in range(partitions):
            offset = offsets[partition]
            size = 0.0  # of the cluster, as far as this partition knows of it
            for row in members:
                label = labels[partition, row]
                if label != UNSEEN:
                    size += lengths[row]
                if label >= 0:
                    shared[offset + label] += lengths[row]
            for row in members:
                label = labels[partition, row]
                if label >= 0 and shared[offset + label] > 0:
                    overlap = shared[offset + label]
                    jaccard = overlap / (size + sizes[offset + label] - overlap)
                    if jaccard > best[cluster, partition]:
                        best[cluster, partition] = jaccard
                        match[cluster, partition] = label
                    shared[offset + label] = 0
    return best, match
