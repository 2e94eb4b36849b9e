"""Token embeddings to start from: what is in a token, mapped so that species lie apart.

With random ones a small model has to learn from few genomes that GGCC and GCCG are alike; with these the mean over the
tokens of a piece is as good as 4-mer frequencies before the first step.
"""

from __future__ import annotations

import logging

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from binner.data import F32, I64
from binner.encoders import kmers, whitening
from binner.encoders.tokenizer import Tokenizer, text
from binner.train.packed import Packed
from binner.train.pairs import laid_out

logger = logging.getLogger(__name__)

LENGTHS = (1, 2, 3, 4)  # of the k-mers in a token
DIRECTIONS = 64
SHRINKAGE = 0.1
PIECE, PIECES, MOST = 3000, 12, 10_000  # bp; of each genome; of all
CODES = {letter: code for code, letter in enumerate("ACGT")}


def token_embeddings(packed: Packed, species: I64, tokenizer: Tokenizer, *, width: int, seed: int) -> Tensor:
    """Embeddings (V, width) float32 of unit variance.

    The frequencies of canonical k-mers inside each token, averaged over the tokens of pieces of `species`, go through
    linear discriminant analysis; its map, turned at random to `width`, is applied to the tokens.
    """
    rng = np.random.default_rng([seed, 8])
    counts, names = _token_counts(packed, species, tokenizer, rng)
    features = _contents(tokenizer)
    means = np.asarray(counts @ features / np.maximum(counts.sum(1), 1), np.float32)
    directions = min(DIRECTIONS, width, features.shape[1], max(len(np.unique(names)) - 1, 1))
    centre, projection, _, _ = whitening.fit(means, names, directions=directions, shrinkage=SHRINKAGE)
    turn, _ = np.linalg.qr(rng.normal(size=(width, directions)))
    found = (features - centre) @ projection @ turn.T
    return torch.from_numpy((found / max(float(found.std()), 1e-12)).astype(np.float32))


def _contents(tokenizer: Tokenizer) -> F32:
    """Frequencies (V, K) of the canonical k-mers in each token, all lengths k with the same weight."""
    tokens = [tokenizer.backend.id_to_token(number) or "" for number in range(len(tokenizer))]
    bases = [token if set(token) <= set(CODES) else "" for token in tokens]
    codes, start, stop = laid_out([np.array([CODES[base] for base in token], np.uint8) for token in bases])
    parts = []
    for k in LENGTHS:
        shares = kmers.count(codes, start, stop, k=k) / np.maximum(stop - start - k + 1, 1)[:, None]
        shares = shares - shares.mean(0)
        parts.append(shares / max(float(np.linalg.norm(shares)), 1e-12))
    return np.concatenate(parts, 1).astype(np.float32) * np.float32(np.sqrt(len(tokens)))


def _token_counts(
    packed: Packed, species: I64, tokenizer: Tokenizer, rng: np.random.Generator
) -> tuple[csr_matrix, I64]:
    """How often each token occurs in pieces (P, V), and their species (P,)."""
    owner, start, stop = packed.stretches
    genomes = rng.permutation(np.flatnonzero(np.isin(packed.species, species)))[: MOST // PIECES]
    pieces, names = [], []
    for genome in genomes.tolist():
        rows = np.flatnonzero(owner == genome)
        for row in rng.choice(rows, PIECES).tolist() if len(rows) else ():
            begin = int(start[row] + rng.integers(max(stop[row] - start[row] - PIECE, 0) + 1))
            codes = packed.codes(begin, min(begin + PIECE, int(stop[row])))
            pieces.append(text(codes, reverse=bool(rng.random() < 0.5)))
            names.append(int(packed.species[genome]))
    found = tokenizer.encode(pieces)
    ends = np.cumsum([0, *(len(ids) for ids in found)])
    ids = np.concatenate(found)
    return csr_matrix((np.ones(len(ids), np.float32), ids, ends), shape=(len(found), len(tokenizer))), np.array(names)
