"""The benchmark of `--multi`: assemblies cut by depth, and what is recovered of them."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks import multi
from benchmarks.files import write_contigs, write_truth
from benchmarks.simulate import Metagenome, simulate
from binner import fasta
from binner.coverage import write_jgi
from binner.evaluate.tables import Pairs


@pytest.fixture
def made(tmp_path: Path) -> Metagenome:
    """A set of four genomes and two samples, as the benchmark has it."""
    made = simulate(species=4, genome_bp=(100_000, 120_000), contig_bp=20_000, samples=2, related=False, depth=8)
    write_contigs(made.contigs, tmp_path / "contigs.fa.gz", seed=1)
    write_truth(made.contigs, made.genome, made.genomes, tmp_path / "truth.tsv")
    write_jgi(tmp_path / "depth", made.contigs, made.coverage)
    (tmp_path / "depth.jgi.txt.gz").write_bytes(gzip.compress((tmp_path / "depth").read_bytes()))
    return made


def test_assemblies_follow_the_depth(made: Metagenome, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    whole = multi._read(tmp_path, 2, genomes=0, rng=rng)
    sequences = {
        name: made.contigs.select(np.flatnonzero(made.genome == number)).codes.tobytes()
        for number, name in enumerate(made.genomes)
    }
    for sample, assembly in enumerate(multi.cut(whole, rng)):
        assert assembly.name == f"S{sample + 1}"
        bp = dict.fromkeys(whole.genomes, 0)
        for row, name in enumerate(assembly.contigs.names):
            (genome,) = assembly.truth[name].genomes
            assert genome.startswith(f"{assembly.name}:")
            assert assembly.contigs[row].tobytes() in sequences[genome.removeprefix(f"{assembly.name}:")]
            assert assembly.truth[name].length == assembly.contigs.lengths[row] >= 1000
            bp[genome.removeprefix(f"{assembly.name}:")] += assembly.truth[name].length
        depth = dict(zip(whole.genomes, whole.depth(sample), strict=True))
        assert all(not bp[genome] for genome in bp if depth[genome] < 1)
        assert bp[max(depth, key=depth.__getitem__)] > 0.7 * 100_000
        assert assembly.depths.mean.shape == (len(assembly.contigs), 2)


def test_few_genomes_may_be_drawn(made: Metagenome, tmp_path: Path) -> None:
    some = multi._read(tmp_path, 1, genomes=2, rng=np.random.default_rng(1))
    assert len(some.genomes) == 2
    assert set(some.genomes) < set(made.genomes)
    assert len(some.depths.samples) == 1


def test_both_sums_are_printed(
    made: Metagenome, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together all genomes come out, alone the first half of the contigs of each assembly in one bin."""
    ran: list[list[str]] = []

    def run(arguments: Sequence[str], out: Path) -> Pairs:
        ran.append(list(arguments))
        files = [file for file in arguments if file.endswith(".fa")]
        names = [name for file in files for name in fasta.names(Path(file))]
        if "--multi" not in arguments:
            return [(name, "bin_1") for name in names[: len(names) // 2]]
        return [(name, f"{name[:2]}_{truth[name]}") for name in names]

    rng = np.random.default_rng(1)
    assemblies = multi.cut(multi._read(tmp_path, 2, genomes=0, rng=rng), rng)
    truth = {name: origin.genomes[0] for each in assemblies for name, origin in each.truth.items()}
    monkeypatch.setattr(multi, "run_binner", run)
    multi.main([str(tmp_path), "--samples", "2", "--keep", str(tmp_path / "kept")])
    genomes = len(set(truth.values()))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"near-complete genomes, summed over 2 assemblies: {genomes} with --multi, 0 alone"
    assert [line.count("--multi") for line in ran] == [1, 0, 0]
    heads = [Path(line[line.index("--depth") + 1]).read_text().splitlines()[0].split("\t") for line in ran]
    assert [len(head) for head in heads] == [7, 5, 5], "depths in all samples, and in its own"
