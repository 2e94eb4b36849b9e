"""Options are checked where they are born."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from binner.config import CoverageConfig, EncoderConfig, MachineConfig, RunConfig
from binner.errors import OptionError

CONTIGS = Path("contigs.fa")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_length": 0}, "--min-len must be at least 200 bp, not 0"),
        ({"min_length": -5}, "--min-len"),
        ({"min_bin_size": -1}, "--min-bin-size must not be negative: -1"),
        ({"seed": -1}, "--seed"),
        ({"seed": 2**32}, "--seed"),
        ({"prefix": ""}, "--prefix"),
        ({"prefix": "../up"}, "--prefix"),
        ({"prefix": "-x"}, "--prefix"),
        ({"prefix": "a b"}, "--prefix"),
        ({"refine": True, "refine_terms": ("mix", "mmx")}, "'mmx'"),
        ({"refine": True, "refine_terms": ("mix", "mix")}, "'mix' is named twice"),
        ({"refine_terms": ("mix",)}, "add --refine"),
        ({"refine": False, "refine_terms": ()}, "add --refine"),
        ({"split_chimeras": True, "embedding": (Path("e.npz"),)}, "--split-chimeras cuts contigs"),
        ({"encoder": "no-such-encoder"}, "'no-such-encoder' is neither"),
    ],
)
def test_run_options_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError) as caught:
        RunConfig(CONTIGS, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("threads", [0, -1, 10**6])
def test_threads_out_of_range(threads: int) -> None:
    with pytest.raises(OptionError, match="--threads"):
        MachineConfig(threads=threads)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CUDA", "", "cuda:-1", "cpu:0"])
def test_devices_that_do_not_exist(device: str) -> None:
    with pytest.raises(OptionError, match="--device must be auto, cpu, cuda or cuda:N"):
        MachineConfig(device=device)


@pytest.mark.parametrize("device", ["auto", "cpu", "cuda", "cuda:0", "cuda:12"])
def test_devices(device: str) -> None:
    assert MachineConfig(device=device).device == device


def test_memory_must_be_positive() -> None:
    with pytest.raises(OptionError, match="--max-memory"):
        MachineConfig(max_memory=0)


@pytest.mark.parametrize("identity", [-1.0, 101.0, float("nan")])
def test_identity_is_a_percentage(identity: float) -> None:
    with pytest.raises(OptionError, match="--identity is a percentage"):
        CoverageConfig(identity=identity)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 199}, "--window must be at least 200 bp, not 199"),
        ({"strands": "reverse"}, "--strands must be both or forward, not 'reverse'"),
        ({"max_windows": 0}, "--max-windows must be at least 1, not 0"),
        ({"devices": 0}, "--devices must be from 1 to"),
    ],
)
def test_ways_of_reading_that_cannot_be(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        EncoderConfig(**options)


@pytest.mark.parametrize("name", ["zhihan1996/DNABERT-S", "a/b"])
def test_a_name_on_the_hub_is_an_encoder(name: str) -> None:
    assert RunConfig(CONTIGS, encoder=name).encoder == name


@pytest.mark.parametrize("name", ["a/b/c", "/a/b", "../b", "a/", "a b/c"])
def test_what_is_no_name_on_the_hub(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # where no such folder is
    with pytest.raises(OptionError, match="is neither"):
        RunConfig(CONTIGS, encoder=name)


def test_files_are_all_that_is_read() -> None:
    files = CoverageConfig(bams=(Path("a.bam"),), depth=(Path("t.tsv"),), abundance=(Path("s.tsv"),)).files
    assert files == (Path("a.bam"), Path("t.tsv"), Path("s.tsv"))


def test_a_folder_is_an_encoder(tmp_path: Path) -> None:
    assert RunConfig(CONTIGS, encoder=str(tmp_path)).encoder == str(tmp_path)


@pytest.mark.parametrize(
    ("contigs", "folder"),
    [
        ("contigs.fa", "contigs_binner"),
        ("../x/final.contigs.FASTA.GZ", "final.contigs_binner"),
        ("a.fna.zst", "a_binner"),
        ("assembly", "assembly_binner"),
        ("k141.tsv", "k141.tsv_binner"),
        (".fa.gz", "contigs_binner"),
        ("-", "stdin_binner"),
    ],
)
def test_the_results_are_named_after_the_contigs(contigs: str, folder: str) -> None:
    assert RunConfig(Path(contigs)).folder == Path(folder)


def test_a_given_folder_is_kept() -> None:
    assert RunConfig(CONTIGS, out=Path("x/y")).folder == Path("x/y")
