"""What a run reads: files that are there, contigs that can be read twice, and the depths they come with."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from binner import fasta, inflate
from binner.config import STDIN, CoverageConfig, EncoderConfig, encoder_parts
from binner.data import Contigs, Coverage, Progress, Windows
from binner.errors import OptionError
from binner.memory import check_address_space, format_size
from binner.runtime import can_write, check_devices
from binner.whole_files import unfinished_of

logger = logging.getLogger(__name__)

HEADER_SAMPLE = "assembly"  # what the sample is called whose depth stands in the headers
# Roughly the peak of a run: those measured on the development sets are 4 to 41 % above it.
BASE_BYTES = 550 * 10**6  # Python, the libraries and the profiles of the marker genes
BYTES_PER_BP = 1.15
BYTES_PER_CONTIG = 15_000  # most of it neighbours
BYTES_PER_SAMPLE = 60  # of a contig: its depth as points in three metrics, and as a Gaussian
MOST_BP_PER_BYTE = 5  # of a compressed file


def check_files(files: Sequence[Path], *, folders: Sequence[Path] = ()) -> None:
    """Raise InputError for the first file that cannot be read, OptionError if one is named twice: before any work.

    What is in `folders` too may be a folder. Links to a file are names of it.
    """
    known: dict[object, Path] = {}
    for file in files:
        itself = _identity(file)
        if itself in known:
            links = "" if file == known[itself] else f", it is {known[itself]}"
            raise OptionError(f"{file}: named twice{links}; name it once")
        known[itself] = file
        if file == STDIN:
            if sys.stdin is None or sys.stdin.isatty():
                raise OptionError("-: nothing is piped to standard input; name a file, or pipe one in")
            continue
        if file in folders and inflate.is_folder(file):
            continue
        inflate.open_file(file).close()


def _identity(file: Path) -> object:
    """What two names of the same file have in common; what cannot be looked at is known by its name."""
    try:
        found = file.stat()
    except OSError:
        return file
    return found.st_dev, found.st_ino


def check_target(file: Path, *, sources: Sequence[Path] = (), option: str = "-o") -> None:
    """Raise OptionError for a file that cannot be written, or that is one of those that are read: before any work.

    What is there and is no file, as a device or a pipe, can be written too.
    """
    if why := _why_not_written(file):
        raise OptionError(f"{option} {file}: {why}; name a file that can be written")
    if file.is_file() and any(os.path.exists(source) and file.samefile(source) for source in sources):  # noqa: PTH110
        raise OptionError(f"{option} {file}: one of the inputs; choose another file")


def _why_not_written(file: Path) -> str:
    """Why `whole_files.whole` could not write a file; empty if it can."""
    try:
        target = file.resolve()
        unfinished_of(target).exists()
        if file.is_dir():
            return "a folder"
        if file.exists() and not file.is_file():
            return "" if os.access(file, os.W_OK) else "may not be written"
    except RuntimeError:
        return "a link that leads to itself"
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        return (error.strerror or "cannot be written").lower()
    if not target.parent.is_dir():
        return "there is no such folder"
    return "" if can_write(target.parent) else "its folder may not be written"


def check_encoder(encoder: str, config: EncoderConfig, *, device: str) -> None:
    """Raise InputError for encoders that cannot be loaded, DeviceError for GPUs that are not there: before any work.

    `device` is "cpu" or "cuda:N".
    """
    from binner import encoders

    if config.devices > 1 and device != "cpu":
        check_devices(config.devices)
    for part in encoder_parts(encoder):
        encoders.load(part, config)


@contextmanager
def readable(contigs: Path, folder: Path) -> Iterator[Path]:
    """The contigs as a file that can be read more than once: standard input goes into `folder` for a while."""
    if contigs != STDIN:
        yield contigs
        return
    kept = fasta.spool(sys.stdin.buffer, folder / "stdin.fa")
    try:
        yield kept
    finally:
        kept.unlink(missing_ok=True)


def read_contigs(source: Path, *, min_length: int, memory: int, threads: int = 1, samples: int = 0) -> Contigs:
    """Contigs of `min_length` bp and more, whose depth will be known in `samples`, or more.

    Raises InputError for what is no FASTA, and OptionError if they and what is made of them need more than `memory`
    (bytes), or with so many threads more than the address space: before they are in memory where the file is so large
    that they may.
    """
    granted = (memory, threads)
    if MOST_BP_PER_BYTE * source.stat().st_size > memory:
        lengths = [len(text) for _, text in fasta.records(source) if len(text) >= min_length]
        _check_memory(source, contigs=len(lengths), bp=sum(lengths), samples=samples, granted=granted)
    contigs = fasta.read(source, min_length=min_length)
    _check_memory(source, contigs=len(contigs), bp=len(contigs.codes), samples=samples, granted=granted)
    return contigs


def _check_memory(source: Path, *, contigs: int, bp: int, samples: int, granted: tuple[int, int]) -> None:
    """Raise OptionError if that is too much for the memory (bytes) and threads that are granted."""
    memory, threads = granted
    needed = int(BASE_BYTES + BYTES_PER_BP * bp + (BYTES_PER_CONTIG + BYTES_PER_SAMPLE * samples) * contigs)
    if needed > memory:
        fewer = " or fewer samples" if samples * BYTES_PER_SAMPLE > BYTES_PER_CONTIG else ""
        raise OptionError(
            f"{source}: {contigs:,} contigs with {bp / 1e6:,.1f} Mb{f' in {samples:,} samples' * (samples > 1)} need"
            f" about {format_size(needed)} of memory, and {format_size(memory)} may be used: raise --max-memory, or"
            f" drop short contigs with -m{fewer}"
        )
    check_address_space(threads, more=needed - BASE_BYTES, what=str(source))


def measure(
    contigs: Contigs,
    config: CoverageConfig,
    *,
    source: Path,
    threads: int,
    memory: int,
    scratch: Path,
    progress: Progress,
    windows: Windows | None = None,
) -> Coverage:
    """Depths of the contigs from all the files of `config` (at least one); `source` is the contigs' FASTA file,
    `windows` are pieces of them whose depth in alignments is wanted too.

    `memory` (bytes) and the folder `scratch` may be used up. Raises InputError.
    """
    from binner import coverage

    found = coverage.read(
        contigs,
        bams=config.bams,
        depth=config.depth,
        abundance=config.abundance,
        identity=config.identity,
        reference=source,
        threads=threads,
        memory=memory,
        scratch=scratch,
        windows=windows,
        progress=progress,
    )
    if found is None:
        raise ValueError("no file to read depths from")
    return found


def check_samples(contigs: Contigs, coverage: Coverage | None, *, source: Path, memory: int, threads: int = 1) -> None:
    """Raise OptionError if contigs with so many samples, which tables tell when they are read, need too much memory."""
    samples = len(coverage.samples) if coverage is not None else 0
    _check_memory(source, contigs=len(contigs), bp=len(contigs.codes), samples=samples, granted=(memory, threads))


def header_coverage(contigs: Contigs, *, assemblies: int = 1) -> Coverage | None:
    """The depth that the assembler wrote into the headers of the contigs, as the only sample; logged, used or not.

    None without such a depth, and where the depths of contigs cannot be compared: some have none, or another
    assembler's, or they are of several assemblies, each with a sample of its own. Depths that are all the same say
    nothing and are not used either.
    """
    depth = contigs.header_depth
    if depth is None:
        return None
    without = int(np.isnan(depth).sum())
    why = ""
    if assemblies > 1:
        why = "each assembly has them of its own sample"
    elif len(contigs.header_formats) > 1:
        why = f"they are in the formats of {' and '.join(contigs.header_formats)}"
    elif without:
        why = f"{without:,} of {len(contigs):,} contigs have none"
    elif np.ptp(depth) == 0:
        why = "all are the same"
    if why:
        logger.info("Depths in the headers of the contigs are not used: %s", why)
        return None
    logger.info(
        "No depths were given: those in the headers of the contigs, as %s writes them, are those of sample '%s'"
        " (--no-header-depth to bin without)",
        *(contigs.header_formats[0], HEADER_SAMPLE),
    )
    return Coverage((HEADER_SAMPLE,), depth[:, None], np.zeros((len(depth), 1), np.float32), contigs.names_digest)
