"""What GENOMES may be: where the FASTA file of each genome lies, and its species and genus."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from binner.config import FASTA_SUFFIXES, fasta_stem
from binner.errors import InputError, OptionError
from binner.train.genomes import TABLE, table_rows

HEADERS = ("genome", "path", "file", "name")  # first words of a table that has a header


@dataclass(frozen=True, slots=True)
class Source:
    """A genome: its name, its file, and the words for its species and genus."""

    name: str
    path: Path
    species: str
    genus: str


def find(genomes: Path, *, labels: Path | None = None) -> list[Source]:
    """The genomes that GENOMES stands for, by name.

    GENOMES is a folder of FASTA files, each a genome (`labels` gives species and, if known, genera; a genome that it
    does not name, and every genome without it, is a species of its own); or a folder with genomes.tsv and genomes/; or
    a table with a line for each genome: path (from the table's folder), species and, if known, genus. Raises
    InputError and OptionError.
    """
    if genomes.is_dir():
        if (genomes / TABLE).is_file():
            _no_labels(labels, genomes / TABLE)
            return sorted(_of_clusters(genomes), key=lambda source: source.name)
        return sorted(_of_folder(genomes, labels), key=lambda source: source.name)
    if not genomes.is_file():
        raise InputError(f"{genomes}: no such file or folder; give a folder of FASTA files or a table of them")
    _no_labels(labels, genomes)
    return sorted(_of_table(genomes), key=lambda source: source.name)


def _of_folder(folder: Path, labels: Path | None) -> list[Source]:
    files = {path: name for path in sorted(folder.iterdir()) if (name := fasta_stem(path)) and path.is_file()}
    if not files:
        raise InputError(
            f"{folder}: no FASTA file in it ({', '.join(FASTA_SUFFIXES)}, plain or compressed), and no {TABLE}"
        )
    name, times = Counter(files.values()).most_common(1)[0]
    if times > 1:
        raise InputError(f"{folder}: {times} files of a genome '{name}'; leave one")
    known = {} if labels is None else _labels(labels, {path.name: name for path, name in files.items()})
    return [Source(name, path, *_named(known.get(name, (name, "")))) for path, name in files.items()]


def _labels(path: Path, names: dict[str, str]) -> dict[str, tuple[str, str]]:
    """Species and genus of the genomes, which the table may name with or without the files' suffixes."""
    known: dict[str, tuple[str, str]] = {}
    for line, (genome, species, genus) in _rows(path):
        name = names.get(genome, genome)
        if name in known:
            raise InputError(f"{path}, line {line}: genome '{genome}' stands there twice; leave one")
        known[name] = species, genus
    if not known.keys() & set(names.values()):
        raise InputError(f"{path}: names none of the genomes, which are called '{next(iter(names.values()))}', ...")
    return known


def _of_clusters(folder: Path) -> list[Source]:
    files = {name: path for path in sorted((folder / "genomes").glob("*")) if (name := fasta_stem(path))}
    rows = table_rows(folder / TABLE)
    missing = [row["genome"] for row in rows if row["genome"] not in files]
    if missing:
        raise InputError(f"{folder / 'genomes'}: no FASTA file of {missing[0]} ({len(missing)} of {len(rows)} missing)")
    return [Source(r["genome"], files[r["genome"]], *_named((r["species_cluster"], r["genus_cluster"]))) for r in rows]


def _of_table(table: Path) -> list[Source]:
    found: dict[str, Source] = {}
    for line, (word, species, genus) in _rows(table):
        path = table.parent / word  # an absolute path stays what it is
        name = fasta_stem(path) or path.name
        if not path.is_file():
            raise InputError(f"{table}, line {line}: there is no file {path}")
        if name in found:
            raise InputError(f"{table}, line {line}: a genome '{name}' has been named before; leave one")
        found[name] = Source(name, path, *_named((species, genus)))
    return list(found.values())


def _rows(path: Path) -> list[tuple[int, tuple[str, str, str]]]:
    """Line, and genome, species and genus ('' if there is none) of every row."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            rows = [(at, row) for at, row in enumerate(csv.reader(lines, delimiter="\t"), 1) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error}); give a table of genome, species and genus") from error
    if rows and rows[0][1][0].strip().lower() in HEADERS:
        del rows[0]
    if not rows:
        raise InputError(f"{path}: an empty table; give a line for each genome: genome, species and, if known, genus")
    return [(at, _three(path, at, row)) for at, row in rows]


def _three(path: Path, line: int, row: Sequence[str]) -> tuple[str, str, str]:
    words = [word.strip() for word in row]
    if len(words) not in (2, 3) or not all(words[:2]):
        raise InputError(
            f"{path}, line {line}: {len(words)} columns; needs genome, species and, if known, genus (tabs)"
        )
    return words[0], words[1], words[2] if len(words) == 3 else ""


def _named(label: tuple[str, str]) -> tuple[str, str]:
    """Species and genus; a species without a genus is one of its own, whatever genera are called."""
    species, genus = label
    return species, f"genus {genus}" if genus else f"species {species}"


def _no_labels(labels: Path | None, table: Path) -> None:
    if labels is not None:
        raise OptionError(f"--labels {labels}: {table} has the species already; leave --labels out")
