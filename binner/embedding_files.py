"""Embeddings as files: what `binner embed` writes, whole or a shard of it, and `binner run --embedding` takes up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from binner.artifacts import DAMAGE, OtherKeyError, read, write
from binner.config import Shard
from binner.data import Contigs
from binner.embed import Embedded, join
from binner.errors import InputError

FORMAT = "binner embedding 1"


def save(path: Path, embedded: Embedded, contigs: Contigs, shard: Shard) -> None:
    """Write the embedding of a shard of `contigs`."""
    write(path, FORMAT, (contigs.digest, shard.number, shard.of, embedded))


def load(paths: Sequence[Path], contigs: Contigs) -> Embedded:
    """The embedding of `contigs` from one file, or from one for each shard, in any order.

    Raises InputError for a file that is no embedding or one of other contigs, and for shards that are missing, there
    twice, or made by different encoders.
    """
    parts: dict[int, tuple[Path, Embedded]] = {}
    shards = 1
    encoder = None
    for path in paths:
        digest, number, of, embedded = _read(path)
        if digest != contigs.digest:
            raise InputError(f"{path}: the embedding of other contigs; embed these, with the same -m")
        if parts and (of != shards or encoder != embedded[0].encoder):
            what = f"{of} shards" if of != shards else "another encoder or other options"
            raise InputError(f"{path}: made with {what}, unlike {paths[0]}")
        if number in parts:
            raise InputError(f"{path}: shard {number} of {of}, and so is {parts[number][0]}")
        parts[number] = path, embedded
        shards, encoder = of, embedded[0].encoder
    missing = [str(number) for number in range(1, shards + 1) if number not in parts]
    if missing:
        raise InputError(f"{paths[0]}: one of {shards} shards, and no file has shard {', '.join(missing[:10])}")
    return join([parts[number][1] for number in sorted(parts)], names_digest=contigs.names_digest)


def _read(path: Path) -> tuple[str, int, int, Embedded]:
    try:
        digest, number, of, embedded = read(path, FORMAT)
        return digest, number, of, embedded
    except (OtherKeyError, *DAMAGE) as error:
        why = error.strerror if isinstance(error, OSError) else "damaged, or of another version"
        raise InputError(f"{path}: no embedding that `binner embed` wrote ({why})") from error
