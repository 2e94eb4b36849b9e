"""Gene calling, on simulated genomes whose genes are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import genomes as g
from binner import genes
from binner.data import Contigs, Genes, digest
from tests.assemblies import contigs_of, reverse_complement


@pytest.fixture(scope="module")
def genome() -> g.Genome:
    rng = np.random.default_rng(7)
    species = g.draw_species(0.5, rng)
    return g.build(g.draw_genes(species, rng, total=60_000), species, rng)


@pytest.fixture(scope="module")
def called(genome: g.Genome) -> Genes:
    return genes.call(contigs_of(genome.codes), threads=1)


def translated(gene: g.Gene) -> bytes:
    return b"M" + bytes(ord(g.AMINO_ACIDS[g.AMINO[codon]]) for codon in gene.codons[1:-1])


def test_most_genes_are_found_as_they_were_made(genome: g.Genome, called: Genes) -> None:
    made = {translated(gene) for gene in genome.genes}
    found = {called.protein(gene) for gene in range(len(called))}
    assert len(made & found) >= 0.8 * len(made)


def test_positions_are_those_of_the_proteins(genome: g.Genome, called: Genes) -> None:
    for gene in range(len(called)):
        assert called.stop[gene] - called.start[gene] >= 3 * len(called.protein(gene))
        if not called.partial[gene]:
            codes = genome.codes[called.start[gene] : called.stop[gene]]
            codons = (3 - codes[::-1] if called.reverse[gene] else codes).reshape(-1, 3) @ np.array([16, 4, 1])
            protein = bytes(ord(g.AMINO_ACIDS[g.AMINO[codon]]) for codon in codons[1:-1])
            assert called.protein(gene)[1:] == protein
            assert g.AMINO[codons[-1]] == -1


def test_neither_threads_nor_company_matter(genome: g.Genome, called: Genes) -> None:
    pieces = [genome.codes[start : start + 10_000] for start in range(0, 60_000, 10_000)]
    alone = [genes.call(contigs_of(piece), threads=1) for piece in pieces]
    together = genes.call(contigs_of(*pieces), threads=3)
    assert [together.protein(gene) for gene in range(len(together))] == [
        part.protein(gene) for part in alone for gene in range(len(part))
    ]
    assert np.bincount(together.contig, minlength=len(pieces)).tolist() == [len(part) for part in alone]
    assert together.names_digest == contigs_of(*pieces).names_digest != called.names_digest


def test_the_other_strand_has_the_same_proteins(genome: g.Genome, called: Genes) -> None:
    other = genes.call(reverse_complement(contigs_of(genome.codes)), threads=1)
    ours = {called.protein(gene) for gene in range(len(called))}
    assert len(ours & {other.protein(gene) for gene in range(len(other))}) > 0.95 * len(ours)
    assert abs(int(other.reverse.sum()) + int(called.reverse.sum()) - len(called)) <= 0.05 * len(called)


def test_genes_at_the_ends_are_partial(genome: g.Genome) -> None:
    long = max(genome.genes, key=lambda gene: len(gene.codons))
    inside = g.CODONS[long.codons[20:-20]].ravel()
    found = genes.call(contigs_of(inside), threads=1)
    assert found.partial.tolist() == [True]
    assert found.protein(0) == translated(long)[20:-19]


def test_odd_contigs_have_no_genes() -> None:
    n = np.full(3000, 4, np.uint8)
    short = np.zeros(2, np.uint8)
    found = genes.call(contigs_of(n, short, np.zeros(0, np.uint8)), threads=2)
    assert len(found) == len(found.residues) == 0
    assert len(genes.call(contigs_of(), threads=2)) == 0


def test_progress_reaches_its_end(genome: g.Genome) -> None:
    seen: list[tuple[int, int]] = []
    pieces = [genome.codes[:50_000]] * 9
    genes.call(contigs_of(*pieces), threads=2, progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == list(range(1, len(seen) + 1))
    assert seen[-1] == (len(seen), len(seen)) and len(seen) > 1


def test_what_is_no_table_of_genes(called: Genes) -> None:
    with pytest.raises(ValueError, match="offsets do not cut"):
        replace(called, offsets=called.offsets[::-1].copy())
    with pytest.raises(ValueError, match="start of genes: shape"):
        replace(called, start=called.start[1:])
    with pytest.raises(ValueError, match="reverse: dtype"):
        replace(called, reverse=called.reverse.astype(np.uint8))


def test_contigs_are_not_changed(genome: g.Genome) -> None:
    contigs: Contigs = contigs_of(genome.codes[:5000])
    before = digest(contigs.codes)
    genes.call(contigs, threads=1)
    assert digest(contigs.codes) == before
