"""Tables of depths: what jgi, CoverM and strobealign write, and every mistake with its line."""

from __future__ import annotations

import bz2
import gzip
import logging
import lzma
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zstandard

from binner import coverage
from binner.data import Contigs, Coverage
from binner.errors import InputError
from tests.coverage.reads import make_contigs

JGI = "contigName\tcontigLen\ttotalAvgDepth\tS1.bam\tS1.bam-var\tS2.bam\tS2.bam-var\n"
PACK: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


@pytest.fixture
def contigs() -> Contigs:
    return make_contigs(np.random.default_rng(1), (1_234_567, 40, 60), names=("long", "7", "k_3"))


def write(tmp_path: Path, text: str | bytes, *, name: str = "depth.tsv") -> Path:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(contigs: Contigs, path: Path) -> Coverage:
    found = coverage.read(contigs, depth=[path])
    assert found is not None
    return found


def abundance(contigs: Contigs, path: Path) -> Coverage:
    found = coverage.read(contigs, abundance=[path])
    assert found is not None
    return found


ROWS = "k_3\t60\t3.5\t1\t0.5\t2.5\t7e-3\n7\t40\t2\t+2\t.25\t0\t-0\nlong\t1.23457e+06\tNA\t1e2\t1E+03\t3.25\t4.\n"
MEAN = np.array([[100, 3.25], [2, 0], [1, 2.5]])
VARIANCE = np.array([[1000, 4], [0.25, 0], [0.5, 0.007]])


@pytest.mark.parametrize("packed", PACK)
def test_jgi(tmp_path: Path, contigs: Contigs, packed: str) -> None:
    """By name, not by order; with lengths rounded as jgi rounds them; the total is not needed."""
    found = read(contigs, write(tmp_path, PACK[packed]((JGI + ROWS).encode())))
    assert found.samples == ("S1.bam", "S2.bam")
    np.testing.assert_allclose(found.mean, MEAN)
    np.testing.assert_allclose(found.variance, VARIANCE)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.removesuffix("\n"),
        lambda text: text + "\n\r\n\n",
        lambda text: "\ufeff" + text,
        lambda text: text.replace("k_3", "k_3 flag=1 multi=2"),
        lambda text: text + "other\t9\t1\t1\t1\t1\t1\n",
    ],
    ids=["CRLF", "no last line end", "blank lines", "byte order mark", "descriptions", "other contigs"],
)
def test_forms_of_the_same_table(tmp_path: Path, contigs: Contigs, change: Callable[[str], str]) -> None:
    found = read(contigs, write(tmp_path, change(JGI + ROWS)))
    np.testing.assert_allclose(found.mean, MEAN)
    np.testing.assert_allclose(found.variance, VARIANCE)


def test_jgi_without_variances(tmp_path: Path, contigs: Contigs) -> None:
    text = "contigName\tcontigLen\ttotalAvgDepth\tA\tB\tB-var\tC-var\n7\t40\t2\t1\t2\t3\t4\n"
    found = read(contigs, write(tmp_path, text))
    assert found.samples == ("A", "B", "C-var")
    assert found.mean[1].tolist() == [1, 2, 4]
    assert found.variance[1].tolist() == [0, 3, 0]


