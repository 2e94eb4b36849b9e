"""The compiled part of binner.markers.scan."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from binner.data import I32, I64, U8
from binner.genetic_code import CODONS, LONG_N, OPAL, RESIDUES, STOP, UNKNOWN
from binner.markers.index import BLOCK, SEED, UNITS

COLUMNS = 6  # of what is found: contig, reverse, start, stop (bp of the strand that is read), profile, score (units)
SHORTEST_FRAME = 30  # residues, as prodigal's shortest gene
DROP = 8 * UNITS  # an extension ends this far below its best
LEAST_SEGMENT = 16 * UNITS
GAP = 8 * UNITS  # of joining two segments, whatever the length
MOST_SEGMENTS = 512  # of one frame that are chained; more are repeats
SEEN = 32  # how many segments back a seed is looked for
LEADING = 20 ** (SEED - 1)

Arrays = tuple[npt.NDArray[np.int8], I32, U8, I32, I32]  # of a SeedIndex: scores, owner, occupied, first, entries
LETTERS = np.frombuffer((RESIDUES + "XW").encode(), np.uint8)
COMPLEMENT = np.array([3, 2, 1, 0, 4], np.uint8)


@njit(nogil=True, cache=True)
def scan(codes: U8, offsets: I64, pieces: I64, arrays: Arrays, least: I64, out: I64) -> int:
    """Fill `out` (room, COLUMNS), as far as it goes, from the reading frames that begin in the pieces; return how many.

    `pieces` (n, 4): contig, whether its reverse strand is read, start and stop on that strand.
    """
    rows = 0
    found = np.empty((MOST_SEGMENTS, 5), np.int64)
    for p in range(len(pieces)):
        contig, reverse, start, stop = pieces[p]
        sequence = codes[offsets[contig] : offsets[contig + 1]]
        begin = max(0, start - LONG_N - 6)  # far enough to see what ended the frame before
        frames = np.empty((3, (len(sequence) - begin) // 3 + 1), np.uint8)
        read = _translate(sequence, reverse > 0, begin, stop, frames)
        for f in range(3):
            frame = frames[f, : max(0, (read - f + 2) // 3)]
            s = 0
            if begin > 0:
                s = _end(frame, 0) + 1
            while s < len(frame) and begin + f + 3 * s < stop:
                e = _end(frame, s)
                if begin + f + 3 * s >= start and e - s >= SHORTEST_FRAME:
                    n = _segments(frame, s, e, arrays, found)
                    first = rows
                    rows = _report(frame, s, e, found[:n], least, out, rows)
                    for row in range(first, min(rows, len(out))):
                        out[row, 0] = contig
                        out[row, 1] = reverse
                        out[row, 2] = begin + f + 3 * out[row, 2]
                        out[row, 3] = begin + f + 3 * out[row, 3]
                s = e + 1
    return rows


@njit(nogil=True, cache=True)
def _end(frame: U8, s: int) -> int:
    """Residue of the next stop at or after s, or the frame's length."""
    while s < len(frame) and frame[s] != STOP:
        s += 1
    return s


@njit(nogil=True, cache=True)
def _translate(codes: U8, reverse: bool, begin: int, stop: int, frames: U8) -> int:  # noqa: FBT001
    """Fill `frames` (3, n) with the residues of the codons that start at begin, begin + 1, ...; return how many.

    Reading goes on past `stop` until each of the three frames has met a stop codon.
    """
    n = len(codes) - 2 - begin
    if n <= 0:
        return 0
    step = -1 if reverse else 1
    p = len(codes) - 1 - begin if reverse else begin
    flip = COMPLEMENT if reverse else np.arange(5).astype(np.uint8)
    a, b = np.int64(flip[codes[p]]), np.int64(flip[codes[p + step]])
    run = closed = f = i = 0
    for t in range(n):
        c = np.int64(flip[codes[p + 2 * step]])
        residue = CODONS[25 * a + 5 * b + c]
        run = run + 1 if c == 4 else 0
        if run >= LONG_N:
            residue = np.uint8(STOP)
        frames[f, i] = residue
        if residue == STOP and begin + t >= stop:
            closed |= 1 << f
            if closed == 7:
                return t + 1
        a, b = b, c
        p += step
        f += 1
        if f == 3:
            f = 0
            i += 1
    return n


