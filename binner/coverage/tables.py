"""Tables of depths: jgi's (jgi_summarize_bam_contig_depths, CoverM's metabat method), CoverM's and strobealign's."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from binner import inflate
from binner.config import plain_name
from binner.coverage import text
from binner.coverage.matching import ABSENT, match
from binner.data import F32, I64, Contigs, Coverage
from binner.errors import InputError
from binner.whole_files import whole

LOGGER = logging.getLogger(__name__)

JGI = ("contigName", "contigLen", "totalAvgDepth")
COVERM, COVERM_SPARSE = ("Contig",), ("Sample", "Contig")
COVERM_DEPTHS = (
    "Mean",
    "Strobealign aemb",
    "Trimmed Mean",
)  # of CoverM's columns, the first that is there is the depth
COVERM_VARIANCE = "Variance"
VARIANCE = "-var"  # ends the name of the column of a sample's variance, which follows that of its depth
ROUNDING = 1e-5  # jgi writes lengths with six digits


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """What a source says of the contigs: names of samples; mean and variance of depth (N, S), NaN = lacking."""

    names: list[str]
    mean: F32
    variance: F32


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the columns of a table are: numbers are told to `text.read_rows` by their place in `kept`."""

    columns: list[int]  # of each column: its place among the numbers that are kept, or one of the constants in `text`
    samples: list[str]
    depths: list[int]  # places of the samples' depths
    variances: list[int | None]
    length: int | None = None  # place of the contig's length


def read_depth(path: Path, contigs: Contigs) -> Samples:
    """The samples of a jgi or CoverM table, told by its header.

    Raises InputError, with the line, for a table that is neither, is damaged, or is not of these contigs.
    """
    whole = _read(path)
    header, _, body = whole.partition(b"\n")
    fields = header.decode(errors="replace").rstrip("\r").split("\t")
    if tuple(fields[:3]) == JGI:
        layout = _jgi_layout(fields)
    elif tuple(fields[:1]) == COVERM or tuple(fields[:2]) == COVERM_SPARSE:
        layout = _coverm_layout(fields, path)
    else:
        raise InputError(
            f"{path}, line 1: starts with {fields[0][:40]!r}, and a table of depths as jgi_summarize_bam_contig_depths "
            "or CoverM write it with 'contigName' or 'Contig'; those of strobealign --aemb go after --abundance"
        )
    if not layout.samples:
        raise InputError(f"{path}, line 1: names no sample: a column for each is expected")
    rows = text.read_rows(body, np.array(layout.columns, np.int64), source=str(path), line=2)
    if tuple(fields[:2]) == COVERM_SPARSE:
        return _sparse(rows, layout, contigs, path)
    return _dense(rows, layout, contigs, path)


def read_abundance(path: Path, contigs: Contigs) -> Samples:
    """The one sample of a table of `strobealign --aemb`: contig and abundance, no header; variances are 0.

    Raises InputError as `read_depth` does.
    """
    layout = _Layout([text.NAME, 0], [sample_name(path)], [0], [None])
    rows = text.read_rows(_read(path), np.array(layout.columns, np.int64), source=str(path), line=1)
    return _dense(rows, layout, contigs, path)


def sample_name(path: Path) -> str:
    """The name of the sample that a file is named for.

    >>> sample_name(Path("reads/S1.tsv.gz")), sample_name(Path("S2.sorted.bam"))
    ('S1', 'S2.sorted')
    """
    return Path(plain_name(path)).stem


def write_jgi(path: Path, contigs: Contigs, coverage: Coverage) -> None:
    """Write the table that jgi_summarize_bam_contig_depths would, in digits that read back to the same numbers.

    Contigs that are not known in every sample are left out: the table has no word for that, and lacks them.
    """
    if coverage.names_digest != contigs.names_digest:
        raise ValueError("the coverage is that of other contigs")
    pairs = [column for sample in coverage.samples for column in (sample, sample + VARIANCE)]
    values = np.stack([coverage.mean, coverage.variance], axis=2).reshape(len(contigs), len(pairs))
    totals = coverage.mean.sum(axis=1, dtype=np.float64)
    known = np.flatnonzero(coverage.known)
    form = "%s\t%d\t%.9g" + "\t%.9g" * values.shape[1] + "\n"
    with whole(path) as unfinished, unfinished.open("w", encoding="utf-8") as out:
        out.write("\t".join((*JGI, *pairs)) + "\n")
        for row in known.tolist():
            out.write(form % (contigs.names[row], contigs.lengths[row], totals[row], *values[row].tolist()))
    if len(known) < len(contigs):
        LOGGER.warning("%s: lacks %s contigs whose depth is not known", path, f"{len(contigs) - len(known):,}")


def _read(path: Path) -> bytes:
    whole = b"".join(inflate.blocks(path))
    if not whole.strip():
        raise InputError(f"{path}: an empty table")
    return whole


def _jgi_layout(fields: Sequence[str]) -> _Layout:
    """contigName, contigLen, totalAvgDepth, then each sample's depth and, unless it was left out, its variance."""
    columns = [text.NAME, 0, text.IGNORE]
    samples: list[str] = []
    depths: list[int] = []
    variances: list[int | None] = []
    for place, field in enumerate(fields[len(JGI) :], 1):
        columns.append(place)
        if depths and variances[-1] is None and field == samples[-1] + VARIANCE:
            variances[-1] = place
        else:
            samples.append(field)
            depths.append(place)
            variances.append(None)
    return _Layout(columns, samples, depths, variances, length=0)


