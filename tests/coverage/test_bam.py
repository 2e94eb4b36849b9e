"""Depth from BAM: against a plain loop over pysam's records, against jgi, and in any order and form of the file."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pysam
import pytest

from binner import coverage
from binner.coverage import bam
from binner.coverage.bam import identity_for
from binner.data import F32, Contigs
from binner.errors import InputError
from tests.coverage.reads import (
    NANOPORE_LIKE,
    Read,
    bgzf,
    cut,
    decorated,
    draw_read,
    draw_reads,
    inflated,
    make_contigs,
    padded,
    slow_depth,
    write_bam,
)

LENGTHS = (3000, 500, 152, 151, 150, 60, 3, 2, 1)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.fixture
def contigs(rng: np.random.Generator) -> Contigs:
    return make_contigs(rng, LENGTHS)


@pytest.fixture(params=[bam.FEW_SLOTS, 1], ids=["all at once", "contig by contig"])
def slots(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With slots for all contigs from the start, and with as few as the longest one needs."""
    monkeypatch.setattr(bam, "FEW_SLOTS", request.param)


def depths(contigs: Contigs, *bams: Path, identity: float | None = None, threads: int = 1) -> tuple[F32, F32]:
    """Mean and variance (N, S)."""
    found = coverage.read(contigs, bams=bams, identity=identity, threads=threads)
    assert found is not None
    return found.mean, found.variance


