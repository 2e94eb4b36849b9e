"""`binner cluster`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from binner.cli import _binning as binning
from binner.cli import _options as shared
from binner.cli._command import Command

_EXAMPLES = """\b
Examples:
  binner embed contigs.fa --encoder dnabert_s/ -o contigs.npz     on a GPU node
  binner coverage contigs.fa -b sample*.bam -o depth.tsv          on another
  binner cluster contigs.fa --embedding contigs.npz --depth depth.tsv -o soil
"""


@click.command("cluster", cls=Command, epilog=_EXAMPLES)
@binning.contigs
@shared.embedding_files("What binner embed wrote for these contigs, whole or all its shards.", required=True)
@shared.table_options
@shared.header_depth
@binning.of_the_contigs
@binning.result_options
@shared.min_length(1000)
@binning.bin_options
@shared.threads
@shared.memory
@shared.device
@shared.talk
def cluster(contigs: tuple[Path, ...], **given: Any) -> None:
    """Put contigs into bins from the files of `binner embed` and `binner coverage`.

    The rest of `binner run`, with the same results: marker genes, clusters, bins. CONTIGS is the FASTA file that was
    embedded, plain or compressed; - reads standard input.
    """
    binning.bin_contigs(contigs, given)
