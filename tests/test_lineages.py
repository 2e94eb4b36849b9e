"""Archaea, reduced genomes and plasmids: what has few of the marker genes is not cut up or joined for that.

Half of the partitions see a genome whole, half see it cut or joined to another, so that the markers decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from binner import clusterers, embed, fasta, markers, select
from binner.adaptation import adapt
from binner.data import I64, Clustering, Contigs, Markers
from binner.markers import profiles
from tests.assemblies import contigs_of

TRAIN = Path(__file__).parents[2] / "shared" / "data" / "train" / "genomes"
# Of shared/data/train: Mycoplasma genitalium and pneumoniae, Buchnera, three Saccharibacteria; five archaea
REDUCED = ("g0087", "g0089", "g0099", "g0271", "g0273", "g0283")
ARCHAEA = ("g0003", "g0004", "g0096", "g0125", "g0267")
USUAL = ("g0000", "g0010", "g0040", "g0060", "g0150", "g0200", "g0300", "g0400", "g0450", "g0500")
CONTIGS = 20  # of a genome, 50 kb each

Rows = npt.NDArray[np.int64]


def genes_of(share: dict[str, float], *, twice: int = 0, seed: int = 0) -> npt.NDArray[np.uint8]:
    """Counts (CONTIGS, M) of a genome with this share of each set's genes, the first `twice` of them in two copies."""
    rng = np.random.default_rng(seed)
    kinds = np.array([gene.partition(":")[0] for gene in profiles.genes()])
    counts = np.zeros((CONTIGS, len(kinds)), np.uint8)
    for kind, part in share.items():
        columns = rng.permutation(np.flatnonzero(kinds == kind))
        held = columns[: round(part * len(columns))]
        counts[rng.integers(0, CONTIGS, len(held)), held] += 1
        counts[rng.integers(0, CONTIGS, len(held[:twice])), held[:twice]] += 1
    return counts


BACTERIUM = {"universal": 1.0, "bacteria": 0.98}
LINEAGES = {
    "reduced": genes_of({"universal": 0.8, "bacteria": 0.6}, seed=1),
    "very reduced": genes_of({"universal": 0.3, "bacteria": 0.25}, seed=2),
    "archaeon": genes_of({"universal": 1.0, "bacteria": 0.2, "archaea": 0.95}, twice=2, seed=3),
    "archaeon of a new phylum": genes_of({"universal": 0.7, "bacteria": 0.1, "archaea": 0.3}, twice=1, seed=4),
    "plasmid": genes_of({}),
    "bacterium": genes_of(BACTERIUM, seed=6),
}


def pick(counts: Sequence[npt.NDArray[np.uint8]], clusterings: Sequence[npt.ArrayLike]) -> set[frozenset[int]]:
    table = np.concatenate(counts)
    found = Markers(profiles.genes(), table, np.zeros_like(table), "names")
    partitions = [Clustering(np.asarray(labels, np.int32), "test") for labels in clusterings]
    bins = select.choose(partitions, np.full(len(table), 50_000), markers=found, min_bin_size=200_000)
    return {frozenset(chosen.rows.tolist()) for chosen in bins}


@pytest.mark.parametrize("name", sorted(LINEAGES))
@pytest.mark.parametrize("parts", [2, 3])
def test_a_genome_that_half_of_the_partitions_cut_stays_whole(name: str, parts: int) -> None:
    whole, cut = np.zeros(CONTIGS), np.arange(CONTIGS) % parts
    assert pick([LINEAGES[name]], [whole, whole, cut, cut]) == {frozenset(range(CONTIGS))}


@pytest.mark.parametrize("name", sorted(LINEAGES.keys() - {"plasmid"}))  # it has no genes that could decide
@pytest.mark.parametrize("other", ["bacterium", "archaeon", "reduced"])
def test_a_genome_that_half_of_the_partitions_join_to_another_stays_alone(name: str, other: str) -> None:
    """Although a reduced genome lacks genes that the other one has."""
    apart, joined = np.repeat([0, 1], CONTIGS), np.zeros(2 * CONTIGS)
    beside = genes_of(BACTERIUM, seed=9) if other == name == "bacterium" else LINEAGES[other]
    expected = {frozenset(range(CONTIGS)), frozenset(range(CONTIGS, 2 * CONTIGS))}
    assert pick([LINEAGES[name], beside], [apart, apart, joined, joined]) == expected


@pytest.mark.parametrize("other", ["bacterium", "archaeon", "reduced"])
def test_a_plasmid_that_a_third_of_the_partitions_join_to_a_genome_stays_alone(other: str) -> None:
    apart, joined = np.repeat([0, 1], CONTIGS), np.zeros(2 * CONTIGS)
    expected = {frozenset(range(CONTIGS)), frozenset(range(CONTIGS, 2 * CONTIGS))}
    assert pick([LINEAGES["plasmid"], LINEAGES[other]], [*[apart] * 4, joined, joined]) == expected


@pytest.mark.parametrize("name", sorted(LINEAGES))
def test_a_piece_of_a_bacterium_does_not_complete_a_genome(name: str) -> None:
    """One partition in three adds contigs of a bacterium to the genome; its own other contigs are lost to it."""
    bacterium = genes_of(BACTERIUM, seed=7)
    apart = np.repeat([0, 1], CONTIGS)
    mixed = apart.copy()
    mixed[CONTIGS : CONTIGS + 4] = 0
    expected = {frozenset(range(CONTIGS)), frozenset(range(CONTIGS, 2 * CONTIGS))}
    assert pick([LINEAGES[name], bacterium], [apart, apart, mixed]) == expected


def cut(genomes: Sequence[str], *, seed: int = 1) -> tuple[Contigs, I64]:
    """Contigs of log-normal length, 8 kb in the median, and the genome of each."""
    rng = np.random.default_rng(seed)
    pieces, own = [], []
    for number, genome in enumerate(genomes):
        contigs = fasta.read(TRAIN / f"{genome}.fa.gz")
        for row in range(len(contigs)):
            at = 0
            while len(contigs[row]) - at >= 1000:
                stop = at + int(np.clip(rng.lognormal(np.log(8000), 0.8), 1000, 60_000))
                if len(contigs[row][at:stop]) >= 1000:
                    pieces.append(contigs[row][at:stop])
                    own.append(number)
                at = stop
    return contigs_of(*pieces), np.array(own)


@pytest.mark.benchmark
def test_reduced_genomes_and_archaea_of_the_training_genomes_are_whole_with_markers_as_without() -> None:
    """Among ten bacteria, contigs only: markers lose none of the genomes, and leave none in two bins."""
    names = (*REDUCED, *ARCHAEA, *USUAL)
    contigs, own = cut(names)
    embedding = adapt(*embed.embed(contigs, encoder="whitening"))[1]
    partitions = clusterers.propose(embedding, None, contigs.lengths, seed=1)
    special = len(REDUCED) + len(ARCHAEA)
    recovered = []
    for found in (markers.find(contigs, threads=1), None):
        bins = select.choose(partitions, contigs.lengths, markers=found, min_bin_size=200_000)
        shares = np.array([np.bincount(own[each.rows], contigs.lengths[each.rows], len(names)) for each in bins])
        of_genome = shares / np.bincount(own, contigs.lengths)
        pure = shares.max(1) >= 0.95 * shares.sum(1)
        assert (np.bincount(shares.argmax(1), minlength=len(names))[:special] <= 1).all()
        recovered.append(set(np.flatnonzero((of_genome[pure] >= 0.9).any(0)).tolist()))
    with_markers, without = recovered
    assert without <= with_markers
    assert len([number for number in with_markers if number < special]) >= special - 1
