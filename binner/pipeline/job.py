"""The stages of a run, one by one: what each is given, and what its kept result depends on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from binner import inputs
from binner.artifacts import code_version, fingerprint, key
from binner.config import RunConfig
from binner.data import (
    F32,
    Assemblies,
    Bin,
    Clustering,
    Contigs,
    Coverage,
    Genes,
    Homologs,
    Markers,
    Membership,
    Progress,
    digest,
)
from binner.joins import Joins, cut
from binner.pipeline import folder
from binner.pipeline.bins import Finder
from binner.quality import Judge
from binner.shipped import PACKAGE
from binner.stages import Stages
from binner.workspace import Workspace
from binner.write import write_results

# The stages are imported where they run: a mistyped file name need not wait for numba and torch.


@dataclass(frozen=True, slots=True)
class Job:
    """The stages of one run: each with the key that its result is kept under."""

    config: RunConfig
    space: Workspace
    stages: Stages
    source: Path  # FASTA
    contigs: Contigs
    assemblies: Assemblies
    device: str
    memory: int  # bytes
    joins: Joins | None = None  # that the contigs were cut at

    def measure_coverage(self) -> Coverage | None:
        """What files say of it, or the headers; None if neither does."""
        config = self.config.coverage

        def work(progress: Progress) -> Coverage:
            from binner.windows import of_depth

            return inputs.measure(
                self.contigs,
                config,
                source=self.source,
                threads=self._threads,
                memory=self.memory // 2,
                scratch=self.space.inside,
                progress=progress,
                windows=of_depth(self.contigs) if self._looks_along else None,
            )

        if not config.files:
            count = len(self.assemblies.names)
            return inputs.header_coverage(self.contigs, assemblies=count) if config.headers else None
        title = f"Measuring coverage ({len(config.files)} file{'s' * (len(config.files) > 1)})"
        return self.stages.run("coverage", title, work, key=self._coverage_key())

    def split_chimeras(self, coverage: Coverage | None) -> tuple[Job, Coverage | None]:
        """What goes on with the pieces of contigs, and their coverage: as it was, unless that was asked for."""
        if not self.config.split_chimeras:
            return self, coverage
        from binner import chimeras

        least = max(chimeras.LEAST_SIDE, self.config.min_length)
        joins = self.stages.run(
            "chimeras",
            "Looking for chimeras",
            lambda progress: chimeras.find(self.contigs, coverage, least=least, progress=progress),
        )
        pieces, of = cut(self.contigs, joins)
        told = replace(self.assemblies, of=self.assemblies.of[of])
        if coverage is not None:
            coverage = chimeras.coverage_of(pieces, of, self.contigs, coverage)
        return replace(self, contigs=pieces, assemblies=told, joins=joins), coverage

    def find_markers(self) -> Markers | None:
        """None without markers."""
        called = self._call_genes() if self.config.all_genes else None

        def work(progress: Progress) -> Markers:
            from binner import markers

            if called is not None:
                return markers.among(called, self.contigs, threads=self._threads, progress=progress)
            return markers.find(self.contigs, threads=self._threads, progress=progress)

        if not self.config.markers or not len(self.contigs):
            return None
        own = key(
            self.contigs.digest,
            fingerprint(PACKAGE / "markers/data"),
            [version(package) for package in ("fetchmgs", "pyhmmer")],
            self._genes_key() if called else None,
            code_version("markers"),
        )
        return self.stages.run("markers", "Finding marker genes", work, key=own)

    def _call_genes(self) -> Genes:
        def work(progress: Progress) -> Genes:
            from binner import genes

            return genes.call(self.contigs, threads=self._threads, progress=progress)

        return self.stages.run("genes", "Calling genes", work, key=self._genes_key())

    def find_homologs(self) -> Homologs | None:
        """None without them."""

        def work(progress: Progress) -> Homologs:
            from binner import homologs

            return homologs.find(self.contigs, assembly=self.assemblies.of, threads=self._threads, progress=progress)

        if not self.config.homologs or not len(self.contigs):
            return None
        weights = fingerprint(PACKAGE / "models" / "whitening")
        own = key(self.contigs.digest, digest(self.assemblies.of), weights, code_version("homologs"))
        return self.stages.run("homologs", "Finding homologs", work, key=own)

    def read_bins(self) -> list[Clustering]:
        """Those of other binners, if there are any to choose among."""

        def work(_: Progress) -> list[Clustering]:
            from binner import recluster

            return recluster.read_partitions(self.config.bins, self.contigs)

        return self.stages.run("bins", "Reading bins", work) if self.config.bins else []

    def find_bins(
        self,
        coverage: Coverage | None,
        markers: Markers | None,
        homologs: Homologs | None,
        others: Sequence[Clustering],
    ) -> tuple[list[Bin], Membership]:
        """Bins, and for each contig how surely it belongs where it is."""
        finder = Finder(
            self.config, self.stages, self.contigs, self.assemblies, self.device, coverage_key=self._coverage_key()
        )
        if others:
            return finder.choose(others, markers, homologs)
        return finder.find(coverage, markers, homologs)

    def judge(self, bins: Sequence[Bin], markers: Markers | None) -> tuple[F32, F32] | None:
        """Completeness and contamination of each bin, %; None without markers."""
        if markers is None:
            return None
        found = markers

        def work(_: Progress) -> tuple[F32, F32]:
            from binner.markers import completeness

            return completeness(found, bins)

        return self.stages.run("quality", "Judging bins", work)

    def write(
        self,
        bins: Sequence[Bin],
        membership: Membership,
        *,
        coverage: Coverage | None,
        quality: tuple[F32, F32] | None,
        by: Judge | None,
    ) -> None:
        """All the files that are results; `by` will judge the bins."""

        def work(_: Progress) -> None:
            write_results(
                self.space.out,
                self.contigs,
                bins,
                source=self.source,
                prefix=self.config.prefix,
                assemblies=self.assemblies,
                membership=membership,
                coverage=coverage,
                completeness=quality and quality[0],
                contamination=quality and quality[1],
                joins=self.joins,
                clear=lambda: folder.clear(self.space.out, judge=by),
            )

        self.stages.run("results", "Writing results", work)

    @property
    def _threads(self) -> int:
        return self.config.machine.threads

    def _coverage_key(self) -> str:
        config = self.config.coverage
        files = [
            [(str(file), fingerprint(file)) for file in kind] for kind in (config.bams, config.depth, config.abundance)
        ]
        told = None if config.files or not config.headers else self.contigs.header_depth
        headers = None if told is None else digest(told)
        windows = code_version("windows") if self._looks_along else None
        return key(self.contigs.digest, files, headers, config.identity, code_version("coverage"), windows)

    def _genes_key(self) -> str:
        return key(self.contigs.digest, version("pyrodigal"), code_version("genes"))

    @property
    def _looks_along(self) -> bool:
        """Whether depths along the contigs are wanted, and to be had."""
        return bool(self.config.coverage.bams) and (self.config.split_chimeras or self.config.refine)
