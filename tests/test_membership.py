"""How surely contigs are where they are: pairs against a slow reference, probabilities that add up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import norm

from binner.data import I64, UNSEEN, Bin, Clustering
from binner.likelihood import Gaussians
from binner.membership import FEATURES, TEMPER, WEIGHTS, Pairs, estimate, pair, probabilities
from binner.votes import Votes

CONTIGS, DIRECTIONS = 40, 3


def made(seed: int, *, voters: int = 5) -> tuple[list[Bin], list[Clustering], Gaussians, I64]:
    """Three bins, contigs in none, partitions that mostly agree with them, and one that has no vote."""
    rng = np.random.default_rng(seed)
    lengths = rng.permutation(np.arange(1000, 1000 + 977 * CONTIGS, 977))
    theme = rng.integers(-1, 3, CONTIGS)
    bins = [bin_of(np.flatnonzero(theme == number), lengths) for number in range(3)]
    found = []
    for place in range(voters + 1):
        labels = np.where(rng.random(CONTIGS) < 0.4, rng.integers(-1, 5, CONTIGS), theme)
        found.append(Clustering(labels.astype(np.int32), "test", place < voters))
    mean = rng.normal(0, 2, (CONTIGS, DIRECTIONS)).astype(np.float32)
    variance = rng.uniform(0.2, 2, (CONTIGS, DIRECTIONS)).astype(np.float32)
    return bins, found, Gaussians(mean, variance, rng.uniform(1, 9, DIRECTIONS).astype(np.float32)), lengths


def bin_of(rows: npt.NDArray[np.int64], lengths: I64) -> Bin:
    return Bin(rows, int(lengths[rows].sum()), 1.0)


def slow_votes(rows: Sequence[int], voters: Sequence[Clustering], lengths: I64) -> tuple[list[set[int]], float]:
    """Members of the best matches of the half of the partitions that match best, and how well those match."""
    here = set(rows)
    matches = []
    for voter in voters:
        best = (0.0, set[int]())
        for label in sorted({int(voter.labels[row]) for row in here} - {-1}):
            other = set(np.flatnonzero(voter.labels == label).tolist())
            jaccard = lengths[list(here & other)].sum() / lengths[list(here | other)].sum()
            best = max(best, (float(jaccard), other), key=lambda match: match[0])
        matches.append(best)
    matches.sort(key=lambda match: -match[0])
    counting = matches[: -(-len(voters) // 2)]
    return [members for _, members in counting], float(np.mean([jaccard for jaccard, _ in counting]))


def slow_fit(row: int, others: Sequence[int], gaussians: Gaussians) -> float:
    """Log density of a contig whose genome is known by other contigs."""
    total = 0.0
    for d, prior in enumerate(gaussians.prior):
        precision = [TEMPER / float(gaussians.variance[other, d]) for other in others]
        variance = 1 / (1 / float(prior) + sum(precision))
        mean = variance * sum(p * float(gaussians.mean[o, d]) for p, o in zip(precision, others, strict=True))
        spread = np.sqrt(variance + float(gaussians.variance[row, d]) / TEMPER)
        total += norm.logpdf(gaussians.mean[row, d], mean, spread)
    return total


def log_odds(share: float, least: float) -> float:
    return float(np.log((share + least) / (1 - share + least)))


@pytest.mark.parametrize("seed", range(4))
def test_pairs_equal_a_slow_reference(seed: int) -> None:
    bins, found, gaussians, lengths = made(seed)
    covered = (None, np.ones(CONTIGS, bool), np.arange(CONTIGS) % 3 > 0, np.zeros(CONTIGS, bool))[seed]
    pairs = pair(bins, found, gaussians, lengths, covered=covered)
    votes = [slow_votes(each.rows.tolist(), found[:-1], lengths) for each in bins]
    every = [each.rows.tolist() for each in bins]
    known = {(int(c), int(b)): place for place, (c, b) in enumerate(zip(pairs.contig, pairs.bin, strict=True))}
    assert list(known) == sorted(known)
    fit = {key: slow_fit(key[0], [row for row in every[key[1]] if row != key[0]], gaussians) for key in known}
    most: dict[int, list[bool]] = {0: [], 1: [], 2: []}
    for row in range(CONTIGS):
        mine = [index for index in range(3) if row in every[index]]
        held = {index for index in range(3) if any(row in members for members in votes[index][0])}
        full = {index: slow_fit(row, every[index], gaussians) for index in range(3)}
        voted = any(voter.labels[row] >= 0 for voter in found[:-1])
        expected = held | set(mine) | ({max(full, key=full.__getitem__)} if voted else set())
        assert {index for contig, index in known if contig == row} == expected
        for index in mine:
            others = [fit[row, other] for other in expected if other != index]
            most[index].append(fit[row, index] >= max(others, default=-np.inf))
    for (row, index), place in known.items():
        others = [fit[row, other] for other in range(3) if other != index and (row, other) in known]
        lead = fit[row, index] - max(others) if others else 1000
        own = row in every[index]
        share = float(np.mean([row in members for members in votes[index][0]]))
        likely = log_odds((sum(most[index]) + 1) / (len(most[index]) + 2), 0.02)
        about = [np.log10(lengths[row] / 3000), log_odds(votes[index][1], 0.02), np.log10(bins[index].size / 2e6)]
        expected_row = [own, not own, log_odds(share, 0.03), np.sign(lead) * np.log1p(abs(lead))]
        expected_row += [own * value for value in (*about, likely, covered is None or not covered[row])]
        np.testing.assert_allclose(pairs.features[place], expected_row, rtol=1e-3, atol=1e-3)
        assert pairs.inside[place] == own


def test_votes_are_shares_as_the_choice_has_them() -> None:
    """Of the votes that count: one without such a cluster is against, one that does not know a contig says nothing."""
    labels = [[0, 0, 0, 1, 1], [-1, -1, -1, 0, 0], [0, UNSEEN, 0, 0, 1]]
    found = [Clustering(np.array(each, np.int32), "test") for each in labels[:2]]
    found += [Clustering(np.array(labels[2], np.int32), "test")] * 2
    lengths = np.array([3000, 2000, 1000, 2000, 4000])
    nothing = Gaussians(np.zeros((5, 2), np.float32), np.ones((5, 2), np.float32), np.ones(2, np.float32))
    votes, bins = FEATURES.index("votes"), [bin_of(np.array([0, 1, 2]), lengths)]
    for voters in (found, found[:2], found[1:]):
        pairs = pair(bins, voters, nothing, lengths, covered=None)
        share = Votes.of(voters, lengths).share(bins[0].rows)
        own = pairs.features[pairs.inside, votes]
        np.testing.assert_allclose(own, [log_odds(float(each), 0.03) for each in share], rtol=1e-6)
    assert share.tolist() == [1, 0, 1] and Votes.of(found[:2], lengths).share(bins[0].rows).tolist() == [0.5] * 3


def test_probabilities_of_a_contig_and_of_no_bin_add_up_to_one() -> None:
    bins, found, gaussians, lengths = made(1)
    pairs = pair(bins, found, gaussians, lengths, covered=np.ones(CONTIGS, bool))
    weights = np.random.default_rng(0).normal(size=len(FEATURES)) * 30  # so large that exp would overflow
    chance = probabilities(pairs, weights)
    for row in np.unique(pairs.contig):
        here = pairs.contig == row
        score = pairs.features[here] @ weights
        total = np.logaddexp.reduce([0.0, *score])
        np.testing.assert_allclose(chance[here], np.exp(score - total), atol=1e-12)


def test_the_second_bin_is_the_best_other_one() -> None:
    bins, found, gaussians, lengths = made(2)
    pairs = pair(bins, found, gaussians, lengths, covered=np.ones(CONTIGS, bool))
    chance = probabilities(pairs, WEIGHTS)
    membership = estimate(pairs, contigs=CONTIGS)
    assert (membership.second >= 0).any() and (membership.second < 0).any()
    for row in range(CONTIGS):
        own = (pairs.contig == row) & pairs.inside
        other = np.flatnonzero((pairs.contig == row) & ~pairs.inside)
        assert membership.probability[row] == pytest.approx(chance[own].sum())
        assert membership.second_probability[row] == pytest.approx(chance[other].max(initial=0))
        if len(other):
            assert chance[other[pairs.bin[other] == membership.second[row]]] == chance[other].max()
        else:
            assert membership.second[row] == -1


def test_more_votes_and_likelihood_are_more_probable() -> None:
    """By the weights that ship: doubt lowers the own bin and raises the other."""
    row = dict.fromkeys(FEATURES, 0.0)
    sure = {"inside": 1.0, "votes": log_odds(1, 0.03), "lead": 6.9, "likely": log_odds(0.99, 0.02), "agreement": 3.0}
    chances = []
    for votes in (1.0, 0.5, 0.1):
        features = [row | sure | {"votes": log_odds(votes, 0.03)}, row | {"outside": 1.0, "votes": log_odds(0.3, 0.03)}]
        both = np.array([[each[name] for name in FEATURES] for each in features])
        place = np.array([0, 0]), np.array([0, 1]), np.array([True, False])
        chances.append(probabilities(Pairs(*place, both), WEIGHTS))
    own, other = np.array(chances).T
    assert own[0] > own[1] > own[2] > 0
    assert other[0] < other[1] < other[2] < 1
    assert own[0] > 0.9


@pytest.mark.parametrize("contigs", [0, 3])
def test_without_bins_there_is_nothing_to_belong_to(contigs: int) -> None:
    nothing = Gaussians(np.zeros((contigs, 2), np.float32), np.ones((contigs, 2), np.float32), np.ones(2, np.float32))
    partition = Clustering(np.zeros(contigs, np.int32), "test")
    pairs = pair([], [partition], nothing, np.full(contigs, 1000), covered=None)
    membership = estimate(pairs, contigs=contigs)
    assert membership.probability.tolist() == membership.second_probability.tolist() == [0] * contigs
    assert membership.second.tolist() == [-1] * contigs


def test_a_contig_that_no_partition_places_has_its_own_bin_alone() -> None:
    gaussians = Gaussians(np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32), np.ones(2, np.float32))
    lengths = np.full(3, 1000)
    pairs = pair([bin_of(np.array([0, 1]), lengths)], [], gaussians, lengths, covered=None)
    assert pairs.contig.tolist() == [0, 1]
    assert pairs.inside.all()
    membership = estimate(pairs, contigs=3)
    assert membership.second.tolist() == [-1, -1, -1]
    assert (membership.probability[:2] > 0).all() and membership.probability[2] == 0
