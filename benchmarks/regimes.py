"""Regimes of coverage: what a set would be like with less of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from binner.data import F32, I64, Coverage

SHALLOW = 0.5  # x, the median depth where few contigs are deep
MISSING = 0.5  # of the contigs have no coverage
READ_BP = 150


def _one(whole: Coverage, lengths: I64) -> Coverage:  # noqa: ARG001
    """The first sample."""
    return _of(whole, whole.mean[:, :1])


def _all(whole: Coverage, lengths: I64) -> Coverage:  # noqa: ARG001
    """All samples."""
    return whole


def _none(whole: Coverage, lengths: I64) -> None:
    """The contigs alone."""


def _few_deep(whole: Coverage, lengths: I64) -> Coverage:
    """The first sample with so few reads that half of the contigs are below SHALLOW."""
    depth = whole.mean[:, :1].astype(np.float64)
    fewer = min(SHALLOW / max(float(np.median(depth)), 1e-6), 1)
    reads = np.random.default_rng(0).poisson(depth * fewer * lengths[:, None] / READ_BP)
    return _of(whole, (reads * READ_BP / lengths[:, None]).astype(np.float32))


def _missing(whole: Coverage, lengths: I64) -> Coverage:
    """All samples, but nothing is known of some of the contigs, as in a table made for others."""
    return _without_some(whole, lengths)


def _one_missing(whole: Coverage, lengths: I64) -> Coverage:
    """The first sample, in which nothing is known of some of the contigs."""
    return _without_some(_one(whole, lengths), lengths)


def _without_some(whole: Coverage, lengths: I64) -> Coverage:
    absent = np.random.default_rng(0).random(len(lengths)) < MISSING
    return _of(whole, np.where(absent[:, None], np.float32(np.nan), whole.mean))


def _of(whole: Coverage, mean: F32) -> Coverage:
    return Coverage(whole.samples[: mean.shape[1]], mean, np.where(np.isnan(mean), mean, 0), whole.names_digest)


REGIMES: dict[str, Callable[[Coverage, I64], Coverage | None]] = {
    "contigs": _none,
    "one": _one,
    "all": _all,
    "few-deep": _few_deep,
    "missing": _missing,
    "one-missing": _one_missing,
}
