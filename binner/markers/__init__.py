"""How many copies of each single-copy marker gene a contig holds, and what that says about a bin.

The full way (`among`) searches every profile against all genes of the contigs (binner.genes). The fast way (`find`), a
tenth of the time or less, lets a scan of the six frames (binner.markers.scan) name the few reading frames and
profiles that can match, and asks HMMER only where the scan's own score lies near the cutoff.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from binner.data import F32, I64, N_CODE, U8, Bin, Bool, Contigs, Genes, Markers, Progress, silent
from binner.markers import profiles, scan, search
from binner.markers.search import Hits

log = logging.getLogger(__name__)

# Measured on mini12, long27, dev65 and dev58:
LEAST_BITS = 24.0  # of a chain that is looked at: one reading frame in 10^4 has one by chance
LEAST_SHARE = 0.35  # of the cutoff: 3 of 17,100 hits lie below
SURE_SHARE, SURE_BITS = 1.1, 35.0  # of the cutoff, and more: 14,136 hits, of which HMMER turns 24 down
CODON = 3  # bp


@dataclass(frozen=True, slots=True, eq=False)
class Proteins:
    """Where P proteins are from."""

    contig: I64  # (P,), row
    cut: Bool  # (P,), whether an end of the contig, or a gap, may cut the gene


def find(contigs: Contigs, *, threads: int, progress: Progress = silent) -> Markers:
    """Copies of every marker gene on every contig (profiles.genes() names the columns).

    A piece of a gene at the end of a contig counts if it reaches the cutoff. Contigs do not influence each other, and
    their strand does not matter.
    """
    return _counted(contigs, *_fast(contigs, threads=threads, progress=progress))


def among(called: Genes, contigs: Contigs, *, threads: int, progress: Progress = silent) -> Markers:
    """The same from all genes of the contigs: the measure of the fast way, and with the calling 33 times as slow."""
    hits = search_all(called, threads=threads, progress=progress)
    return _counted(contigs, Proteins(called.contig, called.partial), hits)


def search_all(called: Genes, *, threads: int, progress: Progress = silent) -> Hits:
    """Those of the genes that are hits of any profile: 1 CPU second a Mb of their contigs."""
    proteins = [called.protein(gene) for gene in range(len(called))]
    pairs = [np.arange(len(proteins))] * len(profiles.load())
    return search.search(proteins, pairs, threads=threads, progress=progress)


def _counted(contigs: Contigs, proteins: Proteins, hits: Hits) -> Markers:
    counts, cut = count(hits, proteins, contigs=len(contigs))
    log.info("%d marker genes on %d of %d contigs", counts.sum(), counts.any(axis=1).sum(), len(contigs))
    return Markers(profiles.genes(), counts, cut, contigs.names_digest)


def _fast(contigs: Contigs, *, threads: int, progress: Progress) -> tuple[Proteins, Hits]:
    cutoff = np.array([profile.cutoff for profile in profiles.load()], np.float32)
    least = np.maximum(LEAST_BITS, LEAST_SHARE * cutoff).astype(np.float32)
    index = profiles.index()
    frames = scan.scan(contigs, index, least=least, threads=threads, progress=_part(progress, 0))
    sure = frames.bits >= SURE_SHARE * cutoff[frames.profile] + SURE_BITS
    unsure = np.flatnonzero(~sure)
    proteins = scan.proteins(contigs, frames.take(unsure))
    pairs = [np.flatnonzero(frames.profile[unsure] == row) for row in range(len(cutoff))]
    found = search.search(proteins, pairs, threads=threads, progress=_part(progress, 1))
    log.debug("%d reading frames: %d sure, %d searched", len(frames), sure.sum(), len(unsure))
    hits = frames.take(np.sort(np.concatenate([np.flatnonzero(sure), unsure[found.protein]])))
    place = np.stack([hits.contig, hits.reverse, hits.start], 1)
    first, protein = np.unique(place, axis=0, return_index=True, return_inverse=True)[1:]
    frames = hits.take(first)
    found_in = Proteins(frames.contig, _cut(contigs, frames))
    return found_in, Hits(protein.reshape(-1).astype(np.int64), hits.profile, hits.bits)


def _cut(contigs: Contigs, frames: scan.Candidates) -> Bool:
    """Whether no stop codon ends a frame, on either side, but an end of the contig or a gap."""
    length = contigs.lengths[frames.contig]

    def in_gap(place: I64) -> Bool:
        place = np.clip(np.where(frames.reverse, length - 1 - place, place), 0, length - 1)
        return np.asarray(contigs.codes[contigs.offsets[frames.contig] + place] == N_CODE, np.bool_)

    ends = (frames.start < CODON) | (frames.stop > length - CODON)
    return ends | in_gap(frames.start - 1) | in_gap(frames.stop + CODON - 1)  # the last base of a codon outside


def _part(progress: Progress, part: int) -> Progress:
    """Progress of the first or the second half of the work, in thousandths of it."""
    return lambda done, total: progress(part * 500 + 500 * done // total, 1000)


def count(hits: Hits, proteins: Proteins, *, contigs: int) -> tuple[U8, U8]:
    """Proteins by contig and gene, (contigs, M), and those of them that are cut, (contigs, M).

    A protein counts once for a gene, and only for the best of the universal genes, as in fetchmgs.
    """
    known = profiles.load()
    columns = {gene: column for column, gene in enumerate(profiles.genes())}
    column = np.array([columns.get(profile.gene, -1) for profile in known], np.int64)
    universal = np.array([profile.set_name == "universal" for profile in known])
    order = np.lexsort((hits.profile, -hits.bits, hits.protein))
    protein, profile = hits.protein[order], hits.profile[order]
    rival = np.where(universal[profile], -1, column[profile])  # hits of one protein with the same number are rivals
    kept = np.unique(np.stack([protein, rival], 1), axis=0, return_index=True)[1]
    protein, gene = protein[kept], column[profile[kept]]
    protein, gene = protein[gene >= 0], gene[gene >= 0]
    place = proteins.contig[protein] * len(columns) + gene

    def table(places: I64) -> U8:
        filled = np.zeros(contigs * len(columns), np.uint8)
        at, number = np.unique(places, return_counts=True)
        filled[at] = np.minimum(number, 255)
        return filled.reshape(contigs, len(columns))

    return table(place), table(place[proteins.cut[protein]])


def completeness(markers: Markers, bins: Sequence[Bin]) -> tuple[F32, F32]:
    """Completeness and contamination (%) of each bin, (B,): single-copy genes that it has, and copies too many.

    Both are shares of the genes of bacteria (107), or of the universal ones and those of archaea (72) where the bin has
    a larger share of these. Two copies that ends of contigs or gaps cut count as one. Lineages that lack some of the
    genes, as Patescibacteria and endosymbionts do, come out less complete than they are.
    """
    sets = np.array([gene.partition(":")[0] for gene in markers.genes])
    kingdoms = [np.flatnonzero(sets == "bacteria"), np.flatnonzero(sets != "bacteria")]
    found = np.array([markers.copies(chosen.rows) for chosen in bins], np.int64)
    found = found.reshape(len(bins), 2, len(markers.genes))
    have, over = np.array([found[:, :, genes_of].mean(axis=2) for genes_of in kingdoms]).transpose(2, 0, 1)
    kingdom, bin_ = have.argmax(axis=0), np.arange(len(bins))
    return (100 * have[kingdom, bin_]).astype(np.float32), (100 * over[kingdom, bin_]).astype(np.float32)
