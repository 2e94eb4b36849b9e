"""Encoders on metagenomes whose genomes are known, contigs only: what they tell apart, what is binned, and the time.

python -m benchmarks.encoders DATA_DIR --encoders plain-4-mers,4-mers,whitening,FOLDER,whitening+small

For every set in DATA_DIR (a folder each, with contigs.fa.gz and truth.tsv) and every encoder: the ARI of K-means with
the true number of genomes, the share of the ten nearest neighbours that are of the same genome by length of the contig
(both as `binner evaluate embedding` has them, on whole contigs), near-complete genomes of `binner run` with its default
options (median over the seeds), and the seconds that `binner embed` takes, from start to end. `4-mers` are frequencies
behind the map and the error law that `binner train errors` fits on --genomes; `plain-4-mers` are the frequencies alone,
which have no error law and are not binned.

Embeddings are kept in --keep and computed once; parts of a concatenation are shared. A row goes to the table as it is
there, and the same command takes up where it was stopped. With --windows every encoder is read in windows of each
length; with --seeds none nothing is binned; --fraction takes a part of the contigs, for encoders that are slow.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.arguments import fraction, parser_of, say, several
from benchmarks.embeddings import PLAIN, Maker, Reading, last_line
from benchmarks.measure import measure
from benchmarks.rows import append, read
from benchmarks.tasks import Inputs, Task, find_sets, prepare
from benchmarks.tools import TOOLS, Job
from binner import embedding_files, fasta
from binner.data import F32, Contigs
from binner.errors import InputError, OptionError
from binner.evaluate import protocols
from binner.evaluate.bins import overlap, score
from binner.evaluate.embedding import Sample, SampleOptions, draw, four_mers
from binner.evaluate.protocols import Figure
from binner.evaluate.tables import read_bins, read_labels
from binner.runtime import granted_threads, limit_threads

CLASSES = (1, 2, 5, 10)  # kb, where classes of contigs begin
OWN, NONE = "own", "none"
MIN_LENGTH = 1000  # bp
SHOWN = ("seconds", "ari", "purity", "purity_1_2", "purity_2_5", "purity_5_10", "purity_10", "near_complete")


@dataclass(frozen=True, slots=True)
class Row:
    """An encoder on a set, as texts; empty where something was not measured."""

    set: str
    encoder: str
    digest: str  # of its files
    window: str  # bp, or OWN
    max_windows: str
    fraction: str  # of the contigs
    seeds: str
    genomes: str = ""
    seconds: str = ""  # of embedding
    ari: str = ""
    ari_sd: str = ""  # over the seeds of K-means
    purity: str = ""
    purity_1_2: str = ""
    purity_2_5: str = ""
    purity_5_10: str = ""
    purity_10: str = ""
    near_complete: str = ""  # median over the seeds
    medium: str = ""
    near_complete_of_seeds: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it from other measurements."""
        return self.set, self.encoder, self.digest, self.window, self.max_windows, self.fraction, self.seeds

    @property
    def label(self) -> str:
        """The encoder, and how it reads if that is not its own way."""
        own = (self.window != OWN, f"{self.window} bp"), (self.max_windows != OWN, f"at most {self.max_windows}")
        return ", ".join([self.encoder, *(text for differs, text in own if differs)])


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured."""

    tasks: tuple[Task, ...]
    encoders: tuple[str, ...]
    windows: tuple[int | None, ...]
    max_windows: int | None
    seeds: tuple[int, ...]
    maker: Maker
    table: Path


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    limit_threads(options.threads)
    try:
        plan = _plan(options)
        for encoder in plan.encoders:
            plan.maker.check(encoder)
        for task in plan.tasks:
            for row in measure_set(task, plan):
                append(plan.table, row)
        print(markdown(read(plan.table, Row)))
    except (ValueError, OSError, InputError, OptionError) as error:
        parser.error(str(error))


def measure_set(task: Task, plan: Plan) -> Iterator[Row]:
    """The rows of a set that the table does not hold yet."""
    done = {row.key for row in read(plan.table, Row)}
    with tempfile.TemporaryDirectory(prefix="binner-bench-") as folder:
        inputs = prepare(task, Path(folder))
        contigs = fasta.read(inputs.contigs, min_length=MIN_LENGTH)
        sample = draw(contigs, read_labels(task.folder / "truth.tsv"), SampleOptions(MIN_LENGTH, most_bp=0))
        for encoder in plan.encoders:
            for window in plan.windows:
                reading = Reading(window, plan.max_windows)
                row = _empty(task, encoder, reading, plan)
                if row.key in done:
                    continue
                say(f"{row.set}: {row.label}")
                yield _measured(row, Case(inputs, contigs, sample), reading, plan)


@dataclass(frozen=True, slots=True)
class Case:
    """A set that has been read."""

    inputs: Inputs
    contigs: Contigs
    sample: Sample


def _measured(row: Row, case: Case, reading: Reading, plan: Plan) -> Row:
    genomes = {genome for origin in case.inputs.truth.values() for genome in origin.genomes}
    found = {**asdict(row), "genomes": str(len(genomes))}
    name = f"{row.set}-{row.fraction}"
    if row.encoder == PLAIN:
        return Row(**(found | figures(four_mers(case.contigs), case)))
    files, seconds = plan.maker.files(row.encoder, case.inputs.contigs, name, reading)
    found["seconds"] = f"{seconds:.1f}" if seconds == seconds else ""
    _, embedding = embedding_files.load(files, case.contigs)
    found |= figures(embedding.matrix, case)
    if plan.seeds:
        found |= binned(case.inputs, files, plan.maker.keep / name / "bins", plan)
    return Row(**found)


def figures(matrix: F32, case: Case) -> dict[str, str]:
    """ARI and purity of contigs (N, D)."""
    row_of = {name: row for row, name in enumerate(case.contigs.names)}
    sample = case.sample
    known = matrix[[row_of[name] for name in sample.contigs.names]]
    clustered = protocols.cluster(known[sample.drawn], sample.labels[sample.drawn])
    ari: Figure = next(figure for figure in clustered if figure.metric == "ARI")
    names = ("purity", "purity_1_2", "purity_2_5", "purity_5_10", "purity_10")
    by_class = protocols.neighbours(known, sample.labels, sample.lengths, starts=CLASSES)
    at = dict(zip(("all", *protocols.classes_of_length(CLASSES)), names, strict=True))
    pure = {at[figure.at]: f"{figure.value:.3f}" for figure in by_class}
    return {"ari": f"{ari.value:.3f}", "ari_sd": f"{ari.sd:.3f}", **pure}


def binned(inputs: Inputs, files: Sequence[Path], out: Path, plan: Plan) -> dict[str, str]:
    """Genomes recovered by `binner run` from an embedding; marker genes in `out` are found once for all encoders."""
    tool = TOOLS["binner"]
    scores = []
    for seed in plan.seeds:
        job = Job(inputs, out, plan.maker.threads, seed, fresh=False)
        command = [*(tool.find() or []), *tool.arguments(job), "--embedding", *map(str, files)]
        log = out.with_suffix(".log")
        if measure(command, log, threads=plan.maker.threads).code:
            raise ValueError(last_line(log))
        scores.append(score(overlap(inputs.truth, read_bins(out / tool.bins))))
    near = [found.near_complete for found in scores]
    return {
        "near_complete": f"{median(near):g}",
        "medium": f"{median(found.medium for found in scores):g}",
        "near_complete_of_seeds": " ".join(map(str, near)),
    }


def markdown(rows: Sequence[Row]) -> str:
    """A table for each set, and the sum of near-complete genomes over the sets."""
    parts = []
    for name, part in dict.fromkeys((row.set, row.fraction) for row in rows):
        own = [row for row in rows if (row.set, row.fraction) == (name, part)]
        about = f"{name}, {own[0].genomes} genomes" + ("" if part == "1" else f", {part} of the contigs")
        lines = [f"| {about} | s | ARI | purity | 1-2 kb | 2-5 kb | 5-10 kb | 10+ kb | NC (MQ) |"]
        lines.append("|---" * (len(SHOWN) + 1) + "|")
        for row in own:
            cells = [getattr(row, column) or "-" for column in SHOWN]
            cells[-1] += f" ({row.medium})" if row.medium else ""
            lines.append(f"| {row.label} | {' | '.join(cells)} |")
        parts.append("\n".join(lines))
    sums: dict[str, list[float]] = {}
    for row in rows:
        if row.near_complete:
            sums.setdefault(row.label, []).append(float(row.near_complete))
    if sums:
        lines = [f"| {label} | {sum(each):g} | {len(each)} |" for label, each in sums.items()]
        parts.append("\n".join(["| encoder | NC, all sets | sets |", "|---|---|---|", *lines]))
    return "\n\n".join(parts)


def _empty(task: Task, encoder: str, reading: Reading, plan: Plan) -> Row:
    plain = encoder == PLAIN
    return Row(
        set=task.set,
        encoder=encoder,
        digest="" if plain else plan.maker.digest(encoder),
        window=OWN if plain else str(reading.window or OWN),
        max_windows=OWN if plain else str(reading.max_windows or OWN),
        fraction=f"{task.fraction:g}",
        seeds=NONE if plain else " ".join(map(str, plan.seeds)) or NONE,
    )


def _plan(options: argparse.Namespace) -> Plan:
    """What was asked for. Raises ValueError for sets that are not there."""
    return Plan(
        tasks=tuple(Task(folder, 0, options.fraction) for folder in find_sets(options.data, options.sets)),
        encoders=tuple(options.encoders),
        windows=tuple(options.windows),
        max_windows=options.max_windows,
        seeds=tuple(options.seeds),
        maker=Maker(options.keep, options.genomes or options.data.parent / "train", options.threads, options.device),
        table=options.out,
    )


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("benchmarks.encoders", __doc__)
    add = parser.add_argument
    add("data", type=Path, metavar="DATA_DIR")
    add("--encoders", type=several(str), default=["plain-4-mers", "4-mers", "whitening"], help="comma-separated")
    add("--sets", type=several(str), default=[], help="comma-separated names  [default: all]")
    add("--windows", type=several(_window), default=[None], help="bp, comma-separated, or own  [default: own]")
    add("--max-windows", type=int, help="of a contig  [default: all]")
    add("--fraction", type=fraction, default=1.0, help="of the contigs  [default: 1]")
    add("--seeds", type=_seeds, default=[1, 2, 3], help="of binner run, comma-separated, or none  [default: 1,2,3]")
    add("--genomes", type=Path, help="for the error law of 4-mers  [default: train beside DATA_DIR]")
    add("--keep", type=Path, default=Path("encoder_benchmark"), metavar="FOLDER", help="[default: %(default)s]")
    add("-o", "--out", type=Path, default=Path("encoders.tsv"), metavar="TABLE", help="[default: %(default)s]")
    add("--threads", type=int, default=granted_threads(), help="[default: %(default)s]")
    add("--device", default="auto", help="of binner embed  [default: auto]")
    return parser


def _window(text: str) -> int | None:
    return None if text == OWN else int(text)


def _seeds(text: str) -> list[int]:
    return [] if text == NONE else [int(word) for word in text.split(",")]


if __name__ == "__main__":
    main()
