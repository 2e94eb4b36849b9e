"""Names on huggingface.co: from a cache, even one that cannot be written to, without a network; else one clear line."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from binner import encoders
from binner.encoders import hub
from binner.errors import InputError
from tests.encoders import toy

NAME = "somebody/a-model"
REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and no network."""
    folder = tmp_path / "hub"
    folder.mkdir()
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(folder))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    return folder


def fill(cache: Path) -> Path:
    """As huggingface_hub keeps a model."""
    repo = cache / f"models--{NAME.replace('/', '--')}"
    snapshot = toy.write_model(repo / "snapshots" / REVISION)
    (repo / "refs").mkdir()
    (repo / "refs" / "main").write_text(REVISION)
    return snapshot


def test_a_model_in_the_cache(cache: Path) -> None:
    snapshot = fill(cache)
    assert hub.resolve(NAME) == snapshot
    assert encoders.load(NAME).name == REVISION


def test_a_cache_that_cannot_be_written_to(cache: Path) -> None:
    snapshot = fill(cache)
    before = sorted(cache.rglob("*"))
    paths = [cache, *(path for path in before if path.is_dir())]
    for path in paths:
        path.chmod(0o555)
    try:
        assert encoders.locate(NAME) == snapshot
        assert encoders.load(NAME).window > 0
        assert sorted(cache.rglob("*")) == before
    finally:
        for path in paths:
            path.chmod(0o755)


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json", "model.safetensors", None])
def test_without_a_network(cache: Path, missing: str | None) -> None:
    if missing is not None:
        (fill(cache) / missing).unlink()
    with pytest.raises(InputError, match=f"--encoder {NAME}: no such folder here, not in the cache") as caught:
        encoders.load(NAME)
    assert "\n" not in str(caught.value)


def test_a_file_is_no_name(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = toy.write_model(Path("model")) / "config.json"
    with pytest.raises(InputError, match=r"--encoder model/config\.json: a file; name the folder"):
        encoders.load(str(config))


def test_a_folder_goes_first(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    toy.write_model(tmp_path / NAME)
    assert encoders.locate(NAME) == Path(NAME)


@pytest.mark.parametrize("held", [["model.safetensors", "pytorch_model.bin"], ["pytorch_model.bin"], []])
def test_what_is_fetched(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: list[str]) -> None:
    """One of the two kinds of weights, and the error law if there is one."""
    asked: list[str] = []

    def fetch(name: str, file: str) -> str:
        assert name == NAME
        asked.append(file)
        if file in ("config.json", "tokenizer.json", *held):
            return str(tmp_path / "there" / file)
        raise EntryNotFoundError("404")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    if not held:
        with pytest.raises(InputError, match=r"holds no config\.json, tokenizer\.json and model\.safetensors or"):
            hub.resolve(NAME)
        return
    assert hub.resolve(NAME) == tmp_path / "there"
    weights = ["model.safetensors", "pytorch_model.bin"]
    assert asked == ["config.json", "tokenizer.json", *weights[: 1 + weights.index(held[0])], "error_law.safetensors"]


def test_a_network_that_breaks_off(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(name: str, file: str) -> Any:
        raise LocalEntryNotFoundError("no connection\nat all")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fetch)
    with pytest.raises(InputError, match=r"huggingface\.co gave nothing \(no connection\)"):
        hub.resolve(NAME)


def test_a_snapshot_of_links(cache: Path) -> None:
    """huggingface_hub keeps the files elsewhere and links to them."""
    snapshot = fill(cache)
    blobs = snapshot.parents[1] / "blobs"
    blobs.mkdir()
    for number, file in enumerate(sorted(snapshot.iterdir())):
        shutil.move(file, blobs / str(number))
        file.symlink_to(blobs / str(number))
    assert encoders.load(NAME).window > 0
