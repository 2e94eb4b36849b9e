"""Files are looked at before any work; standard input can be read twice."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from binner import fasta, inputs
from binner.config import STDIN, CoverageConfig, EncoderConfig
from binner.data import Contigs, Coverage, silent
from binner.errors import InputError, OptionError


@pytest.fixture
def contigs(tmp_path: Path) -> Path:
    path = tmp_path / "contigs.fa"
    path.write_text(">a\nACGT\n>b\nGG\n")
    return path


def pipe(monkeypatch: pytest.MonkeyPatch, text: bytes, *, terminal: bool = False) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text), isatty=lambda: terminal))


def test_files_that_can_be_read_pass(contigs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"")
    inputs.check_files((contigs, STDIN))


def test_a_file_that_is_not_there(contigs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.bam: no such file"):
        inputs.check_files((contigs, tmp_path / "none.bam"))


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder; name the file in it"):
        inputs.check_files((tmp_path,))


def test_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "depth.tsv")
    with pytest.raises(InputError, match=r"depth\.tsv: a pipe, and it is read twice: write it to a file first"):
        inputs.check_files((tmp_path / "depth.tsv",))


def test_a_file_named_twice(contigs: Path) -> None:
    with pytest.raises(OptionError, match="named twice"):
        inputs.check_files((contigs, contigs))


def test_a_file_named_by_a_link_too(contigs: Path, tmp_path: Path) -> None:
    link, folder = tmp_path / "link.fa", tmp_path / "folder"
    link.symlink_to(contigs)
    folder.symlink_to(tmp_path)
    for other in (link, folder / contigs.name):
        with pytest.raises(OptionError, match=f"{other}: named twice, it is {contigs}; name it once"):
            inputs.check_files((contigs, other))


def test_a_terminal_is_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"", terminal=True)
    with pytest.raises(OptionError, match="nothing is piped to standard input"):
        inputs.check_files((STDIN,))


def test_standard_input_can_be_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b">a\nACGT\n")
    with inputs.readable(STDIN, tmp_path) as source:
        assert list(fasta.records(source)) == list(fasta.records(source)) == [("a", b"ACGT")]
    assert not list(tmp_path.iterdir()), "the copy does not stay"


def test_a_file_is_read_where_it_lies(contigs: Path, tmp_path: Path) -> None:
    with inputs.readable(contigs, tmp_path / "scratch") as source:
        assert source == contigs
    assert contigs.exists()


def test_depths_come_from_the_files_that_are_named(contigs: Path, tmp_path: Path) -> None:
    table = tmp_path / "S1.tsv"
    table.write_text("a\t3.5\nb\t1\n")
    found = inputs.measure(
        fasta.read(contigs),
        CoverageConfig(abundance=(table,)),
        source=contigs,
        threads=1,
        memory=10**9,
        scratch=tmp_path,
        progress=silent,
    )
    assert found.mean.ravel().tolist() == [3.5, 1]


def test_no_depths_without_files(contigs: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file to read depths from"):
        inputs.measure(
            fasta.read(contigs),
            CoverageConfig(),
            source=contigs,
            threads=1,
            memory=10**9,
            scratch=tmp_path,
            progress=silent,
        )


@pytest.mark.parametrize("before", [True, False], ids=["before they are read", "after they were read"])
def test_contigs_that_do_not_fit(before: bool, contigs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "BASE_BYTES", 0)
    monkeypatch.setattr(inputs, "MOST_BP_PER_BYTE", 10**6 if before else 0)
    if before:
        monkeypatch.setattr(fasta, "read", None)
    message = r"2 contigs with 0\.0 Mb need about 30 kB of memory, and 20 kB may be used: raise --max-memory"
    with pytest.raises(OptionError, match=message):
        inputs.read_contigs(contigs, min_length=1, memory=20_000)
    monkeypatch.undo()


@pytest.mark.parametrize("before", [True, False], ids=["before they are read", "after they were read"])
def test_samples_need_memory(before: bool, contigs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "BASE_BYTES", 0)
    monkeypatch.setattr(inputs, "MOST_BP_PER_BYTE", 10**6 if before else 0)
    needed = r"2 contigs with 0\.0 Mb in 500 samples need about 90 kB of memory, and 80 kB .* or fewer samples"
    with pytest.raises(OptionError, match=needed):
        inputs.read_contigs(contigs, min_length=1, memory=80_000, samples=500)
    found = inputs.read_contigs(contigs, min_length=1, memory=80_000, samples=1)
    inputs.check_samples(found, None, source=contigs, memory=80_000)
    depth = np.ones((2, 500), np.float32)
    coverage = Coverage(tuple(map(str, range(500))), depth, depth, found.names_digest)
    with pytest.raises(OptionError, match=needed):
        inputs.check_samples(found, coverage, source=contigs, memory=80_000)


def test_address_space_must_do_for_the_contigs_too(contigs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = inputs.read_contigs(contigs, min_length=1, memory=10**12, threads=4)
    monkeypatch.setattr("resource.getrlimit", lambda which: (2 * 10**9, 2 * 10**9))
    inputs.check_samples(found, None, source=contigs, memory=10**12, threads=4)
    monkeypatch.setattr(inputs, "BYTES_PER_CONTIG", 150 * 10**6)
    needed = rf"about 2\.1 GB are needed for 4 threads and {contigs}: raise it"
    with pytest.raises(OptionError, match=needed):
        inputs.check_samples(found, None, source=contigs, memory=10**12, threads=4)
    with pytest.raises(OptionError, match=needed):
        inputs.read_contigs(contigs, min_length=1, memory=10**12, threads=4)


def test_only_what_takes_part_must_fit(contigs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "BASE_BYTES", 0)
    monkeypatch.setattr(inputs, "MOST_BP_PER_BYTE", 10**6)
    assert inputs.read_contigs(contigs, min_length=3, memory=20_000).names == ("a",)


def test_an_encoder_that_cannot_be_loaded(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        inputs.check_encoder(str(tmp_path), EncoderConfig(), device="cpu")


def test_a_target_is_a_file_in_a_folder_that_is_there(tmp_path: Path) -> None:
    read = tmp_path / "read"
    read.write_text("x")
    inputs.check_target(tmp_path / "new", sources=(read,))
    inputs.check_target(read)
    for target, why in ((tmp_path, "a folder"), (tmp_path / "no/t", "no such folder"), (read, "one of the inputs")):
        with pytest.raises(OptionError, match=f"--table {target}: .*{why}"):
            inputs.check_target(target, sources=(read,), option="--table")


def test_targets_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, nowhere = tmp_path / "loop", tmp_path / "nowhere"
    loop.symlink_to(loop)
    nowhere.symlink_to("none/t.tsv")
    long = tmp_path / ("x" * 300)
    for target, why in ((loop, "leads to itself"), (long, "file name too long"), (nowhere, "there is no such folder")):
        with pytest.raises(OptionError, match=f"-o {target}: .*{why}"):
            inputs.check_target(target)
    monkeypatch.setattr(inputs, "can_write", lambda folder: False)
    with pytest.raises(OptionError, match="its folder may not be written"):
        inputs.check_target(tmp_path / "t.tsv")


def test_a_device_or_a_pipe_is_a_target(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for target in (Path(os.devnull), tmp_path / "pipe"):
        inputs.check_target(target)


def with_headers(folder: Path, *headers: str) -> Contigs:
    path = folder / "headers.fa"
    path.write_text("".join(f">{header}\nACGT\n" for header in headers))
    return fasta.read(path)


def test_depths_in_headers_are_a_sample(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    contigs = with_headers(tmp_path, "NODE_1_length_4_cov_23.5", "NODE_2_length_4_cov_0.0")
    with caplog.at_level("INFO"):
        coverage = inputs.header_coverage(contigs)
    assert coverage is not None
    assert coverage.samples == ("assembly",)
    np.testing.assert_array_equal(coverage.mean, np.array([[23.5], [0]], np.float32))
    assert not coverage.variance.any()
    assert coverage.names_digest == contigs.names_digest
    (said,) = (message for message in caplog.messages if "headers" in message)
    assert "as SPAdes writes them, are those of sample 'assembly' (--no-header-depth to bin without)" in said


UNUSABLE = {
    "2 of 3 contigs have none": ("NODE_1_length_4_cov_23.5", "NODE_2_length_4_cov_nan", "a"),
    "in the formats of MEGAHIT and SPAdes": ("k1 multi=2.0", "NODE_2_length_4_cov_3.5"),
    "all are the same": ("k1 multi=1.0000", "k2 multi=1.0000"),
}


@pytest.mark.parametrize("why", UNUSABLE)
def test_depths_in_headers_that_cannot_be_used(why: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert inputs.header_coverage(with_headers(tmp_path, *UNUSABLE[why])) is None
    assert why in caplog.messages[-1]


def test_depths_in_headers_of_several_assemblies(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    contigs = with_headers(tmp_path, "S1:k1 multi=2.0", "S2:k1 multi=3.0")
    with caplog.at_level("INFO"):
        assert inputs.header_coverage(contigs, assemblies=2) is None
    assert caplog.messages[-1] == (
        "Depths in the headers of the contigs are not used: each assembly has them of its own sample"
    )


def test_nothing_is_said_where_headers_have_no_depth(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    contigs = with_headers(tmp_path, "k1", "k2 flag=1")
    caplog.clear()
    with caplog.at_level("DEBUG"):
        assert inputs.header_coverage(contigs) is None
    assert not caplog.messages
