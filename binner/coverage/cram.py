"""CRAM, decoded by pysam to an uncompressed BAM in a pipe, so that a CRAM's depths are those of its BAM.

The decoder is a process of its own: it runs beside the walk over what it has decoded, and its search path for
references is its own too (htslib would fetch missing ones from the network).
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Generator, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from binner import inflate
from binner.coverage import bgzf
from binner.errors import InputError

_DECODE = """
import sys, pysam
try:
    pysam.samtools.view(*sys.argv[1:], catch_stdout=False)
except pysam.SamtoolsError as error:
    sys.exit(str(error))
"""


def contig_names(path: Path) -> tuple[str, ...]:
    """The names of the contigs in a CRAM's header. Raises InputError if it has none that can be read."""
    import pysam

    verbosity = pysam.set_verbosity(0)
    try:
        with pysam.AlignmentFile(str(path), "rc", check_sq=False) as file:
            return tuple(file.references)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: a damaged CRAM, its header cannot be read: copy or make it again") from error
    finally:
        pysam.set_verbosity(verbosity)


def write_reference(fasta: Path, names: Collection[str], folder: Path) -> Path:
    """A plain copy of the contigs called so, one line each, and its index, in `folder`: the reference of CRAMs."""
    copy = folder / "reference.fa"
    wanted = {name.split(None, 1)[0].encode() for name in names if name.strip()}
    with copy.open("wb") as out, copy.with_name(f"{copy.name}.fai").open("wb") as index:
        for header, sequence in _records(inflate.lines(fasta)):
            name = header.split(None, 1)[0] if header.strip() else b""
            if name in wanted:
                out.write(b">%s\n" % name)
                index.write(
                    b"%s\t%d\t%d\t%d\t%d\n" % (name, len(sequence), out.tell(), len(sequence), len(sequence) + 1)
                )
                out.write(sequence + b"\n")
    return copy


def _records(lines: Iterable[bytes]) -> Iterator[tuple[bytes, bytes]]:
    header: bytes | None = None
    parts: list[bytes] = []
    for line in lines:
        if line.startswith(b">"):
            if header is not None:
                yield header, b"".join(parts)
            header, parts = line[1:], []
        else:
            parts.append(line.strip())
    if header is not None:
        yield header, b"".join(parts)


def blocks(path: Path, reference: Path, *, advance: Callable[[int], None]) -> Generator[bytes]:
    """The inflated blocks of the BAM that a CRAM stands for. `advance` is called now and then.

    Raises InputError if it is damaged or if its reads were not mapped to the contigs in `reference`.
    """
    command = [sys.executable, "-c", _DECODE, "-u", "--no-PG", "-T", str(reference), str(path)]
    environment = {**os.environ, "REF_PATH": os.devnull, "REF_CACHE": os.devnull}
    failure = None
    with (
        tempfile.TemporaryFile() as messages,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, env=environment) as decoder,
    ):
        assert decoder.stdout is not None
        try:
            yield from bgzf.blocks(cast(BinaryIO, decoder.stdout), str(path), advance=advance)
        except InputError as error:  # the decoder has stopped too early, and can say why
            failure = error
        except BaseException:
            decoder.kill()
            raise
        decoder.stdout.close()
        if decoder.wait():
            messages.seek(0)
            raise InputError(f"{path}: cannot be decoded: {_reason(messages.read().decode(errors='replace'))}")
        if failure is not None:
            raise failure


def _reason(messages: str) -> str:
    """The first complaint of htslib; a file that has been cut makes none."""
    said = re.search(r"^\[E::\w+\] (.+)", messages, re.MULTILINE)
    if said is None:
        return "it is truncated or damaged: copy or make it again"
    return f"{said[1]} (its reference must be these contigs)"