def _coverm_layout(fields: Sequence[str], path: Path) -> _Layout:
    """Contig, then '<sample> <method>' columns; or Sample, Contig, then '<method>' columns."""
    dense = tuple(fields[:1]) == COVERM
    columns = [text.NAME] if dense else [text.SAMPLE, text.NAME]
    methods = [_method(field if dense else f" {field}") for field in fields[len(columns) :]]
    names = [
        field.removesuffix(f" {method}") if dense else ""
        for field, method in zip(fields[len(columns) :], methods, strict=True)
    ]
    depth = next((method for method in COVERM_DEPTHS if method in methods), None)
    if depth is None:
        raise InputError(
            f"{path}, line 1: no column of depths: run `coverm contig` with `-m mean variance` or `-m metabat`"
        )
    kept = [method in (depth, COVERM_VARIANCE) for method in methods]
    places = np.cumsum(kept) - 1
    columns += [int(place) if keep else text.IGNORE for keep, place in zip(kept, places, strict=True)]
    samples: list[str] = []
    depths: list[int] = []
    variances: dict[str, deque[int]] = defaultdict(deque)  # of the samples of each name, in order
    for name, method, place in zip(names, methods, places.tolist(), strict=True):
        if method == depth:
            samples.append(name)
            depths.append(place)
        elif method == COVERM_VARIANCE:
            variances[name].append(place)
    paired = [variances[name].popleft() if variances[name] else None for name in samples]
    return _Layout(columns, samples, depths, paired)


def _method(field: str) -> str:
    """The method of a column of CoverM's, "" if its numbers are not needed."""
    known = ("Trimmed Mean", "Mean", "Strobealign aemb", COVERM_VARIANCE)  # the first ends as the second does
    return next((method for method in known if field.endswith(f" {method}")), "")


def _dense(rows: text.Rows, layout: _Layout, contigs: Contigs, path: Path) -> Samples:
    """A row for each contig."""
    _check_unique(rows.names, rows.lines, path)
    found = match(rows.names, contigs, source=str(path))
    known = np.flatnonzero(found != ABSENT)
    if layout.length is not None:
        _check_lengths(rows, layout.length, contigs, known=known, found=found[known], path=path)
    mean, variance = _nothing_but_zeros(contigs, found[known], samples=len(layout.samples))
    for column, (place, other) in enumerate(zip(layout.depths, layout.variances, strict=True)):
        mean[found[known], column] = rows.values[known, place]
        if other is not None:
            variance[found[known], column] = rows.values[known, other]
    return Samples(layout.samples, mean, variance)


def _sparse(rows: text.Rows, layout: _Layout, contigs: Contigs, path: Path) -> Samples:
    """A row for each sample and contig.

    CoverM lists every contig in every sample or, with --no-zeros, leaves out pairs without a read. So a contig that has
    a row of one sample has a depth of 0 in those of which it has none. A contig without any row may have been left out
    for either reason: its depth is unknown.
    """
    _check_unique(
        [f"{sample}\t{name}" for sample, name in zip(rows.samples, rows.names, strict=True)], rows.lines, path
    )
    columns = {sample: column for column, sample in enumerate(dict.fromkeys(rows.samples))}
    column = np.array([columns[sample] for sample in rows.samples], np.int64)
    found = match(rows.names, contigs, source=str(path))
    known = np.flatnonzero(found != ABSENT)
    mean, variance = _nothing_but_zeros(contigs, found[known], samples=len(columns))
    for values, place in ((mean, layout.depths[0]), (variance, layout.variances[0])):
        if place is not None:
            values[found[known], column[known]] = rows.values[known, place]
    return Samples(list(columns), mean, variance)


def _nothing_but_zeros(contigs: Contigs, named: I64, *, samples: int) -> tuple[F32, F32]:
    """Means and variances (N, samples) to fill in: 0 for the contigs that are `named`, NaN for the others."""
    values = np.full((2, len(contigs), samples), np.nan, np.float32)
    values[:, named] = 0
    return values[0], values[1]


def _check_unique(keys: Sequence[str], lines: I64, path: Path) -> None:
    """Raise InputError if a key, which ends with the name of a contig, comes twice."""
    if len(set(keys)) == len(keys):
        return
    seen: set[str] = set()
    for key, line in zip(keys, lines.tolist(), strict=True):
        if key in seen:
            name = key.rpartition("\t")[2]
            raise InputError(f"{path}, line {line}: '{name}' again, a contig has one line: remove all but one")
        seen.add(key)


def _check_lengths(rows: text.Rows, place: int, contigs: Contigs, *, known: I64, found: I64, path: Path) -> None:
    given, true = rows.values[known, place].astype(np.float64), contigs.lengths[found]
    wrong = np.flatnonzero(np.abs(given - true) > ROUNDING * true)
    if len(wrong):
        row = wrong[0]
        raise InputError(
            f"{path}, line {rows.lines[known[row]]}: '{contigs.names[found[row]]}' has {given[row]:.0f} bp there and "
            f"{true[row]} bp here: give the table of these contigs"
        )
