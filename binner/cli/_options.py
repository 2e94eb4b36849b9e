"""Options that commands share, and what each does before its own work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from click.shell_completion import CompletionItem

from binner.cli._command import Option, size
from binner.config import CoverageConfig, EncoderConfig, EncoderName, MachineConfig, Strands, encoder_parts
from binner.errors import OptionError

if TYPE_CHECKING:
    from binner.stages import Watch

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

FILE = click.Path(path_type=Path)
# Headings of the help
INPUT, COVERAGE, METHOD, RESULTS, MACHINE, OTHER = "Input", "Coverage", "Method", "Results", "Machine", "Other"


def option(*names: str, heading: str, **settings: Any) -> Decorator:
    """An option under a heading of the help."""
    return click.option(*names, cls=Option, heading=heading, **settings)


def together(*options: Decorator) -> Decorator:
    """Several options as one decorator, in the order of the help."""
    return lambda function: reduce(lambda done, each: each(done), reversed(options), function)


def embedding_files(text: str, *, required: bool) -> Decorator:
    """--embedding, with its help."""
    return option(
        "--embedding", heading=METHOD, several=True, type=FILE, required=required, metavar="FILE ...", help=text
    )


def min_length(default: int) -> Decorator:
    """-m."""
    return option(
        *("-m", "--min-len", "min_length"),
        heading=METHOD,
        type=int,
        default=default,
        show_default=True,
        metavar="BP",
        help="Contigs of this length and more take part.",
    )


table_options = together(
    option(
        "--depth",
        heading=COVERAGE,
        several=True,
        type=FILE,
        metavar="TABLE ...",
        help="Depths as jgi_summarize_bam_contig_depths or CoverM write them.",
    ),
    option(
        "--abundance",
        heading=COVERAGE,
        several=True,
        type=FILE,
        metavar="TSV ...",
        help="Abundances as strobealign --aemb writes them, a file for each sample.",
    ),
)

coverage_options = together(
    option(
        *("-b", "--bam", "bams"),
        heading=COVERAGE,
        several=True,
        type=FILE,
        metavar="BAM|CRAM ...",
        help="Reads mapped to the contigs, a sample each, in any order. Takes all values up to the next option.",
    ),
    table_options,
    option(
        "--identity",
        heading=COVERAGE,
        type=float,
        metavar="PERCENT",
        help="Reads that agree less with the contig do not count.  [default: 97 for short reads, lower for long]",
    ),
)

header_depth = option(
    "--header-depth/--no-header-depth",
    heading=COVERAGE,
    default=True,
    show_default=True,
    help="With no file above, the depth that the assembler wrote into the headers of the contigs is a sample.",
)

ENCODER = "whitening"  # unless another is asked for


def complete_encoder(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001
    """Names of the encoders that ship, else folders."""
    names = [CompletionItem(name) for name in get_args(EncoderName) if name.startswith(incomplete)]
    return names or [CompletionItem(incomplete, type="dir")]


strands = option(
    "--strands",
    heading=METHOD,
    type=click.Choice(get_args(Strands)),
    default="both",
    show_default=True,
    help="Strands that a language model reads; forward takes half the time.",
)

encoder_settings = together(
    option(
        "--window",
        heading=METHOD,
        type=int,
        metavar="BP",
        help="Contigs are read in pieces of about this length.  [default: what the encoder was made for]",
    ),
    strands,
    option(
        "--max-windows",
        heading=METHOD,
        type=int,
        metavar="N",
        help="Read at most N pieces of a contig, evenly spread: for language models on a CPU.  [default: all]",
    ),
    option(
        "--devices",
        heading=MACHINE,
        type=int,
        default=1,
        show_default=True,
        metavar="N",
        help="GPUs that embed, a process each; without a GPU, processes that share the threads.",
    ),
)

encoder_options = together(
    option(
        "--encoder",
        heading=METHOD,
        default=ENCODER,
        show_default=True,
        metavar="NAME|FOLDER|HUB",
        shell_complete=complete_encoder,
        help="What embeds the contigs: one that comes with binner, a folder with one that was trained (DNABERT-S in its"
        " published files, say), or the name of a model on huggingface.co; several with + between go side by side.",
    ),
    encoder_settings,
)

seed = option(
    "--seed",
    heading=METHOD,
    type=int,
    default=1,
    show_default=True,
    metavar="N",
    help="The same seed, machine and threads give the same result.",
)

threads = option(
    *("-t", "--threads"),
    heading=MACHINE,
    type=int,
    metavar="N",
    help="Threads of everything.  [default: what the scheduler or the machine grants]",
)

memory = option(
    "--max-memory",
    heading=MACHINE,
    callback=size,
    metavar="SIZE",
    help="Memory to get along with, as in 4G or 500M.  [default: what the scheduler or the machine grants]",
)

device = option(
    "--device",
    heading=MACHINE,
    default="auto",
    show_default=True,
    metavar="auto|cpu|cuda[:N]",
    help="auto takes a GPU if there is one.",
)

talk = together(
    option("-v", "--verbose", heading=OTHER, is_flag=True, help="Say more."),
    option("-q", "--quiet", heading=OTHER, is_flag=True, help="Say nothing but warnings and errors."),
)


def coverage_config(given: dict[str, Any]) -> CoverageConfig:
    """What was said after `coverage_options` or `table_options` alone, and after `header_depth`."""
    files = given.get("bams", ()), given["depth"], given["abundance"]
    return CoverageConfig(*files, given.get("identity"), given.get("header_depth", True))


def encoder_config(given: dict[str, Any]) -> EncoderConfig:
    """What was said after `encoder_settings`."""
    return EncoderConfig(given["window"], given["strands"], given["max_windows"], given["devices"])


def machine_config(given: dict[str, Any]) -> MachineConfig:
    """The options about the machine, with what it grants where nothing was said."""
    from binner.runtime import granted_threads

    threads = granted_threads() if given["threads"] is None else given["threads"]
    return MachineConfig(threads, given.get("device", "cpu"), given.get("max_memory"))


def loads_torch(encoder: str) -> bool:
    """Whether one of the encoders needs it."""
    return set(encoder_parts(encoder)) != {ENCODER}


@contextmanager
def at_work(machine: MachineConfig, *, verbose: bool, quiet: bool, torch: bool = False) -> Iterator[Watch]:
    """Hold every library to the threads, before any is loaded, and show what goes on; `torch` may be among them."""
    from binner import runtime
    from binner.memory import ADDRESSES_OF_TORCH, check_address_space

    if verbose and quiet:
        raise OptionError("-v and -q contradict each other; give one of them")
    more, what = (ADDRESSES_OF_TORCH, "PyTorch") if torch else (0, "")
    check_address_space(machine.threads, more=more, what=what)
    runtime.limit_threads(machine.threads)
    runtime.keep_compiled_code()
    runtime.keep_settings()
    from binner.cli._console import console

    with console(verbose=verbose, quiet=quiet) as watch:
        yield watch
