"""The weights of binner.membership, fitted where genomes are known, and how right its probabilities are.

python -m benchmarks.calibration DATA_DIR --keep FOLDER [--sets NAME ...] [--plot reliability.svg]

bins every set in DATA_DIR (as `python -m benchmarks` has them) with its contigs alone, its first sample and all of
them, and keeps in FOLDER what membership knows of contigs and bins; a task that is there already is not binned again.
It prints the weights that all sets give, for binner/membership.py, and a table of how right the probabilities of each
task are with the weights of the other sets; --plot draws that.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks import reliability
from benchmarks.tasks import ALL, CONTIGS, Task, find_sets, find_tasks, prepare
from binner.data import F64, I64, Bin, Bool
from binner.evaluate.tables import Truth
from binner.membership import FEATURES, Pairs, probabilities

MIN_LENGTH, MIN_BIN = 1000, 200_000  # bp, as by default
RIDGE = 1e-3  # on the weights: they stay finite where the fit would have them grow


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Pairs of a task of which the contig's genome is known."""

    pairs: Pairs
    right: Bool  # (P,), whether most of the bin, by bp, is of the contig's genome


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """Of contigs, in how far to believe that they are of a bin, and whether they are."""

    chance: F64
    right: Bool


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fit the weights of binner.membership.")
    parser.add_argument("data", type=Path, metavar="DATA_DIR")
    parser.add_argument("--keep", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--sets", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path, metavar="SVG")
    options = parser.parse_args(arguments)
    options.keep.mkdir(parents=True, exist_ok=True)
    found: dict[tuple[str, int], Known] = {}
    for folder in find_sets(options.data, options.sets):
        tasks = find_tasks(folder, [0, 1, ALL], 1)
        files = [options.keep / f"{task.set}.{task.samples}.{options.seed}.npz" for task in tasks]
        if not all(file.exists() for file in files):
            for task, file, known in zip(tasks, files, measure(tasks, seed=options.seed), strict=True):
                save(file, known)
                print(f"{task.set}, {task.samples} samples: {len(known.right)} pairs", flush=True)
        found |= {(task.set, task.samples): load(file) for task, file in zip(tasks, files, strict=True)}
    weights = fit(list(found.values()), sets=[name for name, _ in found])
    print("WEIGHTS =", tuple(weights.round(3).tolist()))
    own, second = left_out(found)
    print(reliability.table(own, second))
    if options.plot is not None:
        options.plot.write_text(reliability.svg(own, second))


def measure(tasks: Sequence[Task], *, seed: int) -> list[Known]:
    """Bin the tasks of one set as `binner run` does."""
    from binner import clusterers, coverage, embed, fasta, homologs, markers, membership, select, space
    from binner.adaptation import adapt

    with tempfile.TemporaryDirectory() as scratch:
        contigs = fasta.read(tasks[0].folder / CONTIGS, min_length=MIN_LENGTH)
        genes, relatives = markers.find(contigs, threads=1), homologs.find(contigs, threads=1)
        embedding = adapt(*embed.embed(contigs, encoder="whitening"))[1]
        known = []
        for task in tasks:
            files = prepare(task, Path(scratch))
            depths = coverage.read(contigs, depth=[files.depth]) if files.depth else None
            depth = space.depths(depths, embedding, contigs.lengths)
            partitions = clusterers.propose(embedding, depth, contigs.lengths, seed=seed, homologs=relatives)
            bins = select.choose(
                partitions, contigs.lengths, markers=genes, homologs=relatives, min_bin_size=MIN_BIN, depth=depth
            )
            model = space.gaussians(embedding, depth, contigs.lengths)
            pairs = membership.pair(bins, partitions, model, contigs.lengths, covered=depth.known if depth else None)
            known.append(judge(pairs, bins, genomes(contigs.names, files.truth), lengths=contigs.lengths))
    return known


def genomes(names: Sequence[str], truth: Truth) -> I64:
    """Number of each contig's genome, (N,), -1 = not known."""
    number = {
        genome: place for place, genome in enumerate(dict.fromkeys(origin.genomes[0] for origin in truth.values()))
    }
    return np.array([number[truth[name].genomes[0]] if name in truth else -1 for name in names], np.int64)


def judge(pairs: Pairs, bins: Sequence[Bin], genome: I64, *, lengths: I64) -> Known:
    """The pairs whose contig's genome is known."""
    most = np.full(len(bins), -2)  # the genome that most of a bin is of
    for index, found in enumerate(bins):
        rows = found.rows[genome[found.rows] >= 0]
        if len(rows):
            most[index] = np.bincount(genome[rows], lengths[rows]).argmax()
    known = genome[pairs.contig] >= 0
    kept = Pairs(pairs.contig[known], pairs.bin[known], pairs.inside[known], pairs.features[known])
    return Known(kept, most[kept.bin] == genome[kept.contig])


def save(path: Path, known: Known) -> None:
    """Write for `load`."""
    pairs = known.pairs
    part = path.with_suffix(".part.npz")
    features = pairs.features.astype(np.float32)
    np.savez_compressed(
        part, contig=pairs.contig, bin=pairs.bin, inside=pairs.inside, features=features, right=known.right
    )
    part.replace(path)


def load(path: Path) -> Known:
    """What `save` wrote."""
    with np.load(path) as file:
        pairs = Pairs(file["contig"], file["bin"], file["inside"], file["features"].astype(np.float64))
        return Known(pairs, file["right"])


def fit(tasks: Sequence[Known], *, sets: Sequence[str]) -> F64:
    """The most likely weights, (len(FEATURES),); every set counts alike, and in it every task, in it every contig.

    A contig whose own bin is right chooses that, others the right one that most votes give it, or none.
    """
    from scipy.optimize import minimize

    chosen = [_chosen(task) for task in tasks]
    share = [
        1 / (len(set(sets)) * sets.count(name) * len(np.unique(task.pairs.contig)))
        for name, task in zip(sets, tasks, strict=True)
    ]

    def loss(weights: F64) -> tuple[float, F64]:
        value, slope = RIDGE * weights @ weights / 2, RIDGE * weights
        for task, choice, each in zip(tasks, chosen, share, strict=True):
            chance = probabilities(task.pairs, weights)
            none = np.log(np.maximum(1 - _sum(task.pairs.contig, chance), 1e-300))
            decided = _sum(task.pairs.contig, choice.astype(np.float64)) > 0
            value -= each * (np.log(np.maximum(chance[choice], 1e-300)).sum() + none[~decided].sum())
            slope = slope + each * (chance - choice) @ task.pairs.features
        return float(value), slope

    return np.asarray(minimize(loss, np.zeros(len(FEATURES)), jac=True, method="L-BFGS-B").x)


def _sum(contig: I64, values: npt.NDArray[np.float64]) -> F64:
    """Sums over the pairs of each contig that has any."""
    place = np.unique(contig, return_inverse=True)[1]
    return np.asarray(np.bincount(place, values))


def _chosen(task: Known) -> Bool:
    """The pair that each contig ought to choose, if any."""
    pairs = task.pairs
    right = np.flatnonzero(task.right)
    order = right[
        np.lexsort((-pairs.features[right, FEATURES.index("votes")], ~pairs.inside[right], pairs.contig[right]))
    ]
    first = np.diff(pairs.contig[order], prepend=-1) > 0
    chosen = np.zeros(len(task.right), bool)
    chosen[order[first]] = True
    return chosen


def left_out(
    found: Mapping[tuple[str, int], Known],
) -> tuple[dict[tuple[str, int], Outcome], dict[tuple[str, int], Outcome]]:
    """Own and second bins of each task by the weights of the other sets; a second is right where the own bin is not."""
    own, second = {}, {}
    for name in dict.fromkeys(name for name, _ in found):
        others = [task for task in found if task[0] != name] or list(found)
        weights = fit([found[task] for task in others], sets=[other for other, _ in others])
        for task in found:
            if task[0] == name:
                own[task], second[task] = outcomes(found[task], weights)
    return own, second


def outcomes(task: Known, weights: F64) -> tuple[Outcome, Outcome]:
    """Of contigs with their own bins, and of those with the best other one."""
    pairs, chance = task.pairs, probabilities(task.pairs, weights)
    settled = np.unique(pairs.contig[pairs.inside & task.right])
    other = np.flatnonzero(~pairs.inside)
    other = other[np.lexsort((-chance[other], pairs.contig[other]))]
    other = other[np.diff(pairs.contig[other], prepend=-1) > 0]
    right = task.right[other] & ~np.isin(pairs.contig[other], settled)
    return Outcome(chance[pairs.inside], task.right[pairs.inside]), Outcome(chance[other], right)


if __name__ == "__main__":
    main()
