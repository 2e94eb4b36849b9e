"""Tables that MultiQC takes up by their names (`*_mqc.tsv`), as custom content."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from binner.report.results import TIERS, Results

Cell = str | int | float


def tables(results: Results) -> dict[str, str]:
    """Contents by the names of the files. Rows are called by the assembly: those of several runs go together."""
    counts = [sum(found.tier_class == tier for found in results.bins) for tier in TIERS]
    contigs = results.contigs
    binned = int(contigs.lengths[contigs.bins >= 0].sum())
    whole = int(contigs.lengths.sum())
    summary = (len(results.bins), *counts[:2], round(binned / 1e6, 3), round(100 * binned / max(whole, 1), 2))
    head = ("bins", "near_complete", "medium", "binned_Mb", "binned_percent")
    return {
        "binner_summary_mqc.tsv": _table(
            ("id: binner_summary", "plot_type: generalstats"),
            [("Sample", *head), (results.assembly, *summary)],
        ),
        "binner_tiers_mqc.tsv": _table(
            (
                "id: binner_tiers",
                "section_name: 'binner: bins by tier'",
                "description: 'Bins by completeness and contamination; the bounds are those of MIMAG.'",
                "plot_type: bargraph",
            ),
            [("Sample", *TIERS), (results.assembly, *counts)],
        ),
        "binner_bins_mqc.tsv": _table(
            (
                "id: binner_bins",
                "section_name: 'binner: bins'",
                "description: 'A line for each bin.'",
                "plot_type: table",
            ),
            _bins(results),
        ),
    }


def _bins(results: Results) -> Iterable[Sequence[Cell]]:
    judged = [column for judge in results.judges for column in (judge.completeness, judge.contamination)]
    yield ["Bin", "bp", "contigs", "N50", "GC", *judged, "tier"]
    for found in results.bins:
        percent = [value for verdict in found.quality for value in verdict[:2]]
        name = f"{results.assembly}: {found.name}"
        yield [name, found.bp, found.contigs, found.n50, found.gc, *percent, found.tier]


def _table(settings: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    lines = [f"# {setting}" for setting in settings]
    lines += [
        "\t".join("" if isinstance(cell, float) and math.isnan(cell) else str(cell) for cell in row) for row in rows
    ]
    return "\n".join(lines) + "\n"
