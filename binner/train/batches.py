"""Pairs as what a network reads, with what chance has in store for them: a function of the number of the batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from binner.data import U8
from binner.encoders.language_model import send
from binner.encoders.whitening import Whitening
from binner.errors import OptionError
from binner.runtime import limit_threads
from binner.train.options import SpeciesOptions
from binner.train.pairs import Pairs, laid_out

KILLED = "DataLoader worker (pid"  # what torch says then
AHEAD = 4  # batches that each worker prepares


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One piece of each of B species."""

    ids: Tensor  # (B, S) int64, tokens; or (B, 1, K) float32, frequencies of k-mers
    mask: Tensor | None  # (B, S), True where there is a token; None: everywhere


Read = Callable[[Sequence[U8]], View]  # of pieces; can be sent to workers


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """What is mixed with what, and where."""

    layer: int  # before which the hidden states are mixed
    share: Tensor  # (B,) float32, of the own state
    partner: Tensor  # (B,) int64, rows of this process


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """B pairs."""

    first: View
    second: View
    mix: Mix | None  # None: W-SimCLR
    targets: Tensor | None  # (2, B, D) float32, the teacher's unit vectors of both views


@dataclass(frozen=True, slots=True, eq=False)
class Batches(Dataset[Batch]):
    """The batches of one process, by number; can be sent to workers."""

    pairs: Pairs
    read: Read
    options: SpeciesOptions
    layers: int
    teacher: Whitening | None = None
    part: int = 0  # of how many processes this is which
    parts: int = 1

    def __getitem__(self, number: int) -> Batch:
        options = self.options
        drawn = self.pairs.batch(number, part=self.part, parts=self.parts)
        first, second = self.read(drawn.first), self.read(drawn.second)
        targets = None
        if self.teacher is not None and options.distil:
            targets = torch.stack([self._targets(pieces) for pieces in (drawn.first, drawn.second)])
        mix = None
        if number // options.accumulate >= options.unmixed * options.steps:
            mix = self._mix(number, len(drawn.species))
        return Batch(first, second, mix, targets)

    def _mix(self, number: int, size: int) -> Mix:
        common = np.random.default_rng([self.pairs.seed, 3, number])
        own = np.random.default_rng([self.pairs.seed, 4, number, self.part])
        share = own.beta(self.options.alpha, self.options.alpha, size)
        share = np.maximum(share, 1 - share).astype(np.float32)
        return Mix(
            int(common.integers(max(self.layers, 1))), torch.from_numpy(share), torch.from_numpy(own.permutation(size))
        )

    def _targets(self, pieces: Sequence[U8]) -> Tensor:
        assert self.teacher is not None
        vectors = self.teacher.embed(*laid_out(pieces))
        return torch.nn.functional.normalize(torch.from_numpy(vectors), dim=-1)

    def stream(self, first: int, *, workers: int, device: str) -> Iterator[Batch]:
        """Batches from `first` on, on `device`; `workers` processes prepare them ahead of time (0: this one).

        Raises OptionError where one of those is killed.
        """
        loader: DataLoader[Batch] = DataLoader(
            self,
            batch_size=None,
            sampler=range(first, self.options.steps * self.options.accumulate),
            num_workers=workers,
            collate_fn=_same,
            prefetch_factor=AHEAD if workers else None,
            multiprocessing_context="spawn" if workers else None,
            worker_init_fn=_alone if workers else None,
        )
        try:
            for batch in loader:
                yield to_device(batch, device)
        except RuntimeError as error:
            if KILLED not in str(error):
                raise
            raise OptionError(
                "a process that prepares batches was killed, most likely for want of memory: give the job more, or take"
                f" fewer than -t {workers + 1}; the same command goes on where this one stopped"
            ) from error


def to_device(batch: Batch, device: str) -> Batch:
    """The same batch there; a GPU is not waited for."""
    place = torch.device(device)

    def moved(found: View) -> View:
        return View(send(found.ids, place), None if found.mask is None else send(found.mask, place))

    mix = batch.mix
    if mix is not None:
        mix = replace(mix, share=send(mix.share, place), partner=send(mix.partner, place))
    targets = None if batch.targets is None else send(batch.targets, place)
    return Batch(moved(batch.first), moved(batch.second), mix, targets)


def _alone(_: int) -> None:
    """Hold a worker to one thread: there is one for each."""
    limit_threads(1)


def _same(batch: Any) -> Any:
    return batch