@njit(nogil=True, cache=True)
def _segments(frame: U8, s: int, e: int, arrays: Arrays, found: I64) -> int:
    """Fill `found` (n, 5) with segments: profile, start, stop (residues), profile position, score; return n."""
    scores, owner, occupied, first, entries = arrays
    n = word = run = 0
    for z in range(s, e):
        residue = frame[z]
        if residue >= UNKNOWN:
            run = 0
            continue
        word = (word % LEADING) * 20 + residue
        run += 1
        if run < SEED or not (occupied[word >> 3] >> (word & 7)) & 1:
            continue
        q = z - SEED + 1
        for k in range(first[word // BLOCK], first[word // BLOCK + 1]):
            g = entries[k] // BLOCK
            if entries[k] % BLOCK != word % BLOCK or _known(found, n, q, g):
                continue
            score, start, stop = _extend(frame, s, e, q, g, scores)
            if score >= LEAST_SEGMENT and n < len(found):
                found[n, 0] = owner[g]
                found[n, 1] = start
                found[n, 2] = stop
                found[n, 3] = g - q + start
                found[n, 4] = score
                n += 1
    return n


@njit(nogil=True, cache=True)
def _known(found: I64, n: int, q: int, g: int) -> bool:
    """Whether one of the latest segments runs through the seed at residue q and profile position g."""
    for k in range(n - 1, max(n - 1 - SEEN, -1), -1):  # noqa: SIM110 (numba compiles no generator)
        if found[k, 3] - found[k, 1] == g - q and q < found[k, 2]:
            return True
    return False


@njit(nogil=True, cache=True)
def _extend(frame: U8, s: int, e: int, q: int, g: int, scores: npt.NDArray[np.int8]) -> tuple[int, int, int]:
    """Best segment through the seed at residue q and profile position g, within s..e: score, start, stop (residues)."""
    top = 0
    for u in range(SEED):
        top += scores[g + u, frame[q + u]]
    score = top
    z = q + SEED
    j = g + SEED
    stop = z
    while z < e and score > top - DROP:
        score += scores[j, frame[z]]
        z += 1
        j += 1
        if score > top:
            top = score
            stop = z
    score = top
    z = q - 1
    j = g - 1
    start = q
    while z >= s and score > top - DROP:
        score += scores[j, frame[z]]
        if score > top:
            top = score
            start = z
        z -= 1
        j -= 1
    return top, start, stop


@njit(nogil=True, cache=True)
def _report(frame: U8, s: int, e: int, found: I64, least: I64, out: I64, rows: int) -> int:
    """Add a row to `out` (start and stop in residues) for each profile whose best chain is good enough."""
    _sort(found)
    a = 0
    while a < len(found):
        b = a + 1
        while b < len(found) and found[b, 0] == found[a, 0]:
            b += 1
        score, first, last = _chain(found[a:b])
        if score >= least[found[a, 0]]:
            left, right = _reading(frame, s, e, first, last)
            if rows < len(out):
                out[rows, 2] = left
                out[rows, 3] = right
                out[rows, 4] = found[a, 0]
                out[rows, 5] = score
            rows += 1
        a = b
    return rows


@njit(nogil=True, cache=True)
def _sort(found: I64) -> None:
    """Order the segments by profile, then start (few of them: insertion)."""
    for i in range(1, len(found)):
        segment = found[i].copy()
        k = i - 1
        while k >= 0 and (found[k, 0] > segment[0] or (found[k, 0] == segment[0] and found[k, 1] > segment[1])):
            found[k + 1] = found[k]
            k -= 1
        found[k + 1] = segment


@njit(nogil=True, cache=True)
def _chain(found: I64) -> tuple[int, int, int]:
    """Best chain of the segments of one profile, sorted by start: score, first residue, residue after the last."""
    if len(found) == 1:
        return found[0, 4], found[0, 1], found[0, 2]
    best = found[:, 4].copy()
    origin = found[:, 1].copy()
    winner = 0
    for i in range(len(found)):
        length = found[i, 2] - found[i, 1]
        for k in range(i):
            ahead = min(found[i, 1] - found[k, 1], found[i, 3] - found[k, 3])
            stop = found[k, 3] + found[k, 2] - found[k, 1]  # in the profile
            overlap = max(0, found[k, 2] - found[i, 1], stop - found[i, 3])
            if ahead <= 0 or 2 * overlap > length:
                continue
            score = best[k] - GAP + found[i, 4] - found[i, 4] * overlap // length
            if score > best[i]:
                best[i] = score
                origin[i] = origin[k]
        if best[i] > best[winner]:
            winner = i
    return best[winner], origin[winner], found[winner, 2]


@njit(nogil=True, cache=True)
def _reading(frame: U8, s: int, e: int, first: int, last: int) -> tuple[int, int]:
    """The frame as it is read: between the next TGAs, unless the chain runs through one, as in mycoplasmas."""
    for z in range(first, last):
        if frame[z] == OPAL:
            return s, e
    left = first
    while left > s and frame[left - 1] != OPAL:
        left -= 1
    right = last
    while right < e and frame[right] != OPAL:
        right += 1
    return left, right
