"""The judge: what it takes, what it leaves and why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.simulate import simulate
from binner.data import F32, UNSEEN, Bin, Clustering, Homologs, Markers
from binner.select import FREE_SHARE, HOMOLOG_WEIGHT, choose, scorer, shares
from binner.space import Depths
from tests.test_votes import partition, random_partitions

Labels = npt.ArrayLike
Chosen = tuple[list[Bin], F32]


def pick(clusterings: Sequence[Clustering], lengths: Labels, **options: Any) -> Chosen:
    """The bins, and of each contig the share of the votes for it."""
    bp = np.asarray(lengths, np.int64)
    bins = choose(clusterings, bp, **{"markers": None, "min_bin_size": 1} | options)
    return bins, shares(bins, clusterings, bp)


def rows_of(bins: Sequence[Bin]) -> list[list[int]]:
    return [found.rows.tolist() for found in bins]


def markers_of(genes: str, counts: npt.ArrayLike) -> Markers:
    table = np.asarray(counts, np.uint8)
    return Markers(tuple(genes.split()), table, np.zeros_like(table), "names")


def test_agreement_wins() -> None:
    """Three partitions see contigs 0-3 as one genome, a fourth splits them."""
    bins, probability = pick(
        [*[partition([0, 0, 0, 0, 1, 1])] * 3, partition([0, 0, 1, 1, 2, 2])], [10, 10, 10, 10, 10, 10]
    )
    assert rows_of(bins) == [[0, 1, 2, 3], [4, 5]]
    assert [found.size for found in bins] == [40, 20]
    assert [found.score for found in bins] == pytest.approx([1, 1])
    np.testing.assert_array_equal(probability, 1)


def test_who_has_not_seen_a_contig_does_not_vote_on_it() -> None:
    """Two of three were not given contig 2; without that they would be against it."""
    seen, unseen = partition([0, 0, 0, 1]), partition([0, 0, UNSEEN, 1])
    lengths = [10, 10, 9, 10]
    bins, probability = pick([seen, unseen, unseen], lengths, min_bin_size=15)
    assert rows_of(bins) == [[0, 1, 2]]
    assert bins[0].score == pytest.approx(1)
    np.testing.assert_array_equal(probability, [1, 1, 1, 0])
    against, _ = pick([seen, *[partition([0, 0, -1, 1])] * 2], lengths, min_bin_size=15)
    assert rows_of(against) == [[0, 1]]


def test_clusters_that_lose_contigs_are_scored_again() -> None:
    """The best takes contig 3 from its rival, which is worth less then than a third that was behind it."""
    first = partition([0, 0, 0, 0, -1, -1, -1, -1])
    rival = partition([-1, -1, -1, 0, 0, 0, 1, -1], votes=False)
    third = partition([-1, -1, -1, -1, 0, 0, 0, 1])
    bins, _ = pick([first, first, rival, third, third], [10, 10, 10, 60, 10, 10, 10, 10], min_bin_size=20)
    assert rows_of(bins) == [[0, 1, 2, 3], [4, 5, 6]]
    alone, _ = pick([first, first, rival], [10, 10, 10, 60, 10, 10, 10, 10], min_bin_size=20)
    assert rows_of(alone) == [[0, 1, 2, 3], [4, 5]], "what the best left of it is large enough"
    assert alone[1].score == 0, "no vote has seen these contigs"
    less, _ = pick([first, first, rival], [10, 10, 10, 60, 10, 10, 10, 10], min_bin_size=21)
    assert rows_of(less) == [[0, 1, 2, 3]]


def test_homologs_in_one_bin_speak_against_it() -> None:
    """Two relatives that most partitions join, and one takes apart."""
    partitions = [*[partition([0] * 8)] * 3, partition([0, 0, 0, 0, 1, 1, 1, 1])]
    lengths = np.full(8, 10_000)
    homologs = Homologs(np.array([[0, 4], [0, 5], [1, 5]]), np.array([8000, 1000, 9000]), "names")
    assert rows_of(pick(partitions, lengths)[0]) == [list(range(8))]
    assert rows_of(pick(partitions, lengths, homologs=homologs)[0]) == [[0, 1, 2, 3], [4, 5, 6, 7]]
    # As much of a contig as there is: 9, 9, 8 and 10 kb of the 80 have a homolog
    whole, half = scorer(partitions, lengths, None, homologs)([np.arange(8), np.arange(4)])
    plain = scorer(partitions, lengths, None, None)([np.arange(8), np.arange(4)])
    assert whole == pytest.approx(plain[0] - HOMOLOG_WEIGHT * (36 / 80 - FREE_SHARE))
    assert half == pytest.approx(plain[1])


def test_a_few_homologs_in_a_bin_cost_nothing() -> None:
    partitions = [partition([0] * 8)] * 2
    homologs = Homologs(np.array([[0, 1]]), np.array([1000]), "names")
    assert pick(partitions, np.full(8, 10_000), homologs=homologs)[0][0].score == pytest.approx(1)


@pytest.mark.parametrize(("least", "expected"), [(30, [[0, 1], [2, 3]]), (31, [[0, 1]]), (41, []), (0, None)])
def test_bins_below_the_least_size_are_none(least: int, expected: list[list[int]] | None) -> None:
    bins, probability = pick([partition([0, 0, 1, 1, 2])], [20, 20, 10, 20, 5], min_bin_size=least)
    assert rows_of(bins) == ([[0, 1], [2, 3], [4]] if expected is None else expected)
    binned = np.isin(np.arange(5), [row for found in bins for row in found.rows])
    np.testing.assert_array_equal(probability, binned.astype(float))


@pytest.mark.parametrize("seed", range(4))
def test_bins_are_disjoint_large_enough_and_sorted(seed: int) -> None:
    clusterings, lengths = random_partitions(seed)
    bins, probability = pick(clusterings, lengths, min_bin_size=60_000)
    held = np.concatenate([found.rows for found in bins])
    assert len(set(held.tolist())) == len(held)
    sizes = [found.size for found in bins]
    assert sizes == sorted(sizes, reverse=True)
    assert min(sizes) >= 60_000
    for found in bins:
        assert found.size == lengths[found.rows].sum()
        assert (np.diff(found.rows) > 0).all()
    assert probability.dtype == np.float32
    assert probability.min() >= 0
    assert probability.max() <= 1
    assert (np.delete(probability, held) == 0).all()


def test_bins_of_one_size_come_in_the_order_of_their_contigs() -> None:
    bins, _ = pick([partition([2, 1, 0, 0, 1, 2])], [10] * 6)
    assert rows_of(bins) == [[0, 5], [1, 4], [2, 3]]


def test_the_probability_is_the_share_of_the_votes_that_count() -> None:
    """Of four votes the two that agree best with the bin count: one has contig 3 in it and one has not."""
    voters = [partition([0, 0, 0, 0]), partition([0, 0, 0, 1]), partition([0, 0, 1, 1]), partition([0, 1, 2, 3])]
    bins, probability = pick(voters, [40, 40, 40, 5], min_bin_size=125)
    assert rows_of(bins) == [[0, 1, 2, 3]]
    np.testing.assert_allclose(probability, [1, 1, 1, 0.5])
    assert bins[0].score == pytest.approx((1 + 120 / 125) / 2)


def test_of_five_votes_two_do_not_win_over_three() -> None:
    """Two join two genomes, three have them apart; of half a vote each nothing is won either."""
    joined, apart = partition([0] * 4), partition([0, 0, 1, 1])
    assert rows_of(pick([joined] * 2 + [apart] * 3, [10] * 4)[0]) == [[0, 1], [2, 3]]
    bins, share = pick([joined, partition([-1] * 4)], [10] * 4)
    assert rows_of(bins) == [[0, 1, 2, 3]], "nobody's favourite, so nothing leaves it"
    assert bins[0].score == 0.5
    assert share.tolist() == [0.5] * 4


def test_partitions_without_a_vote_propose_only() -> None:
    voters = [partition([0, 0, 0, 1, 1, 1])] * 2
    silent = [partition([0, 0, 1, 1, 2, 2], votes=False)] * 9
    lengths = [10] * 6
    assert rows_of(pick([*voters, *silent], lengths)[0]) == [[0, 1, 2], [3, 4, 5]]
    proposed = [partition([0, 0, 0, -1, -1, -1]), partition([-1, -1, -1, 0, 0, 1], votes=False)]
    bins, _ = pick(proposed, lengths)
    assert rows_of(bins) == [[0, 1, 2], [3, 4], [5]]
    assert bins[0].score > bins[1].score


def test_without_any_vote_markers_decide() -> None:
    silent = [partition([0, 0, 1, 1], votes=False), partition([0, 1, 0, 1], votes=False)]
    markers = markers_of("universal:a universal:b", [[1, 0], [1, 0], [0, 1], [0, 1]])
    bins, probability = pick(silent, [10] * 4, markers=markers)
    assert rows_of(bins) == [[0, 2], [1, 3]]
    assert [found.score for found in bins] == pytest.approx([1, 1])
    assert (probability == 0).all()


TIED = [partition([0, 0, 1, 1]), partition([0, 1, 0, 1])]  # two votes, one for each way to pair four contigs


def test_markers_decide_where_the_partitions_agree_alike() -> None:
    lengths = [10] * 4
    assert rows_of(pick(TIED, lengths)[0])[0] == [0, 1], "the first one, with nothing to go by"
    markers = markers_of("universal:a universal:b", [[1, 0], [1, 0], [0, 1], [0, 1]])
    assert rows_of(pick(TIED, lengths, markers=markers)[0]) == [[0, 2], [1, 3]]


def test_a_gene_too_often_counts_against_a_bin() -> None:
    """Joined they have every gene, most of them twice; apart each is nearly whole."""
    joined, apart = partition([0, 0]), partition([0, 1])
    counts = [[1, 1, 1, 0], [1, 1, 0, 1]]
    bins, _ = pick(
        [joined, apart], [10, 10], markers=markers_of("universal:a universal:b universal:c universal:d", counts)
    )
    assert rows_of(bins) == [[0], [1]]
    scores = [found.score - 0.75 for found in bins]  # one vote agrees, one by half
    assert scores == pytest.approx([0.75, 0.75])
    (together,), _ = pick(
        [joined], [10, 10], markers=markers_of("universal:a universal:b universal:c universal:d", counts)
    )
    assert together.score - 1 == pytest.approx((4 - 2) / 4)


def test_each_domain_has_its_own_genes() -> None:
    """A bacterium is not blamed for the archaeal genes that it lacks, nor the other way round."""
    genes = "universal:u bacteria:a bacteria:b archaea:a archaea:b archaea:c"
    counts = [[1, 1, 1, 0, 0, 0], [1, 0, 0, 1, 1, 1], [1, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]]
    bins, _ = pick([partition([0, 1, 2, 3])], [40, 30, 20, 10], markers=markers_of(genes, counts))
    assert [found.score - 1 for found in bins] == pytest.approx([1, 1, 2 / 3, 0])
    bins, _ = pick([partition([0, 1, 2, 3])], [40, 30, 20, 10], markers=markers_of("universal:u", [[1], [1], [2], [0]]))
    assert [found.score - 1 for found in bins] == pytest.approx([1, 1, 0, 0])


@pytest.mark.parametrize("contigs", [0, 1, 3])
def test_without_partitions_there_are_no_bins(contigs: int) -> None:
    bins, probability = pick([], [1000] * contigs)
    assert bins == []
    np.testing.assert_array_equal(probability, np.zeros(contigs))


@pytest.mark.parametrize("votes", [True, False])
def test_without_contigs_there_are_no_bins(votes: bool) -> None:
    bins, probability = pick([partition([], votes=votes)] * 3, [], markers=markers_of("universal:a", np.zeros((0, 1))))
    assert bins == []
    assert probability.shape == (0,)


def test_one_contig() -> None:
    bins, probability = pick([partition([0])], [500_000], min_bin_size=200_000)
    assert rows_of(bins) == [[0]]
    assert probability.tolist() == [1]
    assert pick([partition([-1])], [500_000])[0] == []
    assert pick([partition([0])], [500_000], min_bin_size=500_001)[0] == []


def as_sets(bins: Sequence[Bin], names: npt.NDArray[np.int64]) -> dict[frozenset[int], float]:
    return {frozenset(names[found.rows].tolist()): round(found.score, 9) for found in bins}


@pytest.mark.parametrize("seed", range(4))
def test_neither_the_order_of_partitions_nor_of_contigs_nor_the_labels_matter(seed: int) -> None:
    clusterings, lengths = random_partitions(seed)  # two votes that count would tie: a Jaccard index is mutual
    rng = np.random.default_rng(seed)
    counts = (rng.random((60, 8)) < 0.1).astype(np.uint8)
    genes = " ".join(f"{kind}:{gene}" for kind in ("universal", "bacteria") for gene in "abcd")
    own = np.arange(60)
    bins, probability = pick(clusterings, lengths, markers=markers_of(genes, counts))
    expected = as_sets(bins, own)
    turned, same = pick(clusterings[::-1], lengths, markers=markers_of(genes, counts))
    assert as_sets(turned, own) == expected
    np.testing.assert_allclose(same, probability)
    order = rng.permutation(60)
    relabelled = []
    for clustering in clusterings:
        names = rng.permutation(clustering.labels.max() + 3)
        labels = np.where(clustering.labels >= 0, names[clustering.labels], -1)[order]
        relabelled.append(partition(labels, votes=clustering.votes))
    permuted, moved = pick(relabelled, lengths[order], markers=markers_of(genes, counts[order]))
    assert as_sets(permuted, order) == expected
    np.testing.assert_allclose(moved, probability[order])


def test_genomes_of_a_metagenome_are_taken_from_the_partitions_that_show_them() -> None:
    """Each partition has one genome right and joins or cuts the others; the judge finds all of them."""
    made = simulate(species=4, genome_bp=(60_000, 80_000), samples=1, related=False)
    genome, lengths = made.genome, made.contigs.lengths
    rng = np.random.default_rng(1)
    clusterings = []
    for right in range(4):
        joined = np.where(genome == right, 0, 1)
        cut = np.where(genome == right, 0, 1 + genome * 3 + rng.integers(0, 3, len(genome)))
        clusterings += [partition(joined), partition(cut)]
    bins = choose(clusterings, lengths, markers=None, min_bin_size=20_000)
    assert {frozenset(found.rows.tolist()) for found in bins} == {
        frozenset(np.flatnonzero(genome == number).tolist()) for number in range(4)
    }


def test_what_does_not_fit_leaves_a_bin_and_is_free() -> None:
    """Contig 2 has a hundredth of the depth of the others; it is too small for a bin of its own, or a bin."""
    lengths = np.array([100, 100, 10, 100, 100])
    size = np.array([3.0, 3.0, -1.6, 3.0, 3.0])
    depth = Depths(size, np.zeros((5, 0)), np.zeros(5), np.zeros(5), 0.1, 0.01, (0.0, 0.0), np.ones(5, bool))
    bins, probability = pick([partition([0] * 5)], lengths, min_bin_size=50, depth=depth)
    assert rows_of(bins) == [[0, 1, 3, 4]]
    assert bins[0].size == 400
    assert probability.tolist() == [1, 1, 0, 1, 1]
    bins, _ = pick([partition([0] * 5)], lengths, depth=depth)
    assert rows_of(bins) == [[0, 1, 3, 4]]
    whole, _ = pick([partition([0] * 5)], lengths, min_bin_size=401, depth=depth)
    assert rows_of(whole) == [[0, 1, 2, 3, 4]], "a bin is not trimmed to below the least size"
