"""The best matches of clusters among the votes, against plain sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from binner.data import I32, I64, UNSEEN, Clustering
from binner.votes import MEETS_NOTHING, Votes, votes_that_count


def partition(labels: npt.ArrayLike, *, votes: bool = True) -> Clustering:
    return Clustering(np.asarray(labels, np.int32), "test", votes)


def random_partitions(seed: int, *, contigs: int = 60, number: int = 10) -> tuple[list[Clustering], I64]:
    """Variations on one theme, some contigs in no cluster, some partitions without a vote; lengths that do not tie."""
    rng = np.random.default_rng(seed)
    theme = rng.integers(0, 5, contigs)
    found = []
    for place in range(number):
        labels = np.where(rng.random(contigs) < 0.25, rng.integers(-1, 8, contigs), theme)
        found.append(partition(np.where(labels >= 0, rng.permutation(9)[labels], -1), votes=place != 3))
    return found, rng.permutation(np.arange(1000, 1000 + 977 * contigs, 977))


def slow_matches(rows: Sequence[int], labels: I32, lengths: I64) -> dict[int, float]:
    """Jaccard index by bp of a set of contigs with each cluster of a partition that it meets."""
    here = {row for row in rows if labels[row] != UNSEEN}
    found = {}
    for label in {int(labels[row]) for row in here} - {-1}:
        other = set(np.flatnonzero(labels == label).tolist())
        found[label] = int(lengths[list(here & other)].sum()) / int(lengths[list(here | other)].sum())
    return found


@pytest.mark.parametrize("seed", range(5))
def test_best_matches_equal_a_slow_reference(seed: int) -> None:
    found, lengths = random_partitions(seed)
    found.append(partition(np.full(60, -1)))  # a partition of nothing
    found.append(partition(np.where(lengths < 20_000, UNSEEN, found[0].labels)))
    rng = np.random.default_rng(seed)
    clusters = [sorted(rng.choice(60, rng.integers(1, 30), replace=False).tolist()) for _ in range(8)]
    starts = np.cumsum([0, *map(len, clusters)])
    matches = Votes.of(found, lengths).matches(np.concatenate(clusters), starts)
    voters = [clustering.labels for clustering in found if clustering.votes]
    assert len(voters) == len(found) - 1
    counting = -(-len(voters) // 2)
    for place, cluster in enumerate(clusters):
        expected = [slow_matches(cluster, labels, lengths) for labels in voters]
        best = [max(each.values(), default=0) for each in expected]
        np.testing.assert_allclose(matches.jaccard[place], best)
        assert matches.agreement[place] == pytest.approx(np.mean(sorted(best)[-counting:]))
        counts = np.flatnonzero(matches.label[place] >= 0)
        assert len(counts) == min(counting, np.count_nonzero(best))
        assert min(np.array(best)[counts]) >= sorted(best)[-counting]
        for voter in counts:
            assert expected[voter][matches.label[place, voter]] == best[voter]


def test_half_of_the_votes_count_and_a_minority_never_does() -> None:
    counting = [votes_that_count(partitions) for partitions in (0, 1, 2, 3, 4, 5, 9, 36)]
    assert counting == [0, 1, 2, 2, 2, 3, 5, 18]


def test_of_two_votes_one_that_lacks_the_cluster_speaks_against_it() -> None:
    found = [partition([0, 0, 1]), partition([-1, -1, 0])]
    votes = Votes.of(found, np.array([10, 10, 10]))
    for _ in range(2):  # nothing of a call is left for the next
        matches = votes.matches(np.array([0, 1, 2]), np.array([0, 2, 3]))
        assert matches.agreement.tolist() == [0.5, 1]
        assert matches.label.tolist() == [[0, MEETS_NOTHING], [1, 0]]
        assert votes.share(np.array([0, 1])).tolist() == [0.5, 0.5]


def test_without_votes_nobody_agrees() -> None:
    votes = Votes.of([partition([0, 0, 1], votes=False)], np.array([10, 20, 30]))
    matches = votes.matches(np.array([0, 1]), np.array([0, 2]))
    assert matches.jaccard.shape == matches.label.shape == (1, 0)
    assert matches.agreement.tolist() == [0]
