"""Tables of CheckM and CheckM2: completeness and contamination of bins by their names."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from binner import inflate
from binner.config import QualityTool, assembly_name
from binner.errors import InputError

# Columns by tool: the bin, and its size (bp) where the table has it
_COLUMNS: dict[QualityTool, tuple[str, str]] = {
    "checkm": ("Bin Id", "Genome size (bp)"),
    "checkm2": ("Name", "Genome_Size"),
}
_EXTENDED_SIZE = "Genome size"  # in bin_stats_ext.tsv
_VALUES = ("Completeness", "Contamination")
_WANTED = "quality_report.tsv of CheckM2, checkm qa -o 1 or -o 2 with --tab_table, or bin_stats_ext.tsv of CheckM"


class Judged(NamedTuple):
    """What a tool says about a bin."""

    completeness: float  # %
    contamination: float  # %
    size: int | None  # bp; None where the table does not say


@dataclass(frozen=True, slots=True)
class QualityTable:
    """What a tool says about bins, by their names."""

    tool: QualityTool
    bins: Mapping[str, Judged]
    source: str  # for messages


def read(path: Path) -> QualityTable:
    """A table of CheckM or CheckM2, plain or compressed. Raises InputError for any other file."""
    try:
        text = b"".join(inflate.blocks(path)).decode()
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file; a table of quality is {_WANTED}") from None
    return parse(text, source=str(path))


def parse(text: str, *, source: str) -> QualityTable:
    """The table in a text. `source` is its name in messages.

    Raises InputError for what is no such table, with the line for a bin that is there twice, and for numbers that are
    no percentages.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise InputError(f"{source}: empty; a table of quality is {_WANTED}")
    header = lines[0][1].split("\t")
    tool = next((tool for tool, (name, _) in _COLUMNS.items() if name in header and set(_VALUES) <= set(header)), None)
    if tool is not None:
        rows = _with_header(lines, header, tool=tool, source=source)
    elif len(header) == 2 and header[1].startswith("{"):
        tool, rows = "checkm", _extended(lines, source=source)
    else:
        raise InputError(f"{source}: none of the tables that are understood: {_WANTED}")
    bins: dict[str, Judged] = {}
    for number, name, judged in rows:
        if name in bins:
            raise InputError(f"{source}, line {number}: bin '{name}' is there twice")
        bins[name] = judged
    return QualityTable(tool, bins, source)


_Row = tuple[int, str, Judged]


def _with_header(lines: list[tuple[int, str]], header: list[str], *, tool: QualityTool, source: str) -> Iterator[_Row]:
    name, size = _COLUMNS[tool]
    for number, line in lines[1:]:
        cells = line.split("\t")
        where = f"{source}, line {number}"
        if len(cells) != len(header):
            raise InputError(f"{where}: {len(cells)} columns, and the header has {len(header)}")
        row = dict(zip(header, cells, strict=True))
        yield number, _bin_name(row[name]), _judged(row, size, where=where)


def _extended(lines: list[tuple[int, str]], *, source: str) -> Iterator[_Row]:
    """Rows of bin_stats_ext.tsv: a name, and a dict as Python writes it."""
    for number, line in lines:
        where = f"{source}, line {number}"
        name, _, written = line.partition("\t")
        try:
            row = ast.literal_eval(written)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):  # as Python's parser has it
            row = None
        if not isinstance(row, dict):
            raise InputError(f"{where}: no bin and its statistics, as CheckM's bin_stats_ext.tsv has them")
        yield number, _bin_name(name), _judged(row, _EXTENDED_SIZE, where=where)


def _bin_name(text: str) -> str:
    """The name of a bin: tables may have that of its file."""
    return assembly_name(Path(text.strip()))


def _judged(row: Mapping[str, object], size: str, *, where: str) -> Judged:
    completeness, contamination = (_number(row, column, where=where) for column in _VALUES)
    if completeness > 100:
        raise InputError(f"{where}: a completeness of {completeness:g} is no percentage")
    return Judged(completeness, contamination, int(_number(row, size, where=where)) if size in row else None)


def _number(row: Mapping[str, object], column: str, *, where: str) -> float:
    try:
        value = float(str(row[column]))
    except (KeyError, ValueError):
        value = -1.0
    if not 0 <= value < float("inf"):
        raise InputError(f"{where}: {column} is {row.get(column)!r}, which is no number of 0 and more")
    return value
