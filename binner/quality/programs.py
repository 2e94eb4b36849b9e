"""CheckM and CheckM2, run as programs of their own: what they need is checked before, what they write is read after.

CheckM passes file names to a shell unquoted, so it is run inside a folder of its own with relative names.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from binner.config import QualityConfig, QualityTool
from binner.errors import InputError, OptionError, ProgramError
from binner.memory import format_size

logger = logging.getLogger(__name__)

DATA = "CHECKM_DATA_PATH"
_TREE_BYTES, _REDUCED_BYTES = 42 * 10**9, 16 * 10**9  # what pplacer takes with CheckM's tree, and with the reduced one
_DATA_FILES = ("hmms/phylo.hmm", "hmms/checkm.hmm", "genome_tree")  # of CheckM's data root, without which nothing works
_MODELS, _SETS = "HMMER3", ("# [Taxon Marker File]", "# [Lineage Marker File]")  # first lines of marker files
_GET_DATA = (
    f"unpack its data (https://data.ace.uq.edu.au/public/CheckM_databases) and set {DATA} to that folder, give models"
    " of your own with --checkm-markers, or name the table of a run elsewhere in its place"
)
_STAMP = re.compile(r"^\[[\d :-]+\] (?:ERROR: )?")  # of CheckM's messages
BINS, OUT, TABLE = "bins", "out", "table.tsv"  # in the folder that a program is run in


@dataclass(frozen=True, slots=True)
class Program:
    """A tool that can be run: where it is, and with what."""

    tool: QualityTool
    path: Path
    data: Path | None = None  # CheckM's data root
    markers: Path | None = None  # for CheckM

    def version(self) -> str:
        """What it calls itself, or "unknown"."""
        flag = "--version" if self.tool == "checkm2" else "-h"
        done = subprocess.run(
            [self.path, flag], env=self._environment(None), stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        found = re.search(r"\d+\.\d+(\.\d+)?", done.stdout + done.stderr)
        return found[0] if found else "unknown"

    def judge(self, bins: Sequence[Path], scratch: Path, *, threads: int, memory: int) -> str:
        """The table that it writes on these FASTA files (.fa), as text; `scratch` is a new folder to work in.

        `memory` (bytes) decides which tree CheckM places bins in. Raises ProgramError if the program fails.
        """
        (scratch / BINS).mkdir(parents=True)
        for file in bins:
            (scratch / BINS / file.name).symlink_to(file.absolute())
        environment = self._environment(scratch)
        for line in self._lines(scratch, threads=threads, memory=memory):
            _run([str(self.path), *line], scratch, environment)
        table = scratch / (f"{OUT}/quality_report.tsv" if self.tool == "checkm2" else TABLE)
        if not table.is_file():
            raise ProgramError(f"{self.tool} ended without its table; binner.log has what it said")
        return table.read_text(encoding="utf-8", errors="replace")

    def _lines(self, scratch: Path, *, threads: int, memory: int) -> list[list[str]]:
        """Arguments of the commands, one after the other."""
        some = ["-t", str(threads)]
        if self.tool == "checkm2":
            return [["predict", "--threads", str(threads), "-x", "fa", "--input", BINS, "--output-directory", OUT]]
        markers = f"{OUT}/lineage.ms"
        if self.markers is None:
            first = ["lineage_wf", "-x", "fa", *some, "--pplacer_threads", "1", *_tree(memory), BINS, OUT]
        else:
            markers = "markers"
            (scratch / markers).symlink_to(self.markers.absolute())
            first = ["analyze", "-x", "fa", *some, markers, BINS, OUT]
        return [first, ["qa", *some, "-o", "2", "--tab_table", "-f", TABLE, markers, OUT]]

    def _environment(self, scratch: Path | None) -> Mapping[str, str]:
        """With programs beside this one on the path, and CheckM's data named: without it CheckM asks, and waits."""
        environment = {**os.environ, "PATH": _search_path(self.path.parent)}
        if self.tool == "checkm":
            environment[DATA] = str(self.data or _no_data(scratch))
        return environment


