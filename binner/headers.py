"""What assemblers write into headers besides names: which contigs are circular, and how deep they are covered."""

from __future__ import annotations

import re
from array import array

import numpy as np

from binner.data import F32

# How assemblers say that a contig is circular. In what follows the name: Unicycler's circular=true, metaMDBG's
# circular=yes, Dragonflye's circular=Y, Canu's suggestCircular=yes, NCBI's [topology=circular]. In the name: the c of
# hifiasm and hifiasm-meta (s1.ctg000001c) and metaMDBG's before 1.0, myloasm's circular-yes, SKESA's _Circ, and
# type_circular of metaplasmidSPAdes.
CIRCULAR_TAG = re.compile(r"\b(suggest)?circular(=|-)(true|yes|y|1)\b|\btopology=circular\b", re.IGNORECASE | re.ASCII)
CIRCULAR_NAME = re.compile(r"tg\d+c$|circular-yes|_circ(ular)?(_|$)", re.IGNORECASE)
# How they say how deep, each group named after one that does it so: SPAdes and myloasm in the name, the others behind
# it. Archives write dashes for SPAdes's underscores, or put its name into the description. Of myloasm's three depths
# the first is that of the most reads (99 % identity).
_NUMBER = r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"
_DEPTHS = (
    rf"[_-]length[_-]\d+[_-]cov[_-](?P<SPAdes>{_NUMBER})",
    rf"\bmulti=(?P<MEGAHIT>{_NUMBER})",
    rf"\bcoverage=(?P<metaMDBG>{_NUMBER})x?",
    rf"[_ ]depth-(?P<myloasm>{_NUMBER})",
    rf"\bdepth=(?P<Unicycler>{_NUMBER})x?",
    rf"\bcov=(?P<Shovill>{_NUMBER})x?",
)
DEPTH = re.compile(rf"(?:{'|'.join(_DEPTHS)})(?![A-Za-z0-9]|\.\d)", re.ASCII)
MOST_DEPTH = 1e9  # x; a larger number is no depth


class Headers:
    """Takes up header after header what assemblers say of their contigs."""

    def __init__(self) -> None:
        self.circular: list[int] = []  # of those taken up: which are circular
        self._depths = array("f")
        self._formats: dict[str, None] = {}  # in order

    def add(self, name: str, rest: bytes) -> None:
        """The header of the next contig: its first word and what follows."""
        text = rest.decode("latin-1")  # any bytes may stand there
        if CIRCULAR_TAG.search(text) or CIRCULAR_NAME.search(name):
            self.circular.append(len(self._depths))
        found = DEPTH.search(f"{name} {text}")
        depth = np.nan
        if found is not None and found.lastgroup is not None:
            self._formats[found.lastgroup] = None
            depth = float(found[found.lastgroup])
        self._depths.append(depth if depth <= MOST_DEPTH else np.nan)

    @property
    def depths(self) -> F32 | None:
        """Of each contig (N,), x; NaN where the header has none that is a number, None if none has."""
        return np.array(self._depths, np.float32) if self._formats else None

    @property
    def formats(self) -> tuple[str, ...]:
        """Assemblers in whose format depths were written, in the order of the contigs."""
        return tuple(self._formats)
