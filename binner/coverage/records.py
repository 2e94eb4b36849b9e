"""BAM records (SAM specification, section 4.2), walked without unpacking what depth does not need.

Which reads count follows jgi_summarize_bam_contig_depths: unmapped, secondary, QC-failed and duplicate reads do not,
supplementary ones do. Identity is matches / (matches + mismatches + inserted + deleted bases); clips cost nothing. A
base is covered where the alignment has M, = or X, mismatches included; deletions and skips are not covered.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from binner.data import I64, U8

SKIPPED = 0x704  # flags: unmapped, secondary, failed quality control, duplicate
SUPPLEMENTARY = 0x800

RECORDS, BASES, COUNTED, SURVEYED, SURVEYED_BASES, PLACED, USED, FULL = range(8)  # places in `tally`
TALLIES = 8
FIRST_SLOT, LENGTH, FIRST_CODE = range(3)  # rows of `places`
UNKNOWN, WAITING, DONE = -1, -2, -3  # in place of a first slot: not of the assembly; no read yet; already summed up
BROKEN, AGAIN = -2, -3  # what `walk` says of a record that makes no sense, and of one of a contig that is done

_FIXED = 36  # bytes of a record before the read's name, with the 4 of its size
_M, _I, _D, _N, _S, _H, _P, _EQUAL, _X = range(9)  # operations of a CIGAR
_READ, _CONTIG = 1, 2
_CONSUMES = np.array([3, 1, 2, 2, 1, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0], np.int64)  # by operation
_GAP = np.array([0, 1, 1] + 13 * [0], np.int64)
_NM, _CG = (int.from_bytes(tag, "little") for tag in (b"NM", b"CG"))
_LETTER, _TEXT, _HEX, _ARRAY, _UNSIGNED = b"AZHBI"  # types of tags
_ABSENT = -1
_NO_IDENTITY = -1.0


def _tag_sizes() -> I64:
    """Bytes of a tag's value by its type; 0 for strings, arrays and what is no type."""
    sizes = np.zeros(256, np.int64)
    for types, size in ((b"AcC", 1), (b"sS", 2), (b"iIf", 4)):
        sizes[list(types)] = size
    return sizes


def _letter_codes() -> U8:
    """Code of the base (A C G T = 0 1 2 3) of each 4-bit letter; 5, which no contig holds, for the others."""
    codes = np.full(16, 5, np.uint8)
    codes[[1, 2, 4, 8]] = range(4)
    return codes


_TAG_SIZES = _tag_sizes()
_LETTER_CODES = _letter_codes()


@njit(nogil=True, cache=True)
def walk(data, begin, places, codes, slots, order, threshold, tally, survey):  # type: ignore[no-untyped-def]
    """Add the alignments of the records in `data`, from `begin` on, to `slots`; where it stopped, or what is wrong.

    data: uint8. places: int64 (3, R), of each contig of the BAM its first slot or what stands for one, its length (bp)
    and its first code (-1: none). codes: uint8, of the contigs. slots: int32; a contig takes the next free ones when
    its first read comes, and the walk stops, with FULL, if there are none. order: int64 (R,), which contig came when.
    threshold: the least identity that counts. tally: int64, added to. survey: float64 (2, K); with K > 0 nothing is
    covered, and the lengths and identities of up to K primary reads are noted.
    """
    at = begin
    surveying = survey.shape[1] > 0
    unwanted = SKIPPED | SUPPLEMENTARY if surveying else SKIPPED
    while not surveying or tally[SURVEYED] < survey.shape[1]:
        stop = _record_end(data, at)
        if stop <= at:
            return stop
        contig = _int32(data, at + 4)
        if contig >= places.shape[1]:
            return BROKEN
        mapped = contig >= 0 and _int32(data, at + 8) >= 0 and not _uint16(data, at + 18) & unwanted
        if mapped and (surveying or places[FIRST_SLOT, contig] != UNKNOWN):
            cigar, operations, nm = _layout(data, at, stop)
            if cigar < 0:
                return BROKEN
            identity, bases = _identity(data, at, cigar, operations, nm, places, codes)
            if surveying:
                _note(survey, tally, identity, bases)
            elif identity >= threshold:
                if places[FIRST_SLOT, contig] == DONE:
                    return AGAIN
                if not _placed(contig, places, slots, order, tally):
                    return at
                _cover(data, at, cigar, operations, places, slots)
        tally[RECORDS] += 1
        tally[BASES] += _int32(data, at + 20)
        at = stop
    return at


