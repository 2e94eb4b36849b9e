"""BAM and CRAM files, several at once."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Semaphore

from binner import inflate
from binner.coverage import bam, bgzf, cram, depth
from binner.data import Contigs, Progress, Windows
from binner.errors import InputError

_GZIP, _CRAM = b"\x1f\x8b", b"CRAM"
_SAM = (b"@HD\t", b"@SQ\t", b"@RG\t", b"@PG\t", b"@CO\t")


@dataclass(frozen=True, slots=True)
class Settings:
    """How alignments are read."""

    identity: float | None  # %, the least of reads that count; None: as the reads are
    reference: Path | None  # FASTA of the contigs, for CRAM
    threads: int
    memory: int  # bytes, for the depths along the contigs of files that are not sorted
    scratch: Path | None  # folder for the copy of the reference; None: the system's
    windows: Windows | None = None  # of the contigs, whose depths are wanted too


def measure(paths: Sequence[Path], contigs: Contigs, settings: Settings, *, progress: Progress) -> list[depth.Depths]:
    """Depth of the contigs in each file.

    Raises InputError if one cannot be used: the others are then left where they are.
    """
    kinds = [_kind(path) for path in paths]
    meter = _Meter(sum(path.stat().st_size for path in paths), progress)
    room = Semaphore(max(1, settings.memory // max(1, depth.SLOT_BYTES * depth.slots_for(contigs.lengths))))
    crams = [path for path, kind in zip(paths, kinds, strict=True) if kind == _CRAM]
    with _reference(crams, settings) as copy, ThreadPoolExecutor(min(settings.threads, len(paths))) as pool:
        jobs = [
            pool.submit(
                bam.measure,
                _opener(path, meter, copy=copy if kind == _CRAM else None),
                contigs,
                source=str(path),
                identity=settings.identity,
                room=room,
                windows=settings.windows,
            )
            for path, kind in zip(paths, kinds, strict=True)
        ]
        try:
            for job in as_completed(jobs):
                job.result()
        except BaseException:
            meter.stop()
            raise
        return [job.result() for job in jobs]


def _opener(path: Path, meter: _Meter, *, copy: Path | None) -> Callable[[], Generator[bytes]]:
    """What starts to read a BAM (or a CRAM, with a copy of its contigs), and tells the meter how far it is."""
    size = path.stat().st_size
    told = 0  # to the meter: a file that is read twice counts once

    def blocks() -> Generator[bytes]:
        done = 0

        def advance(count: int) -> None:
            nonlocal done, told
            done += count
            meter.advance(max(0, done - told))
            told = max(done, told)

        if copy is None:
            with inflate.open_file(path) as file:
                yield from bgzf.blocks(file, str(path), advance=advance)
        else:
            with closing(cram.blocks(path, copy, advance=lambda _: meter.advance(0))) as decoded:
                yield from decoded
            advance(size)

    return blocks


def _kind(path: Path) -> bytes:
    """The first bytes of the file: those of BGZF or of CRAM. Raises InputError for anything else."""
    with inflate.open_file(path) as file:
        start = file.read(len(_CRAM))
    if start.startswith(_GZIP):
        return _GZIP
    if start == _CRAM:
        return _CRAM
    if not start:
        raise InputError(f"{path}: an empty file")
    if start.startswith(_SAM):
        raise InputError(f"{path}: SAM text: make a BAM of it with `samtools view -b`")
    raise InputError(
        f"{path}: neither BAM nor CRAM (it starts with {start!r}): give alignments of reads to the contigs"
    )


@contextmanager
def _reference(crams: Sequence[Path], settings: Settings) -> Iterator[Path | None]:
    """A copy of the contigs that CRAMs were mapped to, while it is needed."""
    if not crams:
        yield None
        return
    if settings.reference is None:
        raise InputError(f"{crams[0]}: CRAM is read with the FASTA of its contigs: give them as a file")
    names = {name for path in crams for name in cram.contig_names(path)}
    with tempfile.TemporaryDirectory(prefix="binner-", dir=settings.scratch) as folder:
        yield cram.write_reference(settings.reference, names, Path(folder))


class _Stopped(Exception):  # noqa: N818
    """Ends the files that are being read when another one has failed."""


class _Meter:
    """Adds up what several threads have read, and stops them."""

    def __init__(self, total: int, progress: Progress) -> None:
        self._total = total
        self._done = 0
        self._progress = progress
        self._stopped = False
        self._lock = Lock()

    def advance(self, count: int) -> None:
        if self._stopped:
            raise _Stopped
        with self._lock:
            self._done += count
            self._progress(self._done, self._total)

    def stop(self) -> None:
        self._stopped = True
