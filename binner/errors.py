"""What binner raises for its users; `cli` makes one line and an exit code of it. All else keeps its traceback."""

from __future__ import annotations


class BinnerError(Exception):
    """A message for the user: what was wrong, with the value, the file and the way out."""

    exit_code = 1


class InputError(BinnerError):
    """A file that cannot be used as it is: the message names it, and the line, contig or value at fault."""

    exit_code = 2


class OptionError(BinnerError):
    """An option whose value cannot be honoured, alone or together with another."""

    exit_code = 2


class ProgramError(BinnerError):
    """Another program that failed at what it was asked for."""


class DeviceError(OptionError):
    """A device that was asked for by name and is not there."""
