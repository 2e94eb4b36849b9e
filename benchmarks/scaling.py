"""How binner's time and memory grow with the number of contigs.

python -m benchmarks.scaling GENOMES --contigs 10000,30000,100000 --out TABLE

GENOMES is a folder of training genomes (genomes.tsv and genomes/). Their sequences are cut into contigs whose lengths
are those of a log-normal law above 1 kb, as an assembler leaves them; genome after genome, in random order, until there
are as many contigs as wanted. So a genome has as many contigs in every set, and a set holds all smaller ones. Depths in
three samples are those of the genome, with reads counted at random. Each set is binned by `binner run`, with and
without marker genes, each time from nothing; runs that TABLE holds already are not repeated. Printed are the CPU
seconds of every stage and the power of the number of contigs that they grow with.
"""

from __future__ import annotations

import argparse
import gzip
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from benchmarks import results
from benchmarks.__main__ import Plan, run
from benchmarks.arguments import parser_of, several
from benchmarks.files import write_contigs, write_truth
from benchmarks.report import markdown, number
from benchmarks.results import OK, Row
from benchmarks.simulate import Metagenome, draw_reads, join
from benchmarks.tasks import ALL, CONTIGS, DEPTHS, TRUTH, find_tasks
from benchmarks.tools import TOOLS
from binner.coverage import write_jgi
from binner.data import I32, I64, Contigs, Markers
from binner.runtime import granted_threads
from binner.train import genomes as training
from binner.train.genomes import Genomes

SHORTEST = 1000  # bp
SPREAD = 0.94  # of the logarithm of the lengths: with 1 kb as the middle of the law, 2.4 kb on average above it
SAMPLES = 3
DEPTH = 10.0  # x, mean over genomes and samples
FASTEST = 1  # level of gzip
MEASURED = ("binner", "binner-no-markers")
LEAST_SECONDS = 1.0  # of CPU: what takes less has no growth that could be seen


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = _parser()
    options = parser.parse_args(arguments)
    sizes = sorted(set(options.contigs))
    with tempfile.TemporaryDirectory(prefix="binner-bench-") as scratch:
        folder = options.keep or Path(scratch)
        try:
            genomes = training.read(options.genomes)
            sets = [make_set(genomes, size, folder / f"contigs-{size}", seed=options.seed) for size in sizes]
            tasks = tuple(task for each in sets for task in find_tasks(each, [ALL], 1.0))
            versions = {name: TOOLS[name].version() for name in options.tools}
            run(Plan(tasks, versions, (options.seed,), options.threads, options.out, again=options.again, keep=None))
            rows = [row for row in results.read(options.out) if row.version in versions.values()]
        except (ValueError, OSError) as error:
            parser.error(str(error))
    print("\n\n".join(tables(rows, options.tools)))


def make_set(genomes: Genomes, contigs: int, folder: Path, *, seed: int) -> Path:
    """Write a set of so many contigs, as `benchmarks.tasks` reads it, unless it is there. Returns its folder.

    Raises ValueError where the genomes are not enough for it.
    """
    if (folder / TRUTH).exists():  # it is written last
        return folder
    made = assemble(genomes, contigs, seed=seed)
    folder.mkdir(parents=True, exist_ok=True)
    write_contigs(made.contigs, folder / CONTIGS, seed=seed, level=FASTEST)
    table = folder / "depth.txt"
    write_jgi(table, made.contigs, made.coverage)
    (folder / DEPTHS).write_bytes(gzip.compress(table.read_bytes(), FASTEST))
    table.unlink()
    write_truth(made.contigs, made.genome, made.genomes, folder / TRUTH)
    return folder


