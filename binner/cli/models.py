"""`binner models`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import get_args

import click

from binner.cli._command import Command, Group
from binner.cli._options import ENCODER, RESULTS, option
from binner.config import EncoderName
from binner.errors import BinnerError

_EXAMPLES = """\b
Examples:
  binner models list
  binner models verify
"""
_LIST_EXAMPLES = """\b
Examples:
  binner models list
  binner models list --json
"""
_PATH_EXAMPLES = """\b
Examples:
  binner models path small
  cp -r "$(binner models path small)" my_model
"""
_VERIFY_EXAMPLES = """\b
Examples:
  binner models verify
"""
_SHOWN = 16  # digits of a digest in the table


@click.group("models", cls=Group, epilog=_EXAMPLES)
def models() -> None:
    """The models that ship with binner: what they are, where they lie, whether they are whole."""


@models.command("list", cls=Command, epilog=_LIST_EXAMPLES)
@option("--json", "as_json", heading=RESULTS, is_flag=True, help="All of it, as JSON.")
def list_models(as_json: bool) -> None:  # noqa: FBT001 click calls it by name
    """List the models that ship: size, digest, and how well they do on genera that they were not trained on.

    The figures are K-means ARI on genera kept out of training, beside that of 4-mer frequencies on the same pieces;
    those of two models come from different pieces and do not compare. The digest is the SHA-256 of model.safetensors.
    """
    from binner import shipped
    from binner.memory import format_size

    found = shipped.models()
    if as_json:
        click.echo(json.dumps([{**asdict(each), "folder": str(each.folder)} for each in found], indent=1))
        return
    rows: list[tuple[str, ...]] = [("name", "weights", "size", "sha256", "ARI", "4-mers")]
    for each in found:
        figures = ["-" if value is None else f"{value:.3f}" for value in (each.ari, each.ari_4mers)]
        name = f"{each.name} (default)" if each.name == ENCODER else each.name
        rows.append((name, f"{each.weights:,}", format_size(each.size), each.digest[:_SHOWN], *figures))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@models.command("path", cls=Command, epilog=_PATH_EXAMPLES)
@click.argument("name", type=click.Choice(get_args(EncoderName)), default=ENCODER)
def path(name: EncoderName) -> None:
    """Print the folder of model NAME, by default the one that `binner run` takes."""
    from binner import shipped

    click.echo(shipped.model(name).folder)


@models.command("verify", cls=Command, epilog=_VERIFY_EXAMPLES)
def verify() -> None:
    """Recompute the digests of the models and marker genes that ship, and compare them with the recorded ones.

    Exits with 1 if a file is missing, changed or not in the list.
    """
    from binner import shipped

    states = shipped.verify()
    for name, state in states.items():
        click.echo(f"{name}: {state}")
    if wrong := sum(state != "OK" for state in states.values()):
        raise BinnerError(f"{wrong} of {len(states)} files are not as they were shipped; install binner anew")
