"""`binner train species`: from genomes to a model that `--encoder` takes; killed and taken up; mistakes."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from binner import encoders
from binner.config import EncoderConfig, MachineConfig
from binner.encoders import checkpoint
from binner.encoders.error_law import ERROR_LAW
from binner.encoders.language_model import LanguageModel
from binner.encoders.tokenizer import TOKENIZER, Tokenizer
from binner.errors import InputError, OptionError
from binner.train import model_card, sources, validation
from binner.train import packed as packing
from binner.train.journal import Journal
from binner.train.network import SpeciesNetwork
from binner.train.options import SpeciesOptions, options
from binner.train.pairs import split
from binner.train.species import Task, _Training, train_species
from tests.commands import call
from tests.encoders import toy
from tests.train.conftest import little_to_judge_by

pytestmark = pytest.mark.usefixtures("own_folder")

ROOT = Path(__file__).parent.parent.parent
TINY = replace(
    options("tiny", preset="own", fine_tuning=False, given={}), steps=16, check_every=8, save_every=5, distil=0.5
)
RESULT = ["README.md", "config.json", ERROR_LAW, "log.csv", "model.safetensors", TOKENIZER]


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with little_to_judge_by() as patch:
        patch.setattr(validation, "LONGEST", 2000)
        patch.setattr(model_card, "LAW_BP", {"quick": 100_000, "slow": 100_000})
        yield


@pytest.fixture(scope="module")
def model(genomes: Path, quick: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of an undisturbed run."""
    out = tmp_path_factory.mktemp("whole") / "model"
    train_species(task(genomes, out))
    return out


def task(genomes: Path, out: Path, own: SpeciesOptions = TINY, **more: object) -> Task:
    machine = MachineConfig(threads=1, device="cpu")
    return Task(genomes, out, own, size="tiny", machine=machine, command=("binner",), **more)  # type: ignore[arg-type]


def curve(folder: Path) -> list[list[str]]:
    """The log without its times."""
    with (folder / "log.csv").open() as lines:
        return [row[:1] + row[2:] for row in csv.reader(lines)]


def test_the_folder_is_an_encoder_with_a_card_and_a_log(model: Path, genomes: Path) -> None:
    assert sorted(path.name for path in model.iterdir()) == sorted(RESULT)
    assert [path.name for path in model.parent.iterdir()] == ["model"], "nothing else is left"
    loaded = encoders.load(str(model), EncoderConfig(), MachineConfig(device="cpu"))
    assert isinstance(loaded, LanguageModel)
    assert loaded.law.fitted
    codes = np.random.default_rng(1).integers(0, 4, 3000).astype(np.uint8)
    vectors = loaded.embed(codes, np.array([0, 1000]), np.array([1500, 3000]))
    assert vectors.shape == (2, len(loaded.prior))
    assert np.isfinite(vectors).all()
    tokenizer = Tokenizer.load(model)
    names = [tokenizer.backend.id_to_token(number) for number in range(9)]
    assert names == ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T"], "the published order"
    tokens = tokenizer.backend.encode("ACGTTGCATTAG").tokens
    assert (tokens[0], "".join(tokens[1:-1]), tokens[-1]) == ("[CLS]", "ACGTTGCATTAG", "[SEP]")
    card = (model / "README.md").read_text()
    assert "16 genomes, 0.3 Mb, 16 species in 8 genera" in card
    assert "4 species. K-means ARI" in card
    for name in ("this model", "4-mers", "whitened 5-mers"):
        assert re.search(rf"^\| {name} \| [-\d.]+ \| [\d.]+ \|$", card, re.MULTILINE)


def test_the_loss_falls(model: Path) -> None:
    head, *rows = curve(model)
    losses = [float(row[head.index("loss")]) for row in rows]
    assert len(losses) == TINY.steps
    before = int(TINY.unmixed * TINY.steps)
    assert np.mean(losses[before - 2 : before]) < losses[0] - 0.2, "while nothing is mixed"
    looks = [row for row in rows if row[head.index("ari")]]
    assert [int(row[0]) for row in looks] == [8, 16]


class KilledError(Exception):
    """Stands for SIGKILL."""


