"""Several processes that train together, as `torchrun` starts them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import distributed

from binner.errors import OptionError
from binner.fit import rank, ranks
from binner.runtime import choose_device, torchrun_rank

PATIENCE = timedelta(hours=12)  # of those that wait while the first packs the genomes or validates


@contextmanager
def together(device: str, environ: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Join the processes of `torchrun`, if it started this one; the device of this process.

    `auto` and `cuda` are the GPU of its local rank. Raises DeviceError.
    """
    _, processes, local = torchrun_rank(environ)
    if processes == 1:
        yield choose_device(device)
        return
    chosen = choose_device(device)
    if chosen != "cpu":
        chosen = choose_device(f"cuda:{local}")
    _join(chosen)
    try:
        yield chosen
    finally:
        distributed.destroy_process_group()


def _join(device: str) -> None:
    if device == "cpu":
        distributed.init_process_group("gloo", timeout=PATIENCE)
        return
    torch.cuda.set_device(device)  # a barrier has no tensor that would say which it is
    distributed.init_process_group("nccl", timeout=PATIENCE, device_id=torch.device(device))


def first(work: Callable[[], None]) -> None:
    """Have the first process do something that the others wait for; if it fails they leave, and it alone says why."""
    if ranks() == 1:
        work()
        return
    well = [False]
    try:
        if rank() == 0:
            work()
            well = [True]
    finally:
        distributed.broadcast_object_list(well, 0)
    if not well[0]:
        raise SystemExit(OptionError.exit_code)


def wait() -> None:
    """Until all are here."""
    if ranks() > 1:
        distributed.barrier()
