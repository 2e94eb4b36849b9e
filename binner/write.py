"""The results: a FASTA file for each bin and the tables that describe them, which agree with one another exactly.

Everything is written beside the earlier results first. Then `run.json` and what else tells of these is removed, the
folder of bins is swapped (`bin_folder`), and the tables are moved in one by one: each is whole at any time, but in that
moment, or if the run is killed in it, new bins stand beside old tables. With `run.json` there, all are of one run.
"""

from __future__ import annotations

import logging
import re
import shutil
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from binner import bin_folder, fasta
from binner.data import F32, I64, N_CODE, Assemblies, Bin, Contigs, Coverage, Membership, n50
from binner.errors import InputError
from binner.joins import Joins, cut_records

LOGGER = logging.getLogger(__name__)

BUFFER = 64 << 20  # bytes of sequence held back before the bins' files are opened, one after the other
STAGED = ".results.new"  # in the output folder, until all is written
CHIMERAS = "chimeras.tsv"

NEAR_COMPLETE, MEDIUM, LOW, CONTAMINATED, UNKNOWN = "near-complete", "medium", "low", "contaminated", "unknown"

Cell = str | int | float | None


def tier(completeness: float, contamination: float) -> str:
    """The class of a bin by MIMAG's bounds on completeness and contamination (%), Bowers et al. 2017.

    MIMAG's "high quality" also asks for rRNA and tRNA genes, which binner does not look for: "near-complete" says what
    is known. MIMAG has no class for bins of 10 % contamination and more.
    """
    if contamination >= 10:
        return CONTAMINATED
    if completeness > 90 and contamination < 5:
        return NEAR_COMPLETE
    return MEDIUM if completeness >= 50 else LOW


def write_results(
    out: Path,
    contigs: Contigs,
    bins: Sequence[Bin],
    *,
    source: Path,
    prefix: str,
    assemblies: Assemblies,
    membership: Membership,
    coverage: Coverage | None,
    completeness: F32 | None,
    contamination: F32 | None,
    joins: Joins | None = None,
    clear: Callable[[], None] = lambda: None,
) -> tuple[str, ...]:
    """Write `bins/`, tables of bins and contigs, and what other tools read into `out`; the names of `bins`.

    Bins of each assembly are numbered by size, the largest first, ties by their first contig. `source` is the FASTA
    file the contigs were read from: sequences are copied as they stand there (case, IUPAC codes). `membership` says how
    surely contigs are in their bins; `completeness` and `contamination` (as many as bins) are %. In the CAMI file,
    assemblies are samples. `joins` are where contigs of `source` were cut, of which `contigs` are the pieces. `clear`
    is called right before the results are moved in: it removes what tells of the earlier ones.

    Raises InputError if `source` is no longer what `contigs` were read from, or if `bin_folder.check` does.
    """
    results = _Results(contigs, bins, prefix, assemblies, membership, coverage, completeness, contamination)
    bin_folder.settle(out)
    bin_folder.check(out, prefixes=assemblies.prefixes(prefix))
    staged = out / STAGED
    shutil.rmtree(staged, ignore_errors=True)  # of a run that was killed
    (staged / "bins").mkdir(parents=True)
    _write_bins(staged / "bins", results, source, joins)
    tables = {name: lines(results) for name, lines in _TABLES.items()}
    if joins is not None:
        tables[CHIMERAS] = _lines(_join_rows(joins))
    for name, lines in tables.items():
        with (staged / name).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(lines)
    clear()
    bin_folder.swap(out, staged / "bins")
    for name in tables:
        (staged / name).replace(out / name)
    if joins is None:
        (out / CHIMERAS).unlink(missing_ok=True)  # of a run with other options
    staged.rmdir()
    binned = int(contigs.lengths[results.bin_of >= 0].sum())
    LOGGER.info("%s: %d bins, %d of %d bp", out, len(bins), binned, len(contigs.codes))
    return results.names


