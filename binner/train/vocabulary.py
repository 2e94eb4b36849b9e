"""A tokenizer of DNA learnt from genomes: byte pair encoding with the published special tokens and size."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from binner.data import N_CODE
from binner.encoders.tokenizer import text
from binner.train.packed import Packed
from binner.train.pairs import reverse_complement

logger = logging.getLogger(__name__)

SPECIALS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]  # in the published order: [PAD] is 3
BASES = ["A", "C", "G", "T"]
WORD = 2000  # bp of the pieces that pairs are counted in
SAMPLE = 10_000_000  # bp; more changes the words of 2 kb no more than another sample does
LONGEST_TOKEN = 32  # bp


def learn(packed: Packed, path: Path, *, size: int, seed: int, sample: int = SAMPLE) -> None:
    """Write to `path` a tokenizer.json of `size` tokens, learnt from pieces of all genomes in equal number."""
    tokenizer = Tokenizer(models.BPE(unk_token=SPECIALS[0]))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIALS,
        initial_alphabet=BASES,
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_words(packed, min(sample, packed.bp), np.random.default_rng([seed, 3])), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, tokenizer.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    tokenizer.save(str(path))
    logger.info("a vocabulary of %d tokens", tokenizer.get_vocab_size())


def _words(packed: Packed, sample: int, rng: np.random.Generator) -> Iterator[str]:
    """Pieces of either strand; N ends one, since it would be a letter of the alphabet."""
    owner, start, stop = packed.stretches
    bounds = np.searchsorted(owner, np.arange(len(packed.names) + 1))
    each = max(1, round(sample / WORD / len(packed.names)))
    for low, high in pairwise(bounds.tolist()):
        if low == high:
            continue
        room = np.maximum(stop[low:high] - start[low:high] - WORD, 1)
        for row in rng.choice(high - low, each, p=room / room.sum()):
            begin = int(start[low + row] + rng.integers(room[row]))
            codes = packed.codes(begin, int(min(begin + WORD, stop[low + row])))
            codes = reverse_complement(codes) if rng.random() < 0.5 else codes
            yield from (text(part[part != N_CODE]) for part in np.split(codes, np.flatnonzero(codes == N_CODE)))
