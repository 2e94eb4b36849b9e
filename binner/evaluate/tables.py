"""What is compared: the genome of each contig, and its bin. Tables with tabs, CAMI's format, folders of FASTA files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from binner import fasta, inflate
from binner.errors import InputError

_FASTA = {".fa", ".fna", ".fasta"}
_CONTIG = ("sequenceid", "contig", "contigname", "contig_id", "contig_name", "sequence", "seqname")
_BIN = ("binid", "bin", "bin_id", "cluster", "clustername", "cluster_id")
_GENOME = ("binid", "genome", "genome_id", "species", "label", *_BIN)
_NO_BIN = "-1"
_LENGTH = ("length", "_length", "len", "contiglen", "bp")


class Origin(NamedTuple):
    """Where a contig is from."""

    genomes: tuple[str, ...]  # nearly always one; several where genomes share the sequence
    length: int  # bp


Truth = dict[str, Origin]  # by the contig's name
Pairs = list[tuple[str, str]]  # contig and bin, each pair once; a contig may be in several bins


def read_truth(path: Path, *, lengths: Mapping[str, int] | None = None) -> Truth:
    """Genomes and length of every contig, in the order of the table.

    The table has the columns contig, genome and length, with or without a header (which may put them in another
    order), or is a gold standard in CAMI's format; plain or compressed. `lengths` (bp) are used where it has none.

    Raises InputError for anything else, for contigs without a length, and for a contig with two.
    """
    genomes: dict[str, dict[str, None]] = {}
    bp: dict[str, int] = {}
    for line, contig, genome, text in _cells(path, names=_GENOME):
        length = _length(text, lengths or {}, contig=contig, where=f"{path}, line {line}")
        if bp.setdefault(contig, length) != length:
            raise InputError(f"{path}, line {line}: contig '{contig}' has {length} bp here and {bp[contig]} bp above")
        genomes.setdefault(contig, {})[genome] = None
    return {contig: Origin(tuple(of), bp[contig]) for contig, of in genomes.items()}


def read_labels(path: Path) -> dict[str, str]:
    """Genome of every contig that is of one genome only; the table as for `read_truth`, lengths are not needed."""
    genomes: dict[str, set[str]] = {}
    for _, contig, genome, _ in _cells(path, names=_GENOME):
        genomes.setdefault(contig, set()).add(genome)
    return {contig: next(iter(of)) for contig, of in genomes.items() if len(of) == 1}


def read_bins(path: Path) -> Pairs:
    """Contigs and their bins, from a folder of FASTA files, a table of contigs and bins, or a file in CAMI's format.

    A table may have a header, by which VAMB's (bin first) and binner's `contigs.tsv` are understood; a contig whose
    bin is empty, or -1 as in SemiBin2's table, is in none. A FASTA file of a folder (.fa, .fna, .fasta, perhaps
    compressed) is a bin, called as the file.

    Raises InputError for anything else.
    """
    if not path.is_dir():
        return list(dict.fromkeys((contig, name) for _, contig, name, _ in _cells(path, names=_BIN) if name != _NO_BIN))
    files = sorted(file for file in path.iterdir() if _FASTA & set(file.suffixes) and file.stat().st_size)
    return list(dict.fromkeys((contig, file.name) for file in files for contig, _ in fasta.records(file)))


def _length(text: str | None, known: Mapping[str, int], *, contig: str, where: str) -> int:
    if text is None:
        if contig not in known:
            raise InputError(f"{where}: no length of contig '{contig}': add a column, or name its FASTA with --contigs")
        return known[contig]
    if not (text.isascii() and text.isdigit() and int(text)):
        raise InputError(f"{where}: the length of contig '{contig}' is {text!r}, which is no number of bp above 0")
    return int(text)


class _Columns(NamedTuple):
    contig: int = 0
    name: int = 1
    length: int | None = 2


def _cells(path: Path, *, names: tuple[str, ...]) -> Iterator[tuple[int, str, str, str | None]]:
    """Line, contig, bin or genome (never empty), and length of each row."""
    columns: _Columns | None = None
    samples = 0
    for line, text in enumerate(_lines(path), 1):
        if not text.strip() or text.startswith("#"):
            continue
        cells = text.split("\t")
        if text.startswith("@@"):
            columns = _header(path, [text[2:].split("\t")[0], *cells[1:]], names=names)
        elif text.startswith("@"):
            samples += text.lower().startswith("@sampleid")
            if samples > 1:
                raise InputError(f"{path}, line {line}: a second sample: write one file for each")
        elif columns is None and {cell.strip().lower() for cell in cells} & set(_CONTIG):
            columns = _header(path, cells, names=names)
        else:
            columns = columns or _Columns()
            yield from _row(cells, columns, line=line, path=path)


def _row(cells: list[str], columns: _Columns, *, line: int, path: Path) -> Iterator[tuple[int, str, str, str | None]]:
    if len(cells) <= max(columns.contig, columns.name):
        if cells[0].startswith(">"):
            raise InputError(f"{path}, line {line}: FASTA, and not a table (of bins in FASTA files, name the folder)")
        raise InputError(
            f"{path}, line {line}: {len(cells)} columns; a contig and its bin or genome belong here, with a tab between"
        )
    length = cells[columns.length] if columns.length is not None and columns.length < len(cells) else None
    if cells[columns.name]:
        yield line, cells[columns.contig], cells[columns.name], length


def _header(path: Path, cells: list[str], *, names: tuple[str, ...]) -> _Columns:
    lower = [cell.strip().lower() for cell in cells]
    contig, name, length = (
        next((lower.index(known) for known in group if known in lower), None) for group in (_CONTIG, names, _LENGTH)
    )
    if contig is None or name is None:
        wanted = _CONTIG[0] if contig is None else names[0]
        raise InputError(f"{path}: no column '{wanted.upper()}' in the header {' '.join(cells)!r}")
    return _Columns(contig, name, length)


def _lines(path: Path) -> Iterator[str]:
    """Lines of a text file, plain or compressed. Raises InputError."""
    rest = b""
    try:
        for block in inflate.blocks(path):
            *whole, rest = (rest + block).split(b"\n")
            yield from (line.decode().removesuffix("\r") for line in whole)
        yield rest.decode().removesuffix("\r")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file: give a table of contigs, or a folder of FASTA files") from None
