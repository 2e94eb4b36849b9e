"""What a finished run left in its folder, read back: bins, contigs, and the record of the run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from binner.bins_table import CONTAMINATED, DEPTH, LOW, MEDIUM, NEAR_COMPLETE, UNKNOWN
from binner.config import assembly_name
from binner.data import F64, I64
from binner.errors import InputError
from binner.inflate import is_folder

TIERS = (NEAR_COMPLETE, MEDIUM, LOW, CONTAMINATED, UNKNOWN)

_COLUMNS = ("bin", "bp", "contigs", "N50", "GC", "completeness", "contamination", "tier")
_NOTHING = float("nan")
_RECORD = ("summary", "stages", "options", "versions", "host", "inputs")

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Judge:
    """Who says how complete and how contaminated bins are: binner's marker genes (name ""), or another program."""

    name: str
    completeness: str  # column of bins.tsv
    contamination: str
    tier: str

    @property
    def by(self) -> str:
        """As it is called in a title."""
        return self.name or "marker genes"


class Verdict(NamedTuple):
    """What a judge says about a bin; NaN where it says nothing."""

    completeness: float  # %
    contamination: float  # %
    tier: str

    @property
    def tier_class(self) -> str:
        """The tier, if it is one that binner gives."""
        return self.tier if self.tier in TIERS else UNKNOWN


@dataclass(frozen=True, slots=True)
class BinRow:
    """A line of `bins.tsv`. What is not known is NaN."""

    name: str
    bp: int
    contigs: int
    n50: int
    gc: float  # %
    quality: tuple[Verdict, ...]  # of each judge
    depth: tuple[float, ...]  # x, of each sample

    @property
    def tier(self) -> str:
        """By the first judge."""
        return self.quality[0].tier

    @property
    def tier_class(self) -> str:
        """By the first judge."""
        return self.quality[0].tier_class


@dataclass(frozen=True, slots=True, eq=False)
class ContigTable:
    """`contigs.tsv` by columns, N contigs and S samples."""

    names: tuple[str, ...]
    lengths: I64  # (N,), bp
    gc: F64  # (N,), %
    bins: I64  # (N,), index of the bin, -1 = none
    second: I64  # (N,), index of the bin that comes next, -1 = none
    probability: F64  # (N,)
    depth: F64  # (N, S), x; NaN where it is not known

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, eq=False)
class Results:
    """All that a report is made of, but for the embedding."""

    folder: Path
    assembly: str  # name
    samples: tuple[str, ...]
    judges: tuple[Judge, ...]  # with those beside binner first: they were asked
    bins: tuple[BinRow, ...]  # from the largest
    contigs: ContigTable
    record: Mapping[str, Any]  # run.json


def read(folder: Path) -> Results:
    """The results in `folder`. Raises InputError if one is missing, damaged, or of another run."""
    if not is_folder(folder):
        raise InputError(f"{folder}: no such folder; name the one that `binner run` wrote")
    head, rows = _table(folder / "bins.tsv", _COLUMNS)
    judges = _judges(head)
    bins = tuple(_bin(row, judges, where=where) for where, row in rows)
    if len({found.name for found in bins}) < len(bins):
        raise InputError(f"{folder / 'bins.tsv'}: a bin is named twice")
    samples = tuple(name.removeprefix(DEPTH) for name in head if name.startswith(DEPTH))
    contigs = _contigs(folder / "contigs.tsv", bins, samples)
    record = _record(folder / "run.json")
    options = record["options"]
    assembly = folder.resolve().name if options.get("multi") else assembly_name(Path(options["contigs"]))
    return Results(folder, assembly, samples, judges, bins, contigs, record)


def _judges(head: list[str]) -> tuple[Judge, ...]:
    """Pairs of columns that differ in one word: completeness, contamination; whatever else they are called by."""
    found = []
    for column in head:
        other = column.lower().replace("completeness", "contamination")
        partner = next((name for name in head if name.lower() == other), None)
        if partner is not None and partner != column:
            name = column.lower().replace("completeness", "").strip(" :_-.()")
            tier = next(
                (each for each in head if each.lower() == column.lower().replace("completeness", "tier")), "tier"
            )
            found.append(Judge(name, column, partner, tier))
    return tuple(sorted(found, key=lambda judge: judge.name == ""))


