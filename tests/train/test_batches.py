"""Batches are those of their numbers, whoever prepares them."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from binner.data import U8
from binner.encoders import MODELS
from binner.encoders.tokenizer import Tokenizer
from binner.encoders.whitening import Whitening
from binner.errors import OptionError
from binner.train.batches import Batch, Batches, View
from binner.train.kinds import token_view
from binner.train.options import SpeciesOptions
from binner.train.pairs import PairOptions, Pairs
from tests.encoders import toy
from tests.train.test_pairs import all_species, genomes


def tensors(batch: Batch) -> list[Tensor | None]:
    assert batch.mix is not None
    assert batch.targets is not None
    return [
        *(part for view in (batch.first, batch.second) for part in (view.ids, view.mask)),
        *(batch.mix.share, batch.mix.partner, torch.tensor(batch.mix.layer), batch.targets),
    ]


def test_workers_prepare_the_same_batches(tmp_path: Path) -> None:
    """They are sent all that they need, as to a new interpreter."""
    made = genomes(tmp_path, [[9000], [9000], [9000]], species=[0, 1, 2])
    pairs = Pairs(made, all_species(made), PairOptions(pairs=3, shortest=300, longest=900), seed=1)
    toy.write_tokenizer(tmp_path / "tokenizer.json")
    read = partial(token_view, tokenizer=Tokenizer.load(tmp_path))
    options = SpeciesOptions(steps=4, unmixed=0.0, distil=1.0)
    batches = Batches(pairs, read, options, layers=2, teacher=Whitening.load(MODELS / "whitening"))
    expected = [tensors(batches[number]) for number in range(2, 4)]
    found = [tensors(batch) for batch in batches.stream(2, workers=1, device="cpu")]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            assert (a is None) == (b is None)
            if a is not None and b is not None:
                torch.testing.assert_close(a, b)


def die(_: Sequence[U8]) -> View:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def test_a_process_that_is_killed_takes_one_line(tmp_path: Path) -> None:
    made = genomes(tmp_path, [[3000]] * 4, species=list(range(4)))
    pairs = Pairs(made, all_species(made), PairOptions(pairs=2, shortest=300, longest=400), seed=1)
    batches = Batches(pairs, die, SpeciesOptions(steps=2), layers=2)
    with pytest.raises(OptionError, match=r"prepares batches was killed, .* fewer than -t 2; the same command goes on"):
        next(batches.stream(0, workers=1, device="cpu"))