def find(config: QualityConfig) -> Program:
    """The program of a config that names no table, with all that it needs.

    Raises OptionError if the program, one that it calls, or CheckM's data is not there, and InputError for a file of
    markers that is none.
    """
    tool: QualityTool = "checkm2" if config.by == "checkm2" else "checkm"
    path = _which(tool)
    if path is None:
        raise OptionError(f"{tool} is not on the PATH; install it, or name the table of a run elsewhere in its place")
    if tool == "checkm2":
        return Program(tool, path)
    needed = ["prodigal", "hmmsearch", *(["pplacer"] if config.markers is None else [])]
    missing = [name for name in needed if shutil.which(name, path=_search_path(path.parent)) is None]
    if missing:
        raise OptionError(
            f"CheckM calls {' and '.join(missing)}, not on the PATH; install them (bioconda's"
            " checkm-genome brings all), or name the table of a run elsewhere in its place"
        )
    data = _data_root(path)
    models = config.markers is not None and _are_models(config.markers)
    if data is None and not models:
        raise OptionError(f"CheckM has no data: {_GET_DATA}")
    absent = [name for name in _DATA_FILES if data is not None and not (data / name).exists()]
    if absent and not models:
        raise OptionError(f"{data}: no data of CheckM, {absent[0]} is not in it: {_GET_DATA}")
    return Program(tool, path, None if absent else data, config.markers)


def _tree(memory: int) -> list[str]:
    """The option for CheckM's smaller tree where the larger one does not fit."""
    if memory >= _TREE_BYTES:
        return []
    if memory < _REDUCED_BYTES:
        logger.warning(
            "CheckM takes about %s even with its reduced tree, and %s may be used",
            *(format_size(_REDUCED_BYTES), format_size(memory)),
        )
    logger.info("CheckM: reduced tree, as its whole one takes about %s", format_size(_TREE_BYTES))
    return ["--reduced_tree"]


def _are_models(markers: Path) -> bool:
    """Whether a marker file holds models, which need no data of CheckM; else it is a marker set of CheckM's."""
    with markers.open("rb") as file:
        first = file.readline(200).decode(errors="replace")
    if first.startswith(_MODELS):
        return True
    if first.startswith(_SETS):
        return False
    raise InputError(f"{markers}: neither models of HMMER 3 (plain text) nor a marker set of CheckM")


def _search_path(folder: Path) -> str:
    """PATH, and after it the folder of this Python's programs and that of a tool."""
    return os.pathsep.join([os.environ.get("PATH", os.defpath), str(folder), str(Path(sys.executable).parent)])


def _which(program: str) -> Path | None:
    """A program on the PATH, or beside this Python as pip installs it."""
    found = shutil.which(program, path=_search_path(Path(sys.executable).parent))
    return Path(found).absolute() if found else None


def _data_root(checkm: Path) -> Path | None:
    """CheckM's data: what the environment says, or `checkm data setRoot` said to this installation."""
    if os.environ.get(DATA):
        return Path(os.environ[DATA]).absolute()
    for config in checkm.resolve().parent.parent.glob("lib/python*/site-packages/checkm/DATA_CONFIG"):
        with suppress(OSError, ValueError, KeyError):
            root = json.loads(config.read_text())["dataRoot"]
            return Path(root) if root else None
    return None


def _no_data(scratch: Path | None) -> Path:
    """What CheckM takes for its data where models are given: an empty list of families."""
    if scratch is None:
        return Path(os.devnull)
    families = scratch / "data" / "pfam" / "Pfam-A.hmm.dat"
    families.parent.mkdir(parents=True, exist_ok=True)
    families.touch()
    return scratch.absolute() / "data"


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
    """Run a command in a folder, all that it says into the log. Raises ProgramError with its last words if it fails."""
    logger.debug("running %s", shlex.join(command))
    last = "it said nothing"
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # so that its own processes can be ended with it
    ) as process:
        try:
            for line in process.stdout or ():
                if text := line.rstrip().rpartition("\r")[2].strip():
                    logger.debug("%s: %s", Path(command[0]).name, text)
                    last = text
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
    if process.returncode:
        how = f"code {process.returncode}" if process.returncode > 0 else f"signal {-process.returncode}"
        raise ProgramError(
            f"{Path(command[0]).name} {command[1]} failed ({how}): {_STAMP.sub('', last)}; binner.log has all it said"
        )
