"""FASTA, plain or compressed: contigs as codes for the stages, records as they stand in the file for writing bins.

The text is cut at '>' and each record goes once through `bytes.translate`, which turns bases into codes and drops line
breaks in one pass, wrapped or not.
"""

from __future__ import annotations

import logging
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

import numpy as np

from binner import inflate
from binner.data import N_CODE, Contigs
from binner.errors import InputError
from binner.headers import Headers
from binner.whole_files import whole

LOGGER = logging.getLogger(__name__)

SPACE = b" \t\r\n\v\f"
OTHER_LETTER, NO_LETTER = 5, 6  # codes used while reading: IUPAC or protein letters, and what no sequence holds

FOREIGN = {
    b"BAM\x01": "a BAM file: reads go after -b, contigs are FASTA",
    b"CRAM": "a CRAM file: reads go after -b, contigs are FASTA",
    b"@HD\t": "a SAM file: reads go after -b (as BAM or CRAM), contigs are FASTA",
    b"@SQ\t": "a SAM file: reads go after -b (as BAM or CRAM), contigs are FASTA",
    b"@": "FASTQ: binner bins contigs, assemble the reads first",
    b"H\t": "an assembly graph (GFA): give the contigs as FASTA",
    b"S\t": "an assembly graph (GFA): give the contigs as FASTA",
    b"PK\x03\x04": "a zip archive: unpack it first",
}
BINARY = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")


def _code_table() -> bytes:
    table = bytearray([NO_LETTER]) * 256
    letters = {bytes(range(65, 91)): OTHER_LETTER, b"A": 0, b"C": 1, b"G": 2, b"TU": 3, b"N": N_CODE}
    for group, code in letters.items():
        for letter in group + group.lower():
            table[letter] = code
    return bytes(table)


CODES = _code_table()


def read(path: Path, *, min_length: int = 0) -> Contigs:
    """The contigs of at least `min_length` bp, in the order of the file.

    A C G T are 0..3 in either case, U is read as T (RNA is the same sequence), every other letter is N. The name is the
    header's first word. Plain, gzip, bzip2, xz or zstd, told by the first bytes and not by the name.

    Raises InputError for what is no FASTA of nucleotides, or is damaged, or repeats a name.
    """
    names: list[str] = []
    kept: list[str] = []
    lengths: list[int] = []
    codes = bytearray()
    total = other = 0
    headers = Headers()
    for name, told, body in _records(path):
        row = body.translate(CODES, SPACE)
        if not row:
            line = _line(path, len(names))
            raise InputError(
                f"{path}, line {line}: contig '{name}' has no sequence: remove it, or write the file again"
            )
        if NO_LETTER in row:
            raise _no_base(path, _line(path, len(names)), name=name, body=body)
        names.append(name)
        total += len(row)
        other += row.count(OTHER_LETTER) if OTHER_LETTER in row else 0  # the search is ten times as fast as the count
        if len(row) >= min_length:
            headers.add(name, told)
            kept.append(name)
            lengths.append(len(row))
            codes += row
    _check_names(path, names)
    if other > total / 2:
        raise InputError(f"{path}: {other / total:.0%} of the letters are none of A C G T N: give DNA, not protein")
    LOGGER.info(
        "%s: %d of %d contigs have %d bp or more, %d of %d bp",
        path,
        len(kept),
        len(names),
        min_length,
        len(codes),
        total,
    )
    array = np.frombuffer(codes, np.uint8)  # shares the bytearray's memory: writable, no copy
    if other:
        np.minimum(array, N_CODE, out=array)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.array(lengths, np.int64))])
    return Contigs(tuple(kept), array, offsets, tuple(headers.circular), headers.depths, headers.formats)


def records(path: Path) -> Iterator[tuple[str, bytes]]:
    """Name and sequence of every record, the sequence as it is written (case, IUPAC codes) without its line breaks.

    Raises InputError as `read` does for what is no FASTA; the letters themselves are not looked at.
    """
    for name, _, body in _records(path):
        yield name, body.translate(None, SPACE)


def names(path: Path) -> Iterator[str]:
    """Name of every record. Raises InputError as `records` does."""
    for name, _, _ in _records(path):
        yield name


