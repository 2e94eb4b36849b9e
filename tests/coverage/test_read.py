"""Several sources together: their order, names, threads and progress."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from binner import coverage
from binner.coverage import alignments
from binner.data import Contigs, Coverage
from binner.errors import InputError
from binner.windows import tile
from tests.coverage.reads import base_depths, draw_reads, make_contigs, write_bam


@pytest.fixture(scope="module")
def contigs() -> Contigs:
    return make_contigs(np.random.default_rng(1), (1500, 600))


def bam(path: Path, contigs: Contigs, *, seed: int, count: int = 200) -> Path:
    path.parent.mkdir(exist_ok=True)
    return write_bam(path, contigs, draw_reads(np.random.default_rng(seed), contigs, count))


def read(contigs: Contigs, **given: object) -> Coverage:
    found = coverage.read(contigs, **given)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_nothing_given(contigs: Contigs) -> None:
    assert coverage.read(contigs) is None


def test_sources_in_order(tmp_path: Path, contigs: Contigs) -> None:
    alignments = [bam(tmp_path / "S2.sorted.bam", contigs, seed=2), bam(tmp_path / "S1.bam", contigs, seed=1)]
    table = tmp_path / "depth.tsv"
    table.write_text("contigName\tcontigLen\ttotalAvgDepth\tT1\tT2\nc1\t600\t3\t1\t2\nc0\t1500\t7\t3\t4\n")
    abundance = tmp_path / "A.tsv"
    abundance.write_text("c0\t5\nc1\t6\n")
    found = read(contigs, bams=alignments, depth=[table], abundance=[abundance])
    assert found.samples == ("S2.sorted", "S1", "T1", "T2", "A")
    assert found.names_digest == contigs.names_digest
    assert found.mean[:, 2:].tolist() == [[3, 4, 5], [1, 2, 6]]
    assert not found.variance[:, 2:].any()
    for column, path in enumerate(alignments):
        alone = read(contigs, bams=[path])
        np.testing.assert_array_equal(found.mean[:, [column]], alone.mean)
        np.testing.assert_array_equal(found.variance[:, [column]], alone.variance)


def test_a_contig_that_one_source_lacks_is_known_to_the_others(tmp_path: Path, contigs: Contigs) -> None:
    table = tmp_path / "depth.tsv"
    table.write_text("contigName\tcontigLen\ttotalAvgDepth\tT1\nc0\t1500\t7\t3\n")
    abundance = tmp_path / "A.tsv"
    abundance.write_text("c0\t5\nc1\t6\n")
    found = read(contigs, depth=[table], abundance=[abundance])
    np.testing.assert_array_equal(found.mean, [[3, 5], [np.nan, 6]])
    assert found.known.tolist() == [True, False]
    assert found.select(np.array([1, 0])).known.tolist() == [False, True]


def test_samples_of_one_name_are_numbered(tmp_path: Path, contigs: Contigs) -> None:
    paths = [bam(tmp_path / str(run) / "gut.bam", contigs, seed=run) for run in range(3)]
    table = tmp_path / "depth.tsv"
    table.write_text("contigName\tcontigLen\ttotalAvgDepth\tgut\tgut_2\nc0\t1500\t7\t3\t4\n")
    found = read(contigs, bams=paths, depth=[table])
    assert found.samples == ("gut", "gut_2", "gut_3", "gut_4", "gut_2_2")


def test_fifty_samples_and_threads(tmp_path: Path, contigs: Contigs) -> None:
    paths = [bam(tmp_path / f"{seed}.bam", contigs, seed=seed % 5, count=30 + seed % 5) for seed in range(50)]
    one, four = (read(contigs, bams=paths, threads=threads) for threads in (1, 4))
    assert one.samples == tuple(str(seed) for seed in range(50))
    np.testing.assert_array_equal(one.mean, four.mean)
    np.testing.assert_array_equal(one.variance, four.variance)
    np.testing.assert_array_equal(one.mean[:, :5], one.mean[:, 45:])
    assert len(np.unique(one.mean[0, :5])) == 5


@pytest.mark.parametrize(
    ("threads", "memory", "at_once", "unsorted"), [(3, 1 << 30, 3, 1 << 16), (9, 17_000, 6, 2), (1, 1, 1, 1)]
)
def test_as_many_at_once_as_threads_files_and_memory_allow(
    tmp_path: Path,
    contigs: Contigs,
    monkeypatch: pytest.MonkeyPatch,
    *,
    threads: int,
    memory: int,
    at_once: int,
    unsorted: int,
) -> None:
    """Those that are not sorted need memory for all contigs: 4 bytes for each of 1,501 + 601 slots."""
    paths = [bam(tmp_path / f"{seed}.bam", contigs, seed=seed) for seed in range(6)]
    seen: list[int] = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, max_workers: int) -> None:
            seen.append(max_workers)
            super().__init__(max_workers)

    class Room(threading.Semaphore):
        def __init__(self, value: int) -> None:
            seen.append(min(value, 1 << 16))
            super().__init__(value)

    monkeypatch.setattr(alignments, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(alignments, "Semaphore", Room)
    read(contigs, bams=paths, threads=threads, memory=memory)
    assert seen == [unsorted, at_once]


def test_progress_ends_where_it_said(tmp_path: Path, contigs: Contigs) -> None:
    paths = [bam(tmp_path / f"{seed}.bam", contigs, seed=seed) for seed in range(4)]
    seen: list[tuple[int, int]] = []
    read(contigs, bams=paths, threads=2, progress=lambda done, total: seen.append((done, total)))
    size = sum(path.stat().st_size for path in paths)
    assert {total for _, total in seen} == {size}
    done = [done for done, _ in seen]
    assert done == sorted(done)
    assert done[-1] == size


def test_one_bad_file_stops_the_others(tmp_path: Path, contigs: Contigs) -> None:
    good = [bam(tmp_path / f"{seed}.bam", contigs, seed=seed) for seed in range(3)]
    bad = tmp_path / "bad.bam"
    bad.write_bytes(good[0].read_bytes()[:-28])
    with pytest.raises(InputError, match=r"bad\.bam: truncated"):
        read(contigs, bams=[*good, bad], threads=2)
    with pytest.raises(InputError, match=r"none\.bam: no such file"):
        read(contigs, bams=[*good, tmp_path / "none.bam"], threads=2)


def test_an_error_in_progress_is_not_swallowed(tmp_path: Path, contigs: Contigs) -> None:
    def fail(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(contigs, bams=[bam(tmp_path / "a.bam", contigs, seed=1)] * 3, threads=2, progress=fail)


def test_depth_of_windows(tmp_path: Path) -> None:
    """In a file that is sorted and in one that is not; as pysam has it, and of no contig that it lacks."""
    rng = np.random.default_rng(3)
    whole = make_contigs(rng, (3000, 500, 1200))
    reads = draw_reads(rng, whole, 600)
    path = write_bam(tmp_path / "a.bam", whole, reads)
    shuffled = write_bam(tmp_path / "b.bam", whole, [reads[i] for i in rng.permutation(len(reads))])
    known = make_contigs(rng, (700,), names=("other",))
    contigs = Contigs(
        (*known.names, *whole.names[::-1]),
        np.concatenate([known.codes, *(whole[row] for row in (2, 1, 0))]),
        np.array([0, 700, 1900, 2400, 5400]),
    )
    windows = tile(contigs, length=400)
    found = read(contigs, bams=[path, shuffled], windows=windows)
    assert found.along is not None
    plain = read(contigs, bams=[path, shuffled])
    assert plain.along is None
    np.testing.assert_array_equal(found.mean, plain.mean)
    np.testing.assert_array_equal(found.variance, plain.variance)
    depths, _ = base_depths(path, whole)
    expected = [
        depths[contigs.names[row]][a:b].mean() if row else np.nan
        for row, a, b in zip(windows.contig, windows.start, windows.stop, strict=True)
    ]
    assert np.nanmax(expected) > 5
    np.testing.assert_allclose(found.along, np.column_stack([expected, expected]), rtol=1e-6)