def assert_slow(contigs: Contigs, path: Path, *, identity: float | None = None) -> None:
    mean, variance = depths(contigs, path, identity=identity)
    slow_mean, slow_variance = slow_depth(path, contigs, identity=97 if identity is None else identity)
    assert slow_mean.max() > 1
    np.testing.assert_allclose(mean[:, 0], slow_mean, rtol=1e-5)
    np.testing.assert_allclose(variance[:, 0], slow_variance, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("length", [40, 100, 150])
@pytest.mark.usefixtures("slots")
def test_equals_the_slow_loop(tmp_path: Path, rng: np.random.Generator, contigs: Contigs, length: int) -> None:
    path = write_bam(tmp_path / "a.bam", contigs, draw_reads(rng, contigs, 1500, length=length))
    assert_slow(contigs, path)


@pytest.mark.usefixtures("slots")
def test_equals_the_slow_loop_with_long_reads_on_short_contigs(
    tmp_path: Path, rng: np.random.Generator, contigs: Contigs
) -> None:
    reads = [padded(read, 260) for read in draw_reads(rng, contigs, 1500, length=200)]
    assert_slow(contigs, write_bam(tmp_path / "a.bam", contigs, reads))


@pytest.mark.parametrize("identity", [0.0, 80.0, 95.5, 100.0])
@pytest.mark.usefixtures("slots")
def test_identity_is_what_it_is_set_to(
    tmp_path: Path, rng: np.random.Generator, contigs: Contigs, identity: float
) -> None:
    path = write_bam(tmp_path / "a.bam", contigs, draw_reads(rng, contigs, 1500))
    assert_slow(contigs, path, identity=identity)


@pytest.mark.parametrize("nm", [2, 3, 4])
def test_a_read_at_the_threshold_counts(tmp_path: Path, rng: np.random.Generator, nm: int) -> None:
    contigs = make_contigs(rng, [1000])
    read = Read(0, 400, [(0, 100)], "A" * 100, (("NM", nm, "i"),))
    mean, _ = depths(contigs, write_bam(tmp_path / "a.bam", contigs, [read]))
    assert mean[0, 0] == pytest.approx(100 / 850 if nm <= 3 else 0)


@pytest.mark.skipif(shutil.which("jgi_summarize_bam_contig_depths") is None, reason="needs MetaBAT's jgi")
@pytest.mark.parametrize(("length", "whole"), [(10, 70), (60, 140), (150, 250)])
@pytest.mark.usefixtures("slots")
def test_equals_jgi(tmp_path: Path, rng: np.random.Generator, contigs: Contigs, length: int, whole: int) -> None:
    """With reads of one length: jgi cuts ends by the mean length of the reads it has seen, so far."""
    reads = [[padded(read, whole) for read in draw_reads(rng, contigs, 1500, length=length)] for _ in range(2)]
    paths = [write_bam(tmp_path / f"{number}.bam", contigs, of) for number, of in enumerate(reads)]
    table = tmp_path / "jgi.tsv"
    command = ["jgi_summarize_bam_contig_depths", "--outputDepth", str(table), *map(str, paths)]
    subprocess.run(command, check=True, capture_output=True)
    expected = coverage.read(contigs, depth=[table])
    found = coverage.read(contigs, bams=paths)
    assert expected is not None and found is not None
    for ours, theirs in ((found.mean, expected.mean), (found.variance, expected.variance)):
        assert theirs.max() > 1
        assert (np.abs(ours - theirs) <= 1e-3 * np.maximum(theirs, 1)).all()


@pytest.mark.usefixtures("slots")
def test_order_of_reads_and_contigs_does_not_matter(
    tmp_path: Path, rng: np.random.Generator, contigs: Contigs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    reads = [padded(read, 170) for read in draw_reads(rng, contigs, 800)]
    expected = depths(contigs, write_bam(tmp_path / "a.bam", contigs, reads))
    shuffled = [reads[i] for i in rng.permutation(len(reads))]
    order = rng.permutation(len(contigs))
    turned = [replace(read, row=int(np.argsort(order)[read.row])) for read in shuffled]
    named = tmp_path / "named.bam"
    pysam.sort("-n", "-o", str(named), str(write_bam(tmp_path / "b.bam", contigs, shuffled)))
    for path in (tmp_path / "b.bam", named, write_bam(tmp_path / "c.bam", contigs.select(order), turned)):
        for found, wanted in zip(depths(contigs, path), expected, strict=True):
            np.testing.assert_array_equal(found, wanted)
    again = [path for path in (tmp_path / "b.bam", named) if f"{path}: its reads are not sorted" in caplog.text]
    assert len(again) == (2 if bam.FEW_SLOTS == 1 else 0)  # the walk has started anew


@pytest.mark.parametrize("most", [20, 400, 60_000])
@pytest.mark.parametrize("extra", [b"", b"XY\x03\x00abc"])
@pytest.mark.usefixtures("slots")
def test_records_may_cross_blocks(
    tmp_path: Path, rng: np.random.Generator, contigs: Contigs, most: int, extra: bytes
) -> None:
    path = write_bam(tmp_path / "a.bam", contigs, draw_reads(rng, contigs, 300))
    other = tmp_path / "b.bam"
    other.write_bytes(bgzf(cut(inflated(path), rng, most=most), extra=extra))
    for found, expected in zip(depths(contigs, other), depths(contigs, path), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_letters_of_the_cigar_do_not_matter(tmp_path: Path, contigs: Contigs) -> None:
    """M with NM, = and X, and M without NM, which is compared with the contig, are the same alignment."""
    seeds = range(400)

    def reads(*, spelled: bool, nm: bool) -> list[Read]:
        rngs = [np.random.default_rng(seed) for seed in seeds]
        drawn = [draw_read(rng, contigs, length=90, error=0.035, spelled=spelled) for rng in rngs]
        return drawn if nm else [replace(read, tags=()) for read in drawn]

    forms = [(False, True), (True, True), (True, False), (False, False)]
    found = [
        depths(contigs, write_bam(tmp_path / f"{i}.bam", contigs, reads(spelled=spelled, nm=nm)))
        for i, (spelled, nm) in enumerate(forms)
    ]
    assert_slow(contigs, tmp_path / "0.bam")
    for other in found[1:]:
        np.testing.assert_array_equal(other[0], found[0][0])
        np.testing.assert_array_equal(other[1], found[0][1])


@pytest.mark.usefixtures("slots")
def test_without_nm_and_sequence_nothing_is_held_against_a_read(tmp_path: Path, rng: np.random.Generator) -> None:
    contigs = make_contigs(rng, [1000])
    path = write_bam(tmp_path / "a.bam", contigs, [Read(0, 400, [(0, 100)], "", ())])
    assert depths(contigs, path)[0][0, 0] == pytest.approx(100 / 1000)  # the mean length of the reads is 0: no edges


def test_more_operations_than_a_cigar_holds(tmp_path: Path, rng: np.random.Generator) -> None:
    contigs = make_contigs(rng, [100_000])
    cigar = [(0, 1), (2, 1)] * 40_000 + [(0, 1)]
    read = Read(0, 100, cigar, "A" * 40_001, decorated(rng, 40_000))
    path = write_bam(tmp_path / "a.bam", contigs, [read])
    assert b"CGBI" in inflated(path)
    assert depths(contigs, path, identity=50)[0][0, 0] == pytest.approx(40_001 / 99_850)
    assert depths(contigs, path, identity=51)[0][0, 0] == 0


def test_what_hangs_over_the_end_is_clipped(tmp_path: Path, rng: np.random.Generator) -> None:
    contigs = make_contigs(rng, [300, 300])
    reads = [
        Read(0, 100, [(0, 100), (1, 1), (0, 101)], "A" * 202, (("NM", 1, "i"),)),
        Read(0, 290, [(0, 100)], "A" * 100, (("NM", 0, "i"),)),
        Read(0, 1000, [(0, 100)], "A" * 100, (("NM", 0, "i"),)),
    ]
    mean, _ = depths(contigs, write_bam(tmp_path / "a.bam", contigs, reads))
    assert mean[:, 0].tolist() == pytest.approx([100 / 150, 0])


@pytest.mark.parametrize("reads", [0, 2])
def test_few_reads(tmp_path: Path, rng: np.random.Generator, reads: int) -> None:
    contigs = make_contigs(rng, [500] * 50)
    drawn = [Read(row, 200, [(0, 100)], "A" * 100, (("NM", 0, "i"),)) for row in range(reads)]
    path = write_bam(tmp_path / "a.bam", contigs, drawn)
    mean, variance = depths(contigs, path)
    assert mean.shape == variance.shape == (50, 1)
    assert (mean > 0).sum() == reads


def test_only_unmapped_reads(tmp_path: Path, contigs: Contigs) -> None:
    reads = [Read(0, 0, [], "ACGT", (), flag=4)] * 3
    assert not depths(contigs, write_bam(tmp_path / "a.bam", contigs, reads))[0].any()


def test_no_contigs(tmp_path: Path, contigs: Contigs) -> None:
    path = write_bam(tmp_path / "a.bam", contigs, [])
    mean, variance = depths(contigs.select(np.zeros(0, np.int64)), path)
    assert mean.shape == variance.shape == (0, 1)


def test_long_contigs_keep_their_precision(tmp_path: Path, rng: np.random.Generator) -> None:
    """Beyond the length at which jgi's sums in single precision are followed."""
    contigs = make_contigs(rng, [1_200_000])
    reads = [Read(0, 0, [(0, 600_000)], "", (("NM", 0, "i"),))] * 101
    mean, variance = depths(contigs, write_bam(tmp_path / "a.bam", contigs, reads))
    assert mean[0, 0] == pytest.approx(50.5, rel=1e-6)
    assert variance[0, 0] == pytest.approx(50.5**2, rel=1e-5)


@pytest.mark.parametrize("error", [0.001, 0.06, 0.12])
def test_long_reads_are_told_by_their_length(tmp_path: Path, rng: np.random.Generator, error: float) -> None:
    """Most of them count whatever their errors, and those of a relative of the strain do not."""
    contigs = make_contigs(rng, [30_000])
    own = [draw_read(rng, contigs, length=2000, error=error) for _ in range(60)]
    others = [draw_read(rng, contigs, length=2000, error=error + 0.09) for _ in range(4)]
    path = write_bam(tmp_path / "own.bam", contigs, own)
    everything = depths(contigs, path, identity=0)[0][0, 0]
    assert depths(contigs, path)[0][0, 0] > 0.95 * everything
    assert error < 0.03 or depths(contigs, path, identity=97)[0][0, 0] < 0.1 * everything
    mixed = write_bam(tmp_path / "mixed.bam", contigs, own + others)
    assert depths(contigs, mixed)[0][0, 0] < 1.02 * everything


@pytest.mark.parametrize("spread", [0.0, 0.02])
def test_reads_of_90_percent_identity_give_the_true_depth(
    tmp_path: Path, rng: np.random.Generator, spread: float
) -> None:
    """Truth is what the reads were drawn from, deleted bases included; reads differ in how good they are."""
    contigs = make_contigs(rng, [150_000, 40_000])
    reads = [
        draw_read(
            rng,
            contigs,
            length=int(rng.integers(2000, 12_000)),
            error=float(np.clip(rng.normal(0.1, spread), 0.01, 0.3)),
            shares=NANOPORE_LIKE,
        )
        for _ in range(300)
    ]
    found = depths(contigs, write_bam(tmp_path / "a.bam", contigs, reads))[0][:, 0]
    for row, length in enumerate(contigs.lengths.tolist()):
        true = np.zeros(length)
        for read in reads:
            if read.row == row:
                true[read.start : read.start + sum(bases for kind, bases in read.cigar if kind in (0, 2))] += 1
        assert found[row] == pytest.approx(true[75:-75].mean(), rel=0.05)


@pytest.mark.parametrize(
    ("lengths", "identities", "expected"),
    [
        ([], [], 97),
        ([150] * 10, [0.8] * 10, 97),
        ([150] * 6 + [9000] * 4, [0.8] * 10, 97),
        ([9000] * 10, [0.999] * 10, 96),
        ([9000] * 10, [1.0] * 10, 97),
        ([9000] * 100, np.linspace(0.901, 1.0, 100), 88),
        ([9000] * 10, [0.02] * 10, 0),
    ],
)
def test_identity_for(lengths: Sequence[float], identities: Sequence[float], expected: float) -> None:
    assert identity_for(np.array(lengths), np.array(identities), source="a.bam") == expected


@pytest.mark.usefixtures("slots")
def test_names_are_matched_by_their_first_word(
    tmp_path: Path, rng: np.random.Generator, caplog: pytest.LogCaptureFixture
) -> None:
    """Names of digits, descriptions in the BAM, contigs on one side only."""
    caplog.set_level(logging.INFO)
    there = make_contigs(rng, [700, 800, 900], names=["7", "12 flag=1", "3"])
    reads = [Read(row, 100, [(0, 300)], "A" * 300, (("NM", 0, "i"),)) for row in (0, 1, 1, 2, 2, 2)]
    path = write_bam(tmp_path / "a.bam", there, reads)
    here = make_contigs(rng, [800, 400, 700], names=["12", "1", "7"])
    mean, _ = depths(here, path)
    assert mean[:, 0].tolist() == pytest.approx([600 / 650, np.nan, 300 / 550], nan_ok=True)
    assert "names 2 of 3 contigs" in caplog.text
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING] == [
        f"{path}: 1 contigs are not in it: their depth is unknown, and they are binned by composition"
    ]


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_contig_without_a_read_is_not_one_that_the_header_lacks(
    tmp_path: Path, rng: np.random.Generator, *, shuffled: bool
) -> None:
    there = make_contigs(rng, [700, 800, 900], names=["a", "b", "c"])
    rows = [0, 2, 0] if shuffled else [0, 0, 2]
    reads = [Read(row, 100, [(0, 300)], "A" * 300, (("NM", 0, "i"),)) for row in rows]
    path = write_bam(tmp_path / "a.bam", there, reads)
    here = make_contigs(rng, [800, 700, 500], names=["b", "a", "d"])
    for found in depths(here, path):
        assert found[0, 0] == 0
        assert found[1, 0] > 0
        assert np.isnan(found[2, 0])


def refused(contigs: Contigs, path: Path) -> str:
    with pytest.raises(InputError) as error:
        depths(contigs, path)
    message = str(error.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_other_contigs_are_refused(tmp_path: Path, rng: np.random.Generator, contigs: Contigs) -> None:
    path = write_bam(tmp_path / "a.bam", contigs, [])
    other = make_contigs(rng, [3000], names=["k1"])
    assert "names none of the 1 contigs (its first is 'c0', theirs 'k1')" in refused(other, path)
    longer = make_contigs(rng, (3000, 501, *LENGTHS[2:]))
    assert "contig 'c1' has 500 bp there and 501 bp here" in refused(longer, path)
    twice = make_contigs(rng, [3000, 3000], names=["c0 a", "c0 b"])
    assert "two of its contigs are called 'c0'" in refused(contigs, write_bam(tmp_path / "b.bam", twice, []))
    nothing = write_bam(tmp_path / "c.bam", make_contigs(rng, []), [])
    assert "it names no contig at all" in refused(contigs, nothing)


def test_a_truncated_bam_is_refused_wherever_it_is_cut(
    tmp_path: Path, rng: np.random.Generator, contigs: Contigs
) -> None:
    whole = write_bam(tmp_path / "a.bam", contigs, draw_reads(rng, contigs, 2000)).read_bytes()
    assert whole.count(b"BC\x02\x00") > 3
    short = tmp_path / "b.bam"
    for size in [5, 17, 30, 100, *rng.integers(18, len(whole), 30).tolist(), len(whole) - 28, len(whole) - 1]:
        short.write_bytes(whole[:size])
        assert "truncated" in refused(contigs, short)


@pytest.mark.usefixtures("slots")
def test_a_cut_record_or_header_is_refused(tmp_path: Path, rng: np.random.Generator, contigs: Contigs) -> None:
    text = inflated(write_bam(tmp_path / "a.bam", contigs, draw_reads(rng, contigs, 5)))
    path = tmp_path / "b.bam"
    for size in (len(text) - 1, 3, 6, 100):
        path.write_bytes(bgzf([text[:size]]))
        assert "truncated" in refused(contigs, path)


def test_a_damaged_bam_is_refused(tmp_path: Path, rng: np.random.Generator, contigs: Contigs) -> None:
    """Every byte counts; a flipped one may say that a block is longer than the file."""
    whole = bytearray(write_bam(tmp_path / "a.bam", contigs, draw_reads(rng, contigs, 200)).read_bytes())
    path = tmp_path / "b.bam"
    for at in rng.integers(40, len(whole) - 60, 60).tolist():
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            depths(contigs, path)
        except InputError as error:
            assert "damaged" in str(error) or "truncated" in str(error)
        else:
            assert whole[at - 4 : at] != whole[at : at + 4]  # times and flags of gzip, which nobody reads


def test_nonsense_in_records_never_crashes(tmp_path: Path, rng: np.random.Generator, contigs: Contigs) -> None:
    text = inflated(write_bam(tmp_path / "a.bam", contigs, draw_reads(rng, contigs, 60)))
    first = text.index(b"r0000000\0") - 36
    path = tmp_path / "b.bam"
    outcomes = set()
    for _ in range(300):
        changed = bytearray(text)
        for at in rng.integers(first, len(text), 3):
            changed[at] = rng.integers(256)
        path.write_bytes(bgzf([bytes(changed[i : i + 60_000]) for i in range(0, len(changed), 60_000)]))
        try:
            depths(contigs, path)
            outcomes.add("fine")
        except InputError as error:
            outcomes.add(str(error).split(": ")[1][:9])
    assert outcomes == {"fine", "damaged, ", "truncated"}


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"", "an empty file"),
        (b"@HD\tVN:1.6\n", "SAM text: make a BAM of it"),
        (b">c0\nACGT\n", "neither BAM nor CRAM"),
        (b"\x1f\x8b\x08\x00" + bytes(40), "no BAM file"),
        (b"\x1f\x8b\x08\x04" + bytes(6) + b"\x06\x00XY\x02\x00ab" + bytes(40), "gzip but not BGZF"),
        (bgzf([b">c0\nACGT\n"]), "no BAM file, it starts with '>c0"),
        (bgzf([b"BAM\x01\xff\xff\xff\xff"]), "its header makes no sense"),
    ],
)
def test_what_is_no_bam_is_refused(tmp_path: Path, contigs: Contigs, data: bytes, complaint: str) -> None:
    path = tmp_path / "a.bam"
    path.write_bytes(data)
    assert complaint in refused(contigs, path)


def test_missing_files_and_folders_are_refused(tmp_path: Path, contigs: Contigs) -> None:
    assert "no such file" in refused(contigs, tmp_path / "a.bam")
    (tmp_path / "b.bam").mkdir()
    assert "a folder" in refused(contigs, tmp_path / "b.bam")
