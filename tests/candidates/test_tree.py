"""The condensed tree and the best set of its nodes, against trying everything."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage as scipy_linkage

from binner.candidates.tree import Tree, best_set, condense, propose
from binner.data import F64, I64
from tests.candidates.cases import given, groups, partition


def random_tree(seed: int, *, contigs: int = 40, least_bp: int = 4) -> tuple[F64, I64, Tree]:
    rng = np.random.default_rng(seed)
    joined = scipy_linkage(rng.normal(size=(contigs, 2)) * rng.integers(1, 8, (contigs, 1)), "single")
    lengths = rng.integers(1, 5, contigs)
    return joined, lengths, condense(joined, lengths, least_bp=least_bp)


def slow_nodes(joined: F64, lengths: I64, least_bp: int) -> list[frozenset[int]]:
    """The root, and both branches wherever both are large enough."""
    members = [frozenset([contig]) for contig in range(len(lengths))]
    kept = []
    for first, second in joined[:, :2].astype(int):
        branches = [members[first], members[second]]
        if all(lengths[list(branch)].sum() >= least_bp for branch in branches):
            kept += branches
        members.append(branches[0] | branches[1])
    return [*kept, members[-1]]


@pytest.mark.parametrize("seed", range(8))
def test_nodes_are_branches_that_could_be_bins(seed: int) -> None:
    joined, lengths, tree = random_tree(seed, least_bp=3 + seed)
    nodes = [frozenset(tree.rows(node).tolist()) for node in range(len(tree.parent))]
    assert set(nodes) == set(slow_nodes(joined, lengths, 3 + seed))
    assert len(nodes) == len(set(nodes)) > 1
    assert sorted(tree.order.tolist()) == list(range(len(lengths)))
    for node, parent in enumerate(tree.parent.tolist()):
        assert tree.sums(lengths)[node] == lengths[list(nodes[node])].sum()
        above = [other for other in nodes if nodes[node] < other]
        assert (parent == -1) == (not above)
        if above:
            assert nodes[parent] == min(above, key=len)
            assert parent > node


@pytest.mark.parametrize("seed", range(12))
def test_the_best_set_is_the_best_of_all_sets(seed: int) -> None:
    _, _, tree = random_tree(seed, contigs=12)
    nodes = [frozenset(tree.rows(node).tolist()) for node in range(len(tree.parent))]
    assert 2 < len(nodes) < 14
    rng = np.random.default_rng(seed)
    score = rng.normal(0.3, 1, len(nodes))
    score[rng.random(len(nodes)) < 0.1] = -np.inf
    best = 0.0
    for number in range(1, len(nodes) + 1):
        for chosen in combinations(range(len(nodes)), number):
            if sum(len(nodes[node]) for node in chosen) == len(frozenset().union(*(nodes[node] for node in chosen))):
                best = max(best, float(score[list(chosen)].sum()))
    found = best_set(tree, score)
    rows = np.concatenate([np.zeros(0, np.int64), *(tree.rows(node) for node in found)])
    assert len(np.unique(rows)) == len(rows), "no contig is in two bins"
    assert score[found].sum() == pytest.approx(best)


def test_of_equal_sets_the_larger_nodes_are_taken_and_nothing_where_nothing_counts() -> None:
    _, _, tree = random_tree(1)
    leaves = np.bincount(tree.parent[tree.parent >= 0], minlength=len(tree.parent)) == 0
    score = np.zeros(len(tree.parent))
    score[leaves] = 1
    assert best_set(tree, score).tolist() == np.flatnonzero(leaves).tolist()
    score[-1] = leaves.sum()
    assert best_set(tree, score).tolist() == [len(score) - 1]
    assert best_set(tree, np.zeros(len(score))).tolist() == []
    assert best_set(tree, np.full(len(score), -np.inf)).tolist() == []


def test_a_large_tree_takes_no_time_to_speak_of() -> None:
    """A chain of 20,000 contigs, the worst case for depth: each pair of branches is a contig and all before it."""
    number = 20_000
    joined = np.column_stack([np.arange(number - 1) + number - 1, np.arange(1, number), np.arange(number - 1)])
    joined[0, 0] = 0
    tree = condense(joined.astype(np.float64), np.full(number, 10), least_bp=10)
    assert len(tree.parent) == 2 * number - 1
    assert len(best_set(tree, np.ones(len(tree.parent)))) == number


def test_the_judge_finds_the_genomes_in_the_tree() -> None:
    """Two partitions join the genomes by twos; one sees all, and so do the markers."""
    genome = np.repeat(np.arange(6), 30)
    joined = partition(genome // 2)
    data = given(genome, [joined, partition(genome), joined], apart=20)
    (labels,) = propose(data)
    assert groups(labels) == groups(genome)


def test_contigs_of_which_nothing_is_known_are_in_no_bin() -> None:
    """Two of nothing but N, which lie at 0, in the middle of the genomes: the tree is that of the others."""
    genome = np.repeat(np.arange(6), 30)
    data = given(genome, [partition(genome)], apart=20)
    (expected,) = propose(data)
    none = np.array([0, 40, 40])
    known = np.insert(np.ones(180, bool), none, False)
    padded: dict[str, Any] = {
        "clusterings": (partition(np.insert(genome, none, -1)),),
        "spaces": (np.insert(data.spaces[0], none, 0, axis=0),),
        "lengths": np.insert(data.lengths, none, 900_000),
        "markers": None,
        "known": known,
    }
    (labels,) = propose(replace(data, **padded))
    assert (labels[~known] == -1).all()
    assert groups(labels[known]) == groups(expected)


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4])
def test_a_few_contigs(number: int) -> None:
    genome = np.zeros(max(number, 1), np.int64)
    data = given(genome, [partition(genome[:number])])
    rows = slice(0, number)
    alone: dict[str, Any] = {"lengths": np.full(number, 60_000), "known": np.ones(number, bool), "markers": None}
    data = given(genome, [partition(genome[rows])], spaces=(data.spaces[0][rows],), **alone)
    found = list(propose(data))
    assert [labels.tolist() for labels in found] == ([[0] * number] if number > 2 else [])
