"""SemiBin2 with a model trained on the contigs themselves, their depths from a table.

python -m benchmarks.semibin PROGRAM CONTIGS DEPTH OUT --threads N --seed N [--long]

SemiBin2's commands want a BAM file of each sample, and read a table for its pretrained models alone. With fewer than
five samples, though, depths are no part of what the model sees: they are columns of `data.csv`, mean and variance of
each sample, which only the clustering reads. So its own command writes the features from BAM files without a read,
the table's depths take the place of the zeros, and its own commands train and bin with their default options. From
five samples on the model would see depths of halves of contigs, which no such table holds. A model that an earlier
run with the same contigs and seed left in OUT is taken up, whatever its samples were.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pysam

from benchmarks.measure import measure
from benchmarks.results import Stage
from benchmarks.tools import stage_record
from binner.artifacts import fingerprint

_LEADING = 3  # columns of a depth table before the samples: contigName, contigLen, totalAvgDepth
_NOT_ZERO = 1e-5  # SemiBin2 adds it to each mean and variance


def main(arguments: Sequence[str] | None = None) -> None:
    """Write features, train, bin: the first command that fails ends it with its exit code."""
    parser = argparse.ArgumentParser("python -m benchmarks.semibin", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("program")
    for name in ("contigs", "depth", "out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--long", action="store_true", help="of long reads: clusters as SemiBin2 does for those")
    options = parser.parse_args(arguments)

    options.out.mkdir(parents=True, exist_ok=True)
    stages = [_write_features(options)]
    model = options.out / f"model-{fingerprint(options.contigs)[:12]}-{options.seed}.pt"
    stages.append(_train(options, model))
    files = ["-i", str(options.contigs), "--data", str(options.out / "data.csv"), "--model", str(model)]
    more = ["-o", str(options.out), "--orf-finder", "fast-naive", "--random-seed", str(options.seed)]
    stages.append(_run(options, "binning", ["bin_long" if options.long else "bin_short", *files, *more]))
    stage_record(options.out).write_text(json.dumps({"stages": [asdict(stage) for stage in stages]}))


def fill_depths(features: Path, table: Sequence[Sequence[str]]) -> None:
    """Put means and variances of a depth table, its first row the names of its columns, into the last columns."""
    depths = {row[0]: [str(float(cell) + _NOT_ZERO) for cell in row[_LEADING:]] for row in table[1:]}
    partial = features.with_suffix(".partial")
    with features.open(newline="") as before, partial.open("w", newline="") as after:
        rows, writer = csv.reader(before), csv.writer(after)
        writer.writerow(next(rows))
        writer.writerows([*row[: -len(depths[row[0]])], *depths[row[0]]] for row in rows)
    partial.replace(features)


def _write_features(options: argparse.Namespace) -> Stage:
    with options.depth.open() as lines:
        table = [line.rstrip("\n").split("\t") for line in lines]
    contigs = [{"SN": name, "LN": int(float(length))} for name, length, *_ in table[1:]]
    bams = [str(options.out / f"{sample}.bam") for sample in range((len(table[0]) - _LEADING) // 2)]
    for bam in bams:
        pysam.AlignmentFile(bam, "wb", header={"HD": {"VN": "1.6", "SO": "coordinate"}, "SQ": contigs}).close()
    files = ["-i", str(options.contigs), "-b", *bams, "-o", str(options.out)]
    stage = _run(options, "features", ["generate_sequence_features_single", *files])
    fill_depths(options.out / "data.csv", table)
    return stage


def _train(options: argparse.Namespace, model: Path) -> Stage:
    if model.exists():
        return Stage("training", 0, 0, 0, kept=True)
    out = options.out / "training"
    data = ["--data", str(options.out / "data.csv"), "--data-split", str(options.out / "data_split.csv")]
    stage = _run(options, "training", ["train_self", *data, "-o", str(out), "--random-seed", str(options.seed)])
    (out / "model.pt").replace(model)
    return stage


def _run(options: argparse.Namespace, stage: str, command: Sequence[str]) -> Stage:
    log = options.out / f"{stage}.log"
    usage = measure([options.program, *command, "-t", str(options.threads)], log, threads=options.threads)
    if usage.code:
        sys.stderr.write(log.read_text(errors="replace"))
        raise SystemExit(usage.code)
    return Stage(stage, usage.seconds, usage.cpu_seconds, usage.peak_memory, kept=False)


if __name__ == "__main__":
    main()
