"""Packed genomes: what goes in comes out; what GENOMES may be."""

from __future__ import annotations

import gzip
import pickle
import re
from pathlib import Path

import numpy as np
import pytest

from binner.data import U8
from binner.errors import InputError, OptionError
from binner.train import packed as packing
from binner.train.packed import BASES, INDEX, Packed, pack
from binner.train.sources import Source, find
from tests.train import simulated

LETTERS = np.frombuffer(b"ACGTN", np.uint8)


def some_codes(length: int, seed: int, *, gaps: tuple[tuple[int, int], ...] = ()) -> U8:
    codes = np.random.default_rng(seed).integers(0, 4, length).astype(np.uint8)
    for start, stop in gaps:
        codes[start:stop] = 4
    return codes


SEQUENCES = [
    some_codes(1001, 1),
    some_codes(4, 2),
    some_codes(1, 3),
    some_codes(500, 4, gaps=((0, 3), (100, 140), (141, 142), (499, 500))),
    some_codes(30, 5, gaps=((0, 30),)),
    some_codes(2000, 6, gaps=((700, 709), (900, 910))),
]


def fasta(path: Path, sequences: list[U8], *, wrap: int = 60) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = []
    for number, codes in enumerate(sequences):
        text = LETTERS[codes].tobytes().decode()
        lines += [f">s{number} what", *(text[at : at + wrap] for at in range(0, len(text), wrap))]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def packed(tmp_path: Path) -> Packed:
    files = [fasta(tmp_path / "a.fa", SEQUENCES[:3]), fasta(tmp_path / "b.fna.gz", SEQUENCES[3:])]
    (tmp_path / "packed").mkdir()
    return pack([Source("a", files[0], "x", "g"), Source("b", files[1], "y", "g")], tmp_path / "packed")


