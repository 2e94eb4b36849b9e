"""Options that take every value up to the next option, and help in groups."""

from __future__ import annotations

import gettext
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from binner.errors import OptionError
from binner.memory import parse_size


def size(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    """Bytes of a size of memory, as in 4G: the callback of an option."""
    try:
        return None if value is None else parse_size(value)
    except OptionError as error:
        raise click.BadParameter(str(error), ctx, param) from None


class Option(click.Option):
    """An option with a heading in the help; with `several`, it takes every value up to the next option."""

    def __init__(self, *names: Any, heading: str = "Other", several: bool = False, **settings: Any) -> None:
        settings["multiple"] = several
        super().__init__(*names, **settings)
        self.heading = heading
        self.several = several


class Command(click.Command):
    """A command of options of this module's kind, whose CONTIGS may not be taken by one of them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Give each value of an option that takes several an option of its own, which is what click understands."""
        spread, taken = self._spread(args, ctx)
        try:
            return super().parse_args(ctx, spread)
        except click.MissingParameter as error:
            if error.param is None or error.param.name != "contigs":
                raise
            raise click.UsageError(_contigs_missing(taken, ctx.command_path), ctx) from None

    def _spread(self, args: Sequence[str], ctx: click.Context) -> tuple[list[str], list[tuple[str, str]]]:
        names = {name for param in self.params if isinstance(param, Option) and param.several for name in param.opts}
        spread: list[str] = []
        taken: list[tuple[str, str]] = []  # options and their values
        rest = list(args)
        while rest:
            token = rest.pop(0)
            if token == "--":
                return [*spread, token, *rest], taken
            name, values = _split(token, names)
            if name is None:
                spread.append(token)
                continue
            while rest and (rest[0] == "-" or not rest[0].startswith("-")):
                values.append(rest.pop(0))
            if not values:
                raise click.UsageError(f"{name} needs at least one file after it", ctx)
            taken += [(name, value) for value in values]
            spread += [part for value in values for part in (name, value)]
        return spread, taken

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, under the headings that they name."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            if isinstance(param, click.Option) and (text := param.get_help_record(ctx)) is not None:
                headings.setdefault(getattr(param, "heading", "Other"), []).append(text)
        for heading, records in headings.items():
            with formatter.section(gettext.gettext(heading)):
                formatter.write_dl(records)


def _split(token: str, names: set[str]) -> tuple[str | None, list[str]]:
    """The option of `names` that a token is, with a value that stands in the same token: -bX, --bam=X."""
    if token in names:
        return token, []
    long, equals, value = token.partition("=")
    if equals and long.startswith("--") and long in names:
        return long, [value]
    if token[:2] in names and not token.startswith("--"):
        return token[:2], [token[2:]]
    return None, []


def _contigs_missing(taken: Sequence[tuple[str, str]], command: str) -> str:
    """Say that CONTIGS is missing, and where it went if an option took it."""
    for name, value in taken:
        if value == "-" or _is_fasta(Path(value)):
            return f"CONTIGS is missing: {name} took '{value}'; name it first, as in {command} {value} {name} ..."
    return f"CONTIGS is missing: name the FASTA file first, as in {command} contigs.fa"


def _is_fasta(path: Path) -> bool:
    from binner import fasta
    from binner.errors import InputError

    try:
        return next(iter(fasta.records(path)), None) is not None
    except InputError:
        return False
