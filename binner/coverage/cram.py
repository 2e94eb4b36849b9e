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
from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import BinaryIO, cast

from binner import fasta
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


def write_reference(contigs: Path, names: Collection[str], folder: Path) -> Path:
    """A plain copy of the records called so, one line each, and its index, in `folder`: the reference of CRAMs.

    Raises InputError if `contigs` is no FASTA.
    """
    copy = folder / "reference.fa"
    wanted = {name.split(None, 1)[0] for name in names if name.strip()}
    with copy.open("wb") as out, copy.with_name(f"{copy.name}.fai").open("w", encoding="utf-8") as index:
        for name, sequence in fasta.records(contigs):
            if name in wanted:
                out.write(f">{name}\n".encode())
                index.write(f"{name}\t{len(sequence)}\t{out.tell()}\t{len(sequence)}\t{len(sequence) + 1}\n")
                out.write(sequence + b"\n")
    return copy


def blocks(path: Path, reference: Path, *, advance: Callable[[int], None]) -> Generator[bytes]:
    """The inflated blocks of the BAM that a CRAM stands for. `advance` is called now and then.

    Raises InputError if it is damaged or if its reads were not mapped to the contigs in `reference`.
    """
    command = [sys.executable, "-P", "-c", _DECODE, "-u", "--no-PG", "-T", str(reference), str(path)]
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
    """The first complaint of htslib, or the last thing that was said; a file that has been cut makes no complaint."""
    said = re.search(r"^\[E::\w+\] (.+)", messages, re.MULTILINE)
    if said is not None:
        return f"{said[1]} (its reference must be these contigs)"
    last = messages.strip().rpartition("\n")[2]
    return f"it is truncated or damaged: copy or make it again{last and f' ({last})'}"
