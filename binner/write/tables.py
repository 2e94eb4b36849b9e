"""The tables of bins and contigs, and what other tools read, from one source: they agree with one another exactly."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from binner.bins_table import DEPTH, quality_cells
from binner.data import F32, I64, N_CODE, Assemblies, Bin, Contigs, Coverage, Membership, n50
from binner.joins import Joins

CHIMERAS = "chimeras.tsv"

Cell = str | int | float | None


@dataclass(frozen=True, eq=False)
class Results:
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
        """What the columns of the samples are called."""
        return [f"{DEPTH}{sample}" for sample in self.coverage.samples] if self.coverage is not None else []

    def bin_rows(self) -> Iterable[Sequence[Cell]]:
        """Of `bins.tsv`, the head first."""
        head = ["bin", "bp", "contigs", "N50", "L50", "GC", "completeness", "contamination", "tier"]
        yield [*head, *self.depth_columns]
        for index in self.order:
            yield [self.names[index], *self._bin_row(index)]

    def _bin_row(self, index: int) -> list[Cell]:
        rows = self.bins[index].rows
        lengths = self.contigs.lengths[rows]
        percent = None
        if self.completeness is not None and self.contamination is not None:
            percent = float(self.completeness[index]), float(self.contamination[index])
        quality = quality_cells(percent)
        return [self.bins[index].size, len(rows), *n50(lengths), self.gc(rows), *quality, *self.depth(rows)]

    def contig_rows(self) -> Iterable[Sequence[Cell]]:
        """Of `contigs.tsv`, the head first."""
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


TABLES: dict[str, Callable[[Results], Iterable[str]]] = {
    "bins.tsv": lambda results: _lines(results.bin_rows()),
    "contigs.tsv": lambda results: _lines(results.contig_rows()),
    "contig2bin.tsv": lambda results: _lines(results.pairs()),
    "cami.binning": lambda results: results.cami(),
    "anvio_collection.txt": lambda results: _lines(results.collection()),
    "gtdbtk_batch.tsv": lambda results: _lines(
        [f"bins/{results.names[i]}.fa", results.names[i]] for i in results.order
    ),
}


def _lines(rows: Iterable[Sequence[Cell]]) -> Iterable[str]:
    for row in rows:
        yield "\t".join(map(_text, row)) + "\n"


def _text(cell: Cell) -> str:
    """Nothing where nothing is known: None and NaN."""
    if cell is None or cell != cell:
        return ""
    return f"{cell:.6g}" if isinstance(cell, float) else str(cell)


def join_lines(joins: Joins) -> Iterable[str]:
    """Those of the table of chimeras."""
    yield from _lines([["contig", "position", "log_ratio"]])
    yield from _lines(zip(joins.contig, joins.position.tolist(), joins.log_ratio.tolist(), strict=True))
