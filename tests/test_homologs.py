"""Homologs of simulated relatives: found where both reach, whatever strand, order and threads, and nowhere else."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from benchmarks.genomes import Gene, Species, build, draw_genes, draw_species, mutate_genes, relative_of
from binner import homologs as module
from binner.data import U8, Contigs, Homologs, silent
from binner.encoders import locate
from binner.encoders.frames import REVERSE, read
from binner.encoders.whitening import Whitening
from binner.homologs import find
from binner.homologs import kernel as kernel

ODDS = Whitening.load(locate("whitening")).odds
Pairs = dict[tuple[str, str], int]


def contigs_of(sequences: dict[str, U8]) -> Contigs:
    offsets = np.cumsum([0, *map(len, sequences.values())])
    return Contigs(tuple(sequences), np.concatenate([np.zeros(0, np.uint8), *sequences.values()]), offsets)


def other_strand(codes: U8) -> U8:
    return np.where(codes > 3, 4, 3 - codes)[::-1].astype(np.uint8)


def genome(genes: list[Gene], species: Species, seed: int) -> U8:
    return build(genes, species, np.random.default_rng(seed)).codes


def pieces(name: str, codes: U8, length: int) -> dict[str, U8]:
    return {f"{name}{i}": codes[at : at + length] for i, at in enumerate(range(0, len(codes) - length + 1, length))}


def pairs_of(contigs: Contigs, *, threads: int = 1) -> Pairs:
    found = find(contigs, threads=threads)
    assert found.names_digest == contigs.names_digest
    names = [(contigs.names[a], contigs.names[b]) for a, b in found.contigs.tolist()]
    assert len(set(names)) == len(names)
    return {(min(pair), max(pair)): bp for pair, bp in zip(names, found.bp.tolist(), strict=True)}


@pytest.fixture(scope="module")
def relatives() -> dict[str, U8]:
    """Two relatives of 150 kb in contigs of 5 and 8 kb, and a stranger."""
    rng = np.random.default_rng(7)
    species = draw_species(0.5, rng)
    genes = draw_genes(species, rng, total=150_000)
    relative = relative_of(species, rng)
    # The same genes in the same order: what stands between them, and operons, are drawn alike
    others = mutate_genes(genes, relative, rng, rate=0.25)
    stranger = draw_species(0.42, rng)
    sequences = pieces("a", genome(genes, species, 1), 5000) | pieces("b", genome(others, relative, 1), 8000)
    return sequences | pieces("c", genome(draw_genes(stranger, rng, total=100_000), stranger, 2), 5000)


def test_contigs_of_relatives_are_homologs_and_no_others(relatives: dict[str, U8]) -> None:
    found = pairs_of(contigs_of(relatives))
    assert {tuple(sorted(name[0] for name in pair)) for pair in found} == {("a", "b")}
    of_a, of_b = ({name for pair in found for name in pair if name[0] == letter} for letter in "ab")
    assert len(of_a) >= 0.7 * sum(name[0] == "a" for name in relatives)
    assert len(of_b) >= 0.7 * sum(name[0] == "b" for name in relatives)
    for (one, other), bp in found.items():
        assert module.LEAST_BP <= bp <= min(len(relatives[one]), len(relatives[other]))
        # Both genomes are colinear, so contigs that share a stretch lie at about the same place
        assert abs(int(one[1:]) * 5000 - int(other[1:]) * 8000) < 16_000


def test_strand_order_and_threads_change_nothing(relatives: dict[str, U8]) -> None:
    expected = pairs_of(contigs_of(relatives))
    turned = {name: other_strand(codes) if i % 3 else codes for i, (name, codes) in enumerate(relatives.items())}
    assert pairs_of(contigs_of(turned), threads=2) == expected
    names = np.random.default_rng(1).permutation(list(relatives)).tolist()
    assert pairs_of(contigs_of({name: relatives[name] for name in names})) == expected


def test_batches_change_nothing(relatives: dict[str, U8], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = pairs_of(contigs_of(relatives))
    monkeypatch.setattr(module, "BATCH", 12_000)
    assert pairs_of(contigs_of(relatives), threads=2) == expected


def test_assemblies_are_looked_at_each_on_its_own(relatives: dict[str, U8]) -> None:
    """The same contigs in many samples: as many pairs in each, though every word is in more places than may be."""
    expected = pairs_of(contigs_of(relatives))
    samples = module.MOST_PLACES[0] + 1
    many = contigs_of({f"{name}:{i}": codes for i in range(samples) for name, codes in relatives.items()})
    assembly = np.repeat(np.arange(samples, dtype=np.int32), len(relatives))
    found = find(many, assembly=assembly, threads=2)
    assert len(found.bp) == samples * len(expected)
    assert (assembly[found.contigs[:, 0]] == assembly[found.contigs[:, 1]]).all()
    assert not len(find(many, threads=2).bp), "as one assembly they are repeats"


def test_a_genome_in_many_copies_takes_no_more_room_than_there_is(
    relatives: dict[str, U8], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten copies of the stranger: each of its words would be 45 hits. The relatives are found as without them."""
    expected = pairs_of(contigs_of(relatives))
    copies = {f"{name}.{i}": codes for i in range(9) for name, codes in relatives.items() if name[0] == "c"}
    contigs = contigs_of(relatives | copies)
    words = module._sample(contigs, threads=1, progress=silent)
    hits, _ = module._shared(words, contigs.lengths)
    assert len(hits) > len(contigs.codes) // module.BP_OF_A_HIT, "as long as that is little all are kept"
    monkeypatch.setattr(module, "FREE_HITS", 0)
    hits, at = module._shared(words, contigs.lengths)
    assert 0 < len(hits) == len(at) < len(contigs.codes) // module.BP_OF_A_HIT
    with caplog.at_level("INFO"):
        assert pairs_of(contigs) == expected
    assert "words in more than 8 places are left out" in caplog.text


