"""The ablation of the refinement head: its regimes, its variants, and a run of it that is taken up."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks import refinement
from benchmarks.files import write_contigs, write_truth
from benchmarks.regimes import MISSING, REGIMES, SHALLOW
from benchmarks.rows import read
from benchmarks.simulate import simulate
from binner import coverage
from binner.data import Coverage
from binner.refine import TERMS, RefineConfig

LENGTHS = np.random.default_rng(1).integers(1000, 20_000, 4000)


def depths(samples: int = 3) -> Coverage:
    mean = np.random.default_rng(0).lognormal(2, 1, (len(LENGTHS), samples)).astype(np.float32)
    return Coverage(tuple("abc"[:samples]), mean, mean, "names")


def test_regimes() -> None:
    whole = depths()
    found = {name: regime(whole, LENGTHS) for name, regime in REGIMES.items()}
    assert found["contigs"] is None
    assert {name: len(made.samples) for name, made in found.items() if made} == {
        "one": 1,
        "all": 3,
        "few-deep": 1,
        "missing": 3,
        "one-missing": 1,
    }
    shallow, missing = found["few-deep"], found["missing"]
    assert shallow is not None
    assert missing is not None
    assert np.median(shallow.mean) == pytest.approx(SHALLOW, rel=0.1)
    assert (shallow.mean > 4 * SHALLOW).any()
    absent = ~missing.known
    assert absent.mean() == pytest.approx(MISSING, abs=0.05)
    assert np.isnan(missing.mean[absent]).all()
    np.testing.assert_array_equal(missing.mean[~absent], whole.mean[~absent])
    alone = found["one-missing"]
    assert alone is not None
    np.testing.assert_array_equal(alone.mean, missing.mean[:, :1])


def test_every_term_has_its_variants() -> None:
    known = refinement.variants()
    assert known["plain"] is None
    for term in TERMS:
        without, alone = known[f"without-{term}"], known[f"with-{term}"]
        assert without is not None
        assert alone is not None
        assert set(without.terms) == set(TERMS) - {term}
        assert alone.terms == (term,)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one small set, and a head that is trained for two steps."""
    made = simulate(species=2, genome_bp=(210_000, 230_000), samples=2, related=False)
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    write_contigs(made.contigs, folder / "contigs.fa.gz", seed=1)
    write_truth(made.contigs, made.genome, made.genomes, folder / "truth.tsv")
    coverage.write_jgi(tmp_path / "depth.txt", made.contigs, made.coverage)
    (folder / "depth.jgi.txt.gz").write_bytes(gzip.compress((tmp_path / "depth.txt").read_bytes()))
    quick = RefineConfig(steps=20, contigs=16, hidden=8)
    monkeypatch.setattr(
        refinement, "variants", lambda: {"plain": None, "all": quick, "contrast": replace(quick, terms=())}
    )
    monkeypatch.setattr(refinement, "MIN_BIN", 100_000)
    return tmp_path / "data"


def test_a_run_is_taken_up(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = torch.get_num_threads()
    table = tmp_path / "table.tsv"
    line = [str(data), "--keep", str(tmp_path / "keep"), "--out", str(table), "--threads", "1", "--regimes", "one"]
    refinement.main([*line, "--seeds", "1", "--variants", "plain,all"])
    rows = read(table, refinement.Row)
    assert [(row.variant, row.genomes) for row in rows] == [("plain", "2"), ("all", "2")]
    assert rows[0].refined_oracle == rows[0].seconds == ""
    assert float(rows[1].seconds) > 0
    assert all(int(row.oracle) >= int(row.chosen) for row in rows)
    refinement.main([*line, "--seeds", "1", "--variants", "plain,all,contrast"])
    assert [row.variant for row in read(table, refinement.Row)] == ["plain", "all", "contrast"]
    shown = capsys.readouterr()
    assert shown.err.splitlines() == [f"toy, one: {name}, seed 1" for name in ("plain", "all", "contrast")]
    assert "| toy, one | contrast | 1 |" in shown.out
    torch.set_num_threads(before)


def test_mistakes_are_named(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        refinement.main([str(data), "--keep", str(tmp_path / "keep"), "--variants", "without-luck"])
    assert "not known: without-luck" in capsys.readouterr().err
