"""Options that take every value up to the next option, and help and commands in groups."""

from __future__ import annotations

import gettext
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from binner.errors import OptionError
from binner.memory import parse_size

_SENTENCE = 200  # characters of a command's first sentence, at most
_OPEN = "binner.open"  # in a context's meta: the option that would take what is typed next


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

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """What can follow: after an option that takes several values, another of them."""
        if (param := ctx.meta.get(_OPEN)) is not None and not incomplete.startswith("-"):
            return list(param.shell_complete(ctx, incomplete))
        return super().shell_complete(ctx, incomplete)

    def _spread(self, args: Sequence[str], ctx: click.Context) -> tuple[list[str], list[tuple[str, str]]]:
        several = [param for param in self.params if isinstance(param, Option) and param.several]
        names = {name: param for param in several for name in param.opts}
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
            if not rest:
                ctx.meta[_OPEN] = names[name]
            if not values and not ctx.resilient_parsing:
                raise click.UsageError(f"{name} needs at least one {_kind(names[name])} after it", ctx)
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


class Group(click.Group):
    """Commands under the headings that they were added with, in the order in which they were added."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.headings: dict[str, str] = {}  # of each command

    def add(self, heading: str, *commands: click.Command) -> None:
        """Add commands under a heading of the help."""
        for command in commands:
            self.add_command(command)
            self.headings[str(command.name)] = heading

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 as click has it
        """Names in the order of the help."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is asked for; contigs in its place are what `run` takes."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            if not _is_fasta(Path(args[0])):
                raise
            raise click.UsageError(f"'{args[0]}' is no command; to bin contigs: binner run {args[0]}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands, under their headings."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            text = self.commands[name].get_short_help_str(_SENTENCE)
            headings.setdefault(self.headings.get(name, "Commands"), []).append((name, text))
        for heading, records in headings.items():
            with formatter.section(gettext.gettext(heading)):
                formatter.write_dl(records, col_max=20)


def _split(token: str, names: Container[str]) -> tuple[str | None, list[str]]:
    """The option of `names` that a token is, with a value that stands in the same token: -bX, --bam=X."""
    if token in names:
        return token, []
    long, equals, value = token.partition("=")
    if equals and long.startswith("--") and long in names:
        return long, [value]
    if token[:2] in names and not token.startswith("--"):
        return token[:2], [token[2:]]
    return None, []


def _kind(option: click.Option) -> str:
    """What an option takes."""
    if isinstance(option.type, click.Choice):
        return f"of {', '.join(option.type.choices)}"
    return "file" if isinstance(option.type, click.Path) else "value"


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
