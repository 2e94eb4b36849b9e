"""Whitened composition: the linear map under which pieces of one genome scatter alike in every direction.

Counts of canonical k-mers, and of words in the reading frames (`frames`), are made stable in variance (Anscombe 1948:
the square root of count + 3/8) and taken relative to their sum; the covariance within genomes, learnt from training
genomes and shrunk towards a multiple of the identity, is inverted; of the whitened space the directions that separate
species best are kept, each as far as it separates them. This is linear discriminant analysis with shrinkage, and with
its law of the error by length the front end of PLDA (Ioffe 2006).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from binner.data import F32, F64, I64, U8, Progress, check_array, digest, silent
from binner.encoders import frames
from binner.encoders.kmers import canonical_index, count
from binner.encoders.tensors import metadata, to_bytes
from binner.errors import InputError

WINDOWS_PER_BATCH = 4096
WEIGHTS = "model.safetensors"
_TENSORS = ("centre", "projection", "noise", "prior", "odds")


@dataclass(frozen=True, slots=True, eq=False)
class Whitening:
    """An encoder (`binner.encoders.Encoder`) of one matrix product."""

    centre: F32  # (K,), of the features
    projection: F32  # (K, D)
    noise: F32  # (D,), variance within a genome of a window of `reference` bp
    prior: F32  # (D,), variance of genome means
    odds: F32  # (GC classes, 64), log odds of codons
    k: int
    window: int  # bp
    reference: int  # bp

    name = "whitening"

    def __post_init__(self) -> None:
        rows, directions = self.projection.shape
        for name, size in (("centre", rows), ("noise", directions), ("prior", directions)):
            check_array(name, getattr(self, name), np.float32, (size,))
        check_array("odds", self.odds, np.float32, (frames.GC_CLASSES, frames.WORDS))
        if rows != canonical_index(self.k)[1] + frames.PLACES * frames.WORDS:
            raise ValueError(f"{rows} rows for {self.k}-mers and words in frames")

    @property
    def digest(self) -> str:
        """Of the weights."""
        weights = (getattr(self, name) for name in _TENSORS)
        return digest(*weights, str((self.k, self.window, self.reference)))

    def embed(self, codes: U8, start: I64, stop: I64, *, progress: Progress = silent) -> F32:
        """Encode codes[start:stop], (V, D) float32, the same for both strands."""
        out = np.empty((len(start), self.projection.shape[1]), np.float32)
        for first in range(0, len(start), WINDOWS_PER_BATCH):
            rows = slice(first, first + WINDOWS_PER_BATCH)
            found = features(codes, start[rows], stop[rows], k=self.k, odds=self.odds)
            out[rows] = (found - self.centre) @ self.projection
            progress(min(first + WINDOWS_PER_BATCH, len(start)), len(start))
        return out

    def variance(self, lengths: I64) -> F32:
        """Variance of a contig of each length (bp) around the mean of its genome, (N, D): noise reference / length."""
        return (self.reference / np.maximum(lengths, 1)[:, None] * self.noise).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write the weights into `folder`."""
        tensors = {name: getattr(self, name) for name in _TENSORS}
        sizes = {"k": str(self.k), "window": str(self.window), "reference": str(self.reference)}
        (folder / WEIGHTS).write_bytes(to_bytes(tensors, metadata={"encoder": self.name, **sizes}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the weights from `folder`; raises InputError if they are not there or are not those of a whitening."""
        path = folder / WEIGHTS
        try:
            content = path.read_bytes()
            tensors = load(content)
            centre, projection, noise, prior, odds = (tensors[name] for name in _TENSORS)
            k, window, reference = (int(metadata(content)[name]) for name in ("k", "window", "reference"))
            return cls(centre, projection, noise, prior, odds, k, window, reference)
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; name a folder that `binner train` wrote") from error
        except (SafetensorError, KeyError, ValueError) as error:
            raise InputError(f"{path}: no weights of a whitening ({error}); train it with `binner train`") from error


def features(codes: U8, start: I64, stop: I64, *, k: int, odds: F32 | None) -> F32:
    """What is whitened of each window: frequencies of canonical k-mers, then of words in the reading frames, (V, K).

    Without the log odds of codons there are no frames.
    """
    found = frequencies(codes, start, stop, k=k)
    return found if odds is None else np.concatenate([found, frames.frequencies(codes, start, stop, odds=odds)], 1)


def frequencies(codes: U8, start: I64, stop: I64, *, k: int) -> F32:
    """Stabilised frequencies of the canonical k-mers of each window, (V, K)."""
    counts = count(codes, start, stop, k=k)
    total = np.maximum(counts.sum(1, keepdims=True), 1)
    stable: F32 = np.sqrt((counts + np.float32(0.375)) / total)
    return stable


def fit(features: F32, species: I64, *, directions: int, shrinkage: float) -> tuple[F64, F64, F64, F64]:
    """Centre (K,), projection (K, D), noise (D,) and prior (D,) from features of windows (V, K) and their species (V,).

    The within-species covariance is shrunk: w + shrinkage * mean(w) for each eigenvalue w. Variances of species means
    are corrected for the noise in those means; a direction in which nothing is left keeps 0.01. Each direction is
    multiplied by prior / (prior + noise), so that a window's vector is what it says of the mean of its genome.
    """
    ids, row = np.unique(species, return_inverse=True)
    number = np.bincount(row).astype(float)
    order = np.argsort(row, kind="stable")
    starts = np.concatenate([[0], np.cumsum(number)[:-1]]).astype(np.int64)
    means = np.add.reduceat(features[order], starts, axis=0, dtype=np.float64) / number[:, None]
    rest = features - means[row].astype(np.float32)
    free = max(len(features) - len(ids), 1)
    within = (rest.T @ rest).astype(np.float64) / free
    values, vectors = np.linalg.eigh(within)
    white = vectors / np.sqrt(np.maximum(values, 0) + shrinkage * values.mean())
    between = np.cov(means.T) - within * np.mean(1 / number)
    _, axes = np.linalg.eigh(white.T @ between @ white)
    projection = white @ axes[:, ::-1][:, :directions]
    noise = ((rest @ projection) ** 2).sum(0) / free
    centre = means.mean(0)
    prior = np.maximum(((means - centre) @ projection).var(0) - noise * np.mean(1 / number), 0.01)
    share = prior / (prior + noise)
    return centre, projection * share, noise * share**2, prior * share**2
