"""A network on k-mers goes through the loop that trains transformers; what each kind reads, and where it starts."""

from __future__ import annotations

import csv
import pickle
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from binner import encoders
from binner.config import EncoderConfig, MachineConfig
from binner.encoders import checkpoint, kmer_network, whitening
from binner.encoders.error_law import ERROR_LAW
from binner.encoders.kmer_network import KmerBackbone, KmerConfig, KmerNetwork
from binner.encoders.tokenizer import Tokenizer, text
from binner.errors import InputError
from binner.train import model_card
from binner.train.error_law import ErrorLawOptions, train_error_law
from binner.train.kinds import SHORTER, Kmers, Tokens, kmer_view, token_view
from binner.train.options import options
from binner.train.species import Task, train_species
from binner.train.validation import Pieces
from tests.commands import call
from tests.encoders import toy
from tests.train.conftest import little_to_judge_by

pytestmark = pytest.mark.usefixtures("own_folder")

SMALL = replace(
    options("kmers", preset="own", fine_tuning=False, given={}),
    steps=24,
    pairs=8,
    longest=2000,
    check_every=8,
    held_out=0.3,
)
CPU = MachineConfig(threads=1, device="cpu")


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with little_to_judge_by() as patch:
        patch.setattr(model_card, "LAW_BP", {"quick": 1_000_000})
        yield


@pytest.fixture(scope="module")
def model(genomes: Path, quick: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "model"
    train_species(Task(genomes, out, SMALL, size="kmers", machine=CPU, command=("binner",)))
    return out


def test_the_folder_is_an_encoder_with_a_law_and_a_card(model: Path) -> None:
    wanted = {"README.md", "config.json", ERROR_LAW, "log.csv", "model.safetensors"}
    assert {path.name for path in model.iterdir()} == wanted
    loaded = encoders.load(str(model), EncoderConfig(), CPU)
    assert isinstance(loaded, KmerNetwork)
    assert loaded.law.fitted
    codes = np.random.default_rng(1).integers(0, 4, 3000).astype(np.uint8)
    assert loaded.embed(codes, np.array([0, 1000]), np.array([1500, 3000])).shape == (2, len(loaded.prior))
    card = (model / "README.md").read_text()
    assert "A network on the frequencies of 5-mers and of words in reading frames, of " in card
    assert loaded.digest in card


def test_its_layers_learn(model: Path) -> None:
    with (model / "log.csv").open() as lines:
        rows = list(csv.DictReader(lines))
    unmixed = [float(row["loss"]) for row in rows[: int(SMALL.unmixed * SMALL.steps)]]
    assert np.mean(unmixed[-3:]) < unmixed[0] - 0.2
    assert [int(row["step"]) for row in rows if row["ari"]] == [8, 16, 24]
    weights = kmer_network.load(model).state_dict()
    assert float(weights["layers.1.outward.weight"].abs().max()) > 0


def test_it_goes_on_from_a_network_and_takes_no_tokenizer(
    model: Path, genomes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = replace(SMALL, steps=1, check_every=100, learning_rate=1e-9)
    train_species(Task(genomes, Path("out"), own, init=model, machine=CPU))
    one, two = (kmer_network.load(folder).state_dict() for folder in (model, Path("out")))
    assert all(torch.allclose(weight, two[name], atol=1e-6) for name, weight in one.items())
    toy.write_model(Path("toy"))
    line = f"train species {genomes} -o none --size kmers --tokenizer toy -t 1 --device cpu"
    assert call(*line.split()) == 2
    assert "--tokenizer toy: a network on k-mers has none; leave it out" in capsys.readouterr().err
    assert not Path("none").exists()


def test_a_network_without_layers_goes_on_where_states_are_mixed(genomes: Path) -> None:
    kmer_network.save(KmerBackbone(KmerConfig(k=3, width=8, layers=0)), Path("flat"))
    own = replace(SMALL, steps=2, unmixed=0.5, check_every=100)
    train_species(Task(genomes, Path("out"), own, init=Path("flat"), machine=CPU))
    assert kmer_network.load(Path("out")).config.layers == 0


def test_a_law_is_fitted_anew(model: Path, genomes: Path) -> None:
    copy = Path("copy")
    kmer_network.save(kmer_network.load(model), copy)
    law = train_error_law(
        genomes, copy, ErrorLawOptions(pieces=4, directions=5), config=EncoderConfig(window=1500), machine=CPU
    )
    found = encoders.load(str(copy))
    assert (found.window, len(found.prior)) == (1500, 5)
    np.testing.assert_array_equal(found.prior, law.prior)


def test_what_each_kind_reads() -> None:
    rng = np.random.default_rng(0)
    pieces = [rng.integers(0, 4, length).astype(np.uint8) for length in (1000, 950, 300)]
    seen = kmer_view(pieces, features=partial(whitening.frequencies, k=4))
    assert seen.mask is None
    for row, piece in enumerate(pieces):
        expected = whitening.frequencies(piece, np.array([0]), np.array([len(piece)]), k=4)
        np.testing.assert_allclose(seen.ids[row].numpy(), expected)
    toy.write_model(Path("toy"))
    tokenizer = Tokenizer.load(Path("toy"))
    rows = tokenizer.encode([text(piece) for piece in pieces])
    read = token_view(pieces, tokenizer=tokenizer)
    length = read.ids.shape[1]
    assert read.mask is not None
    assert length == int(SHORTER * len(rows[1])), "not cut to the short one"
    for row, ids in enumerate(rows):
        kept = min(length, len(ids))
        assert int(read.mask[row].sum()) == kept
        assert read.ids[row, : kept - 1].tolist() == ids[: kept - 1].tolist()
        assert int(read.ids[row, kept - 1]) == ids[-1], "[SEP] stays the last"
        assert set(read.ids[row, kept:].tolist()) <= {tokenizer.pad_id}


def test_a_look_for_which_memory_is_short_is_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither --checkpointing nor --accumulate would make it smaller."""
    kind = Tokens(checkpoint.load(toy.write_model(Path("toy"))), Tokenizer.load(Path("toy")), Path("toy"))
    start = np.arange(8) * 900
    codes = np.random.default_rng(0).integers(0, 4, 7200).astype(np.uint8)
    pieces = Pieces(codes, start, start + 900, start)
    expected = kind.vectors(pieces)
    forward = kind.backbone.forward

    def small(ids: torch.Tensor) -> torch.Tensor:
        if len(ids) > 1:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return forward(ids)

    monkeypatch.setattr(kind.backbone, "forward", small)
    np.testing.assert_allclose(kind.vectors(pieces), expected, atol=1e-4)


def test_no_weights_go_to_the_workers(model: Path) -> None:
    """A process that reads gets what it reads with, not a network that may lie on a GPU."""
    read = Kmers(kmer_network.load(model)).read
    sent = pickle.dumps(read)
    assert b"torch" not in sent.replace(b"binner.encoders", b"")
    piece = np.random.default_rng(0).integers(0, 4, 900).astype(np.uint8)
    assert torch.equal(pickle.loads(sent)([piece]).ids, read([piece]).ids)


def test_a_folder_that_is_no_network(genomes: Path) -> None:
    Path("bad").mkdir()
    Path("bad/config.json").write_text('{"model_type": "kmers", "k": 5}')
    with pytest.raises(InputError, match=r"bad/config\.json: not the description of a network on k-mers: 'frames'"):
        train_species(Task(genomes, Path("out"), SMALL, init=Path("bad"), machine=CPU))
    assert not Path("out").exists()