@pytest.mark.parametrize("at", [3, 13])
def test_a_killed_run_ends_as_if_it_had_not_been(
    at: int, genomes: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Journal.write

    def die(journal: Journal, step: int, figures: dict[str, float]) -> None:
        if step == at:
            raise KilledError
        write(journal, step, figures)

    monkeypatch.setattr(Journal, "write", die)
    with pytest.raises(KilledError):
        train_species(task(genomes, Path("out")))
    assert [path.name for path in Path("out").iterdir()] == ["training"]
    monkeypatch.setattr(Journal, "write", write)
    train_species(task(genomes, Path("out")))
    assert curve(Path("out")) == curve(model)
    one, two = (checkpoint.load(folder).state_dict() for folder in (Path("out"), model))
    assert all(torch.equal(weight, two[name]) for name, weight in one.items())
    assert sorted(path.name for path in Path("out").iterdir()) == sorted(RESULT)


KILLER = """
import os, signal, sys
from binner.train import journal, validation
validation.PIECES, validation.LONGEST = 4, 2000
write = journal.Journal.write
def die(journal, step, figures):
    write(journal, step, figures)
    if step == 12:
        os.kill(os.getpid(), signal.SIGKILL)
journal.Journal.write = die
from binner.cli import main
main(sys.argv[1:])
"""
LINE = (
    "train species genomes -o out --size tiny --steps 16 --check-every 8 --save-every 5 --distil 0.5 -t 1 --device cpu"
)


def test_sigkill_from_the_command_line(genomes: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("genomes").symlink_to(genomes)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", KILLER, *LINE.split()], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert call(*LINE.replace("--steps 16", "--steps 17").split()) == 2
    assert "-o out: holds a run that began with steps 16, not 17" in capsys.readouterr().err
    assert call(*LINE.split()) == 0
    err = capsys.readouterr().err
    assert "taken up after step 10 of 16" in err
    assert curve(Path("out")) == curve(model)


@pytest.mark.slow
def test_two_processes_train_the_same_model(genomes: Path) -> None:
    """Without mixing and dropout, which each process draws for itself, the curve is nearly that of one process.

    Each cuts its pieces to its own shortest, and products are in bf16 where the CPU has it.
    """
    Path("genomes").symlink_to(genomes)
    line = "train species genomes --size tiny --steps 4 --unmixed 1 --dropout 0 --distil 0.5 -t 1 --device cpu -q"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "binner"]
    for start, out in (([sys.executable, "-m", "binner"], "one"), (torchrun, "two")):
        done = subprocess.run([*start, *line.split(), "-o", out], env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
    one, two = (curve(Path(out)) for out in ("one", "two"))
    assert [row[0] for row in one] == [row[0] for row in two]
    for a, b in zip(one[1:], two[1:], strict=True):
        assert float(a[1]) == pytest.approx(float(b[1]), rel=0.1)


def test_it_goes_on_from_a_model(model: Path, genomes: Path) -> None:
    shape = checkpoint.load(model).config
    own = replace(TINY, steps=2, distil=0.0, check_every=100, checkpointing=True)
    train_species(replace(task(genomes, Path("out"), own), init=model, half=True))
    found = checkpoint.load(Path("out"))
    assert found.config == shape
    assert (Path("out") / TOKENIZER).read_bytes() == (model / TOKENIZER).read_bytes()
    size, whole = ((folder / "model.safetensors").stat().st_size for folder in (Path("out"), model))
    assert size < 0.6 * whole, "16 bits"
    moved = found.state_dict()["encoder.layer.0.mlp.wo.weight"] - checkpoint.load(model).layers[0].mlp["wo"].weight  # type: ignore[union-attr,index]
    assert 0 < float(moved.detach().abs().max()) < 0.1


def test_packed_genomes_do_as_well(genomes: Path, model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "pack", str(genomes), "-o", "packed", "-t", "1", "-q") == 0
    assert packing.is_packed(Path("packed"))
    train_species(task(Path("packed"), Path("out")))
    assert curve(Path("out")) == curve(model)
    assert packing.is_packed(Path("packed")), "left where it was"


@pytest.mark.parametrize("long", [0, 1])
def test_genomes_too_short_to_be_judged_on_are_told_before_the_training(long: int) -> None:
    """One of those that are kept out, or none, has a sequence of 1 kb."""
    own = replace(TINY, shortest=100, longest=200)
    Path("genomes").mkdir()
    files = [Path("genomes") / f"{number}.fa" for number in range(8)]
    for number, path in enumerate(files):
        path.write_text(f">a\n{toy.bases(600, seed=number)}\n")
    packed = packing.pack_into(Path("packed"), sources.find(Path("genomes")))
    for species in split(packed, share=own.held_out, seed=own.seed)[1][:long]:
        files[species].write_text(f">a\n{toy.bases(1000, seed=9)}\n")
    message = f"of 2 species that are kept out for validation, {long} have a sequence of 1,000 bp, and it needs 2: give"
    with pytest.raises(InputError, match=message):
        train_species(task(Path("genomes"), Path("out"), own))
    assert not Path("out").exists()


def test_genomes_of_one_window_make_a_model_without_a_law(caplog: pytest.LogCaptureFixture) -> None:
    """All pieces of such a genome were the same: for the law, and for the teacher, who divided by a noise of 0."""
    Path("genomes").mkdir()
    for number in range(12):
        (Path("genomes") / f"{number}.fa").write_text(f">a\n{toy.bases(2000, seed=number)}\n")
    own = replace(TINY, steps=2, check_every=2, shortest=500, longest=900)
    train_species(task(Path("genomes"), Path("out"), own))
    assert sorted(path.name for path in Path("out").iterdir()) == sorted({*RESULT} - {ERROR_LAW})
    assert "the model has no error law" in caplog.text


def test_more_processes_than_species(genomes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packing.pack_into(Path("packed"), sources.find(genomes))
    monkeypatch.setattr("binner.train.species.ranks", lambda: 13)
    own = task(Path("packed"), Path("out"), replace(TINY, pairs=26))
    with pytest.raises(OptionError, match="12 species to train on cannot be shared by 13 processes: start fewer"):
        _Training(own, Path(), packing.read(Path("packed")), "cpu")


def test_a_loss_that_is_not_finite_takes_one_line(genomes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = SpeciesNetwork.loss
    monkeypatch.setattr(SpeciesNetwork, "loss", lambda *args, **given: original(*args, **given) * float("inf"))
    with pytest.raises(OptionError, match=r"the loss is .* at step 1; lower --learning-rate"):
        train_species(task(genomes, Path("out")))


def test_too_little_memory_takes_one_line(genomes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(SpeciesNetwork, "loss", full)
    error: RuntimeError = torch.cuda.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(
        OptionError, match=r"out of memory on cpu: add --checkpointing, or .* --accumulate \(now 1\), where .* fewer"
    ):
        train_species(task(genomes, Path("out")))
    error = RuntimeError("shapes do not match")
    with pytest.raises(RuntimeError, match="shapes do not match"):
        train_species(task(genomes, Path("two")))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train species none -o out", "none: no such file or folder"),
        ("train species genomes -o genomes", "-o genomes: there is something already"),
        ("train species genomes -o out --steps 0", "--steps must be from 1 to 1e+09, not 0"),
        ("train species genomes -o out --shortest 3000 --longest 2000", "--longest 2,000 is below --shortest 3,000"),
        ("train species genomes -o out --size tiny --init genomes", "--size tiny: --init has a size of its own"),
        ("train species genomes -o out --init genomes", "genomes/config.json: "),
        ("train species genomes -o out --tokenizer genomes", "genomes/tokenizer.json: "),
        ("train species genomes -o out --size huge", "'huge' is not one of"),
        ("train species genomes -o out --labels labels.tsv", "has the species already; leave --labels out"),
        ("train species genomes -o out --size tiny --shortest 19000 --longest 19000", "species have two pieces of"),
        ("train species genomes -o out --pairs 8 --accumulate 3", "--pairs 8 cannot be shared by --accumulate 3"),
        ("train species genomes -o out --pairs 8 --accumulate 8", "each takes the same number, two at least"),
        ("train species genomes -o out --weight-decay -1", "--weight-decay must be from 0 to 10, not -1"),
        ("train species genomes -o out --head-rate nan", "--head-rate must be from 0 to 10000, not nan"),
        ("train species genomes -o out --longest 100000000", "--longest must be from 100 to 1e+07, not 1e+08"),
        ("train species genomes -o out --size tiny --tensorboard board", "tensorboard is not installed"),
        ("train species bad -o deep/in/out --size tiny", "bad/a.fa: contig 'a' holds '-', which is no base"),
        ("train pack none -o out", "none: no such file or folder"),
        ("train pack bad -o out", "bad/a.fa: contig 'a' holds '-', which is no base"),
        ("train pack genomes -o genomes", "-o genomes: there is something already"),
        ("train species genomes -o bad/a.fa/x --size tiny", "-o bad/a.fa/x: no folder can be made there (Not a dir"),
        ("train species genomes -o /proc/x/y --size tiny", "-o /proc/x/y: no folder can be made there (No such file"),
        (f"train species genomes -o {'x' * 300} --size tiny", "cannot be looked into (File name too long)"),
        ("train pack genomes -o bad/a.fa/x", "-o bad/a.fa/x: no folder can be made there (Not a directory)"),
    ],
)
def test_mistakes_take_one_line_and_leave_nothing(
    line: str, message: str, genomes: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    Path("genomes").symlink_to(genomes)
    Path("bad").mkdir()
    Path("bad/a.fa").write_text(">a\nAC-T\n")
    before = sorted(Path().rglob("*"))
    assert call(*line.split(), "-t", "1") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"(.* (INFO|WARNING) .*\n)*Error: .*\n", err), err
    assert message in err
    assert sorted(Path().rglob("*")) == before


def test_the_folder_that_one_is_in_and_links_to_folders(genomes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("here", "there"):
        Path(name).mkdir()
    Path("link").symlink_to("there")
    assert call("train", "pack", str(genomes), "-o", "link", "-t", "1", "-q") == 0
    assert packing.is_packed(Path("there"))
    assert Path("link").is_symlink()
    monkeypatch.chdir("here")
    line = "--size tiny --steps 1 --check-every 9 -t 1 --device cpu -q"
    assert call("train", "species", str(genomes), "-o", ".", *line.split()) == 0
    assert sorted(path.name for path in Path().iterdir()) == sorted(RESULT)
    assert sorted(path.name for path in Path("..").iterdir()) == ["here", "link", "there"]


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'numba', 'rich', 'sklearn'}"
    script = f"import sys, binner.cli\ntry: binner.cli.main(sys.argv[1:])\nfinally: print({heavy} & set(sys.modules))"
    for name in ("species", "pack"):
        line = [sys.executable, "-c", script, "train", name, "--help"]
        shown = subprocess.run(line, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(ROOT)}).stdout
        assert shown.endswith("set()\n")
        assert "GENOMES" in shown
