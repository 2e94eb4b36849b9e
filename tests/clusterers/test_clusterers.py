"""What every clusterer must hold to; each entry of the registry goes through all of it."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from binner.clusterers import CLUSTERERS, EVERY_METRIC, RESOLUTIONS, propose
from binner.clusterers._scene import Scene
from binner.clusterers.merge import agglomerate
from binner.clusterers.reassign import reassign
from binner.communities import leiden
from binner.data import I64, UNSEEN, Coverage, Embedding, Refined
from binner.graph import graph_of, nearest
from binner.likelihood import Gaussians, Pooled
from binner.select import choose
from binner.space import depths

GENOMES = 8


def genome_of(number: int) -> I64:
    return np.arange(number) % GENOMES


def embedding_of(number: int, seed: int = 0) -> Embedding:
    """Contigs of eight genomes, each with the error that its length gives it."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 3, (GENOMES, 12))
    variance = np.repeat(6000 / rng.integers(1000, 30_000, number)[:, None], 12, 1)
    matrix = means[genome_of(number)] + rng.normal(size=(number, 12)) * np.sqrt(variance)
    prior = np.full(12, 9, np.float32)
    return Embedding(matrix.astype(np.float32), variance.astype(np.float32), prior, "none", "names")


def lengths_of(embedding: Embedding) -> I64:
    return (6000 / embedding.variance[:, 0]).astype(np.int64)


def scene_of(embedding: Embedding) -> Scene:
    neighbours, distances = nearest(embedding.matrix, 15)
    graph = graph_of(neighbours, distances)
    (cuts,) = leiden([graph], RESOLUTIONS, seed=1, processes=1)
    model = Gaussians(embedding.matrix, embedding.variance, embedding.prior)
    communities = dict(zip(RESOLUTIONS, cuts, strict=True))
    return Scene(neighbours, distances, communities, model, lengths_of(embedding), 50_000)


@pytest.mark.parametrize("name", sorted(CLUSTERERS))
def test_finds_genomes_that_lie_apart(name: str) -> None:
    partitions = dict(CLUSTERERS[name](scene_of(embedding_of(400))))
    for labels in partitions.values():
        assert labels.dtype == np.int32
        assert labels.shape == (400,)
        assert labels.min() >= -1
    assert max(adjusted_rand_score(genome_of(400), labels) for labels in partitions.values()) > 0.95


@pytest.mark.parametrize("name", sorted(CLUSTERERS))
@pytest.mark.parametrize("number", [2, 3, 10])
def test_works_on_a_few_contigs(name: str, number: int) -> None:
    for _, labels in CLUSTERERS[name](scene_of(embedding_of(number))):
        assert labels.shape == (number,)


@pytest.mark.parametrize("number", [0, 1, 2, 10])
def test_propose_works_on_a_few_contigs(number: int) -> None:
    embedding = embedding_of(number)
    for found in propose(embedding, None, lengths_of(embedding), seed=1):
        assert found.labels.shape == (number,)


def coverage_of(number: int, samples: int, seed: int = 0) -> Coverage:
    depth = np.random.default_rng(seed).uniform(1, 30, (GENOMES, samples))[genome_of(number)].astype(np.float32)
    return Coverage(tuple(f"s{i}" for i in range(samples)), depth, depth, "names")


@pytest.mark.parametrize("samples", [0, 1, 3, 50])
def test_propose_takes_any_number_of_samples(samples: int) -> None:
    embedding = embedding_of(300)
    lengths = lengths_of(embedding)
    depth = depths(coverage_of(300, samples), embedding, lengths) if samples else None
    found = propose(embedding, depth, lengths, seed=1)
    assert len({clustering.method for clustering in found}) == len(found)
    by = [clustering.method.split(": ")[1].split(",")[0] for clustering in found]
    assert set(by) == set(CLUSTERERS)
    assert [clustering.votes for clustering in found] == [name in EVERY_METRIC for name in by]
    assert max(adjusted_rand_score(genome_of(300), clustering.labels) for clustering in found) > 0.95


def test_the_same_seed_gives_the_same_partitions_whatever_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    embedding = embedding_of(300)
    one = propose(embedding, None, lengths_of(embedding), seed=3)
    monkeypatch.setattr("binner.communities.MANY_EDGES", 1)
    two = propose(embedding, None, lengths_of(embedding), seed=3, threads=2)
    for a, b in zip(one, two, strict=True):
        np.testing.assert_array_equal(a.labels, b.labels)


