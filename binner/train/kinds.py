"""The kinds of networks that one loop trains: what they read, where they start, and what their folder holds."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from binner import encoders
from binner.data import F32, I32, I64, U8
from binner.encoders import checkpoint, kmer_network, token_batches, whitening
from binner.encoders.kmer_network import Features, KmerBackbone, KmerConfig
from binner.encoders.language_model import in_parts
from binner.encoders.token_batches import Budget
from binner.encoders.tokenizer import TOKENIZER, Tokenizer, text
from binner.encoders.transformer import Transformer, TransformerConfig, pool
from binner.errors import InputError, OptionError
from binner.runtime import gpu_has_bf16
from binner.train import codons, validation, vocabulary, word_start
from binner.train.batches import Read, View
from binner.train.network import Backbone
from binner.train.options import SIZES
from binner.train.packed import Packed
from binner.train.pairs import laid_out
from binner.train.validation import Pieces

SHORTER = 0.85  # of the median number of tokens: a batch is cut to its shortest, but never below this
TOKENS = {"cuda": 65_536, "cpu": 4096}  # in a batch that is embedded


@dataclass(frozen=True, slots=True)
class Start:
    """What a network is at first."""

    size: str  # of SIZES; counts only without `init`
    init: Path | None  # folder of a trained one
    tokenizer: Path | None  # folder with a tokenizer.json; None: that of `init`, or one that is learnt

    @property
    def shape(self) -> TransformerConfig | KmerConfig:
        """Of the size, or of the network in `init`. Raises InputError."""
        return shape_in(self.init) if self.init else SIZES[self.size].shape


def shape_in(folder: Path) -> TransformerConfig | KmerConfig:
    """Of the network in a folder. Raises InputError."""
    read = kmer_network.read_config if encoders.is_kmer_network(folder) else checkpoint.read_config
    return read(folder / checkpoint.CONFIG)


class Kind(Protocol):
    """What the loop does not know about the network that it trains."""

    @property
    def backbone(self) -> Backbone:
        """That is trained."""

    @property
    def about(self) -> str:
        """For the card."""

    @property
    def read(self) -> Read:
        """Makes what the backbone reads of pieces."""

    def begin(self, genomes: Packed, species: I64, *, seed: int) -> None:
        """Give a backbone from scratch weights that know something of these species."""

    def vectors(self, pieces: Pieces) -> F32:
        """Mean hidden states (V, H) of the pieces, as they lie."""

    def save(self, folder: Path) -> None:
        """Write what `--encoder` takes, but for the error law."""


def prepare(work: Path, genomes: Packed, origin: Start, *, seed: int) -> None:
    """Put what the network reads with into `work`: nothing, or a tokenizer, that of a folder or one that is learnt.

    Raises InputError and OptionError.
    """
    shape = origin.shape
    if isinstance(shape, KmerConfig):
        if origin.tokenizer:
            raise OptionError(f"--tokenizer {origin.tokenizer}: a network on k-mers has none; leave it out")
    elif known := origin.tokenizer or origin.init:
        Tokenizer.load(known)
        shutil.copyfile(known / TOKENIZER, work / TOKENIZER)
    else:
        vocabulary.learn(genomes, work / TOKENIZER, size=shape.vocabulary, seed=seed)


def start(work: Path, origin: Start, *, dropout: float) -> Kind:
    """The network of a named size, or that in a folder. Raises InputError."""
    shape = origin.shape
    if isinstance(shape, KmerConfig):
        return Kmers(kmer_network.load(origin.init) if origin.init else KmerBackbone(replace(shape, dropout=dropout)))
    tokenizer = Tokenizer.load(work)
    if not origin.init:
        return Tokens(Transformer(replace(shape, vocabulary=len(tokenizer), dropout=dropout)), tokenizer, work)
    known = checkpoint.load(origin.init)
    if len(tokenizer) > known.config.vocabulary:
        raise InputError(
            f"{origin.tokenizer or origin.init}: the tokenizer needs a table of {len(tokenizer)} tokens, and the model "
            f"knows {known.config.vocabulary}: take the tokenizer of the model"
        )
    return Tokens(known, tokenizer, work)


@dataclass(frozen=True, slots=True)
class Tokens:
    """A transformer."""

    backbone: Transformer
    tokenizer: Tokenizer
    work: Path  # with the file of the tokenizer

    @property
    def about(self) -> str:
        """For the card."""
        return "A transformer in the layout of DNABERT-S"

    @property
    def read(self) -> Read:
        """Pieces as token ids."""
        return partial(token_view, tokenizer=self.tokenizer)

    def begin(self, genomes: Packed, species: I64, *, seed: int) -> None:
        """Embeddings that know what is in a token."""
        table = self.backbone.embeddings["word_embeddings"]
        width = self.backbone.config.width
        found = word_start.token_embeddings(genomes, species, self.tokenizer, width=width, seed=seed)
        with torch.no_grad():
            table.weight.copy_(found)  # type: ignore[operator]

    def vectors(self, pieces: Pieces) -> F32:
        """One strand, batches of equal length, which are halved where memory runs out."""
        device = next(self.backbone.parameters()).device
        budget = Budget(TOKENS.get(device.type, TOKENS["cpu"]))
        out = np.zeros((len(pieces.start), self.backbone.config.width), np.float32)
        bf16 = device.type == "cuda" and gpu_has_bf16(str(device))
        where = pieces.codes, pieces.start, pieces.stop

        def pooled(ids: I32) -> Tensor:
            with torch.no_grad(), torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                return pool(self.backbone(torch.from_numpy(ids).to(device, torch.int64))).cpu()

        for batch in token_batches.Batches(*where, self.tokenizer, False, budget, self.work):
            out[batch.rows] = in_parts(pooled, batch.ids, budget, device).numpy()
        return out

    def save(self, folder: Path) -> None:
        """In the published layout."""
        checkpoint.save(self.backbone, folder, tokenizer=self.work / TOKENIZER)


@dataclass(frozen=True, slots=True)
class Kmers:
    """A network on k-mer frequencies."""

    backbone: KmerBackbone

    @property
    def about(self) -> str:
        """For the card."""
        k, frames = self.backbone.config.k, self.backbone.config.frames
        return f"A network on the frequencies of {k}-mers" + " and of words in reading frames" * frames

    @property
    def read(self) -> Read:
        """Pieces as frequencies."""
        return partial(kmer_view, features=self.backbone.features)

    def begin(self, genomes: Packed, species: I64, *, seed: int) -> None:
        """A whitening, which the layers then change."""
        config = self.backbone.config
        drawn = validation.teaching(genomes, species, seed=seed)
        where = drawn.codes, drawn.start, drawn.stop
        if config.frames:
            odds = codons.log_odds(*where, rng=np.random.default_rng(seed))
            self.backbone.odds.copy_(torch.from_numpy(odds))
        found = self.backbone.features(*where)
        centre, projection, _, _ = whitening.fit(
            found, drawn.species, directions=config.width, shrinkage=validation.TEACHER.shrinkage
        )
        self.backbone.begin_with(centre.astype(np.float32), projection.astype(np.float32))

    def vectors(self, pieces: Pieces) -> F32:
        """In one batch: there are few."""
        device = next(self.backbone.parameters()).device
        found = self.backbone.features(pieces.codes, pieces.start, pieces.stop)
        with torch.no_grad():
            pooled: F32 = pool(self.backbone(torch.from_numpy(found)[:, None].to(device))).cpu().numpy()
        return pooled

    def save(self, folder: Path) -> None:
        """config.json and weights."""
        kmer_network.save(self.backbone, folder)


def token_view(pieces: Sequence[U8], *, tokenizer: Tokenizer) -> View:
    """Pieces as token ids of one length: cut to the shortest, except that outliers are padded."""
    rows = tokenizer.encode([text(piece) for piece in pieces])
    counts = np.array([len(row) for row in rows])
    length = max(int(counts.min()), int(SHORTER * np.median(counts)))
    ids = np.full((len(rows), length), tokenizer.pad_id, np.int64)
    for row, found in zip(ids, rows, strict=True):
        row[: len(found)] = cut(found, length)
    mask = np.arange(length) < counts[:, None]
    return View(torch.from_numpy(ids), None if mask.all() else torch.from_numpy(mask))


def cut(ids: I32, length: int) -> I32:
    """At most `length` tokens, the last of them [SEP] as it was."""
    return ids if len(ids) <= length else np.concatenate([ids[: length - 1], ids[-1:]])


def kmer_view(pieces: Sequence[U8], *, features: Features) -> View:
    """Pieces as frequencies of words (B, 1, K), whole however long they are."""
    return View(torch.from_numpy(features(*laid_out(pieces)))[:, None], None)