@pytest.mark.parametrize("block", [packing.BLOCK, 8])
def test_what_goes_in_comes_out(tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BLOCK", block)
    made = packed(tmp_path)
    assert made.names.tolist() == ["a", "b"]
    assert made.genome.tolist() == [0, 0, 0, 1, 1, 1]
    assert made.species.tolist() == [0, 1]
    assert made.genus.tolist() == [0, 0]
    assert made.length.tolist() == [len(codes) for codes in SEQUENCES]
    for start, codes in zip(made.start, SEQUENCES, strict=True):
        np.testing.assert_array_equal(made.codes(start, start + len(codes)), codes)


def test_a_base_takes_two_bits(tmp_path: Path) -> None:
    made = packed(tmp_path)
    size = (made.folder / BASES).stat().st_size
    assert size == sum(-(-len(codes) // 4) for codes in SEQUENCES)


def test_any_piece_can_be_had(tmp_path: Path) -> None:
    made, rng = packed(tmp_path), np.random.default_rng(1)
    for _ in range(300):
        row = int(rng.integers(len(SEQUENCES)))
        low, high = sorted(rng.integers(0, len(SEQUENCES[row]) + 1, 2).tolist())
        piece = made.codes(int(made.start[row]) + low, int(made.start[row]) + high)
        np.testing.assert_array_equal(piece, SEQUENCES[row][low:high])


def test_stretches_end_at_long_runs_of_n(tmp_path: Path) -> None:
    made = packed(tmp_path)
    owner, start, stop = made.stretches
    row = np.searchsorted(made.start, start, "right") - 1
    found = [(int(r), int(a - made.start[r]), int(b - made.start[r])) for r, a, b in zip(row, start, stop, strict=True)]
    # 1 and 3 and 9 bp of N are single unread bases; 10, 30 and 40 bp are gaps.
    assert found == [(0, 0, 1001), (1, 0, 4), (2, 0, 1), (3, 0, 100), (3, 140, 500), (5, 0, 900), (5, 910, 2000)]
    np.testing.assert_array_equal(owner, made.genome[row])


def test_other_letters_are_n_and_case_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a.fa").write_text(">a\nACGTacgtuRYNnAC\n")
    made = pack([Source("a", tmp_path / "a.fa", "x", "x")], tmp_path)
    np.testing.assert_array_equal(made.codes(0, 15), [0, 1, 2, 3, 0, 1, 2, 3, 3, 4, 4, 4, 4, 0, 1])


def test_it_can_be_sent_to_other_processes(tmp_path: Path) -> None:
    made = packed(tmp_path)
    made.codes(0, 8)
    sent = pickle.dumps(made)
    assert len(sent) < 1000, "the name of the folder, not what is in it"
    np.testing.assert_array_equal(pickle.loads(sent).codes(0, 8), SEQUENCES[0][:8])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (">a\nACGT\n>b\nAC-T\n", "bad.fa: contig 'b' holds '-', which is no base"),
        (">a\nMKVLLIAGWWW\n", r"bad.fa: contig 'a': 9\d% of the letters are none of A C G T N|contig 'a': \d+%"),
        (">a\n", "bad.fa: no sequence in it; leave it out"),
        ("", "bad.fa: an empty file"),
        ("hello\n", "bad.fa, line 1: not FASTA"),
    ],
)
def test_what_is_no_genome(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "bad.fa").write_text(content)
    with pytest.raises(InputError, match=message):
        pack([Source("a", tmp_path / "bad.fa", "x", "x")], tmp_path)


@pytest.mark.parametrize("what", ["cut", "empty", "garbled", "no bases", "nothing", "no genomes", "uneven"])
def test_a_damaged_folder_is_named(tmp_path: Path, what: str) -> None:
    folder = packed(tmp_path).folder
    index, bases = folder / INDEX, folder / BASES
    if what == "cut":
        bases.write_bytes(bases.read_bytes()[:-5])
    elif what == "no bases":
        bases.unlink()
    elif what in ("no genomes", "uneven"):
        with np.load(index) as arrays:
            np.savez(
                index, **{name: a[:0] if what == "no genomes" or name == "genus" else a for name, a in arrays.items()}
            )
    elif what == "nothing":
        index.unlink()
    else:
        index.write_bytes(b"" if what == "empty" else index.read_bytes()[:-40])
    with pytest.raises(InputError, match=re.escape(str(folder))):
        packing.read(folder)


class TestSources:
    """GENOMES as a folder, as a folder with genomes.tsv, as a table."""

    def folder(self, tmp_path: Path) -> Path:
        for name in ("b.fa", "a.fna.gz", "c.FASTA"):
            fasta(tmp_path / "genomes" / name, SEQUENCES[:1])
        (tmp_path / "genomes" / "notes.txt").write_text("not a genome")
        return tmp_path / "genomes"

    def test_every_file_is_a_genome_and_a_species(self, tmp_path: Path) -> None:
        found = find(self.folder(tmp_path))
        assert [source.name for source in found] == ["a", "b", "c"]
        assert len({source.species for source in found}) == len({source.genus for source in found}) == 3

    @pytest.mark.parametrize("header", ["", "genome\tspecies\tgenus\n"])
    def test_labels(self, tmp_path: Path, header: str) -> None:
        labels = tmp_path / "labels.tsv"
        labels.write_text(f"{header}a.fna.gz\tE. coli\tEscherichia\nb\tE. coli\tEscherichia\n")
        a, b, c = find(self.folder(tmp_path), labels=labels)
        assert (a.species, a.genus) == (b.species, b.genus) == ("E. coli", "genus Escherichia")
        assert (c.species, c.genus) == ("c", "species c")

    def test_a_species_without_a_genus_is_its_own(self, tmp_path: Path) -> None:
        labels = tmp_path / "labels.tsv"
        labels.write_text("a\tx\nb\tx\t\nc\ty\tx\n")
        a, b, c = find(self.folder(tmp_path), labels=labels)
        assert a.genus == b.genus == "species x"
        assert c.genus == "genus x"

    def test_a_table(self, tmp_path: Path) -> None:
        self.folder(tmp_path)
        (tmp_path / "t.tsv").write_text(f"genomes/b.fa\tx\tg\n{tmp_path}/genomes/a.fna.gz\ty\n")
        a, b = find(tmp_path / "t.tsv")
        assert (a.name, a.species, a.genus, b.path) == ("a", "y", "species y", tmp_path / "genomes/b.fa")

    def test_clusters(self, tmp_path: Path) -> None:
        folder = simulated.write(simulated.genomes(genera=2, genome_bp=3000), tmp_path / "g")
        found = find(folder)
        assert [source.species for source in found] == [f"species_{i}" for i in range(4)]
        assert [source.genus for source in found] == [
            "genus genus_0",
            "genus genus_0",
            "genus genus_1",
            "genus genus_1",
        ]

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ("a\n", "labels.tsv, line 1: 1 columns"),
            ("a\tx\ty\tz\n", "labels.tsv, line 1: 4 columns"),
            ("a\tx\n\na.fna.gz\ty\n", "labels.tsv, line 3: genome 'a.fna.gz' stands there twice"),
            ("d\tx\n", "labels.tsv: names none of the genomes, which are called 'a'"),
            ("genome\tspecies\n", "labels.tsv: an empty table"),
        ],
    )
    def test_bad_labels(self, tmp_path: Path, labels: str, message: str) -> None:
        (tmp_path / "labels.tsv").write_text(labels)
        with pytest.raises(InputError, match=message):
            find(self.folder(tmp_path), labels=tmp_path / "labels.tsv")

    @pytest.mark.parametrize(
        ("table", "message"),
        [
            ("genomes/x.fa\tx\n", "t.tsv, line 1: there is no file .*genomes/x.fa"),
            ("genomes/b.fa\tx\n./genomes/b.fa\tx\n", "t.tsv, line 2: a genome 'b' has been named before"),
        ],
    )
    def test_bad_tables(self, tmp_path: Path, table: str, message: str) -> None:
        self.folder(tmp_path)
        (tmp_path / "t.tsv").write_text(table)
        with pytest.raises(InputError, match=message):
            find(tmp_path / "t.tsv")

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="none: no such file or folder"):
            find(tmp_path / "none")
        with pytest.raises(InputError, match="no FASTA file in it"):
            find(tmp_path)
        with pytest.raises(InputError, match=r"labels.tsv: cannot be read"):
            find(self.folder(tmp_path), labels=tmp_path / "labels.tsv")
        fasta(tmp_path / "genomes" / "a.fa", SEQUENCES[:1])
        with pytest.raises(InputError, match="2 files of a genome 'a'"):
            find(tmp_path / "genomes")

    def test_labels_where_the_table_has_them(self, tmp_path: Path) -> None:
        folder = simulated.write(simulated.genomes(genera=2, genome_bp=3000), tmp_path / "g")
        for genomes in (folder, folder / "genomes.tsv"):
            with pytest.raises(OptionError, match="has the species already; leave --labels out"):
                find(genomes, labels=tmp_path / "labels.tsv")
