"""Marker genes of contigs: what was planted is found, the fast way as the full way, whichever way it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.profiles import Profiles, planted_profiles
from benchmarks.simulate import Metagenome, simulate
from binner import fasta, genes, markers
from binner.data import I64, N_CODE, U8, Bin, Contigs, Markers, Progress, silent
from binner.markers import profiles, scan, search
from binner.markers.search import Hits
from tests.assemblies import contigs_of, reverse_complement

DATA = Path(__file__).parents[3] / "shared" / "data" / "dev"
Way = Callable[..., Markers]


def by_all_genes(contigs: Contigs, *, threads: int, progress: Progress = silent) -> Markers:
    return markers.among(genes.call(contigs, threads=threads), contigs, threads=threads, progress=progress)


WAYS: tuple[Way, ...] = (markers.find, by_all_genes)


@pytest.fixture(scope="module")
def made() -> Metagenome:
    """Three genomes with a third of the genes of bacteria and the universal ones, and four of archaea."""
    some = planted_profiles()
    archaea = [p for p in profiles.load() if p.set_name == "archaea"][::8]
    hmms: list[Any] = [profile.hmm for profile in archaea]
    planted = Profiles(
        some.names[::3] + tuple(profile.gene for profile in archaea),
        some.emissions[::3] + tuple(np.array(hmm.match_emissions, np.float32)[1:] for hmm in hmms),
    )
    return simulate(species=3, genome_bp=(90_000, 100_000), contig_bp=9000, profiles=planted, odd=True, seed=5)


@pytest.fixture(scope="module")
def found(made: Metagenome) -> Markers:
    return markers.find(made.contigs, threads=1)


def test_planted_genes_are_found(made: Metagenome, found: Markers) -> None:
    """All but one in a hundred, and not more often than they were planted (pieces of cut genes aside)."""
    columns = [found.genes.index(gene) for gene in made.markers.genes]
    planted, counts = made.markers.counts.astype(int), found.counts[:, columns].astype(int)
    assert planted.sum() > 80
    assert np.maximum(planted - counts, 0).sum() <= 0.01 * planted.sum()
    assert (counts <= planted + 1).all()
    assert np.maximum(counts - planted, 0).sum() <= 0.15 * planted.sum()


def test_the_fast_way_is_the_full_way(made: Metagenome, found: Markers) -> None:
    full = by_all_genes(made.contigs, threads=2)
    assert full.genes == found.genes == profiles.genes()
    assert full.names_digest == found.names_digest == made.contigs.names_digest
    difference = np.abs(full.counts.astype(int) - found.counts)
    assert full.counts.sum() > 100
    assert difference.sum() <= 0.01 * full.counts.sum()


def test_order_strand_and_threads_do_not_matter(made: Metagenome, found: Markers) -> None:
    order = np.random.default_rng(1).permutation(len(made.contigs))
    shuffled = markers.find(made.contigs.select(order), threads=3)
    np.testing.assert_array_equal(shuffled.counts, found.counts[order])
    turned = markers.find(reverse_complement(made.contigs), threads=2)
    np.testing.assert_array_equal(turned.counts, found.counts)


def test_contigs_do_not_influence_each_other(made: Metagenome, found: Markers) -> None:
    rows = np.flatnonzero(found.counts.any(1))[:3]
    for row in rows:
        alone = markers.find(made.contigs.select(np.array([row])), threads=1)
        np.testing.assert_array_equal(alone.counts[0], found.counts[row])


def test_a_long_contig_is_shared_out(made: Metagenome, found: Markers, monkeypatch: pytest.MonkeyPatch) -> None:
    """All contigs as one, with stops in every frame between them, hold the sum of the markers."""
    stops = np.array([3, 0, 0, 2, 3, 0, 0, 2, 3, 0, 0, 3, 3, 0, 1, 3, 3, 0, 1, 3, 3, 0], np.uint8)
    pieces = [part for row in range(len(made.contigs)) for part in (made.contigs[row], stops)]
    one = contigs_of(np.concatenate(pieces))
    whole = markers.find(one, threads=2)
    np.testing.assert_array_equal(whole.counts[0], found.counts.sum(0))
    monkeypatch.setattr(scan, "PIECE", 10_000)
    monkeypatch.setattr(scan, "BATCH", 30_000)
    np.testing.assert_array_equal(markers.find(one, threads=2).counts, whole.counts)


def test_hmmer_agrees_with_what_the_scan_is_sure_of(
    made: Metagenome, found: Markers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markers, "SURE_BITS", 1e9)
    np.testing.assert_array_equal(markers.find(made.contigs, threads=1).counts, found.counts)


def test_contigs_without_markers() -> None:
    odd = contigs_of(np.zeros(0, np.uint8), np.full(2000, 4, np.uint8), np.zeros(1000, np.uint8))
    for find in WAYS:
        assert find(odd, threads=2).counts.sum() == 0
        assert find(contigs_of(), threads=2).counts.shape == (0, len(profiles.genes()))


@pytest.mark.parametrize("find", WAYS)
def test_progress_never_falls_and_reaches_its_end(made: Metagenome, find: Way) -> None:
    seen: list[float] = []
    contigs = made.contigs.select(np.arange(12))
    find(contigs, threads=2, progress=lambda done, total: seen.append(done / total))
    assert seen == sorted(seen) and seen[-1] == 1


def row_of(name: str) -> int:
    return [profiles.profile_name(profile) for profile in profiles.load()].index(name)


def counted(hits: Sequence[tuple[int, str, float]], owner: I64) -> dict[tuple[int, str], int]:
    """Counts by contig and gene for hits (protein, profile, bits); every second protein is cut."""
    is_cut = np.arange(len(owner)) % 2 == 1
    table, cut = markers.count(
        Hits(
            np.array([hit[0] for hit in hits], np.int64),
            np.array([row_of(hit[1]) for hit in hits], np.int64),
            np.array([hit[2] for hit in hits], np.float32),
        ),
        markers.Proteins(owner, is_cut),
        contigs=3,
    )
    assert cut.dtype == np.uint8 and (cut <= table).all()
    assert cut.any() == any(is_cut[protein] for protein, *_ in hits)
    assert table.dtype == np.uint8 and table.shape == (3, len(profiles.genes()))
    return {(int(c), profiles.genes()[g]): int(table[c, g]) for c, g in np.argwhere(table)}


def test_proteins_are_counted_by_contig() -> None:
    hits = [(0, "bacteria:TIGR00001", 50), (1, "bacteria:TIGR00001", 60), (2, "bacteria:TIGR00001", 70)]
    gene = "bacteria:TIGR00001"
    assert counted(hits, np.array([2, 0, 2])) == {(0, gene): 1, (2, gene): 2}
    assert counted([], np.zeros(0, np.int64)) == {}


def test_synonyms_count_once_for_a_protein_and_twice_for_two() -> None:
    one = [(0, "bacteria:TIGR00388", 300), (0, "bacteria:TIGR00389", 500)]
    assert counted(one, np.array([0, 0])) == {(0, "bacteria:TIGR00389"): 1}
    two = [(0, "bacteria:TIGR00388", 300), (1, "bacteria:TIGR00389", 500)]
    assert counted(two, np.array([0, 0])) == {(0, "bacteria:TIGR00389"): 2}


def test_a_protein_is_one_universal_gene_and_may_be_a_bacterial_one_as_well() -> None:
    hits = [(0, "universal:COG0541", 500), (0, "universal:COG0552", 400), (0, "bacteria:TIGR00959", 450)]
    assert counted(hits, np.array([1])) == {(1, "universal:COG0541"): 1, (1, "bacteria:TIGR00959"): 1}


def test_a_rival_takes_its_protein_away_and_is_not_counted() -> None:
    hits = [(0, "universal:COG0085", 600), (0, "universal:COG0086", 900), (1, "universal:COG0085", 800)]
    assert counted(hits, np.array([0, 1])) == {(1, "universal:COG0085"): 1}


def test_counts_stop_at_255() -> None:
    hits = [(protein, "bacteria:TIGR00001", 50.0) for protein in range(300)]
    assert list(counted(hits, np.zeros(300, np.int64)).values()) == [255]


def quality(
    rows: list[list[int]], counts: np.ndarray[Any, Any], cut: np.ndarray[Any, Any] | None = None
) -> tuple[list[float], list[float]]:
    cut = np.zeros_like(counts) if cut is None else cut
    table = Markers(profiles.genes(), counts.astype(np.uint8), cut.astype(np.uint8), "")
    bins = [Bin(np.array(chosen, np.int64), 1, 0.0) for chosen in rows]
    complete, contaminated = markers.completeness(table, bins)
    assert complete.dtype == contaminated.dtype == np.float32
    return complete.tolist(), contaminated.tolist()


def test_completeness_and_contamination() -> None:
    sets = np.array([gene.split(":")[0] for gene in profiles.genes()])
    bacteria, archaea = np.flatnonzero(sets == "bacteria"), np.flatnonzero(sets != "bacteria")
    counts = np.zeros((6, len(sets)))
    counts[0, bacteria] = 1
    counts[1, bacteria[:10]] = [1, 1, 1, 1, 1, 1, 1, 1, 2, 3]
    counts[2, archaea] = 1
    counts[3, archaea[:36]] = 1
    counts[4, archaea[36:]] = 1
    complete, contaminated = quality([[0], [0, 1], [1], [2], [3, 4], [3], [5], [2, 3, 4]], counts)
    expected = [100, 100, 1000 / 107, 100, 100, 50, 0, 100]
    np.testing.assert_allclose(complete, expected, rtol=1e-6)
    np.testing.assert_allclose(contaminated, [0, 100 * 13 / 107, 100 * 3 / 107, 0, 0, 0, 0, 100], rtol=1e-6)


def test_a_gene_that_is_cut_in_two_is_one_copy(made: Metagenome) -> None:
    called = genes.call(made.contigs, threads=1)
    hits = markers.search_all(called, threads=1)
    known = profiles.load()
    cutoff = np.array([profile.cutoff if profile.gene in profiles.genes() else np.inf for profile in known])
    clear = np.where(called.partial[hits.protein], 0, hits.bits / cutoff[hits.profile])
    protein, profile = hits.protein[clear.argmax()], hits.profile[clear.argmax()]
    column = profiles.genes().index(known[profile].gene)
    codes = made.contigs[int(called.contig[protein])]
    start, stop = int(called.start[protein]), int(called.stop[protein])
    middle = (start + stop) // 2
    halves = [codes[max(start - 300, 0) : middle], codes[middle : stop + 300]]
    for contigs in (contigs_of(*halves), reverse_complement(contigs_of(*halves))):
        for find in WAYS:
            pieces = find(contigs, threads=1)
            assert pieces.counts[:, column].tolist() == pieces.cut[:, column].tolist() == [1, 1]
            held, over = pieces.copies(np.arange(2))
            assert held[column] and over[column] == 0
    whole = markers.find(contigs_of(codes[max(start - 300, 0) : stop + 300]), threads=1)
    assert (whole.counts[0, column], whole.cut[0, column]) == (1, 0)


def clear_gene(contigs: Contigs) -> tuple[int, U8, int, int]:
    """Column of a gene, a contig that has it on its strand, and where its frame starts and stops there."""
    cutoff = np.array([profile.cutoff for profile in profiles.load()], np.float32)
    frames = scan.scan(contigs, profiles.index(), least=1.5 * cutoff + 60, threads=1)
    genes = [profiles.load()[row].gene for row in frames.profile]
    place = next(row for row, gene in enumerate(genes) if gene in profiles.genes() and not frames.reverse[row])
    column = profiles.genes().index(genes[place])
    return column, contigs[int(frames.contig[place])], int(frames.start[place]), int(frames.stop[place])


def test_a_gene_that_a_gap_splits_is_one_copy(made: Metagenome) -> None:
    """On both strands; fewer N than end a frame leave it whole."""
    column, codes, start, stop = clear_gene(made.contigs)
    middle = start + (stop - start) // 6 * 3
    left, right = codes[max(start - 300, 0) : middle], codes[middle : stop + 300]
    for length, copies in ((99, 2), (27, 1)):
        contigs = contigs_of(np.concatenate([left, np.full(length, N_CODE, np.uint8), right]))
        for strand in (contigs, reverse_complement(contigs)):
            found = markers.find(strand, threads=1)
            assert (found.counts[0, column], found.cut[0, column]) == (copies, 2 * (copies > 1))
            held, over = found.copies(np.arange(1))
            assert held[column] and over[column] == 0


def test_a_gene_at_the_end_of_a_long_repeat(made: Metagenome, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame of more residues than HMMER takes: it is not asked, and what is on other contigs is found."""
    column, codes, start, stop = clear_gene(made.contigs)
    repeat = np.tile(np.array([2, 1, 1], np.uint8), search.LONGEST)  # GCC
    monkeypatch.setattr(markers, "SURE_BITS", 1e9)
    contigs = contigs_of(np.concatenate([repeat, codes[start : stop + 300]]), codes)
    assert markers.find(contigs, threads=1).counts[:, column].tolist() == [0, 1]


