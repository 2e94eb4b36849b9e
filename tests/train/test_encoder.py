"""`binner train whitening`: from a folder of genomes to one that `binner run --encoder` takes."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.files import write_contigs
from benchmarks.simulate import simulate
from binner import encoders
from binner.encoders.whitening import WEIGHTS, Whitening
from binner.errors import InputError, OptionError
from binner.train import genomes as training
from binner.train.encoder import CARD, train_whitening
from binner.train.whitening import WhiteningOptions, train
from tests.commands import call
from tests.train import simulated

pytestmark = pytest.mark.usefixtures("own_folder")

SMALL = WhiteningOptions(k=3, directions=8)
COMMAND = ["binner", "train", "whitening", "my genomes"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = simulated.genomes(genera=6, genome_bp=30_000)
    return simulated.write(made, tmp_path_factory.mktemp("training") / "genomes")


@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_the_folder_is_an_encoder_with_a_card(folder: Path, there: bool) -> None:
    out = Path("deep/in/encoder")
    if there:
        out.mkdir(parents=True)
    train_whitening(folder, out, SMALL, command=COMMAND)
    assert sorted(file.name for file in out.iterdir()) == [CARD, WEIGHTS]
    assert [path.name for path in out.parent.iterdir()] == ["encoder"], "nothing else is left"
    loaded = encoders.load(str(out))
    assert isinstance(loaded, Whitening)
    assert loaded.digest == train(training.read(folder), SMALL).digest
    assert (loaded.k, loaded.projection.shape[1]) == (3, 8)
    card = (out / CARD).read_text()
    assert loaded.digest in card
    assert "12 prokaryotic genomes" in card
    assert "12 species in 6 genera" in card
    assert "`binner train whitening 'my genomes'`" in card
    assert "k 3, directions 8" in card
    assert "nan" not in card


def test_the_card_says_where_no_piece_was_long_enough(tmp_path: Path) -> None:
    short = simulated.write(simulated.genomes(genera=5, genome_bp=40_000, sequences=4), tmp_path / "short")
    train_whitening(short, Path("encoder"), SMALL, command=COMMAND)
    (ratios,) = re.findall(r"^\| ratio \| (.*) \|$", (Path("encoder") / CARD).read_text(), re.MULTILINE)
    assert [cell == "-" for cell in ratios.split(" | ")] == [False, False, False, True, True]


def test_the_same_genomes_give_the_same_weights_and_card(folder: Path) -> None:
    for out in (Path("one"), Path("two")):
        train_whitening(folder, out, SMALL, command=COMMAND)
    assert Path("one", CARD).read_text() == Path("two", CARD).read_text()
    assert encoders.load("one").digest == encoders.load("two").digest


@pytest.mark.parametrize("what", ["a folder with something in it", "a file"])
def test_what_is_there_already_is_left_alone(folder: Path, what: str) -> None:
    out = Path("out")
    mine = out if what == "a file" else out / "mine"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("precious")
    with pytest.raises(OptionError, match="-o out: there is something already; name a new folder"):
        train_whitening(folder, out, SMALL, command=COMMAND)
    assert mine.read_text() == "precious"
    assert len(list(Path().rglob("*"))) == (1 if what == "a file" else 2)


def test_a_folder_that_cannot_be_made_is_told_before_any_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("binner.train.encoder.validate", None)
    Path("file").touch()
    with pytest.raises(OptionError, match=r"-o file/x: no folder can be made there \(Not a directory\); name another"):
        train_whitening(folder, Path("file/x"), SMALL, command=COMMAND)


@pytest.mark.parametrize(("genera", "sequences", "found"), [(4, 1, 4), (6, 4, 0)])
def test_too_few_genera_to_keep_some_out(tmp_path: Path, genera: int, sequences: int, found: int) -> None:
    few = simulated.write(simulated.genomes(genera=genera, genome_bp=20_000, sequences=sequences), tmp_path / "few")
    with pytest.raises(InputError, match=rf"few: {found} genera have .* 10,000 bp, and validation needs 5"):
        train_whitening(few, Path("out"), SMALL, command=COMMAND)
    assert not Path("out").exists()


def test_from_the_command_line_to_bins(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("train", "whitening", str(folder), "-o", "encoder", "--seed", "3", "-t", "1") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "INFO    Training the whitening ...\n" in err
    assert "Error" not in err
    loaded = encoders.load("encoder")
    assert isinstance(loaded, Whitening)
    assert loaded.digest == train(training.read(folder), WhiteningOptions(seed=3)).digest
    made = simulate(species=3, genome_bp=(120_000, 150_000), related=False)
    write_contigs(made.contigs, Path("contigs.fa.gz"), seed=1)
    line = "run contigs.fa.gz --encoder encoder --no-markers --no-refine --min-bin-size 50000 -t 1 -q"
    assert call(*line.split()) == 0
    assert loaded.digest in Path("contigs_binner/binner.log").read_text()
    assert list(Path("contigs_binner/bins").glob("*.fa"))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("train whitening", "Missing argument 'GENOMES'"),
        ("train whitening genomes", "Missing option '-o'"),
        ("train whitening none -o out", "none/genomes.tsv: cannot be read"),
        ("train whitening genomes -o genomes", "-o genomes: there is something already"),
        ("train whitening genomes -o out --seed -1", "--seed must be from 0 to 4294967295, not -1"),
        ("train whitening genomes -o out --seed x", "'x' is not a valid integer"),
        ("train whitening genomes -o out -t 0", "--threads must be from 1"),
        ("train whitening genomes -o out -q -v", "-v and -q contradict"),
        ("train network genomes -o out", "No such command 'network'"),
        ("train markers none -o out", "none: not a folder"),
        ("train markers genomes -o none/out", "-o none/out: there is no such folder"),
    ],
)
def test_mistakes_take_one_line(line: str, message: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("genomes").symlink_to(folder)
    before = sorted(Path().iterdir())
    assert call(*line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"(.* INFO    Training the whitening \.\.\.\n)?Error: .*\n", err), err
    assert message in err
    assert sorted(Path().iterdir()) == before


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'numpy', 'numba', 'rich', 'sklearn'}"
    script = f"import sys, binner.cli\ntry: binner.cli.main(sys.argv[1:])\nfinally: print({heavy} & set(sys.modules))"
    root = Path(__file__).parent.parent.parent
    for args in (["train", "--help"], ["train", "whitening", "--help"]):
        line = [sys.executable, "-c", script, *args]
        shown = subprocess.run(line, capture_output=True, text=True, check=True, env={"PYTHONPATH": str(root)}).stdout
        assert shown.endswith("set()\n")
    for word in ("GENOMES", "--output", "--seed", "--threads", "genomes.tsv"):
        assert word in shown
