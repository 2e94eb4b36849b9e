"""The table of codons against the one that the benchmarks draw genes with."""

from __future__ import annotations

import numpy as np

from benchmarks import genomes
from binner.genetic_code import CODONS, OPAL, STOP, UNKNOWN

TGA = [3, 2, 0]


def test_codons_are_those_of_the_bacterial_code() -> None:
    for codon, amino in zip(genomes.CODONS.astype(int), genomes.AMINO, strict=True):
        code = CODONS[codon @ np.array([25, 5, 1])]
        stop = OPAL if codon.tolist() == TGA else STOP
        assert code == (amino if amino >= 0 else stop)
    assert CODONS[[4, 20, 100, 124]].tolist() == [UNKNOWN] * 4
