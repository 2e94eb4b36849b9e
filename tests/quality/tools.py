"""Programs for tests: stand-ins for those that are not there, and scripts that behave as they are told."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

STAND_IN = Path(__file__).with_name("stand_in.py")


def script(path: Path, *lines: str) -> Path:
    """A shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return path


def add_missing(folder: Path, *programs: str) -> None:
    """A stand-in for each program that this machine lacks."""
    for program in programs:
        if shutil.which(program) is None:
            script(folder / program, f'exec {sys.executable} {STAND_IN} {program} "$@"')
