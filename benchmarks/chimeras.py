"""What `binner run --split-chimeras` finds, and whether it pays: contigs of known genomes, some of them joined.

python -m benchmarks.chimeras calibrate GENOMES
python -m benchmarks.chimeras count DATA_DIR [--sets NAME,...]
python -m benchmarks.chimeras pay SET [--share 0.02] [--samples N] [--reads S0.cram,...] [--seeds 1,2,3] [--keep FOLDER]

`calibrate` takes a folder of training genomes, and prints the log ratio above which one contig in 1,000 lies, for
binner/chimeras.py, and how many joined contigs do. `count` splits the contigs of the sets in DATA_DIR as they are.
`pay` joins contigs of different genomes in pairs, a share of those of SET (0: none), and bins them with the option
and without: by the contigs alone, by the first N samples of the depth table (contigs that are joined have their mean),
or by reads, which are moved along.
"""

from __future__ import annotations

import argparse
import csv
import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pysam

from benchmarks.arguments import several
from benchmarks.multi import run_binner, write_fasta
from benchmarks.tasks import CONTIGS, DEPTHS, TRUTH, find_sets
from binner import chimeras, coverage, fasta
from binner.coverage import write_jgi
from binner.data import F64, Contigs, Coverage
from binner.evaluate.bins import overlap, score
from binner.evaluate.tables import Origin, Pairs, Truth, read_labels
from binner.joins import Joins
from binner.train import genomes

SHORTEST = 1000  # bp, as by default
JOINS = 3000  # for the calibration
NEAR = 1000  # bp; a cut no farther from a join is right
PIECE = re.compile(r"(.+):(\d+)-(\d+)")


@dataclass(frozen=True, eq=False)
class Joined:
    """Contigs, some of which are two others end to end."""

    contigs: Contigs
    parts: tuple[tuple[int, ...], ...]  # (N,), one row or two of the contigs that it was made from

    def join(self, row: int, made_from: Contigs) -> int:
        """Where a contig was joined; 0 if it was not."""
        return int(made_from.lengths[self.parts[row][0]]) if len(self.parts[row]) > 1 else 0


def join(contigs: Contigs, key: Sequence[str], pairs: int, rng: np.random.Generator) -> Joined:
    """Join so many random pairs that differ in their `key` (N,); the others stay, in their order before them."""
    order = rng.permutation(len(contigs)).tolist()
    joined: list[tuple[int, ...]] = []
    while len(joined) < pairs and order:
        row = order.pop()
        other = next((at for at in range(len(order) - 1, -1, -1) if key[order[at]] != key[row]), None)
        if other is not None:
            joined.append((row, order.pop(other)))
    taken = {row for pair in joined for row in pair}
    parts = tuple([(row,) for row in range(len(contigs)) if row not in taken] + joined)
    flat = contigs.select(np.array([row for part in parts for row in part], np.int64))
    ends = np.cumsum([len(part) for part in parts])
    names = tuple("+".join(contigs.names[row] for row in part) for part in parts)
    return Joined(Contigs(names, flat.codes, flat.offsets[np.concatenate([[0], ends])]), parts)


def calibrate(folder: Path, *, seed: int = 1) -> Iterator[str]:
    """Lines with the threshold and what it finds."""
    found = genomes.read(folder)
    species = [str(each) for each in found.species[found.genome].tolist()]
    contigs = Contigs(tuple(map(str, range(len(species)))), found.codes, found.offsets)
    long = contigs.lengths >= 2 * chimeras.LEAST_SIDE
    single = _ratios(contigs)[long]
    single = single[np.isfinite(single)]
    threshold, lower = np.quantile(single, [0.999, 0.995]).tolist()
    yield f"{len(single)} contigs of one genome: 1 in 1,000 is above {threshold:.2f} nats, 1 in 200 above {lower:.2f}"
    rows = np.flatnonzero(contigs.lengths >= chimeras.LEAST_SIDE)
    picked = contigs.select(rows)
    made = join(picked, [species[row] for row in rows.tolist()], JOINS, np.random.default_rng(seed))
    ratios = _ratios(made.contigs)
    pairs = [(row, min(picked.lengths[each] for each in part)) for row, part in enumerate(made.parts) if len(part) > 1]
    of, shorter = np.array(pairs).T
    for least in (0, 10_000, 20_000):
        found_there = ratios[of[shorter >= least]] > threshold
        yield f"{len(found_there)} joins, the shorter side from {least} bp: {found_there.sum()} above it"


