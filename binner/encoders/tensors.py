"""Tensors as safetensors: the same content, the same bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from safetensors.numpy import save

from binner.data import F32

ALIGNMENT = 8  # bytes, which the header is filled up to


def to_bytes(tensors: Mapping[str, F32], *, metadata: Mapping[str, str]) -> bytes:
    """What `safetensors.save` writes, which has the metadata in an order that is another in every process."""
    content = save(dict(tensors), metadata=dict(metadata))
    text = json.dumps(_header(content) | {"__metadata__": dict(sorted(metadata.items()))}, separators=(",", ":"))
    header = text.encode()
    header += b" " * (-len(header) % ALIGNMENT)
    return len(header).to_bytes(8, "little") + header + content[_end(content) :]


def metadata(content: bytes) -> dict[str, str]:
    """The text that is kept beside the tensors. Raises KeyError and ValueError."""
    found: dict[str, str] = _header(content)["__metadata__"]
    return found


def _header(content: bytes) -> dict[str, Any]:
    """JSON behind eight bytes of its length."""
    header: dict[str, Any] = json.loads(content[8 : _end(content)])
    return header


def _end(content: bytes) -> int:
    return 8 + int.from_bytes(content[:8], "little")
