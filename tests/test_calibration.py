"""The fit of the membership's weights finds what made the data; the command from sets to a table and a picture."""

from __future__ import annotations

import gzip
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import calibration
from benchmarks.calibration import Known, Outcome, fit, judge, left_out, outcomes
from benchmarks.files import write_contigs, write_truth
from benchmarks.reliability import calibration_error, svg, table
from benchmarks.simulate import simulate
from binner.data import Bin, Contigs, Markers
from binner.membership import FEATURES, Pairs, probabilities

TRUE = np.array([0.5, -0.5, 0.8, 0.3, 0.6, 0.4, -0.5, 0.5, -0.7])


def drawn(seed: int, *, contigs: int = 6000) -> Known:
    """Contigs with two bins each, of which TRUE says how often each is right."""
    rng = np.random.default_rng(seed)
    contig, bin_ = np.repeat(np.arange(contigs), 2), np.tile([0, 1], contigs)
    inside = bin_ == 0
    features = rng.normal(size=(2 * contigs, len(FEATURES)))
    features[:, 0], features[:, 1] = inside, ~inside
    features[:, 4:] *= inside[:, None]
    pairs = Pairs(contig, bin_, inside, features)
    chance = probabilities(pairs, TRUE).reshape(contigs, 2)
    choice = (rng.random((contigs, 1)) > np.cumsum(chance, 1)).sum(1)  # 2 = neither
    return Known(pairs, (choice[:, None] == [0, 1]).ravel())


def test_the_fit_finds_the_weights_that_made_the_data() -> None:
    weights = fit([drawn(1), drawn(2)], sets=["a", "b"])
    np.testing.assert_allclose(weights, TRUE, atol=0.12)
    own, second = outcomes(drawn(3), weights)
    assert calibration_error(own.chance, own.right) < 0.03
    assert calibration_error(second.chance, second.right) < 0.03
    wrong, _ = outcomes(drawn(3), 4 * TRUE)
    assert calibration_error(wrong.chance, wrong.right) > 0.1


def test_a_set_is_judged_by_the_weights_of_the_others() -> None:
    liar = drawn(5)
    liar = Known(liar.pairs, ~liar.right)
    found = {("a", 0): drawn(4), ("b", 0): liar}
    own, _ = left_out(found)
    by_a = outcomes(liar, fit([found["a", 0]], sets=["a"]))[0]
    np.testing.assert_allclose(own["b", 0].chance, by_a.chance, atol=1e-6)


def test_the_error_of_a_calibration() -> None:
    chance = np.repeat([0.05, 0.95], 100)
    right = np.concatenate([np.arange(100) < 5, np.arange(100) < 75])
    assert calibration_error(chance, right) == pytest.approx((0 + 0.2) / 2)
    assert calibration_error(np.ones(4), np.ones(4, bool)) == 0
    assert calibration_error(np.zeros(0), np.zeros(0, bool)) == 0


def test_a_bin_is_of_the_genome_that_most_of_its_bp_are_of() -> None:
    bins = [Bin(np.array([0, 1, 2]), 60, 1.0), Bin(np.array([3]), 5, 1.0)]
    pairs = Pairs(np.array([0, 1, 2, 3, 4]), np.array([0, 0, 0, 1, 0]), np.arange(5) < 4, np.zeros((5, len(FEATURES))))
    known = judge(pairs, bins, np.array([7, 7, 2, -1, 2]), lengths=np.array([10, 10, 40, 5, 9]))
    assert known.pairs.contig.tolist() == [0, 1, 2, 4]
    assert known.right.tolist() == [False, False, True, True]


def test_table_and_picture() -> None:
    rng = np.random.default_rng(0)
    chance = rng.random(2000)
    outcome = Outcome(chance, rng.random(2000) < chance)
    empty = Outcome(np.zeros(0), np.zeros(0, bool))
    text = table({("a", 0): outcome, ("a", 3): outcome}, {("a", 0): outcome, ("a", 3): empty})
    assert [line.split(" | ")[0] for line in text.splitlines()[2:]] == ["| a, 0", "| a, 3", "| mean"]
    picture = ElementTree.fromstring(svg({("a", 0): outcome}, {("a", 0): empty}))
    assert len([node for node in picture.iter() if node.tag.endswith("circle")]) == 10


def no_markers(contigs: Contigs) -> Markers:
    none = np.zeros((len(contigs), 1), np.uint8)
    return Markers(("universal:a",), none, none, contigs.names_digest)


def test_the_command_bins_the_sets_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("binner.markers.find", lambda contigs, **_: no_markers(contigs))
    for seed in (1, 2):
        made = simulate(species=2, genome_bp=(210_000, 220_000), samples=2, related=False, seed=seed)
        folder = tmp_path / "data" / f"set{seed}"
        folder.mkdir(parents=True)
        write_contigs(made.contigs, folder / "contigs.fa.gz", seed=seed)
        write_truth(made.contigs, made.genome, made.genomes, folder / "truth.tsv")
        if seed == 2:
            continue  # a set of contigs alone
        with gzip.open(folder / "depth.jgi.txt.gz", "wt") as file:
            file.write("contigName\tcontigLen\ttotalAvgDepth\tS1\tS1-var\tS2\tS2-var\n")
            for name, length, mean in zip(made.contigs.names, made.contigs.lengths, made.coverage.mean, strict=True):
                file.write(f"{name}\t{length}\t{mean.sum():.4g}\t{mean[0]:.4g}\t0\t{mean[1]:.4g}\t0\n")
    command = [str(tmp_path / "data"), "--keep", str(tmp_path / "kept"), "--plot", str(tmp_path / "plot.svg")]
    calibration.main(command)
    said = capsys.readouterr().out
    assert "WEIGHTS = (" in said
    tasks = [line.split(" | ")[0] for line in said.splitlines()[-5:-1]]
    assert tasks == ["| set1, 0", "| set1, 1", "| set1, 2", "| set2, 0"]
    assert "<svg" in (tmp_path / "plot.svg").read_text()
    monkeypatch.setattr(calibration, "measure", lambda *_, **__: pytest.fail("binned again"))
    calibration.main(command)
    assert capsys.readouterr().out.splitlines()[-6:] == said.splitlines()[-6:]
