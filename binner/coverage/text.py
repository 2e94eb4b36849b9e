"""Rows of a tab-separated table, read in one pass by a compiled loop that knows the line of every mistake."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit

from binner.data import F32, I64
from binner.errors import InputError

IGNORE, NAME, SAMPLE = -1, -2, -3  # what a column may be; a number that is kept: its place in the row, from 0

_FINE, _COLUMNS, _NUMBER, _NEGATIVE, _FINITE, _NAMELESS = range(6)
_TAB, _NEWLINE, _RETURN, _SPACE, _PLUS, _MINUS, _POINT = b"\t\n\r +-."
_A, _E, _F, _I, _N = b"aefin"  # of exponents, nan and inf
_SMALL = 32  # the bit that makes a letter small
_LARGEST = float(np.finfo(np.float32).max)
_DIGITS = 18  # of a number, as many as an int64 holds
_COMPLAINTS = {
    _NUMBER: "'{field}' in column {column} is no number",
    _NEGATIVE: "'{field}' in column {column} is negative, and no depth is",
    _FINITE: "'{field}' in column {column} is not finite: repair the table or leave the contig out",
    _NAMELESS: "no name in column {column}",
}


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a table."""

    names: list[str]  # first words
    samples: list[str]  # of each row, if there is a column for that
    values: F32  # (rows, kept columns)
    lines: I64  # (rows,), counted from 1


def read_rows(text: bytes, columns: I64, *, source: str, line: int) -> Rows:
    """The rows of `text`, whose first line is line `line` of `source`; `columns` says what each column is.

    Raises InputError, with the line, for another number of columns, a missing name, or a number that is none, negative
    or not finite.
    """
    data = np.frombuffer(text, np.uint8)
    most = text.count(b"\n") + 1
    values = np.zeros((most, int(columns.max(initial=-1)) + 1), np.float32)
    spans = np.zeros((most, 4), np.int64)  # start and stop of the name, and of the sample
    lines = np.zeros(most, np.int64)
    rows, problem, at, column = _parse(data, columns, values, spans, lines)
    if problem != _FINE:
        here = line + text.count(b"\n", 0, at)
        raise InputError(
            f"{source}, line {here}: {_complaint(text, problem, at, column=column, expected=len(columns))}"
        )
    names = _words(text, spans[:rows, :2])
    samples = _words(text, spans[:rows, 2:]) if SAMPLE in columns else []
    return Rows(names, samples, values[:rows], lines[:rows] + line)


def _words(text: bytes, spans: I64) -> list[str]:
    starts, stops = spans[:, 0].tolist(), spans[:, 1].tolist()
    return [text[start:stop].decode(errors="replace") for start, stop in zip(starts, stops, strict=True)]


def _complaint(text: bytes, problem: int, at: int, *, column: int, expected: int) -> str:
    row = text[text.rfind(b"\n", 0, at) + 1 :].split(b"\n", 1)[0].rstrip(b"\r").split(b"\t")
    if len(row) != expected:  # whatever else may be wrong with it
        return f"{len(row)} columns, {expected} expected"
    return _COMPLAINTS[problem].format(field=row[column][:40].decode(errors="replace"), column=column + 1)


@njit(nogil=True, cache=True)
def _parse(data, columns, values, spans, lines):  # type: ignore[no-untyped-def]
    """Fill `values`, `spans` and `lines`; rows, problem, and where and in which column it is."""
    row = line = at = 0
    while at < len(data):
        end = at
        while end < len(data) and data[end] != _NEWLINE:
            end += 1
        stop = end - 1 if end > at and data[end - 1] == _RETURN else end
        if stop > at:
            problem, column = _parse_row(data, at, stop, columns, values[row], spans[row])
            if problem != _FINE:
                return row, problem, at, column
            lines[row] = line
            row += 1
        line += 1
        at = end + 1
    return row, _FINE, at, 0


