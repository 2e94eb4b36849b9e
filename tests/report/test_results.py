"""A folder is read whole, or one line says what is wrong with which file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from binner.errors import InputError
from binner.report.results import read
from tests.report import folder


def test_what_is_read(tmp_path: Path) -> None:
    found = read(folder.write(tmp_path / "out"))
    assert (found.assembly, found.samples) == ("soil", ("S1", "S2"))
    assert [each.name for each in found.bins] == ["bin_1", "bin_2"]
    assert found.bins[0].quality == ((95.0, 1.25, "near-complete"),)
    assert found.contigs.bins.tolist() == [0, 1, 0, 1, -1]
    assert found.contigs.second.tolist() == [-1, 0, -1, 0, -1]
    assert found.contigs.depth.shape == (5, 2)
    assert found.bins[0].bp == found.contigs.lengths[found.contigs.bins == 0].sum()


def test_what_is_not_known_of_depths_is_nan(tmp_path: Path) -> None:
    found = read(folder.write(tmp_path / "out", unknown=("b", "bin_2")))
    np.testing.assert_array_equal(np.isnan(found.contigs.depth), [[False] * 2, [True] * 2, *[[False] * 2] * 3])
    assert found.bins[0].depth == (7.5, 7.5)
    assert np.isnan(found.bins[1].depth).all()


def test_without_coverage_and_markers(tmp_path: Path) -> None:
    found = read(folder.write(tmp_path / "out", samples=(), markers=False))
    assert found.contigs.depth.shape == (5, 0)
    assert np.isnan(found.bins[0].quality[0][:2]).all()
    assert found.bins[0].tier_class == "unknown"


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        ((), [""]),
        (("checkm2_completeness", "checkm2_contamination"), ["checkm2", ""]),
        (("completeness:checkm", "contamination:checkm"), ["checkm", ""]),
        (("CheckM2 Completeness", "CheckM2 Contamination"), ["checkm2", ""]),
        (("checkm2_completeness",), [""]),
    ],
)
def test_who_judges_is_told_by_pairs_of_columns(columns: tuple[str, ...], names: list[str], tmp_path: Path) -> None:
    found = read(folder.write(tmp_path / "out", extra=columns))
    assert [judge.name for judge in found.judges] == names
    assert [verdict[:2] for verdict in found.bins[1].quality] == [*[(12.5, 12.5)] * (len(names) - 1), (94.0, 1.25)]


def test_a_judge_has_its_own_tiers(tmp_path: Path) -> None:
    found = read(
        folder.write(tmp_path / "out", extra=("checkm2_completeness", "checkm2_contamination", "checkm2_tier"))
    )
    assert [verdict.tier for verdict in found.bins[0].quality] == ["12.5", "near-complete"]
    assert (found.bins[0].tier, found.bins[0].tier_class) == ("12.5", "unknown"), "by those who were asked"


def test_several_assemblies_go_by_the_name_of_the_folder(tmp_path: Path) -> None:
    record = folder.write(tmp_path / "out") / "run.json"
    record.write_text(record.read_text().replace('"seed": 1', '"multi": true'))
    assert read(tmp_path / "out").assembly == "out"


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        text = (out / name).read_text()
        assert old in text
        (out / name).write_text(text.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda out: (out / "bins.tsv").unlink(), r"out/bins\.tsv: no such file; name a folder in which"),
        (lambda out: (out / "contigs.tsv").unlink(), r"contigs\.tsv: no such file"),
        (lambda out: (out / "run.json").unlink(), r"run\.json: no such file"),
        (lambda out: (out / "run.json").write_text("{"), r"run\.json: damaged: not JSON"),
        (lambda out: (out / "run.json").write_text("[]"), r"run\.json: no 'summary' in it"),
        (lambda out: (out / "bins.tsv").write_bytes(b"\xff\xfe"), r"bins\.tsv: not a text file"),
        (edit("bins.tsv", "tier", "class"), r"bins\.tsv: no column 'tier'"),
        (edit("bins.tsv", "\t5000\t", "\tx\t"), r"bins\.tsv, line 2: 'x' is no number \(column N50\)"),
        (edit("bins.tsv", "\t5000\t", "\t"), r"bins\.tsv, line 2: 10 columns, and the header has 11"),
        (edit("bins.tsv", "bin_2", "bin_1"), r"bins\.tsv: a bin is named twice"),
        (edit("contigs.tsv", "GC", "gc"), r"contigs\.tsv: no column 'GC'"),
        (edit("contigs.tsv", "bin_2", "bin_9"), r"contigs\.tsv, line 3: no bin 'bin_9' in bins\.tsv"),
        (edit("contigs.tsv", "depth:S1", "depth:T1"), r"its samples are not those of bins\.tsv"),
    ],
)
def test_wrong_and_missing_pieces(change: Callable[[Path], None], message: str, tmp_path: Path) -> None:
    change(folder.write(tmp_path / "out"))
    with pytest.raises(InputError, match=message):
        read(tmp_path / "out")


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder; name the one that"):
        read(tmp_path / "none")
