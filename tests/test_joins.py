"""Contigs in pieces: what they hold and what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from binner.data import Contigs
from binner.errors import InputError
from binner.joins import Joins, cut, cut_records
from tests.assemblies import contigs_of

RNG = np.random.default_rng(1)
LETTERS = np.frombuffer(b"ACGTN", np.uint8)
NONE = Joins((), np.zeros(0, np.int64), np.zeros(0))


def joins(*places: tuple[str, int]) -> Joins:
    names, positions = [name for name, _ in places], [position for _, position in places]
    return Joins(tuple(names), np.array(positions, np.int64), np.ones(len(places)))


def contigs() -> Contigs:
    made = contigs_of(*(RNG.integers(0, 5, length, np.uint8) for length in (50, 30, 40)))
    return Contigs(made.names, made.codes, made.offsets, (0, 1), np.array([5, np.nan, 7], np.float32))


def test_pieces_hold_what_their_names_say() -> None:
    whole = contigs()
    pieces, of = cut(whole, joins(("c0", 10), ("c0", 25), ("c2", 39)))
    assert pieces.names == ("c0:1-10", "c0:11-25", "c0:26-50", "c1", "c2:1-39", "c2:40-40")
    assert of.tolist() == [0, 0, 0, 1, 2, 2]
    for row, name in enumerate(pieces.names):
        contig, _, span = name.partition(":")
        first, last = map(int, span.split("-")) if span else (1, 30)
        assert pieces[row].tobytes() == whole[whole.names.index(contig)][first - 1 : last].tobytes()
    assert pieces.circular == (3,), "what is cut is no circle any more"
    assert pieces.header_depth is not None
    np.testing.assert_array_equal(pieces.header_depth, [5, 5, 5, np.nan, 7, 7])


def test_without_joins_all_stays() -> None:
    whole = contigs()
    pieces, of = cut(whole, NONE)
    assert (pieces.names, pieces.digest, pieces.circular) == (whole.names, whole.digest, whole.circular)
    assert of.tolist() == [0, 1, 2]
    nothing, of = cut(contigs_of(), NONE)
    assert len(nothing) == len(of) == 0


def test_records_are_cut_like_contigs() -> None:
    whole, places = contigs(), joins(("c0", 10), ("c2", 39))
    pieces, _ = cut(whole, places)
    records = [(name, LETTERS[whole[row]].tobytes()) for row, name in enumerate(whole.names)]
    found = list(cut_records([("short", b"ACG"), *records], places))
    assert found == [
        ("short", b"ACG"),
        *((name, LETTERS[pieces[row]].tobytes()) for row, name in enumerate(pieces.names)),
    ]


def test_a_name_that_is_taken() -> None:
    whole = contigs()
    taken = Contigs(("c0", "c0:1-10", "c2"), whole.codes, whole.offsets)
    with pytest.raises(InputError, match=r"contig 'c0:1-10' is called what a piece of another one would be: rename it"):
        cut(taken, joins(("c0", 10)))


def test_joins_are_checked() -> None:
    with pytest.raises(ValueError, match="positions of joins"):
        Joins(("c0",), np.zeros(2, np.int64), np.zeros(2))
    with pytest.raises(ValueError, match="log ratios of joins"):
        Joins(("c0",), np.zeros(1, np.int64), np.array([np.nan]))
