"""Tensors as safetensors: what is written reads back, and equal content gives equal bytes in every process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load, save

from binner.encoders.tensors import metadata, to_bytes

TENSORS = {"b": np.arange(6, dtype=np.float32).reshape(2, 3), "a": np.ones(5, np.float32)}
WORDS = {name: f"value of {name}" for name in ("encoder", "k", "window", "reference", "strands")}
SCRIPT = """
import sys
from tests.encoders.test_tensors import TENSORS, WORDS, to_bytes
sys.stdout.buffer.write(to_bytes(TENSORS, metadata=WORDS))
"""


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    content = to_bytes(TENSORS, metadata=WORDS)
    for name, tensor in load(content).items():
        np.testing.assert_array_equal(tensor, TENSORS[name])
    assert metadata(content) == metadata(save(TENSORS, metadata=WORDS)) == WORDS
    (tmp_path / "x.safetensors").write_bytes(content)
    with safe_open(str(tmp_path / "x.safetensors"), "np") as file:
        assert file.metadata() == WORDS


def test_the_same_bytes_in_every_process() -> None:
    """Five words have 120 orders: two processes that take one by chance agree once in 120 times."""
    root = Path(__file__).parent.parent.parent
    line = [sys.executable, "-c", SCRIPT]
    other = subprocess.run(line, capture_output=True, check=True, cwd=root).stdout
    assert hashlib.sha256(other).digest() == hashlib.sha256(to_bytes(TENSORS, metadata=WORDS)).digest()
