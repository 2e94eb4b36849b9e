"""`binner run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from binner.cli import _binning as binning
from binner.cli import _options as shared
from binner.cli._command import Command

_EXAMPLES = """\b
Examples:
  binner run contigs.fa
  binner run contigs.fa.gz -b sample*.bam -o soil -t 8
  binner run contigs.fa --depth depth.tsv --no-markers
  binner run S1.fa S2.fa S3.fa --multi -b S1.bam S2.bam S3.bam
"""


@click.command("run", cls=Command, epilog=_EXAMPLES)
@binning.contigs
@shared.coverage_options
@shared.header_depth
@binning.of_the_contigs
@binning.result_options
@shared.min_length(1000)
@shared.encoder_options
@shared.embedding_files(
    "Take up what binner embed wrote for these contigs, whole or all its shards, in place of --encoder; what"
    " several encoders made goes side by side.",
    required=False,
)
@binning.split_chimeras
@binning.bin_options
@shared.threads
@shared.memory
@shared.device
@shared.talk
def run(contigs: tuple[Path, ...], **given: Any) -> None:
    """Put the contigs of an assembly into bins, one for each genome.

    CONTIGS is FASTA, plain or compressed; - reads standard input. With --multi there may be a file for each assembly.
    """
    binning.bin_contigs(contigs, given)
