"""The tables of genomes and bins: every format that is read, and one line for what is not one."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from binner.errors import InputError
from binner.evaluate.tables import Origin, read_bins, read_labels, read_truth

CAMI = "#CAMI\n@Version:0.9.1\n@SampleID:s\n\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.tsv"


@pytest.mark.parametrize(
    "text",
    [
        "a\tg\t5\nb\th\t7\n",
        "contig\tgenome\tlength\na\tg\t5\nb\th\t7",
        "length\tspecies\tcontigName\n5\tg\ta\n7\th\tb\n",
        f"{CAMI}@@SEQUENCEID\tBINID\t_LENGTH\na\tg\t5\nb\th\t7\n",
        f"{CAMI}@@SEQUENCEID\tTAXID\tLENGTH\tBINID\r\na\t1\t5\tg\r\nb\t2\t7\th\r\n",
    ],
)
def test_truth_is_read(table: Path, text: str) -> None:
    table.write_text(text)
    assert read_truth(table) == {"a": Origin(("g",), 5), "b": Origin(("h",), 7)}
    assert read_labels(table) == {"a": "g", "b": "h"}
    table.write_bytes(gzip.compress(text.encode()))
    assert list(read_truth(table)) == ["a", "b"]


def test_lengths_may_come_from_elsewhere(table: Path) -> None:
    table.write_text("a\tg\nb\th\n")
    assert read_truth(table, lengths={"a": 3, "b": 4})["b"].length == 4
    with pytest.raises(InputError, match="line 2: no length of contig 'b'"):
        read_truth(table, lengths={"a": 3})


def test_contigs_of_several_genomes(table: Path) -> None:
    table.write_text("a\tg\t5\na\th\t5\na\tg\t5\nb\tg\t1\n")
    assert read_truth(table)["a"] == Origin(("g", "h"), 5)
    assert read_labels(table) == {"b": "g"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a g 5\n", "line 1: 1 columns"),
        ("a\tg\tlong\n", "'long', which is no number"),
        ("a\tg\t0\n", "'0', which is no number"),
        ("a\tg\t5\na\th\t6\n", "line 2: contig 'a' has 6 bp here and 5 bp above"),
        ("contig\tdepth\na\t1\n", "no column 'BINID'"),
        (f"{CAMI}@@SEQUENCEID\tTAXID\n", "no column 'BINID'"),
        (f"{CAMI}@@SEQUENCEID\tBINID\tLENGTH\na\tg\t1\n@SampleID:t\n", "line 7: a second sample"),
        (">a\nACGT\n", "FASTA, and not a table"),
    ],
)
def test_what_is_no_truth_is_one_line(table: Path, text: str, message: str) -> None:
    table.write_text(text)
    with pytest.raises(InputError, match=message):
        read_truth(table)


@pytest.mark.parametrize(
    "text",
    [
        "a\tx\nb\ty\nb\ty\n",
        "contig\tbin\na\tx\nb\ty\n",
        "clustername\tcontigname\nx\ta\ny\tb\n",
        "contig\tbin\na\tx\nc\t-1\nb\ty\n",
        "contig\tlength\tbin\tprobability\na\t9\tx\t1\nb\t8\ty\t1\nc\t7\t\t0\n",
        f"{CAMI}@@SEQUENCEID\tBINID\na\tx\nb\ty\n",
    ],
)
def test_bins_are_read_from_tables(table: Path, text: str) -> None:
    table.write_text(text)
    assert read_bins(table) == [("a", "x"), ("b", "y")]


@pytest.mark.parametrize(
    "text",
    [
        "#a\tx\n@b:1\ty\n@@c\tx\n#d\ty\n",
        "contig\tlength\tbin\n#a\t9\tx\n@b:1\t8\ty\n@@c\t7\tx\n#d\t6\ty\n",
        f"# of:\tCAMI\n{CAMI}@@SEQUENCEID\tBINID\n#a\tx\n@b:1\ty\n@@c\tx\n#d\ty\n#end\n",
        "#BIN\tCONTIG\nx\t#a\ny\t@b:1\nx\t@@c\ny\t#d\n",
    ],
    ids=["no header", "header", "CAMI", "# before the header"],
)
def test_contigs_that_begin_as_comments_and_headers_do(table: Path, text: str) -> None:
    table.write_text(text)
    assert read_bins(table) == [("#a", "x"), ("@b:1", "y"), ("@@c", "x"), ("#d", "y")]


@pytest.mark.parametrize("name", ["contig", "sequence"])
def test_a_first_contig_that_is_called_as_a_column(name: str, table: Path) -> None:
    table.write_text(f"{name}\tbin_1\t5\nb\tbin_2\t7\n")
    assert read_bins(table) == [(name, "bin_1"), ("b", "bin_2")]
    assert list(read_truth(table)) == [name, "b"]


@pytest.mark.parametrize("header", ["contigName\tcontigLen\ttotalAvgDepth", "contig\tlength", "Contig\tS1 Mean"])
def test_a_header_without_bins(header: str, table: Path) -> None:
    table.write_text(f"{header}\na\t5\t7\n")
    with pytest.raises(InputError, match="no column 'BINID'"):
        read_bins(table)


def test_bins_are_read_from_folders(tmp_path: Path) -> None:
    (tmp_path / "1.fa").write_text(">a words\nAC\nGT\n>b\nA\n")
    (tmp_path / "2.fasta.gz").write_bytes(gzip.compress(b">c\nA\n"))
    (tmp_path / "3.fna").touch()
    (tmp_path / "notes.txt").write_text(">d\n")
    assert read_bins(tmp_path) == [("a", "1.fa"), ("b", "1.fa"), ("c", "2.fasta.gz")]


@pytest.mark.parametrize(
    ("text", "bins"),
    [
        ("a\t1\nb\t0\nc\t12\n", ["1", "12"]),
        ("contig\tbin\na\t1\nb\t0\nc\t12\n", ["1", "0", "12"]),
        (f"{CAMI}@@SEQUENCEID\tBINID\na\t1\nb\t0\n", ["1", "0"]),
        ("a\t1\nb\t0\nc\tx\n", ["1", "0", "x"]),
    ],
    ids=["MetaBAT2", "a header", "CAMI", "names"],
)
def test_0_is_no_bin_of_metabat(text: str, bins: list[str], table: Path, caplog: pytest.LogCaptureFixture) -> None:
    table.write_text(text)
    with caplog.at_level("INFO"):
        assert [name for _, name in read_bins(table)] == bins
    assert caplog.messages.count(
        f"{table}: contigs with 0 for a bin are taken for unbinned, as MetaBAT2 writes them"
    ) == ("0" not in bins)


def test_a_byte_order_mark_hides_no_contig(table: Path) -> None:
    table.write_text("a\tx\t5\nb\ty\t7\n", encoding="utf-8-sig")
    assert read_bins(table) == [("a", "x"), ("b", "y")]
    assert list(read_truth(table)) == ["a", "b"]
    table.write_text("contig\tbin\na\tx\n", encoding="utf-8-sig")
    assert read_bins(table) == [("a", "x")]


def test_what_lies_beside_the_bins_of_a_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("bin.1.FAS", "bin.unbinned.fa", "bin.lowDepth.fa", "bin.tooShort.fa.gz"):
        (tmp_path / name).write_text(f">{name}\nACGT\n")
    (tmp_path / "bin.1.fa.fai").write_text("a\t4\t3\t4\t5\n")
    (tmp_path / "gone.fa").symlink_to(tmp_path / "nowhere")
    (tmp_path / "folder.fa").mkdir()
    with caplog.at_level("INFO"):
        assert read_bins(tmp_path) == [("bin.1.FAS", "bin.1.FAS")]
    assert "what MetaBAT2 left over: bin.lowDepth.fa, bin.tooShort.fa.gz, bin.unbinned.fa" in caplog.text


def test_a_folder_without_a_fasta_file(tmp_path: Path) -> None:
    (tmp_path / ".binner").touch()
    assert read_bins(tmp_path) == [], "of a binner that found nothing"
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match=r"no FASTA file in it \(\.fa, \.fasta"):
        read_bins(tmp_path)


def test_what_are_no_bins(tmp_path: Path, table: Path) -> None:
    assert read_bins(tmp_path) == []
    with pytest.raises(InputError, match="no such file"):
        read_bins(table)
    table.write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="not a text file"):
        read_bins(table)
