"""AMBER's metrics against AMBER; the counts of genomes against their definitions, sklearn and the shared script."""

from __future__ import annotations

import csv
import json
import math
import random
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from sklearn.metrics import adjusted_rand_score

from binner.evaluate.bins import Score, amber, match_bins, overlap, score
from binner.evaluate.tables import Origin, Pairs, Truth, read_bins, read_truth
from tests.evaluate import amber_case

SCRIPT = Path(__file__).parent.parent.parent.parent / "shared" / "bench" / "score.py"


@pytest.fixture
def case(tmp_path: Path) -> tuple[Path, Path]:
    """Files of the made-up gold standard and binning."""
    gold, bins = tmp_path / "gold.binning", tmp_path / "bins.binning"
    gold.write_text(amber_case.gold())
    bins.write_text(amber_case.bins())
    return gold, bins


def test_metrics_are_those_of_amber(case: tuple[Path, Path]) -> None:
    """The expected numbers are those of cami-amber 2.0.8: `amber.py -g gold.binning -o out --skip_gs bins.binning`.

    They are in `out/results.tsv`; the counts of recovered genomes in `out/index.html`, and here from
    `GenomeQuery.calc_num_recovered_genomes`, which that page has them from.
    """
    gold, bins = case
    found = amber(overlap(read_truth(gold), read_bins(bins)))
    expected = {**amber_case.EXPECTED, **amber_case.RECOVERED}
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


@pytest.mark.skipif(shutil.which("amber.py") is None, reason="cami-amber is not installed")
def test_metrics_are_those_of_the_installed_amber(case: tuple[Path, Path], tmp_path: Path) -> None:
    gold, bins = case
    command = ["amber.py", "-g", str(gold), "-o", str(tmp_path / "out"), "--skip_gs", "--silent", str(bins)]
    subprocess.run(command, check=True, capture_output=True)
    with (tmp_path / "out" / "results.tsv").open() as file:
        row = next(csv.DictReader(file, delimiter="\t"))
    expected = {name: float(row[name]) for name in amber_case.EXPECTED}
    found = amber(overlap(read_truth(gold), read_bins(bins)))
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_no_bins() -> None:
    nothing = overlap({"a": Origin(("g",), 5), "b": Origin(("h",), 5)}, [])
    found = amber(nothing)
    assert math.isnan(found["precision_avg_bp"])
    assert math.isnan(found["f1_score_seq"])
    assert (found["recall_avg_bp"], found["accuracy_seq"], found["percentage_of_assigned_bps"]) == (0, 0, 0)
    assert score(nothing) == Score(genomes=2, bins=0, near_complete=0, medium=0, f1=0, ari=0)


def test_of_equals_the_first_counts() -> None:
    truth = {"a": Origin(("g",), 10), "b": Origin(("h",), 10), "c": Origin(("h",), 10)}
    found = overlap(truth, [("b", "x"), ("a", "x"), ("c", "y")])
    assert [match.genome for match in match_bins(found)] == ["h", "h"]


def test_contigs_of_several_genomes_count_for_that_of_their_bin() -> None:
    truth = {"a": Origin(("g",), 10), "b": Origin(("h", "g"), 5), "c": Origin(("h",), 8), "d": Origin(("h", "g"), 1)}
    found = overlap(truth, [("a", "x"), ("b", "x"), ("c", "y")])
    assert {name: amount.bp for name, amount in found.shared.items()} == {("x", "g"): 15, ("y", "h"): 8}
    assert {name: amount.bp for name, amount in found.genomes.items()} == {"g": 15, "h": 9}


def random_case(seed: int) -> tuple[Truth, Pairs]:
    """Genomes of contigs, and bins that mostly follow them; some contigs are in one of the two only."""
    rng = random.Random(seed)
    truth = {f"c{i}": Origin((f"g{rng.randrange(6)}",), rng.randrange(1, 40)) for i in range(rng.randrange(1, 60))}
    error = rng.choice([0.0, 0.05, 0.3])
    wrong = [f"b{rng.randrange(8)}" for _ in truth]
    bins = [
        (contig, other if rng.random() < error else f"b{origin.genomes[0][1:]}")
        for (contig, origin), other in zip(truth.items(), wrong, strict=True)
        if rng.random() < 0.95
    ]
    return truth, [*bins, ("of no genome", "b1")]


def recovered(truth: Truth, bins: Pairs, *, completeness: float, contamination: float) -> int:
    """By definition, from sets of bp; a bin that holds half of a genome so purely holds most of no other."""
    genomes, clusters = defaultdict[str, set[tuple[str, int]]](set), defaultdict[str, set[tuple[str, int]]](set)
    bin_of = dict(bins)
    for contig, (of, length) in truth.items():
        bp = {(contig, at) for at in range(length)}
        genomes[of[0]] |= bp
        if contig in bin_of:
            clusters[bin_of[contig]] |= bp
    return sum(
        any(
            len(own & found) / len(own) >= completeness and 1 - len(own & found) / len(found) <= contamination
            for found in clusters.values()
        )
        for own in genomes.values()
    )


@pytest.mark.parametrize("seed", range(40))
def test_scores_follow_their_definitions(seed: int) -> None:
    truth, bins = random_case(seed)
    found = score(overlap(truth, bins))
    assert found.near_complete == recovered(truth, bins, completeness=0.9, contamination=0.05)
    assert found.medium == recovered(truth, bins, completeness=0.5, contamination=0.1)
    assert found.genomes == len({origin.genomes for origin in truth.values()})
    bp = [
        (truth[contig].genomes, name) for contig, name in bins if contig in truth for _ in range(truth[contig].length)
    ]
    if bp:
        assert found.ari == pytest.approx(adjusted_rand_score([str(a) for a, _ in bp], [b for _, b in bp]), abs=1e-9)


def test_perfect_and_half_bins() -> None:
    truth = {"a": Origin(("g1",), 60), "b": Origin(("g1",), 40), "c": Origin(("g2",), 50)}
    perfect = score(overlap(truth, [("a", "x"), ("b", "x"), ("c", "y")]))
    assert (perfect.near_complete, perfect.medium, perfect.f1, perfect.ari) == (2, 2, 1, 1)
    half = score(overlap(truth, [("a", "x"), ("c", "y")]))
    assert (half.near_complete, half.medium) == (1, 2)
    assert half.f1 == pytest.approx((0.75 + 1) / 2)


@pytest.mark.benchmark
@pytest.mark.parametrize("seed", range(10))
def test_scores_are_those_of_the_shared_script(seed: int, tmp_path: Path) -> None:
    truth, bins = random_case(seed)
    (tmp_path / "truth.tsv").write_text("".join(f"{c}\t{of[0]}\t{n}\n" for c, (of, n) in truth.items()))
    (tmp_path / "bins.tsv").write_text("".join(f"{c}\t{b}\n" for c, b in bins))
    command = [sys.executable, str(SCRIPT), str(tmp_path / "truth.tsv"), str(tmp_path / "bins.tsv"), "--json"]
    wanted = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    found = score(overlap(read_truth(tmp_path / "truth.tsv"), read_bins(tmp_path / "bins.tsv")))
    assert [found.genomes, found.near_complete, found.medium, round(found.f1, 4), round(found.ari, 4)] == [
        wanted[name] for name in ("genomes", "c90_x5", "c50_x10", "mean_f1_genome", "ari_bp")
    ]
