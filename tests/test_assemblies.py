"""Contigs of several assemblies: joined from several files, told apart by their names."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from binner import assemblies, fasta
from binner.data import Assemblies, Contigs
from binner.errors import BinnerError, InputError, OptionError


def named(*names: str) -> Contigs:
    return Contigs(names, np.zeros(len(names), np.uint8), np.arange(len(names) + 1))


def write(folder: Path, files: dict[str, Sequence[str]]) -> list[Path]:
    for file, names in files.items():
        (folder / file).write_text("".join(f">{name} n={i}\nAC\nGT\n" for i, name in enumerate(names)))
    return [folder / file for file in files]


def joined(files: Sequence[Path], *, separator: str | None = None) -> tuple[dict[str, bytes], list[str]]:
    """Records of the joined file, and the assembly of each."""
    folder = files[0].parent / "inside"
    with assemblies.readable(files, folder, separator=separator) as source:
        told = assemblies.tell_apart(fasta.read(source), separator=separator, source="all.fa")
        records = dict(fasta.records(source))
    assert not list(folder.iterdir()), "the copy does not stay"
    return records, [told.names[number] for number in told.of]


@pytest.mark.parametrize(
    ("names", "separator", "expected"),
    [
        (["S1:a", "S1:b", "S2:a"], None, ["S1", "S1", "S2"]),
        (["S1:a:C:x", "S2:b"], None, ["S1", "S2"]),
        (["S1CNODE_1", "S2CNODE_1"], None, ["S1", "S2"]),
        (["S1C:a", "S2C:b"], None, ["S1C", "S2C"]),
        (["S1C:a", "S2C:b"], "C", ["S1", "S2"]),
        (["S1_k141_5", "S2_k141_5", "S1_k141_6"], "_", ["S1", "S2", "S1"]),
        (["a--1", "b--1"], "--", ["a", "b"]),
        ([], None, []),
    ],
)
def test_names_begin_with_the_assembly(names: list[str], separator: str | None, expected: list[str]) -> None:
    told = assemblies.tell_apart(named(*names), separator=separator, source="all.fa")
    assert [told.names[number] for number in told.of] == expected
    assert told.names == tuple(dict.fromkeys(expected))
    assert told.multi


@pytest.mark.parametrize(
    ("names", "separator", "message"),
    [
        (["S1:a", "k1"], None, "contig 'k1' is not called <assembly>:<contig> or <assembly>C<contig>"),
        (["S1:a", ":b"], None, "contig ':b'"),
        (["S1:a", "S2:"], ":", "contig 'S2:' is not called <assembly>:<contig>"),
        (["S1_a", "b"], "_", "contig 'b' is not called <assembly>_<contig>"),
        (["a/b:1", "c:1"], None, "assembly 'a/b' goes into names of files"),
        ([f"{'a' * 101}:1", "c:1"], None, "assembly 'a+' goes into names of files: .*up to 100"),
        (["..:1", "c:1"], None, r"assembly '\.\.' goes into names of files"),
    ],
)
def test_names_that_tell_no_assembly(names: list[str], separator: str | None, message: str) -> None:
    with pytest.raises(InputError, match=f"^all.fa: {message}"):
        assemblies.tell_apart(named(*names), separator=separator, source="all.fa")


def test_one_assembly_is_strange(caplog: pytest.LogCaptureFixture) -> None:
    assert assemblies.tell_apart(named("S1:a", "S1:b"), separator=None, source="all.fa").names == ("S1",)
    assert "all contigs are of one assembly, 'S1'" in caplog.text


def test_contigs_are_called_after_their_files(tmp_path: Path) -> None:
    files = write(tmp_path, {"soil.fa": ["k1", "k2"], "gut.contigs.fa.gz": []})
    with gzip.open(files[1], "wt") as file:
        file.write("\n>k1 topology=circular\r\nAC\r\nGT")
    records, of = joined(files)
    assert records == {"soil:k1": b"ACGT", "soil:k2": b"ACGT", "gut.contigs:k1": b"ACGT"}
    assert of == ["soil", "soil", "gut.contigs"]
    with assemblies.readable(files, tmp_path / "inside", separator=None) as source:
        assert fasta.read(source).circular == (2,), "headers stay"


@pytest.mark.parametrize(
    ("names", "separator", "expected"),
    [
        ((["S1:k1"], ["S2:k1"]), None, ["S1:k1", "S2:k1"]),
        ((["S1Ck1"], ["S2Ck1"]), None, ["S1Ck1", "S2Ck1"]),
        ((["S1_k1"], ["S2_k1"]), "_", ["S1_k1", "S2_k1"]),
        ((["S1_k1"], ["S2_k1"]), None, ["x:S1_k1", "y:S2_k1"]),
        ((["k1"], ["k2"]), "|", ["x|k1", "y|k2"]),
        ((["S1:k1"], ["S1:k2"]), None, ["x:S1:k1", "y:S1:k2"]),
        ((["S1:k1", "S2:k1"], ["S3:k1"]), None, ["x:S1:k1", "x:S2:k1", "y:S3:k1"]),
    ],
)
def test_names_that_tell_their_assembly_stay(
    names: tuple[list[str], list[str]], separator: str | None, expected: list[str], tmp_path: Path
) -> None:
    files = write(tmp_path, dict(zip(("x.fa", "y.fa"), names, strict=True)))
    assert list(joined(files, separator=separator)[0]) == expected


@pytest.mark.parametrize(
    ("files", "separator", "error", "message"),
    [
        (["a b.fa", "c.fa"], None, OptionError, "rename the file, or give another --separator"),
        (["Cow.fa", "d.fa"], "C", OptionError, "Cow.fa: its contigs would be called 'CowC...'"),
        (["a.fa", "a.fna"], None, OptionError, "another file is called 'a' too"),
    ],
)
def test_files_that_cannot_name_contigs(
    files: list[str], separator: str | None, error: type[BinnerError], message: str, tmp_path: Path
) -> None:
    paths = write(tmp_path, {name: ["k1"] for name in files})
    with pytest.raises(error, match=message):
        joined(paths, separator=separator)


@pytest.mark.parametrize("text", ["", ">\nACGT\n", "@r\nAC\n+\nII\n"])
def test_a_file_that_is_no_fasta_leaves_no_copy(text: str, tmp_path: Path) -> None:
    good, bad = write(tmp_path, {"a.fa": ["k1"], "b.fa": []})
    bad.write_text(text)
    with pytest.raises(InputError, match=r"b\.fa"):
        joined([good, bad])
    with pytest.raises(InputError, match=r"b\.fa"):
        fasta.join([good, bad], tmp_path / "copy" / "all.fa", prefixes=["a:", "b:"])
    assert not list((tmp_path / "copy").iterdir())


def test_one_file_is_read_where_it_lies(tmp_path: Path) -> None:
    (file,) = write(tmp_path, {"a.fa": ["S1:k1"]})
    with assemblies.readable([file], tmp_path / "inside", separator=None) as source:
        assert source == file


def test_a_contig_of_no_assembly_is_a_bug() -> None:
    with pytest.raises(ValueError, match="a contig is of no assembly"):
        Assemblies(("a",), np.array([0, 1], np.int32))
