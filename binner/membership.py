"""How surely a contig belongs to its bin, and to which other one if not.

What is known of a contig and a bin (the votes that hold it, its likelihood among the bin's contigs, its length, how
the partitions agree on the bin) makes a score; the bins of a contig, and none of them, share its probability by a
softmax (conditional logit, McFadden 1974). The weights are fitted where genomes are known (`benchmarks.calibration`),
so that of the contigs with a probability of 0.8 four in five are where they belong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from binner.data import F32, F64, I32, I64, UNSEEN, Bin, Bool, Clustering, Membership
from binner.likelihood import Gaussians, Pooled, most_likely, pool
from binner.votes import Votes

TEMPER = 0.3  # on the likelihood, as in reassignment
# For each of FEATURES, by python -m benchmarks.calibration
WEIGHTS = (0.781, 0.622, 0.395, 0.088, 0.248, 0.026, -0.924, 0.465, -0.597)
FEATURES = (
    "inside",  # 1 for the contig's own bin
    "outside",  # 1 for another
    "votes",  # share of the bin's votes that hold the contig, as log odds
    "lead",  # of its likelihood over that of the best other of its bins, nats, as log(1 + |lead|) with its sign
    "length",  # log10 of the contig's over 3 kb; own bin only, as are all that follow
    "agreement",  # of the partitions on the bin, as log odds
    "size",  # log10 of the bin's over 2 Mb
    "likely",  # share of the bin's contigs that are most likely in it, as log odds
    "unseen",  # 1 where no depth is known
)


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Contigs with the bins that they may belong to, P of them, sorted by contig, then bin."""

    contig: I64  # (P,), row
    bin: I64  # (P,), index
    inside: Bool  # (P,), whether the contig is in the bin
    features: F64  # (P, len(FEATURES))


def estimate(pairs: Pairs, *, contigs: int) -> Membership:
    """Probability of each of `contigs` (N) in its bin, and its best other bin, from what `pair` found."""
    chance = probabilities(pairs, WEIGHTS)
    probability, second_probability = np.zeros((2, contigs), np.float32)
    second = np.full(contigs, -1, np.int32)
    probability[pairs.contig[pairs.inside]] = chance[pairs.inside]
    others = np.flatnonzero(~pairs.inside)
    others = others[np.argsort(chance[others], kind="stable")]  # the best of a contig comes last, and stays
    second[pairs.contig[others]] = pairs.bin[others]
    second_probability[pairs.contig[others]] = chance[others]
    return Membership(probability, second, second_probability)


def probabilities(pairs: Pairs, weights: npt.ArrayLike) -> F64:
    """Probability of each pair, (P,): those of a contig and that of belonging to none of its bins sum to 1."""
    score = pairs.features @ np.asarray(weights, np.float64)
    group = np.cumsum(np.diff(pairs.contig, prepend=-1) > 0) - 1
    top = np.zeros(int(group[-1]) + 1 if len(group) else 0)  # 0 is the score of none
    np.maximum.at(top, group, score)
    share = np.exp(score - top[group])
    return np.asarray(share / (np.exp(-top) + np.bincount(group, share, len(top)))[group])


def pair(
    bins: Sequence[Bin], clusterings: Sequence[Clustering], gaussians: Gaussians, lengths: I64, *, covered: Bool | None
) -> Pairs:
    """Each of N contigs with its own bin, those that a vote gives it, and that under which it is most likely.

    `covered` (N,) says of which contigs the `gaussians` know the depth; None: of none. A contig in no partition that
    votes only has its own bin.
    """
    bin_of = np.full(len(lengths), -1, np.int64)
    for index, found in enumerate(bins):
        bin_of[found.rows] = index
    inside = np.flatnonzero(bin_of >= 0)
    if not len(inside):
        nothing = np.zeros(0, np.int64)
        return Pairs(nothing, nothing, np.zeros(0, bool), np.zeros((0, len(FEATURES))))
    voting = Votes.of(clusterings, lengths)
    key, share, agreement = _held(voting, bins)
    pooled = pool(gaussians, bin_of, len(bins), temper=TEMPER)
    seen = np.flatnonzero((voting.labels >= 0).any(0))
    likely = most_likely(gaussians, *pooled.posterior(gaussians.prior), temper=TEMPER)[seen]
    every = np.unique(np.concatenate([key, inside * len(bins) + bin_of[inside], seen * len(bins) + likely]))
    votes = np.zeros(len(every))
    votes[np.searchsorted(every, key)] = share
    contig, bin_ = np.divmod(every, len(bins))
    own = bin_of[contig] == bin_
    lead = _lead(contig, _log_likelihoods(contig, bin_, own, gaussians=gaussians, pooled=pooled))
    first = np.bincount(bin_[own], lead[own] >= 0, len(bins))
    features = np.column_stack(
        [
            own,
            ~own,
            _log_odds(votes, 0.03),
            np.sign(lead) * np.log1p(np.abs(lead)),
            own * np.log10(lengths[contig] / 3000),
            own * _log_odds(agreement[bin_], 0.02),
            own * np.log10(np.array([found.size for found in bins])[bin_] / 2e6),
            own * _log_odds((first + 1) / (np.bincount(bin_[own], minlength=len(bins)) + 2), 0.02)[bin_],
            own & (True if covered is None else ~covered[contig]),
        ]
    )
    return Pairs(contig, bin_, own, features)


