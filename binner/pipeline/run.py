"""The order of the stages: `run`, from contigs to bins."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np

from binner import assemblies, bin_folder, inputs, quality, record
from binner.bins_table import NEAR_COMPLETE, tier
from binner.config import STDIN, RunConfig, assembly_name
from binner.data import F32, Assemblies, Bin, Contigs
from binner.memory import granted
from binner.pipeline import folder
from binner.pipeline.job import Job
from binner.pipeline.quality import judge_run
from binner.pipeline.report import report_run
from binner.record import Summary
from binner.runtime import choose_device
from binner.stages import Stages, Watch, unwatched
from binner.workspace import open_workspace

logger = logging.getLogger(__name__)


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
                    source,
                    min_length=config.min_length,
                    memory=memory,
                    threads=config.machine.threads,
                    samples=len(config.coverage.files),
                ),
            )
            told = _assemblies(contigs, config)
            bin_folder.check(space.out, prefixes=told.prefixes(config.prefix))
            _check_vectors(config, contigs, device=device)
            job = Job(config, space, stages, source, contigs, told, device, memory)
            others = job.read_bins()
            measured = job.measure_coverage()
            inputs.check_samples(contigs, measured, source=source, memory=memory, threads=config.machine.threads)
            job, coverage = job.split_chimeras(measured)
            markers = job.find_markers()
            bins, membership = job.find_bins(coverage, markers, job.find_homologs(), others)
            percent = job.judge(bins, markers)
            job.write(bins, membership, coverage=coverage, quality=percent, by=judge)
            verdicts = judge_run(space, judge, stages=stages, memory=memory, bins=len(bins))
            files = [record.describe_input(source if file == STDIN else file) for file in config.files]
        summary = _summary(job, bins, percent, began=began)
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
        _say_how_it_ended(summary, config, longest=int(job.contigs.lengths.max(initial=0)))
    return summary


def _summary(job: Job, bins: Sequence[Bin], percent: tuple[F32, F32] | None, *, began: float) -> Summary:
    return Summary(
        out=job.config.folder,
        bins=len(bins),
        near_complete=percent and sum(tier(*each) == NEAR_COMPLETE for each in zip(*percent, strict=True)),
        contigs=len(job.contigs),
        bp=len(job.contigs.codes),
        binned_contigs=sum(len(found.rows) for found in bins),
        binned_bp=sum(found.size for found in bins),
        seconds=time.perf_counter() - began,
        peak_memory=job.stages.peak_memory,
        split=None if job.joins is None else len(set(job.joins.contig)),
    )


def _check_vectors(config: RunConfig, contigs: Contigs, *, device: str) -> None:
    """Raise InputError for an embedding that is not whole or of other contigs, or an encoder that cannot be loaded."""
    if config.embedding:
        from binner import embedding_files

        embedding_files.load_parts(config.embedding, contigs)  # hours before it is needed
    elif not config.bins:
        inputs.check_encoder(config.encoder, config.reading, device=device)


def _assemblies(contigs: Contigs, config: RunConfig) -> Assemblies:
    if config.multi:
        source = " ".join(map(str, config.assemblies))
        return assemblies.tell_apart(contigs, separator=config.separator, source=source)
    return Assemblies((assembly_name(config.contigs),), np.zeros(len(contigs), np.int32))


def _say_how_it_ended(summary: Summary, config: RunConfig, *, longest: int) -> None:
    if not summary.contigs:
        logger.warning("No bins: no contig has %d bp or more (--min-len)", config.min_length)
    elif not summary.bins:
        why = f"no group of contigs has {config.min_bin_size} bp or more (--min-bin-size)"
        if longest >= config.min_bin_size:
            why = "no contig could be placed, for which it needs bases other than N"
        logger.warning("No bins: %s; %d contigs with %d bp took part", why, summary.contigs, summary.bp)
    logger.info("%s", summary)
