"""Two clouds of points are to have the same distribution, as kernels of several widths see it."""

from __future__ import annotations

import torch
from torch import Tensor

from binner.losses._similarity import squared_distances

WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the kernels, in median squared distances
LEAST_MEDIAN = 1e-12  # squared distance, where all points are one


def mmd(first: Tensor, second: Tensor) -> Tensor:
    """Mean over the kernels of mean k(A, A) + mean k(B, B) - 2 mean k(A, B), A = `first` (n, d), B = `second` (m, d).

    k(x, y) = exp(-|x - y|^2 / (w median)), with w of `WIDTHS` and the median of the squared distances between all
    different rows of both (the median heuristic; no gradient flows through it). The biased estimate, which is never
    negative (Gretton et al. 2012); several kernels as in Gentle-CLIP (Song et al. 2024). 0 where a cloud is empty.
    """
    if not (len(first) and len(second)):
        return (first.sum() + second.sum()) * 0
    joined = torch.cat([first, second]).float()
    apart = squared_distances(joined, joined)  # (n + m, n + m)
    rows, columns = torch.triu_indices(len(joined), len(joined), 1, device=apart.device)
    median = apart.detach()[rows, columns].median().clamp_min(LEAST_MEDIAN)
    share = torch.cat([apart.new_full((len(first),), 1 / len(first)), apart.new_full((len(second),), -1 / len(second))])
    kernels = torch.stack([torch.exp(-apart / (width * median)) for width in WIDTHS]).mean(0)
    return (share[:, None] * share[None, :] * kernels).sum()
