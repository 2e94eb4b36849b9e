"""The stages between what is known of the contigs and their bins: embedding, and bins of each part of the contigs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
    WindowEmbedding,
    digest,
    no_membership,
)
from binner.pipeline.part import Part
from binner.stages import Stages

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
        depends_on: tuple[object, ...] = (embedding_key, self.coverage_key, self.config.seed)
        seen, along = [], None
        if self.config.refine:
            seen, along = [(windows, embedding), *self._composition(embedding)], self._along(coverage)
            depends_on = (*depends_on, self._composition_key())
        for name, rows in self._parts(membership.probability == 0):
            part = Part(
                config=self.config,
                stages=self.stages,
                device=self.device,
                name=name,
                lengths=self.contigs.lengths[rows],
                sequences=tuple((own.select(rows), means.select(rows)) for own, means in seen),
                embedding=embedding.select(rows),
                coverage=coverage.select(rows) if coverage is not None else None,
                along=along.select(rows) if along is not None else None,
                markers=markers.select(rows) if markers is not None else None,
                homologs=homologs.select(rows) if homologs is not None else None,
                depends_on=(*depends_on, digest(rows)),
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
            yield self.stages.run("composition", "Reading composition", work, key=self._composition_key())

    def _composition_key(self) -> str:
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
