"""How fast a language model embeds: this encoder beside a plain padded loop, on the same windows.

python -m benchmarks.throughput [--size base|small|tiny] [--bp 2000000] [--window 2000] [--device cpu|cuda:N]
python -m benchmarks.throughput --device cuda:0 --bp 300000000 --plain-bp 10000000 --compile

The weights are random, for speed does not depend on them, and so is the DNA (half of it GC: 4.8 bp a token). Contig
lengths fall off as in an assembly, so windows differ in length. The plain loop is what scripts around `transformers`
do: windows in their order, batches of 32, padded to the longest, eager attention with a bias and mask of batch x heads
x S x S, one process for all, in float32 (--plain-type float32) or in the encoder's own type (--plain-type same). It
sees the first --plain-bp only, and its rate is taken for the whole. --compile has `torch.compile` fuse layers before
the clock starts, as a run does from 1 Gb on; a GPU needs 100 Mb and more to fill its batches, as in an assembly. FLOPs
are those of the products: 2 per weight and token, and 4 x width x S per token and layer for attention; padding does not
count as work done.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from torch import Tensor, nn

from binner import encoders
from binner.config import EncoderConfig, MachineConfig
from binner.data import I64, U8
from binner.encoders import checkpoint
from binner.encoders.language_model import LanguageModel
from binner.encoders.tokenizer import text
from binner.encoders.transformer import Transformer, TransformerConfig, slopes
from binner.runtime import granted_threads, limit_threads
from binner.train.options import SIZES

SHAPES = {name: size.shape for name, size in SIZES.items() if isinstance(size.shape, TransformerConfig)}
SPECIALS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
PEAKS = {"H200": 989e12, "H100": 989e12, "A100": 312e12, "L40S": 362e12, "A10": 125e12, "L4": 121e12}  # bf16, dense
PLAIN_BATCH = 32
MEDIAN_CONTIG, SPREAD = 4000, 1.0  # bp, and sd of its logarithm


@dataclass(frozen=True, slots=True, eq=False)
class Work:
    """Windows of DNA."""

    codes: U8
    start: I64
    stop: I64

    def first(self, bp: int) -> Work:
        """As many windows as have `bp` bases, in their order."""
        last = max(1, int(np.searchsorted(np.cumsum(self.stop - self.start), bp)))
        return Work(self.codes, self.start[:last], self.stop[:last])

    @property
    def bp(self) -> int:
        """Bases in the windows."""
        return int((self.stop - self.start).sum())


def draw(bp: int, *, window: int, seed: int) -> Work:
    """Windows of contigs of `bp` in all, as `binner.windows.tile` cuts them."""
    rng = np.random.default_rng(seed)
    lengths = np.maximum(1000, rng.lognormal(math.log(MEDIAN_CONTIG), SPREAD, max(1, bp // 1000))).astype(np.int64)
    lengths = lengths[: int(np.searchsorted(np.cumsum(lengths), bp)) + 1]
    starts, stops = [], []
    for end, length in zip(np.cumsum(lengths), lengths, strict=True):
        edges = np.linspace(end - length, end, max(1, round(length / window)) + 1).astype(np.int64)
        starts.append(edges[:-1])
        stops.append(edges[1:])
    codes = rng.integers(0, 4, int(lengths.sum()), np.uint8)
    return Work(codes, np.concatenate(starts), np.concatenate(stops))


def write_model(folder: Path, shape: TransformerConfig) -> None:
    """Random weights, and a BPE tokenizer of the published kind learnt from random DNA."""
    rng = np.random.default_rng(0)
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIALS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=shape.vocabulary, special_tokens=SPECIALS, show_progress=False)
    tokenizer.train_from_iterator((text(rng.integers(0, 4, 2000).astype(np.uint8)) for _ in range(1000)), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    checkpoint.save(Transformer(shape), folder, tokenizer=folder / "tokenizer.json")


def token_counts(encoder: LanguageModel, work: Work) -> I64:
    """Tokens of each window on each strand."""
    found = []
    for first in range(0, len(work.start), 1000):
        ends = zip(work.start[first : first + 1000], work.stop[first : first + 1000], strict=True)
        strands = [text(work.codes[start:stop], reverse=reverse) for start, stop in ends for reverse in (False, True)]
        found += [len(ids) for ids in encoder.tokenizer.encode(strands)]
    return np.array(found)


def flops(shape: TransformerConfig, lengths: I64) -> float:
    """FLOPs of sequences of these lengths in tokens."""
    weights = shape.layers * shape.width * (4 * shape.width + 3 * shape.inner)
    return float(2 * weights * lengths.sum() + 4 * shape.layers * shape.width * (lengths.astype(float) ** 2).sum())


class Plain(nn.Module):
    """The same transformer with eager attention, as written in many a script."""

    def __init__(self, model: Transformer) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Means over tokens, (B, H)."""
        model = self.model
        hidden = model.embed_tokens(ids)
        heads, place = model.config.heads, torch.arange(ids.shape[1], device=ids.device)
        slope = torch.tensor(slopes(heads), device=ids.device)[:, None, None]
        bias = -slope * (place[:, None] - place).abs() + (mask[:, None, None] - 1.0) * 10_000
        for layer in model.layers:
            hidden = self._layer(layer, hidden, bias)
        return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)

    def _layer(self, layer: nn.Module, hidden: Tensor, bias: Tensor) -> Tensor:
        part = layer.get_submodule
        batch, length, width = hidden.shape
        qkv = part("attention.self.Wqkv")(hidden).view(batch, length, 3, bias.shape[1], -1).permute(2, 0, 3, 1, 4)
        weights = ((qkv[0] @ qkv[1].transpose(-1, -2)) / math.sqrt(qkv.shape[-1]) + bias).softmax(-1)
        mixed = (weights.to(qkv.dtype) @ qkv[2]).transpose(1, 2).reshape(batch, length, width)
        hidden = part("attention.output.LayerNorm")(hidden + part("attention.output.dense")(mixed))
        gate, value = part("mlp.gated_layers")(hidden).chunk(2, dim=-1)
        normed: Tensor = part("mlp.layernorm")(hidden + part("mlp.wo")(nn.functional.gelu(gate) * value))
        return normed


