"""What is binned: each set of contigs alone, with its first sample, and with all of them; whole or in part."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from binner.evaluate.tables import Truth, read_truth

CONTIGS, DEPTHS, TRUTH = "contigs.fa.gz", "depth.jgi.txt.gz", "truth.tsv"
ALL = -1  # samples
_LEADING = 3  # columns of a depth table before the samples: contigName, contigLen, totalAvgDepth


@dataclass(frozen=True, slots=True)
class Task:
    """Contigs of a set and some of its samples."""

    folder: Path  # CONTIGS, DEPTHS and TRUTH of the set
    samples: int  # the first so many of the depth table are used
    fraction: float = 1.0  # of the contigs

    @property
    def set(self) -> str:
        """Name of the set."""
        return self.folder.name


@dataclass(frozen=True, slots=True)
class Inputs:
    """The files of a task, and the truth of its contigs."""

    contigs: Path  # FASTA, gzip
    depth: Path | None  # of jgi_summarize_bam_contig_depths
    abundance: Path | None  # the means of `depth` as VAMB reads them, in the order of the contigs
    truth: Truth


def find_sets(data: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """Folders with a set each, in the order of `wanted`, or all. Raises ValueError if one is missing."""
    known = {
        path.parent.name: path.parent for path in sorted(data.glob(f"*/{TRUTH}")) if (path.parent / CONTIGS).exists()
    }
    if not known:
        raise ValueError(f"{data}: no folder in it holds {CONTIGS} and {TRUTH}")
    missing = [name for name in wanted if name not in known]
    if missing:
        raise ValueError(f"{data}: no set {', '.join(missing)}; there are {', '.join(known)}")
    return [known[name] for name in wanted or known]


def find_tasks(folder: Path, wanted: Sequence[int], fraction: float) -> list[Task]:
    """The tasks of a set: those of `wanted` numbers of samples, ALL being all, that it has."""
    there = count_samples(folder)
    return [Task(folder, n, fraction) for n in sorted({there if n == ALL else n for n in wanted}) if n <= there]


def count_samples(folder: Path) -> int:
    """Samples in the depth table of a set; 0 without one."""
    path = folder / DEPTHS
    if not path.exists():
        return 0
    with gzip.open(path, "rt") as lines:
        return (len(next(lines).split("\t")) - _LEADING) // 2


def prepare(task: Task, scratch: Path) -> Inputs:
    """Write the files of a task to `scratch`, but for contigs that are used as they are."""
    names = _names(task.folder / CONTIGS)
    contigs = task.folder / CONTIGS
    if task.fraction < 1:
        order = random.Random(1).sample(names, len(names))  # a part holds all smaller parts
        names = sorted(order[: round(task.fraction * len(names))], key={n: i for i, n in enumerate(names)}.__getitem__)
        contigs = scratch / CONTIGS
        _write_part(task.folder / CONTIGS, contigs, set(names))
    truth = read_truth(task.folder / TRUTH)
    depth, abundance = scratch / "depth.txt", scratch / "abundance.tsv"
    if task.samples:
        _write_depths(task, names, depth=depth, abundance=abundance)
    kept = {name: truth[name] for name in names if name in truth}
    return Inputs(contigs, depth if task.samples else None, abundance if task.samples else None, kept)


def _names(contigs: Path) -> list[str]:
    with gzip.open(contigs, "rt") as lines:
        return [line[1:].split()[0] for line in lines if line.startswith(">")]


def _write_part(contigs: Path, part: Path, names: set[str]) -> None:
    with gzip.open(contigs, "rt") as lines, gzip.open(part, "wt", compresslevel=1) as file:
        keep = False
        for line in lines:
            if line.startswith(">"):
                keep = line[1:].split()[0] in names
            if keep:
                file.write(line)


def _write_depths(task: Task, names: Sequence[str], *, depth: Path, abundance: Path) -> None:
    """The columns of the task's samples and the rows of its contigs, in the contigs' order."""
    stop = _LEADING + 2 * task.samples
    with gzip.open(task.folder / DEPTHS, "rt") as lines:
        head, *rows = (line.rstrip("\n").split("\t") for line in lines)
    whole, head = len(head) == stop, head[:stop]
    row_of = {row[0]: row for row in rows}
    with depth.open("w") as table, abundance.open("w") as means:
        table.write("\t".join(head) + "\n")
        means.write("\t".join(["contigname", *head[_LEADING::2]]) + "\n")
        for name in names:
            row = row_of[name][:stop]
            if not whole:  # a total that is right stays as it is: its sixth digit changes MetaBAT2's bins
                row[_LEADING - 1] = f"{sum(map(float, row[_LEADING::2])):.6g}"
            table.write("\t".join(row) + "\n")
            means.write("\t".join([name, *row[_LEADING::2]]) + "\n")
