"""CRAM gives the numbers of its BAM, with the user's FASTA as its reference, which is left alone."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pysam
import pytest
import zstandard

from binner import coverage
from binner.data import F32, Contigs
from binner.errors import InputError
from tests.coverage.reads import draw_reads, make_contigs, slow_depth, write_bam, write_fasta

PACK: dict[str, Callable[[bytes], bytes]] = {
    "fa": bytes,
    "fa.gz": gzip.compress,
    "fa.bz2": bz2.compress,
    "fa.xz": lzma.compress,
    "fa.zst": zstandard.ZstdCompressor().compress,
}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def contigs(rng: np.random.Generator) -> Contigs:
    return make_contigs(rng, (2000, 700, 300))


@pytest.fixture
def bam(tmp_path: Path, rng: np.random.Generator, contigs: Contigs) -> Path:
    return write_bam(tmp_path / "s.bam", contigs, draw_reads(rng, contigs, 600))


@pytest.fixture
def cram(tmp_path: Path, bam: Path, contigs: Contigs) -> Path:
    fasta = write_fasta(tmp_path / "s.fa", contigs)
    path = tmp_path / "s.cram"
    with (
        pysam.AlignmentFile(str(bam)) as reads,
        pysam.AlignmentFile(str(path), "wc", template=reads, reference_filename=str(fasta)) as out,
    ):
        for read in reads:
            out.write(read)
    return path


def depths(contigs: Contigs, path: Path, *, reference: Path | None, scratch: Path | None = None) -> tuple[F32, F32]:
    found = coverage.read(contigs, bams=[path], reference=reference, scratch=scratch)
    assert found is not None
    return found.mean, found.variance


@pytest.mark.parametrize("suffix", PACK)
def test_equals_its_bam(tmp_path: Path, contigs: Contigs, bam: Path, cram: Path, suffix: str) -> None:
    folder = tmp_path / "users"
    folder.mkdir()
    reference = folder / f"contigs.{suffix}"
    reference.write_bytes(PACK[suffix]((tmp_path / "s.fa").read_bytes()))
    before = reference.stat()
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    mean, variance = depths(contigs, cram, reference=reference, scratch=scratch)
    for found, expected in zip((mean, variance), depths(contigs, bam, reference=None), strict=True):
        assert expected.max() > 1
        np.testing.assert_array_equal(found, expected)
    assert list(folder.iterdir()) == [reference]
    assert reference.stat().st_mtime_ns == before.st_mtime_ns
    assert not list(scratch.iterdir())


def test_equals_the_slow_loop(tmp_path: Path, contigs: Contigs, cram: Path) -> None:
    mean, variance = depths(contigs, cram, reference=tmp_path / "s.fa")
    slow_mean, slow_variance = slow_depth(cram, contigs)
    np.testing.assert_allclose(mean[:, 0], slow_mean, rtol=1e-5)
    np.testing.assert_allclose(variance[:, 0], slow_variance, rtol=1e-4)


def test_contigs_that_do_not_take_part_are_decoded_too(tmp_path: Path, contigs: Contigs, bam: Path, cram: Path) -> None:
    """The reference holds what the CRAM names, not only what is measured; and the FASTA may hold more."""
    reference = tmp_path / "more.fa"
    reference.write_bytes(b">other\nACGT\n" + (tmp_path / "s.fa").read_bytes() + b">last\nGGG\nG\n")
    long = contigs.select(np.array([0, 1]))
    for found, expected in zip(
        depths(long, cram, reference=reference), depths(contigs, bam, reference=None), strict=True
    ):
        np.testing.assert_array_equal(found, expected[:2])


def test_wrapped_fasta_in_small_letters(tmp_path: Path, contigs: Contigs, bam: Path, cram: Path) -> None:
    reference = tmp_path / "wrapped.fa"
    with reference.open("w") as out:
        for line in (tmp_path / "s.fa").read_text().splitlines():
            width = len(line) if line.startswith(">") else 61
            for at in range(0, len(line), width):
                text = line[at : at + width]
                out.write((text if line.startswith(">") else text.lower()) + "\r\n")
    np.testing.assert_array_equal(
        depths(contigs, cram, reference=reference)[0], depths(contigs, bam, reference=None)[0]
    )


def refused(contigs: Contigs, path: Path, reference: Path | None) -> str:
    with pytest.raises(InputError) as error:
        depths(contigs, path, reference=reference)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)
    return str(error.value)


def test_without_reference(contigs: Contigs, cram: Path) -> None:
    assert "CRAM is read with the FASTA of its contigs" in refused(contigs, cram, None)


def test_of_other_contigs(tmp_path: Path, rng: np.random.Generator, contigs: Contigs, cram: Path) -> None:
    other = make_contigs(rng, (2000, 700, 300))
    message = refused(other, cram, write_fasta(tmp_path / "other.fa", other))
    assert "cannot be decoded: " in message
    assert "its reference must be these contigs" in message
    longer = make_contigs(rng, (2001, 700, 300))
    assert "contig 'c0' has 2,000 bp there and 2,001 bp here" in refused(longer, cram, tmp_path / "s.fa")
    (tmp_path / "s.fa").unlink()  # which the CRAM names
    incomplete = write_fasta(tmp_path / "few.fa", contigs.select(np.array([1, 2])))
    assert "cannot be decoded: " in refused(contigs, cram, incomplete)


def test_truncated(tmp_path: Path, contigs: Contigs, cram: Path) -> None:
    whole = cram.read_bytes()
    short = tmp_path / "short.cram"
    for size in (4, 10, 30, len(whole) // 2, len(whole) - 40):
        short.write_bytes(whole[:size])
        message = refused(contigs, short, tmp_path / "s.fa")
        assert "damaged" in message or "cannot be decoded" in message


def test_modules_in_the_folder_are_not_those_of_python(
    tmp_path: Path, contigs: Contigs, cram: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pysam", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert depths(contigs, cram, reference=tmp_path / "s.fa")[0].any()


def test_a_decoder_that_fails_says_why(
    tmp_path: Path, contigs: Contigs, cram: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("binner.coverage.cram._DECODE", "import sys; sys.exit('words\\nlast words')")
    message = refused(contigs, cram, tmp_path / "s.fa")
    assert message.endswith("it is truncated or damaged: copy or make it again (last words)")


def test_the_copy_goes_when_reading_fails(tmp_path: Path, contigs: Contigs, cram: Path) -> None:
    short = tmp_path / "short.cram"
    short.write_bytes(cram.read_bytes()[:-40])
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(InputError):
        depths(contigs, short, reference=tmp_path / "s.fa", scratch=scratch)
    assert not list(scratch.iterdir())


def test_nothing_is_written_beside_the_files(
    tmp_path: Path, contigs: Contigs, cram: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "users"
    folder.mkdir()
    for name in ("s.cram", "s.fa"):
        shutil.copy(tmp_path / name, folder / name)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(folder)
    depths(contigs, Path("s.cram"), reference=Path("s.fa"))
    assert sorted(path.name for path in folder.iterdir()) == ["s.cram", "s.fa"]
    assert not list(temporary.iterdir())
