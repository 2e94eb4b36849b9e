"""`binner evaluate embedding`: which contigs take part, and what comes out."""

from __future__ import annotations

import csv
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from binner.data import Contigs
from binner.errors import InputError, OptionError
from binner.evaluate import plot
from binner.evaluate.embedding import SampleOptions, draw, four_mers
from tests.assemblies import contigs_of, reverse_complement
from tests.commands import call


def assembly(*, each: int = 12, seed: int = 0) -> tuple[Contigs, dict[str, str]]:
    """Contigs of three genomes that differ in their bases, 500 to 4,999 bp, and the genome of all but the last."""
    rng = np.random.default_rng(seed)
    shares = ([0.4, 0.1, 0.1, 0.4], [0.1, 0.4, 0.4, 0.1], [0.1, 0.5, 0.1, 0.3])
    lengths = rng.integers(2500, 5000, 3 * each)
    lengths[::6] = 500
    pieces = [rng.choice(4, size, p=shares[row % 3]).astype(np.uint8) for row, size in enumerate(lengths)]
    contigs = contigs_of(*pieces)
    return contigs, {name: f"genome {row % 3}" for row, name in enumerate(contigs.names[:-1])}


OPTIONS = SampleOptions(min_length=400, most_bp=3000, members=4, per_genome=5)


def test_contigs_are_drawn() -> None:
    contigs, genome_of = assembly()
    sample = draw(contigs, genome_of, OPTIONS)
    assert sample.contigs.names == contigs.names[:-1]
    assert sample.lengths.tolist() == contigs.lengths[:-1].tolist()
    assert sample.contigs.lengths.max() == 3000
    for row in range(len(sample.contigs)):
        assert np.array_equal(sample.contigs[row], contigs[row][:3000])
    assert (sample.lengths[sample.long] >= 2500).all()
    assert np.bincount(sample.labels[sample.drawn]).tolist() == [5, 5, 5]
    assert set(sample.drawn) < set(sample.long)
    assert draw(contigs, genome_of, SampleOptions(400, most_bp=0)).contigs.lengths.max() > 3000


def test_genomes_of_few_contigs_are_not_binned() -> None:
    contigs, genome_of = assembly()
    rare = {name: "rare" if row < 3 else genome for row, (name, genome) in enumerate(genome_of.items())}
    sample = draw(contigs, rare, OPTIONS)
    assert len(sample.labels) == len(rare)
    assert len(np.unique(sample.labels[sample.long])) == 3
    with pytest.raises(InputError, match="0 genomes have 10 contigs"):
        draw(contigs, rare, SampleOptions(400, per_genome=10, long=4900))


def test_options() -> None:
    with pytest.raises(OptionError, match="--per-genome must be at least 10"):
        SampleOptions(per_genome=9)
    with pytest.raises(OptionError, match="--max-bp"):
        SampleOptions(most_bp=-1)


def test_four_mers_are_those_of_both_strands() -> None:
    contigs, _ = assembly()
    found = four_mers(contigs)
    assert found.shape == (36, 136)
    assert found.sum(1) == pytest.approx(1)
    assert np.array_equal(found, four_mers(reverse_complement(contigs)))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with contigs.fa and truth.tsv; the tests are in it."""
    monkeypatch.chdir(tmp_path)
    contigs, genome_of = assembly(each=40)
    letters = np.frombuffer(b"ACGTN", np.uint8)
    text = (f">{name}\n{letters[contigs[row]].tobytes().decode()}\n" for row, name in enumerate(contigs.names))
    Path("contigs.fa").write_text("".join(text))
    Path("truth.tsv").write_text("".join(f"{name}\t{genome}\n" for name, genome in genome_of.items()))
    return tmp_path


def test_table_and_plot(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(files.iterdir())
    args = ("truth.tsv", "contigs.fa", "-m", "400", "-t", "1", "--device", "cpu")
    assert call("evaluate", "embedding", *args, "-o", "out.tsv", "--plot", "out.svg") == 0
    assert capsys.readouterr().out == ""
    assert {path.name for path in set(files.iterdir()) - before} == {"out.tsv", "out.svg"}
    rows = list(csv.DictReader(Path("out.tsv").read_text().splitlines(), delimiter="\t"))
    assert {row["encoder"] for row in rows} == {"4-mers", "whitening"}
    assert {row["protocol"] for row in rows} == {"K-means", "few-shot", "K-medoid", "neighbours"}
    best = {row["metric"]: float(row["value"]) for row in rows if row["encoder"] == "4-mers" and not row["at"]}
    assert best["ARI"] > 0.5
    drawing = ElementTree.fromstring(Path("out.svg").read_text())
    texts = {element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")}
    assert {"4-mers", "whitening", "ARI", "20", "0.9", "2-5 kb"} <= texts


def test_a_plot_that_fails_costs_nothing_else(
    files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr(plot, "svg", fail)
    assert call("evaluate", "embedding", "truth.tsv", "contigs.fa", "--device", "cpu", "-q", "--plot", "out.svg") == 0
    out, err = capsys.readouterr()
    assert out.startswith("encoder\tprotocol\tmetric\tat\tvalue\tsd\tsequences\n")
    assert "out.svg: no plot" in err
    assert not Path("out.svg").exists()


def test_names_in_plots_are_text() -> None:
    drawing = ElementTree.fromstring(plot.svg({"a<b & c": []}))
    texts = [element.text for element in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert "a<b & c" in texts
    assert texts.count("too few contigs") == 4


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("none.tsv", "contigs.fa"), "none.tsv: no such file"),
        (("truth.tsv", "none.fa"), "none.fa: no such file"),
        (("other.tsv", "contigs.fa"), "other.tsv: names no contig of 1000 bp or more of contigs.fa"),
        (("truth.tsv", "contigs.fa", "--encoder", "whitening", "whitening"), "--encoder whitening: given twice"),
        (("truth.tsv", "contigs.fa", "--per-genome", "2"), "--per-genome must be at least 10"),
        (("truth.tsv", "contigs.fa", "--plot", "no/where.svg"), "--plot no/where.svg: there is no such folder"),
        (("truth.tsv", "contigs.fa", "-o", "contigs.fa"), "-o contigs.fa: one of the inputs"),
        (("truth.tsv", "contigs.fa", "--plot", "truth.tsv"), "--plot truth.tsv: one of the inputs"),
        (("truth.tsv", "contigs.fa", "-o", "t", "--plot", "t"), "-o and --plot are the same file: t; name two"),
        (("truth.tsv",), "Missing argument 'CONTIGS'"),
    ],
)
def test_mistakes_are_one_line(
    files: Path, args: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("other.tsv").write_text("z\tx\n")
    assert call("evaluate", "embedding", *args, "-q") == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err
