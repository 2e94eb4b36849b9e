"""Marker genes to plant into simulated genomes: profiles of single-copy genes, one of each family."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyhmmer

from binner.data import F32
from binner.markers import profiles


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
def planted_profiles() -> Profiles:
    """Profiles of the universal and the bacterial genes that binner looks for, without those of one family twice."""
    found = [p for p in profiles.load() if p.is_marker and p.set_name in ("universal", "bacteria")]
    alphabet = pyhmmer.easel.Alphabet.amino()
    consensus = [str(p.hmm.consensus).upper() for p in found]
    proteins = pyhmmer.easel.DigitalSequenceBlock(
        alphabet,
        [
            pyhmmer.easel.TextSequence(name=str(row).encode(), sequence=sequence).digitize(alphabet)
            for row, sequence in enumerate(consensus)
        ],
    )
    scores = np.zeros((len(found), len(found)), np.float32)  # (profile, consensus), bits; 0 below the profile's cutoff
    search: Any = pyhmmer.hmmsearch  # its stub asks for one alphabet in two ways
    for row, hits in enumerate(search([p.hmm for p in found], proteins, cpus=1)):
        for hit in hits:
            scores[row, int(hit.name)] = hit.score if hit.score >= found[row].cutoff else 0
    share = scores / np.maximum(np.diag(scores), 1)[:, None]  # of what a profile gives to its own consensus
    alike = (np.minimum(share, share.T) > FINDS_EACH_OTHER) | (np.maximum(share, share.T) > IS_PART_OF)
    kept: dict[str, int] = {}  # rows by the name of the gene, of which there may be profiles of several clades
    for row, profile in enumerate(found):
        if profile.gene not in kept and not alike[row, list(kept.values())].any():
            kept[profile.gene] = row
    hmms: list[Any] = [found[row].hmm for row in kept.values()]  # the stub lacks match_emissions
    emissions = tuple(np.array(hmm.match_emissions, np.float32)[1:] for hmm in hmms)
    return Profiles(tuple(kept), emissions)
