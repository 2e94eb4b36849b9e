"""`binner completion`."""

from __future__ import annotations

import click

from binner.cli._command import Command
from binner.errors import OptionError

PROGRAM, VARIABLE = "binner", "_BINNER_COMPLETE"  # the variable by which a shell asks: click makes it of the name
SHELLS = ("bash", "zsh", "fish")

_EXAMPLES = """\b
Examples:
  binner completion bash > ~/.local/share/bash-completion/completions/binner
  binner completion zsh > "${fpath[1]}/_binner"
  binner completion fish > ~/.config/fish/completions/binner.fish
  eval "$(binner completion bash)"    for this shell alone
"""


@click.command("completion", cls=Command, epilog=_EXAMPLES)
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Write what makes SHELL complete binner's commands, options and files at the TAB key.

    A shell that is started after the file is written knows it. bash needs version 4.4 or newer.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise OptionError(f"{shell}: click {click.__version__} knows no completion for it")
    # `source` of bash first looks which bash there is; what it writes does not depend on it
    script = kind(ctx.find_root().command, {}, PROGRAM, VARIABLE)
    click.echo(script.source_template % script.source_vars())
