"""Reading FASTA: what is normal, what is refused, and that every base arrives."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from binner import fasta, inflate
from binner.errors import InputError


def zstd(data: bytes) -> bytes:
    """As the command line tool writes it: the frame says nothing of its size."""
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}


def write(folder: Path, data: bytes, name: str = "contigs.fa") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def random_dna(rng: np.random.Generator, length: int, letters: bytes = b"ACGTacgt" * 4 + b"NnRYKWSMBDHV") -> bytes:
    return bytes(rng.choice(np.frombuffer(letters, np.uint8), length))


def slow_codes(sequence: bytes) -> list[int]:
    return ["ACGT".find(chr(letter).upper().replace("U", "T")) % 5 for letter in sequence]


@pytest.fixture
def assembly() -> list[tuple[bytes, bytes]]:
    rng = np.random.default_rng(1)
    lengths = [1, 59, 60, 61, 1000, 5, 2500]
    return [(b"c%d" % i, random_dna(rng, length)) for i, length in enumerate(lengths)]


@pytest.mark.parametrize("pack", sorted(PACK))
@pytest.mark.parametrize("name", ["contigs.fa", "contigs.fa.gz", "contigs"])
def test_every_compression_under_any_name(
    tmp_path: Path, assembly: list[tuple[bytes, bytes]], pack: str, name: str
) -> None:
    text = b"".join(b">%s flag=1 multi=2\n%s\n" % record for record in assembly)
    contigs = fasta.read(write(tmp_path, PACK[pack](text), name))
    assert contigs.names == tuple(name.decode() for name, _ in assembly)
    assert [contigs[row].tolist() for row in range(len(contigs))] == [slow_codes(s) for _, s in assembly]


@pytest.mark.parametrize("pack", ["gzip", "bzip2", "xz", "zstd"])
def test_compressed_members_one_after_the_other(tmp_path: Path, pack: str) -> None:
    data = PACK[pack](b">a\nACG") + PACK[pack](b"T\n>b\nGG\n")  # as bgzip and pigz write them, cut inside a record
    assert dict(fasta.records(write(tmp_path, data))) == {"a": b"ACGT", "b": b"GG"}


@pytest.mark.parametrize("width", [1, 7, 60, 10_000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("block", [1, 2, 13, 1 << 20])
def test_layout_does_not_matter(
    tmp_path: Path,
    assembly: list[tuple[bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    width: int,
    end: bytes,
    block: int,
) -> None:
    monkeypatch.setattr(inflate, "BLOCK", block)
    lines = []
    for name, sequence in assembly:
        lines += [b">" + name + b" a > b", *(sequence[at : at + width] for at in range(0, len(sequence), width)), b""]
    path = write(tmp_path, end.join(lines))  # with blank lines between records
    assert list(fasta.records(path)) == [(name.decode(), sequence) for name, sequence in assembly]
    contigs = fasta.read(path)
    assert contigs.codes.tolist() == slow_codes(b"".join(sequence for _, sequence in assembly))
    assert contigs.lengths.tolist() == [len(sequence) for _, sequence in assembly]


def test_letters(tmp_path: Path) -> None:
    path = write(tmp_path, b">k\nACGTUacgtuNnRYKMSWBDHVX ACGTAC\tGTACGTACGT\n")
    codes = fasta.read(path).codes
    assert codes.tolist() == [0, 1, 2, 3, 3] * 2 + [4] * 13 + [0, 1, 2, 3] * 4
    assert dict(fasta.records(path)) == {"k": b"ACGTUacgtuNnRYKMSWBDHVXACGTACGTACGTACGT"}


def test_normal_oddities(tmp_path: Path) -> None:
    path = write(
        tmp_path, b"\xef\xbb\xbf\n\n>7 digits only\nNNNN\n> 8\tthe first word\nA\n>e\xcc\x81 accent \xff\nACGT"
    )
    contigs = fasta.read(path)
    assert contigs.names == ("7", "8", "e\u0301")
    assert contigs.codes.tolist() == [4, 4, 4, 4, 0, 0, 1, 2, 3]


def test_min_length(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write(tmp_path, b">a\nACGT\n>b\nACG\n>c\nACGTA\n")
    with caplog.at_level("INFO"):
        contigs = fasta.read(path, min_length=4)
    assert contigs.names == ("a", "c")
    assert contigs.codes.tolist() == [0, 1, 2, 3, 0, 1, 2, 3, 0]
    assert "2 of 3 contigs have 4 bp or more, 9 of 12 bp" in caplog.text
    assert len(fasta.read(path, min_length=6)) == 0
    assert [name for name, _ in fasta.records(path)] == ["a", "b", "c"]


def test_codes_belong_to_the_reader(tmp_path: Path) -> None:
    contigs = fasta.read(write(tmp_path, b">a\nACGT\n"))
    contigs.codes[0] = 4
    assert contigs[0].tolist() == [4, 1, 2, 3]


def test_one_long_contig_in_little_memory(tmp_path: Path) -> None:
    sequence = random_dna(np.random.default_rng(2), 10_000_000, b"ACGT")
    path = write(tmp_path, gzip.compress(b">long\n" + sequence + b"\n>short\nACGT\n", 1))
    tracemalloc.start()
    contigs = fasta.read(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert contigs.lengths.tolist() == [10_000_000, 4]
    np.testing.assert_array_equal(contigs[0], np.searchsorted(list(b"ACGT"), np.frombuffer(sequence, np.uint8)))
    assert peak < 6 * len(sequence)  # codes, and the record as text, body and codes


FASTQ = b"@r1\nACGT\n+\nIIII\n"
PROTEIN = b">p1\nMKLVINLSERWFDEILKPQRSTVWYHGMAAL\n>p2\nMSEERIPLDQ\n"
REFUSED = {
    "empty file": (b"", "empty file"),
    "only blank lines": (b"\n \r\n\n", "no FASTA record"),
    "fastq": (FASTQ, "FASTQ"),
    "fastq.gz": (gzip.compress(FASTQ), "FASTQ"),
    "sam": (b"@HD\tVN:1.6\n@SQ\tSN:a\tLN:4\n", "SAM file: reads go after -b"),
    "bam": (gzip.compress(b"BAM\x01" + bytes(40)), "BAM file: reads go after -b"),
    "cram": (b"CRAM\x03\x00" + bytes(30), "CRAM file: reads go after -b"),
    "gfa": (b"H\tVN:Z:1.0\nS\t1\tACGT\n", "GFA"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "binary file"),
    "zip": (b"PK\x03\x04\x14\x00", "zip archive"),
    "text": (b"\nLOCUS       SCU49845\n", "line 2: not FASTA.*LOCUS"),
    "sequence without header": (b"ACGT\n>a\nACGT\n", "line 1: not FASTA.*'ACGT'"),
    "no sequence": (b">a\nAC\nGT\n>b\n\n>c\nACGT\n", "line 4: contig 'b' has no sequence"),
    "no sequence at the end": (b">a\nACGT\n>b", "line 3: contig 'b' has no sequence"),
    "no name": (b">a\nACGT\n> \t\nACGT\n", "line 3: a record without a name"),
    "no name, after blank lines": (b"\n\n>\nACGT\n", "line 3: a record without a name"),
    "no name at all": (b">\nACGT\n", "line 1: a record without a name"),
    "name in another encoding": (b">caf\xe9\nACGT\n", "line 1: .*UTF-8"),
    "duplicates": (b">a x\nA\n>b\nA\n>a y\nA\n>b\nA\n>c\nA\n>d\nA\n>d\nA\n", "3 names .*'a', 'b', 'd'.*unique"),
    "many duplicates": (b"".join(b">%d\nA\n" % (i % 9) for i in range(18)), "9 names .*'0', '1', '2', \\.\\.\\."),
    "gap": (b">a\nACGT\n>b\nAC\r\nG-T\n", "line 5: contig 'b' holds '-'"),
    "digits": (b">a\n1 ACGT\n", "line 2: contig 'a' holds '1'"),
    "binary behind a header": (b">a\nAC\x00GT\n", "contig 'a' holds '.x00'"),
    "protein": (PROTEIN, "% of the letters .* not protein"),
}


@pytest.mark.parametrize("case", sorted(REFUSED))
def test_refused(tmp_path: Path, case: str) -> None:
    data, message = REFUSED[case]
    path = write(tmp_path, data)
    with pytest.raises(InputError, match=message) as error:
        fasta.read(path)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 2


@pytest.mark.parametrize("pack", ["gzip", "bzip2", "xz", "zstd"])
@pytest.mark.parametrize("lost", [1, 9, 1000])
def test_truncated(tmp_path: Path, pack: str, lost: int) -> None:
    text = b">a\n" + random_dna(np.random.default_rng(3), 20_000)
    path = write(tmp_path, PACK[pack](text)[:-lost])
    with pytest.raises(InputError, match="the compressed file ends too early: copy or make it again"):
        fasta.read(path)


@pytest.mark.parametrize("pack", ["gzip", "bzip2", "xz", "zstd"])
def test_damaged(tmp_path: Path, pack: str) -> None:
    data = bytearray(PACK[pack](b">a\n" + random_dna(np.random.default_rng(4), 20_000)))
    data[8:40] = bytes(255 - value for value in data[8:40])
    with pytest.raises(InputError, match=r"the compressed file (is damaged|ends too early)"):
        fasta.read(write(tmp_path, bytes(data)))


@pytest.mark.parametrize("text", [b">a\rACGT\r>b\rGG\r", b">a\rACGT", b"\r>a words\rAC\rGT\r"])
def test_line_ends_of_old_macs(tmp_path: Path, text: bytes) -> None:
    path = write(tmp_path, text)
    for look in (fasta.read, lambda path: list(fasta.records(path)), lambda path: list(fasta.names(path))):
        with pytest.raises(InputError, match=r"those of old Macs \(CR\): convert them, as in tr '\\r' '\\n' <"):
            look(path)


def test_garbage_behind_a_gzip_member(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(b">a\nACGT\n") + b"garbage" * 9)
    with pytest.raises(InputError, match="the compressed file is damaged"):
        fasta.read(path)


def test_no_file_a_folder_a_pipe(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(str(tmp_path / 'none.fa'))}: no such file$"):
        fasta.read(tmp_path / "none.fa")
    with pytest.raises(InputError, match="a folder; name the file"):
        fasta.read(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=r"a pipe.*piped to '-'"):
        fasta.read(tmp_path / "pipe")
    with pytest.raises(InputError, match="no such file"):
        next(fasta.records(tmp_path / "none.fa"))


def test_no_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, b">a\nACGT\n")

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied")  # root, who runs CI, may read everything

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match=r"contigs\.fa: cannot be read: Permission denied"):
        fasta.read(path)


def test_spool(tmp_path: Path) -> None:
    data = gzip.compress(b">a\nACGT\n")
    path = fasta.spool(io.BytesIO(data), tmp_path / "new" / "stdin")
    assert path.read_bytes() == data
    assert fasta.read(path).names == ("a",)
    assert [p.name for p in path.parent.iterdir()] == ["stdin"]
    with pytest.raises(InputError, match="standard input: empty"):
        fasta.spool(io.BytesIO(b""), tmp_path / "again")
    assert not (tmp_path / "again").exists()


CIRCULAR = [
    "1 length=50 depth=1.00x circular=true",
    "ctg1 length=50 coverage=1 circular=yes",
    "contig00001 len=50 cov=1.0 circular=Y",
    "tig00000001 len=50 class=contig suggestRepeat=no suggestCircular=yes",
    "x [topology=circular] [completeness=complete]",
    "s0.ctg000001c",
    "ptg000012c",
    "S1:s12.ctg000001c",
    "u0ctg_len-50_circular-yes_depth-1",
    "Contig_1_259.219_Circ",
    "Contig_1_259.219_Circ_pilon",
    "NODE_1_length_50_cov_1.0_cutoff_5_type_circular",
    "edge_1_circ",
]
LINEAR = [
    "2 length=50 depth=1.00x",
    "ctg2 circular=no",
    "tig00000002 suggestCircular=no",
    "y topology=linear",
    "s0.ctg000001l",
    "ctg1rc",
    "u0ctg_len-50_circular-no_depth-1",
    "NODE_1_length_50_cov_1.0_type_linear",
    "circus_1",
    "k141_5c",
]


def test_assemblers_say_what_is_circular(tmp_path: Path) -> None:
    path = tmp_path / "contigs.fa"
    long = "".join(f">{header}\nACGT\n" for header in [*CIRCULAR, *LINEAR])
    path.write_text(f">short circular=true\nAC\n{long}")
    contigs = fasta.read(path, min_length=3)
    assert contigs.circular == tuple(range(len(CIRCULAR)))
    rows = np.arange(len(contigs))[::-2]
    assert [contigs.names[row] in contigs.names[: len(CIRCULAR)] for row in rows] == [
        number in contigs.select(rows).circular for number in range(len(rows))
    ]