def assemble(genomes: Genomes, contigs: int, *, seed: int) -> Metagenome:
    """So many contigs of the genomes, shuffled, and their reads. Raises ValueError where there are not so many."""
    rng = np.random.default_rng(seed)
    places = list(_cut(genomes, contigs, rng))
    if len(places) < contigs:
        raise ValueError(f"the genomes make no more than {len(places):,} contigs; {contigs:,} are wanted")
    rng = np.random.default_rng([seed, contigs])
    start, stop, genome = np.array([places[at] for at in rng.permutation(contigs)], np.int64).T
    pieces = [genomes.codes[a:b] for a, b in zip(start.tolist(), stop.tolist(), strict=True)]
    joined: Contigs = join(pieces)
    owner: I32 = genome.astype(np.int32)
    reads: I64 = draw_reads(
        joined.lengths,
        owner,
        np.random.default_rng(seed),  # the depth of a genome is that in all sets
        species=len(genomes.names),
        samples=SAMPLES,
        depth=DEPTH,
    )
    none = np.zeros((contigs, 0), np.uint8)
    nothing = Markers((), none, none, joined.names_digest)
    samples = tuple(f"S{sample + 1}" for sample in range(SAMPLES))
    return Metagenome(joined, owner, genomes.names, reads, samples, nothing)


def _cut(genomes: Genomes, contigs: int, rng: np.random.Generator) -> Iterator[tuple[int, int, int]]:
    """Start and stop (in the genomes' codes) and genome of up to so many contigs, genome after genome."""
    left = contigs
    for genome in rng.permutation(len(genomes.names)).tolist():
        for sequence in np.flatnonzero(genomes.genome == genome):
            at, end = int(genomes.offsets[sequence]), int(genomes.offsets[sequence + 1])
            while end - at >= SHORTEST:
                if not left:
                    return
                stop = min(end, at + int(SHORTEST * math.exp(SPREAD * abs(rng.standard_normal()))))
                yield at, stop, genome
                left -= 1
                at = stop


def tables(rows: Sequence[Row], tools: Sequence[str]) -> Iterator[str]:
    """In Markdown, for each tool: a line of each thing measured, a column of each size, and the growth."""
    for tool in tools:
        own = {int(row.set.rpartition("-")[2]): row for row in rows if row.tool == tool and row.status == OK}
        sizes = sorted(own)
        if not sizes:
            continue
        runs = [own[size] for size in sizes]
        cpu = {"the whole command": [row.cpu_seconds for row in runs]}
        for stage in dict.fromkeys(stage.name for row in runs for stage in row.stages):
            cpu[stage] = [sum(s.cpu_seconds for s in row.stages if s.name == stage) for row in runs]
        lines = [[name, *map(number, values), _power(sizes, values)] for name, values in cpu.items()]
        seconds, memory = [row.seconds for row in runs], [row.peak_memory / 1e9 for row in runs]
        lines += [
            ["wall seconds", *map(number, seconds), ""],
            ["peak memory, GB", *(number(each, digits=2) for each in memory), _power(sizes, memory, least=0)],
            ["near-complete genomes", *(f"{row.near_complete} of {row.genomes}" for row in runs), ""],
        ]
        head = [f"{TOOLS[tool].title}, CPU seconds", *(f"{size:,} contigs" for size in sizes), "growth"]
        yield markdown(head, lines)


def growth(sizes: Sequence[int], values: Sequence[float]) -> float:
    """The power of `sizes` that `values` go with: the slope of their logarithms. nan for less than two sizes."""
    if len(sizes) < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def _power(sizes: Sequence[int], values: Sequence[float], *, least: float = LEAST_SECONDS) -> str:
    """The growth, where it can be seen."""
    return number(growth(sizes, values), digits=2) if min(values) > 0 and max(values) >= least else "-"


def _parser() -> argparse.ArgumentParser:
    parser = parser_of("benchmarks.scaling", __doc__)
    parser.add_argument("genomes", type=Path, metavar="GENOMES")
    parser.add_argument(
        "--contigs", type=several(int), default=[10_000, 30_000, 100_000], help="[default: 10000,30000,100000]"
    )
    parser.add_argument("--out", type=Path, default=Path("scaling.tsv"), metavar="TABLE", help="[default: %(default)s]")
    parser.add_argument("--tools", type=several(str), default=list(MEASURED), help=f"[default: {','.join(MEASURED)}]")
    parser.add_argument("--threads", type=int, default=granted_threads(), help="[default: %(default)s]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--again", action="store_true", help="also the runs that the table holds; the new ones count")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="the sets stay here, and are taken from here")
    return parser


if __name__ == "__main__":
    main()