def test_contigs_that_were_not_seen_draw_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are as those in no cluster: clusters of two genomes of eight are the only ones that say where they lie."""
    monkeypatch.setattr("binner.clusterers.reassign.ROUNDS", 1)
    embedding, genome = embedding_of(160), genome_of(160)
    model = Gaussians(embedding.matrix, embedding.variance, embedding.prior)
    one, other = (
        reassign(np.where(genome < 2, genome, none).astype(np.int32), model, lengths_of(embedding), least_bp=1)
        for none in (-1, UNSEEN)
    )
    np.testing.assert_array_equal(one, other)


def test_agglomeration_makes_room_for_the_merges_that_there_can_be() -> None:
    """Of 3,000 clusters the 1,000 largest take part: a third more of what is known of clusters, not as much again."""
    rng = np.random.default_rng(0)
    pooled = Pooled(rng.normal(size=(3000, 64)), rng.random((3000, 64)))
    tracemalloc.start()
    merges = agglomerate(pooled, np.ones(64, np.float32), down_to=1e9)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert merges == []
    assert peak < 6.4 * pooled.weighted.nbytes


def test_contigs_of_which_nothing_is_known_are_in_no_cluster() -> None:
    embedding = embedding_of(100)
    matrix = embedding.matrix.copy()
    matrix[[3, 50]] = 0  # nothing but N
    for clustering in propose(replace(embedding, matrix=matrix), None, lengths_of(embedding), seed=1):
        assert (clustering.labels[[3, 50]] == -1).all()


def test_refined_points_are_one_more_metric() -> None:
    embedding = embedding_of(200)
    unit = embedding.matrix / np.linalg.norm(embedding.matrix, axis=1, keepdims=True)
    refined = Refined(unit, np.full(200, 0.1, np.float32))
    plain = propose(embedding, None, lengths_of(embedding), seed=1)
    more = propose(embedding, None, lengths_of(embedding), seed=1, refined=refined)
    added = {clustering.method for clustering in more} - {clustering.method for clustering in plain}
    assert added
    assert all(method.startswith("refined: ") for method in added)
    alone = propose(embedding, None, lengths_of(embedding), seed=1, metrics=(), refined=refined)
    assert {clustering.method for clustering in alone} == added
    for clustering in alone:
        (same,) = [other for other in more if other.method == clustering.method]
        np.testing.assert_array_equal(clustering.labels, same.labels)


def apart(sizes: list[int]) -> Embedding:
    """So many long contigs of each of some genomes, which lie far apart."""
    rng = np.random.default_rng(1)
    genome = np.repeat(np.arange(len(sizes)), sizes)
    variance = np.full((len(genome), 12), 0.01, np.float32)
    matrix = rng.normal(0, 3, (len(sizes), 12))[genome] + rng.normal(0, 0.1, (len(genome), 12))
    return Embedding(matrix.astype(np.float32), variance, np.full(12, 9, np.float32), "none", "names")


@pytest.mark.parametrize("sizes", [[1, 1], [1, 2], [1, 3], [1, 5], [2, 2], [1, 3, 2], [2, 3, 4, 6], [1, 6, 2, 4]])
def test_genomes_of_few_long_contigs_are_candidates_that_votes_hold(sizes: list[int]) -> None:
    """Communities of so few contigs are all of them, or each alone, which holds every contig and no genome."""
    embedding = apart(sizes)
    lengths = np.repeat(3_000_000 // np.array(sizes), sizes)
    found = propose(embedding, None, lengths, seed=1)
    assert {each.method.split(": ")[1].split(",")[0] for each in found if each.votes} == {"merge"}
    genome = np.repeat(np.arange(len(sizes)), sizes)
    bins = choose(found, lengths, markers=None, min_bin_size=200_000)
    right = {tuple(np.flatnonzero(genome == number)) for number in range(len(sizes)) if sizes[number] > 1}
    assert right <= {tuple(each.rows) for each in bins}


def test_a_contig_that_holds_most_of_a_genome_looks_for_no_neighbours() -> None:
    """Alone of its genome, what is nearest to it is another genome, which would have it in every community."""
    embedding = embedding_of(160)
    stranger = embedding.matrix[genome_of(160) == 0].mean(0) + 2
    matrix = np.concatenate([embedding.matrix, stranger[None]]).astype(np.float32)
    variance = np.concatenate([embedding.variance, embedding.variance.min(0, keepdims=True)])
    embedding, lengths = replace(embedding, matrix=matrix, variance=variance), np.full(161, 20_000)
    lengths[160] = 3_000_000
    joined = []
    for complete in (None, np.array([160])):
        found = propose(embedding, None, lengths, seed=1, complete=complete)
        leiden_only = [each.labels for each in found if ": leiden" in each.method]
        joined.append(sum((labels[:160] == labels[160]).any() for labels in leiden_only) / len(leiden_only))
        own = [each for each in found if each.method == "contigs that hold most of a genome"]
        assert [(np.flatnonzero(each.labels >= 0).tolist(), each.votes) for each in own] == [
            ([160], False) for _ in complete or ()
        ]
    assert joined[0] > 0.5 and joined[1] == 0
