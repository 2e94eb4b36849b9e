"""The profiles of single-copy marker genes: 40 universal ones from fetchmgs, finer ones of bacteria and of archaea.

The finer ones are shipped: data/README.md says where they come from and under which licences.
"""

from __future__ import annotations

import io
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast, get_args

import numpy as np
import pyhmmer

from binner.data import F32, digest
from binner.errors import InputError
from binner.genetic_code import RESIDUES
from binner.markers.index import SeedIndex, build_index
from binner.whole_files import whole, write_text

MarkerSet = Literal["universal", "bacteria", "archaea"]
SETS: tuple[MarkerSet, ...] = get_args(MarkerSet)
FOLDER = Path(__file__).parent / "data"

# TIGRFAMs split these genes by clade; a genome has one of the two (SemiBin and MetaCoAG merge the same four pairs)
SYNONYMS = {"TIGR00388": "TIGR00389", "TIGR00471": "TIGR00472", "TIGR00408": "TIGR00409", "TIGR02386": "TIGR02387"}
RIVAL = "COG0086"  # no marker of fetchmgs, but takes its own proteins away from COG0085


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A profile and the scores that make a protein a hit: of the whole sequence, and of its best domain."""

    gene: str  # "<set>:<name>", synonyms merged
    hmm: Any  # pyhmmer.plan7.HMM, whose stubs lack half of it
    cutoff: float  # bits
    domain_cutoff: float  # bits

    @property
    def set_name(self) -> str:
        """The set before the colon of `gene`."""
        return self.gene.partition(":")[0]

    @property
    def is_marker(self) -> bool:
        """Whether hits are counted, or only keep others from being counted."""
        return not self.gene.endswith(RIVAL)


@cache
def load() -> tuple[Profile, ...]:
    """All profiles, by set, then name. Universal ones have fetchmgs' cutoffs, the others their own trusted cutoffs.

    Raises InputError if fetchmgs' data are not where they should be.
    """
    found = list(_universal())
    for name in ("bacteria", "archaea"):
        text = lzma.decompress((FOLDER / f"{name}.hmm.xz").read_bytes())
        with pyhmmer.plan7.HMMFile(io.BytesIO(text)) as hmms:
            found += [_trusted(name, hmm) for hmm in hmms]
    return tuple(sorted(found, key=lambda profile: (SETS.index(profile.set_name), _text(profile.hmm.name))))


def _trusted(set_name: MarkerSet, hmm: Any) -> Profile:
    name = _text(hmm.name)
    return Profile(f"{set_name}:{SYNONYMS.get(name, name)}", hmm, hmm.cutoffs.trusted1, hmm.cutoffs.trusted2)


def _universal() -> Iterator[Profile]:
    import fetchmgs

    folder = Path(fetchmgs.__file__).parent / "data"
    table = folder / "MG_BitScoreCutoffs.verybesthit.txt"
    if not table.is_file():
        raise InputError(f"{table}: the cutoffs of fetchmgs are not there: reinstall it (pip install 'fetchmgs>=2.1')")
    for line in table.read_text().splitlines():
        name, *values = line.split("\t")
        if name.startswith("#") or not values:
            continue
        with pyhmmer.plan7.HMMFile(folder / f"{name}.hmm") as hmms:
            yield Profile(f"universal:{name}", next(hmms), float(values[0]), -np.inf)


def _text(name: str | bytes) -> str:
    return name if isinstance(name, str) else name.decode()  # bytes before pyhmmer 0.12


@cache
def genes() -> tuple[str, ...]:
    """Names of the M marker genes, "<set>:<name>", in the order of the columns of `Markers.counts`."""
    return tuple(dict.fromkeys(profile.gene for profile in load() if profile.is_marker))


SEEDS = FOLDER / "seeds.tsv"


@cache
def index() -> SeedIndex:
    """The words that give the profiles away (binner.markers.index), about 0.2 s.

    Raises InputError if a profile has no threshold: fetchmgs has other profiles than those that were learnt.
    """
    profiles = load()
    least = read_seeds(SEEDS)
    unknown = [profile_name(profile) for profile in profiles if profile_name(profile) not in least]
    if unknown:
        raise InputError(f"{SEEDS}: no threshold for {unknown[0]}: learn them again (binner.train.markers.learn)")
    matrices = [log_odds(profile) for profile in profiles]
    return build_index(matrices, np.array([least[profile_name(profile)] for profile in profiles], np.float32))


def read_seeds(path: Path) -> dict[str, float]:
    """Least score of a seed (bits) by profile, as `write_seeds` wrote them. Raises InputError for anything else."""
    found: dict[str, float] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if line.startswith("#"):
            continue
        name, _, bits = line.partition("\t")
        try:
            found[name] = float(bits)
        except ValueError:
            raise InputError(f"{path}, line {number}: expected a profile and a score, got '{line[:60]}'") from None
    return found


def write_seeds(path: Path, least: F32, *, note: str) -> None:
    """Write the thresholds (bits, one for each profile of `load`), with the profiles' digest and a note at the top."""
    lines = [f"# seeds of profiles {version()}: {note}"]
    lines += [f"{profile_name(profile)}\t{bits:.3f}" for profile, bits in zip(load(), least.tolist(), strict=True)]
    write_text(path, "\n".join(lines) + "\n")


def profile_name(profile: Profile) -> str:
    """Set and name of the profile itself (`gene` merges synonyms)."""
    return f"{profile.set_name}:{_text(profile.hmm.name)}"


@cache
def background() -> F32:
    """Frequencies of the residues in proteins (20,), HMMER's."""
    frequencies = pyhmmer.plan7.Background(pyhmmer.easel.Alphabet.amino()).residue_frequencies
    return np.array(frequencies, np.float32)[: len(RESIDUES)]


def log_odds(profile: Profile) -> F32:
    """Scores of residues at the profile's match positions, bits, (positions, 20)."""
    emissions = np.array(profile.hmm.match_emissions, np.float32)[1:, : len(RESIDUES)]  # row 0: the begin state
    scores: F32 = np.log2(np.maximum(emissions, 1e-9) / background())
    return scores


@cache
def version() -> str:
    """Digest of the profiles and cutoffs: seeds that were learnt of others do not fit."""
    parts: list[str | bytes] = []
    for profile in load():
        parts += [profile.gene, f"{profile.cutoff:.4f} {profile.domain_cutoff:.4f}"]
        parts.append(np.array(profile.hmm.match_emissions, np.float32).tobytes())
    return digest(*parts)


def pack(source: Path, target: Path, *, names: frozenset[str] | None = None) -> int:
    """Write the profiles of an HMMER3 file (those in `names`, or all) to `target`, xz-compressed; returns how many.

    Raises InputError for a profile without trusted cutoffs and for names that the file does not hold.
    """
    with pyhmmer.plan7.HMMFile(source) as file:
        hmms = [hmm for hmm in file if names is None or _text(hmm.name) in names]
    missing = (names or frozenset()) - {_text(hmm.name) for hmm in hmms}
    if missing:
        raise InputError(f"{source}: has no profile named {', '.join(sorted(missing)[:5])}")
    with whole(target) as unfinished, lzma.open(unfinished, "wb", preset=9 | lzma.PRESET_EXTREME) as out:
        for hmm in sorted(hmms, key=lambda hmm: _text(hmm.name)):
            if not hmm.cutoffs.trusted_available():
                raise InputError(f"{source}: profile {_text(hmm.name)} has no trusted cutoffs (a TC line)")
            hmm.write(cast(BinaryIO, out))
    return len(hmms)
