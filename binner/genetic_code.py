"""The bacterial genetic code (NCBI's table 11), as residues are counted here."""

from __future__ import annotations

import numpy as np

from binner.data import U8

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
UNKNOWN = 20  # code of a codon with an N
OPAL = 21  # of TGA: a stop to most, tryptophan to mycoplasmas
STOP = 22  # of TAA and TAG
LONG_N = 30  # bp of N that end a reading frame


def _codon_table() -> U8:
    """Residue codes by codon, (125,), at 25 a + 5 b + c for base codes a, b, c (4 = N)."""
    order, amino = "TCAG", "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG"
    table = np.full(125, UNKNOWN, np.uint8)
    for i, residue in enumerate(amino):
        codon = order[i // 16] + order[i // 4 % 4] + order[i % 4]
        a, b, c = ("ACGT".index(base) for base in codon)
        stop = OPAL if codon == "TGA" else STOP
        table[25 * a + 5 * b + c] = stop if residue == "*" else RESIDUES.index(residue)
    return table


CODONS = _codon_table()
