"""The profile search: HMMER, through pyhmmer, on named pairs of proteins and profiles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyhmmer

from binner.data import F32, I64, Progress, check_array, silent
from binner.markers import profiles
from binner.markers.profiles import Profile

BLOCK = 200  # proteins that one thread searches at a time
LONGEST = 100_000  # residues that HMMER takes; more are a repeat without a stop codon, and no gene
FORWARD_SHARE, FORWARD_BITS = 0.9, 30.0  # of the cutoff, and less: HMMER gives up a protein that scores below


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Proteins that reach the cutoffs of a profile. H of them."""

    protein: I64  # (H,)
    profile: I64  # (H,), row of profiles.load()
    bits: F32  # (H,), of the whole protein

    def __post_init__(self) -> None:
        check_array("proteins of hits", self.protein, np.int64, (-1,))
        check_array("profiles of hits", self.profile, np.int64, self.protein.shape)
        check_array("scores of hits", self.bits, np.float32, self.protein.shape)


def search(proteins: Sequence[bytes], pairs: Sequence[I64], *, threads: int, progress: Progress = silent) -> Hits:
    """Hits, by protein and profile, among the proteins (rows) that `pairs` names for each profile.

    Proteins of more than LONGEST residues are none.
    """
    known = profiles.load()
    alphabet = pyhmmer.easel.Alphabet.amino()
    lengths = np.array([len(protein) for protein in proteins], np.int64)
    short = [names[lengths[names] <= LONGEST] for names in pairs]
    work = [(row, names[a : a + BLOCK]) for row, names in enumerate(short) for a in range(0, len(names), BLOCK)]
    cost = [known[row].hmm.M * int(lengths[names].sum()) for row, names in work]
    work = [work[i] for i in np.argsort(cost, kind="stable")[::-1]]  # the longest first, so that no thread ends late

    def run(task: tuple[int, I64]) -> list[tuple[int, int, float]]:
        row, names = task
        block = pyhmmer.easel.DigitalSequenceBlock(alphabet)
        for name in names.tolist():
            text = pyhmmer.easel.TextSequence(name=str(name).encode(), sequence=proteins[name].decode())
            block.append(text.digitize(alphabet))
        return [(name, row, bits) for name, bits in _passing(known[row], block)]

    found: list[tuple[int, int, float]] = []
    with ThreadPoolExecutor(threads) as pool:
        for done, part in enumerate(pool.map(run, work), 1):
            found += part
            progress(done, len(work))
    found.sort()
    return Hits(
        np.array([hit[0] for hit in found], np.int64),
        np.array([hit[1] for hit in found], np.int64),
        np.array([hit[2] for hit in found], np.float32),
    )


def _passing(profile: Profile, block: Any) -> list[tuple[int, float]]:
    """Names and scores (bits) of the proteins that reach both cutoffs of the profile."""
    law = profile.hmm.evalue_parameters.as_vector()
    tau, slope = float(law[4]), float(law[5])  # of the scores of random proteins
    enough = max(FORWARD_SHARE * profile.cutoff - FORWARD_BITS, tau)
    pipeline = pyhmmer.plan7.Pipeline(
        block.alphabet,
        T=profile.cutoff,
        domT=max(profile.domain_cutoff, 0.0),
        F3=min(1e-5, math.exp(-slope * (enough - tau))),  # 1e-5 is HMMER's own
    )
    found = []
    for hit in pipeline.search_hmm(profile.hmm, block):
        domain = max((domain.score for domain in hit.domains), default=-np.inf)
        if hit.score >= profile.cutoff and domain >= profile.domain_cutoff:
            found.append((int(hit.name), float(hit.score)))
    return found
