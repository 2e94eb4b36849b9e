"""How each binner is run: its default options, with the inputs of a task, threads and a seed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.tasks import Inputs
from binner.candidates import SOURCES

PLACE = "BINNER_BENCH_{}"  # environment variable that names the program of a tool which is not on PATH


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a binner."""

    inputs: Inputs
    out: Path
    threads: int
    seed: int
    fresh: bool = True  # what an earlier run into `out` left is not taken up


@dataclass(frozen=True, slots=True)
class Tool:
    """A binner: what it is called, where it is, how it is run and what comes of it."""

    title: str
    arguments: Callable[[Job], list[str]]  # after the program
    bins: str  # where the bins are in the folder of results, as `read_bins` reads them
    takes: Callable[[int], bool] = lambda samples: True  # noqa: ARG005
    program: str = ""  # binner's own Python without one
    asks_version: str = "--version"
    driver: str = ""  # module that runs the program, whose path is then its first argument
    slow: bool = False  # runs only where it is asked for by name
    resumes: bool = False  # takes up what an earlier run into the same folder left
    after: str = ""  # the tool into whose folder it runs, where results are kept, to take up what does not differ

    def find(self) -> list[str] | None:
        """The start of its command; None if it is not installed."""
        if not self.program:
            return [sys.executable, "-m", "binner"]
        path = self._path()
        if path is None:
            return None
        return [sys.executable, "-m", self.driver, path] if self.driver else [path]

    def version(self) -> str:
        """What tells this version from others; of binner, the code and the models that are there."""
        if not self.program:
            return _own_version()
        asked = subprocess.run([self._path() or "", self.asks_version], capture_output=True, text=True, check=False)
        found = re.search(r"\d[\w.:]*", asked.stdout + asked.stderr)
        return found[0] if found else "?"

    def _path(self) -> str | None:
        return shutil.which(os.environ.get(PLACE.format(self.program.upper()), self.program))


def stage_record(out: Path) -> Path:
    """Where binner, and what drives SemiBin2, record what their stages took."""
    return out / "run.json"


def _own_version() -> str:
    import binner
    from binner.artifacts import code_version, fingerprint, key

    package = Path(binner.__file__).parent
    files = [fingerprint(package / name) for name in ("models", "markers/data")]
    return f"{binner.__version__}+{key(code_version('cli'), *files)[:8]}"


def _binner(job: Job, *, more: Sequence[str] = ()) -> list[str]:
    depth = ["--depth", str(job.inputs.depth)] if job.inputs.depth else []
    options = ["-o", str(job.out), "-t", str(job.threads), "--seed", str(job.seed), *(["--force"] if job.fresh else [])]
    return ["run", str(job.inputs.contigs), *depth, *options, *more]


def _metabat2(job: Job) -> list[str]:
    depth = ["-a", str(job.inputs.depth)] if job.inputs.depth else []
    files = ["-i", str(job.inputs.contigs), *depth, "-o", str(job.out / "bin")]
    return [*files, "-t", str(job.threads), "--seed", str(job.seed)]


def _semibin2(job: Job) -> list[str]:
    """With its pretrained model: the only one that takes a depth table, and no more than one sample of it.

    `fast-naive` is its own gene finder, the only one that needs nothing more to be installed.
    """
    files = ["-i", str(job.inputs.contigs), "--depth-metabat2", str(job.inputs.depth), "-o", str(job.out)]
    model = ["--environment", "global", "--orf-finder", "fast-naive"]
    return ["single_easy_bin", *files, *model, "-t", str(job.threads), "--random-seed", str(job.seed)]


def _trained_semibin2(job: Job, *, more: Sequence[str] = ()) -> list[str]:
    files = [str(job.inputs.contigs), str(job.inputs.depth), str(job.out)]
    return [*files, "--threads", str(job.threads), "--seed", str(job.seed), *more]


def _vamb(job: Job) -> list[str]:
    """Without splitting bins by sample, for the contigs are of one assembly."""
    files = ["--outdir", str(job.out), "--fasta", str(job.inputs.contigs)]
    depths = ["--abundance_tsv", str(job.inputs.abundance)]
    return ["bin", "default", *files, *depths, "-o", "", "-p", str(job.threads), "--seed", str(job.seed)]


_TRAINED = partial(
    Tool,
    bins="output_bins",
    takes=lambda samples: 1 <= samples <= 4,  # the module says why
    program="SemiBin2",
    driver="benchmarks.semibin",
    slow=True,
    resumes=True,
)


def _own(more: str = "", *, slow: bool = False) -> Tool:
    """Binner with default options and those in `more`; a slow one comes after binner itself."""
    title, arguments = f"binner {more}".rstrip(), partial(_binner, more=more.split())
    return Tool(title, arguments, "contig2bin.tsv", slow=slow, resumes=True, after="binner" if slow else "")


_SWITCHES = ("--no-homologs", "--refine", "--recruit", *(f"--also {source}" for source in SOURCES))  # a part each

TOOLS = {
    "binner": _own(),
    "binner-no-markers": _own("--no-markers"),
    **{f"binner-{switch.strip('-').replace(' ', '-')}": _own(switch, slow=True) for switch in _SWITCHES},
    "metabat2": Tool("MetaBAT2", _metabat2, ".", program="metabat2", asks_version="--help"),
    "semibin2": Tool("SemiBin2", _semibin2, "output_bins", lambda samples: samples == 1, program="SemiBin2"),
    "semibin2-self": _TRAINED("SemiBin2, trained", _trained_semibin2),
    "semibin2-self-long": _TRAINED("SemiBin2, trained, long reads", partial(_trained_semibin2, more=["--long"])),
    "vamb": Tool("VAMB", _vamb, "vae_clusters_unsplit.tsv", lambda samples: samples > 0, program="vamb"),
}
