"""The tables of a benchmark in Markdown, from its rows: medians over seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.results import OK, Row
from benchmarks.tools import TOOLS

BEGIN, END = "<!-- tables: python -m benchmarks --markdown writes them -->", "<!-- end of tables -->"
_NOTHING = "-"
_WITH_STAGES = ("binner", "binner-no-markers")

_Task = tuple[str, int, float]
_Cell = Callable[[Sequence[Row]], str]


def tables(rows: Sequence[Row]) -> str:
    """All tables: what was recovered, how alike bins and genomes are, time and memory, of stages too, and growth."""
    rows = _latest_version(rows)
    whole = [row for row in rows if row.fraction == 1]
    parts = [
        ("Near-complete genomes (medium quality and better)", _by_task(whole, _recovered)),
        ("F1 / ARI", _by_task(whole, _likeness)),
        ("Seconds / CPU seconds / peak memory", _by_task(whole, _cost)),
        *((f"Stages of `{TOOLS[tool].title}`: seconds / peak memory", _by_stage(whole, tool)) for tool in _WITH_STAGES),
        ("Growth: CPU seconds at a part of the contigs", _growth(rows)),
        ("Versions", _versions(rows)),
    ]
    return "\n\n".join(f"### {title}\n\n{text}" for title, text in parts if text)


def rewrite(page: Path, text: str) -> None:
    """Put the tables into a page, between BEGIN and END. Raises ValueError if it lacks them."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page}: no place for tables: a line {BEGIN} and below it a line {END}")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def _latest_version(rows: Sequence[Row]) -> list[Row]:
    """Of each tool on each task, the runs of the version and threads that ran last."""
    last = {(*_task(row), row.tool): (row.version, row.threads) for row in rows}
    return [row for row in rows if last[*_task(row), row.tool] == (row.version, row.threads)]


def _task(row: Row) -> _Task:
    return row.set, row.samples, row.fraction


def _by_task(rows: Sequence[Row], cell: _Cell) -> str:
    tools = [name for name in TOOLS if any(row.tool == name for row in rows)]
    most = _most_samples(rows)
    lines = []
    for task in _tasks(rows):
        genomes = max(row.genomes for row in rows if _task(row) == task)
        cells = [_cell([row for row in rows if _task(row) == task and row.tool == tool], cell) for tool in tools]
        lines.append([_name(task, most), str(genomes), *cells])
    return markdown(["task", "genomes", *(TOOLS[tool].title for tool in tools)], lines)


def _by_stage(rows: Sequence[Row], tool: str) -> str:
    own = [row for row in rows if row.tool == tool and row.status == OK]
    stages = list(dict.fromkeys(stage.name for row in own for stage in row.stages))
    most = _most_samples(own)
    lines = []
    for task in _tasks(own):
        runs = [row for row in own if _task(row) == task]
        lines.append([_name(task, most), *(_stage_cost(runs, name) for name in stages)])
    return markdown(["task", *stages], lines)


def _growth(rows: Sequence[Row]) -> str:
    """A line for each tool, and each stage of binner, of the tasks that were run at several fractions."""
    most = _most_samples(rows)
    fractions = sorted({row.fraction for row in rows})
    partial = {(row.set, row.samples) for row in rows if row.fraction < 1}
    lines = []
    for set_, samples in sorted(partial):
        for tool in TOOLS:
            own = [row for row in rows if (row.set, row.samples, row.tool, row.status) == (set_, samples, tool, OK)]
            at = [_fresh([row for row in own if row.fraction == fraction]) for fraction in fractions]
            if all(row.fraction == 1 for row in own):
                continue
            name = _name((set_, samples, 1.0), most)
            lines.append([name, TOOLS[tool].title, *(number(median_of(r.cpu_seconds for r in runs)) for runs in at)])
            for stage in dict.fromkeys(stage.name for row in own for stage in row.stages):
                seconds = [
                    median_of(s.cpu_seconds for row in runs for s in row.stages if s.name == stage and not s.kept)
                    for runs in at
                ]
                lines.append(["", f"- {stage}", *map(number, seconds)])
    return markdown(["task", "", *(f"{fraction:g}" for fraction in fractions)], lines)


def _versions(rows: Sequence[Row]) -> str:
    said = []
    for name, tool in TOOLS.items():
        own = [row for row in rows if row.tool == name]
        if own:
            versions, threads, seeds = (
                ", ".join(map(str, dict.fromkeys(getattr(row, field) for row in own)))
                for field in ("version", "threads", "seed")
            )
            said.append(f"- {tool.title}: {versions}; threads {threads}; seeds {seeds}")
    return "\n".join(said)


def _recovered(runs: Sequence[Row]) -> str:
    return f"{median(row.near_complete for row in runs):g} ({median(row.medium for row in runs):g})"


def _likeness(runs: Sequence[Row]) -> str:
    f1, ari = (median_of(getattr(row, field) for row in runs) for field in ("f1", "ari"))
    return _NOTHING if math.isnan(f1) else f"{number(f1, digits=3)} / {number(ari, digits=3)}"


def _cost(runs: Sequence[Row]) -> str:
    """Of fresh runs if there are any; otherwise marked."""
    fresh = _fresh(runs)
    seconds, cpu, memory = (
        median_of(getattr(row, field) for row in fresh or runs) for field in ("seconds", "cpu_seconds", "peak_memory")
    )
    if math.isnan(seconds):
        return _NOTHING
    text = f"{number(seconds)} / {number(cpu)} / {_gigabytes(memory)}"
    return text if fresh else f"{text} (kept)"


def _stage_cost(runs: Sequence[Row], name: str) -> str:
    stages = [stage for row in runs for stage in row.stages if stage.name == name and not stage.kept]
    if not stages:
        return _NOTHING
    return f"{number(median(s.seconds for s in stages))} / {_gigabytes(median(s.peak_memory for s in stages))}"


def _fresh(runs: Sequence[Row]) -> list[Row]:
    return [row for row in runs if not row.kept]


def _cell(runs: Sequence[Row], cell: _Cell) -> str:
    good = [row for row in runs if row.status == OK]
    if runs and not good:
        return "failed"
    return cell(good) if good else _NOTHING


def median_of(values: Iterable[float]) -> float:
    """The median of those that were measured; nan if none was."""
    known = [value for value in values if not math.isnan(value)]
    return median(known) if known else math.nan


def number(value: float, *, digits: int = 1) -> str:
    """With so many digits after the point, and none from 100 on; a dash for nan."""
    return _NOTHING if math.isnan(value) else f"{value:.{digits if value < 100 else 0}f}"


def _gigabytes(size: float) -> str:
    return _NOTHING if math.isnan(size) else f"{size / 1e9:.2f} GB"


def _most_samples(rows: Sequence[Row]) -> dict[str, int]:
    return {name: max(row.samples for row in rows if row.set == name) for name in {row.set for row in rows}}


def _tasks(rows: Sequence[Row]) -> list[_Task]:
    return sorted({_task(row) for row in rows})


def _name(task: _Task, most: dict[str, int]) -> str:
    name, samples, _ = task
    if samples == 0:
        return f"{name}, contigs only"
    return f"{name}, first sample" if samples == 1 < most[name] else f"{name}, {samples} sample{'s' * (samples > 1)}"


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table; nothing without lines."""
    if not lines:
        return ""
    body = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in body)
