"""What ships is what the list says, and a file that is not is found."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import pytest

from binner import encoders, shipped
from binner.config import EncoderName, MachineConfig
from binner.encoders.language_model import LanguageModel
from binner.encoders.whitening import Whitening


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of what ships."""
    for name in ("models", "markers/data"):
        shutil.copytree(shipped.PACKAGE / name, tmp_path / name)
    shutil.copy(shipped.PACKAGE / shipped.SUMS, tmp_path)
    return tmp_path


def test_all_is_as_the_list_says() -> None:
    states = shipped.verify()
    renew = f"cd binner && sha256sum {' '.join(shipped.DATA)} > {shipped.SUMS}"
    assert {name for name, state in states.items() if state != "OK"} == set(), renew
    assert {f"models/{name}/model.safetensors" for name in get_args(EncoderName)} <= states.keys()


def test_what_is_not_as_it_was_shipped(package: Path) -> None:
    weights = package / "models" / "whitening" / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    (package / "markers" / "data" / "seeds.tsv").unlink()
    (package / "models" / "small" / "more.bin").write_bytes(b"")
    assert {name: state for name, state in shipped.verify(package).items() if state != "OK"} == {
        "models/whitening/model.safetensors": "changed",
        "markers/data/seeds.tsv": "missing",
        "models/small/more.bin": "not in the list",
    }


def test_a_package_without_its_list(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        shipped.verify(tmp_path)


def test_models_are_those_that_load() -> None:
    known = {each.name: each for each in shipped.models()}
    assert set(known) == set(encoders.ENCODERS)
    assert all(each.folder == encoders.locate(each.name) for each in known.values())
    whitening = Whitening.load(known["whitening"].folder)
    arrays = (whitening.centre, whitening.projection, whitening.noise, whitening.prior, whitening.odds)
    assert known["whitening"].weights == sum(array.size for array in arrays)
    model = encoders.load("small", machine=MachineConfig(device="cpu"))
    assert isinstance(model, LanguageModel)
    assert known["small"].weights == sum(tensor.numel() for tensor in model.model.state_dict().values())


def test_every_card_has_its_figures() -> None:
    for each in shipped.models():
        assert each.ari is not None, each.name
        assert each.ari_4mers is not None
        assert 0 < each.ari_4mers < each.ari < 1


def test_the_size_is_that_of_all_files(package: Path) -> None:
    before = shipped.model("small", package=package).size
    (package / "models" / "small" / "more").write_bytes(b"12345")
    assert shipped.model("small", package=package).size == before + 5
