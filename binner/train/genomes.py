"""Training genomes: a folder of FASTA files with a table of their species and genera, and pieces drawn from them."""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from binner import fasta
from binner.data import I64, N_CODE, U8, Contigs, Progress, silent
from binner.errors import InputError
from binner.train.stretches import between

TABLE = "genomes.tsv"
COLUMNS = ("genome", "species_cluster", "genus_cluster")


@dataclass(frozen=True, eq=False)
class Genomes:
    """Genomes as one array of codes; G genomes, P sequences."""

    names: tuple[str, ...]  # (G,)
    species: I64  # (G,), ids
    genus: I64  # (G,), ids
    codes: U8
    offsets: I64  # (P + 1,), where each sequence starts in `codes`
    genome: I64  # (P,), row of the genome that a sequence belongs to

    @cached_property
    def stretches(self) -> tuple[I64, I64, I64]:
        """Genome, start and stop (in `codes`) of what lies between long runs of N, in order."""
        row, start, stop = between_gaps(self.codes, self.offsets)
        return self.genome[row], start, stop


def read(folder: Path, *, progress: Progress = silent) -> Genomes:
    """Read `folder`/genomes.tsv (columns genome, species_cluster, genus_cluster) and `folder`/genomes/<genome>.fa.gz.

    The files may have any of the compressions that `fasta.read` takes. Raises InputError.
    """
    rows = table_rows(folder / TABLE)
    files = {path.name.rpartition(".fa")[0]: path for path in sorted((folder / "genomes").glob("*.fa*"))}
    missing = [row["genome"] for row in rows if row["genome"] not in files]
    if missing:
        raise InputError(f"{folder / 'genomes'}: no FASTA file of {missing[0]} ({len(missing)} of {len(rows)} missing)")
    read_in: list[Contigs] = []
    for done, row in enumerate(rows, 1):
        read_in.append(fasta.read(files[row["genome"]]))
        progress(done, len(rows))
    lengths = np.concatenate([contigs.lengths for contigs in read_in])
    return Genomes(
        names=tuple(row["genome"] for row in rows),
        species=_ids([row["species_cluster"] for row in rows]),
        genus=_ids([row["genus_cluster"] for row in rows]),
        codes=np.concatenate([contigs.codes for contigs in read_in]),
        offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)]),
        genome=np.repeat(np.arange(len(rows)), [len(contigs) for contigs in read_in]),
    )


def draw_pieces(genomes: Genomes, *, bp: int, per_genome: int, rng: np.random.Generator) -> tuple[I64, I64, I64]:
    """Start and stop (in `codes`) and genome of `per_genome` pieces of `bp` from each genome with a stretch so long."""
    of, first, last = genomes.stretches
    starts, owners = [], []
    for genome in range(len(genomes.names)):
        rows = np.flatnonzero((of == genome) & (last - first >= bp))
        if not len(rows):
            continue
        row = rng.choice(rows, per_genome)
        starts.append(first[row] + rng.integers(0, last[row] - first[row] - bp + 1))
        owners.append(np.full(per_genome, genome))
    start = np.concatenate([np.zeros(0, np.int64), *starts])
    return start, start + bp, np.concatenate([np.zeros(0, np.int64), *owners])


def between_gaps(codes: U8, offsets: I64) -> tuple[I64, I64, I64]:
    """Sequence, start and stop (in `codes`) of what lies between long runs of N in the sequences that `offsets` cut."""
    unread = np.flatnonzero(codes == N_CODE)
    part = np.searchsorted(offsets, unread, "right")
    apart = (np.diff(unread) > 1) | (np.diff(part) > 0)
    begins, ends = (np.concatenate(both)[: len(unread)] for both in (([True], apart), (apart, [True])))
    gap_start, gap_stop = unread[begins], unread[ends] + 1
    return between(offsets[:-1], offsets[1:], gap_start=gap_start, gap_stop=gap_stop)


def table_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a genomes.tsv, one for each genome, with all of COLUMNS. Raises InputError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); GENOMES is a folder with {TABLE} and genomes/") from error
    if not rows or any(not row.get(column) for row in rows for column in COLUMNS):
        raise InputError(f"{path}: needs a header and values for {', '.join(COLUMNS)}, separated by tabs")
    name, times = Counter(row["genome"] for row in rows).most_common(1)[0]
    if times > 1:
        raise InputError(f"{path}: genome '{name}' stands there {times} times; leave one")
    return rows


def _ids(words: list[str]) -> I64:
    return np.unique(words, return_inverse=True)[1].astype(np.int64)
