"""`binner recluster`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from binner.cli import _binning as binning
from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE
from binner.config import SHORTEST_CONTIG

_EXAMPLES = """\b
Examples:
  binner recluster contigs.fa metabat2/ semibin2/contig_bins.tsv vamb/vae_clusters_unsplit.tsv -o best
  binner recluster contigs.fa contigs_binner/contig2bin.tsv metabat2/ --depth depth.tsv
"""


@click.command("recluster", cls=Command, epilog=_EXAMPLES)
@click.argument("contigs", type=FILE)
@click.argument("bins", type=FILE, metavar="BINS...", nargs=-1, required=True)
@shared.coverage_options
@shared.header_depth
@binning.output("<name of the contigs>_reclustered")
@binning.result_options
@shared.min_length(SHORTEST_CONTIG)
@binning.markers
@binning.homologs
@shared.threads
@shared.memory
@shared.talk
def recluster(contigs: Path, **given: Any) -> None:
    """Choose the best bins of several binners: at most one for each genome, no contig in two.

    CONTIGS is FASTA, plain or compressed; - reads standard input. BINS are the results of a binner each: a folder of
    FASTA files, a table of contigs and bins, or a file in CAMI's format. A bin is good if the binners agree on it, if
    it has the single-copy marker genes once, and if it has no genes of two relatives. Coverage goes into the tables; it
    does not change the choice.
    """
    binning.bin_contigs((contigs,), given)