def _ratios(contigs: Contigs) -> F64:
    """The best log ratio in each contig."""
    sides = chimeras.read(contigs)
    return sides.best(*chimeras.runs(sides.windows, len(contigs)), least=chimeras.LEAST_SIDE)[1]


def count(folder: Path) -> str:
    """How many contigs of a set are split as they are."""
    contigs = fasta.read(folder / CONTIGS, min_length=SHORTEST)
    joins = chimeras.find(contigs)
    long = int((contigs.lengths >= 2 * chimeras.LEAST_SIDE).sum())
    told = ", ".join(f"{name} at {at:,} ({ratio:.1f})" for name, at, ratio in _rows(joins))
    return f"{folder.name}: {len(set(joins.contig))} of {long} contigs that are long enough are split: {told}"


def _rows(joins: Joins) -> Iterator[tuple[str, int, float]]:
    return zip(joins.contig, joins.position.tolist(), joins.log_ratio.tolist(), strict=True)


def pay(folder: Path, given: argparse.Namespace, seed: int) -> Iterator[str]:
    """Lines with what comes of joined contigs, without the option and with it."""
    whole = fasta.read(folder / CONTIGS, min_length=SHORTEST)
    of = read_labels(folder / TRUTH)
    key = [of.get(name, "") for name in whole.names]
    made = join(whole, key, round(given.share * len(whole)), np.random.default_rng(seed))
    with tempfile.TemporaryDirectory(prefix="binner-bench-") as scratch:
        work = (given.keep or Path(scratch)) / f"{folder.name}-{seed}"
        work.mkdir(parents=True, exist_ok=True)
        write_fasta(made.contigs, work / "contigs.fa")
        options = [str(work / "contigs.fa"), "-t", str(given.threads), "--seed", str(seed), "--no-report"]
        if given.reads:
            options += ["-b", *(str(move_reads(file, whole, made, work)) for file in given.reads)]
        elif given.samples:
            write_jgi(work / "depth.tsv", made.contigs, _depths(folder, whole, made, given.samples))
            options += ["--depth", str(work / "depth.tsv")]
        for way in ([], ["--split-chimeras"]):
            out = work / ("split" if way else "whole")
            pairs = run_binner([*options, *way], out)
            truth, placed = _by_parts(whole, made, key, pairs)
            found = score(overlap(truth, placed))
            told = f", {_verdict(whole, made, out / 'chimeras.tsv')}" if way else ""
            yield f"{work.name} {out.name}: {found.near_complete} near-complete, {found.medium} medium{told}"


def _depths(folder: Path, whole: Contigs, made: Joined, samples: int) -> Coverage:
    """Those of the parts, weighted by their length."""
    found = coverage.read(whole, depth=[folder / DEPTHS])
    assert found is not None
    rows = np.array([row for part in made.parts for row in part], np.int64)
    start = np.concatenate([[0], np.cumsum([len(part) for part in made.parts])[:-1]]).astype(np.int64)
    weight = whole.lengths[rows][:, None].astype(np.float64)
    mean, variance = (
        (np.add.reduceat(each[rows, :samples] * weight, start) / np.add.reduceat(weight, start)).astype(np.float32)
        for each in (found.mean, found.variance)
    )
    return Coverage(found.samples[:samples], mean, variance, made.contigs.names_digest)


