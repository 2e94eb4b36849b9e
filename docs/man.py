"""Manual pages of binner and all its commands, from the help of click: python docs/man.py FOLDER.

click-man writes the page; the examples are added here. SOURCE_DATE_EPOCH sets the date, as of other builds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click
from click_man.core import generate_man_page

from binner import __version__
from binner.cli import cli

SENTENCE = 200  # characters of a command's first sentence, at most: click-man would break it off


def pages(
    command: click.Command, parent: click.Context | None = None, name: str = "binner"
) -> Iterator[tuple[str, str]]:
    """Name and text of the page of a command, and of each below it."""
    ctx = click.Context(command, info_name=name, parent=parent)
    for each in (command, *getattr(command, "commands", {}).values()):
        each.short_help = each.get_short_help_str(SENTENCE)
    text: str = generate_man_page(ctx, version=__version__)
    yield f"{ctx.command_path.replace(' ', '-')}.1", text + examples(command)
    if isinstance(command, click.Group):
        for below, each in command.commands.items():
            yield from pages(each, ctx, below)


def examples(command: click.Command) -> str:
    r"""The section of a command's examples, as they stand.

    >>> print(examples(click.Command("x", epilog="\b\nExamples:\n  x 'a' --b\n")), end="")
    .SH EXAMPLES
    .nf
      x \(aqa\(aq \-\-b
    .fi
    """
    lines = (command.epilog or "").removeprefix("\b\nExamples:\n").splitlines()
    signs = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "~": r"\(ti"}
    plain = ["".join(signs.get(sign, sign) for sign in line) for line in lines]
    return "\n".join([".SH EXAMPLES", ".nf", *plain, ".fi", ""])


def main(folder: Path) -> None:
    """Write every page."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(cli):
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
