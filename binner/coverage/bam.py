"""Depth from a BAM in one pass, in any order of its reads and without an index."""

from __future__ import annotations

import logging
import struct
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np

from binner.coverage import depth, records
from binner.coverage.matching import ABSENT, match
from binner.data import F32, F64, I32, I64, Contigs
from binner.errors import InputError

LOGGER = logging.getLogger(__name__)

IDENTITY = 97.0  # %, of short reads that count: the others come from relatives of the contig's strain (MetaBAT)
SLACK = 100 - IDENTITY  # %, what this leaves to a read without errors of sequencing
LONG_READ = 500  # bp; from this median length on, sequencing errors are allowed for
SURVEYED_READS = 1000  # looked at before the pass to tell long reads, but
SURVEYED_BASES = 20_000_000  # no more bp than this and
SURVEYED_BYTES = 1 << 27  # no more of the file than this
MOSTLY = 10  # %, of long reads that may have more errors than are allowed for

MAGIC = b"BAM\x01"
_INT = struct.Struct("<i")


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """The contigs a BAM's reads were mapped to."""

    names: list[str]  # first words
    lengths: I64  # bp


def measure(blocks: Iterable[bytes], contigs: Contigs, *, source: str, identity: float | None) -> tuple[F32, F32]:
    """Mean and variance of the depth of each contig, (N,) each, from an inflated BAM.

    `identity`: the least identity (%) of reads that count; None: 97 for short reads, what long ones allow for those.
    Raises InputError, which starts with `source`, if this is no BAM, is damaged, or is not of these contigs.
    """
    pieces = iter(blocks)
    header, rest = _read_header(pieces, source)
    places = _place(header, contigs, source)
    pieces = chain([rest], pieces)
    if identity is None:
        pieces, identity = _choose_identity(pieces, places, contigs, source)
    slots = depth.empty(contigs.lengths)
    walker = _Walker(source, contigs, places=places, slots=slots, threshold=identity / 100)
    for piece in pieces:
        walker.feed(piece)
    walker.close()
    reads, bases, counted = walker.tally[[records.RECORDS, records.BASES, records.COUNTED]].tolist()
    LOGGER.info("%s: %s of %s reads count", source, f"{counted:,}", f"{reads:,}")
    return depth.summarise(slots, contigs.lengths, edge=min(depth.MAX_EDGE, bases // max(reads, 1)))


class _Walker:
    """Feeds blocks to `records.walk`, joining the records that blocks cut."""

    def __init__(
        self, source: str, contigs: Contigs, *, places: I64, slots: I32, threshold: float = 0.0, survey: int = 0
    ) -> None:
        self.source = source
        self.tally = np.zeros(records.TALLIES, np.int64)
        self.survey = np.zeros((2, survey), np.float64)
        self._arrays = (places, contigs.codes, slots, threshold, self.tally, self.survey)
        self._cut: list[bytes] = []  # pieces of a record that has not ended yet
        self._bytes = 0  # in them
        self._needed = 0  # until it may have ended

    def feed(self, data: bytes) -> None:
        if self._cut:
            self._cut.append(data)
            self._bytes += len(data)
            if self._bytes < self._needed:
                return
            data = b"".join(self._cut)
        stop = records.walk(np.frombuffer(data, np.uint8), *self._arrays)
        if stop < 0:
            raise InputError(f"{self.source}: damaged, a record makes no sense: copy or make it again")
        left = data[stop:]
        self._cut = [left] if left else []
        self._bytes = len(left)
        self._needed = _INT.size + _INT.unpack_from(left)[0] if len(left) >= _INT.size else _INT.size

    def close(self) -> None:
        if self._cut:
            raise InputError(f"{self.source}: truncated in the middle of a read: copy or make it again")


def _choose_identity(
    pieces: Iterator[bytes], places: I64, contigs: Contigs, source: str
) -> tuple[Iterator[bytes], float]:
    """The least identity (%) for these reads, from the first of them; and all the pieces, those looked at included."""
    walker = _Walker(source, contigs, places=places, slots=np.zeros(0, np.int32), survey=SURVEYED_READS)
    seen: deque[bytes] = deque()
    size = 0
    for piece in pieces:
        seen.append(piece)
        size += len(piece)
        walker.feed(piece)
        reads, bases = walker.tally[[records.SURVEYED, records.SURVEYED_BASES]].tolist()
        if reads == SURVEYED_READS or bases >= SURVEYED_BASES or size >= SURVEYED_BYTES:
            break
    lengths, identities = walker.survey[:, : walker.tally[records.SURVEYED]]
    return chain(_drain(seen), pieces), identity_for(lengths, identities, source=source)


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


def _read_header(pieces: Iterator[bytes], source: str) -> tuple[Header, bytes]:
    """The header, and what of the records has come with it."""
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
    return Header(names, np.array(lengths, np.int64)), bytes(reader.data[at:])


def _place(header: Header, contigs: Contigs, source: str) -> I64:
    """(3, R), `places` of `records.walk`: where in the slots and the codes each contig of the BAM is."""
    rows = match(header.names, contigs, source=source)
    places = np.full((3, len(rows)), -1, np.int64)
    places[records.LENGTH] = header.lengths
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
    places[records.FIRST_SLOT, known] = depth.starts(contigs.lengths)[found]
    places[records.FIRST_CODE, known] = contigs.offsets[found]
    return places
