"""`binner embed`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE, MACHINE, RESULTS, option
from binner.config import Shard

_EXAMPLES = """\b
Examples:
  binner embed contigs.fa --encoder dnabert_s/ -o contigs.npz
  binner embed contigs.fa --encoder dnabert_s/ -o part3.npz --shard 3/8
  torchrun --nproc-per-node 8 --no-python binner embed contigs.fa --encoder dnabert_s/ -o contigs.npz
  binner run contigs.fa --embedding part*.npz
"""


@click.command("embed", cls=Command, epilog=_EXAMPLES)
@click.argument("contigs", type=FILE)
@option(
    *("-o", "--output", "out"), heading=RESULTS, type=FILE, required=True, metavar="FILE", help="The file to write."
)
@shared.min_length(1000)
@shared.encoder_options
@shared.threads
@shared.memory
@shared.device
@option("--shard", heading=MACHINE, metavar="I/N", help="Embed part I of N: for array jobs.")
@shared.talk
def embed(contigs: Path, out: Path, **given: Any) -> None:
    """Embed the contigs, the step of `binner run` that gains from a GPU; `run --embedding` takes the result.

    CONTIGS is FASTA, plain or compressed; - reads standard input.
    """
    config, machine = shared.encoder_config(given), shared.machine_config(given)
    shard = None if given["shard"] is None else Shard.parse(given["shard"])
    torch = shared.loads_torch(given["encoder"])
    with shared.at_work(machine, verbose=given["verbose"], quiet=given["quiet"], torch=torch) as watch:
        from binner.pipeline import embed

        embed.write_embedding(
            out,
            contigs,
            encoder=given["encoder"],
            config=config,
            machine=machine,
            min_length=given["min_length"],
            shard=shard,
            watch=watch,
        )
