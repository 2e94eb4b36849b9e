"""Contigs that are clustered together: refinement, clusters and the choice, each a stage."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from binner.artifacts import code_version, key
from binner.config import RunConfig
from binner.data import (
    I64,
    Bin,
    Clustering,
    Coverage,
    Embedding,
    Homologs,
    Markers,
    Membership,
    Progress,
    Refined,
    WindowEmbedding,
    digest,
)
from binner.memory import granted
from binner.stages import Stages

if TYPE_CHECKING:
    from binner.space import Depths

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """Contigs that are clustered together, n of them, and what is known of them."""

    config: RunConfig
    stages: Stages
    device: str  # "cpu" or "cuda:N"
    name: str  # "" if there are no others
    lengths: I64  # (n,), bp
    sequences: tuple[tuple[WindowEmbedding, Embedding], ...]  # for the refinement: the embedding, composition beside it
    embedding: Embedding
    coverage: Coverage | None
    along: WindowEmbedding | None  # for the refinement: depths of windows
    markers: Markers | None
    homologs: Homologs | None
    depends_on: tuple[object, ...]  # all that

    def find(self) -> tuple[list[Bin], Membership]:
        """Bins, and how surely contigs belong where they are."""

        def work(_: Progress) -> tuple[list[Bin], Membership]:
            from binner import select
            from binner.recruit import recruit

            found = select.choose(
                clusterings,
                self.lengths,
                markers=self.markers,
                homologs=self.homologs,
                min_bin_size=self.config.min_bin_size,
                depth=depth,
            )
            belonging = self._membership(found, clusterings, depth)
            if self.config.recruit:
                found = recruit(found, belonging, self.lengths)
                belonging = self._membership(found, clusterings, depth)
            return found, belonging

        from binner import space

        depth = space.depths(self.coverage, self.embedding, self.lengths)
        if depth is not None:
            logger.info(
                "contigs of a genome scatter by %.3f in log depth and %.3f in shape, beyond the counting of reads",
                *(depth.size_scatter, depth.shape_scatter),
            )
        refined = self._refine(depth) if self.sequences else None
        clusterings = self._cluster(depth, refined)
        if self.config.also:
            clusterings += self._more(clusterings, depth)
        return self.stages.run(*self._called("choice", "Choosing bins"), work)

    def _membership(self, bins: Sequence[Bin], clusterings: Sequence[Clustering], depth: Depths | None) -> Membership:
        from binner import membership, space

        model = space.gaussians(self.embedding, depth, self.lengths)
        pairs = membership.pair(bins, clusterings, model, self.lengths, covered=depth.known if depth else None)
        return membership.estimate(pairs, contigs=len(self.lengths))

    def _refine(self, depth: Depths | None) -> Refined:
        def work(progress: Progress) -> Refined:
            from binner import refine

            sequence, *composition = self.sequences
            evidence = refine.Evidence(
                self.lengths,
                sequence,
                composition=composition[0] if composition else None,
                coverage=self.coverage,
                depth=depth,
                along=self.along,
                markers=self.markers,
            )
            terms = self.config.refine_terms
            how = refine.RefineConfig() if terms is None else refine.RefineConfig(terms=terms)
            return refine.fit(evidence, config=how, seed=self.config.seed, device=self.device, progress=progress)

        called = self._called("refinement", "Refining the embedding")
        return self.stages.run(*called, work, key=self._refinement_key())

    def _refinement_key(self) -> str | None:
        """None without the refinement."""
        if not self.sequences:
            return None
        genes = self.markers and digest(self.markers.counts)
        return key(*self.depends_on, self.config.refine_terms, genes, code_version("refine"))

    def _cluster(self, depth: Depths | None, refined: Refined | None) -> list[Clustering]:
        config = self.config
        complete = self._complete()

        def work(progress: Progress) -> list[Clustering]:
            from binner import clusterers

            return clusterers.propose(
                self.embedding,
                depth,
                self.lengths,
                seed=config.seed,
                threads=config.machine.threads,
                memory=granted(config.machine.max_memory),
                refined=refined,
                homologs=self.homologs,
                complete=complete,
                progress=progress,
            )

        how = self._refinement_key()
        apart = self.homologs and digest(self.homologs.contigs)
        own = key(*self.depends_on, how, apart, digest(complete), code_version("clusterers"))
        return self.stages.run(*self._called("clustering", "Clustering"), work, key=own)

    def _complete(self) -> I64:
        """Contigs that hold most of a genome: none without markers."""
        from binner.replicons import most_of_genomes

        if self.markers is None:
            return np.zeros(0, np.int64)
        return most_of_genomes(self.lengths, self.markers, least_bp=self.config.min_bin_size)

    def _more(self, clusterings: Sequence[Clustering], depth: Depths | None) -> list[Clustering]:
        def work(_: Progress) -> list[Clustering]:
            from binner import candidates, space

            metrics = space.WITH_COVERAGE if depth is not None else space.WITHOUT_COVERAGE
            given = candidates.Given(
                tuple(clusterings),
                tuple(space.points(self.embedding, depth, metric) for metric in metrics),
                space.gaussians(self.embedding, depth, self.lengths),
                self.lengths,
                self.markers,
                self.homologs,
                self.config.min_bin_size,
                self.embedding.known,
            )
            return candidates.more(self.config.also, given)

        return self.stages.run(*self._called("candidates", "Finding further candidates"), work)

    def _called(self, stage: str, title: str) -> tuple[str, str]:
        """Name and title of a stage of this part."""
        return (f"{stage}-{self.name}", f"{title} of {self.name}") if self.name else (stage, title)
