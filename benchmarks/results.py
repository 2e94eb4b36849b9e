"""The table of runs: a row each, added as runs end, so that a benchmark takes up where it was stopped."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

OK = "ok"


@dataclass(frozen=True, slots=True)
class Stage:
    """What a stage of binner took."""

    name: str
    seconds: float
    cpu_seconds: float
    peak_memory: int  # bytes
    kept: bool  # taken from an earlier run


@dataclass(frozen=True, slots=True)
class Row:
    """One run of one tool on one task; nan where something was not measured."""

    set: str
    samples: int
    fraction: float  # of the contigs
    tool: str
    version: str
    seed: int
    threads: int
    status: str = OK  # or what went wrong
    genomes: int = 0
    bins: int = 0
    near_complete: int = 0
    medium: int = 0
    f1: float = math.nan
    ari: float = math.nan
    seconds: float = math.nan
    cpu_seconds: float = math.nan
    peak_memory: float = math.nan  # bytes
    stages: tuple[Stage, ...] = ()

    @property
    def key(self) -> tuple[object, ...]:
        """What makes it the run that it is: a later row with the same key counts in its place."""
        return self.set, self.samples, self.fraction, self.tool, self.version, self.seed, self.threads

    @property
    def kept(self) -> bool:
        """Whether it took up what an earlier run had left."""
        return any(stage.kept for stage in self.stages)


_READ = {"int": int, "float": float, "str": str}
_COLUMNS = [(field.name, str(field.type)) for field in fields(Row)]


def append(path: Path, row: Row) -> None:
    """Add a row to the table, which begins with the names of the columns."""
    stages = [[_rounded(value) for value in asdict(stage).values()] for stage in row.stages]
    values = asdict(row) | {"stages": json.dumps(stages)}
    values["status"] = " ".join(row.status.split())
    head = "" if path.exists() and path.stat().st_size else "\t".join(name for name, _ in _COLUMNS) + "\n"
    with path.open("a", encoding="utf-8") as file:
        file.write(
            head
            + "\t".join(f"{values[name]:.6g}" if kind == "float" else str(values[name]) for name, kind in _COLUMNS)
            + "\n"
        )


def read(path: Path) -> list[Row]:
    """The rows of the table, the latest of each key; none if there is no table.

    Raises ValueError, with the number of the line, where it is no such table.
    """
    if not path.exists():
        return []
    head, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    if head.split("\t") != [name for name, _ in _COLUMNS]:
        raise ValueError(f"{path}: not a table of benchmark runs, or of another version; name another one")
    rows: dict[tuple[object, ...], Row] = {}
    for number, line in enumerate(lines, 2):
        try:
            row = _parse(line.split("\t"))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: {error}") from None
        rows.pop(row.key, None)  # so that the order is that of the latest
        rows[row.key] = row
    return list(rows.values())


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value


def _parse(cells: list[str]) -> Row:
    values = {name: _READ.get(kind, str)(cell) for (name, kind), cell in zip(_COLUMNS, cells, strict=True)}
    stages = tuple(Stage(*stage) for stage in json.loads(str(values.pop("stages"))))
    return Row(**values, stages=stages)
