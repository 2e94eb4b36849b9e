"""A transformer as an encoder: windows in batches of equal length, mean over tokens and strands, then its error law."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor, nn

from binner.config import EncoderConfig
from binner.data import F32, I32, I64, U8, Progress, digest, silent
from binner.encoders import checkpoint
from binner.encoders.error_law import ErrorLaw, Lawful
from binner.encoders.token_batches import Batches, Budget, Workers
from binner.encoders.tokenizer import TOKENIZER, Tokenizer
from binner.encoders.transformer import Transformer, pool
from binner.errors import InputError, OptionError
from binner.runtime import gpu_has_bf16

logger = logging.getLogger(__name__)

WINDOW = 2000  # bp, where neither the user nor the error law says another
TOKENS = {"cuda": 65_536, "cpu": 2048}  # in a batch
COMPILE_FROM = 1_000_000_000  # bp; for less the minute that it takes does not pay
MOST_PROCESSES = 8  # that tokenise: 3 Mbp/s each
NO_MEMORY = ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")  # of errors
CPU_INFO = Path("/proc/cpuinfo")


class LanguageModel(Lawful):
    """An encoder (`binner.encoders.Encoder`) of a folder with config.json, tokenizer.json, weights and an error law."""

    def __init__(self, model: Transformer, folder: Path, config: EncoderConfig, *, device: str, threads: int) -> None:
        super().__init__(folder, width=model.config.width, window=config.window, otherwise=WINDOW)
        self.tokenizer = Tokenizer.load(folder)
        if len(self.tokenizer) > model.config.vocabulary:
            raise InputError(
                f"{folder / TOKENIZER}: needs a table of {len(self.tokenizer)} tokens, and the model knows"
                f" {model.config.vocabulary}: not the tokenizer of these weights"
            )
        self.strands = config.strands
        self.both = config.strands == "both"
        self.device = torch.device(device)
        self.quick = self.device.type == "cuda"
        self.workers = Workers(min(MOST_PROCESSES, threads - 1)) if self.quick and threads > 1 else None
        self.budget = Budget(TOKENS.get(self.device.type, TOKENS["cpu"]))
        self.dtype = working_type(self.device)
        self.weights_digest = digest(*(p for name, t in model.state_dict().items() for p in (name, t.numpy())))
        self.model = _prepare(model, self.dtype).to(self.device)
        self._bp = 0  # that were read or are about to be
        self._compiled = False

    @classmethod
    def load(cls, folder: Path, config: EncoderConfig, *, device: str, threads: int) -> Self:
        """Read the model in `folder`; raises InputError."""
        return cls(checkpoint.load(folder), folder, config, device=device, threads=threads)

    @cached_property
    def digest(self) -> str:
        """Of the weights, the tokenizer, the error law and how windows are read."""
        tokenizer = (self.folder / TOKENIZER).read_bytes()
        return digest(self.weights_digest, tokenizer, self.law.digest, f"{self.window} {self.both}")

    def embed(self, codes: U8, start: I64, stop: I64, *, progress: Progress = silent) -> F32:
        """Encode codes[start:stop], (V, D) float32 behind the error law's map. Raises OptionError (out of memory)."""
        self.warn_of_a_guess(self.strands)
        return self._encode(codes, start, stop, law=self.law, progress=progress)

    def vectors(self, codes: U8, start: I64, stop: I64, *, progress: Progress = silent) -> F32:
        """The model's own vectors, (V, H) float32: means over tokens at length sqrt(H), mean over the strands."""
        law = ErrorLaw.plain(self.model.config.width, reference=self.window)
        return self._encode(codes, start, stop, law=law, progress=progress)

    def _encode(self, codes: U8, start: I64, stop: I64, *, law: ErrorLaw, progress: Progress) -> F32:
        projection, centre = (torch.from_numpy(array).to(self.device) for array in (law.projection, law.centre))
        out = torch.zeros(len(start), len(law.prior))
        batches = Batches(codes, start, stop, self.tokenizer, self.both, self.budget, self.folder, self.workers)
        self._bp += int((stop - start).sum())
        if self.quick and not self._compiled and self._bp >= COMPILE_FROM:
            self.compile()
        done, total = 0, len(start) * (1 + self.both)
        before: _Coming | None = None  # waited for while the GPU computes the next one
        for batch in batches:
            coming = _Coming.of(batch.rows, (self._forward(batch.ids) - centre) @ projection)
            if before is not None:
                before.add_to(out)
            before = coming
            done += len(batch.rows)
            progress(done, total)
        if before is not None:
            before.add_to(out)
        matrix: F32 = (out / (1 + self.both)).numpy()
        return matrix

    def _forward(self, ids: I32) -> Tensor:
        """Vectors (B, H) float32 of length sqrt(H)."""
        try:
            return in_parts(self._at_once, ids, self.budget, self.device)
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
            raise OptionError(
                f"out of memory on {self.device} with one window of {ids.shape[1]} tokens; make --window smaller"
            ) from error

    def _at_once(self, ids: I32) -> Tensor:
        with torch.inference_mode(), torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32):
            mean = pool(self.model(send(torch.from_numpy(ids), self.device)))
            unit: Tensor = nn.functional.normalize(mean, dim=-1) * mean.shape[-1] ** 0.5
            return unit

    def compile(self) -> None:
        """Fuse what lies between the matrix products; where that fails the model works as it is."""
        self._compiled = True
        for layer in self.model.layers:
            layer.compile(dynamic=True)
        try:
            for windows in (1, 2):  # what all batches are like: one window or more, and no round number of tokens
                self._forward(np.zeros((windows, 61), np.int32))
        except Exception as error:  # whatever a compiler, a driver or a C++ toolchain may have to say
            for layer in self.model.layers:
                layer._compiled_call_impl = None
            logger.info("torch.compile does not work here (%s); carrying on without", type(error).__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Coming:
    """Vectors on their way to the CPU."""

    rows: Tensor  # (B,) int64, where they belong
    vectors: Tensor  # (B, D), on the CPU
    there: torch.cuda.Event | None  # None: they are

    @classmethod
    def of(cls, rows: I64, vectors: Tensor) -> Self:
        """Begin to move vectors; of all that a GPU was given to do, only what came before this is waited for."""
        moved = vectors.to("cpu", non_blocking=True)
        there = torch.cuda.current_stream(vectors.device).record_event() if vectors.is_cuda else None
        return cls(torch.from_numpy(rows), moved, there)

    def add_to(self, out: Tensor) -> None:
        """Add them to the rows of `out` (V, D), where two strands may meet."""
        if self.there is not None:
            self.there.synchronize()
        out.index_add_(0, self.rows, self.vectors)


def in_parts(forward: Callable[[I32], Tensor], ids: I32, budget: Budget, device: torch.device) -> Tensor:
    """`forward` (B, H) of a batch (B, S); one that does not fit into memory is halved, and so is the budget.

    Raises what `forward` raises with one row.
    """
    try:
        return forward(ids)
    except RuntimeError as error:
        if len(ids) == 1 or not out_of_memory(error):
            raise
    if device.type == "cuda":
        torch.cuda.empty_cache()
    half = len(ids) // 2
    budget.tokens = min(budget.tokens, (len(ids) - half) * ids.shape[1])
    logger.info("out of memory on %s: batches of %d tokens from here on", device, budget.tokens)
    return torch.cat([in_parts(forward, part, budget, device) for part in (ids[:half], ids[half:])])


def send(tensor: Tensor, device: torch.device) -> Tensor:
    """`tensor`, which is on the CPU, there; a GPU is not waited for, whatever it does meanwhile."""
    return tensor if device.type == "cpu" else tensor.pin_memory().to(device, non_blocking=True)


def working_type(device: torch.device, *, cpu_info: Path = CPU_INFO) -> torch.dtype:
    """What matrix products are computed in: bf16 where the hardware has it, else float16 on a GPU, float32 on a CPU."""
    if device.type == "cuda":
        return torch.bfloat16 if gpu_has_bf16(str(device)) else torch.float16
    try:
        flags = cpu_info.read_text().split()
    except OSError:
        return torch.float32
    has = not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)
    has = has and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return torch.bfloat16 if has else torch.float32


def out_of_memory(error: RuntimeError) -> bool:
    """Whether it says that memory is used up, on a GPU or on a CPU."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or any(words in str(error) for words in NO_MEMORY)


def _prepare(model: Transformer, dtype: torch.dtype) -> Transformer:
    """For inference: the weights of the products in `dtype`, those of layer norms and tables in float32."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.to(dtype)
    return model.eval().requires_grad_(False)
