"""Others' bins: read whole, and the best of each genome chosen among them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.simulate import Metagenome, simulate
from binner import recluster
from binner.config import CoverageConfig, RunConfig
from binner.coverage import write_jgi
from binner.data import UNSEEN, Contigs
from binner.errors import InputError, OptionError
from binner.pipeline.run import run
from tests.commands import call


def named(*lengths: int) -> Contigs:
    """Contigs a, b, ... of these lengths."""
    names = tuple("abcdefgh"[: len(lengths)])
    return Contigs(names, np.zeros(sum(lengths), np.uint8), np.cumsum([0, *lengths]))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_partition_for_each_binner(tmp_path: Path) -> None:
    contigs = named(30, 10, 20, 20)
    table = write(tmp_path / "x.tsv", "a\tbin.1\nb\tbin.2\nc\tbin.1\nelsewhere\tbin.3\n")
    semibin = write(tmp_path / "contig_bins.tsv", "contig\tbin\na\t0\nb\t-1\nd\t0\nc\t5\n")
    folder = tmp_path / "bins"
    folder.mkdir()
    write(folder / "1.fa", ">a\nACGT\n")
    write(folder / "2.fa", ">c\nAC\n>d\nAC\n")
    found = recluster.read_partitions([table, semibin, folder], contigs)
    assert [each.labels.tolist() for each in found] == [[0, 1, 0, -1], [0, UNSEEN, 1, 0], [0, UNSEEN, 1, 1]]
    assert [each.method for each in found] == [str(table), str(semibin), str(folder)]
    assert all(each.votes for each in found)


def test_a_binner_without_bins_says_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "bins").mkdir()
    (found,) = recluster.read_partitions([tmp_path / "bins"], named(10, 20))
    assert found.labels.tolist() == [UNSEEN, UNSEEN]
    assert "bins: no bins in it (FASTA files)" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\tx\nb\tx\na\ty\n", r"contig 'a' is in two bins, 'x' and 'y'"),
        ("k1\tx\n", r"names none of the 2 contigs \(its first is 'k1', theirs 'a'\)"),
        ("a\n", "1 columns"),
    ],
)
def test_what_are_no_bins_of_these_contigs(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        recluster.read_partitions([write(tmp_path / "x.tsv", text)], named(10, 20))


@pytest.fixture(scope="module")
def made() -> Metagenome:
    return simulate(species=4, genome_bp=(250_000, 300_000), related=False, seed=5)


@pytest.fixture
def folder(made: Metagenome, own_folder: Path) -> Path:
    """Contigs; bins of three binners, each of which has one genome as it is, splits one and mixes two."""
    letters = np.frombuffer(b"ACGTN", np.uint8)
    with Path("contigs.fa").open("wb") as file:
        for row, name in enumerate(made.contigs.names):
            file.write(b">%s\n%s\n" % (name.encode(), letters[made.contigs[row]].tobytes()))
    half = np.arange(len(made.genome)) % 2
    for place in range(3):
        whole, split, *mixed = np.roll(np.arange(4), place)
        labels = np.where(np.isin(made.genome, mixed), 9, made.genome)
        labels = np.where(made.genome == split, 10 + half, labels)
        labels = np.where(made.contigs.lengths < 1500, -1, labels)  # left out, as MetaBAT2 does
        assert (labels == whole).any()
        rows = np.flatnonzero(labels >= 0)
        Path(f"{place}.tsv").write_text("".join(f"{made.contigs.names[row]}\tb{labels[row]}\n" for row in rows))
    return own_folder


def held(out: str, made: Metagenome) -> set[frozenset[int]]:
    """The genomes in each bin."""
    genome = dict(zip(made.contigs.names, made.genome.tolist(), strict=True))
    bins: dict[str, set[int]] = {}
    for line in Path(out, "contig2bin.tsv").read_text().splitlines():
        name, found = line.split("\t")
        bins.setdefault(found, set()).add(genome[name])
    return {frozenset(each) for each in bins.values()}


@pytest.mark.usefixtures("folder")
def test_the_best_of_three_binners(made: Metagenome) -> None:
    """A genome that two of three have as it is, or half and mixed, comes out as the best of them has it."""
    write_jgi(Path("depth.tsv"), made.contigs, made.coverage)
    line = ["recluster", "contigs.fa", "0.tsv", "1.tsv", "2.tsv", "--min-bin-size", "50000", "--no-markers"]
    assert call(*line, "--depth", "depth.tsv", "-q") == 0
    assert {frozenset([genome]) for genome in (0, 2, 3)} <= held("contigs_reclustered", made)
    assert "depth:" in Path("contigs_reclustered/bins.tsv").read_text()


@pytest.mark.usefixtures("folder")
def test_one_binner_comes_out_as_it_is() -> None:
    config = RunConfig(
        Path("contigs.fa"), bins=(Path("1.tsv"),), markers=False, min_bin_size=0, min_length=200, out=Path("again")
    )
    run(config)
    names = [line.split("\t") for line in Path("again/contig2bin.tsv").read_text().splitlines()]
    before = dict(line.split("\t") for line in Path("1.tsv").read_text().splitlines())
    pairs = {(before[name], found) for name, found in names}
    assert len(names) == len(before)
    assert len(pairs) == len({name for name, _ in pairs}) == len({found for _, found in pairs})


@pytest.mark.usefixtures("folder")
def test_bins_are_not_written_over() -> None:
    Path("contigs_reclustered").mkdir()
    Path("contigs_reclustered/x.tsv").touch()
    with pytest.raises(OptionError, match=r"contigs_reclustered/x\.tsv would be overwritten; choose another -o"):
        run(RunConfig(Path("contigs.fa"), bins=(Path("contigs_reclustered/x.tsv"),), coverage=CoverageConfig()))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("bins", "message"),
    [("none.tsv", "none.tsv: no such file"), ("other.fa", "FASTA, and not a table"), ("", "Missing argument 'BINS")],
)
def test_mistakes_leave_nothing_behind(bins: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("other.fa").write_bytes(Path("contigs.fa").read_bytes())
    assert call("recluster", "contigs.fa", *bins.split(), "--no-markers", "-q") == 2
    assert message in capsys.readouterr().err
    assert not Path("contigs_reclustered").exists()
