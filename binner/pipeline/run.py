"""The order of the stages: `run`, from contigs to bins."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np

from binner import assemblies, bin_folder, inputs, quality, record
from binner.artifacts import code_version, fingerprint, key
from binner.config import STDIN, RunConfig, assembly_name
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
from binner.memory import granted
from binner.pipeline import folder
from binner.pipeline.bins import Finder
from binner.pipeline.quality import judge_run
from binner.pipeline.report import report_run
from binner.quality import Judge
from binner.record import Summary
from binner.runtime import choose_device
from binner.stages import Stages, Watch, unwatched
from binner.workspace import Workspace, open_workspace
from binner.write import NEAR_COMPLETE, tier, write_results

# The stages are imported where they run: a mistyped file name need not wait for numba and torch.

logger = logging.getLogger(__name__)

PACKAGE = Path(__file__).parent.parent


def run(config: RunConfig, *, watch: Watch = unwatched, command: Sequence[str] = ()) -> Summary:
    """Bin an assembly: all that `binner run` does; `command` is what was typed, for the record.

    Raises InputError, OptionError or DeviceError, and then leaves nothing behind that it made, unless results of stages
    were kept by then.
    """
    began = time.perf_counter()
    inputs.check_files(config.files, folders=config.bins)
    folder.check(config)
    judge = quality.prepare(config.quality) if config.quality else None
    device = choose_device(config.machine.device)
    memory = granted(config.machine.max_memory)
    with open_workspace(config.folder, force=config.force) as space, record.log_to(space.log):
        record.log_start(config, command=command, device=device, memory=memory)
        stages = Stages(config.machine.threads, watch, space.cache)
        with assemblies.readable(config.assemblies, space.inside, separator=config.separator) as source:
            contigs = stages.run(
                "contigs",
                "Reading contigs",
                lambda _: inputs.read_contigs(
                    source, min_length=config.min_length, memory=memory, samples=len(config.coverage.files)
                ),
            )
            told = _assemblies(contigs, config)
            bin_folder.check(space.out, prefixes=told.prefixes(config.prefix))
            _check_vectors(config, contigs, device=device)
            job = _Job(config, space, stages, source, contigs, told, device, memory)
            others = job.read_bins()
            measured = job.measure_coverage()
            inputs.check_samples(contigs, measured, source=source, memory=memory)
            job, coverage = job.split_chimeras(measured)
            markers = job.find_markers()
            bins, membership = job.find_bins(coverage, markers, job.find_homologs(), others)
            percent = job.judge(bins, markers)
            job.write(bins, membership, coverage=coverage, quality=percent, by=judge)
            verdicts = judge_run(space, judge, stages=stages, memory=memory, bins=len(bins))
            files = [record.describe_input(source if file == STDIN else file) for file in config.files]
        summary = Summary(
            out=config.folder,
            bins=len(bins),
            near_complete=percent and sum(tier(*each) == NEAR_COMPLETE for each in zip(*percent, strict=True)),
            contigs=len(job.contigs),
            bp=len(contigs.codes),
            binned_contigs=sum(len(found.rows) for found in bins),
            binned_bp=sum(found.size for found in bins),
            seconds=time.perf_counter() - began,
            peak_memory=stages.peak_memory,
            split=None if job.joins is None else len(set(job.joins.contig)),
        )
        record.write_record(
            space.out / record.RECORD,
            config,
            command=command,
            device=device,
            inputs=files,
            samples=coverage.samples if coverage is not None else (),
            stages=[asdict(report) for report in stages.reports],
            quality=verdicts,
            summary=summary,
        )
        report_run(space.out, stages, wanted=config.report)
        _say_how_it_ended(summary, config)
    return summary


@dataclass(frozen=True, slots=True)
class _Job:
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

    def split_chimeras(self, coverage: Coverage | None) -> tuple[_Job, Coverage | None]:
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


def _check_vectors(config: RunConfig, contigs: Contigs, *, device: str) -> None:
    """Raise InputError for an embedding that is not whole or of other contigs, or an encoder that cannot be loaded."""
    if config.embedding:
        from binner import embedding_files

        embedding_files.load_parts(config.embedding, contigs)  # hours before it is needed
    elif not config.bins:
        inputs.check_encoder(config.encoder, config.reading, device=device)


def _assemblies(contigs: Contigs, config: RunConfig) -> Assemblies:
    if config.multi:
        return assemblies.tell_apart(contigs, separator=config.separator)
    return Assemblies((assembly_name(config.contigs),), np.zeros(len(contigs), np.int32))


def _say_how_it_ended(summary: Summary, config: RunConfig) -> None:
    if not summary.contigs:
        logger.warning("No bins: no contig has %d bp or more (--min-len)", config.min_length)
    elif not summary.bins:
        logger.warning(
            "No bins: no group of contigs has %d bp or more (--min-bin-size); %d contigs with %d bp took part",
            *(config.min_bin_size, summary.contigs, summary.bp),
        )
    logger.info("%s", summary)
