"""Contigs, reads mapped to them, and the depth that a slow and plain loop over pysam's records finds."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pysam

from binner.data import F64, Contigs

BASES = "ACGT"
MATCH, INSERTED, DELETED, SKIPPED, SOFT, HARD, PADDED, EQUAL, X = range(9)
Cigar = list[tuple[int, int]]


def make_contigs(rng: np.random.Generator, lengths: Sequence[int], *, names: Sequence[str] = ()) -> Contigs:
    codes = rng.integers(0, 4, sum(lengths), dtype=np.uint8)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return Contigs(tuple(names) or tuple(f"c{i}" for i in range(len(lengths))), codes, offsets)


def bases(contigs: Contigs, row: int) -> str:
    return "".join((BASES + "N")[code] for code in contigs[row])


def write_fasta(path: Path, contigs: Contigs) -> Path:
    path.write_text("".join(f">{name} of a test\n{bases(contigs, row)}\n" for row, name in enumerate(contigs.names)))
    return path


@dataclass(frozen=True)
class Read:
    """A record of a BAM, of a contig by its row."""

    row: int
    start: int
    cigar: Cigar
    sequence: str
    tags: tuple[tuple[str, Any, Any], ...]
    flag: int = 0


ILLUMINA_LIKE = (0.7, 0.15, 0.14, 0.01)  # shares of the errors: mismatches, insertions, deletions, skips
NANOPORE_LIKE = (0.4, 0.22, 0.38, 0.0)


def draw_read(
    rng: np.random.Generator,
    contigs: Contigs,
    *,
    length: int,
    error: float,
    spelled: bool = False,
    shares: Sequence[float] = ILLUMINA_LIKE,
) -> Read:
    """A read of about `length` bp, with mismatches and gaps and a true NM; `spelled`: with = and X in place of M."""
    row = int(rng.integers(len(contigs)))
    contig = contigs[row]
    start = int(rng.integers(len(contig)))
    kinds = np.array([EQUAL, X, INSERTED, DELETED, SKIPPED])
    steps = rng.choice(kinds, length, p=[1 - error, *(share * error for share in shares)])
    steps[0] = EQUAL
    steps = steps[start + np.cumsum(steps != INSERTED) <= len(contig)]
    at = start + np.cumsum(steps != INSERTED) - 1
    codes = np.where(steps == INSERTED, rng.integers(0, 4, len(steps)), contig[at])
    codes = np.where(steps == X, (codes + rng.integers(1, 4, len(steps))) % 4, codes)
    sequence = "".join(BASES[code] for code in codes[(steps != DELETED) & (steps != SKIPPED)])
    nm = int(np.isin(steps, [X, INSERTED, DELETED]).sum())
    cigar = runs(steps if spelled else np.where(steps >= EQUAL, MATCH, steps))
    clips = rng.integers(1, 30, 4)
    if rng.random() < 0.2:
        sequence, cigar = "A" * clips[0] + sequence, [(SOFT, int(clips[0])), *cigar]
    if rng.random() < 0.2:
        sequence, cigar = sequence + "C" * clips[1], [*cigar, (SOFT, int(clips[1]))]
    if rng.random() < 0.1:
        cigar = [(HARD, int(clips[2])), *cigar, (HARD, int(clips[3]))]
    return Read(row, start, cigar, sequence, decorated(rng, nm))


def padded(read: Read, length: int) -> Read:
    """The read with a soft clip that makes its sequence `length` bp long."""
    clip = length - len(read.sequence)
    last = len(read.cigar) - (read.cigar[-1][0] == HARD)
    assert clip > 0
    cigar = [*read.cigar[:last], (SOFT, clip), *read.cigar[last:]]
    if cigar[last - 1][0] == SOFT:
        cigar[last - 1 : last + 1] = [(SOFT, cigar[last - 1][1] + clip)]
    return replace(read, sequence=read.sequence + "G" * clip, cigar=cigar)


def runs(kinds: npt.NDArray[np.int64]) -> Cigar:
    cigar: Cigar = []
    for kind in kinds.tolist():
        if cigar and cigar[-1][0] == kind:
            cigar[-1] = (kind, cigar[-1][1] + 1)
        else:
            cigar.append((kind, 1))
    return cigar


def decorated(rng: np.random.Generator, nm: int) -> tuple[tuple[str, Any, Any], ...]:
    """NM between tags of every type, some of which hold its name."""
    tags: list[tuple[str, Any, Any]] = [
        ("XA", "NMC\x01NM", "Z"),
        ("XB", np.arange(5, dtype=np.uint16).tolist(), None),
        ("XC", "Q", "A"),
        ("XF", 1.5, "f"),
        ("XS", -3, "s"),
    ]
    chosen = [tags[i] for i in rng.permutation(len(tags))[: rng.integers(len(tags) + 1)]]
    kind = str(rng.choice(["C", "S", "i"])) if nm < 256 else "i"
    chosen.insert(int(rng.integers(len(chosen) + 1)), ("NM", nm, kind))
    return tuple(chosen)


def write_bam(
    path: Path, contigs: Contigs, reads: Iterable[Read], *, mode: str = "wb", fasta: Path | None = None
) -> Path:
    header = pysam.AlignmentHeader.from_dict(
        {"SQ": [{"SN": name, "LN": int(length)} for name, length in zip(contigs.names, contigs.lengths, strict=True)]}
    )
    with pysam.AlignmentFile(
        str(path), mode, header=header, reference_filename=None if fasta is None else str(fasta)
    ) as out:
        for number, read in enumerate(reads):
            out.write(record(read, f"r{number:07d}", header))
    return path


def record(read: Read, name: str, header: pysam.AlignmentHeader) -> pysam.AlignedSegment:
    made = pysam.AlignedSegment(header)
    made.query_name = name
    made.flag = read.flag
    if not read.flag & 4:
        made.reference_id = read.row
        made.reference_start = read.start
        made.cigartuples = read.cigar
    made.query_sequence = read.sequence or None
    made.mapping_quality = 60
    for tag, value, kind in read.tags:
        made.set_tag(tag, value, kind)
    return made


def draw_reads(rng: np.random.Generator, contigs: Contigs, count: int, *, length: int = 100) -> list[Read]:
    """Reads close to and far from the threshold, with every flag that matters, sorted by place."""
    flags = [0, 16, 64, 128, 256, 512, 1024, 2048, 2048 + 256, 4]
    weights = np.array([5, 5, 5, 5, 1, 1, 1, 2, 1, 1]) / 27
    reads = [
        replace(
            draw_read(
                rng, contigs, length=length, error=float(rng.choice([0.0, 0.03, 0.1])), spelled=rng.random() < 0.3
            ),
            flag=int(rng.choice(flags, p=weights)),
        )
        for _ in range(count)
    ]
    return sorted(reads, key=lambda read: (read.flag == 4, read.row, read.start))


def base_depths(path: Path, contigs: Contigs, *, identity: float = 97.0) -> tuple[dict[str, F64], int]:
    """Depth of every base of contigs, from pysam's CIGAR and NM, and the mean length of reads.

    Takes BAM, and CRAM beside its `.fa`.
    """
    depths = {name: np.zeros(length) for name, length in zip(contigs.names, contigs.lengths.tolist(), strict=True)}
    total = count = 0
    with pysam.AlignmentFile(str(path), check_sq=False, reference_filename=str(path.with_suffix(".fa"))) as file:
        for read in file.fetch(until_eof=True):
            total += len(read.query_sequence or "")
            count += 1
            if read.flag & (4 | 256 | 512 | 1024):
                continue
            of = np.zeros(10, np.int64)
            for kind, length in read.cigartuples or ():
                of[kind] += length
            aligned, gaps = of[MATCH] + of[EQUAL] + of[X], of[INSERTED] + of[DELETED]
            wrong = int(read.get_tag("NM")) - gaps if of[MATCH] else of[X]
            if not aligned or (aligned - wrong) / (aligned + gaps) < identity / 100:
                continue
            at = read.reference_start
            for kind, length in read.cigartuples or ():
                if kind in (MATCH, EQUAL, X):
                    depths[str(read.reference_name)][at : at + length] += 1
                at += length if kind in (MATCH, DELETED, SKIPPED, EQUAL, X) else 0
    return depths, total // max(count, 1)


def slow_depth(path: Path, contigs: Contigs, *, identity: float = 97.0) -> tuple[F64, F64]:
    """Mean and variance of depth of each contig."""
    depths, length = base_depths(path, contigs, identity=identity)
    edge = min(75, length)
    inner = [depth[edge:-edge] if len(depth) > 2 * edge + 1 and edge else depth for depth in depths.values()]
    mean = np.array([depth.mean() if len(depth) > 2 else 0 for depth in inner])
    return mean, np.array([depth.var(ddof=1) if len(depth) > 2 else 0 for depth in inner])


def inflated(path: Path) -> bytes:
    """What a BGZF file holds."""
    left, text = path.read_bytes(), b""
    while left:
        member = zlib.decompressobj(31)
        text += member.decompress(left)
        left = member.unused_data
    return text


def bgzf(pieces: Iterable[bytes], *, extra: bytes = b"", end: bool = True) -> bytes:
    """BGZF of these pieces, a block each; `extra`: another extra field before that of the size."""
    blocks = []
    for piece in (*pieces, *([b""] if end else [])):
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        data = packer.compress(piece) + packer.flush()
        size = 12 + len(extra) + 6 + len(data) + 8 - 1
        head = b"\x1f\x8b\x08\x04" + bytes(6) + struct.pack("<H", len(extra) + 6) + extra + b"BC\x02\x00"
        blocks.append(head + struct.pack("<H", size) + data + struct.pack("<II", zlib.crc32(piece), len(piece)))
    return b"".join(blocks)


def cut(data: bytes, rng: np.random.Generator, *, most: int) -> list[bytes]:
    """Pieces of 1 to `most` bytes."""
    pieces = []
    at = 0
    while at < len(data):
        size = int(rng.integers(1, most + 1))
        pieces.append(data[at : at + size])
        at += size
    return pieces
