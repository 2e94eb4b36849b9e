"""Clusters taken apart where marker genes say that they are several genomes, and put together where they are halves."""

from __future__ import annotations

import numpy as np
import pytest

from binner.candidates import SOURCES, merge, more, split
from binner.candidates.split import seeds
from binner.data import F32, F64, I64, UNSEEN
from binner.likelihood import log_evidence
from tests.candidates.cases import GENES, given, groups, partition


def three_genomes() -> I64:
    return np.arange(120) % 3


def test_a_cluster_of_several_genomes_is_taken_apart() -> None:
    genome = three_genomes()
    (labels,) = split.propose(given(genome, [partition(np.zeros(120))]))
    assert groups(labels) == groups(genome)


def test_a_cluster_of_one_genome_stays_whole() -> None:
    genome = three_genomes()
    (labels,) = split.propose(given(genome, [partition(genome)]))
    assert (labels == -1).all()
    (both,) = split.propose(given(genome, [partition(np.where(genome == 2, 1, 0))]))
    assert groups(both) == groups(np.where(genome == 2, -1, genome))


def test_without_markers_nothing_is_taken_apart() -> None:
    assert list(split.propose(given(three_genomes(), [partition(np.zeros(120))], markers=None))) == []


def test_seeds_are_the_contigs_of_one_gene_in_as_many_copies_as_there_are_genomes() -> None:
    counts = np.zeros((8, 5), np.uint8)
    counts[[0, 1], 0] = counts[[2, 3], 1] = counts[[4, 5], 2] = 1  # two genomes by three genes
    counts[6, 3] = 2  # a repeat
    lengths = np.array([9, 1, 5, 4, 9, 3, 9, 9])
    assert seeds(counts, lengths).tolist() == [2, 3], "the shortest contig of gene 1 is longest"
    assert seeds(counts[:, :2], lengths).tolist() == [], "two genes in two copies may be its own"
    assert seeds(np.zeros((8, 5), np.uint8), lengths).tolist() == []
    assert seeds(np.full((8, 5), 2, np.uint8), lengths).tolist() == [], "every copy lies beside another"
    assert seeds(np.ones((40, 5), np.uint8), np.ones(40, np.int64)).tolist() == [], "too many to tell apart"


def test_halves_are_put_together() -> None:
    """Each genome is cut in two; its markers lie in one half or the other, each once."""
    genome = three_genomes()
    half = 2 * genome + (np.arange(120) // 3 % 2)
    (labels,) = merge.propose(given(genome, [partition(half)]))
    assert groups(labels) == groups(genome)


def test_each_half_is_compared_with_the_nearest_only(monkeypatch: pytest.MonkeyPatch) -> None:
    genome = three_genomes()
    data = given(genome, [partition(2 * genome + (np.arange(120) // 3 % 2))])
    looked_at: list[int] = []

    def counting(weighted: F64, precision: F64, prior: F32) -> F64:
        looked_at.append(len(weighted))
        return log_evidence(weighted, precision, prior)

    monkeypatch.setattr(merge, "log_evidence", counting)
    monkeypatch.setattr(merge, "NEAREST", 2)
    (labels,) = merge.propose(data)
    assert groups(labels) == groups(genome)
    assert looked_at == [6, *[2] * 6]


def test_contigs_that_a_partition_has_not_seen_join_no_pair() -> None:
    genome = three_genomes()
    half = 2 * genome + (np.arange(120) // 3 % 2)
    seen = np.arange(120) >= 12
    (labels,) = merge.propose(given(genome, [partition(np.where(seen, half, UNSEEN))]))
    assert groups(labels) == groups(np.where(seen, genome, -1))
    (nothing,) = merge.propose(given(genome, [partition(np.full(120, UNSEEN))]))
    assert (nothing == -1).all()


def test_clusters_that_have_the_same_genes_stay_apart() -> None:
    genome = three_genomes()
    half = 2 * genome + (np.arange(120) // 3 % 2)
    near = given(genome, [partition(half)], apart=0.01)  # nothing but markers tells the genomes apart
    counts = np.zeros((120, GENES), np.uint8)
    for cluster in range(6):
        counts[np.flatnonzero(half == cluster)[:4], np.arange(4)] = 1
    assert near.markers is not None
    near.markers.counts[:] = counts
    (labels,) = merge.propose(near)
    assert (labels == -1).all()


def test_only_partitions_that_vote_are_put_together_and_small_clusters_are_not() -> None:
    genome = three_genomes()
    half = partition(2 * genome + (np.arange(120) // 3 % 2), votes=False)
    assert list(merge.propose(given(genome, [half]))) == []
    voting = partition(half.labels)
    (labels,) = merge.propose(given(genome, [voting], least_bp=300_000))
    assert (labels == -1).all()


@pytest.mark.parametrize("name", sorted(SOURCES))
@pytest.mark.parametrize("markers", [True, False])
def test_what_every_source_holds_to(name: str, markers: bool) -> None:
    genome = three_genomes()
    data = given(genome, [partition(genome // 2), partition(np.full(120, -1)), partition(genome)])
    if not markers:
        data = given(genome, data.clusterings, markers=None)
    found = more([name], data)
    assert len({clustering.labels.tobytes() for clustering in found}) == len(found)
    for clustering in found:
        assert clustering.labels.shape == (120,)
        assert not clustering.votes
        assert clustering.method.startswith(name)
        assert (clustering.labels >= 0).any()
        assert not any((clustering.labels == known.labels).all() for known in data.clusterings)