@dataclass(frozen=True, eq=False)
class _Results:
    """What all the files are written from."""

    contigs: Contigs
    bins: Sequence[Bin]
    prefix: str
    assemblies: Assemblies
    membership: Membership
    coverage: Coverage | None
    completeness: F32 | None
    contamination: F32 | None

    def __post_init__(self) -> None:
        rows = np.concatenate([np.zeros(0, np.int64), *(found.rows for found in self.bins)])
        if len(np.unique(rows)) != len(rows):
            raise ValueError("a contig is in two bins")
        if any(found.size != self.contigs.lengths[found.rows].sum() for found in self.bins):
            raise ValueError("the size of a bin is not that of its contigs")
        if not len(self.membership.probability) == len(self.assemblies.of) == len(self.contigs):
            raise ValueError("as many probabilities and assemblies as contigs, please")
        if any(len(np.unique(self.assemblies.of[found.rows])) > 1 for found in self.bins):
            raise ValueError("a bin has contigs of two assemblies")
        if self.coverage is not None and self.coverage.names_digest != self.contigs.names_digest:
            raise ValueError("the coverage is that of other contigs")

    @cached_property
    def order(self) -> list[int]:
        """Indices of the bins: assembly by assembly, by their number."""
        return sorted(
            range(len(self.bins)),
            key=lambda index: (self._assembly(index), -self.bins[index].size, self.bins[index].rows[0]),
        )

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the bins, as given."""
        prefixes = self.assemblies.prefixes(self.prefix)
        number: Counter[int] = Counter()
        names = [""] * len(self.bins)
        for index in self.order:
            assembly = self._assembly(index)
            number[assembly] += 1
            names[index] = f"{prefixes[assembly]}_{number[assembly]}"
        return tuple(names)

    def _assembly(self, index: int) -> int:
        return int(self.assemblies.of[self.bins[index].rows[0]])

    @cached_property
    def bin_of(self) -> I64:
        """(N,), index of each contig's bin, -1 = none."""
        bin_of = np.full(len(self.contigs), -1, np.int64)
        for index, found in enumerate(self.bins):
            bin_of[found.rows] = index
        return bin_of

    @cached_property
    def bases(self) -> tuple[I64, I64]:
        """(N,) and (N,): of each contig, the bases that are known, and those of them that are G or C."""
        rows = range(len(self.contigs))
        known = [np.count_nonzero(self.contigs[row] < N_CODE) for row in rows]
        gc = [np.count_nonzero((self.contigs[row] - 1) < 2) for row in rows]  # codes 1 and 2; 0 wraps round to 255
        return np.array(known, np.int64), np.array(gc, np.int64)

    def gc(self, rows: I64 | int) -> str | None:
        """Share of G and C among the known bases of some contigs, %; None if none is known."""
        known, gc = (int(counts[rows].sum()) for counts in self.bases)
        return f"{100 * gc / known:.2f}" if known else None

    def depth(self, rows: I64) -> list[float]:
        """Of some contigs in each sample, the mean by bp of those that are known; NaN where none is."""
        if self.coverage is None:
            return []
        mean = self.coverage.mean[rows].astype(np.float64)
        weight = self.contigs.lengths[rows, None] * ~np.isnan(mean)
        total = weight.sum(0).astype(np.float64)
        total[total == 0] = np.nan
        depth: list[float] = ((np.nan_to_num(mean) * weight).sum(0) / total).tolist()
        return depth

    @property
    def depth_columns(self) -> list[str]:
        return [f"depth:{sample}" for sample in self.coverage.samples] if self.coverage is not None else []

    def bin_rows(self) -> Iterable[Sequence[Cell]]:
        head = ["bin", "bp", "contigs", "N50", "L50", "GC", "completeness", "contamination", "tier"]
        yield [*head, *self.depth_columns]
        for index in self.order:
            yield [self.names[index], *self._bin_row(index)]

    def _bin_row(self, index: int) -> list[Cell]:
        rows = self.bins[index].rows
        lengths = self.contigs.lengths[rows]
        quality: list[Cell] = [None, None, UNKNOWN]
        if self.completeness is not None and self.contamination is not None:
            percent = float(self.completeness[index]), float(self.contamination[index])
            quality = [f"{percent[0]:.2f}", f"{percent[1]:.2f}", tier(*percent)]
        return [self.bins[index].size, len(rows), *n50(lengths), self.gc(rows), *quality, *self.depth(rows)]

    def contig_rows(self) -> Iterable[Sequence[Cell]]:
        yield ["contig", "length", "GC", "bin", "probability", "second_bin", "second_probability", *self.depth_columns]
        names = [*self.names, None]  # the last, -1, is that of no bin
        own, other, second = self.membership.probability, self.membership.second_probability, self.membership.second
        for row, name in enumerate(self.contigs.names):
            depth = self.coverage.mean[row].tolist() if self.coverage is not None else []
            place = [names[self.bin_of[row]], float(own[row]), names[second[row]], float(other[row])]
            yield [name, int(self.contigs.lengths[row]), self.gc(row), *place, *depth]

    def pairs(self, assembly: int | None = None) -> Iterable[Sequence[Cell]]:
        """Contigs and their bins, of all assemblies or of one."""
        binned = self.bin_of >= 0
        for row in np.flatnonzero(binned if assembly is None else binned & (self.assemblies.of == assembly)):
            yield [self.contigs.names[row], self.names[self.bin_of[row]]]

    def collection(self) -> Iterable[Sequence[Cell]]:
        """Contigs and their bins, whose names have letters, digits and underscores only, as anvi'o wants them."""
        plain: dict[str, str] = {}  # name: what it is called here
        taken: set[str] = set()
        for name in (self.names[index] for index in self.order):
            called = re.sub("[^A-Za-z0-9_]", "_", name)
            called = f"bin_{called}" if called[0].isdigit() else called
            while called in taken:  # of two assemblies whose names differ by a dot
                called += "_"
            taken.add(called)
            plain[name] = called
        for contig, own in self.pairs():
            yield contig, plain[str(own)]

    def cami(self) -> Iterable[str]:
        """Lines of the binnings in CAMI's format, one after the other."""
        for number, sample in enumerate(self.assemblies.names):
            yield f"@Version:0.9.1\n@SampleID:{sample}\n\n@@SEQUENCEID\tBINID\n"
            yield from _lines(self.pairs(number))