def test_one_species_has_none() -> None:
    """Haplotypes of one genome, and what was assembled twice, are no sign of a relative."""
    rng = np.random.default_rng(3)
    species = draw_species(0.55, rng)
    codes = genome(draw_genes(species, rng, total=80_000), species, 1)
    haplotype = codes.copy()
    changed = rng.random(len(codes)) < 0.002
    haplotype[changed] = (haplotype[changed] + rng.integers(1, 4, changed.sum())) % 4
    assert not pairs_of(contigs_of(pieces("a", codes, 5000) | pieces("b", haplotype, 5000)))


def test_a_gene_inside_both_contigs_is_none() -> None:
    """What a genome has twice, with other genes on either side, is not told from what two genomes have once."""
    rng = np.random.default_rng(4)
    species = draw_species(0.5, rng)
    repeated = draw_genes(species, rng, total=1500)[:1]
    sequences = {}
    for name in "xy":
        around = [genome(draw_genes(species, rng, total=8000), species, seed) for seed in (1, 2)]
        middle = genome(mutate_genes(repeated, species, rng, rate=0.1), species, 3)
        sequences[name] = np.concatenate([around[0], middle, around[1]])
    assert not pairs_of(contigs_of(sequences))


@pytest.mark.parametrize("lengths", [[], [0], [50], [50, 3000], [3000, 3000]])
def test_little_is_enough_for_nothing(lengths: list[int]) -> None:
    rng = np.random.default_rng(0)
    contigs = contigs_of({f"c{i}": rng.integers(0, 5, length).astype(np.uint8) for i, length in enumerate(lengths)})
    found = find(contigs, threads=2)
    assert found.contigs.shape == (0, 2)
    assert found.bp.shape == (0,)