def move_reads(source: Path, whole: Contigs, made: Joined, work: Path) -> Path:
    """Write the alignments of the contigs as those of the joined ones, without their mates."""
    place = {
        whole.names[row]: (new, part[0] != row and int(whole.lengths[part[0]]))
        for new, part in enumerate(made.parts)
        for row in part
    }
    sizes = zip(made.contigs.names, made.contigs.lengths.tolist(), strict=True)
    header = pysam.AlignmentHeader.from_dict({"SQ": [{"SN": name, "LN": length} for name, length in sizes]})
    out = work / f"{source.stem}.bam"
    write_fasta(whole, work / "whole.fa")
    with (
        pysam.AlignmentFile(str(source), reference_filename=str(work / "whole.fa")) as reads,
        pysam.AlignmentFile(str(out), "wb", header=header) as file,
    ):
        for read in reads.fetch(until_eof=True):
            if read.reference_name in place:
                moved = pysam.AlignedSegment(header)
                moved.query_name, moved.flag, moved.cigarstring = "*", read.flag, read.cigarstring
                moved.reference_id, shift = place[read.reference_name]
                moved.reference_start = read.reference_start + int(shift)
                moved.set_tag("NM", read.get_tag("NM") if read.has_tag("NM") else 0)
                file.write(moved)
    return out


def _by_parts(whole: Contigs, made: Joined, key: Sequence[str], pairs: Pairs) -> tuple[Truth, Pairs]:
    """Truth and bins of stretches that are of one genome and in one bin or in none."""
    row_of = {name: row for row, name in enumerate(made.contigs.names)}
    spans: dict[int, list[tuple[int, int, str]]] = {}
    for name, found in pairs:
        piece = PIECE.fullmatch(name) if name not in row_of else None
        row = row_of[piece[1] if piece else name]
        start, stop = (int(piece[2]) - 1, int(piece[3])) if piece else (0, int(made.contigs.lengths[row]))
        spans.setdefault(row, []).append((start, stop, found))
    truth: Truth = {}
    placed: Pairs = []
    for row, parts in enumerate(made.parts):
        begin = 0
        for part in parts:
            end = begin + int(whole.lengths[part])
            left = end - begin
            for start, stop, found in spans.get(row, []):
                common = min(stop, end) - max(start, begin)
                if common > 0:
                    stretch = f"{whole.names[part]}:{start}"
                    truth[stretch] = Origin((key[part],), common)
                    placed.append((stretch, found))
                    left -= common
            if left:
                truth[whole.names[part]] = Origin((key[part],), left)
            begin = end
    return {name: origin for name, origin in truth.items() if origin.genomes != ("",)}, placed


def _verdict(whole: Contigs, made: Joined, table: Path) -> str:
    row_of = {name: row for row, name in enumerate(made.contigs.names)}
    with table.open(newline="") as lines:
        cuts = [(row_of[line["contig"]], int(line["position"])) for line in csv.DictReader(lines, delimiter="\t")]
    right = {row for row, at in cuts if made.join(row, whole) and abs(at - made.join(row, whole)) <= NEAR}
    joined = [part for part in made.parts if len(part) > 1]
    long = sum(min(whole.lengths[row] for row in part) >= chimeras.LEAST_SIDE for part in joined)
    wrong = [row for row, at in cuts if row not in right]
    return (
        f"{len(right)} of {len(joined)} joins found ({long} are long enough), {len(cuts) - len(right)} cuts elsewhere,"
        f" in {len({row for row in wrong if not made.join(row, whole)})} contigs without a join"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chimeras", description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("calibrate", "count", "pay"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--sets", type=several(str), default=[])
    parser.add_argument("--share", type=float, default=0.02, help="of the contigs: so many pairs are joined")
    parser.add_argument("--samples", type=int, default=0)
    parser.add_argument("--reads", type=several(Path), default=[])
    parser.add_argument("--seeds", type=several(int), default=[1, 2, 3])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="where assemblies and bins stay")
    given = parser.parse_args(arguments)
    if given.what == "calibrate":
        lines = calibrate(given.folder)
    elif given.what == "count":
        lines = (count(folder) for folder in find_sets(given.folder, given.sets))
    else:
        lines = (line for seed in given.seeds for line in pay(given.folder, given, seed))
    for line in lines:
        print(line, flush=True)


if __name__ == "__main__":
    main()
