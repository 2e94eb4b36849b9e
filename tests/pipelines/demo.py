"""The demo as a workflow takes it: its files, a sample sheet, and the programs on the path."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PIPELINES = ROOT / "pipelines"
DEMO = ROOT / "benchmarks" / "demo"
CONTIGS = DEMO / "contigs.fa.gz"
BAMS = [DEMO / f"S{number}.bam" for number in (1, 2, 3)]
GENOMES = 6
COLUMNS = ("assembly", "contigs", "sample", "reads_1", "reads_2", "bam")


def write_sheet(path: Path, rows: list[dict[str, str]]) -> Path:
    """A sample sheet with these rows."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def demo_rows() -> list[dict[str, str]]:
    """The demo's three samples."""
    return [{"assembly": "demo", "contigs": str(CONTIGS), "sample": bam.stem, "bam": str(bam)} for bam in BAMS]


def environment(folder: Path) -> dict[str, str]:
    """The environment with this checkout's `binner` on the path, and the programs beside this Python."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    binner = programs / "binner"
    binner.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m binner "$@"\n')
    binner.chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path}


def bins(folder: Path) -> dict[str, frozenset[str]]:
    """The contigs of each bin that a run wrote into `folder`."""
    found: dict[str, set[str]] = {}
    for line in (folder / "contig2bin.tsv").read_text().splitlines():
        contig, name = line.split("\t")
        found.setdefault(name, set()).add(contig)
    return {name: frozenset(contigs) for name, contigs in found.items()}
