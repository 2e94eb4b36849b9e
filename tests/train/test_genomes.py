"""Training genomes: what a folder holds, every way in which it can be wrong, and the pieces drawn from it."""

from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import numpy as np
import pytest

from binner.data import N_CODE
from binner.errors import InputError
from binner.train.genomes import TABLE, Genomes, draw_pieces, read

HEADER = "genome\tspecies_cluster\tgenus_cluster\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three genomes of two species of one genus and one of another, each compressed in its own way."""
    (tmp_path / "genomes").mkdir()
    (tmp_path / TABLE).write_text(HEADER + "b\ts2\tg1\na\ts1\tg1\nx.fancy\ts2\tg1\nd\ts9\tg0\n")
    (tmp_path / "genomes" / "a.fa.gz").write_bytes(gzip.compress(b">a1\nACGT\n>a2\nGG\n"))
    (tmp_path / "genomes" / "b.fasta").write_bytes(b">b1 whole\nTTTNA\n")
    (tmp_path / "genomes" / "x.fancy.fa.bz2").write_bytes(bz2.compress(b">x\nCC\n"))
    (tmp_path / "genomes" / "d.fa.xz").write_bytes(lzma.compress(b">a1\nA\n"))
    (tmp_path / "genomes" / "not_in_the_table.fa").write_bytes(b"no FASTA at all")
    return tmp_path


def test_genomes_come_in_the_order_of_the_table(folder: Path) -> None:
    heard: list[tuple[int, int]] = []
    found = read(folder, progress=lambda done, total: heard.append((done, total)))
    assert found.names == ("b", "a", "x.fancy", "d")
    assert found.species.tolist() == [1, 0, 1, 2]
    assert found.genus.tolist() == [1, 1, 1, 0]
    assert found.genome.tolist() == [0, 1, 1, 2, 3]
    sequences = ["".join("ACGTN"[code] for code in part) for part in np.split(found.codes, found.offsets[1:-1])]
    assert sequences == ["TTTNA", "ACGT", "GG", "CC", "A"]
    assert heard == [(done, 4) for done in range(1, 5)]


def test_other_columns_and_their_order_do_not_matter(folder: Path) -> None:
    expected = read(folder)
    lines = [line.split("\t") for line in (folder / TABLE).read_text().splitlines()]
    turned = ["\t".join([genus, "more", genome, species]) for genome, species, genus in lines]
    (folder / TABLE).write_bytes("\r\n".join(turned).encode())
    found = read(folder)
    assert found.names == expected.names
    np.testing.assert_array_equal(found.species, expected.species)
    np.testing.assert_array_equal(found.genus, expected.genus)


def test_a_byte_order_mark_is_no_letter(folder: Path) -> None:
    """As some spreadsheets write it."""
    expected = read(folder)
    (folder / TABLE).write_bytes(b"\xef\xbb\xbf" + (folder / TABLE).read_bytes())
    assert read(folder).names == expected.names


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (b"", "needs a header and values for genome, species_cluster, genus_cluster"),
        (HEADER.encode(), "needs a header and values"),
        (b"genome\tspecies_cluster\na\ts1\n", "needs a header and values"),
        (b"a\ts1\tg1\nb\ts2\tg1\n", "needs a header and values"),
        (HEADER.replace("\t", ",").encode() + b"a,s1,g1\n", "separated by tabs"),
        (HEADER.encode() + b"a\ts1\tg1\nb\ts1\n", "needs a header and values"),
        (HEADER.encode() + b"a\t\tg1\n", "needs a header and values"),
        (HEADER.encode() + b"a\ts1\tg1\nb\ts2\tg1\na\ts1\tg1\n", "genome 'a' stands there 2 times"),
        (b"\x1f\x8b\x08\x04\xff\xfe", "cannot be read"),
        (HEADER.encode() + b"a\t" + b"s" * 200_000 + b"\tg1\n", "cannot be read"),
    ],
)
def test_a_table_that_is_none(folder: Path, table: bytes, message: str) -> None:
    (folder / TABLE).write_bytes(table)
    with pytest.raises(InputError, match=message) as raised:
        read(folder)
    assert str(folder / TABLE) in str(raised.value)


