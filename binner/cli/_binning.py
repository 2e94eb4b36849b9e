"""What the commands that make bins share: options, and the work."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import click

from binner.cli._options import (
    FILE,
    INPUT,
    METHOD,
    RESULTS,
    Decorator,
    at_work,
    coverage_config,
    encoder_config,
    loads_torch,
    machine_config,
    option,
    seed,
    together,
)
from binner.config import QualityConfig, RefineTerm, RunConfig, SourceName
from binner.errors import OptionError

contigs = together(
    click.argument("contigs", type=FILE, nargs=-1, required=True, metavar="CONTIGS..."),
    option(
        "--multi",
        heading=INPUT,
        is_flag=True,
        help="The contigs are those of several assemblies, in a file for each or in one; each assembly gets bins of its"
        " own, by the depth in all samples. Bins are called <ASSEMBLY>_<TAG>_<number>.",
    ),
    option(
        "--separator",
        heading=INPUT,
        metavar="TEXT",
        help="What stands between assembly and contig in the names of contigs.  [default: ':' or 'C']",
    ),
)

checkm_markers = option(
    "--checkm-markers",
    heading=RESULTS,
    type=FILE,
    metavar="FILE",
    help="For CheckM: models of HMMER or a marker set, in place of its own by lineage, for which it needs its data.",
)


def output(default: str) -> Decorator:
    """--output, with what the folder is called without it."""
    return option(
        *("-o", "--output", "out"),
        heading=RESULTS,
        type=FILE,
        metavar="FOLDER",
        help=f"Where the results go.  [default: {default}]",
    )


of_the_contigs = output("<name of the contigs>_binner, or multi_binner for several files")

result_options = together(
    option(
        "--prefix",
        heading=RESULTS,
        default="bin",
        show_default=True,
        metavar="TAG",
        help="Bins are called <TAG>_<number>.",
    ),
    option(
        "--min-bin-size",
        heading=RESULTS,
        type=int,
        default=200_000,
        show_default=True,
        metavar="BP",
        help="Bins of this size and more are written.",
    ),
    option(
        "--quality",
        heading=RESULTS,
        metavar="checkm|checkm2|TABLE",
        help="Have the bins judged by CheckM or CheckM2 too, or take up a table that one of them wrote.",
    ),
    checkm_markers,
    option(
        "--force",
        heading=RESULTS,
        is_flag=True,
        help="Start anew, not where an earlier run into the same folder stopped, even if that was of other contigs.",
    ),
    option(
        "--report/--no-report",
        heading=RESULTS,
        default=True,
        show_default=True,
        help="Write report.html, and tables for MultiQC.",
    ),
)

markers = together(
    option(
        "--markers/--no-markers",
        heading=METHOD,
        default=True,
        show_default=True,
        help="Look for single-copy marker genes: better bins, and their completeness.",
    ),
    option(
        "--all-genes",
        heading=METHOD,
        is_flag=True,
        help="Call every gene and search all of them for markers: as many are found, in 16 to 35 times the CPU time.",
    ),
)

homologs = option(
    "--homologs/--no-homologs",
    heading=METHOD,
    default=True,
    show_default=True,
    help="Look for contigs that hold the same genes of two relatives, and keep them apart.",
)

split_chimeras = option(
    "--split-chimeras",
    heading=METHOD,
    is_flag=True,
    help="Cut contigs where their composition, and their depth in alignments, say that two genomes are joined.",
)

bin_options = together(
    markers,
    homologs,
    option(
        "--refine/--no-refine",
        heading=METHOD,
        default=False,
        show_default=True,
        help="Refine the embedding on these contigs.",
    ),
    option(
        "--refine-terms",
        heading=METHOD,
        metavar="TERM,...",
        help=f"What --refine trains for besides contrast: {', '.join(get_args(RefineTerm))}, or none.  [default: all]",
    ),
    option(
        "--also",
        heading=METHOD,
        type=click.Choice(get_args(SourceName)),
        several=True,
        help="Further candidate bins: the best of density trees, clusters taken apart or put together by genes.",
    ),
    option(
        "--recruit",
        heading=METHOD,
        is_flag=True,
        help="Put contigs that are left over into the bin that they belong to with a probability of 0.5 and more.",
    ),
    seed,
)

_OF_A_RUN = (
    *("multi", "separator", "out", "min_length", "min_bin_size", "embedding", "bins", "split_chimeras", "markers"),
    *("all_genes", "homologs", "refine", "also", "recruit", "seed", "prefix", "force", "report"),
)


def run_config(contigs: Sequence[Path], given: dict[str, Any]) -> RunConfig:
    """What was said after the options of a run; commands that do a part of it have not all of them."""
    rest = {name: given[name] for name in _OF_A_RUN if name in given}
    if "encoder" in given:
        rest |= {"encoder": given["encoder"], "reading": encoder_config(given)}
    if given.get("refine_terms") is not None:
        rest["refine_terms"] = () if given["refine_terms"] == "none" else tuple(given["refine_terms"].split(","))
    rest["quality"] = _quality_config(given)
    first, *others = contigs
    return RunConfig(first, tuple(others), coverage=coverage_config(given), machine=machine_config(given), **rest)


def _quality_config(given: dict[str, Any]) -> QualityConfig | None:
    if given["quality"] is not None:
        return QualityConfig(given["quality"], given["checkm_markers"])
    if given["checkm_markers"] is not None:
        raise OptionError("--checkm-markers goes with --quality checkm")
    return None


def bin_contigs(contigs: Sequence[Path], given: dict[str, Any]) -> None:
    """The work of `run`, `cluster` and `recluster`."""
    config = run_config(contigs, given)
    torch = config.refine or (not config.embedding and loads_torch(config.encoder))
    with at_work(config.machine, verbose=given["verbose"], quiet=given["quiet"], torch=torch) as watch:
        from binner.pipeline.run import run

        run(config, watch=watch, command=sys.argv)