def plain_loop(encoder: LanguageModel, model: Transformer, work: Work, *, dtype: torch.dtype) -> None:
    """Encode both strands of the windows in padded batches."""
    device = encoder.device
    plain = Plain(model.to(device))
    strands = [(row, reverse) for row in range(len(work.start)) for reverse in (False, True)]
    with torch.inference_mode(), torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
        for first in range(0, len(strands), PLAIN_BATCH):
            pieces = [(work.codes[work.start[r] : work.stop[r]], s) for r, s in strands[first : first + PLAIN_BATCH]]
            ids = encoder.tokenizer.encode([text(codes, reverse=strand) for codes, strand in pieces])
            padded = torch.full((len(ids), max(map(len, ids))), encoder.tokenizer.pad_id)
            for row, found in enumerate(ids):
                padded[row, : len(found)] = torch.from_numpy(found)
            mask = (padded != encoder.tokenizer.pad_id).float()
            plain(padded.to(device), mask.to(device)).float().cpu()


def measured_peak(device: torch.device, dtype: torch.dtype) -> float:
    """FLOP/s of one large product."""
    size = 8192 if device.type == "cuda" else 2048
    one = torch.randn(size, size, device=device, dtype=dtype)
    times = []
    for _ in range(6):
        began = _now(device)
        one @ one
        times.append(_now(device) - began)
    return 2 * size**3 / min(times)


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", choices=sorted(SHAPES), default="base")
    parser.add_argument("--bp", type=int, default=2_000_000)
    parser.add_argument("--plain-bp", type=int, default=200_000)
    parser.add_argument("--plain-type", choices=("float32", "same"), default="float32")
    parser.add_argument("--window", type=int, default=2000)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--device", default="cuda:0" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=granted_threads())
    args = parser.parse_args()
    limit_threads(args.threads)
    work, shape = draw(args.bp, window=args.window, seed=1), SHAPES[args.size]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_model(folder, shape)
        machine = MachineConfig(args.threads, args.device)
        encoder = encoders.load(name, EncoderConfig(window=args.window), machine)
        assert isinstance(encoder, LanguageModel)
        plain = checkpoint.load(folder)
        report(encoder, plain, work, args)


def report(encoder: LanguageModel, plain: Transformer, work: Work, args: argparse.Namespace) -> None:
    """Time both loops, each after a short one that warms it up, and print what they come to."""
    device, shape = encoder.device, encoder.model.config
    few, part = work.first(args.plain_bp // 10), work.first(args.plain_bp)
    lengths = token_counts(encoder, work)
    dtype = encoder.dtype if args.plain_type == "same" else torch.float32
    if args.compile:
        encoder.compile()
    encoder.embed(few.codes, few.start, few.stop)
    began = _now(device)
    encoder.embed(work.codes, work.start, work.stop)
    seconds = _now(device) - began
    plain_loop(encoder, plain, few, dtype=dtype)
    began = _now(device)
    plain_loop(encoder, plain, part, dtype=dtype)
    plain_seconds = (_now(device) - began) * work.bp / part.bp
    done = flops(shape, lengths)
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    peak = next((peak for name, peak in PEAKS.items() if name in card), 0.0)
    measured = measured_peak(device, encoder.dtype)
    print(f"{card}, {args.threads} threads, {args.size}: {shape.layers} x {shape.width}, {encoder.dtype}")
    print(f"{work.bp:,} bp in {len(work.start):,} windows, both strands: {lengths.sum():,} tokens, {done:.2e} FLOP")
    print("| | s | windows/s | tokens/s | Mbp/s | TFLOP/s | of a product's rate | of the data sheet's |")
    print("|---|---|---|---|---|---|---|---|")
    for label, took in (("binner", seconds), (f"plain, {dtype}", plain_seconds)):
        rates = f"{len(work.start) / took:,.1f} | {lengths.sum() / took:,.0f} | {work.bp / took / 1e6:.3f}"
        shares = f"{done / took / measured:.0%} | {f'{done / took / peak:.0%}' if peak else '-'}"
        print(f"| {label} | {took:.1f} | {rates} | {done / took / 1e12:.3f} | {shares} |")
    print(f"ratio: {plain_seconds / seconds:.2f}")


if __name__ == "__main__":
    main()
