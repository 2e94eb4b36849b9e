"""Contigs as Gaussians: windows encoded once, contigs and views as length-weighted means of them."""

from __future__ import annotations

import logging

import numpy as np

from binner import encoders
from binner.data import F32, I64, Contigs, Embedding, Progress, WindowEmbedding, silent
from binner.encoders import Encoder
from binner.windows import tile

logger = logging.getLogger(__name__)

WINDOWS_PER_STEP = 1 << 14  # between two reports of progress


def embed_windows(contigs: Contigs, *, encoder: Encoder, progress: Progress = silent) -> WindowEmbedding:
    """Cut the contigs into windows and encode each once."""
    windows = tile(contigs, length=encoder.window)
    begin = contigs.offsets[windows.contig]
    start, stop = begin + windows.start, begin + windows.stop
    matrix = np.empty((len(windows), len(encoder.prior)), np.float32)
    for first in range(0, len(windows), WINDOWS_PER_STEP):
        rows = slice(first, first + WINDOWS_PER_STEP)
        matrix[rows] = encoder.embed(contigs.codes, start[rows], stop[rows])
        progress(min(first + WINDOWS_PER_STEP, len(windows)), len(windows))
    return WindowEmbedding(windows, matrix, f"{encoder.name} {encoder.digest}", contigs.names_digest)


def embed_contigs(windows: WindowEmbedding, *, encoder: Encoder, contigs: int) -> Embedding:
    """Mean of each contig's windows, weighted by their lengths; a contig without windows (all N) lies at 0, far out.

    Its variance is the encoder's law of the bases that were read (N do not count).
    """
    lengths = windows.windows.lengths
    read = np.bincount(windows.windows.contig, lengths, contigs).astype(np.int64)
    matrix = window_means(windows, windows.windows.contig, lengths.astype(np.float32), rows=contigs)
    return Embedding(matrix, encoder.variance(read), encoder.prior, windows.encoder, windows.names_digest)


def window_means(windows: WindowEmbedding, row: I64, weight: F32, *, rows: int) -> F32:
    """Weighted means (rows, D) of the windows, each of which counts for one row with a weight; 0 where none does."""
    from scipy.sparse import csr_matrix

    gather = csr_matrix((weight, (row, np.arange(len(row)))), shape=(rows, len(row)), dtype=np.float32)
    total = np.asarray(gather.sum(1), np.float32)
    mean: F32 = np.asarray(gather @ windows.matrix, np.float32)
    mean /= np.where(total > 0, total, 1)
    return mean


def embed(contigs: Contigs, *, encoder: str, progress: Progress = silent) -> tuple[WindowEmbedding, Embedding]:
    """Windows and contigs in the space of an encoder, named or in a folder. Raises InputError."""
    loaded = encoders.load(encoder)
    windows = embed_windows(contigs, encoder=loaded, progress=progress)
    logger.info("%d contigs in %d windows, encoded by %s", len(contigs), len(windows.windows), windows.encoder)
    return windows, embed_contigs(windows, encoder=loaded, contigs=len(contigs))
