"""Kept results read back exactly, or not at all."""

from __future__ import annotations

import os
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from binner import artifacts
from binner.artifacts import Cache, code_version, fingerprint, key
from binner.config import CoverageConfig, MachineConfig
from binner.data import Bin, Clustering, Contigs, Coverage, Embedding, Markers, Windows
from binner.errors import InputError

RNG = np.random.default_rng(1)
NAMES = "0" * 32


def random32(*shape: int) -> npt.NDArray[np.float32]:
    return RNG.random(shape, dtype=np.float32) + np.float32(0.1)


RESULTS: dict[str, Any] = {
    "coverage": Coverage(("S1.bam", "sämple 2"), random32(5, 2), random32(5, 2), NAMES),
    "coverage of no contigs": Coverage(("S1",), random32(0, 1), random32(0, 1), NAMES),
    "embedding": Embedding(random32(4, 3), random32(4, 3), random32(3), "whitening:1f", NAMES),
    "markers": Markers(("universal:COG0012",), np.full((7, 1), 2, np.uint8), np.eye(7, 1, dtype=np.uint8), NAMES),
    "windows": Windows(np.array([0, 0, 2]), np.array([0, 10, 0]), np.array([10, 20, 5])),
    "contigs": Contigs(("a", "b"), np.array([0, 1, 4], np.uint8), np.array([0, 2, 3])),
    "clusterings": [Clustering(np.array([0, -1, 1], np.int32), "leiden 8"), Clustering(np.zeros(0, np.int32), "x")],
    "bins": ([Bin(np.array([0, 2]), 5000, 0.1 + 0.2)], random32(3)),
    "plain": ["x", 1, 2.5, None, True, (), [np.float32(0.5)]],
}


def same(one: Any, other: Any) -> bool:
    """Equal in type and, bit for bit, in content."""
    if isinstance(one, np.ndarray):
        return bool(one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes())
    if is_dataclass(one):
        return type(one) is type(other) and all(same(getattr(one, f.name), getattr(other, f.name)) for f in fields(one))
    if isinstance(one, list | tuple):
        return type(one) is type(other) and len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


@pytest.mark.parametrize("name", RESULTS)
def test_round_trip(name: str, cache: Cache) -> None:
    cache.save("stage", "k", RESULTS[name])
    assert same(cache.load("stage", "k"), RESULTS[name])
    assert [path.name for path in cache.folder.iterdir()] == ["stage.npz"], "nothing half-written is left"


def test_another_key_is_another_result(cache: Cache) -> None:
    cache.save("stage", "k", RESULTS["coverage"])
    assert cache.load("stage", "other") is None
    assert cache.load("other", "k") is None
    cache.save("stage", "other", RESULTS["markers"])
    assert cache.load("stage", "k") is None
    assert same(cache.load("stage", "other"), RESULTS["markers"])


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_results_are_computed_again(share: float, cache: Cache, caplog: pytest.LogCaptureFixture) -> None:
    cache.save("stage", "k", RESULTS["embedding"])
    path = cache.folder / "stage.npz"
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    assert cache.load("stage", "k") is None
    assert "damaged" in caplog.text
    assert str(path) in caplog.text


def test_a_flipped_bit_anywhere_is_never_taken_for_the_result(cache: Cache) -> None:
    cache.save("stage", "k", RESULTS["embedding"])
    path = cache.folder / "stage.npz"
    whole = path.read_bytes()
    refused = 0
    for at in range(0, len(whole), 13):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])
        found = cache.load("stage", "k")
        refused += found is None
        assert found is None or same(found, RESULTS["embedding"])  # zip holds bytes that nobody reads
    assert refused > 50


