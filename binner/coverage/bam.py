"""Depth from a BAM, in any order of its reads and without an index.

In a sorted BAM the reads of a contig stand together, so a contig is summed up and forgotten when enough others have
come: memory does not grow with the assembly. If it comes again, the walk starts anew, with room for all contigs.
"""

from __future__ import annotations

import logging
import struct
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from functools import partial
from itertools import chain

import numpy as np

from binner.coverage import depth, records
from binner.coverage.matching import ABSENT, match
from binner.data import F64, I64, U8, Contigs, Windows
from binner.errors import InputError

LOGGER = logging.getLogger(__name__)

IDENTITY = 97.0  # %, of short reads that count: the others come from relatives of the contig's strain (MetaBAT)
SLACK = 100 - IDENTITY  # %, what this leaves to a read without errors of sequencing
LONG_READ = 500  # bp; from this median length on, sequencing errors are allowed for
SURVEYED_READS = 1000  # looked at before the walk to tell long reads, but
SURVEYED_BASES = 20_000_000  # no more bp than this and
SURVEYED_BYTES = 1 << 27  # no more of the file than this
MOSTLY = 10  # %, of long reads that may have more errors than are allowed for
FEW_SLOTS = 1 << 18  # for contigs that are summed up on the way: 1 MB, which stays in the processor's cache

MAGIC = b"BAM\x01"
_INT = struct.Struct("<i")


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """The contigs a BAM's reads were mapped to."""

    names: list[str]  # first words
    lengths: I64  # bp


class _Scattered(Exception):  # noqa: N818
    """The reads of a contig do not stand together."""


def measure(
    open_blocks: Callable[[], Generator[bytes]],
    contigs: Contigs,
    *,
    source: str,
    identity: float | None,
    room: AbstractContextManager[object],
    windows: Windows | None = None,
) -> depth.Depths:
    """Depth of the contigs, and of `windows` of them, from an inflated BAM.

    `open_blocks` starts to read it. `identity`: the least identity (%) of reads that count; None: 97 for short reads,
    what long ones allow for those. `room` is held while the depths along all contigs are in memory.
    Raises InputError, which starts with `source`, if this is no BAM, is damaged, or is not of these contigs.
    """
    with closing(open_blocks()) as blocks:
        header, pieces = _read_header(blocks, source)
        rows = _match(header, contigs, source)
        surveyor = _Walker(source, contigs, header, rows, survey=SURVEYED_READS)
        pieces = _survey(pieces, surveyor)
        if identity is None:
            lengths, identities = surveyor.survey[:, : surveyor.tally[records.SURVEYED]]
            identity = identity_for(lengths, identities, source=source)
        walker = partial(_Walker, source, contigs, header, rows, identity=identity, windows=windows)
        if surveyor.edge == depth.MAX_EDGE:  # or ends are cut by the mean length of the reads, known when all are read
            longest = int(contigs.lengths.max(initial=0))
            try:
                return walker(slots=max(FEW_SLOTS, longest + 1)).run(pieces)
            except _Scattered:
                LOGGER.debug("%s: its reads are not sorted by contig", source)
    with room, closing(open_blocks()) as blocks:
        _, pieces = _read_header(blocks, source)
        return walker(slots=depth.slots_for(contigs.lengths)).run(pieces)


