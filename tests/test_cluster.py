"""`binner cluster`: the steps one by one, each from the files of the one before, make what `binner run` makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commands import call, same_environment

DEMO = Path(__file__).parent.parent / "benchmarks" / "demo"
CONTIGS, BAMS = str(DEMO / "contigs.fa.gz"), [str(path) for path in sorted(DEMO.glob("*.bam"))]
ALONE = ("--no-markers", "--min-bin-size", "100000", "-q", "-t", "1")


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what `binner coverage` and `binner embed` make of the demo."""
    folder = tmp_path_factory.mktemp("steps")
    with same_environment():
        assert call("embed", CONTIGS, "-o", str(folder / "contigs.npz"), "-q", "-t", "1") == 0
        assert call("coverage", CONTIGS, "-b", *BAMS, "-o", str(folder / "depth.tsv"), "-q", "-t", "1") == 0
    return folder


def cluster(*args: str) -> int:
    return call("cluster", CONTIGS, *args, *ALONE)


def test_the_steps_make_what_run_makes(steps: Path, own_folder: Path) -> None:
    depth = ("--depth", str(steps / "depth.tsv"))
    assert cluster("--embedding", str(steps / "contigs.npz"), *depth, "-o", "steps") == 0
    assert call("run", CONTIGS, "-b", *BAMS, *ALONE, "-o", "run") == 0
    bins = Path("steps/contig2bin.tsv").read_text()
    assert bins == Path("run/contig2bin.tsv").read_text()
    assert len({line.split("\t")[1] for line in bins.splitlines()}) == 6


def test_without_coverage(steps: Path, own_folder: Path) -> None:
    assert cluster("--embedding", str(steps / "contigs.npz")) == 0
    assert "depth" not in Path("contigs_binner/bins.tsv").read_text()


def test_wrong_and_missing_pieces_take_one_line(
    steps: Path, own_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    embedding = ("--embedding", str(steps / "contigs.npz"))
    Path("others.tsv").write_text("x1\t2.5\nx2\t2.5\n")
    Path("no.npz").write_text("no embedding")
    for args, message in (
        ((), "Missing option '--embedding'"),
        (("--embedding", "none.npz"), "none.npz: no such file"),
        (("--embedding", "no.npz"), "no.npz: no embedding that `binner embed` wrote"),
        ((*embedding, "-m", "2000"), "contigs.npz: the embedding of other contigs; embed these, with the same -m"),
        ((*embedding, "--abundance", "others.tsv"), "others.tsv: names none of the"),
        ((*embedding, "--depth", "none.tsv"), "none.tsv: no such file"),
        ((*embedding, "-b", "S1.bam"), "No such option '-b'"),
        ((*embedding, "--encoder", "small"), "No such option '--encoder'"),
    ):
        assert cluster(*args, "-o", "out") == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.startswith("Error: ")
        assert error.count("\n") == 1
        assert not Path("out/bins").exists()
