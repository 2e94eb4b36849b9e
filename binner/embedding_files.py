"""Embeddings as files: what `binner embed` writes, whole or a shard of it, and `binner run --embedding` takes up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from binner.artifacts import DAMAGE, OtherKeyError, read, write
from binner.concatenation import Embedded, concatenate
from binner.config import Shard
from binner.data import Contigs
from binner.embed import join
from binner.errors import InputError

FORMAT = "binner embedding 1"


def save(path: Path, parts: Sequence[Embedded], contigs: Contigs, shard: Shard) -> None:
    """Write the embedding of a shard of `contigs`, by one encoder or by each of several."""
    write(path, FORMAT, (contigs.digest, shard.number, shard.of, *parts))


def load(paths: Sequence[Path], contigs: Contigs) -> Embedded:
    """The embedding of `contigs` from one file, or from one for each shard, in any order.

    Those of several encoders, in one file or in a file each, are put side by side. Raises InputError for a file that is
    no embedding or one of other contigs, and for shards that are missing or there twice.
    """
    return concatenate(load_parts(paths, contigs))


def load_parts(paths: Sequence[Path], contigs: Contigs) -> list[Embedded]:
    """As `load`, each of the encoders on its own, in the order of the files."""
    found: dict[str, dict[int, tuple[Path, int, Embedded]]] = {}  # by the encoder and the number of the shard
    for path in paths:
        digest, number, of, parts = _read(path)
        if digest != contigs.digest:
            raise InputError(f"{path}: the embedding of other contigs; embed these, with the same -m")
        for embedded in parts:
            shards = found.setdefault(embedded[0].encoder, {})
            first, in_all, _ = next(iter(shards.values()), (path, of, embedded))
            if of != in_all:
                raise InputError(f"{path}: made with {of} shards, unlike {first}")
            if number in shards:
                raise InputError(f"{path}: shard {number} of {of}, and so is {shards[number][0]}")
            shards[number] = path, of, embedded
    for encoder, shards in found.items():
        path, of, _ = next(iter(shards.values()))
        missing = [str(number) for number in range(1, of + 1) if number not in shards]
        if missing:
            by = f" by {encoder}" if len(found) > 1 else ""
            raise InputError(f"{path}: one of {of} shards{by}, and no file has shard {', '.join(missing[:10])}")
    every = ([shards[number][2] for number in sorted(shards)] for shards in found.values())
    return [join(shards, names_digest=contigs.names_digest) for shards in every]


def _read(path: Path) -> tuple[str, int, int, list[Embedded]]:
    try:
        digest, number, of, *parts = read(path, FORMAT)
        return digest, number, of, parts
    except (OtherKeyError, *DAMAGE) as error:
        why = error.strerror if isinstance(error, OSError) else "damaged, or of another version"
        raise InputError(f"{path}: no embedding that `binner embed` wrote ({why})") from error
