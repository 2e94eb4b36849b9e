"""A transformer as an encoder: windows in batches of equal length, mean over tokens and strands, then its error law."""

from __future__ import annotations

import logging
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
from binner.encoders.token_batches import Batches, Budget
from binner.encoders.tokenizer import TOKENIZER, Tokenizer
from binner.encoders.transformer import Transformer, pool
from binner.errors import InputError, OptionError

logger = logging.getLogger(__name__)

WINDOW = 2000  # bp, where neither the user nor the error law says another
TOKENS = {"cuda": 65_536, "cpu": 2048}  # in a batch
COMPILE_FROM = 1_000_000_000  # bp; for less the minute that it takes does not pay
MOST_PROCESSES = 8  # that tokenise: 3 Mbp/s each
CPU_INFO = Path("/proc/cpuinfo")


class LanguageModel(Lawful):
    """An encoder (`binner.encoders.Encoder`) of a folder with config.json, tokenizer.json, weights and an error law."""

    def __init__(self, model: Transformer, folder: Path, config: EncoderConfig, *, device: str, threads: int) -> None:
        super().__init__(folder, width=model.config.width, window=config.window, otherwise=WINDOW)
        self.tokenizer = Tokenizer.load(folder)
        if len(self.tokenizer) > model.config.vocabulary:
            raise InputError(
                f"{folder / TOKENIZER}: {len(self.tokenizer)} tokens, and the model knows"
                f" {model.config.vocabulary}: not the tokenizer of these weights"
            )
        self.both = config.strands == "both"
        self.device = torch.device(device)
        self.quick = self.device.type == "cuda"
        self.processes = min(MOST_PROCESSES, threads - 1) if self.device.type == "cuda" else 0
        self.budget = Budget(TOKENS.get(self.device.type, TOKENS["cpu"]))
        self.dtype = working_type(self.device)
        self.weights_digest = digest(*(p for name, t in model.state_dict().items() for p in (name, t.numpy())))
        self.model = _prepare(model, self.dtype).to(self.device)

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
        self.warn_of_a_guess()
        return self._encode(codes, start, stop, law=self.law, progress=progress)

    def vectors(self, codes: U8, start: I64, stop: I64, *, progress: Progress = silent) -> F32:
        """The model's own vectors, (V, H) float32: means over tokens at length sqrt(H), mean over the strands."""
        law = ErrorLaw.plain(self.model.config.width, reference=self.window)
        return self._encode(codes, start, stop, law=law, progress=progress)

    def _encode(self, codes: U8, start: I64, stop: I64, *, law: ErrorLaw, progress: Progress) -> F32:
        projection, centre = (torch.from_numpy(array).to(self.device) for array in (law.projection, law.centre))
        out = np.zeros((len(start), len(law.prior)), np.float32)
        batches = Batches(codes, start, stop, self.tokenizer, self.both, self.budget, self.folder, self.processes)
        if self.device.type == "cuda" and int((stop - start).sum()) >= COMPILE_FROM:
            self._compile()
        done, total = 0, len(start) * (1 + self.both)
        previous: tuple[I64, Tensor] | None = None  # taken up while the GPU computes the next one
        for batch in batches:
            vectors = (self._forward(batch.ids) - centre) @ projection
            if previous is not None:
                np.add.at(out, previous[0], previous[1].cpu().numpy())
            previous = batch.rows, vectors
            done += len(batch.rows)
            progress(done, total)
        if previous is not None:
            np.add.at(out, previous[0], previous[1].cpu().numpy())
        out /= 1 + self.both
        return out

    def _forward(self, ids: I32) -> Tensor:
        """Vectors (B, H) float32 of length sqrt(H); a batch that does not fit into memory is halved."""
        try:
            with (
                torch.inference_mode(),
                torch.autocast(self.device.type, self.dtype, enabled=self.dtype != torch.float32),
            ):
                mean = pool(self.model(torch.from_numpy(ids).to(self.device, torch.int64)))
                unit: Tensor = nn.functional.normalize(mean, dim=-1) * mean.shape[-1] ** 0.5
                return unit
        except RuntimeError as error:
            if not out_of_memory(error):
                raise
        if len(ids) == 1:
            raise OptionError(
                f"out of memory on {self.device} with one window of {ids.shape[1]} tokens; make --window smaller"
            )
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(ids) // 2
        self.budget.tokens = min(self.budget.tokens, (len(ids) - half) * ids.shape[1])
        logger.info("out of memory on %s: batches of %d tokens from here on", self.device, self.budget.tokens)
        return torch.cat([self._forward(ids[:half]), self._forward(ids[half:])])

    def _compile(self) -> None:
        """Fuse what lies between the matrix products; where that fails the model works as it is."""
        for layer in self.model.layers:
            layer.compile(dynamic=True)
        try:
            self._forward(np.zeros((2, 64), np.int32))
        except Exception as error:  # whatever a compiler, a driver or a C++ toolchain may have to say
            for layer in self.model.layers:
                layer._compiled_call_impl = None
            logger.info("torch.compile does not work here (%s); carrying on without", type(error).__name__)


def working_type(device: torch.device, *, cpu_info: Path = CPU_INFO) -> torch.dtype:
    """What matrix products are computed in: bf16 where the hardware has it, else float16 on a GPU, float32 on a CPU."""
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.get_device_capability(device)[0] >= 8 else torch.float16
    try:
        flags = cpu_info.read_text().split()
    except OSError:
        return torch.float32
    has = not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags)
    has = has and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return torch.bfloat16 if has else torch.float32


def out_of_memory(error: RuntimeError) -> bool:
    """Whether it says that memory is used up, on a GPU or on a CPU."""
    return isinstance(error, torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error)


def _prepare(model: Transformer, dtype: torch.dtype) -> Transformer:
    """For inference: the weights of the products in `dtype`, those of layer norms and tables in float32."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            module.to(dtype)
    return model.eval().requires_grad_(False)
