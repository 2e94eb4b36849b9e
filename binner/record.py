"""The record of a run: its log, its summary, and `run.json`: what was done to what, with what, and what it took."""

from __future__ import annotations

import json
import logging
import os
import platform
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from binner import __version__
from binner.artifacts import fingerprint
from binner.config import RunConfig
from binner.errors import InputError
from binner.memory import format_size
from binner.whole_files import write_text

logger = logging.getLogger(__name__)

_LIBRARIES = (
    *("dnaio", "faiss-cpu", "fetchmgs", "hdbscan", "igraph", "isal", "numba", "numpy", "pyhmmer", "pyrodigal", "pysam"),
    *("safetensors", "scikit-learn", "scipy", "tokenizers", "torch", "zstandard"),
)
_LOGGED = ("binner", "py.warnings")
RECORD = "run.json"


class InputFile(TypedDict):
    """A file that was read; its fingerprint is that of `artifacts.fingerprint`."""

    path: str
    bytes: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to."""

    out: Path
    bins: int
    near_complete: int | None  # bins above 90 % complete and below 5 % contaminated; None without markers
    contigs: int  # that took part
    bp: int  # of them
    binned_contigs: int
    binned_bp: int
    seconds: float
    peak_memory: int  # bytes
    split: int | None = None  # contigs that were cut at joins; None where none were looked for

    def __str__(self) -> str:
        split = "" if not self.split else f", {self.split:,} contig{'' if self.split == 1 else 's'} split"
        near = "" if self.near_complete is None else f" ({self.near_complete:,} near-complete)"
        return (
            f"{self.bins:,} bin{'' if self.bins == 1 else 's'}{near},"
            f" {self.binned_bp / 1e6:,.1f} Mb of {self.bp / 1e6:,.1f} Mb binned{split}"
            f" in {self.seconds:,.0f} s, {format_size(self.peak_memory)}; results in {self.out}"
        )


class _File(logging.FileHandler):
    """A log that fails in silence: where its disk is full, the results fail too, and say so in one line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 as logging has it
        """Say nothing."""

    def close(self) -> None:
        """Close it; what it still holds may be lost."""
        with suppress(OSError):
            super().close()


@contextmanager
def log_to(path: Path) -> Iterator[None]:
    """Write everything that binner logs, and the exception that ends the block if one does, to the end of a file.

    What cannot be written, as on a full disk, is left out.
    """
    handler = _File(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in _LOGGED]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.addHandler(handler)
        each.setLevel(logging.DEBUG)
    try:
        yield
    except BaseException:
        ended = logger.makeRecord(logger.name, logging.ERROR, __file__, 0, "The run ended early", (), sys.exc_info())
        handler.handle(ended)  # in the file alone: for people, `cli` puts it into words
        raise
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.removeHandler(handler)
            each.setLevel(level)
        handler.close()


def log_start(config: RunConfig, *, command: Sequence[str], device: str, memory: int) -> None:
    """Log what is about to be done, with what."""
    threads = config.machine.threads
    logger.info(
        "binner %s, %d thread%s, %s, up to %s of memory; results go to %s",
        *(__version__, threads, "s" * (threads != 1), device, format_size(memory), config.folder),
    )
    logger.debug("command: %s", shlex.join(command))
    logger.debug("options: %s", config)
    logger.debug("versions: %s", versions())
    logger.debug("host: %s, %s, %s CPUs", platform.node(), platform.platform(), os.cpu_count())


def versions() -> dict[str, str]:
    """Versions of binner, Python and the libraries that results depend on; of those that are installed."""
    found = {"binner": __version__, "python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            logger.debug("%s is not installed", name)
    return found


def describe_input(path: Path) -> InputFile:
    """A file as the record has it. Raises InputError if it cannot be read."""
    return {"path": str(path.absolute()), "bytes": path.stat().st_size, "fingerprint": fingerprint(path)}


def write_record(
    path: Path,
    config: RunConfig,
    *,
    command: Sequence[str],
    device: str,
    inputs: Sequence[InputFile],
    samples: Sequence[str],
    stages: Sequence[Mapping[str, object]],
    quality: Mapping[str, Mapping[str, object]],
    summary: Summary,
) -> None:
    """Write `run.json`. `samples` are those with depths, `quality` what other tools said about the bins, by tool."""
    record = {
        "tool": "binner",
        "versions": versions(),
        "command": shlex.join(command),
        "options": asdict(config),
        "seed": config.seed,
        "inputs": inputs,
        "samples": samples,
        "host": {
            "name": platform.node(),
            "system": platform.platform(),
            "cpus": os.cpu_count(),
            "threads": config.machine.threads,
            "device": device,
        },
        "stages": stages,
        "quality": quality,
        "summary": asdict(summary),
    }
    write_text(path, _json(record))


def contigs_of(path: Path) -> list[Path]:
    """The files of contigs, without links, that a `run.json` is about; none if there is none that can be read."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return [Path(file["path"]).resolve() for file in record["inputs"][: 1 + len(record["options"]["others"])]]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def add_quality(path: Path, quality: Mapping[str, Mapping[str, object]]) -> None:
    """Put what other tools said about the bins into a `run.json`. Raises InputError if it is none."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        record["quality"] = quality
    except (OSError, ValueError, TypeError):
        raise InputError(f"{path}: not as binner writes it; run binner again") from None
    write_text(path, _json(record))


def _json(record: Mapping[str, object]) -> str:
    return json.dumps(record, indent=2, default=str) + "\n"
