"""The scan of reading frames, with small profiles whose homologues are planted by hand."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pytest

from benchmarks.genomes import AMINO, CODONS
from binner.data import F32, U8, Contigs
from binner.genetic_code import RESIDUES
from binner.markers import kernel, scan
from binner.markers.index import SeedIndex, build_index
from binner.markers.scan import Candidates
from tests.assemblies import contigs_of, reverse_complement

LENGTH = 60  # of the profiles
LEAST = np.full(2, 30, np.float32)
TGA = np.array([3, 2, 0], np.uint8)

Rng = np.random.Generator


def proteins_of_profiles() -> npt.NDArray[np.int64]:
    return np.random.default_rng(1).integers(0, 20, (2, LENGTH))


@pytest.fixture(scope="module")
def index() -> SeedIndex:
    matrices = []
    for protein in proteins_of_profiles():
        matrix = np.full((LENGTH, 20), -3, np.float32)
        matrix[np.arange(LENGTH), protein] = 4
        matrices.append(matrix)
    return build_index(matrices, np.array([20, 20], np.float32))


def encoded(protein: npt.NDArray[np.int64], rng: Rng) -> U8:
    """Codons at random for residues."""
    codons = [CODONS[rng.choice(np.flatnonzero(residue == AMINO))] for residue in protein]
    return np.concatenate([np.zeros(0, np.uint8), *codons]).astype(np.uint8)


def noise(length: int, rng: Rng) -> U8:
    """Random bases with a stop codon in each frame at both ends."""
    stops = np.array([3, 0, 0, 2, 3, 0, 0, 2, 3, 0, 0], np.uint8)  # TAAG TAAG TAA
    return np.concatenate([stops, rng.integers(0, 4, length).astype(np.uint8), stops])


def gene(profile: int, rng: Rng) -> U8:
    """The profile's own protein between stop codons."""
    return np.concatenate([noise(200, rng), encoded(proteins_of_profiles()[profile], rng), noise(200, rng)])


def find(contigs: Contigs, index: SeedIndex, *, threads: int = 1, least: F32 = LEAST) -> Candidates:
    return scan.scan(contigs, index, least=least, threads=threads)


def rows(found: Candidates) -> list[tuple[float, ...]]:
    columns = (found.contig, found.reverse, found.start, found.stop, found.profile, found.bits)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_a_planted_protein_is_found_where_it_lies(index: SeedIndex) -> None:
    rng = np.random.default_rng(2)
    pieces = [gene(0, rng), gene(1, rng)]
    contigs = contigs_of(pieces[0], pieces[1], reverse_complement(contigs_of(pieces[1]))[0])
    found = find(contigs, index)
    assert found.contig.tolist() == [0, 1, 2]
    assert found.profile.tolist() == [0, 1, 1]
    assert found.reverse.tolist() == [False, False, True]
    assert found.bits.tolist() == [4 * LENGTH] * 3
    letters = ["".join(RESIDUES[residue] for residue in protein).encode() for protein in proteins_of_profiles()]
    for protein, profile in zip(scan.proteins(contigs, found), found.profile, strict=True):
        assert letters[profile] in protein
    assert rows(find(contigs, index, least=LEAST * 0 + 4 * LENGTH + 1)) == []


