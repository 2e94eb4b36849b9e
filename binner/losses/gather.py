"""Rows of all processes, for losses whose negatives come from the whole batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed


def gather(rows: Tensor) -> Tensor:
    """`rows` (B, ...) of every process, in the order of their ranks, (ranks x B, ...); `rows` itself in one alone.

    Every process must bring as many. Gradients flow back to the rows of this process, times the number of processes:
    each computes the loss of the whole batch, and the mean of their gradients, which `binner.fit` takes, is then that
    of one process with the whole batch.
    """
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)  # type: ignore[no-untyped-call]
    return gathered


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, rows: Tensor) -> Tensor:
        context.number = len(rows)
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(_ranks())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        (gradient,) = gradients
        first = distributed.get_rank() * context.number
        return gradient[first : first + context.number] * _ranks()


def _ranks() -> int:
    return int(distributed.get_world_size())
