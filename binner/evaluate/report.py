"""Tables of how well bins do: metrics of each binning, and bins with the genome they hold most of."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from binner import fasta
from binner.errors import InputError
from binner.evaluate.bins import Overlap, amber, match_bins, overlap, score
from binner.evaluate.tables import Truth, read_bins, read_truth

LOGGER = logging.getLogger(__name__)

_SHARES = ("purity_bp", "completeness_bp", "purity_seq", "completeness_seq")
_BIN_HEAD = ("binning", "bin", "genome", "bp", "contigs", *_SHARES)


def compare(
    truth: Path, binnings: Sequence[Path], *, contigs: Path | None = None, min_length: int = 0
) -> dict[str, Overlap]:
    """What each binning (see `tables.read_bins`) shares with the genomes of `truth` (`tables.read_truth`).

    Lengths are those of the FASTA file `contigs` where `truth` has none. Contigs of less than `min_length` bp do not
    count, neither in genomes nor in bins. Raises InputError.
    """
    lengths = {name: len(sequence) for name, sequence in fasta.records(contigs)} if contigs else None
    known = {name: of for name, of in read_truth(truth, lengths=lengths).items() if of.length >= min_length}
    if not known:
        raise InputError(f"{truth}: no contig of {min_length} bp or more in it")
    return {str(path): _compare(known, path, truth=truth, filtered=min_length > 0) for path in binnings}


def _compare(known: Truth, path: Path, *, truth: Path, filtered: bool) -> Overlap:
    pairs = read_bins(path)
    binned = {contig for contig, _ in pairs}
    unknown = binned - known.keys()
    if not binned:
        LOGGER.warning("%s: no bins in it%s", path, " (FASTA files)" if path.is_dir() else "")
    elif unknown == binned:
        why = " of the length asked for" if filtered else ""
        raise InputError(
            f"{path}: none of its contigs ('{pairs[0][0]}', ...) is among those{why}"
            f" of {truth} ('{next(iter(known))}', ...): are they of one assembly?"
        )
    if unknown:
        LOGGER.info("%s: %d of %d contigs are not in %s, and left out", path, len(unknown), len(binned), truth)
    return overlap(known, pairs)


def metrics_table(found: Mapping[str, Overlap]) -> str:
    """A line for each metric, a column for each binning, tabs between; shares, not per cent."""
    columns = [_metrics(each) for each in found.values()]
    rows: list[Sequence[str | float]] = [("metric", *found)]
    rows += [(name, *(column[name] for column in columns)) for name in columns[0]]
    return _text(rows)


def bins_table(found: Mapping[str, Overlap]) -> str:
    """A line for each bin, tabs between: the genome that it holds most of, by bp, and how well it matches that."""
    rows: list[Sequence[str | float]] = [_BIN_HEAD]
    for binning, each in found.items():
        for match in sorted(match_bins(each), key=lambda match: -match.size.bp):
            common, size, of = match.common.contigs, match.size, match.of.contigs
            shares = (match.purity, match.completeness, common / size.contigs, common / of)
            rows.append((binning, match.bin, match.genome, size.bp, size.contigs, *shares))
    return _text(rows)


def _metrics(found: Overlap) -> dict[str, float]:
    own = score(found)
    counts = {
        "genomes": own.genomes,
        "bins": own.bins,
        "near_complete": own.near_complete,
        "medium_quality": own.medium,
    }
    return {**counts, "mean_f1_genome": own.f1, **amber(found)}


def _text(rows: Iterable[Sequence[str | float]]) -> str:
    return "".join("\t".join(f"{c:.6g}" if isinstance(c, float) else str(c) for c in row) + "\n" for row in rows)
