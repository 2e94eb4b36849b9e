"""A FASTA file for each bin, copied from where the contigs were read."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from binner import bin_folder, fasta
from binner.errors import InputError
from binner.joins import Joins, cut_records
from binner.write.tables import Results

BUFFER = 64 << 20  # bytes of sequence held back before the bins' files are opened, one after the other


def write_bins(folder: Path, results: Results, source: Path, joins: Joins | None) -> None:
    """Copy each contig's record into its bin's file, reading the source once, and write the manifest."""
    row_of = {results.contigs.names[row]: row for row in np.flatnonzero(results.bin_of >= 0).tolist()}
    files = [_BinFile(folder / f"{name}.fa") for name in results.names]
    held = written = 0
    records = fasta.records(source)
    for name, sequence in records if joins is None else cut_records(records, joins):
        row = row_of.get(name)
        if row is None:
            continue
        if len(sequence) != results.contigs.lengths[row]:
            raise InputError(f"{source}: contig '{name}' changed while binner ran: run it again with --force")
        files[results.bin_of[row]].hold(b">%s\n%s\n" % (name.encode(), sequence))
        held += len(sequence)
        written += 1
        if held >= BUFFER:
            for file in files:
                file.flush()
            held = 0
    for file in files:
        file.flush()
    if written != len(row_of):
        raise InputError(f"{source}: {len(row_of) - written} contigs went missing while binner ran: run it again")
    bin_folder.sign(folder, {file.path.name: (file.checksum, file.size) for file in files})


@dataclass
class _BinFile:
    """A bin's file, open only while a batch is written: a process may not have as many files open as there are bins."""

    path: Path
    checksum: int = 0
    size: int = 0
    pieces: list[bytes] = field(default_factory=list)

    def hold(self, record: bytes) -> None:
        self.pieces.append(record)
        self.checksum = zlib.crc32(record, self.checksum)
        self.size += len(record)

    def flush(self) -> None:
        if self.pieces:
            with self.path.open("ab") as file:
                file.writelines(self.pieces)
            self.pieces.clear()
