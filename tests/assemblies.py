"""Small assemblies for tests."""

from __future__ import annotations

import numpy as np

from binner.data import U8, Contigs

COMPLEMENT = np.array([3, 2, 1, 0, 4], np.uint8)


def contigs_of(*pieces: U8) -> Contigs:
    """Contigs c0, c1, ... with these codes."""
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    codes = np.concatenate([np.zeros(0, np.uint8), *pieces])
    return Contigs(tuple(f"c{row}" for row in range(len(pieces))), codes, offsets)


def reverse_complement(contigs: Contigs) -> Contigs:
    """Every contig as its other strand reads."""
    return contigs_of(*(COMPLEMENT[contigs[row][::-1]] for row in range(len(contigs))))