def join(files: Sequence[Path], path: Path, *, prefixes: Sequence[str]) -> Path:
    """Write the records of all files to `path`, as they are but for a prefix of the names, one for each file.

    Raises InputError as `records` does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as unfinished, unfinished.open("wb") as out:
        for file, prefix in zip(files, prefixes, strict=True):
            for index, raw in enumerate(_split(file)):
                if not raw.split(b"\n", 1)[0].strip():
                    raise _nameless(file, index)
                out.writelines((b">", prefix.encode(), raw.lstrip(SPACE), b"" if raw.endswith(b"\n") else b"\n"))
    return path


def spool(stream: BinaryIO, path: Path) -> Path:
    """Write what `stream` holds to `path`, so that it can be read more than once; standard input cannot.

    Raises InputError if it holds nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as unfinished, unfinished.open("wb") as out:
        shutil.copyfileobj(stream, out, inflate.BLOCK)
        if not out.tell():
            raise InputError("standard input: empty, no contigs came through the pipe")
    return path


def _records(path: Path) -> Iterator[tuple[str, bytes, bytes]]:
    """Name, the rest of the header, and raw text of the sequence, record by record."""
    for index, raw in enumerate(_split(path)):
        header, _, body = raw.partition(b"\n")
        words = header.split(None, 1)
        if not words:
            raise _nameless(path, index)
        try:
            yield words[0].decode(), words[1] if len(words) > 1 else b"", body
        except UnicodeDecodeError:
            where = f"{path}, line {_line(path, index)}"
            raise InputError(f"{where}: the contig's name is not UTF-8 text: {words[0]!r}") from None


def _nameless(path: Path, index: int) -> InputError:
    return InputError(f"{path}, line {_line(path, index)}: a record without a name: write one after the '>'")


def _line(path: Path, index: int) -> int:
    """Line of the header of a record; counted for errors only: on the way it would take a third of inflation."""
    before = next(inflate.blocks(path)).partition(b">")[0]  # blank lines
    return 1 + before.count(b"\n") + sum(raw.count(b"\n") for raw in islice(_split(path), index))


def _split(path: Path) -> Iterator[bytes]:
    """The text of each record, from behind its '>' to the next one at the start of a line."""
    pieces: list[bytes] = []  # of the record being read
    before = ord("\n")
    blocks = inflate.blocks(path)
    first = next(blocks, b"")
    _check_start(path, first)
    start = first.index(b">") + 1
    for block in chain([first], blocks):
        at = block.find(b">", start)
        while at >= 0:
            if (block[at - 1] if at else before) == ord("\n"):
                pieces.append(block[start:at])
                yield b"".join(pieces)
                pieces.clear()
                start = at + 1
            at = block.find(b">", at + 1)
        pieces.append(block[start:])
        before = block[-1]
        start = 0
    yield b"".join(pieces)


def _check_start(path: Path, text: bytes) -> None:
    """Raise InputError unless the first thing in the text is a '>' that starts a line, which ends as lines do now."""
    start = text.lstrip(SPACE)
    if start.startswith(b">") and b"\n" not in text and b"\r" in text.rstrip(SPACE):
        raise InputError(
            f"{path}: its line ends are those of old Macs (CR): convert them, as in tr '\\r' '\\n' < old.fa > new.fa"
        )
    if start.startswith(b">"):
        return
    if not text:
        raise InputError(f"{path}: an empty file, no contigs in it")
    if not start:
        raise InputError(f"{path}: no FASTA record in it, only blank lines")
    for magic, what in FOREIGN.items():
        if start.startswith(magic):
            raise InputError(f"{path}: {what}")
    if BINARY.search(text[:4096]):
        raise InputError(f"{path}: a binary file: give FASTA, plain or compressed with gzip, bzip2, xz or zstd")
    line = text[: text.index(start)].count(b"\n") + 1
    shown = start.split(b"\n", 1)[0][:40].decode(errors="replace").rstrip()
    raise InputError(f"{path}, line {line}: not FASTA, the first line must begin with '>' and this is {shown!r}")


def _check_names(path: Path, names: list[str]) -> None:
    if len(set(names)) == len(names):
        return
    twice = [name for name, count in Counter(names).items() if count > 1]
    shown = ", ".join(f"'{name}'" for name in twice[:3]) + (", ..." if len(twice) > 3 else "")
    raise InputError(
        f"{path}: {len(twice)} names occur more than once ({shown}): the first word after '>' must be unique"
    )


def _no_base(path: Path, line: int, *, name: str, body: bytes) -> InputError:
    """The error for a sequence that holds something other than letters, with the line that holds it."""
    found = next(match for match in re.finditer(rb"[^A-Za-z]", body) if match[0] not in SPACE)
    at = line + 1 + body.count(b"\n", 0, found.start())
    return InputError(f"{path}, line {at}: contig '{name}' holds {chr(found[0][0])!r}, which is no base")
