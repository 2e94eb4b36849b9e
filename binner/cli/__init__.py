"""The command line: it turns what was typed into options, calls one function, and puts errors into one line."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
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

INTERRUPTED = 130  # as shells have it: 128 + SIGINT
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)  # what the user can mend, not we


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
    try:
        code = cli.main(args=args, prog_name="binner", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        _end(error.format_message(), error.exit_code)
    except (BinnerError, click.ClickException) as error:
        _fail(_message(error), error.exit_code)
    except click.Abort as error:
        if isinstance(error.__cause__, EOFError):  # click takes it for the end of what is typed; here it is a bug
            raise error.__cause__ from None
        _fail("interrupted; the same command again takes up where this one stopped", INTERRUPTED)
    except MemoryError as error:
        _fail(
            f"out of memory ({error or 'no more to be had'}); give the job more, or leave out short contigs with -m", 1
        )
    except OSError as error:
        if error.errno not in _FULL:
            raise
        _fail(f"{error.filename or 'the results'}: {error.strerror}", 1)
    sys.exit(code or 0)


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
