"""What a tool says about the bins, as columns of `bins.tsv`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from binner.bins_table import DEPTH, quality_cells
from binner.errors import InputError
from binner.quality.tables import QualityTable
from binner.whole_files import write_text

logger = logging.getLogger(__name__)

_AFTER = "tier"
_SLACK = 0.01  # of a bin's size: tools may leave out its shortest contigs


def names_of(bins_table: Path) -> list[str]:
    """Names of the bins in a `bins.tsv`. Raises InputError if it is none, or cannot be read."""
    head, rows = _read(bins_table)
    return [row[head.index("bin")] for row in rows]


def add(bins_table: Path, found: QualityTable) -> dict[str, int]:
    """Put the columns `<tool>_completeness`, `_contamination` and `_tier` into a `bins.tsv`: bins in each tier.

    They come behind the tier, in place of earlier ones of that tool. Bins that the tool says nothing about have them
    empty, and the tier `unknown`.

    Raises InputError, with the file as it was, if the bins are others than those the tool saw: none has a name that it
    knows, or one has another size.
    """
    head, rows = _read(bins_table)
    kept = [column for column in head if not column.startswith(f"{found.tool}_")]
    at = next((i for i, column in enumerate(kept) if column.startswith(DEPTH)), len(kept))
    own = [f"{found.tool}_{what}" for what in ("completeness", "contamination", "tier")]
    lines = ["\t".join([*kept[:at], *own, *kept[at:]])]
    tiers: Counter[str] = Counter()
    _check_same(head, rows, found)
    for row in rows:
        cells = dict(zip(head, row, strict=True))
        judged = found.bins.get(cells["bin"])
        values = quality_cells(judged and (judged.completeness, judged.contamination))
        tiers[values[-1]] += 1
        old = [cells[column] for column in kept]
        lines.append("\t".join([*old[:at], *values, *old[at:]]))
    write_text(bins_table, "\n".join(lines) + "\n")
    return dict(tiers)


def _read(bins_table: Path) -> tuple[list[str], list[list[str]]]:
    try:
        lines = bins_table.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise InputError(
            f"{bins_table}: cannot be read, and every finished run has it: name the run's folder"
        ) from None
    head, *rows = [line.split("\t") for line in lines] or [[]]
    if not {"bin", "bp", _AFTER} <= set(head) or any(len(row) != len(head) for row in rows):
        raise InputError(f"{bins_table}: not as binner writes it; run binner again")
    return head, rows


def _check_same(head: Sequence[str], rows: Sequence[Sequence[str]], found: QualityTable) -> None:
    sizes = {row[head.index("bin")]: int(row[head.index("bp")]) for row in rows}
    known = sizes.keys() & found.bins.keys()
    if not known:
        there, here = next(iter(found.bins), "nothing"), next(iter(sizes))
        raise InputError(
            f"{found.source}: names none of the {len(sizes)} bins: it is of other bins ('{there}' there, '{here}' here)"
        )
    for name in sorted(known):
        there_bp = found.bins[name].size
        if there_bp is not None and abs(there_bp - sizes[name]) > _SLACK * sizes[name]:
            raise InputError(
                f"{found.source}: it is of other bins: {name} has {there_bp:,} bp there and {sizes[name]:,} bp here"
            )
    if len(known) < len(sizes):
        logger.warning(
            "%s: names %d of %d bins, not %s", found.source, len(known), len(sizes), sorted(sizes.keys() - known)[0]
        )
