"""What of a genome pieces are cut from: the stretches between gaps, wherever a piece fits."""

from __future__ import annotations

import numpy as np

from binner.data import I64, Bool
from binner.windows import LONG_RUN


def between(start: I64, stop: I64, *, gap_start: I64, gap_stop: I64) -> tuple[I64, I64, I64]:
    """Sequence, start and stop of what lies between long runs of N, in order; no piece spans such a run.

    The sequences [start, stop) ascend, and so do the runs of N, of which each lies inside one of them.
    """
    long = gap_stop - gap_start >= LONG_RUN
    # Runs lie inside sequences, so the sorted starts and stops pair up.
    first = np.sort(np.concatenate([start, gap_stop[long]]))
    last = np.sort(np.concatenate([stop, gap_start[long]]))
    row = np.searchsorted(start, first, "right") - 1
    some = last > first
    return row[some], first[some], last[some]


def varied(start: I64, stop: I64, *, bp: int, row: I64, rows: int) -> Bool:
    """Which of `rows` genomes have two pieces of `bp` apart from each other; `row` is the genome of each stretch.

    Pieces of others are alike because they overlap: they say nothing of what lies within a genome.
    """
    return np.bincount(row, (stop - start) // bp, minlength=rows) >= 2


def places(start: I64, stop: I64, *, bp: int, number: int, rng: np.random.Generator) -> list[int]:
    """Where `number` pieces of `bp` begin in stretches of which one is so long; all are equally likely."""
    room = np.maximum(stop - start - bp + 1, 0)
    rows = rng.choice(len(room), number, p=room / room.sum())
    return [int(start[row] + rng.integers(room[row])) for row in rows.tolist()]
