"""Learning the seeds' thresholds."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from benchmarks.profiles import Profiles, planted_profiles
from benchmarks.simulate import simulate
from binner.data import Contigs
from binner.errors import InputError
from binner.markers import profiles
from binner.markers.index import SEED
from binner.train import markers
from binner.train.markers import LEAST_CHANCE, LOWEST, MOST_CHANCE, chance, threshold


def write_fasta(path: Path, contigs: Contigs) -> None:
    path.write_text("".join(f">{name}\n{_bases(contigs, row)}\n" for row, name in enumerate(contigs.names)))


def _bases(contigs: Contigs, row: int) -> str:
    return np.frombuffer(b"ACGTN", np.uint8)[contigs[row]].tobytes().decode()


def test_chance_is_that_of_random_words() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(-40, 40, (6, 20)).astype(np.int8)
    background = rng.dirichlet(np.ones(20))
    found = chance(scores, background)
    words = rng.choice(20, (200_000, SEED), p=background)
    totals = [scores[start + np.arange(SEED), words].astype(int).sum(1) for start in range(2)]
    for bits in (-50, 0, 60, 100):
        expected = sum((total >= bits).mean() for total in totals)
        assert found[bits - LOWEST] == pytest.approx(expected, abs=0.005)
    assert found[0] == pytest.approx(2) and found[-1] == 0
    assert all(one >= two for one, two in itertools.pairwise(found))


def test_a_profile_shorter_than_a_seed_has_no_chance() -> None:
    assert not chance(np.zeros((SEED - 1, 20), np.int8), np.full(20, 0.05)).any()


def test_the_threshold_weighs_time_against_misses() -> None:
    falling = np.exp(-np.arange(1300) / 60.0)  # chance by threshold
    words = np.array([400, 420, 900, 950])
    cheap = threshold(falling, words + LOWEST, genes=1_000_000) - LOWEST
    dear = threshold(falling, words + LOWEST, genes=2) - LOWEST
    assert cheap == np.count_nonzero(falling >= LEAST_CHANCE) - 1  # a miss costs nothing: as high as is allowed
    assert dear == 400  # a miss costs all: no gene's best word is left out
    near = threshold(falling, np.array([100, 330]) + LOWEST, genes=2) - LOWEST
    assert near == 330 >= np.argmax(falling <= MOST_CHANCE) > 100  # the other one lies below what is allowed
    none = threshold(falling, np.zeros(0, np.int64), genes=1000) - LOWEST
    assert none == cheap


def test_learning_from_genomes(tmp_path: Path) -> None:
    some = planted_profiles()
    few = Profiles(some.names[::20], some.emissions[::20])
    made = simulate(species=1, genome_bp=(20_000, 21_000), contig_bp=30_000, spread=0, related=False, profiles=few)
    (tmp_path / "genomes").mkdir()
    write_fasta(tmp_path / "genomes" / "one.fa", made.contigs)
    write_fasta(tmp_path / "genomes" / "two.fna", made.contigs)
    (tmp_path / "genomes" / "notes.txt").write_text("not a genome")
    seen: list[tuple[int, int]] = []
    target = tmp_path / "seeds.tsv"
    genes = markers.learn(
        tmp_path / "genomes", target, threads=1, progress=lambda done, total: seen.append((done, total))
    )
    assert genes >= 2 * len(few.names) - 2
    assert seen == [(1, 2), (2, 2)]
    assert f"learnt from {genes} genes of 2 genomes" in target.read_text()
    learnt = profiles.read_seeds(target)
    assert set(learnt) == {profiles.profile_name(profile) for profile in profiles.load()}
    first = target.read_bytes()
    markers.learn(tmp_path / "genomes", target, threads=2)
    assert target.read_bytes() == first


def test_folders_without_anything_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no FASTA file in it to learn from"):
        markers.learn(tmp_path, tmp_path / "seeds.tsv", threads=1)
    (tmp_path / "random.fasta").write_text(">r\n" + "ACGTTGCA" * 200 + "\n")
    with pytest.raises(InputError, match="no marker gene in 1 files: are these genomes of bacteria or archaea"):
        markers.learn(tmp_path, tmp_path / "seeds.tsv", threads=1)
    assert not (tmp_path / "seeds.tsv").exists()