def test_the_other_strand_gives_the_same(index: SeedIndex) -> None:
    rng = np.random.default_rng(3)
    contigs = contigs_of(*(gene(profile, rng) for profile in (0, 1, 0, 1)))
    ours, theirs = find(contigs, index), find(reverse_complement(contigs), index)
    assert (ours.reverse != theirs.reverse).all()
    for name in ("contig", "start", "stop", "profile", "bits"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.parametrize("piece", [37, 100, 1000])
def test_how_the_work_is_cut_does_not_matter(index: SeedIndex, piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    gaps = [np.full(length, 4, np.uint8) for length in (29, 30, 31, 100)]
    parts = [part for profile, gap in zip((0, 1, 1, 0), gaps, strict=True) for part in (gene(profile, rng), gap)]
    contigs = contigs_of(np.concatenate(parts), gene(1, rng), np.concatenate(parts[1:]))
    whole = find(contigs, index)
    assert len(whole) == 8
    monkeypatch.setattr(scan, "PIECE", piece)
    monkeypatch.setattr(scan, "BATCH", 3 * piece)
    assert rows(find(contigs, index, threads=3)) == rows(whole)


def test_more_rows_than_room(index: SeedIndex) -> None:
    rng = np.random.default_rng(5)
    contigs = contigs_of(np.tile(gene(0, rng), 1500))
    assert len(find(contigs, index)) == 1500


def test_genes_cut_by_the_ends_of_a_contig(index: SeedIndex) -> None:
    rng = np.random.default_rng(6)
    coding = encoded(proteins_of_profiles()[0], rng)
    found = find(contigs_of(coding[: 3 * 40], coding[3 * 20 + 1 :], coding[: 3 * 29]), index)
    assert rows(found) == [(0, False, 0, 120, 0, 160.0), (1, False, 2, 119, 0, 4.0 * 39)]  # the last has 29 residues


def test_a_long_run_of_n_ends_the_frame_and_a_short_one_does_not(index: SeedIndex) -> None:
    rng = np.random.default_rng(7)
    coding = encoded(proteins_of_profiles()[0], rng)
    cut = [np.concatenate([coding[:90], np.full(n, 4, np.uint8), coding[90:]]) for n in (6, 60)]
    found = find(contigs_of(*cut), index)
    assert found.contig.tolist() == [0, 1, 1]
    assert found.bits[0] > found.bits[1]
    assert b"XX" in scan.proteins(contigs_of(*cut), found)[0]


def test_tga_is_a_stop_unless_the_profile_goes_on_behind_it(index: SeedIndex) -> None:
    rng = np.random.default_rng(8)
    coding = encoded(proteins_of_profiles()[0], rng)
    recoded = np.concatenate([coding[:60], TGA, coding[63:120], TGA, coding[123:]])
    ended = np.concatenate([coding, TGA, encoded(rng.integers(0, 20, 40), rng)])
    contigs = contigs_of(recoded, ended)
    found = find(contigs, index)
    assert found.contig.tolist() == [0, 1]
    assert (found.stop - found.start).tolist() == [3 * LENGTH, 3 * LENGTH]
    assert scan.proteins(contigs, found)[0].count(b"W") >= 2
    assert found.bits.tolist() == [4 * (LENGTH - 2) - 2 * 2, 4 * LENGTH]


def test_a_frameshift_makes_two_candidates_and_an_insertion_one_chain(index: SeedIndex) -> None:
    rng = np.random.default_rng(9)
    coding = encoded(proteins_of_profiles()[0], rng)
    shifted = np.concatenate([noise(9, rng), coding[:90], np.array([0], np.uint8), coding[90:], noise(9, rng)])
    longer = np.concatenate([coding[:93], encoded(rng.integers(0, 20, 12), rng), coding[93:]])
    found = find(contigs_of(shifted, longer), index)
    assert found.contig.tolist() == [0, 0, 1]
    assert found.bits[2] == pytest.approx(4 * LENGTH - kernel.GAP / 8, abs=8)


def test_contigs_without_a_frame(index: SeedIndex) -> None:
    empty = contigs_of(np.zeros(0, np.uint8), np.zeros(2, np.uint8), np.full(5000, 4, np.uint8), np.zeros(3, np.uint8))
    assert len(find(empty, index)) == 0
    assert len(find(contigs_of(), index)) == 0


def test_progress_and_thresholds(index: SeedIndex) -> None:
    seen: list[tuple[int, int]] = []
    contigs = contigs_of(*[noise(600_000, np.random.default_rng(10))] * 4)
    scan.scan(contigs, index, least=LEAST, threads=2, progress=lambda done, total: seen.append((done, total)))
    assert len(seen) > 2 and seen == [(done + 1, len(seen)) for done in range(len(seen))]
    with pytest.raises(ValueError, match="least score of a chain: shape"):
        find(contigs, index, least=LEAST[:1])


def test_the_chain_is_the_best_of_all_subsets() -> None:
    rng = np.random.default_rng(11)
    for _ in range(200):
        n = int(rng.integers(1, 6))
        start, position, length = (rng.integers(low, high, n) for low, high in ((0, 60), (0, 60), (5, 20)))
        table = np.stack([np.zeros(n, np.int64), start, start + length, position, rng.integers(130, 400, n)], 1)
        table = table[np.argsort(table[:, 1], kind="stable")]
        best = max(score for size in range(1, n + 1) for score in chains(table, size))
        assert kernel._chain(table.copy())[0] == best


def chains(table: npt.NDArray[np.int64], size: int) -> list[int]:
    """Scores of the chains of `size` segments."""
    scores = []
    for chosen in itertools.combinations(table.tolist(), size):
        score = chosen[0][4]
        for one, two in itertools.pairwise(chosen):
            overlap = max(0, one[2] - two[1], one[3] + one[2] - one[1] - two[3])
            length = two[2] - two[1]
            if two[1] <= one[1] or two[3] <= one[3] or 2 * overlap > length:
                break
            score += two[4] - kernel.GAP - two[4] * overlap // length
        else:
            scores.append(score)
    return scores
