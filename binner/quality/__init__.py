"""The quality of bins as CheckM or CheckM2 sees it: from the program, or from a table that it wrote before.

Bins are written before any of this, so that nothing here can lose them.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import TypedDict

from binner import inputs
from binner.artifacts import fingerprint, key
from binner.config import QualityConfig, QualityTool
from binner.data import Progress
from binner.errors import OptionError
from binner.quality import columns, programs, tables
from binner.quality.programs import Program
from binner.quality.tables import QualityTable
from binner.stages import Stages
from binner.whole_files import write_text

logger = logging.getLogger(__name__)

Judge = Program | QualityTable
_TITLES: dict[QualityTool, str] = {"checkm": "CheckM", "checkm2": "CheckM2"}
_SCRATCH = "quality"


class Verdict(TypedDict, total=False):
    """What came of it, for `run.json`."""

    tool: QualityTool
    source: str  # the table, or the program and its version
    tiers: dict[str, int]  # bins in each
    table: str  # fingerprint of the table that was written, if one was
    error: str  # why there is nothing


def prepare(config: QualityConfig) -> Judge:
    """Who judges: a program with all it needs, or a table that was read. To be called before any work.

    Raises OptionError and InputError if the program, its data or the table is not there or of no use.
    """
    # os.path.exists, for Path.exists raises an error for a word that is too long for a name
    if config.table is not None and not os.path.exists(config.table):  # noqa: PTH110
        raise OptionError(
            f"'{config.by}' is neither checkm nor checkm2 nor a file: name one of them, or a table that one wrote"
        )
    inputs.check_files(config.files)
    return tables.read(config.table) if config.table is not None else programs.find(config)


def judge(out: Path, by: Judge, *, stages: Stages, scratch: Path, memory: int) -> Verdict:
    """Have the bins in `out` judged, and put what is said into `out/bins.tsv`.

    A program's table is kept as `out/<tool>.tsv`. What it said about the same bins before is taken up. `scratch` is a
    folder for what is needed meanwhile; `memory` (bytes) may be used.

    Raises InputError if a table is of other bins, and ProgramError if the program fails; `bins.tsv` is then as it was.
    """
    if isinstance(by, QualityTable):
        return _add(out, by, source=by.source)
    version = by.version()
    source = f"{_TITLES[by.tool]} {version}"
    bins = [out / "bins" / f"{name}.fa" for name in columns.names_of(out / "bins.tsv")]

    def work(_: Progress) -> str:
        folder = scratch / _SCRATCH
        shutil.rmtree(folder, ignore_errors=True)  # of a run that was killed
        try:
            return by.judge(bins, folder, threads=stages.threads, memory=memory)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    markers = by.markers and fingerprint(by.markers)
    own = key(source, str(by.data), markers, [(file.name, fingerprint(file)) for file in bins])
    text = stages.run(by.tool, f"Judging bins by {_TITLES[by.tool]}", work, key=own)
    found = tables.parse(text, source=f"the table of {source}")
    verdict = _add(out, found, source=source)
    table = _kept(out, by.tool)
    write_text(table, text)
    return {**verdict, "table": fingerprint(table)}


def forget(out: Path, before: Verdict, *, but: Judge | None) -> None:
    """Remove the table that an earlier run left of bins that are no more, unless it was changed or is read now."""
    table = _kept(out, before["tool"])
    if isinstance(but, QualityTable) and Path(but.source).absolute() == table.absolute():
        return
    if table.is_file() and fingerprint(table) == before.get("table"):
        table.unlink()


def _kept(out: Path, tool: QualityTool) -> Path:
    return out / f"{tool}.tsv"


def _add(out: Path, found: QualityTable, *, source: str) -> Verdict:
    tiers = columns.add(out / "bins.tsv", found)
    said = ", ".join(f"{count} {name}" for name, count in tiers.items())
    logger.info("%s: %s, by %s", out / "bins.tsv", said, source)
    return {"tool": found.tool, "source": source, "tiers": tiers}