@pytest.mark.parametrize(
    "change",
    [lambda arrays: {**arrays, "meta": arrays["meta"][:-1]}, lambda arrays: {**arrays, "a0": arrays["a0"][:-1]},
     lambda arrays: {**arrays, "a1": arrays["a1"].astype(np.float64)}, lambda arrays: {"meta": arrays["meta"]},
     lambda arrays: {"a0": arrays["a0"]}, lambda arrays: {**arrays, "a1": arrays["a1"] * np.float32(-1)}],
    ids=["json", "shape", "dtype", "no arrays", "no meta", "negative"],
)  # fmt: skip
def test_whole_files_with_other_content_are_computed_again(
    change: Any, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.save("stage", "k", RESULTS["coverage"])
    with np.load(cache.folder / "stage.npz") as arrays:
        content = dict(arrays)
    np.savez(cache.folder / "stage.npz", **change(content))
    assert cache.load("stage", "k") is None
    assert "damaged" in caplog.text


def test_only_the_types_of_binner_are_built(cache: Cache) -> None:
    meta = b'{"key": "k", "value": {"type": "hashlib", "fields": {}}}'
    np.savez(cache.folder / "stage.npz", meta=np.frombuffer(meta, np.uint8))
    assert cache.load("stage", "k") is None


@pytest.mark.parametrize("value", [object(), np.array([object()]), {"a": 1}, b"bytes"])
def test_what_cannot_be_kept_is_refused_before_anything_is_written(value: object, cache: Cache) -> None:
    with pytest.raises(TypeError, match="cannot be kept"):
        cache.save("stage", "k", value)
    assert not list(cache.folder.iterdir())


def test_a_result_that_cannot_be_written_leaves_the_old_one(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.save("stage", "k", RESULTS["markers"])

    def full(file: Any, **arrays: Any) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space"):
        cache.save("stage", "k", RESULTS["coverage"])
    monkeypatch.undo()
    assert same(cache.load("stage", "k"), RESULTS["markers"])
    assert [path.name for path in cache.folder.iterdir()] == ["stage.npz"]


def test_keys_differ_in_everything() -> None:
    parts: list[tuple[object, ...]] = [
        (),
        ("",),
        ("a", "b"),
        ("ab",),
        (["a", "b"],),
        (1,),
        ("1",),
        (1.5,),
        (None,),
        (Path("x"), 1),
        (CoverageConfig(),),
        (CoverageConfig(bams=(Path("a.bam"),)),),
        (MachineConfig(threads=2),),
        (MachineConfig(threads=3),),
    ]
    assert len({key(*part) for part in parts}) == len(parts)
    assert key(CoverageConfig(bams=(Path("a.bam"),))) == key(CoverageConfig(bams=(Path("a.bam"),)))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose embedding uses encoders, which use windows; `select` uses neither."""
    monkeypatch.setattr(artifacts, "_PACKAGE", tmp_path)
    (tmp_path / "encoders").mkdir()
    (tmp_path / "encoders" / "__init__.py").write_text("")
    (tmp_path / "encoders" / "whitening.py").write_text("def f():\n    from binner.windows import tile")
    (tmp_path / "embed.py").write_text("import numpy as np\nimport binner.encoders.whitening\nfrom binner import data")
    for name in ("windows", "select", "data"):
        (tmp_path / f"{name}.py").write_text("import binner.embed" if name == "data" else "")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "matters"),
    [("embed.py", True), ("encoders/whitening.py", True), ("encoders/network.py", True), ("windows.py", True),
     ("data.py", True), ("select.py", False)],
)  # fmt: skip
def test_code_version_follows_the_sources_that_matter(file: str, matters: bool, package: Path) -> None:
    before = code_version("embed")
    with (package / file).open("a") as source:
        source.write("\n# changed")
    assert (code_version("embed") != before) == matters


def test_code_version_of_binner_itself() -> None:
    assert code_version("fasta") == code_version("fasta") != code_version("data")


def test_fingerprints_of_small_files_are_their_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 1000)
    (tmp_path / "b").write_bytes(b"x" * 1000)
    os.utime(tmp_path / "b", (1, 1))
    assert fingerprint(tmp_path / "a") == fingerprint(tmp_path / "b")
    (tmp_path / "b").write_bytes(b"x" * 999 + b"y")
    assert fingerprint(tmp_path / "a") != fingerprint(tmp_path / "b")


def test_fingerprints_of_large_files_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "_WHOLE_FILE", 1000)
    monkeypatch.setattr(artifacts, "_SAMPLES", 4)
    monkeypatch.setattr(artifacts, "_SAMPLE_BYTES", 100)
    path = tmp_path / "large"
    content = bytearray(RNG.bytes(10_000))

    def after(change: int | None = None, time: int = 5, more: bytes = b"") -> str:
        changed = bytearray(content)
        if change is not None:
            changed[change] ^= 1
        path.write_bytes(changed + more)
        os.utime(path, ns=(time, time))
        return fingerprint(path)

    assert after() == after()
    assert len({after(), after(0), after(9999), after(3350), after(time=6), after(more=b"x")}) == 6


def test_fingerprint_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "a").write_text("1")
    first = fingerprint(tmp_path / "model")
    (tmp_path / "model" / "a").rename(tmp_path / "model" / "b")
    assert fingerprint(tmp_path / "model") != first


def test_fingerprint_of_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: No such file"):
        fingerprint(tmp_path / "none")