@pytest.mark.parametrize("what", ["no folder", "no table", "a file", "a folder in its place"])
def test_a_folder_that_is_none(folder: Path, what: str) -> None:
    (folder / TABLE).unlink()
    if what == "a folder in its place":
        (folder / TABLE).mkdir()
    path = {"no folder": folder / "none", "a file": folder / "genomes" / "b.fasta"}.get(what, folder)
    with pytest.raises(InputError, match=rf"{TABLE}: cannot be read .*GENOMES is a folder with {TABLE} and genomes/"):
        read(path)


def test_a_genome_without_a_file(folder: Path) -> None:
    (folder / "genomes" / "a.fa.gz").unlink()
    (folder / "genomes" / "d.fa.xz").unlink()
    with pytest.raises(InputError, match=r"genomes: no FASTA file of a \(2 of 4 missing\)"):
        read(folder)


@pytest.mark.parametrize("content", [b"", b"no FASTA", b">a\n", gzip.compress(b">a\n" + b"ACGT" * 9999, mtime=0)[:-20]])
def test_a_file_that_is_no_genome(folder: Path, content: bytes) -> None:
    (folder / "genomes" / "a.fa.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.fa\.gz"):
        read(folder)


def made_of(*genomes: list[int]) -> Genomes:
    """Genomes of sequences of these lengths."""
    lengths = [length for genome in genomes for length in genome]
    ids = np.arange(len(genomes))
    return Genomes(
        tuple(f"g{i}" for i in ids),
        ids,
        ids,
        np.zeros(sum(lengths), np.uint8),
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        np.repeat(ids, [len(genome) for genome in genomes]),
    )


def test_pieces_lie_inside_one_sequence_of_their_genome() -> None:
    genomes = made_of([500, 99, 100], [50], [1000], [99, 99])
    start, stop, owner = draw_pieces(genomes, bp=100, per_genome=300, rng=np.random.default_rng(1))
    assert np.bincount(owner, minlength=4).tolist() == [300, 0, 300, 0], "as many of each genome that is long enough"
    np.testing.assert_array_equal(stop - start, 100)
    sequence = np.searchsorted(genomes.offsets, start, side="right") - 1
    np.testing.assert_array_equal(np.searchsorted(genomes.offsets, stop - 1, side="right") - 1, sequence)
    np.testing.assert_array_equal(genomes.genome[sequence], owner)
    assert set(sequence) == {0, 2, 4}, "every sequence that is long enough"
    within = start[owner == 2] - genomes.offsets[4]
    assert 0 <= within.min() < 20, "from the first base"
    assert 880 < within.max() <= 900, "to the last"


def test_no_piece_spans_a_gap() -> None:
    """Nor does one of two sequences whose gaps meet; a run of 9 N is single unread bases."""
    genomes = made_of([1000, 500], [300], [150])
    for low, high in ((0, 200), (500, 510), (700, 709), (990, 1010), (1550, 1800), (1850, 1860)):
        genomes.codes[low:high] = N_CODE
    genome, start, stop = genomes.stretches
    cut = [(0, 200, 500), (0, 510, 990), (0, 1010, 1500), (1, 1500, 1550), (2, 1800, 1850), (2, 1860, 1950)]
    assert list(zip(genome.tolist(), start.tolist(), stop.tolist(), strict=True)) == cut
    start, stop, owner = draw_pieces(genomes, bp=100, per_genome=300, rng=np.random.default_rng(1))
    assert set(owner.tolist()) == {0}
    assert max(int((genomes.codes[a:b] == N_CODE).sum()) for a, b in zip(start, stop, strict=True)) == 9


def test_a_piece_may_be_the_whole_sequence() -> None:
    start, stop, owner = draw_pieces(made_of([7], [8]), bp=8, per_genome=3, rng=np.random.default_rng(1))
    assert (start.tolist(), stop.tolist(), owner.tolist()) == ([7] * 3, [15] * 3, [1] * 3)


def test_no_genome_is_long_enough() -> None:
    for array in draw_pieces(made_of([7], [8]), bp=9, per_genome=3, rng=np.random.default_rng(1)):
        assert array.shape == (0,)
        assert array.dtype.kind == "i"


def test_the_same_seed_draws_the_same_pieces() -> None:
    genomes = made_of([5000, 700], [900])
    one, two, other = (
        draw_pieces(genomes, bp=100, per_genome=9, rng=np.random.default_rng(seed))[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, two)
    assert (one != other).any()
