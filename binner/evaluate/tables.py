"""What is compared: the genome of each contig, and its bin. Tables with tabs, CAMI's format, folders of FASTA files."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from binner import fasta, inflate
from binner.config import FASTA_SUFFIXES, fasta_stem
from binner.errors import InputError

logger = logging.getLogger(__name__)

_CONTIG = ("sequenceid", "contig", "contigname", "contig_id", "contig_name", "sequence", "seqname")
_BIN = ("binid", "bin", "bin_id", "cluster", "clustername", "cluster_id")
_GENOME = ("binid", "genome", "genome_id", "species", "label", *_BIN)
_NO_BIN = "-1"  # SemiBin2's
_NO_BIN_OF_NUMBERS = "0"  # MetaBAT2's (--saveCls --noBinOut), whose table has no header, and whose bins are numbers
_LEFT_OVER = (".unbinned", ".lowDepth", ".tooShort")  # end the names of MetaBAT2's files of contigs in no bin
_LENGTH = ("length", "_length", "len", "contiglen", "bp")
_OTHER = ("depth", "totalavgdepth", "coverage", "mean", "gc", "taxid", "taxonomy")  # columns beside those of contigs


class _Row(NamedTuple):
    line: int
    contig: str
    name: str  # of the bin or genome
    length: str | None
    headed: bool  # the table has a header


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
    for line, contig, genome, text, _ in _rows(path, names=_GENOME):
        length = _length(text, lengths or {}, contig=contig, where=f"{path}, line {line}")
        if bp.setdefault(contig, length) != length:
            raise InputError(f"{path}, line {line}: contig '{contig}' has {length} bp here and {bp[contig]} bp above")
        genomes.setdefault(contig, {})[genome] = None
    return {contig: Origin(tuple(of), bp[contig]) for contig, of in genomes.items()}


def read_labels(path: Path) -> dict[str, str]:
    """Genome of every contig that is of one genome only; the table as for `read_truth`, lengths are not needed."""
    genomes: dict[str, set[str]] = {}
    for row in _rows(path, names=_GENOME):
        genomes.setdefault(row.contig, set()).add(row.name)
    return {contig: next(iter(of)) for contig, of in genomes.items() if len(of) == 1}


def read_bins(path: Path) -> Pairs:
    """Contigs and their bins, from a folder of FASTA files, a table of contigs and bins, or a file in CAMI's format.

    A table may have a header, by which VAMB's (bin first) and binner's `contigs.tsv` are understood; a contig whose
    bin is empty, -1 as in SemiBin2's table, or 0 in a table of numbers without a header as MetaBAT2's, is in none. A
    FASTA file of a folder (.fa, .fasta, .fna, .fas, perhaps compressed) is a bin, called as the file, but for those in
    which MetaBAT2 puts what is left over.

    Raises InputError for anything else, and for a folder without a FASTA file, unless it is empty.
    """
    if inflate.is_folder(path):
        files = [file for file in _bin_files(path) if file.stat().st_size]
        return list(dict.fromkeys((contig, file.name) for file in files for contig in fasta.names(file)))
    rows = list(_rows(path, names=_BIN))
    bins, none = {row.name for row in rows}, {_NO_BIN}
    if _NO_BIN_OF_NUMBERS in bins and not rows[0].headed and all(name.isdecimal() for name in bins):
        none.add(_NO_BIN_OF_NUMBERS)
        logger.info("%s: contigs with 0 for a bin are taken for unbinned, as MetaBAT2 writes them", path)
    return list(dict.fromkeys((row.contig, row.name) for row in rows if row.name not in none))


def _bin_files(folder: Path) -> list[Path]:
    """FASTA files that are bins, by name. Raises InputError if the folder holds other things alone."""
    there = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    fastas = [file for file in there if fasta_stem(file) and file.is_file()]
    if there and not fastas:
        raise InputError(f"{folder}: no FASTA file in it ({', '.join(FASTA_SUFFIXES)}, plain or compressed)")
    left = [file for file in fastas if fasta_stem(file).endswith(_LEFT_OVER)]
    if left:
        logger.info("%s: not bins, but what MetaBAT2 left over: %s", folder, ", ".join(file.name for file in left))
    return [file for file in fastas if file not in left]


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
    headed: bool = False


def _rows(path: Path, *, names: tuple[str, ...]) -> Iterator[_Row]:
    """The rows that name a bin or genome."""
    columns: _Columns | None = None
    samples = 0
    for line, text in enumerate(_lines(path), 1):
        cells = text.split("\t")
        if not text.strip() or _is_comment(cells, columns or _Columns()):
            continue
        if text.startswith("@@") and columns is None:
            columns = _header(path, [cells[0][2:], *cells[1:]], names=names)
        elif text.startswith("@") and ":" in text and len(cells) == 1:
            samples += text.lower().startswith("@sampleid")
            if samples > 1:
                raise InputError(f"{path}, line {line}: a second sample: write one file for each")
        elif columns is None and _is_header(cells, names):
            columns = _header(path, cells, names=names)
        else:
            columns = columns or _Columns()
            row = _row(cells, columns, line=line, path=path)
            if row.name:
                yield row


def _is_header(cells: list[str], names: tuple[str, ...]) -> bool:
    """Whether a row names columns: that of contigs and another (CoverM's have blanks); a contig may be called so."""
    lower = set(_lower(cells))
    another = not lower.isdisjoint((*names, *_LENGTH, *_OTHER)) or any(" " in cell for cell in lower)
    return another and not lower.isdisjoint(_CONTIG)


def _is_comment(cells: list[str], columns: _Columns) -> bool:
    """Whether a line that begins with # is no row: contigs may be called so too, but have no blanks in their names."""
    least = max(columns.contig, columns.name) + 1
    return cells[0].startswith("#") and (len(cells) < least or " " in cells[columns.contig])


def _row(cells: list[str], columns: _Columns, *, line: int, path: Path) -> _Row:
    if len(cells) <= max(columns.contig, columns.name):
        if cells[0].startswith(">"):
            raise InputError(f"{path}, line {line}: FASTA, and not a table (of bins in FASTA files, name the folder)")
        raise InputError(
            f"{path}, line {line}: {len(cells)} columns; a contig and its bin or genome belong here, with a tab between"
        )
    length = cells[columns.length] if columns.length is not None and columns.length < len(cells) else None
    return _Row(line, cells[columns.contig], cells[columns.name], length, columns.headed)


def _header(path: Path, cells: list[str], *, names: tuple[str, ...]) -> _Columns:
    lower = _lower(cells)
    contig, name, length = (
        next((lower.index(known) for known in group if known in lower), None) for group in (_CONTIG, names, _LENGTH)
    )
    if contig is None or name is None:
        wanted = _CONTIG[0] if contig is None else names[0]
        raise InputError(f"{path}: no column '{wanted.upper()}' in the header {' '.join(cells)!r}")
    return _Columns(contig, name, length, headed=True)


def _lower(cells: list[str]) -> list[str]:
    """Cells as names of columns, of which the first may have a # before it."""
    return [cell.strip().lower() for cell in (cells[0].removeprefix("#"), *cells[1:])]


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
