"""BGZF, the blocked gzip of BAM files: the blocks of a stream, inflated one by one (SAM specification, section 4.1)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Generator
from typing import BinaryIO, cast

from isal import igzip_lib, isal_zlib

from binner.errors import InputError

BUFFER = 1 << 20  # bytes read at a time, more than any block
HEADER = 18  # bytes of a block before its data, if it has no other extra field than its size
FOOTER = 8  # bytes behind the data: checksum and size of what it inflates to
_EXTRA = 12  # where the extra fields start
_ERROR = cast(type[Exception], igzip_lib.IsalError)  # declared as a value
_START = struct.Struct(
    "<4s6xH2sHH"
)  # magic, length of the extra fields, the first one: name, length, size of block - 1
_END = struct.Struct("<II")


def blocks(file: BinaryIO, name: str, *, advance: Callable[[int], None]) -> Generator[bytes]:
    """What each block holds, in order; empty ones are left out. `advance` is told the compressed bytes that are done.

    Raises InputError, which starts with `name`, if the stream is no BGZF, is damaged or has no end-of-file block.
    """
    buffer = memoryview(bytearray(BUFFER))
    begin = end = 0
    complete = False  # the last block was empty, as the one that ends a file
    while True:
        size = _block_size(buffer[begin:end], name)
        if not size or begin + size > end:
            advance(begin)
            end = _refill(file, buffer, begin=begin, end=end)
            begin = 0
            if not end:
                break
            size = _block_size(buffer[:end], name)
            if not size or size > end:
                raise _truncated(name)
        data = _inflate(buffer[begin : begin + size], name)
        begin += size
        complete = not data
        if data:
            yield data
    if not complete:
        raise _truncated(name)


def _refill(file: BinaryIO, buffer: memoryview, *, begin: int, end: int) -> int:
    """Move what is left to the front and read behind it; the new end."""
    left = end - begin
    buffer[:left] = bytes(buffer[begin:end])
    while left < len(buffer):
        count = file.readinto(buffer[left:])  # type: ignore[attr-defined]
        if not count:
            break
        left += count
    return left


def _block_size(view: memoryview, name: str) -> int:
    """Bytes of the block that `view` starts with; 0 if it is too short to tell."""
    if len(view) < HEADER:
        return 0
    magic, extra, field, length, size = _START.unpack_from(view)
    if magic != b"\x1f\x8b\x08\x04":
        raise InputError(f"{name}: no BAM file, or a damaged one: a block does not start as BGZF does")
    if field == b"BC" and length == 2:
        return int(size) + 1
    at, stop = _EXTRA, _EXTRA + extra
    if stop > len(view):
        return 0
    while at + 4 <= stop:
        length = int.from_bytes(view[at + 2 : at + 4], "little")
        if bytes(view[at : at + 2]) == b"BC" and length == 2:
            return int.from_bytes(view[at + 4 : at + 6], "little") + 1
        at += 4 + length
    raise InputError(f"{name}: gzip but not BGZF, so no BAM file: make one with `samtools view -b`")


def _inflate(block: memoryview, name: str) -> bytes:
    extra = int.from_bytes(block[10:12], "little")
    checksum, size = _END.unpack_from(block, len(block) - FOOTER)
    if not size:
        return b""
    try:
        data: bytes = isal_zlib.decompress(block[_EXTRA + extra : -FOOTER], -15, size)
    except _ERROR as error:
        raise InputError(f"{name}: damaged: a block does not inflate ({error}): copy or make it again") from None
    if len(data) != size or isal_zlib.crc32(data) != checksum:
        raise InputError(f"{name}: damaged: a block does not match its checksum: copy or make it again")
    return data


def _truncated(name: str) -> InputError:
    return InputError(f"{name}: truncated, its end-of-file block is missing: copy or make it again")
