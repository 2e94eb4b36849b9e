"""How far a contig may lie from its genome: a linear map of an encoder's vectors, and the variances behind it.

The map is that of the whitening (`binner.encoders.whitening.fit`): linear discriminant analysis with shrinkage, so that
contigs of one genome scatter alike and independently in every direction, by noise x reference / length.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from binner.config import Strands
from binner.data import F32, I64, U8, Progress, check_array, digest, silent
from binner.encoders.tensors import metadata, to_bytes
from binner.errors import InputError
from binner.whole_files import whole

logger = logging.getLogger(__name__)

ERROR_LAW = "error_law.safetensors"


@dataclass(frozen=True, slots=True, eq=False)
class ErrorLaw:
    """H: width of the vectors; D: directions that are kept."""

    centre: F32  # (H,)
    projection: F32  # (H, D)
    noise: F32  # (D,), variance within a genome of a window of `reference` bp
    prior: F32  # (D,), variance of genome means around 0
    reference: int  # bp
    fitted: bool = True  # False: nobody measured it
    strands: Strands = "both"  # that were read

    def __post_init__(self) -> None:
        width, directions = self.projection.shape
        for name, size in (("centre", (width,)), ("noise", (directions,)), ("prior", (directions,))):
            check_array(name, getattr(self, name), np.float32, size)
        check_array("projection", self.projection, np.float32, (-1, -1))
        if (self.noise <= 0).any() or (self.prior <= 0).any() or self.reference < 1:
            raise ValueError("variances and the reference length must be positive")

    @classmethod
    def plain(cls, width: int, *, reference: int) -> Self:
        """What is assumed of an encoder on which nothing was measured: half of all variance lies within genomes."""
        ones = np.ones(width, np.float32)
        return cls(0 * ones, np.eye(width, dtype=np.float32), ones, ones, reference, fitted=False)

    @property
    def digest(self) -> str:
        """Of all its numbers."""
        return digest(self.centre, self.projection, self.noise, self.prior, str(self.reference))

    def variance(self, lengths: I64) -> F32:
        """Variance of a contig of each length (bp) around the mean of its genome, (N, D)."""
        return (self.reference / np.maximum(lengths, 1)[:, None] * self.noise).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write it beside the model in `folder`."""
        tensors = {"centre": self.centre, "projection": self.projection, "noise": self.noise, "prior": self.prior}
        with whole(folder / ERROR_LAW) as unfinished:
            unfinished.write_bytes(
                to_bytes(tensors, metadata={"reference": str(self.reference), "strands": self.strands})
            )

    @classmethod
    def load(cls, folder: Path, *, width: int) -> Self | None:
        """The law beside the model in `folder`, None if there is none.

        Raises InputError if it is damaged, or that of a model of another width.
        """
        path = folder / ERROR_LAW
        if not path.exists():
            return None
        try:
            content = path.read_bytes()
            tensors = load(content)
            centre, projection, noise, prior = (tensors[name] for name in ("centre", "projection", "noise", "prior"))
            said: dict[str, Any] = {"strands": "both", **metadata(content)}
            law = cls(centre, projection, noise, prior, int(said["reference"]), strands=said["strands"])
            if len(law.centre) != width:
                raise ValueError(f"of vectors {len(law.centre)} wide, and the model's are {width} wide")
            return law
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}") from error
        except (SafetensorError, KeyError, ValueError) as error:
            raise InputError(
                f"{path}: no error law ({error}); remove it, and fit it anew with `binner train errors`"
            ) from error


class Lawful(ABC):
    """An encoder whose error law lies beside its weights in `folder`; where none was measured, a guess stands in."""

    quick: bool  # whether it reads a Mb in much less than a second

    def __init__(self, folder: Path, *, width: int, window: int | None, otherwise: int) -> None:
        """`window` (bp) is what the user wants, `otherwise` what is read if neither the user nor the law says."""
        self.name = folder.resolve().name
        self.folder = folder
        law = ErrorLaw.load(folder, width=width)
        self.window = window or (law.reference if law else otherwise)
        self.law = law or ErrorLaw.plain(width, reference=self.window)

    @property
    def prior(self) -> F32:
        """Variance of genome means around 0, (D,)."""
        return self.law.prior

    def variance(self, lengths: I64) -> F32:
        """Variance of contigs of these lengths (bp) around the mean of their genome, (N, D)."""
        return self.law.variance(lengths)

    @abstractmethod
    def vectors(self, codes: U8, start: I64, stop: I64, *, progress: Progress = silent) -> F32:
        """The model's own vectors of codes[start:stop], (V, H) float32: what the law is fitted on."""

    def warn_of_a_guess(self, strands: Strands | None = None) -> None:
        """Once for each model that has no law of its own, or one of other strands than are read."""
        if not self.law.fitted:
            _warn(self.folder, "was never measured; a plain guess stands in", "")
        elif strands not in (None, self.law.strands):
            _warn(self.folder, f"was measured with --strands {self.law.strands}", f" --strands {strands}")


@cache
def _warn(folder: Path, known: str, options: str) -> None:
    logger.warning(
        "%s: how far contigs of one genome lie apart %s. Measure it with `binner train errors GENOMES --encoder %s%s`",
        *(folder, known, folder, options),
    )
