"""Genomes to train on: genera with their own codon usage, of two species each."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from benchmarks import genomes as g
from binner.data import U8
from binner.train.genomes import TABLE, Genomes


def genomes(*, genera: int, genome_bp: int, seed: int = 1, sequences: int = 1) -> Genomes:
    rng = np.random.default_rng(seed)
    codes: list[U8] = []
    for _ in range(genera):
        first = g.draw_species(rng.uniform(0.34, 0.64), rng)
        pair = first, g.relative_of(first, rng, spread=0.2)
        codes += [g.build(g.draw_genes(species, rng, total=genome_bp), species, rng).codes for species in pair]
    parts = [np.array_split(code, sequences) for code in codes]
    ids = np.arange(len(codes))
    return Genomes(
        names=tuple(f"genome_{i}" for i in ids),
        species=ids,
        genus=ids // 2,
        codes=np.concatenate(codes),
        offsets=np.concatenate([[0], np.cumsum([len(part) for split in parts for part in split])]).astype(np.int64),
        genome=np.repeat(ids, sequences),
    )


def write(made: Genomes, folder: Path) -> Path:
    """As `binner train` reads them."""
    letters = np.frombuffer(b"ACGTN", np.uint8)
    (folder / "genomes").mkdir(parents=True)
    rows = ["genome\tspecies_cluster\tgenus_cluster"]
    for row, name in enumerate(made.names):
        rows.append(f"{name}\tspecies_{made.species[row]}\tgenus_{made.genus[row]}")
        with gzip.open(folder / "genomes" / f"{name}.fa.gz", "wb", 1) as file:
            for part in np.flatnonzero(made.genome == row):
                sequence = letters[made.codes[made.offsets[part] : made.offsets[part + 1]]].tobytes()
                file.write(b">part_%d\n%s\n" % (part, sequence))
    (folder / TABLE).write_text("\n".join(rows) + "\n")
    return folder
