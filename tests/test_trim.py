"""What leaves a bin and what stays in it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from binner.data import F32, I64
from binner.space import UNKNOWN_ERROR, Depths
from binner.trim import FEW_DOUBTFUL, FEW_SHALLOW, SHALLOW, SURELY, trim

CONTIGS = 100
LENGTHS = np.full(CONTIGS, 10_000)
ROWS = np.arange(CONTIGS)
ALL_VOTES = np.ones(CONTIGS, np.float32)
SCATTER = 0.1


def depth_of(size: npt.ArrayLike, *, error: float = 0.0, unknown: tuple[int, ...] = ()) -> Depths:
    size = np.asarray(size, float)
    known = ~np.isin(np.arange(len(size)), unknown)
    errors = np.where(known, error, UNKNOWN_ERROR)
    return Depths(size, np.zeros((len(size), 0)), errors, np.zeros(len(size)), SCATTER, 0.01, (0.0, 0.0), known)


def left_out(stay: I64, rows: I64 = ROWS) -> list[int]:
    assert np.isin(stay, rows).all()
    assert (np.diff(stay) > 0).all()
    return sorted(set(rows.tolist()) - set(stay.tolist()))


def votes(doubtful: dict[int, float]) -> F32:
    share = ALL_VOTES.copy()
    share[list(doubtful)] = list(doubtful.values())
    return share


def sizes(moved: dict[int, float]) -> npt.NDArray[np.float64]:
    size = np.full(CONTIGS, 3.0)
    size[list(moved)] += list(moved.values())
    return size


def test_a_bin_whose_contigs_fit_stays_whole() -> None:
    assert left_out(trim(ROWS, LENGTHS, share=ALL_VOTES, depth=depth_of(sizes({})))) == []
    assert left_out(trim(ROWS, LENGTHS, share=ALL_VOTES, depth=None)) == []


def test_shallow_contigs_leave_and_deep_ones_stay() -> None:
    """Repeats are deeper than their genome; half the depth is another strain's."""
    beyond = -np.log(SHALLOW) + 0.01
    assert beyond > SURELY * SCATTER
    depth = depth_of(sizes({3: -beyond, 40: -4.0, 50: beyond, 60: 4.0, 70: 0.02 - beyond}))
    assert left_out(trim(ROWS, LENGTHS, share=ALL_VOTES, depth=depth)) == [3, 40]


def test_the_error_of_a_depth_counts() -> None:
    """Half of the depth is little where the error is as large, and counts where it is smaller."""
    for error, leaving in ((0.09, []), (0.05, [3])):
        depth = depth_of(sizes({3: np.log(0.5)}), error=error)
        assert left_out(trim(ROWS, LENGTHS, share=ALL_VOTES, depth=depth)) == leaving


@pytest.mark.parametrize("number", [1, int(FEW_SHALLOW * CONTIGS), int(FEW_SHALLOW * CONTIGS) + 1, 40])
def test_many_shallow_contigs_are_the_genomes_own(number: int) -> None:
    depth = depth_of(sizes(dict.fromkeys(range(number), -1.0)))
    leaving = left_out(trim(ROWS, LENGTHS, share=ALL_VOTES, depth=depth))
    assert leaving == (list(range(number)) if number <= FEW_SHALLOW * CONTIGS else [])


def test_contigs_of_unknown_depth_are_not_shallow_and_do_not_say_what_is() -> None:
    """The depth of the bin is that of the 40 contigs that have one: by all, contig 99 would be as deep as the rest."""
    moved = dict.fromkeys(range(60), -4.0) | {99: -4.0}
    unknown = tuple(range(60))
    assert left_out(trim(ROWS, LENGTHS, share=ALL_VOTES, depth=depth_of(sizes(moved), unknown=unknown))) == [99]
    nothing = depth_of(sizes(moved), unknown=tuple(range(CONTIGS)))
    assert left_out(trim(ROWS, LENGTHS, share=ALL_VOTES, depth=nothing)) == []


def test_contigs_that_most_votes_place_elsewhere_leave() -> None:
    assert left_out(trim(ROWS, LENGTHS, share=votes({7: 0.4, 8: 0.5, 9: 0.0}), depth=None)) == [7, 9]


def test_of_many_doubtful_contigs_the_worst_leave() -> None:
    share = votes({row: 0.45 - row / 1000 for row in range(30)})
    room = int(FEW_DOUBTFUL * CONTIGS)
    assert left_out(trim(ROWS, LENGTHS, share=share, depth=None)) == list(range(30 - room, 30))


def test_shallow_contigs_leave_first() -> None:
    depth = depth_of(sizes({0: -1.0, 1: -1.0}))
    leaving = left_out(trim(ROWS, LENGTHS, share=votes({20: 0.1, 21: 0.2, 22: 0.3, 23: 0.4}), depth=depth))
    assert leaving == [0, 1, *range(20, 20 + int(FEW_DOUBTFUL * CONTIGS) - 2)]


def test_without_a_vote_nothing_is_doubtful() -> None:
    assert left_out(trim(ROWS, LENGTHS, share=np.zeros(CONTIGS, np.float32), depth=None)) == []


def test_where_no_contig_has_a_majority_none_is_doubtful() -> None:
    """One binner of many has the bin: that says nothing of one contig against another."""
    share = np.full(CONTIGS, 1 / 3, np.float32)
    assert left_out(trim(ROWS, LENGTHS, share=share, depth=None)) == []


@pytest.mark.parametrize("seed", range(3))
def test_only_the_bins_own_contigs_matter_and_their_order_does_not(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1000, 50_000, CONTIGS)
    size, share = rng.normal(3, 0.2, CONTIGS), rng.random(CONTIGS).astype(np.float32)
    rows = np.sort(rng.choice(CONTIGS, 60, replace=False))
    stay = trim(rows, lengths, share=share[rows], depth=depth_of(size))
    assert lengths[left_out(stay, rows)].sum() <= FEW_SHALLOW * lengths[rows].sum()
    order = rng.permutation(CONTIGS)
    new = np.argsort(order)  # where a contig has gone
    turned = np.sort(new[rows])
    again = trim(turned, lengths[order], share=share[order][turned], depth=depth_of(size[order]))
    assert sorted(order[again].tolist()) == stay.tolist()


def test_a_bin_of_one_contig_stays() -> None:
    one = np.array([5])
    assert trim(one, LENGTHS, share=np.zeros(1, np.float32), depth=depth_of(sizes({5: -9.0}))).tolist() == [5]