def test_the_depth_of_missing_contigs_is_unknown_and_warned_about(
    tmp_path: Path, contigs: Contigs, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = write(tmp_path, JGI + "7\t40\t2\t1\t2\t3\t4\n")
    found = read(contigs, path)
    np.testing.assert_array_equal(found.mean, [[np.nan, np.nan], [1, 3], [np.nan, np.nan]])
    np.testing.assert_array_equal(found.variance, [[np.nan, np.nan], [2, 4], [np.nan, np.nan]])
    assert found.known.tolist() == [False, True, False]
    assert caplog.messages == [
        f"{path}: names 1 of 3 contigs",
        f"{path}: 2 contigs are not in it: their depth is unknown, and they are binned by composition",
    ]


@pytest.mark.parametrize(
    ("header", "row", "samples", "mean", "variance"),
    [
        ("Contig\tS1 Mean\tS2 Mean", "7\t1.5\t2", ("S1", "S2"), [1.5, 2], [0, 0]),
        ("Contig\tS1 Mean\tS1 Variance", "7\t1\t2", ("S1",), [1], [2]),
        ("Contig\tS1 Covered Fraction\tS1 Variance\tS1 Mean", "7\tNA\t2\t1", ("S1",), [1], [2]),
        ("Contig\tc.fa/S 1.fq.gz Trimmed Mean", "7\t1", ("c.fa/S 1.fq.gz",), [1], [0]),
        ("Contig\tS Trimmed Mean\tS Mean\tT Trimmed Mean\tT Mean", "7\t1\t2\t3\t4", ("S", "T"), [2, 4], [0, 0]),
        ("Contig\tS1 Strobealign aemb", "7\t1", ("S1",), [1], [0]),
        ("Contig\tS1 Mean\tS2 Mean\tS1 Variance\tS2 Variance", "7\t1\t2\t3\t4", ("S1", "S2"), [1, 2], [3, 4]),
        ("Sample\tContig\tMean\tVariance", "S1\t7\t1\t2\nS2\t7\t3\t4\nS1\tk_3\t5\t6", ("S1", "S2"), [1, 3], [2, 4]),
        ("Sample\tContig\tTPM\tMean", "S1\t7\tNA\t2", ("S1",), [2], [0]),
    ],
)
def test_coverm(
    tmp_path: Path,
    contigs: Contigs,
    header: str,
    row: str,
    samples: tuple[str, ...],
    mean: list[float],
    variance: list[float],
) -> None:
    found = read(contigs, write(tmp_path, f"{header}\n{row}\n"))
    assert found.samples == samples
    assert found.mean[1].tolist() == mean
    assert found.variance[1].tolist() == variance
    assert np.isnan(found.mean[0]).all()


def test_coverm_with_two_samples_of_a_name(tmp_path: Path, contigs: Contigs) -> None:
    head = "Contig\tS Mean\tS Variance\tS Mean\tS Variance\tT Mean\n"
    found = read(contigs, write(tmp_path, f"{head}long\t1\t2\t3\t4\t5\n7\t6\t7\t8\t9\t10\nk_3\t0\t0\t0\t0\t0\n"))
    assert found.samples == ("S", "S_2", "T")
    np.testing.assert_array_equal(found.mean[:2], [[1, 3, 5], [6, 8, 10]])
    np.testing.assert_array_equal(found.variance[:2], [[2, 4, 0], [7, 9, 0]])


def test_what_coverm_leaves_out_of_a_sparse_table(tmp_path: Path, contigs: Contigs) -> None:
    """With --no-zeros, rows of samples without a read; of a contig without any row nothing is known."""
    rows = "S1\t7\t1\t2\nS2\tlong\t3\t4\nS2\t7\t5\t6\n"
    found = read(contigs, write(tmp_path, f"Sample\tContig\tMean\tVariance\n{rows}"))
    np.testing.assert_array_equal(found.mean, [[0, 3], [1, 5], [np.nan, np.nan]])
    np.testing.assert_array_equal(found.variance, [[0, 4], [2, 6], [np.nan, np.nan]])


def test_coverm_in_metabat_form(tmp_path: Path, contigs: Contigs) -> None:
    header = "contigName\tcontigLen\ttotalAvgDepth\tS1.bam\tS1.bam-var\n"
    assert read(contigs, write(tmp_path, header + "7\t40\t1.4985\t1.4985\t0.0054\n")).samples == ("S1.bam",)


@pytest.mark.parametrize("name", ["S1.tsv", "S1.tsv.gz", "S1.txt"])
def test_strobealign(tmp_path: Path, contigs: Contigs, name: str) -> None:
    data = b"7\t0.25\nlong\t1e-05\n"
    found = abundance(contigs, write(tmp_path, gzip.compress(data) if name.endswith("gz") else data, name=name))
    assert found.samples == ("S1",)
    np.testing.assert_allclose(found.mean[:, 0], [1e-5, 0.25, np.nan], rtol=1e-6)
    np.testing.assert_array_equal(found.variance[:, 0], [0, 0, np.nan])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (JGI + "7\t40\t1\t1\t1\t1\n", "line 2: 6 columns, 7 expected"),
        (JGI + "7\t40\t1\t1\t1\t1\t1\t1\n", "line 2: 8 columns, 7 expected"),
        (JGI + ROWS + "\n7x\t1\n", "line 6: 2 columns, 7 expected"),
        (JGI + "7\t40\t1\tnan\t1\t1\t1\n", "line 2: 'nan' in column 4 is not finite"),
        (JGI + "7\t40\t1\t-inf\t1\t1\t1\n", "line 2: '-inf' in column 4 is not finite"),
        (JGI + "7\t40\t1\t1\tInfinity\t1\t1\n", "line 2: 'Infinity' in column 5 is not finite"),
        (JGI + "7\t40\t1\t1e39\t1\t1\t1\n", "line 2: '1e39' in column 4 is not finite"),
        (JGI + "7\t40\t1\t1\t1\t-0.1\t1\n", "line 2: '-0.1' in column 6 is negative"),
        (JGI + "7\t40\t1\t1\t1\t1\tNA\n", "line 2: 'NA' in column 7 is no number"),
        (JGI + "7\t40\t1\t1\t1\t\t1\n", "line 2: '' in column 6 is no number"),
        (JGI + "7\t40\t1\t1.2.3\t1\t1\t1\r\n", "line 2: '1.2.3' in column 4 is no number"),
        (JGI + "7\t40\t1\t1e\t1\t1\t1\n", "line 2: '1e' in column 4 is no number"),
        (JGI + "7\t40\t1\t1,5\t1\t1\t1\n", "line 2: '1,5' in column 4 is no number"),
        (JGI + "7\t40\t1\t.\t1\t1\t1\n", "line 2: '.' in column 4 is no number"),
        (JGI + "\t40\t1\t1\t1\t1\t1\n", "line 2: no name in column 1"),
        (JGI + ROWS + "7 again\t40\t1\t1\t1\t1\t1\n", "line 5: '7' again"),
        (JGI + "7\t41\t1\t1\t1\t1\t1\n", "line 2: '7' has 41 bp there and 40 bp here"),
        (JGI + "x\t41\t1\t1\t1\t1\t1\n", "names none of the 3 contigs (its first is 'x', theirs 'long')"),
        (JGI, "names none of the 3 contigs (it names no contig at all"),
        ("contigName\tcontigLen\ttotalAvgDepth\n7\t40\t1\n", "line 1: names no sample"),
        ("Contig\tS1 RPKM\tS1 Covered Fraction\n7\t1\t1\n", "line 1: no column of depths"),
        ("Contig\n7\n", "line 1: no column of depths"),
        ("Sample\tContig\tMean\nS\t7\t1\nT\t7\t1\nS\t7\t2\n", "line 4: '7' again"),
        ("Sample\tContig\tMean\n\t7\t1\n", "line 2: no name in column 1"),
        ("Genome\tS1 Mean\nbin\t1\n", "line 1: starts with 'Genome'"),
        ("7\t1\nk_3\t2\n", "those of strobealign --aemb go after --abundance"),
        ("", "an empty table"),
        ("\n\r\n", "an empty table"),
        (gzip.compress((JGI + ROWS).encode())[:-9], "ends too early"),
        (b"BZh9" + bytes(100), "is damaged"),
    ],
)
def test_mistakes(tmp_path: Path, contigs: Contigs, text: str | bytes, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        read(contigs, path)
    assert complaint in str(error.value)
    assert str(error.value).startswith(str(path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "an empty table"),
        ("contig\tabundance\n7\t1\n", "line 1: 'abundance' in column 2 is no number"),
        ("7\t1\t2\n", "line 1: 3 columns, 2 expected"),
        ("7\n", "line 1: 1 columns, 2 expected"),
        ("k_3\t1\n7\tnan\n", "line 2: 'nan' in column 2 is not finite"),
        ("k_3\t1\n\n7\t-1\n", "line 3: '-1' in column 2 is negative"),
        ("7\t1\n7\t1\n", "line 2: '7' again"),
        ("7_1\t1\n7_2\t1\n", "names none of the 3 contigs"),
        (JGI + ROWS, "line 1: 7 columns, 2 expected"),
    ],
)
def test_mistakes_in_abundances(tmp_path: Path, contigs: Contigs, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(InputError) as error:
        abundance(contigs, path)
    assert str(error.value).startswith(str(path))
    assert complaint in str(error.value)


def test_a_byte_order_mark_hides_no_contig(tmp_path: Path, contigs: Contigs) -> None:
    found = abundance(contigs, write(tmp_path, "\ufefflong\t3\n7\t2\nk_3\t1\n"))
    np.testing.assert_array_equal(found.mean, [[3], [2], [1]])


def test_a_sample_whose_file_is_not_named_in_utf_8(tmp_path: Path, contigs: Contigs) -> None:
    path = tmp_path / os.fsdecode(b"S\xff.tsv")
    path.write_text("long\t3\n7\t2\nk_3\t1\n")
    assert abundance(contigs, path).samples == ("S\ufffd",)


def test_no_file_and_folder(tmp_path: Path, contigs: Contigs) -> None:
    with pytest.raises(InputError, match="no such file"):
        read(contigs, tmp_path / "none.tsv")
    with pytest.raises(InputError, match="a folder"):
        abundance(contigs, tmp_path)


def test_numbers_are_read_as_python_reads_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    values = 10.0 ** rng.uniform(-30, 30, 3000)
    forms = ["{!r}", "{:.3e}", "{:.9g}", "{:f}"]
    texts = [forms[row % 4].format(value) for row, value in enumerate(values.tolist())]
    names = tuple(f"c{i}" for i in range(len(texts)))
    contigs = make_contigs(rng, [1] * len(texts), names=names)
    table = "".join(f"{name}\t{text}\n" for name, text in zip(names, texts, strict=True))
    found = abundance(contigs, write(tmp_path, table)).mean[:, 0]
    np.testing.assert_array_max_ulp(found, np.array([float(text) for text in texts], np.float32), 1)


def test_round_trip(tmp_path: Path) -> None:
    """Written and read again, every number is the same to the last bit."""
    rng = np.random.default_rng(2)
    contigs = make_contigs(rng, rng.integers(1, 5000, 300).tolist())
    mean, variance = (10 ** rng.uniform(-6, 6, (2, 300, 4))).astype(np.float32)
    mean[rng.random(mean.shape) < 0.3] = 0
    given = Coverage(("a", "b b", "b-var", "ü"), mean, variance, contigs.names_digest)
    path = tmp_path / "depth.tsv"
    coverage.write_jgi(path, contigs, given)
    assert list(tmp_path.iterdir()) == [path]
    found = read(contigs, path)
    assert found.samples == given.samples
    np.testing.assert_array_equal(found.mean, mean)
    np.testing.assert_array_equal(found.variance, variance)
    header, first, *_ = path.read_text().splitlines()
    assert header == "contigName\tcontigLen\ttotalAvgDepth\ta\ta-var\tb b\tb b-var\tb-var\tb-var-var\tü\tü-var"
    name, length, total = first.split("\t")[:3]
    assert (name, int(length)) == ("c0", contigs.lengths[0])
    assert float(total) == pytest.approx(mean[0].sum(), rel=1e-6)


def test_a_table_without_contigs(tmp_path: Path, contigs: Contigs) -> None:
    none = contigs.select(np.zeros(0, np.int64))
    nothing = np.zeros((0, 2), np.float32)
    coverage.write_jgi(tmp_path / "t.tsv", none, Coverage(("a", "b"), nothing, nothing, none.names_digest))
    assert (tmp_path / "t.tsv").read_text() == "contigName\tcontigLen\ttotalAvgDepth\ta\ta-var\tb\tb-var\n"


def test_contigs_that_a_sample_does_not_know_are_not_written(
    tmp_path: Path, contigs: Contigs, caplog: pytest.LogCaptureFixture
) -> None:
    """A 0 in their place would be read as a depth, here and by other binners."""
    mean = np.array([[1, np.nan], [2, 3], [np.nan, np.nan]], np.float32)
    path = tmp_path / "depth.tsv"
    coverage.write_jgi(path, contigs, Coverage(("a", "b"), mean, mean * 2, contigs.names_digest))
    assert caplog.messages == [f"{path}: lacks 2 contigs whose depth is not known"]
    found = read(contigs, path)
    np.testing.assert_array_equal(found.mean, [[np.nan, np.nan], [2, 3], [np.nan, np.nan]])
    np.testing.assert_array_equal(found.variance[1], [4, 6])


def test_a_table_of_other_contigs_is_not_written(tmp_path: Path, contigs: Contigs) -> None:
    zero = np.zeros((3, 1), np.float32)
    with pytest.raises(ValueError, match="other contigs"):
        coverage.write_jgi(tmp_path / "depth.tsv", contigs, Coverage(("a",), zero, zero, "x"))
    assert not list(tmp_path.iterdir())


def test_time_grows_with_the_rows(tmp_path: Path) -> None:
    """Twenty thousand contigs of fifty samples take no more than a few seconds."""
    rng = np.random.default_rng(2)
    contigs = make_contigs(rng, [1] * 20_000)
    depths = rng.random((20_000, 50), dtype=np.float32)
    path = tmp_path / "depth.tsv"
    given = Coverage(tuple(f"s{i}" for i in range(50)), depths, depths, contigs.names_digest)
    began = time.process_time()
    coverage.write_jgi(path, contigs, given)
    np.testing.assert_array_equal(read(contigs, path).mean, depths)
    assert time.process_time() - began < 10
