"""Arrays by their types, checks and digests of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
I8 = npt.NDArray[np.int8]
U8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]
Matrix = npt.NDArray[np.floating[Any]]

N_CODE = 4  # any base that is not A, C, G or T
UNSEEN = -2  # in place of a cluster's label: the clusterer was not given this contig

Progress = Callable[[int, int], None]  # (done, total), called by long stages


def silent(done: int, total: int) -> None:
    """The progress callback of those who do not watch."""


def check_array(
    what: str, array: npt.NDArray[Any], dtype: npt.DTypeLike, shape: tuple[int, ...], *, gaps: bool = False
) -> None:
    """Raise ValueError unless `array` has this dtype and shape (-1: any size) and is finite (with `gaps`: or NaN)."""
    if array.dtype != dtype:
        raise ValueError(f"{what}: dtype {array.dtype}, expected {np.dtype(dtype)}")
    if array.ndim != len(shape) or any(e not in (-1, g) for g, e in zip(array.shape, shape, strict=True)):
        raise ValueError(f"{what}: shape {array.shape}, expected {shape}")
    if array.dtype.kind == "f" and not (np.isfinite(array) | (gaps & np.isnan(array))).all():
        raise ValueError(f"{what}: holds values that are not finite")


def digest(*parts: str | bytes | npt.NDArray[Any]) -> str:
    """Hex digest (128 bit) of strings, bytes and arrays, each with its length so that parts cannot run together."""
    state = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        view = np.ascontiguousarray(data).reshape(-1).view(np.uint8).data if isinstance(data, np.ndarray) else data
        state.update(len(view).to_bytes(8, "little"))
        state.update(view)
    return state.hexdigest()
