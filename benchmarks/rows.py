"""Tables of measurements as texts: a row is a frozen dataclass of str with a `key` that tells it from others."""

from __future__ import annotations

import csv
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar


class Keyed(Protocol):
    """A dataclass whose fields are texts."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from other measurements."""


_Row = TypeVar("_Row", bound=Keyed)


def append(table: Path, row: Keyed) -> None:
    """Add a row to the table, which begins with the names of the columns."""
    begins = not table.exists() or not table.stat().st_size
    with table.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(row)], delimiter="\t", lineterminator="\n")
        if begins:
            writer.writeheader()
        writer.writerow(asdict(row))


def read(table: Path, kind: type[_Row]) -> list[_Row]:
    """The rows of the table, the latest of each key; none without a table. Raises ValueError where it is another."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as lines:
        reader = csv.DictReader(lines, delimiter="\t")
        if reader.fieldnames != [field.name for field in fields(kind)]:
            raise ValueError(f"{table}: not a table of this benchmark, or of another version; name another one")
        return list({row.key: row for row in (kind(**each) for each in reader)}.values())
