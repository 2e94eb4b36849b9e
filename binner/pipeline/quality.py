"""`binner quality`, and what `binner run --quality` adds to a run: other tools judge the bins once they are written."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from binner import quality, record
from binner.config import MachineConfig, QualityConfig
from binner.errors import BinnerError, OptionError
from binner.inflate import is_folder
from binner.memory import granted
from binner.pipeline.report import report_run
from binner.quality import Judge, Verdict
from binner.report import REPORT
from binner.stages import Stages, Watch, unwatched
from binner.workspace import INSIDE, Workspace, open_workspace

logger = logging.getLogger(__name__)

Verdicts = dict[str, Verdict]  # by tool


def judge_folder(
    out: Path, config: QualityConfig, *, machine: MachineConfig, watch: Watch = unwatched, command: Sequence[str] = ()
) -> Verdict | None:
    """Judge the bins of a finished run and put the values into its `bins.tsv` and `run.json`; None without bins.

    Raises OptionError, InputError and ProgramError; the results are then as they were.
    """
    if not is_folder(out / INSIDE) or not (out / "bins.tsv").is_file():
        raise OptionError(f"{out}: not the folder of a finished run of binner, which has bins.tsv; name one")
    by = quality.prepare(config)
    memory = granted(machine.max_memory)
    with open_workspace(out) as space, record.log_to(space.log):
        logger.debug("command: %s", " ".join(command))
        stages = Stages(machine.threads, watch, space.cache)
        if not quality.columns.names_of(out / "bins.tsv"):
            logger.warning("%s: no bins to judge", out)
            return None
        verdict = quality.judge(out, by, stages=stages, scratch=space.inside, memory=memory)
        earlier = _earlier(out)
        if verdict["tool"] in earlier and "table" not in verdict:
            quality.forget(out, earlier[verdict["tool"]], but=by)
        record.add_quality(out / record.RECORD, {**earlier, verdict["tool"]: verdict})
        if (out / REPORT).exists():  # it tells of what was known before
            report_run(out, stages, wanted=True)
    return verdict


def judge_run(space: Workspace, by: Judge | None, *, stages: Stages, memory: int, bins: int) -> Verdicts:
    """What `by` says about the bins that a run has just written.

    A tool that fails and a table of other bins give a warning: the bins are there, and are what was asked for first.
    """
    if by is None or not bins:
        return {}
    try:
        verdict = quality.judge(space.out, by, stages=stages, scratch=space.inside, memory=memory)
    except BinnerError as error:
        logger.warning("The bins are written, but not judged by %s: %s", by.tool, error)
        return {by.tool: {"tool": by.tool, "error": str(error)}}
    return {verdict["tool"]: verdict}


def forget_tables(out: Path, *, but: Judge | None) -> None:
    """Remove the tables that earlier runs left of the bins, but for one that is read now."""
    for earlier in _earlier(out).values():
        quality.forget(out, earlier, but=but)


def _earlier(out: Path) -> Verdicts:
    """What earlier runs noted in `run.json`."""
    try:
        found = json.loads((out / record.RECORD).read_text(encoding="utf-8")).get("quality")
    except (OSError, ValueError, AttributeError):
        return {}
    return found if isinstance(found, dict) else {}
