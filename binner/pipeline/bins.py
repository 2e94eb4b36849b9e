"""The stages between what is known of the contigs and their bins: embedding, refinement, clusters, the choice."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from binner.artifacts import code_version, fingerprint, key
from binner.config import RunConfig, encoder_parts
from binner.data import (
    I64,
    Assemblies,
    Bin,
    Bool,
    Clustering,
    Contigs,
    Coverage,
    Embedding,
    Homologs,
    Markers,
    Membership,
    Progress,
    Refined,
    WindowEmbedding,
    digest,
    no_membership,
)
from binner.memory import granted
from binner.stages import Stages

if TYPE_CHECKING:
    from binner.space import Depths

logger = logging.getLogger(__name__)

COMPOSITION = "whitening"  # the encoder that reads it


@dataclass(frozen=True, slots=True)
class Finder:
    """Finds bins as `config` has it."""

    config: RunConfig
    stages: Stages
    contigs: Contigs
    assemblies: Assemblies
    device: str  # "cpu" or "cuda:N"
    coverage_key: str  # of the coverage that `find` is given

    def find(
        self, coverage: Coverage | None, markers: Markers | None, homologs: Homologs | None
    ) -> tuple[list[Bin], Membership]:
        """Bins, and for each contig how surely it belongs where it is.

        Circular contigs that are whole genomes are bins as they are. The others are binned with the coverage of all
        samples, those of each assembly on their own.
        """
        membership = no_membership(len(self.contigs))
        if not len(self.contigs):
            return [], membership
        bins = self._whole_genomes(markers) if markers is not None else []
        for whole in bins:
            membership.probability[whole.rows] = 1
        embedding_key = self._embedding_key()
        windows, embedding = self._embed(embedding_key)
        seen = [(windows, embedding), *self._composition(embedding)] if self.config.refine else []
        along = self._along(coverage) if self.config.refine else None
        for name, rows in self._parts(membership.probability == 0):
            part = _Part(
                self,
                name,
                self.contigs.lengths[rows],
                tuple((own.select(rows), means.select(rows)) for own, means in seen),
                embedding.select(rows),
                coverage.select(rows) if coverage is not None else None,
                along.select(rows) if along is not None else None,
                markers.select(rows) if markers is not None else None,
                homologs.select(rows) if homologs is not None else None,
                (embedding_key, digest(rows), self.coverage_key, self.config.seed),
            )
            found, own = part.find()
            membership.probability[rows] = own.probability
            membership.second[rows] = np.where(own.second >= 0, own.second + len(bins), -1)
            membership.second_probability[rows] = own.second_probability
            bins += [replace(each, rows=rows[each.rows]) for each in found]
        return bins, membership

    def choose(
        self, clusterings: Sequence[Clustering], markers: Markers | None, homologs: Homologs | None
    ) -> tuple[list[Bin], Membership]:
        """As `find`, among clusters that are there already; the probability is the share of the votes."""

        def work(_: Progress) -> tuple[list[Bin], Membership]:
            from binner import select

            lengths, least = self.contigs.lengths, self.config.min_bin_size
            found = select.choose(clusterings, lengths, markers=markers, homologs=homologs, min_bin_size=least)
            share = select.shares(found, clusterings, lengths)
            return found, replace(no_membership(len(lengths)), probability=share)

        return self.stages.run("choice", "Choosing bins", work)

    def _whole_genomes(self, markers: Markers) -> list[Bin]:
        from binner.replicons import whole_genomes

        return whole_genomes(self.contigs, markers, least_bp=self.config.min_bin_size)

    def _parts(self, left: Bool) -> Iterator[tuple[str, I64]]:
        """What is left of each assembly, if anything: rows, ascending, and its name if there are others."""
        for number, name in enumerate(self.assemblies.names):
            rows = np.flatnonzero(left & (self.assemblies.of == number))
            if len(rows):
                yield (name if self.assemblies.multi else ""), rows

    def _embed(self, own: str) -> tuple[WindowEmbedding, Embedding]:
        def work(progress: Progress) -> tuple[WindowEmbedding, Embedding]:
            from binner.adaptation import adapt
            from binner.concatenation import concatenate

            if self.config.embedding:
                from binner import embedding_files

                parts = embedding_files.load_parts(self.config.embedding, self.contigs)
            else:
                from binner import embed

                machine = replace(self.config.machine, device=self.device)
                reading = self.config.reading
                parts = embed.embed_parts(
                    self.contigs, encoder=self.config.encoder, config=reading, machine=machine, progress=progress
                )
            return concatenate([adapt(*part) for part in parts])

        return self.stages.run("embedding", "Embedding contigs", work, key=own)

    def _composition(self, embedding: Embedding) -> Iterator[tuple[WindowEmbedding, Embedding]]:
        """The composition that the refinement reads beside an encoder that does not."""

        def work(progress: Progress) -> tuple[WindowEmbedding, Embedding]:
            from binner import embed
            from binner.adaptation import adapt

            return adapt(*embed.embed(self.contigs, encoder=COMPOSITION, progress=progress))

        if not any(part.startswith(f"{COMPOSITION} ") for part in embedding.encoder.split(" + ")):
            yield self.stages.run("composition", "Reading composition", work, key=self.composition_key())

    def composition_key(self) -> str:
        """Of the composition that the refinement reads."""
        from binner.encoders import locate

        weights = fingerprint(locate(COMPOSITION))
        return key(self.contigs.digest, weights, code_version("embed"), code_version("adaptation"))

    def _along(self, coverage: Coverage | None) -> WindowEmbedding | None:
        """Depths along the contigs; None where not every sample is one of alignments of these."""
        if coverage is None or coverage.along is None or coverage.along.shape[1] < len(coverage.samples):
            return None
        from binner.windows import of_depth

        return WindowEmbedding(of_depth(self.contigs), np.nan_to_num(coverage.along), "depth", coverage.names_digest)

    def _embedding_key(self) -> str:
        config = self.config
        adapted = code_version("adaptation")
        if config.embedding:
            return key(self.contigs.digest, [fingerprint(file) for file in config.embedding], adapted)
        from binner.encoders import locate

        reading = replace(config.reading, devices=1)  # with more it comes to the same
        weights = [fingerprint(locate(part)) for part in encoder_parts(config.encoder)]
        return key(self.contigs.digest, config.encoder, reading, weights, code_version("embed"), adapted)


@dataclass(frozen=True, slots=True)
class _Part:
    """Contigs that are clustered together, n of them, and what is known of them."""

    finder: Finder
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
                min_bin_size=self.finder.config.min_bin_size,
                depth=depth,
            )
            belonging = self._membership(found, clusterings, depth)
            if self.finder.config.recruit:
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
        if self.finder.config.also:
            clusterings += self._more(clusterings, depth)
        return self.finder.stages.run(*self._called("choice", "Choosing bins"), work)

    def _membership(self, bins: Sequence[Bin], clusterings: Sequence[Clustering], depth: Depths | None) -> Membership:
        from binner import membership, space

        model = space.gaussians(self.embedding, depth, self.lengths)
        pairs = membership.pair(bins, clusterings, model, self.lengths, covered=depth.known if depth else None)
        return membership.estimate(pairs, contigs=len(self.lengths))

    def _refine(self, depth: Depths | None) -> Refined:
        config = self.finder.config

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
            terms = config.refine_terms
            how = refine.RefineConfig() if terms is None else refine.RefineConfig(terms=terms)
            return refine.fit(evidence, config=how, seed=config.seed, device=self.finder.device, progress=progress)

        called = self._called("refinement", "Refining the embedding")
        return self.finder.stages.run(*called, work, key=self._refinement_key())

    def _refinement_key(self) -> str | None:
        """None without the refinement."""
        if not self.sequences:
            return None
        genes = self.markers and digest(self.markers.counts)
        seen = self.finder.composition_key()
        return key(*self.depends_on, seen, self.finder.config.refine_terms, genes, code_version("refine"))

    def _cluster(self, depth: Depths | None, refined: Refined | None) -> list[Clustering]:
        config = self.finder.config

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
                progress=progress,
            )

        how = self._refinement_key()
        apart = self.homologs and digest(self.homologs.contigs)
        called = self._called("clustering", "Clustering")
        return self.finder.stages.run(*called, work, key=key(*self.depends_on, how, apart, code_version("clusterers")))

    def _more(self, clusterings: Sequence[Clustering], depth: Depths | None) -> list[Clustering]:
        config = self.finder.config

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
                config.min_bin_size,
                self.embedding.known,
            )
            return candidates.more(config.also, given)

        return self.finder.stages.run(*self._called("candidates", "Finding further candidates"), work)

    def _called(self, stage: str, title: str) -> tuple[str, str]:
        """Name and title of a stage of this part."""
        return (f"{stage}-{self.name}", f"{title} of {self.name}") if self.name else (stage, title)
