"""A small language model in the published layout: random weights, a tokenizer with padding and truncation baked in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from binner.encoders import checkpoint
from binner.encoders.transformer import Transformer, TransformerConfig

SPECIALS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
BAKED = 40  # tokens to which the tokenizer would cut and pad
SHAPE = TransformerConfig(vocabulary=200, width=48, layers=2, heads=6, inner=64)


def bases(length: int, *, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def write_tokenizer(path: Path, *, vocabulary: int = 200) -> None:
    """As that of DNABERT-S: BPE, [CLS] and [SEP] around, cut and padded to a fixed length."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary, special_tokens=SPECIALS, show_progress=False, initial_alphabet=list("ACGT")
    )
    tokenizer.train_from_iterator([bases(300, seed=seed) for seed in range(50)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 1), ("[SEP]", 2)]
    )
    tokenizer.enable_truncation(BAKED)
    tokenizer.enable_padding(length=BAKED, pad_id=3, pad_token="[PAD]")
    tokenizer.save(str(path))


def write_model(folder: Path, *, seed: int = 0, shape: TransformerConfig = SHAPE) -> Path:
    """A folder that --encoder takes. The weights are larger than new ones are, so that errors show."""
    folder.mkdir(parents=True, exist_ok=True)
    write_tokenizer(folder / "tokenizer.json", vocabulary=shape.vocabulary)
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = Transformer(shape)
        for weight in model.parameters():
            torch.nn.init.normal_(weight, std=0.3 if weight.ndim > 1 else 1.0)
    checkpoint.save(model, folder, tokenizer=folder / "tokenizer.json")
    return folder
