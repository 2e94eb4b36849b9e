"""What `binner train species` can be told: sizes, presets, and the options that they set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from binner.encoders.kmer_network import KmerConfig
from binner.encoders.transformer import TransformerConfig
from binner.errors import OptionError
from binner.fit import FitConfig
from binner.train.pairs import PairOptions


@dataclass(frozen=True, slots=True)
class SpeciesOptions:
    """How a species model is trained. The defaults are for the 12-layer model from scratch, on GPUs."""

    steps: int = 50_000
    pairs: int = 256  # in a batch, over all processes
    shortest: int = 1000  # bp of a piece
    longest: int = 10_000  # bp
    substitutions: float = 0.02  # highest rate in a piece
    indels: float = 0.005
    strains: float = 0.2  # share of the pairs from two genomes, where a species has several
    held_out: float = 0.1  # share of the genera that are kept out for validation
    fold: int = 1  # which share of them
    temperature: float = 0.05
    unmixed: float = 1 / 3  # share of the steps with W-SimCLR; then MI-Mix
    alpha: float = 1.0  # of the beta distribution of the shares that are mixed
    distil: float = 0.0  # weight of the distance to the whitened k-mers of the same piece
    learning_rate: float = 3e-4
    head_rate: float = 1.0  # learning rate of the head over that of the backbone
    weight_decay: float = 0.05
    warm_up: float = 0.05  # share of the steps
    clip: float = 1.0
    cosine: bool = True
    second_moment: float = 0.98  # Adam's second beta
    dropout: float = 0.1
    accumulate: int = 1
    checkpointing: bool = False
    check_every: int = 1000  # steps
    patience: int = 0  # looks without a gain after which it stops; 0: never
    save_every: int = 500  # steps
    seed: int = 1

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise OptionError(f"--{name.replace('_', '-')} must be from {low:g} to {high:g}, not {value:g}")
        if self.longest < self.shortest:
            raise OptionError(f"--longest {self.longest:,} is below --shortest {self.shortest:,}")
        if self.fold > round(1 / self.held_out):
            raise OptionError(
                f"--fold {self.fold}: with --held-out {self.held_out:g} there are {1 / self.held_out:.0f}"
            )
        if self.pairs % self.accumulate or self.pairs == self.accumulate:
            raise OptionError(
                f"--pairs {self.pairs} cannot be shared by --accumulate {self.accumulate} batches: each takes the same"
                " number, two at least"
            )

    def fit(self) -> FitConfig:
        """For the loop."""
        return FitConfig(
            steps=self.steps,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            warm_up=self.warm_up,
            clip=self.clip,
            check_every=self.check_every,
            patience=self.patience,
            cosine=self.cosine,
            betas=(0.9, self.second_moment),
            accumulate=self.accumulate,
            save_every=self.save_every,
        )

    def of_pairs(self, number: int) -> PairOptions:
        """For drawing, when `number` species take part in a batch of all processes."""
        return PairOptions(
            pairs=number,
            shortest=self.shortest,
            longest=self.longest,
            substitutions=self.substitutions,
            indels=self.indels,
            strains=self.strains,
        )


_RANGES: dict[str, tuple[float, float]] = {
    "steps": (1, 10**9),
    "pairs": (2, 10**6),
    "shortest": (100, 10**6),
    "longest": (100, 10**7),
    "substitutions": (0, 0.5),
    "indels": (0, 0.5),
    "strains": (0, 1),
    "held_out": (0.01, 0.9),
    "fold": (1, 100),
    "temperature": (0.001, 10),
    "unmixed": (0, 1),
    "distil": (0, 1000),
    "learning_rate": (1e-9, 1),
    "head_rate": (0, 10**4),
    "weight_decay": (0, 10),
    "dropout": (0, 0.9),
    "accumulate": (1, 10**4),
    "check_every": (1, 10**9),
    "patience": (0, 10**6),
    "save_every": (1, 10**9),
    "seed": (0, 2**32 - 1),
}


@dataclass(frozen=True, slots=True)
class Size:
    """A named shape, and the options that suit it."""

    shape: TransformerConfig | KmerConfig
    settings: Mapping[str, Any]


SIZES: dict[str, Size] = {
    "tiny": Size(
        TransformerConfig(vocabulary=128, width=32, layers=2, heads=2, inner=64),
        {"steps": 20, "pairs": 8, "longest": 1500, "learning_rate": 3e-3, "check_every": 10, "save_every": 5},
    ),
    "small": Size(
        TransformerConfig(vocabulary=4096, width=256, layers=2, heads=4, inner=512),
        {
            "steps": 2500,
            "pairs": 32,
            "longest": 2000,
            "distil": 1.0,
            "learning_rate": 1e-3,
            "check_every": 250,
            "save_every": 50,
        },
    ),
    "base": Size(TransformerConfig(), {"checkpointing": True}),
    "kmers": Size(
        KmerConfig(frames=True),
        {
            "steps": 1000,
            "substitutions": 0.0,
            "indels": 0.0,
            "check_every": 100,
            "save_every": 100,
        },
    ),
}
# "published": DNABERT-S as its authors trained it from DNABERT-2 (2 million pairs, three times over).
PRESETS: dict[str, Mapping[str, Any]] = {
    "own": {},
    "published": {
        "steps": 125_000,
        "pairs": 48,
        "shortest": 10_000,
        "longest": 10_000,
        "substitutions": 0.0,
        "indels": 0.0,
        "strains": 0.0,
        "temperature": 0.05,
        "unmixed": 1 / 3,
        "alpha": 1.0,
        "distil": 0.0,
        "learning_rate": 3e-6,
        "head_rate": 100.0,
        "weight_decay": 0.0,
        "warm_up": 0.0,
        "clip": float("inf"),
        "cosine": False,
        "second_moment": 0.999,
        "check_every": 10_000,
        "save_every": 1000,
    },
}
# Where a checkpoint is the start, which knows more than the whitening.
FINE_TUNING: Mapping[str, Any] = {"learning_rate": 2e-5, "head_rate": 100.0, "distil": 0.0}


def size_like(shape: TransformerConfig | KmerConfig) -> str:
    """The named size whose options suit a network of this shape best: the one of its kind that is next in weights."""

    def weights(known: TransformerConfig | KmerConfig) -> float:
        return math.log(known.layers * known.width * known.inner) if known.layers else 0.0

    kin = [name for name, size in SIZES.items() if type(size.shape) is type(shape)]
    return min(kin, key=lambda name: abs(weights(SIZES[name].shape) - weights(shape)))


def options(size: str, *, preset: str, fine_tuning: bool, given: Mapping[str, Any]) -> SpeciesOptions:
    """The options of a size and a preset, with those `given` (None: not given) in their place. Raises OptionError."""
    known = {field.name for field in fields(SpeciesOptions)}
    said = {name: value for name, value in given.items() if name in known and value is not None}
    start = FINE_TUNING if fine_tuning else {}
    return replace(SpeciesOptions(), **{**SIZES[size].settings, **start, **PRESETS[preset], **said})
