"""Windows of DNA as batches of token ids: tokenised ahead in other processes, all of a batch equally long.

Windows of equal length in tokens are collected until they fill a batch, so no batch is padded and none needs a mask;
what is left of each length at the end makes smaller batches. The longest windows come first: if memory does not
suffice, that shows at once.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from binner.data import I32, I64, U8
from binner.encoders.tokenizer import Tokenizer, text
from binner.runtime import limit_threads

WINDOWS_PER_TASK = 256
TASKS_AHEAD = 4  # per process


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Windows of equal length in tokens."""

    rows: I64  # (B,), of the windows; a row comes once for each strand
    ids: I32  # (B, S)


@dataclass(slots=True)
class Budget:
    """Tokens in a batch; whoever runs out of memory lowers it."""

    tokens: int


class Workers:
    """Processes that tokenise. They start with the first task and stay as long as this does: starting takes seconds."""

    def __init__(self, number: int) -> None:
        self.number = number
        self._pool: ProcessPoolExecutor | None = None

    def submit(self, codes: U8, lengths: I64, *, both: bool, folder: Path) -> Future[tuple[I32, I64]]:
        """Have `encode_windows` done by one of them, with the tokenizer in `folder`, the same in all calls."""
        if self._pool is None:
            # Not forked: the parent holds the threads of torch and CUDA by now.
            self._pool = ProcessPoolExecutor(self.number, get_context("spawn"), _Worker.begin, (folder,))
            weakref.finalize(self, self._pool.shutdown, wait=False, cancel_futures=True)
        return self._pool.submit(_Worker.work, codes, lengths, both)


@dataclass(slots=True)
class Batches:
    """An iterator over the batches of windows codes[start:stop], each read on one strand or on both."""

    codes: U8
    start: I64
    stop: I64
    tokenizer: Tokenizer
    both: bool  # strands
    budget: Budget
    folder: Path  # of the tokenizer
    workers: Workers | None = None  # None: the windows are tokenised in this process
    _waiting: dict[int, list[tuple[int, I32]]] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Batch]:
        for row, ids in self._tokenised():
            same = self._waiting.setdefault(len(ids), [])
            same.append((row, ids))
            if (len(same) + 1) * len(ids) > self.budget.tokens:
                yield from self._take(len(ids))
        for length in sorted(self._waiting, reverse=True):
            yield from self._take(length)

    def _take(self, length: int) -> Iterator[Batch]:
        """All that waits with this length in tokens: more than a batch if the budget has become smaller."""
        items = self._waiting.pop(length)
        while items:
            most = max(1, self.budget.tokens // length)
            rows, ids = zip(*items[:most], strict=True)
            del items[:most]
            yield Batch(np.array(rows), np.stack(ids))

    def _tokenised(self) -> Iterator[tuple[int, I32]]:
        order = np.argsort(self.start - self.stop, kind="stable")
        tasks = [order[first : first + WINDOWS_PER_TASK] for first in range(0, len(order), WINDOWS_PER_TASK)]
        ahead = deque[tuple[I64, Future[tuple[I32, I64]]]]()
        most = TASKS_AHEAD * self.workers.number if self.workers else 0
        try:
            for rows in tasks:
                pieces = [self.codes[self.start[row] : self.stop[row]] for row in rows]
                lengths = np.array([len(piece) for piece in pieces])
                ahead.append((rows, self._submit(np.concatenate(pieces), lengths)))
                if len(ahead) > most:
                    yield from _split(*ahead.popleft(), both=self.both)
            while ahead:
                yield from _split(*ahead.popleft(), both=self.both)
        finally:  # whoever reads may stop before the end
            for _, task in ahead:
                task.cancel()

    def _submit(self, codes: U8, lengths: I64) -> Future[tuple[I32, I64]]:
        if self.workers:
            return self.workers.submit(codes, lengths, both=self.both, folder=self.folder)
        done = Future[tuple[I32, I64]]()
        done.set_result(encode_windows(self.tokenizer, codes, lengths, both=self.both))
        return done


class _Worker:
    """The tokenizer of a process."""

    tokenizer: Tokenizer

    @classmethod
    def begin(cls, folder: Path) -> None:
        limit_threads(1)  # there is a process for each
        cls.tokenizer = Tokenizer.load(folder)

    @classmethod
    def work(cls, codes: U8, lengths: I64, both: bool) -> tuple[I32, I64]:  # noqa: FBT001
        return encode_windows(cls.tokenizer, codes, lengths, both=both)


def encode_windows(tokenizer: Tokenizer, codes: U8, lengths: I64, *, both: bool) -> tuple[I32, I64]:
    """Ids of windows that lie one after another, and how many each has; each strand in turn if `both`."""
    windows = np.split(codes, np.cumsum(lengths)[:-1])
    texts = [text(window, reverse=strand) for window in windows for strand in (False, True)[: 1 + both]]
    ids = tokenizer.encode(texts)
    return np.concatenate(ids), np.array([len(found) for found in ids])


def _split(rows: I64, tokenised: Future[tuple[I32, I64]], *, both: bool) -> Iterator[tuple[int, I32]]:
    ids, lengths = tokenised.result()
    pieces = np.split(ids, np.cumsum(lengths)[:-1])
    return zip(np.repeat(rows, 1 + both).tolist(), pieces, strict=True)