def _held(voting: Votes, bins: Sequence[Bin]) -> tuple[I64, F64, F64]:
    """Keys (contig * bins + bin) of what votes hold, their share as in `Votes.share`, and agreement (bins,)."""
    starts = np.cumsum([0, *(len(found.rows) for found in bins)])
    matches = voting.matches(np.concatenate([found.rows for found in bins]), starts)
    keys = [_members(labels, match) for labels, match in zip(voting.labels, matches.label.T, strict=True)]
    key, votes = np.unique(np.concatenate([np.zeros(0, np.int64), *keys]), return_counts=True)
    contig, bin_ = np.divmod(key, len(bins))
    asked = np.zeros(len(key), np.int64)  # votes that count and know the contig
    for labels, match in zip(voting.labels, matches.label.T, strict=True):
        asked += (match[bin_] != -1) & (labels[contig] != UNSEEN)
    return key, votes / asked, matches.agreement


def _members(labels: I32, match: I32) -> I64:
    """Keys (contig * bins + bin) of the contigs in each bin's match; two bins may have the same one."""
    order = np.argsort(match, kind="stable")
    first, stop = (np.searchsorted(match[order], labels, side) for side in ("left", "right"))
    number = np.where(labels >= 0, stop - first, 0)
    contig = np.repeat(np.arange(len(labels)), number)
    place = np.arange(len(contig)) - np.repeat(np.cumsum(number) - number - first, number)
    return np.asarray(contig * len(match) + order[place], np.int64)


def _lead(contig: I64, fit: F64) -> F64:
    """Of each pair, its fit less that of the best other pair of the contig, (P,); 1,000 where there is no other."""
    order = np.lexsort((fit, contig))
    last = np.flatnonzero(np.diff(contig[order], append=-1))
    pairs_of = np.diff(last, prepend=-1)
    group = np.empty(len(contig), np.int64)
    group[order] = np.repeat(np.arange(len(last)), pairs_of)
    best = fit[order][last]
    runner_up = np.where(pairs_of > 1, fit[order][np.maximum(last - 1, 0)], best - 1000)
    is_best = np.zeros(len(contig), bool)
    is_best[order[last]] = True
    return np.asarray(fit - np.where(is_best, runner_up[group], best[group]))


def _log_odds(share: F64, least: float) -> F64:
    return np.asarray(np.log((share + least) / (1 - share + least)))


def _log_likelihoods(contig: I64, bin_: I64, own: Bool, *, gaussians: Gaussians, pooled: Pooled) -> F64:
    """Log likelihood of each pair's contig among the bin's other contigs, nats, up to a constant of the contig."""
    fit = np.empty(len(contig))
    error = (gaussians.variance / np.float32(TEMPER)).astype(np.float32)
    _fit(contig, bin_, own, gaussians.mean, error, gaussians.prior, pooled.weighted, pooled.precision, fit)
    return fit


@njit(nogil=True, cache=True)
def _fit(
    contig: I64, bin_: I64, own: Bool, z: F32, error: F32, prior: F32, weighted: F64, precision: F64, fit: F64
) -> None:
    for place in range(len(contig)):
        row, index = contig[place], bin_[place]
        twice = 0.0
        for d in range(z.shape[1]):
            known, sums = precision[index, d], weighted[index, d]
            if own[place]:  # a contig does not speak for itself
                known = max(known - 1 / error[row, d], 0.0)
                sums -= z[row, d] / error[row, d]
            variance = prior[d] / (1 + prior[d] * known)
            spread = variance + error[row, d]
            twice -= (z[row, d] - sums * variance) ** 2 / spread + np.log(spread)
        fit[place] = twice / 2
