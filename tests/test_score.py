"""The score of bins: against definitions, sklearn and the shared script, and what it reads."""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from sklearn.metrics import adjusted_rand_score

from benchmarks.score import read_bins, read_truth, score

SCRIPT = Path(__file__).parent.parent.parent / "shared" / "bench" / "score.py"
Truth = dict[str, tuple[str, int]]


def random_case(seed: int) -> tuple[Truth, dict[str, str]]:
    """Genomes of contigs, and bins that mostly follow them; some contigs are in one of the two only."""
    rng = random.Random(seed)
    truth = {f"c{i}": (f"g{rng.randrange(6)}", rng.randrange(1, 40)) for i in range(rng.randrange(1, 60))}
    error = rng.choice([0.0, 0.05, 0.3])
    wrong = [f"b{rng.randrange(8)}" for _ in truth]
    bins = {
        contig: other if rng.random() < error else f"b{genome[1:]}"
        for (contig, (genome, _)), other in zip(truth.items(), wrong, strict=True)
        if rng.random() < 0.95
    }
    return truth, bins | {"of no genome": "b1"}


def recovered(truth: Truth, bins: dict[str, str], *, completeness: float, contamination: float) -> int:
    """By definition, from sets of bp; a bin that holds half of a genome so purely holds most of no other."""
    genomes, clusters = defaultdict[str, set[tuple[str, int]]](set), defaultdict[str, set[tuple[str, int]]](set)
    for contig, (genome, length) in truth.items():
        bp = {(contig, at) for at in range(length)}
        genomes[genome] |= bp
        if contig in bins:
            clusters[bins[contig]] |= bp
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
    found = score(truth, bins)
    assert found.near_complete == recovered(truth, bins, completeness=0.9, contamination=0.05)
    assert found.medium == recovered(truth, bins, completeness=0.5, contamination=0.1)
    assert found.genomes == len({genome for genome, _ in truth.values()})
    bp = [(truth[contig][0], name) for contig, name in bins.items() if contig in truth for _ in range(truth[contig][1])]
    if len({genome for genome, _ in bp}) > 1:  # with one, sklearn calls 0 / 0 perfect
        assert found.ari == pytest.approx(adjusted_rand_score([a for a, _ in bp], [b for _, b in bp]), abs=1e-9)


def test_perfect_and_empty_bins() -> None:
    truth = {"a": ("g1", 60), "b": ("g1", 40), "c": ("g2", 50)}
    perfect = score(truth, {"a": "x", "b": "x", "c": "y"})
    assert (perfect.near_complete, perfect.medium, perfect.f1, perfect.ari) == (2, 2, 1, 1)
    nothing = score(truth, {})
    assert (nothing.genomes, nothing.bins, nothing.near_complete, nothing.f1, nothing.ari) == (2, 0, 0, 0, 0)
    half = score(truth, {"a": "x", "c": "y"})
    assert (half.near_complete, half.medium) == (1, 2)
    assert half.f1 == pytest.approx((0.75 + 1) / 2)


@pytest.mark.benchmark
@pytest.mark.parametrize("seed", range(10))
def test_scores_are_those_of_the_shared_script(seed: int, tmp_path: Path) -> None:
    truth, bins = random_case(seed)
    (tmp_path / "truth.tsv").write_text("".join(f"{c}\t{g}\t{n}\n" for c, (g, n) in truth.items()))
    (tmp_path / "bins.tsv").write_text("".join(f"{c}\t{b}\n" for c, b in bins.items()))
    command = [sys.executable, str(SCRIPT), str(tmp_path / "truth.tsv"), str(tmp_path / "bins.tsv"), "--json"]
    wanted = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    found = score(read_truth(tmp_path / "truth.tsv"), read_bins(tmp_path / "bins.tsv"))
    assert [found.genomes, found.near_complete, found.medium, round(found.f1, 4), round(found.ari, 4)] == [
        wanted[name] for name in ("genomes", "c90_x5", "c50_x10", "mean_f1_genome", "ari_bp")
    ]


def test_bins_are_read_from_folders_and_tables(tmp_path: Path) -> None:
    folder = tmp_path / "bins"
    folder.mkdir()
    (folder / "1.fa").write_text(">a words\nAC\nGT\n>b\nA\n")
    with gzip.open(folder / "2.fasta.gz", "wt") as file:
        file.write(">c\nA\n")
    (folder / "notes.txt").write_text(">d\n")
    assert read_bins(folder) == {"a": "1.fa", "b": "1.fa", "c": "2.fasta.gz"}
    table = tmp_path / "table.tsv"
    table.write_text("a\tx\nb\ty\n")
    assert read_bins(table) == {"a": "x", "b": "y"}
    table.write_text("#Version\n@@SEQUENCEID\tBINID\ncontig\tbin\na\tx\n")
    assert read_bins(table) == {"a": "x"}
    table.write_text("clustername\tcontigname\nx\ta\nx\tb\n")
    assert read_bins(table) == {"a": "x", "b": "x"}
