"""The benchmark of encoders: embeddings are made once, figures are those of the protocols, bins those of binner run."""

from __future__ import annotations

import gzip
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import embeddings
from benchmarks import genomes as g
from benchmarks.encoders import Row, main, markdown
from benchmarks.measure import Usage
from benchmarks.rows import append, read
from benchmarks.tools import TOOLS, Tool
from binner import runtime
from binner.encoders.error_law import ERROR_LAW
from tests.commands import same_environment
from tests.train import simulated

GENOMES, CONTIGS = 3, 12  # of the set
# Every contig of g0 into one bin, those of the others together
FAKE = """
import gzip, os, sys
value = dict(zip(sys.argv[1:-1], sys.argv[2:]))
if value["--seed"] == "13": sys.exit("no luck")
assert os.path.exists(value["--embedding"])
os.makedirs(value["-o"], exist_ok=True)
names = [line[1:].split()[0] for line in gzip.open(value["--contigs"], "rt") if line[0] == ">"]
with open(value["-o"] + "/bins.tsv", "w") as file:
    for name in names: print(name, "a" if name.startswith("g0") else "b", sep="\\t", file=file)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of contigs of 1.2 to 6 kb, and genomes beside it to learn from."""
    root = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(5)
    folder = root / "dev" / "tiny"
    folder.mkdir(parents=True)
    letters = np.frombuffer(b"ACGTN", np.uint8)
    truth = []
    with gzip.open(folder / "contigs.fa.gz", "wb", 1) as file:
        for genome, gc in enumerate((0.35, 0.5, 0.65)):
            species = g.draw_species(gc, rng)
            codes = g.build(g.draw_genes(species, rng, total=70_000), species, rng).codes
            for row in range(CONTIGS):
                length = 1200 if row == 0 else 4000 + 150 * row
                name = f"g{genome}_{row}"
                file.write(b">%s\n%s\n" % (name.encode(), letters[codes[row * 5000 :][:length]].tobytes()))
                truth.append(f"{name}\tg{genome}\t{length}\n")
    (folder / "truth.tsv").write_text("".join(truth))
    simulated.write(simulated.genomes(genera=6, genome_bp=14_000), root / "train")
    return root / "dev"


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


def bench(data: Path, line: str) -> None:
    with same_environment():
        runtime.limit_threads(1)
        main([str(data), "--threads", "1", "--device", "cpu", "--keep", "kept", *line.split()])


def test_encoders_are_measured_once_and_parts_are_shared(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "--encoders plain-4-mers,4-mers,whitening+4-mers --seeds none"
    bench(data, line)
    shown = capsys.readouterr().out
    assert shown.startswith("| tiny, 3 genomes | s | ARI | purity | 1-2 kb | 2-5 kb | 5-10 kb | 10+ kb | NC (MQ) |\n")
    rows = read(Path("encoders.tsv"), Row)
    assert [row.encoder for row in rows] == ["plain-4-mers", "4-mers", "whitening+4-mers"]
    for row in rows:
        assert float(row.ari) > 0.5
        assert 1 / 3 < float(row.purity) <= 1
        assert row.purity_1_2 and row.purity_2_5 and row.purity_5_10
        assert (row.purity_10, row.near_complete) == ("", "")
        assert (float(row.seconds) > 0) if row.encoder != "plain-4-mers" else not row.seconds
    assert Path("kept/4-mers", ERROR_LAW).exists()
    files = sorted(path.name.partition("-")[0] for path in Path("kept/tiny-1").glob("*.npz"))
    assert files == ["4_mers", "whitening"], "made once, put together"

    def never(*args: object, **more: object) -> Usage:
        raise AssertionError("it is in the table")

    monkeypatch.setattr(embeddings, "measure", never)
    bench(data, line)
    assert capsys.readouterr().out == shown
    assert read(Path("encoders.tsv"), Row) == rows
    bench(data, "--encoders whitening --seeds none")
    assert [row.encoder for row in read(Path("encoders.tsv"), Row)][3:] == ["whitening"], "from the file of the part"
    next(Path("kept/tiny-1").glob("whitening*.seconds")).unlink()
    bench(data, "--encoders whitening --seeds none -o other.tsv")
    assert read(Path("other.tsv"), Row)[0].seconds == "", "a file that somebody else made"


def test_windows_and_caps(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench(data, "--encoders whitening --seeds none --windows own,700 --max-windows 2 --fraction 0.9")
    rows = read(Path("encoders.tsv"), Row)
    assert [(row.window, row.max_windows, row.fraction) for row in rows] == [("own", "2", "0.9"), ("700", "2", "0.9")]
    assert rows[0].purity != "" != rows[1].purity
    assert len({row.ari for row in rows} | {row.purity for row in rows}) > 1
    shown = capsys.readouterr().out
    assert "| tiny, 3 genomes, 0.9 of the contigs |" in shown
    assert "| whitening, 700 bp, at most 2 |" in shown


def test_bins_are_scored(data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("fake.py").write_text(FAKE)
    fake = Tool(
        "fake",
        lambda job: ["fake.py", "--seed", str(job.seed), "--contigs", str(job.inputs.contigs), "-o", str(job.out)],
        "bins.tsv",
        program=sys.executable,
    )
    monkeypatch.setitem(TOOLS, "binner", fake)
    bench(data, "--encoders whitening --seeds 1,2")
    (row,) = read(Path("encoders.tsv"), Row)
    assert (row.genomes, row.near_complete, row.medium, row.near_complete_of_seeds) == ("3", "1", "1", "1 1")
    assert "| whitening | 1 | 1 |" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        bench(data, "--encoders whitening --seeds 1,13")
    assert "no luck" in capsys.readouterr().err
    assert len(read(Path("encoders.tsv"), Row)) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--encoders nonsense", "'nonsense' is neither"),
        ("--encoders whitening+plain-4-mers", "'plain-4-mers' is neither"),
        ("--sets none", "no set none; there are tiny"),
        ("--fraction 2", "not a fraction above 0 and up to 1: '2'"),
        ("--encoders whitening -o other.tsv", "other.tsv: not a table of this benchmark"),
        ("--encoders whitening --windows 50 --seeds none", "--window must be at least 200 bp, not 50"),
    ],
)
def test_mistakes(line: str, message: str, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.tsv").write_text("a\tb\n1\t2\n")
    with pytest.raises(SystemExit):
        bench(data, line)
    assert message in capsys.readouterr().err
    assert not Path("encoders.tsv").exists()


def test_the_latest_row_counts_and_sums_are_over_sets() -> None:
    row = Row("a", "x", "d", "own", "own", "1", "1 2 3", genomes="9", near_complete="3", medium="4")
    for each in (row, replace(row, set="b", near_complete="2.5"), replace(row, near_complete="5")):
        append(Path("t.tsv"), each)
    rows = read(Path("t.tsv"), Row)
    assert [(found.set, found.near_complete) for found in rows] == [("a", "5"), ("b", "2.5")]
    assert markdown(rows).endswith("| x | 7.5 | 2 |")
    assert read(Path("none.tsv"), Row) == []