@njit(nogil=True, cache=True)
def _placed(contig, places, slots, order, tally):  # type: ignore[no-untyped-def]
    """Whether the contig has its slots, and so the read counts; FULL is set if not."""
    if places[FIRST_SLOT, contig] == WAITING:
        end = tally[USED] + places[LENGTH, contig] + 1
        if end > len(slots):
            tally[FULL] = 1
            return False
        places[FIRST_SLOT, contig] = tally[USED]
        order[tally[PLACED]] = contig
        tally[USED] = end
        tally[PLACED] += 1
    tally[COUNTED] += 1
    return True


@njit(nogil=True, cache=True)
def _note(survey, tally, identity, bases):  # type: ignore[no-untyped-def]
    if identity != _NO_IDENTITY:
        survey[0, tally[SURVEYED]] = bases
        survey[1, tally[SURVEYED]] = identity
        tally[SURVEYED] += 1
        tally[SURVEYED_BASES] += bases


@njit(nogil=True, cache=True)
def _record_end(data, at):  # type: ignore[no-untyped-def]
    """Where the record at `at` ends; `at` if it is cut, BROKEN if it cannot be a record."""
    if at + 4 > len(data):
        return at
    stop = at + 4 + _int32(data, at)
    if stop < at + _FIXED:
        return BROKEN
    if stop > len(data):
        return at
    return stop


@njit(nogil=True, cache=True)
def _layout(data, at, stop):  # type: ignore[no-untyped-def]
    """Where the CIGAR starts (BROKEN if the record is), its operations and the edit distance (NM) or _ABSENT.

    More than 65,535 operations are kept in the tag CG, and the CIGAR proper then only says <bases>S<span>N.
    """
    operations, bases = _uint16(data, at + 16), _int32(data, at + 20)
    cigar = at + _FIXED + np.int64(data[at + 12])
    tags = cigar + 4 * operations + (bases + 1) // 2 + bases
    if bases < 0 or tags > stop:
        return BROKEN, 0, 0
    placeholder = operations == 2 and data[cigar + 4] & 15 == _N and _operation(data, cigar) == (_S, bases)
    nm, real, count = _tags(data, tags, stop, placeholder)
    if nm == BROKEN:
        return BROKEN, 0, 0
    if real > 0:
        return real, count, nm
    return cigar, operations, nm


@njit(nogil=True, cache=True)
def _tags(data, at, stop, placeholder):  # type: ignore[no-untyped-def]
    """The tag NM, and if it is looked for where the CIGAR in the tag CG starts and its operations (else 0, 0)."""
    nm, real, count = _ABSENT, 0, 0
    while at + 3 < stop:
        start = _int32(data, at)
        name, kind = start & 0xFFFF, start >> 16 & 0xFF
        at += 3
        size = _TAG_SIZES[kind]
        if size:
            if name == _NM and kind != _LETTER:
                nm = _integer(data, at, size) if at + size <= stop else BROKEN
                if not placeholder:
                    break
        elif kind in (_TEXT, _HEX):
            size = 1
            while at + size <= stop and data[np.uint64(at + size - 1)]:
                size += 1
        elif kind == _ARRAY and at + 5 <= stop:  # type, count, values
            items = _int32(data, at + 1)
            size = 5 + items * _TAG_SIZES[data[at]]
            if placeholder and name == _CG and data[at] == _UNSIGNED:
                real, count = at + 5, items
        at += size
        if at > stop or size <= 0:
            return BROKEN, 0, 0
    return nm, real, count


