"""Windows of DNA as batches of token ids: tokenised ahead in other processes, all of a batch equally long.

Windows of equal length in tokens are collected until they fill a batch, so no batch is padded and none needs a mask;
what is left of each length at the end makes smaller batches. The longest windows come first: if memory does not
suffice, that shows at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from binner.data import I32, I64, U8
from binner.encoders.tokenizer import Tokenizer, text

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


Encode = Callable[[U8, I64], tuple[I32, I64]]  # windows one after another and their lengths (bp) -> ids and lengths


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
    processes: int = 0  # 0: the windows are tokenised in this one
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
        with _encoders(self.tokenizer, self.folder, self.processes) as submit:
            ahead = deque[tuple[I64, Future[tuple[I32, I64]]]]()
            for number, rows in enumerate(tasks):
                pieces = [self.codes[self.start[row] : self.stop[row]] for row in rows]
                lengths = np.array([len(piece) for piece in pieces])
                ahead.append((rows, submit(np.concatenate(pieces), lengths, self.both)))
                if number >= TASKS_AHEAD * self.processes:
                    yield from _split(*ahead.popleft(), both=self.both)
            while ahead:
                yield from _split(*ahead.popleft(), both=self.both)


Submit = Callable[[U8, I64, bool], "Future[tuple[I32, I64]]"]


@contextmanager
def _encoders(tokenizer: Tokenizer, folder: Path, processes: int) -> Iterator[Submit]:
    """What tokenises a task: other processes, or this one while the caller waits."""
    if not processes:
        yield lambda codes, lengths, both: _done(encode_windows(tokenizer, codes, lengths, both=both))
        return
    # Not forked: the parent holds the threads of torch and CUDA by now.
    pool: Executor = ProcessPoolExecutor(processes, get_context("spawn"), _Worker.begin, (folder,))
    with pool:
        try:
            yield lambda codes, lengths, both: pool.submit(_Worker.work, codes, lengths, both)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


class _Worker:
    """The tokenizer of a process."""

    tokenizer: Tokenizer

    @classmethod
    def begin(cls, folder: Path) -> None:
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


def _done(result: tuple[I32, I64]) -> Future[tuple[I32, I64]]:
    future = Future[tuple[I32, I64]]()
    future.set_result(result)
    return future
