"""The command line: it turns what was typed into options, calls one function, and puts errors into one line."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from binner import __version__
from binner.cli._command import Group
from binner.cli.cluster import cluster
from binner.cli.completion import completion
from binner.cli.coverage import coverage
from binner.cli.doctor import doctor
from binner.cli.embed import embed
from binner.cli.evaluate import evaluate
from binner.cli.models import models
from binner.cli.quality import quality
from binner.cli.recluster import recluster
from binner.cli.report import report
from binner.cli.run import run
from binner.cli.train import train
from binner.errors import BinnerError
from binner.runtime import torchrun_rank

INTERRUPTED, TERMINATED = 130, 143  # as shells have it: 128 + SIGINT, + SIGTERM
_AGAIN = "the same command again takes up where this one stopped"
# What the user can mend, not we
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM)


_EXAMPLES = """\b
Examples:
  binner run contigs.fa                   bins from the contigs alone
  binner run contigs.fa -b sample*.bam    and from the depth of reads mapped to them
  binner doctor                           whether binner can work here
"""


@click.group(
    cls=Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog=_EXAMPLES,
)
@click.version_option(__version__, message="binner %(version)s")
def cli() -> None:
    """Metagenomic binning with a species-aware DNA language model."""


cli.add("Binning", run, coverage, embed, cluster, recluster, quality, report)
cli.add("Evaluation and training", evaluate, train)
cli.add("This installation", doctor, models, completion)


def main(args: Sequence[str] | None = None) -> NoReturn:
    """The program: exits with 0, 2 for bad input or usage, 1 for a full disk or memory; a bug keeps its traceback."""
    _open_closed_streams()
    _catch_terminate()
    try:
        code = cli.main(args=args, prog_name="binner", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        _end(error.format_message(), error.exit_code)
    except (BinnerError, click.ClickException) as error:
        _fail(_message(error), error.exit_code)
    except click.Abort as error:
        if isinstance(error.__cause__, EOFError):  # click takes it for the end of what is typed; here it is a bug
            raise error.__cause__ from None
        _fail(f"interrupted; {_AGAIN}", INTERRUPTED)
    except _Terminated:
        _fail(f"terminated; {_AGAIN}", TERMINATED)
    except (MemoryError, ImportError, OSError) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            _fail(f"{error.filename or 'the results'}: {error.strerror}", 1)
        if not _is_want_of_memory(error):
            raise
        _fail(
            f"out of memory ({error or 'no more to be had'}); give the job more, or leave out short contigs with -m", 1
        )
    sys.exit(code or 0)


def _is_want_of_memory(error: MemoryError | ImportError | OSError) -> bool:
    """Also where a library could not be loaded for it, or the system has no more for a process or a map of a file."""
    no_room = isinstance(error, ImportError) and "failed to map segment" in str(error)
    return isinstance(error, MemoryError) or no_room or getattr(error, "errno", None) == errno.ENOMEM


class _Terminated(SystemExit):
    """Leaves through all that cleans up behind itself, when SIGTERM comes from a scheduler or `docker stop`."""


def _catch_terminate() -> None:
    """Not where it is ignored, nor in the processes of torchrun: those may wait for one that was ended first."""

    def terminate(*_: object) -> NoReturn:
        from multiprocessing import active_children

        for child in active_children():  # whoever leaves waits for what they do
            child.terminate()
        raise _Terminated(TERMINATED)

    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and torchrun_rank()[1] == 1:
        signal.signal(signal.SIGTERM, terminate)


def _open_closed_streams() -> None:
    """Have standard error lead nowhere where it was closed, and no file that is opened take the place of a stream."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115


def _message(error: BinnerError | click.ClickException) -> str:
    if not isinstance(error, click.UsageError):
        return str(error)
    command = error.ctx.command_path if error.ctx else "binner"
    return f"{error.format_message().rstrip('.')} (see {command} --help)"


def _fail(message: str, code: int) -> NoReturn:
    """One line on standard error, and out."""
    _end(f"Error: {' '.join(message.split())}", code)


def _end(text: str, code: int) -> NoReturn:
    try:
        click.echo(text, err=True)
    except BrokenPipeError:  # nobody reads it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    sys.exit(code)
