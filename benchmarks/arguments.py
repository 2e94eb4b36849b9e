"""Types of options that the benchmarks share, and how they say what goes on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import TypeVar

_Value = TypeVar("_Value")


def parser_of(command: str, doc: str | None) -> argparse.ArgumentParser:
    """That of `python -m command`, which says what the module's `doc` says: its first paragraph, options, the rest."""
    about, _, more = (doc or "").partition("\n\n")
    layout = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(f"python -m {command}", description=about, epilog=more, formatter_class=layout)


def several(kind: Callable[[str], _Value]) -> Callable[[str], list[_Value]]:
    """The type of an option with values between commas."""
    return lambda text: [kind(word) for word in text.split(",")]


def fraction(text: str) -> float:
    """Above 0 and up to 1."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        raise argparse.ArgumentTypeError(f"not a fraction above 0 and up to 1: {text!r}")
    return value


def say(text: str) -> None:
    """Beside what is printed as a result."""
    print(text, file=sys.stderr, flush=True)
