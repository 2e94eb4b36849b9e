"""The report of a run, from the files that it left: one HTML file that needs nothing else, and tables for MultiQC.

A figure that cannot be drawn is left out with a warning. The size is bounded: of an assembly with more contigs than
`page.MOST_CONTIGS` the longest are drawn and listed, and the report says so; beyond that it grows with the bins alone.
"""

from __future__ import annotations

from pathlib import Path

from binner.errors import OptionError
from binner.report import multiqc, page, results
from binner.runtime import can_write
from binner.whole_files import write_text

REPORT = "report.html"
TABLES = ("binner_summary_mqc.tsv", "binner_tiers_mqc.tsv", "binner_bins_mqc.tsv")


def write(folder: Path) -> Path:
    """Write the report of the results in `folder` beside them; its path.

    Raises InputError if results are missing, damaged, or of different runs, OptionError if the folder may not be
    written, and then writes nothing.
    """
    found = results.read(folder)
    if not can_write(folder):
        raise OptionError(f"{folder}: no permission to write, or a read-only disk; copy the folder, and name the copy")
    made = {REPORT: page.html(found), **multiqc.tables(found)}
    for name, text in made.items():
        write_text(folder / name, text)
    return folder / REPORT


def remove(folder: Path) -> None:
    """Remove the report of an earlier run, which would tell of other bins than those beside it."""
    for name in (REPORT, *TABLES):
        (folder / name).unlink(missing_ok=True)
