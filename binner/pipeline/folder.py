"""What a run asks of the folder that its results go to, and what it clears away there."""

from __future__ import annotations

from pathlib import Path

from binner import record, report, write
from binner.config import STDIN, RunConfig
from binner.errors import OptionError
from binner.pipeline.quality import forget_tables
from binner.quality import Judge
from binner.workspace import INSIDE, LOG

_WRITTEN = {INSIDE, LOG, record.RECORD, report.REPORT, *report.TABLES, *write.WRITTEN}


def check(config: RunConfig) -> None:
    """Raise OptionError if the run would write over one of its inputs, or over results that it was not told to.

    Those are the results of other contigs in a folder that is called after these: it was not named.
    """
    try:
        folder = config.folder.resolve()
    except RuntimeError:
        raise OptionError(f"{config.folder}: a link that leads to itself; choose another -o") from None
    inside = [file for file in config.files if file != STDIN and _is_written(file.resolve(), folder, config=config)]
    if inside:
        raise OptionError(f"{config.folder}: {', '.join(map(str, inside))} would be overwritten; choose another -o")
    earlier = record.contigs_of(config.folder / record.RECORD) if config.out is None and not config.force else []
    if earlier and STDIN not in config.assemblies and set(earlier) != {file.resolve() for file in config.assemblies}:
        raise OptionError(
            f"{config.folder}: holds the results of {', '.join(map(str, earlier[:3]))}; name another folder with -o, or"
            " give --force to replace them"
        )


def _is_written(file: Path, folder: Path, *, config: RunConfig) -> bool:
    """Whether a run may write where a file lies; both without links. Bins to choose among may not lie there at all."""
    if not file.is_relative_to(folder):
        return False
    ours = any(part in _WRITTEN for part in file.relative_to(folder).parts[:1])
    return ours or file in [path.resolve() for path in config.bins]


def clear(out: Path, *, judge: Judge | None) -> None:
    """Remove what tells of the earlier bins, which others are about to replace: tables of other tools but for one that
    is read now, the record, and the report.
    """
    forget_tables(out, but=judge)
    (out / record.RECORD).unlink(missing_ok=True)
    report.remove(out)
