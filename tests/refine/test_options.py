"""What follows from the assembly."""

from __future__ import annotations

import numpy as np

from binner.refine.options import RefineConfig, regime


def test_regimes() -> None:
    config = RefineConfig()
    short, long = np.full(20_000, 3000), np.full(20_000, 30_000)
    assert regime(config, short, samples=3).temperature > regime(config, long, samples=3).temperature
    assert regime(config, long, samples=0).temperature > regime(config, long, samples=3).temperature
    few, many = regime(config, long[:1000], samples=1), regime(config, long, samples=1)
    assert few.hidden < many.hidden
    assert few.steps / 1000 > many.steps / 20_000  # more epochs
    assert regime(config, np.full(10**6, 3000), samples=3).steps == 450  # and never more steps than that


def test_what_is_said_counts() -> None:
    settled = regime(RefineConfig(temperature=0.5, steps=0, hidden=7), np.full(100, 1000), samples=1)
    assert (settled.temperature, settled.steps, settled.hidden) == (0.5, 0, 7)
