"""Embeddings of the same contigs by several encoders, side by side: one embedding with the directions of all.

Each part keeps its own law of the error. The parts are scaled to one error, that of the first, so that contigs of a
genome scatter alike in all directions, which is what neighbours are found by. Errors of different parts count as
independent. They are not quite, for all parts read the same bases: likelihoods are the surer for it.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from binner.data import F32, I64, Bool, Embedding, WindowEmbedding, Windows

logger = logging.getLogger(__name__)

Embedded = tuple[WindowEmbedding, Embedding]


def concatenate(parts: Sequence[Embedded]) -> Embedded:
    """All directions of the parts (at least one), whose contigs must be the same; D = D1 + D2 + ...

    The windows are those of the part that read most, the longest of these; the others' are averaged over them.
    """
    if len(parts) == 1:
        return parts[0]
    error = [_error_of_one_bp(*part) for part in parts]
    factors = [np.float32(np.sqrt(error[0] / each)) for each in error]
    grid = max((windows.windows for windows, _ in parts), key=lambda windows: (windows.lengths.sum(), -len(windows)))
    encoder = " + ".join(windows.encoder for windows, _ in parts)
    logger.info("%d encoders side by side: %s", len(parts), encoder)
    names_digest = parts[0][1].names_digest
    scaled = list(zip(parts, factors, strict=True))
    return (
        WindowEmbedding(grid, np.hstack([_on(grid, *part) * by for part, by in scaled]), encoder, names_digest),
        Embedding(
            np.hstack([contigs.matrix * by for (_, contigs), by in scaled]),
            np.hstack([contigs.variance * by**2 for (_, contigs), by in scaled]),
            np.concatenate([contigs.prior * by**2 for (_, contigs), by in scaled]),
            encoder,
            names_digest,
        ),
    )


def _error_of_one_bp(windows: WindowEmbedding, contigs: Embedding) -> float:
    """Variance of a contig times the bases that were read of it, mean over the directions."""
    if not len(contigs.matrix):
        return 1.0
    read = np.bincount(windows.windows.contig, windows.windows.lengths, len(contigs.matrix))
    return float(np.median(contigs.variance.mean(1, dtype=np.float64) * np.maximum(read, 1)))


def _on(grid: Windows, windows: WindowEmbedding, contigs: Embedding) -> F32:
    """Rows for the windows of `grid` (V, D): means of the windows over them by overlap; the contig's where none is."""
    from scipy.sparse import csr_matrix

    own = windows.windows
    stretch = 1 + max(int(each.stop.max(initial=0)) for each in (grid, own))  # contigs are laid end to end
    spans = [(each.contig * stretch + each.start, each.contig * stretch + each.stop) for each in (grid, own)]
    cuts = np.unique(np.concatenate([end for span in spans for end in span]))
    (row, within), (column, covered) = (_window_at(cuts[:-1], *span) for span in spans)
    both = within & covered
    overlap = csr_matrix(
        (np.diff(cuts)[both].astype(np.float32), (row[both], column[both])), shape=(len(grid), len(own))
    )
    total = np.asarray(overlap.sum(1), np.float32)
    mean: F32 = np.asarray(overlap @ windows.matrix, np.float32)
    mean /= np.maximum(total, 1)
    return np.where(total > 0, mean, contigs.matrix[grid.contig])


def _window_at(position: I64, start: I64, stop: I64) -> tuple[I64, Bool]:
    """Of windows in order, the one at each position, and whether there is one."""
    row = np.searchsorted(start, position, "right") - 1
    return row, (row >= 0) & (position < np.append(stop, 0)[row])
