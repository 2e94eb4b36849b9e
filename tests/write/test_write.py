"""The results: numbers that can be recomputed from the files alone, and files that agree with one another."""

from __future__ import annotations

import re
import resource
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from binner import fasta
from binner.data import F32, Assemblies, Bin, Contigs, Coverage, Membership
from binner.errors import InputError
from binner.joins import Joins, cut
from binner.write import bin_files, write_results

TABLES = ["anvio_collection.txt", "bins.tsv", "cami.binning", "contig2bin.tsv", "contigs.tsv", "gtdbtk_batch.tsv"]


def source(folder: Path, lengths: Sequence[int], *, seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    letters = np.frombuffer(b"ACGTacgtNR", np.uint8)
    path = folder / "source.fa"
    with path.open("wb") as file:
        for i, length in enumerate(lengths):
            sequence = rng.choice(letters, length).tobytes()
            file.write(b">k%d flag=1\n" % i + b"\n".join(sequence[at : at + 60] for at in range(0, length, 60)) + b"\n")
    return path


def make_bin(contigs: Contigs, *rows: int) -> Bin:
    return Bin(np.array(rows, np.int64), int(contigs.lengths[list(rows)].sum()), 1.0)


def one_assembly(contigs: Contigs) -> Assemblies:
    return Assemblies(("gut",), np.zeros(len(contigs), np.int32))


def membership_of(contigs: int, bins: int) -> Membership:
    """Every third contig has no second bin."""
    rows = np.arange(contigs)
    second = np.where(rows % 3 < min(bins, 2), rows % max(bins, 1), -1).astype(np.int32)
    probability = np.linspace(0, 1, contigs, dtype=np.float32)
    return Membership(probability, second, np.where(second >= 0, (1 - probability) / 2, 0).astype(np.float32))


def results(
    out: Path,
    path: Path,
    groups: Sequence[Sequence[int]],
    *,
    prefix: str = "bin",
    min_length: int = 0,
    coverage: Coverage | None = None,
    quality: tuple[F32, F32] | None = None,
    assemblies: Assemblies | None = None,
    clear: Callable[[], None] = lambda: None,
) -> tuple[str, ...]:
    contigs = fasta.read(path, min_length=min_length)
    return write_results(
        out,
        contigs,
        [make_bin(contigs, *rows) for rows in groups],
        source=path,
        prefix=prefix,
        assemblies=assemblies or one_assembly(contigs),
        membership=membership_of(len(contigs), len(groups)),
        coverage=coverage,
        completeness=quality[0] if quality else None,
        contamination=quality[1] if quality else None,
        clear=clear,
    )


def table(path: Path) -> list[dict[str, str]]:
    head, *rows = [line.split("\t") for line in path.read_text().splitlines()]
    return [dict(zip(head, row, strict=True)) for row in rows]


def bins_in(out: Path) -> dict[str, dict[str, bytes]]:
    return {path.stem: dict(fasta.records(path)) for path in sorted((out / "bins").glob("*.fa"))}


LENGTHS = [100, 2000, 300, 1500, 700, 50, 900, 640]
GROUPS = [[0, 2], [1, 3, 6], [4], [5, 7]]  # 400, 4400, 700, 690 bp


def test_sequences_are_copied_as_they_stand(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    original = dict(fasta.records(path))
    names = results(tmp_path / "out", path, GROUPS)
    assert names == ("bin_4", "bin_1", "bin_2", "bin_3")
    expected = {
        name: {f"k{row}": original[f"k{row}"] for row in rows} for name, rows in zip(names, GROUPS, strict=True)
    }
    assert bins_in(tmp_path / "out") == expected
    text = (tmp_path / "out" / "bins" / "bin_2.fa").read_bytes()
    assert text == b">k4\n" + original["k4"] + b"\n"


def test_ties_go_by_the_first_contig(tmp_path: Path) -> None:
    path = source(tmp_path, [500] * 6)
    assert results(tmp_path, path, [[4], [1, 5], [3], [0, 2]], prefix="S1.x-") == (
        "S1.x-_4",
        "S1.x-_2",
        "S1.x-_3",
        "S1.x-_1",
    )


def test_tables_agree_with_the_fasta_files(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    rng = np.random.default_rng(3)
    contigs = fasta.read(path)
    mean = rng.gamma(2, 5, (8, 2)).astype(np.float32)
    coverage = Coverage(("s1", "s 2"), mean, mean * 2, contigs.names_digest)
    quality = np.array([10, 95, 60, 99], np.float32), np.array([0, 1.25, 9.5, 12], np.float32)
    names = results(tmp_path, path, GROUPS, coverage=coverage, quality=quality)
    found = bins_in(tmp_path)
    depth = {name: mean[row] for row, name in enumerate(contigs.names)}

    rows = table(tmp_path / "bins.tsv")
    assert [row["bin"] for row in rows] == ["bin_1", "bin_2", "bin_3", "bin_4"]
    for row in rows:
        lengths = sorted((len(sequence) for sequence in found[row["bin"]].values()), reverse=True)
        sequence = b"".join(found[row["bin"]].values()).upper()
        assert [int(row[column]) for column in ("bp", "contigs")] == [sum(lengths), len(lengths)]
        l50 = next(i for i in range(1, 9) if 2 * sum(lengths[:i]) >= sum(lengths))
        assert [int(row["N50"]), int(row["L50"])] == [lengths[l50 - 1], l50]
        gc = sequence.count(b"G") + sequence.count(b"C")
        assert float(row["GC"]) == pytest.approx(
            100 * gc / (gc + sequence.count(b"A") + sequence.count(b"T")), abs=0.005
        )
        weighted = sum(len(bases) * depth[name] for name, bases in found[row["bin"]].items()) / sum(lengths)
        assert [float(row["depth:s1"]), float(row["depth:s 2"])] == pytest.approx(weighted.tolist(), rel=1e-5)
        index = names.index(row["bin"])
        assert [float(row["completeness"]), float(row["contamination"])] == [part[index] for part in quality]
    assert [row["tier"] for row in rows] == ["near-complete", "medium", "contaminated", "low"]

    lines = (tmp_path / "contig2bin.tsv").read_text().splitlines()
    pairs = [(line.split("\t")[0], line.split("\t")[1]) for line in lines]
    assert sorted(pairs) == sorted((contig, name) for name, members in found.items() for contig in members)
    cami = (tmp_path / "cami.binning").read_text().splitlines()
    assert cami[:4] == ["@Version:0.9.1", "@SampleID:gut", "", "@@SEQUENCEID\tBINID"]
    assert [tuple(line.split("\t")) for line in cami[4:]] == pairs

    listed = table(tmp_path / "contigs.tsv")
    assert [row["contig"] for row in listed] == list(contigs.names)
    assert {row["contig"]: row["bin"] for row in listed} == dict(pairs)
    assert [int(row["length"]) for row in listed] == LENGTHS
    for row in listed:
        codes = contigs[contigs.names.index(row["contig"])]
        gc = 100 * np.isin(codes, (1, 2)).sum() / (codes < 4).sum()
        assert float(row["GC"]) == pytest.approx(gc, abs=0.005)
    assert [float(row["probability"]) for row in listed] == pytest.approx(np.linspace(0, 1, 8).tolist(), rel=1e-5)
    assert [float(row["depth:s1"]) for row in listed] == pytest.approx(mean[:, 0].tolist(), rel=1e-5)


def test_depths_that_are_not_known_are_empty(tmp_path: Path) -> None:
    """A bin has the depth of the contigs that have one."""
    path = source(tmp_path, LENGTHS)
    contigs = fasta.read(path)
    mean = np.random.default_rng(3).gamma(2, 5, (8, 2)).astype(np.float32)
    first, second, *_ = GROUPS
    mean[first, 0] = np.nan
    mean[second[0], 1] = np.nan
    names = results(tmp_path, path, GROUPS, coverage=Coverage(("a", "b"), mean, mean, contigs.names_digest))
    for row, depth in zip(table(tmp_path / "contigs.tsv"), mean.tolist(), strict=True):
        assert [row["depth:a"], row["depth:b"]] == ["" if np.isnan(x) else f"{x:.6g}" for x in depth]
    rows = {row["bin"]: row for row in table(tmp_path / "bins.tsv")}
    assert rows[names[0]]["depth:a"] == ""
    left = second[1:]
    expected = np.average(mean[left, 1], weights=np.array(LENGTHS)[left])
    assert float(rows[names[1]]["depth:b"]) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize(("prefix", "first"), [("S1.x-", "S1_x__1"), ("7", "bin_7_1")])
def test_what_other_tools_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, first: str) -> None:
    """GTDB-Tk's batch file names files as seen from its folder; anvi'o's names have no letters that it refuses."""
    path = source(tmp_path, LENGTHS)
    out = tmp_path / "out"
    results(out, path, GROUPS, prefix=prefix)
    monkeypatch.chdir(out)
    batch = [line.split("\t") for line in (out / "gtdbtk_batch.tsv").read_text().splitlines()]
    assert [name for _, name in batch] == [row["bin"] for row in table(out / "bins.tsv")]
    for file, name in batch:
        assert dict(fasta.records(Path(file))) == bins_in(out)[name]
    collection = [line.split("\t") for line in (out / "anvio_collection.txt").read_text().splitlines()]
    pairs = [line.split("\t") for line in (out / "contig2bin.tsv").read_text().splitlines()]
    assert [contig for contig, _ in collection] == [contig for contig, _ in pairs]
    assert all(re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name) for _, name in collection)
    names = dict(zip((name for _, name in pairs), (name for _, name in collection), strict=True))
    assert names[f"{prefix}_1"] == first
    assert len(set(names.values())) == len(names) == len(GROUPS)


def test_names_that_anvio_would_take_for_one(tmp_path: Path) -> None:
    of = Assemblies(("S.1", "S-1"), np.array([0, 1, 0, 1, 0, 1, 1, 1], np.int32), multi=True)
    results(tmp_path, source(tmp_path, LENGTHS), GROUPS, assemblies=of)
    collection = [line.split("\t")[1] for line in (tmp_path / "anvio_collection.txt").read_text().splitlines()]
    assert {*collection} == {"S_1_bin_1", "S_1_bin_2", "S_1_bin_1_", "S_1_bin_2_"}


def test_without_markers_and_coverage(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    results(tmp_path, path, [[1]], min_length=700)
    row = table(tmp_path / "bins.tsv")[0]
    assert (row["bp"], row["completeness"], row["contamination"], row["tier"]) == ("1500", "", "", "unknown")
    assert [column for column in row if "depth" in column] == []
    assert [row["contig"] for row in table(tmp_path / "contigs.tsv")] == ["k1", "k3", "k4", "k6"]
    assert [row["bin"] for row in table(tmp_path / "contigs.tsv")] == ["", "bin_1", "", ""]


def test_a_bin_of_nothing_but_n(tmp_path: Path) -> None:
    path = tmp_path / "n.fa"
    path.write_bytes(b">n\n" + b"N" * 400 + b"\n")
    results(tmp_path, path, [[0]])
    assert table(tmp_path / "bins.tsv")[0]["GC"] == ""


@pytest.mark.parametrize("lengths", [LENGTHS, [100]])
def test_no_bins_leave_the_same_files(tmp_path: Path, lengths: list[int]) -> None:
    path = source(tmp_path, lengths)
    contigs = fasta.read(path)
    zero = np.zeros((len(contigs), 1), np.float32)
    coverage = Coverage(("s",), zero, zero, contigs.names_digest)
    out = tmp_path / "out"
    assert results(out, path, [], coverage=coverage) == ()
    assert sorted(p.name for p in out.iterdir()) == sorted(["bins", *TABLES])
    assert bins_in(out) == {}
    head = ["bin", "bp", "contigs", "N50", "L50", "GC", "completeness", "contamination", "tier", "depth:s"]
    assert (out / "bins.tsv").read_text() == "\t".join(head) + "\n"
    assert (out / "contig2bin.tsv").read_text() == ""
    assert (out / "cami.binning").read_text().splitlines()[-1] == "@@SEQUENCEID\tBINID"
    assert len(table(out / "contigs.tsv")) == len(lengths)


def test_no_contigs(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    assert results(tmp_path, path, [], min_length=10_000) == ()
    head = "contig\tlength\tGC\tbin\tprobability\tsecond_bin\tsecond_probability\n"
    assert (tmp_path / "contigs.tsv").read_text() == head


def test_more_bins_than_open_files_and_more_sequence_than_the_buffer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 400
    path = source(tmp_path, [300] * 2 * count)
    monkeypatch.setattr(bin_files, "BUFFER", 10_000)  # flushed about 24 times
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        results(tmp_path, path, [[i, i + count] for i in range(count)])
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    original = dict(fasta.records(path))
    found = bins_in(tmp_path)
    assert len(found) == count
    assert found["bin_3"] == {name: original[name] for name in ("k2", "k402")}


def test_stale_bins_go_and_foreign_files_stay(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    results(tmp_path, path, GROUPS)
    (tmp_path / "bins" / "notes.txt").write_text("mine")
    (tmp_path / "bins" / "checkm").mkdir()
    (tmp_path / "bins" / "checkm" / "bin_1.fa").write_text("mine too")
    (tmp_path / "run.json").write_text("{}")
    results(tmp_path, path, [[0, 1]])
    names = sorted(p.name for p in (tmp_path / "bins").iterdir())
    assert names == [".binner", "bin_1.fa", "checkm", "notes.txt"]
    assert (tmp_path / "bins" / "checkm" / "bin_1.fa").read_text() == "mine too"
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["bins", *TABLES, "run.json", "source.fa"])
    results(tmp_path, path, GROUPS, prefix="other")
    assert sorted(bins_in(tmp_path)) == [f"other_{n}" for n in range(1, 5)]
    assert (tmp_path / "bins" / "notes.txt").read_text() == "mine"


def state(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("owner", ["stranger", "editor"])
def test_a_foreign_bin_is_not_overwritten(tmp_path: Path, owner: str) -> None:
    path = source(tmp_path, LENGTHS)
    if owner == "stranger":
        (tmp_path / "bins").mkdir()
        (tmp_path / "bins" / "bin_7.fa").write_text(">a\nACGT\n")
    else:
        results(tmp_path, path, GROUPS)
        edited = tmp_path / "bins" / "bin_3.fa"
        edited.write_bytes(edited.read_bytes()[:-2] + b"-\n")  # as long as before
    before = state(tmp_path)
    with pytest.raises(InputError, match=r"bins/bin_\d\.fa: not written by binner, or changed.*--prefix"):
        results(tmp_path, path, GROUPS)
    assert state(tmp_path) == before


def test_bins_that_are_no_folder(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    (tmp_path / "bins").write_text("")
    with pytest.raises(InputError, match="not a folder of binner's"):
        results(tmp_path, path, GROUPS)
    (tmp_path / "bins").unlink()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "bins").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="not a folder of binner's"):
        results(tmp_path, path, GROUPS)


@pytest.mark.parametrize("step", range(9))
def test_killed_anywhere_the_next_run_finishes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Every change of the output folder is a rename or a removal: stop before the n-th and start again."""
    path = source(tmp_path, LENGTHS)
    out = tmp_path / "out"
    results(out, path, GROUPS)
    (out / "bins" / "mine.txt").write_text("mine")
    clean = tmp_path / "clean"
    results(clean, path, [[0, 1], [2]])
    left = [step]

    class Killed(BaseException):
        pass

    def count_down(original: Callable[..., object]) -> Callable[..., object]:
        def stop(*args: object, **options: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return original(*args, **options)

        return stop

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", count_down(Path.rename))
        patch.setattr(Path, "replace", count_down(Path.replace))
        patch.setattr("shutil.rmtree", count_down(shutil.rmtree))
        with pytest.raises(Killed):
            results(out, path, [[0, 1], [2]])
    results(out, path, [[0, 1], [2]])
    after = state(out)
    assert after.pop("bins/mine.txt") == b"mine"
    assert after == state(clean)


def test_what_tells_of_earlier_results_goes_before_they_do(tmp_path: Path) -> None:
    path = source(tmp_path, [300, 200])
    results(tmp_path / "out", path, [[0], [1]])
    seen: list[list[str]] = []

    def there() -> list[str]:
        return sorted(path.name for path in (tmp_path / "out/bins").glob("*.fa"))

    results(tmp_path / "out", path, [[0, 1]], clear=lambda: seen.append(there()))
    assert seen == [["bin_1.fa", "bin_2.fa"]]
    assert there() == ["bin_1.fa"]


def test_the_source_changed(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    results(tmp_path, path, GROUPS)
    before = state(tmp_path / "bins")
    contigs = fasta.read(path)
    for lengths, message in (([*LENGTHS[:-1], 641], "contig 'k7' changed"), (LENGTHS[:-2], "1 contigs went missing")):
        source(tmp_path, lengths)
        with pytest.raises(InputError, match=message):
            write_results(
                tmp_path,
                contigs,
                [make_bin(contigs, 7)],
                source=path,
                prefix="bin",
                assemblies=one_assembly(contigs),
                membership=membership_of(8, 4),
                coverage=None,
                completeness=None,
                contamination=None,
            )
    assert state(tmp_path / "bins") == before


def test_contigs_in_pieces(tmp_path: Path) -> None:
    """Their text is that of the source, all tables call them alike, and what was cut is told."""
    path = source(tmp_path, LENGTHS)
    joins = Joins(("k1", "k1", "k6"), np.array([600, 1500, 800]), np.array([8.25, 7.0, 30.0]))
    contigs, _ = cut(fasta.read(path), joins)
    write_results(
        tmp_path,
        contigs,
        [make_bin(contigs, 1, 4), make_bin(contigs, 3, 9), make_bin(contigs, 8)],
        source=path,
        prefix="bin",
        assemblies=one_assembly(contigs),
        membership=membership_of(len(contigs), 3),
        coverage=None,
        completeness=None,
        contamination=None,
        joins=joins,
    )
    text = dict(fasta.records(path))
    expected = [
        {contigs.names[1]: text["k1"][:600], contigs.names[4]: text["k2"]},
        {"k1:1501-2000": text["k1"][1500:], contigs.names[9]: text["k6"][800:]},
        {"k6:1-800": text["k6"][:800]},
    ]
    assert contigs.names[1] == "k1:1-600"
    held = bins_in(tmp_path)
    assert sorted(map(str, held.values())) == sorted(map(str, expected))
    pairs = {contig: name for name, records in held.items() for contig in records}
    assert dict(line.split("\t") for line in (tmp_path / "contig2bin.tsv").read_text().splitlines()) == pairs
    assert {row["contig"]: row["bin"] for row in table(tmp_path / "contigs.tsv") if row["bin"]} == pairs
    assert [tuple(row.values()) for row in table(tmp_path / "chimeras.tsv")] == [
        *(("k1", "600", "8.25"), ("k1", "1500", "7"), ("k6", "800", "30")),
    ]
    results(tmp_path, path, GROUPS)
    assert not (tmp_path / "chimeras.tsv").exists(), "that of other results does not stay"


def test_impossible_bins_are_a_bug(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    with pytest.raises(ValueError, match="two bins"):
        results(tmp_path, path, [[0, 1], [1]])
    zero = np.zeros((8, 1), np.float32)
    with pytest.raises(ValueError, match="other contigs"):
        results(tmp_path, path, [[0]], coverage=Coverage(("s",), zero, zero, "another digest"))


def test_bins_are_called_after_their_assembly(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    of = Assemblies(("S2", "S1"), np.array([1, 0, 1, 0, 1, 1, 0, 1], np.int32), multi=True)
    assert results(tmp_path, path, GROUPS, assemblies=of) == ("S1_bin_3", "S2_bin_1", "S1_bin_1", "S1_bin_2")
    assert set(bins_in(tmp_path)) == {"S1_bin_1", "S1_bin_2", "S1_bin_3", "S2_bin_1"}
    assert [row["bin"] for row in table(tmp_path / "bins.tsv")] == ["S2_bin_1", "S1_bin_1", "S1_bin_2", "S1_bin_3"]
    head = "@Version:0.9.1\n@SampleID:{}\n\n@@SEQUENCEID\tBINID\n"
    assert (tmp_path / "cami.binning").read_text() == (
        head.format("S2")
        + "k1\tS2_bin_1\nk3\tS2_bin_1\nk6\tS2_bin_1\n"
        + head.format("S1")
        + "k0\tS1_bin_3\nk2\tS1_bin_3\nk4\tS1_bin_1\nk5\tS1_bin_2\nk7\tS1_bin_2\n"
    )
    (tmp_path / "bins" / "S2_bin_9.fa").write_text(">mine\nA\n")
    with pytest.raises(InputError, match=r"S2_bin_9\.fa: not written by binner"):
        results(tmp_path, path, GROUPS, assemblies=of)


def test_a_bin_of_two_assemblies_is_a_bug(tmp_path: Path) -> None:
    path = source(tmp_path, LENGTHS)
    with pytest.raises(ValueError, match="a bin has contigs of two assemblies"):
        results(tmp_path, path, [[0, 1]], assemblies=Assemblies(("a", "b"), np.arange(8, dtype=np.int32) % 2))
