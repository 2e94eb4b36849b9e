"""What is in a folder of several of a kind is in its registry, and in the names that options know."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from binner import candidates, clusterers, encoders, losses
from binner.config import ClustererName, EncoderName, LossName, SourceName

PACKAGE = Path(clusterers.__file__).parent.parent


def files_with(folder: str, function: str | None = None) -> set[str]:
    """Names of the modules in a folder that are no helpers, of those that define a function if one is named."""
    found = {path.stem: path.read_text() for path in (PACKAGE / folder).glob("[!_]*.py")}
    return {name for name, text in found.items() if function is None or f"\ndef {function}(" in text}


def test_every_clusterer_is_registered() -> None:
    assert files_with("clusterers") == set(clusterers.CLUSTERERS) == set(get_args(ClustererName))
    assert set(clusterers.EVERY_METRIC) <= set(clusterers.CLUSTERERS)


def test_every_source_of_candidates_is_registered() -> None:
    assert files_with("candidates") == set(candidates.SOURCES) == set(get_args(SourceName))


def test_every_loss_is_registered() -> None:
    known = {**losses.LOSSES, **losses.MIXED_LOSSES, **losses.PAIRED_LOSSES, **losses.MATCHING_LOSSES}
    assert {name.replace("-", "_") for name in known} == {name for name in files_with("losses") if name != "gather"}
    assert set(get_args(LossName)) == set(losses.LOSSES)


def test_every_shipped_encoder_is_registered() -> None:
    folders = {
        folder.name for folder in encoders.MODELS.iterdir() if folder.is_dir() and not folder.name.startswith("_")
    }
    assert folders == set(encoders.ENCODERS) == set(get_args(EncoderName))
