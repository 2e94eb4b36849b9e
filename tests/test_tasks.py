"""The tasks of a benchmark: which there are, and their files; and what a command is measured to take."""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

import pytest

from benchmarks.measure import measure
from benchmarks.tasks import ALL, Task, find_sets, find_tasks, prepare


def write_set(folder: Path, *, samples: int) -> Path:
    """A set of eight contigs of two genomes, whose depth table is not in their order and has a total of its own."""
    folder.mkdir(parents=True)
    names = [f"c{i}" for i in range(8)]
    with gzip.open(folder / "contigs.fa.gz", "wt") as file:
        file.writelines(f">{name} of eight\n{'ACGT' * 5}\nAC\n" for name in names)
    (folder / "truth.tsv").write_text("".join(f"{name}\tg{i % 2}\t22\n" for i, name in enumerate(names)))
    if samples:
        columns = [column for s in range(samples) for column in (f"S{s}.bam", f"S{s}.bam-var")]
        with gzip.open(folder / "depth.jgi.txt.gz", "wt") as file:
            file.write("\t".join(["contigName", "contigLen", "totalAvgDepth", *columns]) + "\n")
            for i, name in reversed(list(enumerate(names))):
                depths = [text for s in range(samples) for text in (f"{i + 10 * s}.50", "1")]
                file.write("\t".join([name, "22", "0.1", *depths]) + "\n")
    return folder


def test_tasks_of_a_set(tmp_path: Path) -> None:
    many, one, none = (write_set(tmp_path / f"s{n}", samples=n) for n in (3, 1, 0))
    wanted = [0, 1, ALL]
    assert [task.samples for task in find_tasks(many, wanted, 1)] == [0, 1, 3]
    assert [task.samples for task in find_tasks(one, wanted, 1)] == [0, 1]
    assert [task.samples for task in find_tasks(none, wanted, 1)] == [0]
    assert [task.samples for task in find_tasks(many, [2, 5], 1)] == [2]
    assert find_sets(tmp_path) == [none, one, many]
    assert find_sets(tmp_path, ["s3", "s0"]) == [many, none]
    with pytest.raises(ValueError, match=r"no set s9; there are s0, s1, s3"):
        find_sets(tmp_path, ["s9"])
    with pytest.raises(ValueError, match=r"no folder in it holds contigs.fa.gz"):
        find_sets(many)


def test_a_task_has_its_samples_in_the_order_of_the_contigs(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", samples=2)
    alone = prepare(Task(folder, 0), tmp_path)
    assert (alone.contigs, alone.depth, alone.abundance) == (folder / "contigs.fa.gz", None, None)
    first = prepare(Task(folder, 1), tmp_path)
    assert first.depth and first.abundance
    table = [line.split("\t") for line in first.depth.read_text().splitlines()]
    assert table[0] == ["contigName", "contigLen", "totalAvgDepth", "S0.bam", "S0.bam-var"]
    assert table[4] == ["c3", "22", "3.5", "3.50", "1"]
    assert first.abundance.read_text().splitlines()[:3] == ["contigname\tS0.bam", "c0\t0.50", "c1\t1.50"]
    both = prepare(Task(folder, 2), tmp_path)
    assert both.depth and both.depth.read_text().splitlines()[4] == "c3\t22\t0.1\t3.50\t1\t13.50\t1"


def test_parts_of_a_task_lie_within_each_other(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "set", samples=1)
    parts = []
    for fraction in (0.25, 0.5, 1):
        scratch = tmp_path / str(fraction)
        scratch.mkdir()
        inputs = prepare(Task(folder, 1, fraction), scratch)
        with gzip.open(inputs.contigs, "rt") as lines:
            text = lines.read()
        names = [record.split()[0] for record in text.split(">")[1:]]
        assert inputs.depth and names == [line.split("\t")[0] for line in inputs.depth.read_text().splitlines()[1:]]
        assert list(inputs.truth) == names
        assert text.count("ACGTACGTACGTACGTACGT\nAC\n") == len(names)
        parts.append(set(names))
    assert [len(part) for part in parts] == [2, 4, 8]
    assert parts[0] < parts[1] < parts[2]


def test_what_a_command_takes_is_that_of_all_its_processes(tmp_path: Path) -> None:
    child = "x = bytes([1]) * 150_000_000; n = 0\nwhile n < 3_000_000: n += 1"
    code = (
        f"import subprocess as s, sys, time; s.run([sys.executable, '-c', {child!r}]); time.sleep(0.2); print('said')"
    )
    taken = measure([sys.executable, "-c", code], tmp_path / "log", threads=1)
    assert taken.code == 0
    assert 150e6 < taken.peak_memory < 220e6
    assert 0.02 < taken.cpu_seconds < taken.seconds
    assert taken.seconds > 0.2
    assert (tmp_path / "log").read_text() == "said\n"


def test_own_memory_is_not_counted(tmp_path: Path) -> None:
    ballast = bytes([1]) * 200_000_000
    taken = measure(["true"], tmp_path / "log", threads=1)
    assert taken.peak_memory < len(ballast) / 5


def test_how_commands_end(tmp_path: Path) -> None:
    assert measure(["sh", "-c", "exit 3"], tmp_path / "log", threads=1).code == 3
    assert measure(["sh", "-c", "kill -9 $$"], tmp_path / "log", threads=1).code == -9
    assert measure([str(tmp_path / "none")], tmp_path / "log", threads=1).code == 127
    assert measure(["sh", "-c", "exit $OMP_NUM_THREADS"], tmp_path / "log", threads=5).code == 5
