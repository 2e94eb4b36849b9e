"""`binner doctor`."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from binner.cli import _options as shared
from binner.cli._command import Command
from binner.cli._options import FILE, RESULTS, option

_EXAMPLES = """\b
Examples:
  binner doctor
  binner doctor -o /scratch/soil --device cuda    what a job on a GPU node will find
  binner doctor --json > doctor.json
"""


@click.command("doctor", cls=Command, epilog=_EXAMPLES)
@option(
    *("-o", "--output"),
    heading=RESULTS,
    type=FILE,
    default=Path(),
    metavar="FOLDER",
    help="Where results would go.  [default: this folder]",
)
@option("--json", "as_json", heading=RESULTS, is_flag=True, help="Write JSON, with more detail.")
@shared.threads
@shared.memory
@shared.device
def doctor(output: Path, as_json: bool, **given: Any) -> int:  # noqa: FBT001 click calls it by name
    """Check that binner can work here: versions, memory, GPU, the files that ship, folders that must be written.

    Prints a line for each check and exits with 1 if one has failed; a warning is no failure. With --device cuda a GPU
    that cannot be used is one.
    """
    machine = shared.machine_config(given)
    from binner import runtime
    from binner.memory import check_address_space

    check_address_space(machine.threads)
    runtime.limit_threads(machine.threads)
    runtime.keep_settings()
    from binner.doctor import Surroundings, checks

    found = []
    for check in checks(Surroundings(machine, output)):
        found.append(check)
        if not as_json:
            click.echo(f"{check.state:8s} {check.name:17s} {' '.join(check.text.split())}")
    if as_json:
        click.echo(json.dumps([asdict(check) for check in found], indent=1))
    return int(any(check.state == "failed" for check in found))
