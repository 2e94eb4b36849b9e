"""Text files, plain or compressed, told by their first bytes and not by their names."""

from __future__ import annotations

import bz2
import lzma
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard
from isal import igzip, igzip_lib

from binner.errors import InputError

BLOCK = 1 << 20  # bytes held at a time
_MARK = b"\xef\xbb\xbf"  # of byte order, which some editors put first
_ZSTD = re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")  # a frame, or one to be skipped as pzstd writes first
_OPENERS: dict[bytes, Callable[[BinaryIO], object]] = {
    b"\x1f\x8b": igzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_LONGEST_WINDOW = 1 << 31  # bytes, of zstd: that of --long=31; a file that has less takes no more memory
_LONGEST = max(map(len, _OPENERS))
# igzip_lib declares its error as a value, not as a type
_DAMAGE = (EOFError, OSError, lzma.LZMAError, zstandard.ZstdError, cast(type[Exception], igzip_lib.IsalError))


def open_file(path: Path) -> BinaryIO:
    """The file's bytes as they are. Raises InputError if there is no such file, it is a pipe, or it cannot be read."""
    if is_folder(path):
        raise InputError(f"{path}: a folder; name the file in it")
    try:
        if path.is_fifo():
            raise InputError(
                f"{path}: a pipe, and it is read twice: write it to a file first; contigs are piped to '-'"
            )
        return path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise _unreadable(path, error) from None


def is_folder(path: Path) -> bool:
    """Whether a folder is there. Raises InputError where the system does not say: below one that may not be entered."""
    try:
        return path.is_dir()
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be read: {error.strerror}")


def blocks(path: Path) -> Iterator[bytes]:
    """The file's text in pieces that are never empty, without a byte order mark: plain, gzip, bzip2, xz or zstd.

    Raises InputError if it cannot be read or is damaged.
    """
    pieces = _blocks(path)
    if first := next(pieces, b"").removeprefix(_MARK):
        yield first
    yield from pieces


def _blocks(path: Path) -> Iterator[bytes]:
    try:
        with open_file(path) as file:
            start = file.read(_LONGEST)
            file.seek(0)
            opener = next((opener for magic, opener in _OPENERS.items() if start.startswith(magic)), None)
            if _ZSTD.match(start):
                yield from _zstd_blocks(file)
            else:
                yield from _read_blocks(cast(BinaryIO, opener(file)) if opener else file)
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise _unreadable(path, error) from None
        raise InputError(f"{path}: the compressed file {_damage(error)}") from None


def _damage(error: Exception) -> str:
    """What is wrong, and the way out. What is behind the end of a gzip file is to igzip another, too short or none."""
    if isinstance(error, EOFError):
        return "ends too early: copy or make it again (or something else is behind its end: remove that)"
    if str(error).startswith("Not a gzipped file"):
        return "is damaged (something else is behind its end): remove that, or make it again"
    return f"is damaged ({error}): copy or make it again"


def _read_blocks(file: BinaryIO) -> Iterator[bytes]:
    return iter(lambda: file.read(BLOCK), b"")


def _zstd_blocks(file: BinaryIO) -> Iterator[bytes]:
    """Frame by frame: zstandard's own reader takes a truncated file for a whole one."""
    reader = zstandard.ZstdDecompressor(max_window_size=_LONGEST_WINDOW)
    frame = reader.decompressobj()
    for chunk in _read_blocks(file):
        left = chunk
        while left:
            if frame.eof:
                frame = reader.decompressobj()
            text = frame.decompress(left)
            left = frame.unused_data if frame.eof else b""
            if text:
                yield text
    if not frame.eof:
        raise EOFError
