"""Binner and its peers on metagenomes whose genomes are known, side by side.

python -m benchmarks DATA_DIR

runs binner, and MetaBAT2, SemiBin2 and VAMB where they are installed, with default options on every set in DATA_DIR
(a folder each, with contigs.fa.gz, truth.tsv and mostly depth.jgi.txt.gz): the contigs alone, with the first sample,
with all of them. Each run is a process of its own that starts from nothing; its row goes to a table at once, so that
the same command takes up where it was stopped. At the end the tables are printed. BINNER_BENCH_METABAT2,
BINNER_BENCH_SEMIBIN2 and BINNER_BENCH_VAMB name programs that are not on PATH.
"""

from __future__ import annotations

import argparse
import itertools
import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import report, results
from benchmarks.arguments import fraction, parser_of, say, several
from benchmarks.measure import measure
from benchmarks.results import OK, Row, Stage
from benchmarks.tasks import ALL, Inputs, Task, find_sets, find_tasks, prepare
from benchmarks.tools import TOOLS, Job, stage_record
from binner.evaluate.bins import overlap, score
from binner.evaluate.tables import read_bins
from binner.runtime import granted_threads

_PRINT = "-"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run, and where its results go."""

    tasks: tuple[Task, ...]
    versions: dict[str, str]  # of each tool
    seeds: tuple[int, ...]
    threads: int
    table: Path
    again: bool  # also what the table holds already
    keep: Path | None  # where binner's results stay between seeds; the first seed starts anew


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        if options.markdown is None:
            if options.data is None:
                parser.error("name the folder with the sets, or --markdown")
            run(_plan(options))
        text = report.tables(results.read(options.out))
        if options.markdown in (None, _PRINT):
            print(text)
        else:
            report.rewrite(Path(options.markdown), text)
    except (ValueError, OSError) as error:
        parser.error(str(error))


def run(plan: Plan) -> None:
    """Do the runs of a plan that its table does not hold yet; those that failed are tried again."""
    done = {row.key for row in results.read(plan.table) if row.status == OK and not plan.again}
    for task in plan.tasks:
        ahead = [row for row in _rows(task, plan) if row.key not in done]
        if not ahead:
            continue
        with tempfile.TemporaryDirectory(prefix="binner-bench-") as folder:
            inputs = prepare(task, Path(folder))
            for row in ahead:
                say(f"{row.set}, {row.samples} samples, {row.fraction:g} of the contigs, {row.tool}, seed {row.seed}:")
                ended = _run_one(row, inputs, plan)
                results.append(plan.table, ended)
                say(
                    f"  {ended.near_complete} near-complete ({ended.medium}) of {ended.genomes},"
                    f" {ended.seconds:.1f} s, {ended.peak_memory / 1e9:.2f} GB; {ended.status}"
                )


def _rows(task: Task, plan: Plan) -> Iterator[Row]:
    """The runs of a task, without what comes of them: the tools one after the other with each seed."""
    for seed, (tool, version) in itertools.product(plan.seeds, plan.versions.items()):
        if TOOLS[tool].takes(task.samples):
            yield Row(task.set, task.samples, task.fraction, tool, version, seed, plan.threads)


def _run_one(row: Row, inputs: Inputs, plan: Plan) -> Row:
    """Run a tool as `row` says: the row with what came of it."""
    tool = TOOLS[row.tool]
    keep = plan.keep and plan.keep / (tool.after or row.tool) / f"{row.set}-{row.fraction:g}"
    fresh = not keep or (row.seed == plan.seeds[0] and not tool.after)
    with tempfile.TemporaryDirectory(prefix="binner-bench-") as folder:
        out = keep if keep and tool.resumes else Path(folder) / "out"
        out.parent.mkdir(parents=True, exist_ok=True)
        log = Path(folder) / "log"
        job = Job(inputs, out, row.threads, row.seed, fresh=fresh)
        usage = measure([*(tool.find() or []), *tool.arguments(job)], log, threads=row.threads)
        if usage.code:
            said = log.read_text(errors="replace").strip().splitlines()[-1:]
            genomes = len({genome for origin in inputs.truth.values() for genome in origin.genomes})
            row = replace(row, status=f"exit code {usage.code}: {' '.join(said)}", genomes=genomes)
        else:
            bins = out / tool.bins
            found = score(overlap(inputs.truth, read_bins(bins) if bins.exists() else []))
            row = replace(row, **asdict(found), stages=_stages(stage_record(out)))
    return replace(row, seconds=usage.seconds, cpu_seconds=usage.cpu_seconds, peak_memory=usage.peak_memory)


def _stages(record: Path) -> tuple[Stage, ...]:
    return tuple(Stage(**stage) for stage in json.loads(record.read_text())["stages"]) if record.exists() else ()


def _plan(options: argparse.Namespace) -> Plan:
    """What was asked for. Raises ValueError for sets that are not there and tools that are not installed."""
    missing = [name for name in options.tools or () if TOOLS[name].find() is None]
    if missing:
        raise ValueError(f"not installed: {', '.join(missing)}")
    tools = options.tools or [name for name, tool in TOOLS.items() if tool.find() and not tool.slow]
    folders = find_sets(options.data, options.sets)
    return Plan(
        tasks=tuple(t for part in options.fraction for f in folders for t in find_tasks(f, options.samples, part)),
        versions={name: TOOLS[name].version() for name in tools},
        seeds=tuple(options.seeds),
        threads=options.threads,
        table=options.out,
        again=options.again,
        keep=options.keep,
    )


def _parser() -> argparse.ArgumentParser:
    slow = [name for name, tool in TOOLS.items() if tool.slow]
    parser = parser_of("benchmarks", __doc__)
    parser.add_argument("data", type=Path, nargs="?", metavar="DATA_DIR")
    parser.add_argument("--sets", type=several(str), default=[], help="comma-separated names  [default: all]")
    parser.add_argument(
        "--samples",
        type=several(_samples),
        default=[0, 1, ALL],
        help="how many, comma-separated, as 0,1,all  [default: these]",
    )
    parser.add_argument(
        "--tools",
        type=several(_tool),
        help=f"of {','.join(TOOLS)}  [default: those that are installed, but not {','.join(slow)}, which are slow]",
    )
    parser.add_argument("--seeds", type=several(int), default=[1, 2, 3], help="comma-separated  [default: 1,2,3]")
    parser.add_argument(
        "--fraction", type=several(fraction), default=[1.0], help="of the contigs, as 0.25,0.5,1  [default: 1]"
    )
    parser.add_argument("--threads", type=int, default=granted_threads(), help="[default: %(default)s]")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("results.tsv"),
        metavar="TABLE",
        help="rows are added to it  [default: %(default)s]",
    )
    parser.add_argument("--again", action="store_true", help="also the runs that the table holds; the new ones count")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="FOLDER",
        help="binner keeps its results here, and all seeds but the first take up what does not depend on the seed;"
        " their times do not count; SemiBin2 takes up the model that it trained on the same contigs with the seed",
    )
    parser.add_argument(
        "--markdown",
        nargs="?",
        const=_PRINT,
        metavar="PAGE",
        help="run nothing; print the tables of --out, or put them into their place in PAGE",
    )
    return parser


def _samples(text: str) -> int:
    if text != "all" and not text.isdecimal():
        raise argparse.ArgumentTypeError(f"not a number of samples, nor all: {text!r}")
    return ALL if text == "all" else int(text)


def _tool(text: str) -> str:
    if text not in TOOLS:
        raise argparse.ArgumentTypeError(f"no tool {text!r}; there are {', '.join(TOOLS)}")
    return text


if __name__ == "__main__":
    main()