def _bin(row: Row, judges: tuple[Judge, ...], *, where: str) -> BinRow:
    return BinRow(
        name=row["bin"],
        bp=int(_number(row, "bp", where=where)),
        contigs=int(_number(row, "contigs", where=where)),
        n50=int(_number(row, "N50", where=where)),
        gc=_number(row, "GC", where=where, empty=True),
        quality=tuple(_verdict(row, judge, where=where) for judge in judges),
        depth=tuple(_number(row, column, where=where, empty=True) for column in row if column.startswith(DEPTH)),
    )


def _verdict(row: Row, judge: Judge, *, where: str) -> Verdict:
    columns = (judge.completeness, judge.contamination)
    complete, contaminated = (_number(row, column, where=where, empty=True) for column in columns)
    return Verdict(complete, contaminated, row[judge.tier])


def _contigs(path: Path, bins: tuple[BinRow, ...], samples: tuple[str, ...]) -> ContigTable:
    head, rows = _table(path, ("contig", "length", "GC", "bin", "probability", "second_bin"))
    columns = [f"{DEPTH}{sample}" for sample in samples]
    if [name for name in head if name.startswith(DEPTH)] != columns:
        raise InputError(f"{path}: its samples are not those of bins.tsv: the two are of different runs")
    index = {"": -1} | {found.name: number for number, found in enumerate(bins)}
    names, numbers, places = [], [], []
    for where, row in rows:
        for column in ("bin", "second_bin"):
            if row[column] not in index:
                raise InputError(f"{where}: no bin '{row[column]}' in bins.tsv: the two are of different runs")
        names.append(row["contig"])
        places.append((index[row["bin"]], index[row["second_bin"]]))
        wanted = ("length", "GC", "probability", *columns)
        numbers.append([_number(row, column, where=where, empty=column in ("GC", *columns)) for column in wanted])
    table = np.array(numbers, np.float64).reshape(len(names), 3 + len(columns))
    lengths = table[:, 0].astype(np.int64)
    bin_of, second = np.array(places, np.int64).reshape(len(names), 2).T
    return ContigTable(tuple(names), lengths, table[:, 1], bin_of, second, table[:, 2], table[:, 3:])


def _record(path: Path) -> Mapping[str, Any]:
    try:
        record = json.loads(_text(path))
    except ValueError:
        raise InputError(f"{path}: damaged: not JSON; run binner again") from None
    missing = [name for name in _RECORD if name not in record] if isinstance(record, dict) else _RECORD
    if missing:
        raise InputError(f"{path}: no '{missing[0]}' in it: not the record of a run of this version of binner")
    found: Mapping[str, Any] = record
    return found


def _table(path: Path, wanted: tuple[str, ...]) -> tuple[list[str], Iterator[tuple[str, Row]]]:
    """The header, and each row with where it stands. Raises InputError unless it has the columns that are `wanted`."""
    head, *lines = (line.split("\t") for line in _text(path).removesuffix("\n").split("\n"))
    missing = [name for name in wanted if name not in head]
    if missing:
        raise InputError(f"{path}: no column '{missing[0]}': not a table that this version of binner wrote")
    return head, _rows(path, head, lines)


def _rows(path: Path, head: list[str], lines: list[list[str]]) -> Iterator[tuple[str, Row]]:
    for number, cells in enumerate(lines, 2):
        where = f"{path}, line {number}"
        if len(cells) != len(head):
            raise InputError(
                f"{where}: {len(cells)} columns, and the header has {len(head)}: damaged; run binner again"
            )
        yield where, dict(zip(head, cells, strict=True))


def _number(row: Row, column: str, *, where: str, empty: bool = False) -> float:
    if empty and not row[column]:
        return _NOTHING
    try:
        return float(row[column])
    except ValueError:
        raise InputError(f"{where}: '{row[column]}' is no number (column {column})") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; name a folder in which `binner run` finished") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file: damaged; run binner again") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
