"""How well bins match genomes: AMBER's metrics, and counts of the genomes that one bin holds.

AMBER: Meyer et al. 2018, GigaScience 7, giy069; the definitions are those of its version 2.0.8, and so are its names of
metrics. Purity is the share of a bin that is from the genome it holds most of (by bp), completeness the share of a
genome that is in a bin. Contigs that no genome is known of are left out.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, variance
from typing import TypeVar

from binner.evaluate.tables import Pairs, Truth

NEAR_COMPLETE = (0.90, 0.05)  # at least this completeness, at most this contamination
MEDIUM_QUALITY = (0.50, 0.10)
COMPLETENESS = (0.5, 0.7, 0.9)  # AMBER's: above these
CONTAMINATION = (0.1, 0.05)  # and below these

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of an assembly."""

    bp: int = 0
    contigs: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.bp + other.bp, self.contigs + other.contigs)


Unit = Callable[[Amount], int]
_UNITS: dict[str, Unit] = {"bp": lambda amount: amount.bp, "seq": lambda amount: amount.contigs}


@dataclass(frozen=True, slots=True)
class Overlap:
    """What bins share with genomes."""

    shared: dict[tuple[str, str], Amount]  # of a bin and a genome, where it is not nothing; in the order of the contigs
    genomes: dict[str, Amount]  # all of each
    binned: Amount  # contigs in some bin, each once
    whole: Amount  # all contigs of which a genome is known


@dataclass(frozen=True, slots=True)
class Score:
    """Genomes recovered, and how alike bins and genomes are by bp."""

    genomes: int  # that have contigs
    bins: int  # of any size
    near_complete: int  # genomes that one bin holds at NEAR_COMPLETE
    medium: int  # at MEDIUM_QUALITY, the near-complete ones included
    f1: float  # mean over genomes of that of the genome's best bin
    ari: float  # adjusted Rand index of the binned bp; 0 without bins


@dataclass(frozen=True, slots=True)
class BinMatch:
    """A bin, and the genome that it holds most of."""

    bin: str
    genome: str
    size: Amount
    common: Amount  # of the bin and the genome
    of: Amount  # the genome

    @property
    def purity(self) -> float:
        """Of the bp."""
        return self.common.bp / self.size.bp

    @property
    def completeness(self) -> float:
        """Of the bp."""
        return self.common.bp / self.of.bp


def overlap(truth: Truth, pairs: Pairs) -> Overlap:
    """Compare bins with genomes.

    A contig of several genomes counts for the one that its bin holds most of, if that is one of them, else for the
    first; one in several bins counts in each.
    """
    known = [(contig, name) for contig, name in pairs if contig in truth]
    if all(len(truth[contig].genomes) == 1 for contig, _ in known):
        rows = [(contig, name, truth[contig].genomes[0]) for contig, name in known]
        origins = [(contig, genome) for contig, origin in truth.items() for genome in origin.genomes]
    else:
        rows = _settle(truth, known)
        settled = dict.fromkeys((contig, genome) for contig, _, genome in rows)
        binned = {contig for contig, _ in settled}
        unbinned = [(contig, origin.genomes[0]) for contig, origin in truth.items() if contig not in binned]
        origins = [*unbinned, *settled]
    return Overlap(
        shared=_sums(((name, genome), truth[contig].length) for contig, name, genome in rows),
        genomes=_sums((genome, truth[contig].length) for contig, genome in origins),
        binned=_total(Amount(truth[contig].length, 1) for contig in {contig for contig, _ in known}),
        whole=_total(Amount(origin.length, 1) for origin in truth.values()),
    )


def _settle(truth: Truth, known: Pairs) -> list[tuple[str, str, str]]:
    """Contig, bin and one genome of the contig; those whose genome is their bin's come first."""
    every = ((name, genome, truth[contig].length) for contig, name in known for genome in truth[contig].genomes)
    main = {name: genome for name, (genome, _) in _largest(_sums(((name, of), bp) for name, of, bp in every)).items()}
    fit = [(contig, name, main[name]) for contig, name in known if main[name] in truth[contig].genomes]
    misfit = [
        (contig, name, truth[contig].genomes[0]) for contig, name in known if main[name] not in truth[contig].genomes
    ]
    return fit + misfit


def _sums(parts: Iterable[tuple[K, int]]) -> dict[K, Amount]:
    """Contigs (a key and bp each) by their key, in the order of the first of each."""
    bp, contigs = Counter[K](), Counter[K]()
    for key, length in parts:
        bp[key] += length
        contigs[key] += 1
    return {key: Amount(size, contigs[key]) for key, size in bp.items()}


def _total(parts: Iterable[Amount]) -> Amount:
    return sum(parts, Amount())


def _largest(shared: Mapping[tuple[str, str], Amount]) -> dict[str, tuple[str, Amount]]:
    """For each first name of the pairs the second that it shares most bp with, of equals the first, as in AMBER."""
    most: dict[str, tuple[str, Amount]] = {}
    for (one, other), amount in shared.items():
        if one not in most or amount.bp > most[one][1].bp:
            most[one] = other, amount
    return most


def match_bins(found: Overlap) -> list[BinMatch]:
    """Each bin with its genome, in the order of the bins."""
    sizes: dict[str, Amount] = {}
    for (name, _), amount in found.shared.items():
        sizes[name] = sizes.get(name, Amount()) + amount
    return [
        BinMatch(name, genome, sizes[name], common, found.genomes[genome])
        for name, (genome, common) in _largest(found.shared).items()
    ]


