"""The results: a FASTA file for each bin and the tables that describe them, which agree with one another exactly.

Everything is written beside the earlier results first. Then `run.json` and what else tells of these is removed, the
folder of bins is swapped (`bin_folder`), and the tables are moved in one by one: each is whole at any time, but in that
moment, or if the run is killed in it, new bins stand beside old tables. With `run.json` there, all are of one run.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from binner import bin_folder
from binner.data import F32, Assemblies, Bin, Contigs, Coverage, Membership
from binner.joins import Joins
from binner.write.bin_files import write_bins
from binner.write.tables import CHIMERAS, TABLES, Results, join_lines

LOGGER = logging.getLogger(__name__)

STAGED = ".results.new"  # in the output folder, until all is written
WRITTEN = ("bins", bin_folder.REPLACED, STAGED, CHIMERAS, *TABLES)  # in the output folder, for good or for a while


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
    results = Results(contigs, bins, prefix, assemblies, membership, coverage, completeness, contamination)
    bin_folder.settle(out)
    bin_folder.check(out, prefixes=assemblies.prefixes(prefix))
    staged = out / STAGED
    shutil.rmtree(staged, ignore_errors=True)  # of a run that was killed
    (staged / "bins").mkdir(parents=True)
    write_bins(staged / "bins", results, source, joins)
    tables = {name: lines(results) for name, lines in TABLES.items()}
    if joins is not None:
        tables[CHIMERAS] = join_lines(joins)
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
