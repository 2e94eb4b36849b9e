"""Contigs as Gaussians: windows encoded once, contigs and views as length-weighted means of them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.queues import Queue

import numpy as np

from binner import encoders
from binner.concatenation import Embedded, concatenate
from binner.config import EncoderConfig, MachineConfig, Shard, encoder_parts
from binner.data import F32, I64, Contigs, Embedding, Progress, WindowEmbedding, Windows, silent
from binner.encoders import Encoder
from binner.errors import OptionError
from binner.runtime import limit_threads
from binner.windows import thin, tile

logger = logging.getLogger(__name__)

PIECES_PER_DEVICE = 8  # so that devices finish together, and progress shows
GPU_PIECE = 100_000_000  # bp; of less there are too few windows of each length in tokens to fill its batches


def embed_windows(
    contigs: Contigs, *, encoder: Encoder, max_windows: int | None = None, progress: Progress = silent
) -> WindowEmbedding:
    """Cut the contigs into windows and encode each once; of each contig at most `max_windows`, evenly spread."""
    windows = every = tile(contigs, length=encoder.window)
    if max_windows is not None:
        windows = thin(every, max_windows)
    if len(windows) < len(every):
        logger.info(
            "--max-windows %d: %d of %d windows are read, %.0f %% of the bases",
            *(max_windows, len(windows), len(every), 100 * windows.lengths.sum() / every.lengths.sum()),
        )
    begin = contigs.offsets[windows.contig]
    matrix = encoder.embed(contigs.codes, begin + windows.start, begin + windows.stop, progress=progress)
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


def embed(
    contigs: Contigs,
    *,
    encoder: str,
    config: EncoderConfig | None = None,
    machine: MachineConfig | None = None,
    progress: Progress = silent,
) -> Embedded:
    """Windows and contigs in the space of an encoder, or of several side by side, as in "whitening+small".

    An encoder ships with binner, lies in a folder, or has a name on huggingface.co. With `config.devices` above 1, a
    process for each: cuda:0, cuda:1, ..., or equal shares of the threads of a CPU. The device of `machine` is "cpu"
    (the default) or "cuda:N". Raises InputError and OptionError.
    """
    return concatenate(embed_parts(contigs, encoder=encoder, config=config, machine=machine, progress=progress))


def embed_parts(
    contigs: Contigs,
    *,
    encoder: str,
    config: EncoderConfig | None = None,
    machine: MachineConfig | None = None,
    progress: Progress = silent,
) -> list[Embedded]:
    """As `embed`, each of the encoders on its own."""
    config, machine = config or EncoderConfig(), machine or MachineConfig(device="cpu")
    names = encoder_parts(encoder)
    parts: list[Embedded] = []
    for name in names:

        def of_all(done: int, total: int) -> None:
            progress(len(parts) * total + done, len(names) * total)

        windows, embedding = (
            _embed_on_devices(contigs, name, config, machine, progress=of_all)
            if config.devices > 1
            else _embed(contigs, encoders.load(name, config, machine), config, progress=of_all)
        )
        parts.append((windows, embedding))
        logger.info("%d contigs in %d windows, encoded by %s", len(contigs), len(windows.windows), windows.encoder)
    return parts


def part(contigs: Contigs, shard: Shard) -> Contigs:
    """The contigs of a shard: neighbours, cut so that every shard has about as many bases."""
    ends = np.cumsum(contigs.lengths)
    total = ends[-1] if len(ends) else 0
    first, last = (np.searchsorted(ends, total * i // shard.of, "right") for i in (shard.number - 1, shard.number))
    return contigs.select(np.arange(first, len(contigs) if shard.number == shard.of else last))


def join(parts: Sequence[Embedded], *, names_digest: str) -> Embedded:
    """The embedding of contigs from those of their shards, in order; all come from one encoder."""
    first = np.cumsum([0, *(len(embedding.matrix) for _, embedding in parts)])
    windows = [found.windows for found, _ in parts]
    encoder = parts[0][0].encoder
    prior = parts[0][1].prior
    return (
        WindowEmbedding(
            Windows(
                np.concatenate([rows.contig + add for rows, add in zip(windows, first, strict=False)]),
                np.concatenate([rows.start for rows in windows]),
                np.concatenate([rows.stop for rows in windows]),
            ),
            np.concatenate([found.matrix for found, _ in parts]),
            encoder,
            names_digest,
        ),
        Embedding(
            np.concatenate([embedding.matrix for _, embedding in parts]),
            np.concatenate([embedding.variance for _, embedding in parts]),
            prior,
            encoder,
            names_digest,
        ),
    )


def _embed(contigs: Contigs, encoder: Encoder, config: EncoderConfig, *, progress: Progress = silent) -> Embedded:
    windows = embed_windows(contigs, encoder=encoder, max_windows=config.max_windows, progress=progress)
    return windows, embed_contigs(windows, encoder=encoder, contigs=len(contigs))


def _embed_on_devices(
    contigs: Contigs, encoder: str, config: EncoderConfig, machine: MachineConfig, *, progress: Progress
) -> Embedded:
    context = get_context("spawn")
    turns = context.Queue()
    for index in range(config.devices):
        turns.put(index)
    share = replace(machine, threads=max(1, machine.threads // config.devices))
    pieces = config.devices * _pieces_per_device(len(contigs.codes), config.devices, gpu=machine.device != "cpu")
    parts: list[Embedded] = []
    waiting = deque[Future[Embedded]]()
    with ProcessPoolExecutor(config.devices, context, _Worker.begin, (turns, encoder, config, share)) as pool:
        try:
            for number in range(pieces):
                waiting.append(pool.submit(_Worker.work, part(contigs, Shard(number + 1, pieces))))
                while len(waiting) > config.devices or (number + 1 == pieces and waiting):
                    parts.append(waiting.popleft().result())
                    progress(len(parts), pieces)
        except BrokenProcessPool as error:
            raise OptionError(
                f"--devices {config.devices}: a process that embeds was killed, most likely for want of memory; take"
                " fewer devices, or a smaller --window"
            ) from error
    return join(parts, names_digest=contigs.names_digest)


def _pieces_per_device(bp: int, devices: int, *, gpu: bool) -> int:
    return min(PIECES_PER_DEVICE, max(1, bp // (devices * GPU_PIECE))) if gpu else PIECES_PER_DEVICE


class _Worker:
    """A process with a device of its own."""

    encoder: Encoder
    config: EncoderConfig

    @classmethod
    def begin(cls, turns: Queue[int], encoder: str, config: EncoderConfig, machine: MachineConfig) -> None:
        limit_threads(machine.threads)
        index = turns.get()
        if index:  # the first one's warnings are those of all
            logging.getLogger("binner").setLevel(logging.ERROR)
        device = "cpu" if machine.device == "cpu" else f"cuda:{index}"
        cls.encoder = encoders.load(encoder, config, replace(machine, device=device))
        cls.config = config

    @classmethod
    def work(cls, contigs: Contigs) -> Embedded:
        return _embed(contigs, cls.encoder, cls.config)
