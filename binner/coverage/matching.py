"""Which contig a name in a BAM or a table stands for: by name (its first word), never by order."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from binner.data import I64, Contigs
from binner.errors import InputError

LOGGER = logging.getLogger(__name__)
ABSENT = -1


def match(names: Sequence[str], contigs: Contigs, *, source: str) -> I64:
    """(len(names),), row of the contig of each name or ABSENT; logs how many contigs are named, warns of the others.

    Raises InputError, which starts with `source`, if there are contigs and none of them is named.
    """
    index = {name: row for row, name in enumerate(contigs.names)}
    rows = np.fromiter((index.get(name, ABSENT) for name in names), np.int64, len(names))
    named = len(np.unique(rows[rows != ABSENT]))
    LOGGER.info("%s: names %s of %s contigs", source, f"{named:,}", f"{len(contigs):,}")
    if contigs.names and not named:
        other = f"its first is {names[0]!r}" if names else "it names no contig at all"
        raise InputError(
            f"{source}: names none of the {len(contigs):,} contigs ({other}, theirs {contigs.names[0]!r}): "
            "give what was mapped to these contigs"
        )
    if named < len(contigs):
        missing = len(contigs) - named
        LOGGER.warning(
            "%s: %s contigs are not in it: their depth is unknown, and they are binned by composition",
            source,
            f"{missing:,}",
        )
    return rows
