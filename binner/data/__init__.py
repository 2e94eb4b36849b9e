"""What flows between the stages: frozen, checked where it is born.

N contigs, S samples, V windows, D directions of the embedding, G genes, M marker genes. Lengths and positions are bp,
0-based and half-open; depths are x (mean reads over a base).
"""

from __future__ import annotations

from binner.data.arrays import (
    F32,
    F64,
    I8,
    I32,
    I64,
    N_CODE,
    U8,
    UNSEEN,
    Bool,
    Matrix,
    Progress,
    check_array,
    digest,
    silent,
)
from binner.data.bins import Bin, Clustering, Membership, no_membership
from binner.data.contigs import Assemblies, Contigs, Windows, n50
from binner.data.evidence import Coverage, Embedding, Genes, Homologs, Markers, Refined, WindowEmbedding

__all__ = [
    "F32",
    "F64",
    "I8",
    "I32",
    "I64",
    "N_CODE",
    "U8",
    "UNSEEN",
    "Assemblies",
    "Bin",
    "Bool",
    "Clustering",
    "Contigs",
    "Coverage",
    "Embedding",
    "Genes",
    "Homologs",
    "Markers",
    "Matrix",
    "Membership",
    "Progress",
    "Refined",
    "WindowEmbedding",
    "Windows",
    "check_array",
    "digest",
    "n50",
    "no_membership",
    "silent",
]