@njit(nogil=True, cache=True)
def _parse_row(data, at, stop, columns, values, span):  # type: ignore[no-untyped-def]
    """Problem, and its column."""
    column = 0
    while at <= stop:
        end = at
        while end < stop and data[end] != _TAB:
            end += 1
        if column == len(columns):
            return _COLUMNS, column
        kind = columns[column]
        if kind >= 0:
            number, problem = _number(data, at, end)
            if problem != _FINE:
                return problem, column
            values[kind] = number
        elif kind == NAME:
            span[0], span[1] = _first_word(data, at, end)
            if span[0] == span[1]:
                return _NAMELESS, column
        elif kind == SAMPLE:
            span[2], span[3] = at, end
            if at == end:
                return _NAMELESS, column
        column += 1
        at = end + 1
    return (_FINE if column == len(columns) else _COLUMNS), column


@njit(nogil=True, cache=True)
def _first_word(data, at, stop):  # type: ignore[no-untyped-def]
    while at < stop and data[at] == _SPACE:
        at += 1
    end = at
    while end < stop and data[end] != _SPACE:
        end += 1
    return at, end


@njit(nogil=True, cache=True)
def _number(data, at, stop):  # type: ignore[no-untyped-def]
    """A decimal number that may be a depth, and what is wrong with it."""
    negative = at < stop and data[at] == _MINUS
    if at < stop and (data[at] == _MINUS or data[at] == _PLUS):
        at += 1
    if _is_word(data, at, stop):
        return 0.0, _FINITE
    mantissa, power, at, digits = _digits(data, at, stop)
    if digits and at < stop and data[at] | _SMALL == _E:
        exponent, at = _exponent(data, at + 1, stop)
        power += exponent
    if not digits or at != stop:
        return 0.0, _NUMBER
    value = mantissa / 10.0**-power if power < 0 else mantissa * 10.0**power
    if negative and value > 0:
        return 0.0, _NEGATIVE
    return value, (_FINE if value <= _LARGEST else _FINITE)


@njit(nogil=True, cache=True)
def _digits(data, at, stop):  # type: ignore[no-untyped-def]
    """Digits, with or without a point: a whole number and its power of ten, where they end, how many they are."""
    mantissa = 0
    power, kept, digits, pointed = 0, 0, 0, False
    while at < stop:
        digit = _digit(data, at)
        if 0 <= digit <= 9:
            if kept < _DIGITS:
                mantissa = 10 * mantissa + digit
                kept += mantissa > 0
                power -= pointed
            else:
                power += not pointed
            digits += 1
        elif data[at] == _POINT and not pointed:
            pointed = True
        else:
            break
        at += 1
    return mantissa, power, at, digits


@njit(nogil=True, cache=True)
def _digit(data, at):  # type: ignore[no-untyped-def]
    """0 to 9, or something else if there is no digit."""
    return np.int64(data[at]) - 48


@njit(nogil=True, cache=True)
def _exponent(data, at, stop):  # type: ignore[no-untyped-def]
    """The exponent, and where it ends; `at` lies beyond `stop` if there is none."""
    negative = at < stop and data[at] == _MINUS
    if at < stop and (data[at] == _MINUS or data[at] == _PLUS):
        at += 1
    exponent, end = 0, at
    while end < stop and 0 <= _digit(data, end) <= 9:
        exponent = min(10 * exponent + _digit(data, end), 999)
        end += 1
    return (-exponent if negative else exponent), (end if end > at else stop + 1)


@njit(nogil=True, cache=True)
def _is_word(data, at, stop):  # type: ignore[no-untyped-def]
    """Whether this is nan, inf or infinity."""
    if stop - at < 3:
        return False
    first, second, third = data[at] | _SMALL, data[at + 1] | _SMALL, data[at + 2] | _SMALL
    if first == _N and second == _A and third == _N:
        return stop - at == 3
    return first == _I and second == _N and third == _F and (stop - at == 3 or stop - at == 8)
