"""The shipped profiles, their files, and what makes new ones."""

from __future__ import annotations

import lzma
import re
from pathlib import Path

import fetchmgs
import numpy as np
import pyhmmer
import pytest

from binner.errors import InputError
from binner.markers import profiles as mp

UNIVERSAL = Path(fetchmgs.__file__).parent / "data"


@pytest.fixture
def hmm_file(tmp_path: Path) -> Path:
    """The shipped profiles of archaea, as an HMMER file."""
    path = tmp_path / "archaea.hmm"
    path.write_bytes(lzma.decompress((mp.FOLDER / "archaea.hmm.xz").read_bytes()))
    return path


@pytest.fixture
def other_seeds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty file in the place of the thresholds."""
    path = tmp_path / "seeds.tsv"
    path.touch()
    monkeypatch.setattr(mp, "SEEDS", path)
    monkeypatch.setattr(mp, "index", mp.index.__wrapped__)
    return path


def test_the_three_sets() -> None:
    sets = [gene.split(":")[0] for gene in mp.genes()]
    assert [sets.count(name) for name in mp.SETS] == [40, 107, 32]
    assert sets == sorted(sets, key=mp.SETS.index) and len(set(mp.genes())) == len(mp.genes())
    assert len(mp.load()) == 41 + 111 + 32
    assert [mp.profile_name(profile) for profile in mp.load() if not profile.is_marker] == ["universal:COG0086"]


def test_cutoffs_are_the_published_ones() -> None:
    lines = (UNIVERSAL / "MG_BitScoreCutoffs.verybesthit.txt").read_text().splitlines()
    table = dict(line.split("\t")[:2] for line in lines if "\t" in line)
    for profile in mp.load():
        if profile.set_name == "universal":
            assert profile.cutoff == float(table[profile.gene.split(":")[1]])
            assert profile.domain_cutoff == -np.inf
        else:
            assert (profile.cutoff, profile.domain_cutoff) == profile.hmm.cutoffs.trusted
            assert profile.cutoff > 10


def test_synonyms_are_one_gene() -> None:
    by_gene: dict[str, int] = {}
    for profile in mp.load():
        by_gene[profile.gene] = by_gene.get(profile.gene, 0) + 1
    assert sorted(gene for gene, number in by_gene.items() if number == 2) == [
        f"bacteria:{name}" for name in sorted(mp.SYNONYMS.values())
    ]


def test_the_readme_names_the_files_and_they_are_small() -> None:
    listed = re.findall(r"^\| `(\S+)` \|", (mp.FOLDER / "README.md").read_text(), re.MULTILINE)
    files = [path for path in mp.FOLDER.iterdir() if path.name != "README.md"]
    assert sorted(listed) == sorted(path.name for path in files)
    assert sum(path.stat().st_size for path in files) < 2_500_000


def test_the_seeds_belong_to_the_profiles() -> None:
    assert mp.version() in mp.SEEDS.read_text().splitlines()[0]
    seeds = mp.read_seeds(mp.SEEDS)
    assert set(seeds) == {mp.profile_name(profile) for profile in mp.load()}
    assert all(8 <= bits <= 16 for bits in seeds.values())
    assert mp.index().profiles == len(mp.load())


def test_a_consensus_scores_high_at_every_position() -> None:
    for profile in mp.load()[::20]:
        scores = mp.log_odds(profile)
        assert scores.shape == (profile.hmm.M, 20)
        assert (scores.max(1) > 0).all()
    assert mp.background().sum() == pytest.approx(1, abs=1e-4)


def test_pack_keeps_what_hmmer_needs(hmm_file: Path, tmp_path: Path) -> None:
    target = tmp_path / "two.hmm.xz"
    assert mp.pack(hmm_file, target, names=frozenset({"Spt4", "eIF-6"})) == 2
    (tmp_path / "two.hmm").write_bytes(lzma.decompress(target.read_bytes()))
    with pyhmmer.plan7.HMMFile(tmp_path / "two.hmm") as file:
        packed = list(file)
    shipped = {mp.profile_name(profile): profile.hmm for profile in mp.load()}
    assert [mp._text(hmm.name) for hmm in packed] == ["Spt4", "eIF-6"]
    for hmm in packed:
        same = shipped[f"archaea:{mp._text(hmm.name)}"]
        assert hmm.cutoffs.trusted == same.cutoffs.trusted and hmm == same
    again = tmp_path / "again.hmm.xz"
    mp.pack(hmm_file, again, names=frozenset({"Spt4", "eIF-6"}))
    assert again.read_bytes() == target.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.hmm.xz", "archaea.hmm", "two.hmm", "two.hmm.xz"]


def test_pack_says_what_is_missing(hmm_file: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"archaea.hmm: has no profile named Nothing$"):
        mp.pack(hmm_file, tmp_path / "x", names=frozenset({"Spt4", "Nothing"}))
    with pytest.raises(InputError, match=r"COG0012.hmm: profile COG0012 has no trusted cutoffs"):
        mp.pack(UNIVERSAL / "COG0012.hmm", tmp_path / "y")
    assert not (tmp_path / "x").exists() and not (tmp_path / "y").exists()


def test_seeds_come_back_as_written(tmp_path: Path) -> None:
    least = np.linspace(8, 15, len(mp.load())).astype(np.float32)
    mp.write_seeds(tmp_path / "s.tsv", least, note="of a test")
    read = mp.read_seeds(tmp_path / "s.tsv")
    np.testing.assert_allclose([read[mp.profile_name(profile)] for profile in mp.load()], least, atol=5e-4)
    assert (tmp_path / "s.tsv").read_text().startswith(f"# seeds of profiles {mp.version()}: of a test\n")


def test_a_damaged_file_of_seeds(other_seeds: Path) -> None:
    other_seeds.write_text("# note\nuniversal:COG0012\t12.5\nuniversal:COG0016 high\n")
    with pytest.raises(
        InputError, match=r"seeds.tsv, line 3: expected a profile and a score, got 'universal:COG0016 high'"
    ):
        mp.index()


def test_a_profile_without_a_seed(other_seeds: Path) -> None:
    other_seeds.write_text("universal:COG0012\t12.5\n")
    with pytest.raises(InputError, match=r"seeds.tsv: no threshold for universal:COG0016: learn them again"):
        mp.index()


def test_fetchmgs_without_its_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetchmgs, "__file__", str(tmp_path / "__init__.py"))
    with pytest.raises(InputError, match="the cutoffs of fetchmgs are not there: reinstall it"):
        mp.load.__wrapped__()
