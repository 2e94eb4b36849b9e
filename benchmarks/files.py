"""Simulated metagenomes as the files that an assembler and a mapper leave behind."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pysam

from binner.data import I32, I64, Contigs

WIDTH = 80  # bases a line
QUALITY = 60  # of the mapping
# What share of reads is what; a depth counts the first three, not the last three
PLAIN, CLIPPED, GAPPED, DISTANT, SECONDARY, DUPLICATE = range(6)
KINDS = np.array([0.92, 0.03, 0.01, 0.02, 0.01, 0.01])
FLAGS = np.array([0, 0, 0, 0, 0x100, 0x400])
MORE_ERRORS = np.array([0, 0, 2, 12, 0, 0])  # a distant read has more than 3 % of differences
ERROR_RATE = 0.006  # differences from the contig, a base
UNMAPPED = 200  # reads of each sample that lie on no contig
MATCH, DELETION, SOFT_CLIP = 0, 2, 4  # CIGAR operations


def write_contigs(contigs: Contigs, path: Path, *, seed: int, level: int = 9) -> None:
    """Wrapped FASTA, gzip of a level; some contigs have a part in lower case (a masked repeat), the first N is an R."""
    rng = np.random.default_rng(seed)
    with path.open("wb") as raw, gzip.GzipFile("", "wb", level, raw, mtime=0) as file:
        for row, name in enumerate(contigs.names):
            letters = np.frombuffer(b"ACGTN", np.uint8)[contigs[row]]
            if rng.random() < 0.1:
                start = int(rng.integers(0, len(letters)))
                letters[start : start + 200] |= 0x20
            unknown = np.flatnonzero(contigs[row] == 4)
            if len(unknown):
                letters[unknown[0]] = ord("R")
            text = letters.tobytes()
            file.write(f">{name} length={len(text)}\n".encode())
            file.writelines(text[at : at + WIDTH] + b"\n" for at in range(0, len(text), WIDTH))


def write_truth(contigs: Contigs, genome: I32, genomes: tuple[str, ...], path: Path) -> None:
    """Contig, genome and length of the contigs that belong to one, as `binner evaluate` reads them."""
    with path.open("w") as file:
        for row in np.flatnonzero(genome >= 0):
            file.write(f"{contigs.names[row]}\t{genomes[genome[row]]}\t{contigs.lengths[row]}\n")


def write_bam(contigs: Contigs, reads: I64, path: Path, *, read_bp: int, seed: int) -> None:
    """So many reads (N,) on each contig, without sequence and qualities, sorted; some are none that a depth counts."""
    rng = np.random.default_rng(seed)
    header = {
        "HD": {"VN": "1.6", "SO": "coordinate"},
        "SQ": [{"SN": name, "LN": int(length)} for name, length in zip(contigs.names, contigs.lengths, strict=True)],
    }
    with pysam.AlignmentFile(str(path), "wb", header=header) as file:
        read = pysam.AlignedSegment(file.header)
        read.query_name, read.mapping_quality = "*", QUALITY
        for row in np.flatnonzero(reads):
            read.reference_id = int(row)
            starts = np.sort(rng.integers(0, contigs.lengths[row] - read_bp + 1, reads[row]))
            kinds = np.searchsorted(np.cumsum(KINDS), rng.random(len(starts)) * KINDS.sum(), side="right")
            errors = rng.binomial(read_bp, ERROR_RATE, len(starts)) + MORE_ERRORS[kinds]
            flags = FLAGS[kinds] | np.where(rng.random(len(starts)) < 0.5, 0x10, 0)
            for start, kind, error, flag in zip(*(x.tolist() for x in (starts, kinds, errors, flags)), strict=True):
                read.reference_start, read.flag = start, flag
                read.cigartuples = _cigar(kind, read_bp)
                read.set_tag("NM", error)
                file.write(read)
        unmapped = pysam.AlignedSegment(file.header)
        unmapped.query_name, unmapped.flag = "*", 0x4
        for _ in range(UNMAPPED):
            file.write(unmapped)


def _cigar(kind: int, read_bp: int) -> list[tuple[int, int]]:
    if kind == CLIPPED:
        return [(SOFT_CLIP, 30), (MATCH, read_bp - 30)]
    if kind == GAPPED:  # covers as much of the contig as the others
        return [(SOFT_CLIP, 2), (MATCH, read_bp // 2), (DELETION, 2), (MATCH, read_bp - read_bp // 2 - 2)]
    return [(MATCH, read_bp)]
