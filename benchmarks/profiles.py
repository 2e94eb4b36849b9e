"""Marker genes to plant into simulated genomes: profiles of single-copy genes, one of each family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import fetchmgs
import numpy as np
import pyhmmer

from binner.data import F32


@dataclass(frozen=True, eq=False)
class Profiles:
    """Names, as `binner.data.Markers` has them, and match emissions (length, 20) of the profiles."""

    names: tuple[str, ...]
    emissions: tuple[F32, ...]


# Two profiles are of one family if each finds the other's consensus, or one finds it as well as its own. By these
# shares fetchmgs' rpoB and rpoC, rpsI and rplM, ffh and ftsY stay apart, and two sets' profiles of one gene do not.
FINDS_EACH_OTHER, IS_PART_OF = 0.33, 0.8
NONE = Profiles((), ())


@cache
def marker_profiles() -> Profiles:
    """The universal genes of fetchmgs.

    Of profiles of one family the first is kept: a planted gene is then found by one profile alone, or by its own best.
    """
    found = list(_universal())
    alphabet = pyhmmer.easel.Alphabet.amino()
    proteins = pyhmmer.easel.DigitalSequenceBlock(
        alphabet,
        [
            pyhmmer.easel.TextSequence(name=str(row).encode(), sequence=profile.consensus.upper()).digitize(alphabet)
            for row, (_, profile, _) in enumerate(found)
        ],
    )
    scores = np.zeros((len(found), len(found)), np.float32)  # (profile, consensus), bits; 0 below the profile's cutoff
    search: Any = pyhmmer.hmmsearch  # its stub asks for one alphabet in two ways
    for row, hits in enumerate(search([profile for _, profile, _ in found], proteins, cpus=1)):
        for hit in hits:
            scores[row, int(hit.name)] = hit.score if hit.score >= found[row][2] else 0
    share = scores / np.maximum(np.diag(scores), 1)[:, None]  # of what a profile gives to its own consensus
    alike = (np.minimum(share, share.T) > FINDS_EACH_OTHER) | (np.maximum(share, share.T) > IS_PART_OF)
    kept: list[int] = []
    for row in range(len(found)):
        if not alike[row, kept].any():
            kept.append(row)
    emissions = tuple(np.asarray(found[row][1].match_emissions, np.float32)[1:] for row in kept)
    return Profiles(tuple(found[row][0] for row in kept), emissions)


def _universal() -> Iterator[tuple[str, Any, float]]:
    """Name, HMM and score cutoff (bits) of fetchmgs' profiles."""
    data = Path(fetchmgs.__file__).parent / "data"
    lines = (data / "MG_BitScoreCutoffs.verybesthit.txt").read_text().splitlines()[1:]
    cutoffs = {name: float(score) for name, score, *_ in (line.split("\t") for line in lines)}
    for name in sorted(cutoffs):
        with pyhmmer.plan7.HMMFile(data / f"{name}.hmm") as file:
            yield f"universal:{name}", file.read(), cutoffs[name]
