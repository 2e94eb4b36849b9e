"""The benchmark of growth: sets cut from genomes, smaller ones inside larger ones, and the powers in its tables."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import results, scaling
from benchmarks.__main__ import Plan
from benchmarks.results import Row, Stage
from benchmarks.tasks import ALL, find_tasks, prepare
from binner import fasta
from binner.train.genomes import Genomes

SEQUENCES = (30_000, 900, 12_000)  # bp, of each genome
ROW = Row("contigs-10", 3, 1.0, "binner", "1+ab", 1, 2, genomes=4, near_complete=2, cpu_seconds=3, peak_memory=1e9)


@pytest.fixture
def genomes() -> Genomes:
    rng = np.random.default_rng(0)
    lengths = np.tile(SEQUENCES, 4)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    codes = rng.integers(0, 4, offsets[-1], np.uint8)
    ids = np.arange(4)
    return Genomes(("a", "b", "c", "d"), ids, ids, codes, offsets, np.repeat(ids, len(SEQUENCES)))


def test_contigs_are_pieces_of_their_genomes(genomes: Genomes) -> None:
    made = scaling.assemble(genomes, 25, seed=1)
    assert len(made.contigs) == 25
    assert made.contigs.lengths.min() >= 1000
    per_genome = sum(SEQUENCES)
    text = [genomes.codes[at : at + per_genome].tobytes() for at in range(0, 4 * per_genome, per_genome)]
    assert all(made.contigs[row].tobytes() in text[genome] for row, genome in enumerate(made.genome))
    assert len({made.contigs[row].tobytes() for row in range(25)}) == 25


def test_a_smaller_set_lies_in_a_larger_one_and_has_its_depths(genomes: Genomes) -> None:
    few, many = (scaling.assemble(genomes, number, seed=1) for number in (12, 30))
    known = {many.contigs[row].tobytes(): row for row in range(30)}
    rows = [known[few.contigs[row].tobytes()] for row in range(12)]
    np.testing.assert_array_equal(few.genome, many.genome[rows])
    assert set(few.genome) < set(many.genome), "fewer contigs are of fewer genomes"
    np.testing.assert_allclose(few.coverage.mean, many.coverage.mean[rows], rtol=0.5, atol=3)


def test_more_contigs_than_the_genomes_have(genomes: Genomes) -> None:
    with pytest.raises(ValueError, match="10,000 are wanted"):
        scaling.assemble(genomes, 10_000, seed=1)


def test_a_set_is_written_once(genomes: Genomes, tmp_path: Path) -> None:
    folder = scaling.make_set(genomes, 20, tmp_path / "contigs-20", seed=1)
    (task,) = find_tasks(folder, [ALL], 1.0)
    assert (task.set, task.samples) == ("contigs-20", 3)
    inputs = prepare(task, tmp_path)
    contigs = fasta.read(inputs.contigs)
    assert [inputs.truth[name].length for name in contigs.names] == contigs.lengths.tolist()
    (folder / "depth.jgi.txt.gz").unlink()
    assert scaling.make_set(genomes, 20, folder, seed=1) == folder
    assert not (folder / "depth.jgi.txt.gz").exists()


def test_growth_is_the_power() -> None:
    assert scaling.growth([10, 30, 100], [5 * n**1.5 for n in (10, 30, 100)]) == pytest.approx(1.5)
    assert math.isnan(scaling.growth([10], [1]))


def test_the_tables_are_printed(
    genomes: Genomes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Clustering that grows with the square, and a stage that takes nothing."""

    def run(plan: Plan) -> None:
        for task in plan.tasks:
            size = int(task.set.removeprefix("contigs-"))
            stages = (Stage("clustering", 1, size**2, 1, kept=False), Stage("quality", 0.1, 0.1, 1, kept=False))
            (version,) = plan.versions.values()
            results.append(plan.table, replace(ROW, set=task.set, version=version, stages=stages))

    monkeypatch.setattr(scaling, "run", run)
    monkeypatch.setattr("binner.train.genomes.read", lambda _: genomes)
    table = tmp_path / "table.tsv"
    scaling.main(["genomes", "--contigs", "20,10", "--tools", "binner", "--out", str(table)])
    printed = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert printed[0] == ["binner, CPU seconds", "10 contigs", "20 contigs", "growth"]
    assert ["clustering", "100", "400", "2.00"] in printed
    assert ["quality", "0.1", "0.1", "-"] in printed
    assert ["peak memory, GB", "1.00", "1.00"] in [line[:3] for line in printed]
    assert ["near-complete genomes", "2 of 4", "2 of 4"] in [line[:3] for line in printed]
    with pytest.raises(SystemExit):
        scaling.main(["genomes", "--contigs", "20,10000", "--out", str(table)])
    assert "the genomes make no more than" in capsys.readouterr().err