_TABLES: dict[str, Callable[[_Results], Iterable[str]]] = {
    "bins.tsv": lambda results: _lines(results.bin_rows()),
    "contigs.tsv": lambda results: _lines(results.contig_rows()),
    "contig2bin.tsv": lambda results: _lines(results.pairs()),
    "cami.binning": lambda results: results.cami(),
    "anvio_collection.txt": lambda results: _lines(results.collection()),
    "gtdbtk_batch.tsv": lambda results: _lines(
        [f"bins/{results.names[i]}.fa", results.names[i]] for i in results.order
    ),
}
WRITTEN = ("bins", bin_folder.REPLACED, STAGED, CHIMERAS, *_TABLES)  # in the output folder, for good or for a while


def _lines(rows: Iterable[Sequence[Cell]]) -> Iterable[str]:
    for row in rows:
        yield "\t".join(map(_text, row)) + "\n"


def _text(cell: Cell) -> str:
    """Nothing where nothing is known: None and NaN."""
    if cell is None or cell != cell:
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def _join_rows(joins: Joins) -> Iterable[Sequence[Cell]]:
    yield ["contig", "position", "log_ratio"]
    yield from zip(joins.contig, joins.position.tolist(), joins.log_ratio.tolist(), strict=True)


def _write_bins(folder: Path, results: _Results, source: Path, joins: Joins | None) -> None:
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