def slow_words(codes: U8) -> set[tuple[str, int, bool]]:
    """Words of residues, where they begin on the contig (bp), and whether they are read along it."""
    words, frame, flipped = read(codes, 0, len(codes), ODDS, REVERSE)
    letters = {}
    for i in range(len(words)):
        if frame[i] < 6 and words[i] >= 0:
            residue = int(kernel.RESIDUE[words[i] if frame[i] < 3 else REVERSE[words[i]]])
            if residue < 20:
                letters[i] = (int(frame[i]), chr(65 + residue))
    found = set()
    for i in letters:
        own = [letters.get(i + 3 * step) for step in range(kernel.WORD)]
        if all(each is not None and each[0] == letters[i][0] for each in own):
            text = "".join(each[1] for each in own if each)
            along = letters[i][0] < 3
            place = len(codes) - kernel.WORD_BP - i if flipped else i
            found.add((text if along else text[::-1], place, along != flipped))
    return found


def test_words_are_those_of_a_slow_reference(relatives: dict[str, U8]) -> None:
    sequences = [relatives["a0"], other_strand(relatives["b1"]), relatives["c2"].copy()]
    sequences[2][1000:1010] = 4
    codes, offsets = np.concatenate(sequences), np.cumsum([0, *map(len, sequences)])
    out = np.empty(len(codes), np.uint32), np.empty(len(codes), np.uint32), np.empty(3, np.int64)
    total = kernel.sample(codes, offsets, ODDS, 1, out)
    hashes, places, numbers = out[0][:total], out[1][:total], out[2]
    assert total == numbers.sum()
    hash_of: dict[str, int] = {}
    for sequence, own, where in zip(
        sequences, np.split(hashes, np.cumsum(numbers)), np.split(places, np.cumsum(numbers)), strict=False
    ):
        expected = {(place, along): text for text, place, along in slow_words(sequence)}
        assert {(int(p) >> 1, bool(p & 1)) for p in where} == set(expected)
        assert (np.diff(where.astype(np.int64)) > 0).all(), "place by place"
        for value, place in zip(own.tolist(), where.tolist(), strict=True):
            assert hash_of.setdefault(expected[place >> 1, bool(place & 1)], value) == value
    assert len(set(hash_of.values())) == len(hash_of)
    sampled = kernel.sample(codes, offsets, ODDS, 4, out)
    assert total / 5 < sampled < total / 3
    assert set(out[0][:sampled].tolist()) < set(hash_of.values())


def test_words_between_two_places() -> None:
    places = np.array(
        [2, 21, 60, 61, 200, 4, 80], np.uint32
    )  # at 1, 10, 30, 30, 100 bp of one contig, 2, 40 of another
    first = np.array([0, 5, 7])
    for contig, start, stop, expected in ((0, 0, 200, 5), (0, 2, 54, 3), (0, 2, 53, 1), (1, 0, 26, 1), (1, 50, 90, 0)):
        found = kernel.words_between(places, first, np.array([contig]), np.array([start]), np.array([stop]))
        assert found.tolist() == [expected]


def test_links_of_every_contig_and_those_of_some() -> None:
    homologs = Homologs(np.array([[0, 2], [1, 4], [2, 4]]), np.array([900, 800, 700]), "names")
    first, other, bp = homologs.links(6)
    links = {
        row: list(zip(other[a:b].tolist(), bp[a:b].tolist(), strict=True)) for row, (a, b) in enumerate(pairwise(first))
    }
    assert links == {0: [(2, 900)], 1: [(4, 800)], 2: [(0, 900), (4, 700)], 3: [], 4: [(1, 800), (2, 700)], 5: []}
    part = homologs.select(np.array([1, 2, 4]))
    assert part.contigs.tolist() == [[0, 2], [1, 2]]
    assert part.bp.tolist() == [800, 700]
    assert part.names_digest != homologs.names_digest
    assert homologs.select(np.array([0, 1])).contigs.shape == (0, 2)


@pytest.mark.parametrize("pair", [*combinations([2, 1, 0], 2), (1, 1)])
def test_pairs_are_two_contigs_the_smaller_first(pair: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="smaller row first"):
        Homologs(np.array([pair]), np.array([900]), "names")
