"""Pairs: of one species, without overlap, of either strand, as long as asked for, the same for the same seed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from binner.data import I64, U8
from binner.errors import InputError, OptionError
from binner.train.options import SpeciesOptions
from binner.train.packed import Packed, pack
from binner.train.pairs import PairOptions, Pairs, mutate, reverse_complement, split
from binner.train.sources import Source
from tests.train.test_packed import fasta, some_codes


def genomes(tmp_path: Path, lengths: list[list[int]], *, species: list[int], genus: list[int] | None = None) -> Packed:
    """Genomes of random sequences of these lengths."""
    tmp_path.mkdir(exist_ok=True)
    sources = []
    for row, each in enumerate(lengths):
        sequences = [some_codes(length, 100 * row + part) for part, length in enumerate(each)]
        path = fasta(tmp_path / f"g{row}.fa", sequences)
        sources.append(Source(f"g{row}", path, f"s{species[row]:02}", f"{(genus or species)[row]:02}"))
    return pack(sources, tmp_path)


OPTIONS = PairOptions(pairs=4, shortest=300, longest=1500)
EVERYTHING = [[20_000], [4000, 3000], [700], [450, 350], [9000, 200]]


def all_species(made: Packed) -> I64:
    return np.unique(made.species)


@pytest.mark.parametrize("lengths", [(300, 300), (300, 1500), (1500, 1500), (5000, 5000)])
def test_two_pieces_of_one_genome_never_overlap(tmp_path: Path, lengths: tuple[int, int]) -> None:
    made = genomes(tmp_path, EVERYTHING, species=[0, 1, 2, 3, 4])
    pairs = Pairs(made, all_species(made), OPTIONS, seed=1)
    rng = np.random.default_rng(2)
    for species in range(5):
        row = np.flatnonzero(made.genome == species)
        for _ in range(100):
            first, second = pairs.places(species, np.array(lengths), rng=rng)
            assert first[1] <= second[0] or second[1] <= first[0]
            for place, length in zip((first, second), lengths, strict=True):
                assert 300 <= place[1] - place[0] <= length
                inside = (made.start[row] <= place[0]) & (place[1] <= made.start[row] + made.length[row])
                assert inside.sum() == 1, "within one sequence of that genome"
                if species == 0:
                    assert place[1] - place[0] == length


def test_every_base_is_reached(tmp_path: Path) -> None:
    made = genomes(tmp_path, [[650], [650]], species=[0, 1])
    pairs = Pairs(made, all_species(made), OPTIONS, seed=1)
    seen = np.zeros(650)
    rng = np.random.default_rng(1)
    for _ in range(1000):
        for start, stop in pairs.places(0, np.array([300, 310]), rng=rng):
            seen[start:stop] += 1
    assert seen.min() > 0


@pytest.mark.parametrize(("strains", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_two_genomes_of_a_species_where_that_is_allowed(tmp_path: Path, strains: float, expected: float) -> None:
    made = genomes(tmp_path, [[5000], [5000], [5000]], species=[0, 0, 1])
    pairs = Pairs(made, all_species(made), PairOptions(shortest=300, longest=600, strains=strains), seed=1)
    rng = np.random.default_rng(1)
    owners = []
    for _ in range(200):
        places = pairs.places(0, np.array([400, 400]), rng=rng)
        owners.append([int(made.genome[np.searchsorted(made.start, start, "right") - 1]) for start, _ in places])
    assert {owner for pair in owners for owner in pair} == {0, 1}
    assert np.mean([a != b for a, b in owners]) == pytest.approx(expected, abs=0.15)


def contains(codes: U8, piece: U8) -> bool:
    return codes.tobytes().find(piece.tobytes()) >= 0


def test_either_strand_and_log_uniform_lengths(tmp_path: Path) -> None:
    made = genomes(tmp_path, [[20_000]] * 6, species=list(range(6)))
    pairs = Pairs(made, all_species(made), OPTIONS, seed=5)
    forward, lengths = [], []
    for number in range(200):
        drawn = pairs.batch(number)
        assert len(set(drawn.species.tolist())) == 4
        for pieces in (drawn.first, drawn.second):
            assert len({len(piece) for piece in pieces}) == 1, "one length a batch: no padding"
            lengths.append(len(pieces[0]))
        for piece, species in zip(drawn.first, drawn.species.tolist(), strict=True):
            genome = made.codes(int(made.start[species]), int(made.start[species]) + 20_000)
            forward.append(contains(genome, piece))
            assert forward[-1] or contains(reverse_complement(genome), piece)
    assert np.mean(forward) == pytest.approx(0.5, abs=0.1)
    assert min(lengths) == pytest.approx(300, abs=15)
    assert max(lengths) == pytest.approx(1500, abs=50)
    assert np.mean(np.log(lengths)) == pytest.approx(np.log(300 * 1500) / 2, rel=0.015)


def test_the_number_of_the_batch_and_the_seed_say_it_all(tmp_path: Path) -> None:
    made = genomes(tmp_path, [[20_000]] * 6, species=list(range(6)))
    one, two, other = (Pairs(made, all_species(made), OPTIONS, seed=seed) for seed in (5, 5, 6))
    one.batch(3)
    for a, b in zip(one.batch(7).first, two.batch(7).first, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(one.batch(7).first[0], one.batch(8).first[0])
    assert not np.array_equal(one.batch(7).first[0], other.batch(7).first[0])


def test_parts_make_the_whole_batch(tmp_path: Path) -> None:
    made = genomes(tmp_path, [[20_000]] * 6, species=list(range(6)))
    pairs = Pairs(made, all_species(made), OPTIONS, seed=5)
    whole, parts = pairs.batch(2), [pairs.batch(2, part=part, parts=2) for part in range(2)]
    assert np.concatenate([part.species for part in parts]).tolist() == whole.species.tolist()
    for a, b in zip([p for part in parts for p in part.second], whole.second, strict=True):
        np.testing.assert_array_equal(a, b)


def test_genera_are_kept_out_whole(tmp_path: Path) -> None:
    number = 40
    made = genomes(tmp_path, [[1000]] * number, species=list(range(number)), genus=[i // 2 for i in range(number)])
    train, held_out = split(made, share=0.25, seed=3)
    assert sorted([*train, *held_out]) == list(range(number))
    assert not set(made.genus[train]) & set(made.genus[held_out])
    assert len(held_out) == 10
    assert all(np.array_equal(a, b) for a, b in zip(split(made, share=0.25, seed=3), (train, held_out), strict=True))
    assert split(made, share=0.25, seed=4)[1].tolist() != held_out.tolist()
    folds = [split(made, share=0.25, seed=3, fold=fold)[1] for fold in (1, 2, 3, 4)]
    assert folds[0].tolist() == held_out.tolist()
    assert sorted(np.concatenate(folds)) == list(range(number))
    with pytest.raises(OptionError, match=r"--fold 5: with --held-out 0\.25 there are 4"):
        SpeciesOptions(held_out=0.25, fold=5)


@pytest.mark.parametrize(("genera", "share", "sizes"), [(11, 0.3, [3, 4, 4]), (8, 0.1, [2, 2, 2, 2]), (7, 0.5, [4, 3])])
def test_every_genus_is_in_one_fold(tmp_path: Path, genera: int, share: float, sizes: list[int]) -> None:
    """Also where the share does not divide them, or asks for more folds than there are pairs of genera."""
    made = genomes(tmp_path, [[1000]] * genera, species=list(range(genera)))
    folds = [split(made, share=share, seed=3, fold=fold + 1)[1] for fold in range(len(sizes))]
    assert [len(fold) for fold in folds] == sizes
    assert sorted(np.concatenate(folds)) == list(range(genera))
    with pytest.raises(OptionError, match=rf"--fold {len(sizes) + 1}: {genera} genera, .* make {len(sizes)} folds"):
        split(made, share=share, seed=3, fold=len(sizes) + 1)


def test_too_little_to_train_on(tmp_path: Path) -> None:
    made = genomes(tmp_path / "a", [[1000]] * 3, species=[0, 1, 2])
    with pytest.raises(InputError, match="3 genera: 2 are kept out for validation, and training needs 2 species"):
        split(made, share=0.1, seed=1)
    with pytest.raises(InputError, match="0 species have two pieces of 600 bp"):
        Pairs(made, all_species(made), PairOptions(shortest=600), seed=1)


def test_reverse_complement_is_its_own_inverse() -> None:
    codes = some_codes(100, 1, gaps=((10, 20),))
    np.testing.assert_array_equal(reverse_complement(reverse_complement(codes)), codes)
    np.testing.assert_array_equal(reverse_complement(np.array([0, 1, 4, 2, 2], np.uint8)), [1, 1, 4, 2, 3])


def test_errors_come_at_the_rates_asked_for() -> None:
    codes = some_codes(20_000, 1, gaps=((5, 100),))
    rng = np.random.default_rng(1)
    np.testing.assert_array_equal(mutate(codes, substitutions=0, indels=0, rng=rng), codes)
    changed = [mutate(codes, substitutions=0.1, indels=0, rng=rng) for _ in range(200)]
    assert all(len(each) == len(codes) and (each[5:100] == 4).all() and each.max() == 4 for each in changed)
    assert np.mean([(each != codes).mean() for each in changed]) == pytest.approx(0.05, rel=0.15)
    lengths = [len(mutate(codes, substitutions=0, indels=0.1, rng=rng)) for _ in range(200)]
    assert np.mean(lengths) == pytest.approx(len(codes), rel=0.002), "as many insertions as deletions"
    assert np.std(lengths) > 10
    assert len(mutate(codes[:0], substitutions=0.1, indels=0.1, rng=rng)) == 0
