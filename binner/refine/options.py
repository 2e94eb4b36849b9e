"""How the head is trained, and what of it follows from the assembly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import get_args

import numpy as np

from binner.config import RefineTerm
from binner.data import I64, n50
from binner.fit import FitConfig

TERMS: tuple[RefineTerm, ...] = get_args(RefineTerm)
PUBLISHED: Mapping[str, float] = MappingProxyType(  # Gentle-CLIP's, and the contrast of the joined points
    {"contrast": 1.0, "clip": 1.0, "density": 0.6, "mmd": 0.1, "self": 0.1}
)
LONG_N50 = 10_000  # bp: above it contigs are long enough to be held apart sharply (COMEBin's rule)
FEW_CONTIGS = 5000  # a narrow head, more often over every contig


@dataclass(frozen=True, slots=True)
class RefineConfig:
    """How the head is trained. None: as the assembly suggests (`regime`)."""

    terms: tuple[RefineTerm, ...] = TERMS
    weights: Mapping[str, float] = field(default_factory=lambda: PUBLISHED)  # of the terms that are added up
    temperature: float | None = None
    steps: int | None = None
    hidden: int | None = None  # width of the layers
    shared: int = 128  # width of the space that the towers map to
    contigs: int = 512  # in a batch; memory and time of a step grow as (contigs views)^2
    views: int = 2  # of each
    shortest: int = 1000  # bp, of a view
    halved: float = 0.5  # share of the contigs of which two views are their halves
    dropped: float = 0.1  # share of the modalities of views that are not shown
    unmixed: float = 1 / 3  # share of the steps before MI-Mix
    alpha: float = 1.0  # of the beta distribution of the shares that are mixed
    duplicate_weight: float = 4.0  # of a negative with the same single-copy gene
    duplicates: float = 0.25  # share of a batch that is drawn as pairs of such
    alignment_temperature: float = 0.05  # of CLIP and of the contrast within a modality, as published
    fit: FitConfig = field(default_factory=FitConfig)


@dataclass(frozen=True, slots=True)
class Regime:
    """What follows from the assembly."""

    temperature: float
    steps: int
    hidden: int


def regime(config: RefineConfig, lengths: I64, *, samples: int) -> Regime:
    """What of `config` is left to the assembly of contigs of `lengths` (N,) bp with so many samples.

    Contrast is sharper where contigs are long and coverage speaks too; few contigs get a narrow head and more epochs.
    """
    sharp = samples > 0 and n50(lengths)[0] > LONG_N50
    epochs = 9 if len(lengths) > FEW_CONTIGS else 25
    steps = int(np.clip(epochs * len(lengths) / config.contigs, 100, 450))
    return Regime(
        config.temperature or (0.15 if sharp else 0.2),
        steps if config.steps is None else config.steps,
        config.hidden or (256 if len(lengths) > FEW_CONTIGS else 128),
    )
