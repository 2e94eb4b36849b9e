"""The embedding fitted to the assembly: the directions that tell its genomes apart, as far as its contigs show them.

An encoder knows from training genomes how pieces of a genome scatter, and how genomes do. An assembly shows both too:
windows of one contig are of one genome, and contigs are of its genomes. Each covariance is the mean of the two,
weighted by what they rest on, as an inverse Wishart prior has it; both are made diagonal together, and the best
directions stay (linear discriminant analysis, by the unsupervised adaptation of PLDA, Garcia-Romero & McCree 2014).
"""

from __future__ import annotations

import logging
from dataclasses import replace

import numpy as np

from binner.data import F32, F64, I64, Embedding, WindowEmbedding
from binner.graph import genomes_expected
from binner.space import LONGEST_WEIGHT

logger = logging.getLogger(__name__)

DIRECTIONS = 64  # that are kept
KNOWN_WINDOWS = 1000  # windows of an assembly say as much of the scatter within genomes as the encoder does
KNOWN_GENOMES = 100  # so many genomes, of how genomes scatter
REFERENCE = 6000  # bp, of which the error is 1 in every direction
LEAST_PRIOR = 1e-3  # of a direction in which the assembly shows nothing
LEAST_ERROR = 1e-12  # of the largest; encoders learnt from few pieces take some directions for free of error
_BLOCK = 1 << 16  # rows that are summed at once


def adapt(windows: WindowEmbedding, embedding: Embedding) -> tuple[WindowEmbedding, Embedding]:
    """Windows (V, E) and contigs (N, E) of an encoder as (V, D) and (N, D), D = min(E, DIRECTIONS), best first.

    What was not read stays at 0.
    """
    where = windows.windows
    read = np.bincount(where.contig, where.lengths, len(embedding.matrix)).astype(np.float64)  # bp of each contig
    if not read.any():
        return windows, embedding
    within = _within(windows, embedding, read)
    centre, between = _between(embedding, read, within=within)
    every, directions = _discriminants(between, within)
    best = np.argsort(-every)[:DIRECTIONS]
    prior: F32 = np.maximum(every[best], LEAST_PRIOR).astype(np.float32)
    axes: F32 = directions[:, best].astype(np.float32)
    middle: F32 = centre.astype(np.float32)
    matrix = np.asarray((embedding.matrix - middle) @ axes, np.float32)
    matrix[read == 0] = 0
    variance = np.repeat((REFERENCE / np.maximum(read, 1))[:, None], len(prior), 1).astype(np.float32)
    return (
        replace(windows, matrix=np.asarray((windows.matrix - middle) @ axes, np.float32)),
        replace(embedding, matrix=matrix, variance=variance, prior=prior),
    )


def _discriminants(between: F64, within: F64) -> tuple[F64, F64]:
    """Solutions of between a = prior within a: (E,), and columns (E, E) along which the error of REFERENCE bp is 1."""
    values, vectors = np.linalg.eigh(within)
    white = vectors / np.sqrt(np.maximum(values, LEAST_ERROR * values[-1]))
    prior, axes = np.linalg.eigh(white.T @ between @ white)
    return prior, white @ axes


def _within(windows: WindowEmbedding, embedding: Embedding, read: F64) -> F64:
    """Covariance (E, E) of REFERENCE bp around the mean of the genome; `read` (N,) are the bp of each contig."""
    longest = int(np.argmax(read))
    law = np.diag(embedding.variance[longest].astype(np.float64)) * read[longest] / REFERENCE
    where = windows.windows
    number = np.bincount(where.contig, minlength=len(read))
    several = np.flatnonzero(number > 1)
    free = int((number[several] - 1).sum())
    rows = np.flatnonzero(number[where.contig] > 1)
    scatter = _second_moment(windows.matrix, rows, weight=where.lengths[rows].astype(np.float64))
    scatter -= _second_moment(embedding.matrix, several, weight=read[several])
    logger.info("%d windows beside others of their contig show how genomes scatter", free)
    within: F64 = (KNOWN_WINDOWS * law + scatter / REFERENCE) / (KNOWN_WINDOWS + free)
    return within


def _between(embedding: Embedding, read: F64, *, within: F64) -> tuple[F64, F64]:
    """Mean of the genomes (E,) and their covariance (E, E) around it."""
    known = np.flatnonzero(read)
    weight = np.minimum(read[known], LONGEST_WEIGHT)
    weight /= weight.sum()
    genomes = genomes_expected(int(read.sum()))
    share = genomes / (genomes + KNOWN_GENOMES)
    mean: F64 = weight @ embedding.matrix[known]
    centre: F64 = share * mean
    off = mean - centre
    scatter = _second_moment(embedding.matrix, known, weight=weight) - np.outer(mean, mean) + np.outer(off, off)
    scatter -= weight @ (REFERENCE / read[known]) * within
    between: F64 = (1 - share) * np.diag(embedding.prior.astype(np.float64)) + share * scatter
    return centre, between


def _second_moment(matrix: F32, rows: I64, *, weight: F64) -> F64:
    """Sum of weight * z z^T over some rows (R,) of `matrix`, (E, E), with their weights (R,)."""
    total = np.zeros((matrix.shape[1], matrix.shape[1]))
    for first in range(0, len(rows), _BLOCK):
        block = slice(first, first + _BLOCK)
        scaled = matrix[rows[block]] * np.sqrt(weight[block])[:, None]
        total += scaled.T @ scaled
    return total
