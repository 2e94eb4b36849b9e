"""`binner embed`: the embedding alone, of all contigs or of a shard, in one process or in those of torchrun."""

from __future__ import annotations

import logging
import tempfile
from dataclasses import replace
from pathlib import Path

from binner import inputs
from binner.config import STDIN, EncoderConfig, MachineConfig, Shard, check_encoder_name, check_min_length
from binner.errors import OptionError
from binner.memory import granted
from binner.runtime import choose_device, torchrun_rank, wait_for_all
from binner.stages import Stages, Watch, unwatched

logger = logging.getLogger(__name__)


def write_embedding(
    out: Path,
    contigs: Path,
    *,
    encoder: str,
    config: EncoderConfig,
    machine: MachineConfig,
    min_length: int,
    shard: Shard | None = None,
    watch: Watch = unwatched,
) -> None:
    """Write the embedding of the contigs of `min_length` bp and more, or of a shard of them, to `out`.

    Under torchrun every process does its share on its GPU, and the first joins what they made. Raises InputError and
    OptionError.
    """
    check_encoder_name(encoder)
    check_min_length(min_length)
    inputs.check_files((contigs,))
    inputs.check_target(out, sources=(contigs,))
    if out.is_char_device():
        raise OptionError(f"-o {out}: a device, and an embedding is no text that it could take; name a file")
    rank, world, local = torchrun_rank()
    if world > 1 and (shard is not None or config.devices > 1 or contigs == STDIN):
        raise OptionError("torchrun shares the work out itself: leave out --shard and --devices, and name a file")
    device = choose_device(machine.device)
    if world > 1 and device != "cpu":
        device = choose_device(f"cuda:{local}")
    inputs.check_encoder(encoder, config, device=device)
    from binner import embed, embedding_files

    own = Shard(rank + 1, world) if world > 1 else shard or Shard()
    target = _of_rank(out, rank) if world > 1 else out
    stages = Stages(machine.threads, watch)
    with tempfile.TemporaryDirectory() as folder, inputs.readable(contigs, Path(folder)) as source:
        found = stages.run(
            "contigs",
            "Reading contigs",
            lambda _: inputs.read_contigs(
                source, min_length=min_length, memory=granted(machine.max_memory), threads=machine.threads
            ),
        )
    parts = stages.run(
        "embedding",
        "Embedding contigs",
        lambda progress: embed.embed_parts(
            embed.part(found, own),
            encoder=encoder,
            config=config,
            machine=replace(machine, device=device),
            progress=progress,
        ),
    )
    embedding_files.save(target, parts, found, own)
    if world > 1:
        wait_for_all()
        if rank == 0:
            files = [_of_rank(out, each) for each in range(world)]
            embedding_files.save(out, embedding_files.load_parts(files, found), found, Shard())
            for file in files:
                file.unlink()
    logger.info("%s: %d of %d contigs", target, len(parts[0][1].matrix), len(found))


def _of_rank(out: Path, rank: int) -> Path:
    return out.with_name(f"{out.name}.{rank}")
