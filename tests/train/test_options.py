"""What `binner train species` can be told, by the size and the preset."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from binner.encoders import checkpoint
from binner.encoders.transformer import TransformerConfig
from binner.train.options import SIZES, options, size_like
from binner.train.species import Task
from tests.commands import call

pytestmark = pytest.mark.usefixtures("own_folder")


def test_the_published_settings() -> None:
    found = options("base", preset="published", fine_tuning=True, given={"steps": 7, "pairs": None})
    assert (found.steps, found.pairs, found.shortest, found.longest) == (7, 48, 10_000, 10_000)
    assert (found.learning_rate, found.head_rate, found.temperature, found.weight_decay) == (3e-6, 100, 0.05, 0)
    loop = found.fit()
    assert (loop.cosine, loop.warm_up, loop.clip, loop.betas) == (False, 0, float("inf"), (0.9, 0.999))
    shape = SIZES["base"].shape
    assert isinstance(shape, TransformerConfig)
    assert found.checkpointing
    assert not options("base", preset="own", fine_tuning=False, given={"checkpointing": False}).checkpointing
    assert (shape.vocabulary, shape.width, shape.layers, shape.heads, shape.inner) == (4096, 768, 12, 12, 3072)


@pytest.mark.parametrize("size", SIZES)
def test_what_a_checkpoint_is_trained_with_follows_from_its_shape(size: str) -> None:
    assert size_like(SIZES[size].shape) == size


def test_a_checkpoint_of_twelve_layers_saves_memory(genomes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Task] = []
    monkeypatch.setattr("binner.train.species.train_species", lambda task, **_: asked.append(task))
    Path("given").mkdir()
    shape = {name: getattr(TransformerConfig(), own) for name, own in checkpoint.FIELDS.items()}
    checkpoint.write(torch.nn.Identity(), shape, Path("given"))
    assert call("train", "species", str(genomes), "-o", "out", "--init", "given", "--preset", "published") == 0
    assert (asked[0].options.checkpointing, asked[0].options.distil, asked[0].options.pairs) == (True, 0.0, 48)


def test_choices_of_the_command_line_are_those_of_the_code() -> None:
    from binner.cli import train_species as command
    from binner.train import options as known

    assert set(command.SIZES) == set(known.SIZES)
    assert set(command.PRESETS) == set(known.PRESETS)