def test_two_pieces_are_one_copy() -> None:
    """Of five genes: a piece each on two contigs, a piece beside a whole one, three pieces, two whole ones, a piece."""
    counts, cut = np.zeros((2, 3, len(profiles.genes())))
    bacteria = [column for column, gene in enumerate(profiles.genes()) if gene.startswith("bacteria:")]
    counts[:, bacteria[:5]] = [[1, 1, 1, 1, 1], [1, 1, 1, 1, 0], [0, 0, 1, 0, 0]]
    cut[:, bacteria[:5]] = [[1, 1, 1, 0, 1], [1, 0, 1, 0, 0], [0, 0, 1, 0, 0]]
    complete, contaminated = quality([[0, 1, 2]], counts, cut)
    np.testing.assert_allclose((complete, contaminated), [[100 * 5 / 107], [100 * 3 / 107]], rtol=1e-6)


def test_no_bins_have_no_quality() -> None:
    assert quality([], np.zeros((2, len(profiles.genes())))) == ([], [])


@pytest.mark.benchmark
def test_loss_on_real_contigs() -> None:
    """At most 1 % of the hits of the full way are missed, and 2 % are new."""
    contigs: Contigs = fasta.read(DATA / "f1rt" / "contigs.fa.gz", min_length=1000)
    full = by_all_genes(contigs, threads=2).counts.astype(int)
    fast = markers.find(contigs, threads=2).counts.astype(int)
    assert np.maximum(full - fast, 0).sum() <= 0.01 * full.sum()
    assert np.maximum(fast - full, 0).sum() <= 0.02 * full.sum()


def test_the_search_is_asked_for_little(made: Metagenome, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scan leaves HMMER a small share of the pairs of protein and profile."""
    asked: list[int] = []
    real = search.search

    def counting(proteins: list[bytes], pairs: list[I64], **options: Any) -> Hits:
        asked.append(sum(len(names) for names in pairs))
        return real(proteins, pairs, **options)

    monkeypatch.setattr(search, "search", counting)
    markers.find(made.contigs, threads=1)
    by_all_genes(made.contigs, threads=1)
    assert asked[0] < 0.02 * asked[1]