def amber(found: Overlap) -> dict[str, float]:
    """AMBER's metrics by its names, and `recovered_X_Y`: bins over X % complete and under Y % contaminated.

    nan where a metric is not defined, as the purity of no bins.
    """
    matches = match_bins(found)
    metrics = {f"percentage_of_assigned_{unit}s": of(found.binned) / of(found.whole) for unit, of in _UNITS.items()}
    for unit, of in _UNITS.items():
        metrics |= _averages(found, matches, unit=unit, of=of) | _sample(found, matches, unit=unit, of=of)
        metrics |= _pair_counts(found, unit=unit, of=of)
    for complete in COMPLETENESS:
        for dirty in CONTAMINATION:
            count = sum(match.completeness > complete and match.purity > 1 - dirty for match in matches)
            metrics[f"recovered_{100 * complete:.0f}_{100 * dirty:.0f}"] = count
    return metrics


def _averages(found: Overlap, matches: Sequence[BinMatch], *, unit: str, of: Unit) -> dict[str, float]:
    """Metrics in which every bin or every genome has the same weight."""
    best = _best_bins(found)
    recall = [of(best[genome]) / of(size) for genome, size in found.genomes.items()]
    of_bins = [of(match.common) / of(match.of) for match in matches]
    missed = len(found.genomes.keys() - {match.genome for match in matches})
    metrics = (
        _spread(f"precision_avg_{unit}", [of(match.common) / of(match.size) for match in matches])
        | _spread(f"recall_avg_{unit}", recall)
        | _spread(f"recall_avg_{unit}", [*of_bins, *[0.0] * missed], suffix="_cami1")  # by bin, as in the first CAMI
    )
    purity = metrics[f"precision_avg_{unit}"]
    metrics[f"f1_score_{unit}"] = _harmonic(purity, metrics[f"recall_avg_{unit}"])
    metrics[f"f1_score_{unit}_cami1"] = _harmonic(purity, metrics[f"recall_avg_{unit}_cami1"])
    return metrics


def _sample(found: Overlap, matches: Sequence[BinMatch], *, unit: str, of: Unit) -> dict[str, float]:
    """Metrics in which every bp or every contig has the same weight."""
    common = sum(of(match.common) for match in matches)
    size = sum(of(match.size) for match in matches)
    whole = sum(of(amount) for amount in found.genomes.values())
    purity = common / size if size else math.nan
    completeness = sum(of(amount) for amount in _best_bins(found).values()) / whole
    return {
        f"precision_weighted_{unit}": purity,
        f"recall_weighted_{unit}": completeness,
        f"f1_score_per_{unit}": _harmonic(purity, completeness),
        f"accuracy_{unit}": common / whole,
        f"misclassification_{unit}": 1 - purity,
    }


def _pair_counts(found: Overlap, *, unit: str, of: Unit) -> dict[str, float]:
    """Rand indices over all pairs of what is binned: in the same bin, in the same genome."""
    bins, genomes = Counter[str](), Counter[str]()
    for (name, genome), amount in found.shared.items():
        bins[name] += of(amount)
        genomes[genome] += of(amount)
    both = sum(math.comb(of(amount), 2) for amount in found.shared.values())
    in_bins, in_genomes = (sum(math.comb(count, 2) for count in sums.values()) for sums in (bins, genomes))
    pairs = math.comb(bins.total(), 2)
    by_chance = in_bins * (in_genomes / pairs) if pairs else 0.0
    most = (in_bins + in_genomes) / 2 - by_chance
    return {
        f"rand_index_{unit}": (pairs - in_bins - in_genomes + 2 * both) / pairs if pairs else 0.0,
        f"adjusted_rand_index_{unit}": (both - by_chance) / most if most else 1.0,
    }


def score(found: Overlap) -> Score:
    """The genomes that bins recover, with bounds that belong to what they bound, and the likeness of both."""
    matches = match_bins(found)
    good, fair = (
        len({m.genome for m in matches if m.completeness >= complete and 1 - m.purity <= dirty})
        for complete, dirty in (NEAR_COMPLETE, MEDIUM_QUALITY)
    )
    size = {match.bin: match.size.bp for match in matches}
    f1 = dict.fromkeys(found.genomes, 0.0)
    for (name, genome), amount in found.shared.items():
        f1[genome] = max(f1[genome], 2 * amount.bp / (size[name] + found.genomes[genome].bp))
    ari = _pair_counts(found, unit="bp", of=_UNITS["bp"])["adjusted_rand_index_bp"] if matches else 0.0
    return Score(len(f1), len(matches), good, fair, sum(f1.values()) / len(f1) if f1 else 0.0, ari)


def _best_bins(found: Overlap) -> dict[str, Amount]:
    """What each genome shares with the bin that holds most of it."""
    best = _largest({(genome, name): amount for (name, genome), amount in found.shared.items()})
    return {genome: best[genome][1] if genome in best else Amount() for genome in found.genomes}


def _spread(name: str, values: Sequence[float], *, suffix: str = "") -> dict[str, float]:
    """Mean, standard error of the mean and variance; nan for fewer than one, two and two values."""
    mean = fmean(values) if values else math.nan
    var = variance(values, mean) if len(values) > 1 else math.nan
    return {
        f"{name}{suffix}": mean,
        f"{name}_sem{suffix}": math.sqrt(var / len(values)) if values else math.nan,
        f"{name}_var{suffix}": var,
    }


def _harmonic(purity: float, completeness: float) -> float:
    both = purity + completeness
    return 2 * purity * completeness / both if both else math.nan
