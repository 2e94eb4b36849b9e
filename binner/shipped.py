"""What ships inside the package besides code: models, profiles of marker genes, and the list of their SHA-256 sums."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal, get_args

from binner.config import EncoderName

PACKAGE = Path(__file__).parent
SUMS = "SHA256SUMS"  # as sha256sum writes it: sha256sum models/*/* markers/data/* > SHA256SUMS
DATA = ("models/*/*", "markers/data/*")
WEIGHTS, CARD = "model.safetensors", "README.md"
FIGURE = "- ARI on genera kept out of training: {model:.3f}; of 4-mer frequencies: {four_mers:.3f}."  # a line of a card

State = Literal["OK", "missing", "changed", "not in the list"]


@dataclass(frozen=True, slots=True)
class Model:
    """A model that ships."""

    name: str
    folder: Path
    weights: int  # numbers
    size: int  # bytes of all its files
    digest: str  # SHA-256 of its weights' file
    ari: float | None  # K-means ARI on genera kept out of training, as its card has it
    ari_4mers: float | None  # that of 4-mer frequencies on the same pieces


def model(name: EncoderName, *, package: Path = PACKAGE) -> Model:
    """What is known of a model. Raises OSError where a file of it is missing."""
    from safetensors import safe_open

    folder = package / "models" / name
    with safe_open(folder / WEIGHTS, framework="numpy") as file:
        weights = sum(prod(file.get_slice(key).get_shape()) for key in file.keys())  # noqa: SIM118 it is no dict
    size = sum(path.stat().st_size for path in folder.iterdir())
    return Model(name, folder, weights, size, _sha256(folder / WEIGHTS), *_figures((folder / CARD).read_text("utf-8")))


def models() -> list[Model]:
    """Every model that ships."""
    return [model(name) for name in get_args(EncoderName)]


def verify(package: Path = PACKAGE) -> dict[str, State]:
    """State of each file that ships, or should, by its path in the package: its digest is recomputed.

    Raises OSError where the list itself cannot be read.
    """
    listed = dict(_listed((package / SUMS).read_text("utf-8")))
    there = {path.relative_to(package).as_posix() for pattern in DATA for path in package.glob(pattern)}
    return {name: _state(package / name, listed.get(name)) for name in sorted(listed.keys() | there)}


def _listed(text: str) -> Iterator[tuple[str, str]]:
    """Path and digest of each line."""
    for line in text.splitlines():
        digest, _, name = line.partition("  ")
        yield name, digest


def _state(path: Path, digest: str | None) -> State:
    if not path.is_file():
        return "missing"
    if digest is None:
        return "not in the list"
    return "OK" if _sha256(path) == digest else "changed"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _figures(card: str) -> tuple[float | None, float | None]:
    """The two numbers of the line FIGURE.

    >>> _figures(FIGURE.format(model=0.5, four_mers=0.25)), _figures("a card without")
    ((0.5, 0.25), (None, None))
    """
    start, middle, end = (re.escape(text) for text in re.split(r"\{.*?\}", FIGURE))
    found = re.search(rf"^{start}([\d.]+){middle}([\d.]+){end}$", card, re.MULTILINE)
    return (float(found[1]), float(found[2])) if found else (None, None)
