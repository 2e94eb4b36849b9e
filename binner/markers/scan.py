"""Which open reading frames may hold which profile: a scan of all six frames at about 100 ns a base pair.

Seeds (binner.markers.index) are extended without gaps along their diagonal (segments), and the segments of one profile
in one reading frame are chained. A chain scores about what a gapped alignment would, so the profile search proper need
only see the few frames whose chain comes near a cutoff. Each frame is read from stop to stop on its own, so the result
depends neither on strand, order and number of contigs nor on how the work is cut up.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np

from binner.data import F32, I64, Bool, Contigs, Progress, check_array, silent
from binner.genetic_code import CODONS
from binner.markers import kernel
from binner.markers.index import UNITS, SeedIndex
from binner.windows import batches

PIECE = 250_000  # bp of a strand that is scanned at a time, so that a long contig keeps all threads busy
BATCH = 1_000_000  # bp of strands that a thread takes at a time


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Reading frames, stop to stop, that may hold a marker; by contig, strand, start and profile. C of them."""

    contig: I64  # (C,), row
    reverse: Bool  # (C,)
    start: I64  # (C,), bp on the strand that is read, 0-based
    stop: I64  # (C,), bp, half-open, without the stop codon
    profile: I64  # (C,), row
    bits: F32  # (C,), of the chain of segments

    def __len__(self) -> int:
        return len(self.contig)

    def take(self, rows: I64 | Bool) -> Candidates:
        """These rows, in this order."""
        return Candidates(*(getattr(self, field.name)[rows] for field in fields(self)))


def scan(contigs: Contigs, index: SeedIndex, *, least: F32, threads: int, progress: Progress = silent) -> Candidates:
    """Reading frames whose chain for a profile reaches `least` (bits, one for each profile)."""
    check_array("least score of a chain", least, np.float32, (index.profiles,))
    units = np.ceil(least * UNITS).astype(np.int64)
    arrays = (index.scores, index.owner, index.occupied, index.first, index.entries)

    def run(pieces: I64) -> I64:
        out = np.empty((1024, kernel.COLUMNS), np.int64)
        found = kernel.scan(contigs.codes, contigs.offsets, pieces, arrays, units, out)
        if found > len(out):
            out = np.empty((found, kernel.COLUMNS), np.int64)
            kernel.scan(contigs.codes, contigs.offsets, pieces, arrays, units, out)
        return out[:found]

    parts = _pieces(contigs.lengths)
    tables = [np.empty((0, kernel.COLUMNS), np.int64)]
    with ThreadPoolExecutor(threads) as pool:
        for done, table in enumerate(pool.map(run, parts), 1):
            tables.append(table)
            progress(done, len(parts))
    contig, reverse, start, stop, profile, score = np.concatenate(tables).T
    order = np.lexsort((profile, start, reverse, contig))
    bits = (score / UNITS).astype(np.float32)
    return Candidates(contig, reverse > 0, start, stop, profile, bits).take(order)


def _pieces(lengths: I64) -> list[I64]:
    """Pieces (contig, reverse, start, stop), in batches of about BATCH bp."""
    pieces = -(-lengths // PIECE)
    contig = np.repeat(np.arange(len(lengths)), 2 * pieces)
    rank = np.arange(len(contig)) - np.repeat(np.cumsum(2 * pieces) - 2 * pieces, 2 * pieces)
    start = rank // 2 * PIECE
    stop = np.minimum(start + PIECE, lengths[contig])
    table = np.stack([contig, rank % 2, start, stop], 1)
    return [table[part.start : part.stop] for part in batches(stop - start, bp=BATCH)]


def proteins(contigs: Contigs, frames: Candidates) -> list[bytes]:
    """Letters of the reading frames, X for a codon with an N, W for a TGA that is read through."""
    found = []
    for row, reverse, start, stop in zip(frames.contig, frames.reverse, frames.start, frames.stop, strict=True):
        codes = contigs[row]
        bases = kernel.COMPLEMENT[codes[::-1][start:stop]] if reverse else codes[start:stop]
        codons = bases.reshape(-1, 3).astype(np.int64) @ np.array([25, 5, 1])
        found.append(kernel.LETTERS[CODONS[codons]].tobytes())
    return found