class _Walker:
    """One walk over the records, with slots for some contigs at a time or for all of them."""

    def __init__(
        self,
        source: str,
        contigs: Contigs,
        header: Header,
        rows: I64,
        *,
        slots: int = 0,
        identity: float = 0.0,
        survey: int = 0,
        windows: Windows | None = None,
    ) -> None:
        self.tally = np.zeros(records.TALLIES, np.int64)
        self.survey = np.zeros((2, survey), np.float64)
        self._source = source
        self._rows = rows
        self._places = _places(header, rows, contigs)
        self._slots = np.zeros(slots, np.int32)
        self._order = np.zeros(len(rows), np.int64)
        self._arrays = (self._places, contigs.codes, self._slots, self._order, identity / 100, self.tally, self.survey)
        self._windows = windows
        self._mean, self._variance = np.full((2, len(contigs)), np.nan, np.float32)
        self._along = np.full(len(windows) if windows else 0, np.nan, np.float32)
        there = rows[rows != ABSENT]
        self._mean[there] = self._variance[there] = 0
        if windows is not None:
            self._along[np.isin(windows.contig, there)] = 0
        self._cut: list[bytes] = []  # pieces of a record that has not ended yet
        self._bytes = 0  # in them
        self._needed = 0  # until it may have ended
        self._summed = False

    @property
    def edge(self) -> int:
        """How much the ends of contigs are cut (bp), by the reads so far."""
        return int(min(depth.MAX_EDGE, self.tally[records.BASES] // max(self.tally[records.RECORDS], 1)))

    def run(self, pieces: Iterable[bytes]) -> depth.Depths:
        """All the depths. Raises _Scattered if a contig comes again that is summed up."""
        for piece in pieces:
            self.feed(piece)
        if self._cut:
            raise InputError(f"{self._source}: truncated in the middle of a read: copy or make it again")
        if self._summed and self.edge != depth.MAX_EDGE:
            raise _Scattered
        self._sum_up(self.edge)
        counted, reads = self.tally[[records.COUNTED, records.RECORDS]].tolist()
        LOGGER.info("%s: %s of %s reads count", self._source, f"{counted:,}", f"{reads:,}")
        return depth.Depths(self._mean, self._variance, self._along)

    def feed(self, data: bytes) -> None:
        """Walk over the whole records in `data`, and the one that the last block has cut."""
        if self._cut:
            self._cut.append(data)
            self._bytes += len(data)
            if self._bytes < self._needed:
                return
            data = b"".join(self._cut)
        left = data[self._walk(np.frombuffer(data, np.uint8)) :]
        self._cut = [left] if left else []
        self._bytes = len(left)
        self._needed = _INT.size + _INT.unpack_from(left)[0] if len(left) >= _INT.size else _INT.size

    def _walk(self, data: U8) -> int:
        at = 0
        while True:
            at = int(records.walk(data, at, *self._arrays))
            if at == records.AGAIN:
                raise _Scattered
            if at < 0:
                raise InputError(f"{self._source}: damaged, a record makes no sense: copy or make it again")
            if not self.tally[records.FULL]:
                return at
            self._sum_up(depth.MAX_EDGE)
            self._summed = True

    def _sum_up(self, edge: int) -> None:
        """The contigs that have slots are done, and their slots are free again."""
        placed, used = self.tally[[records.PLACED, records.USED]]
        of = self._order[:placed]
        slots, lengths, rows = self._slots[:used], self._places[records.LENGTH, of], self._rows[of]
        self._mean[rows], self._variance[rows] = depth.summarise(slots, lengths, edge=edge)
        if self._windows is not None:
            depth.window_means(slots, lengths, rows, windows=self._windows, out=self._along)
        self._places[records.FIRST_SLOT, of] = records.DONE
        slots[:] = 0
        self.tally[[records.PLACED, records.USED, records.FULL]] = 0


def _survey(pieces: Iterator[bytes], surveyor: _Walker) -> Iterator[bytes]:
    """Let it look at the first reads; all the pieces, those looked at included."""
    seen: deque[bytes] = deque()
    size = 0
    for piece in pieces:
        seen.append(piece)
        size += len(piece)
        surveyor.feed(piece)
        reads, bases = surveyor.tally[[records.SURVEYED, records.SURVEYED_BASES]].tolist()
        if reads == SURVEYED_READS or bases >= SURVEYED_BASES or size >= SURVEYED_BYTES:
            break
    return chain(_drain(seen), pieces)


def _drain(seen: deque[bytes]) -> Iterator[bytes]:
    """Each piece once, kept no longer than it is needed."""
    while seen:
        yield seen.popleft()


def identity_for(lengths: F64, identities: F64, *, source: str) -> float:
    """The least identity (%) that reads of these lengths (bp) and identities (0 to 1) should have to count.

    97 % grants a read without errors 3 % of difference between strains. Long reads have errors of their own, so the 3 %
    start where nine of ten of them are; a whole percentage, as jgi_summarize_bam_contig_depths takes it.
    """
    if not len(lengths) or np.median(lengths) < LONG_READ:
        return IDENTITY
    usual = 100 * float(np.percentile(identities, MOSTLY, method="lower"))
    chosen = float(min(max(np.floor(usual - SLACK), 0), IDENTITY))
    LOGGER.info(
        "%s: long reads (median %d bp), nine of ten are %.1f %% identical to the contigs: those of %.0f %% count",
        source,
        np.median(lengths),
        usual,
        chosen,
    )
    return chosen


class _HeaderReader:
    """The integers and names of a header, from as many blocks as it takes."""

    def __init__(self, pieces: Iterator[bytes], source: str) -> None:
        self.data = bytearray()
        self._pieces = pieces
        self._source = source

    def fill(self, size: int) -> None:
        while len(self.data) < size:
            piece = next(self._pieces, None)
            if piece is None:
                raise InputError(f"{self._source}: truncated in its header: copy or make it again")
            self.data.extend(piece)

    def size(self, at: int) -> int:
        self.fill(at + _INT.size)
        value: int = _INT.unpack_from(self.data, at)[0]
        if value < 0:
            raise InputError(f"{self._source}: damaged, its header makes no sense: copy or make it again")
        return value


def _read_header(pieces: Iterator[bytes], source: str) -> tuple[Header, Iterator[bytes]]:
    """The header, and the pieces of the records."""
    reader = _HeaderReader(pieces, source)
    reader.fill(len(MAGIC))
    if not reader.data.startswith(MAGIC):
        start = bytes(reader.data[:20]).decode(errors="replace")
        raise InputError(f"{source}: no BAM file, it starts with {start!r}: give the BAM or CRAM of the mapped reads")
    at = len(MAGIC) + _INT.size + reader.size(len(MAGIC))
    names: list[str] = []
    lengths: list[int] = []
    count = reader.size(at)
    at += _INT.size
    for _ in range(count):
        stop = at + _INT.size + reader.size(at)
        lengths.append(reader.size(stop))
        words = reader.data[at + _INT.size : stop - 1].decode(errors="replace").split(None, 1)
        names.append(words[0] if words else "")
        at = stop + _INT.size
    return Header(names, np.array(lengths, np.int64)), chain([bytes(reader.data[at:])], pieces)


def _match(header: Header, contigs: Contigs, source: str) -> I64:
    """(R,), the row of each contig of the BAM, or ABSENT. Raises InputError if they are others of the same names."""
    rows = match(header.names, contigs, source=source)
    known = np.flatnonzero(rows != ABSENT)
    found = rows[known]
    if len(np.unique(found)) < len(found):
        first = np.flatnonzero(np.bincount(found) > 1)[0]
        raise InputError(f"{source}: two of its contigs are called '{contigs.names[first]}': names must be unique")
    wrong = np.flatnonzero(header.lengths[known] != contigs.lengths[found])
    if len(wrong):
        row = found[wrong[0]]
        raise InputError(
            f"{source}: contig '{contigs.names[row]}' has {header.lengths[known[wrong[0]]]:,} bp there and "
            f"{contigs.lengths[row]:,} bp here: give reads that were mapped to these contigs"
        )
    return rows


def _places(header: Header, rows: I64, contigs: Contigs) -> I64:
    """(3, R), `places` of `records.walk` before the first read."""
    places = np.full((3, len(rows)), -1, np.int64)
    places[records.FIRST_SLOT] = np.where(rows == ABSENT, records.UNKNOWN, records.WAITING)
    places[records.LENGTH] = header.lengths
    places[records.FIRST_CODE, rows != ABSENT] = contigs.offsets[rows[rows != ABSENT]]
    return places