@njit(nogil=True, cache=True)
def _identity(data, at, cigar, operations, nm, places, codes):  # type: ignore[no-untyped-def]
    """Identity of an alignment (_NO_IDENTITY: nothing is aligned, or nothing tells), and length of the whole read.

    Mismatches are X and, for M, what NM leaves when gaps are taken off (as jgi does), or without NM the bases that
    differ from the contig's.
    """
    contig, here = _int32(data, at + 4), _int32(data, at + 8)
    read = either = equal = unequal = gaps = clipped = 0
    for index in range(operations):
        kind, bases = _operation(data, cigar + 4 * index)
        uses = _CONSUMES[kind]
        if uses & _CONTIG and here + bases > places[LENGTH, contig]:
            break
        here += bases if uses & _CONTIG else 0
        read += bases if uses & _READ else 0
        either += bases if kind == _M else 0
        equal += bases if kind == _EQUAL else 0
        unequal += bases if kind == _X else 0
        gaps += bases if _GAP[kind] else 0
        clipped += bases if kind == _H else 0
    aligned = either + equal + unequal
    if either and nm != _ABSENT:
        unequal = max(unequal, nm - gaps)
    elif either and places[FIRST_CODE, contig] >= 0:
        unequal += _mismatches(data, at, cigar, operations, places, codes)
    elif either or not aligned:
        return _NO_IDENTITY, read + clipped
    return max(aligned - unequal, 0) / (aligned + gaps), read + clipped


@njit(nogil=True, cache=True)
def _mismatches(data, at, cigar, operations, places, codes):  # type: ignore[no-untyped-def]
    """Bases aligned as M that differ from the contig's; 0 if the record has no sequence."""
    contig, here = _int32(data, at + 4), _int32(data, at + 8)
    first_code = places[FIRST_CODE, contig]
    read = different = 0
    for index in range(operations):
        kind, bases = _operation(data, cigar + 4 * index)
        uses = _CONSUMES[kind]
        if uses & _CONTIG and here + bases > places[LENGTH, contig]:
            break
        if kind == _M:
            different += _differences(data, at, read, codes[first_code + here : first_code + here + bases])
        here += bases if uses & _CONTIG else 0
        read += bases if uses & _READ else 0
    return different


@njit(nogil=True, cache=True)
def _cover(data, at, cigar, operations, places, slots):  # type: ignore[no-untyped-def]
    """Add one read's alignment to the slots; what would lie beyond the end of the contig is clipped off."""
    contig, here = _int32(data, at + 4), _int32(data, at + 8)
    first, length = places[FIRST_SLOT, contig], places[LENGTH, contig]
    for index in range(operations):
        kind, bases = _operation(data, cigar + 4 * index)
        uses = _CONSUMES[kind]
        if uses & _CONTIG:
            if here + bases > length:
                break
            if uses & _READ:
                slots[first + here] += 1
                slots[first + here + bases] -= 1
            here += bases


@njit(nogil=True, cache=True)
def _differences(data, at, read, codes):  # type: ignore[no-untyped-def]
    """How many bases of the read, from `read` on, differ from `codes`; 0 if the record has no sequence."""
    if read + len(codes) > _int32(data, at + 20):
        return 0
    sequence = at + _FIXED + np.int64(data[at + 12]) + 4 * _uint16(data, at + 16)
    different = 0
    for index in range(len(codes)):
        pair = np.int64(data[sequence + (read + index) // 2])
        letter = pair & 15 if (read + index) & 1 else pair >> 4
        if letter and _LETTER_CODES[letter] != codes[index]:  # 0 is '=', the base of the contig
            different += 1
    return different


@njit(nogil=True, cache=True)
def _operation(data, at):  # type: ignore[no-untyped-def]
    """Kind and length of an operation of a CIGAR."""
    packed = _int32(data, at)
    return packed & 15, (packed & 0xFFFFFFFF) >> 4


@njit(nogil=True, cache=True)
def _integer(data, at, size):  # type: ignore[no-untyped-def]
    """A tag's count: never negative, so its sign does not matter."""
    value = np.int64(0)
    for index in range(size):
        value |= np.int64(data[at + index]) << (8 * index)
    return value


@njit(nogil=True, cache=True)
def _uint16(data, at):  # type: ignore[no-untyped-def]
    first = np.uint64(at)  # unsigned: no check for places counted from the end
    return np.int64(data[first]) | np.int64(data[first + np.uint64(1)]) << 8


@njit(nogil=True, cache=True)
def _int32(data, at):  # type: ignore[no-untyped-def]
    first = np.uint64(at)
    value = (
        np.int64(data[first]) | np.int64(data[first + np.uint64(1)]) << 8 | np.int64(data[first + np.uint64(2)]) << 16
    )
    return value | np.int64(np.int8(data[first + np.uint64(3)])) << 24
