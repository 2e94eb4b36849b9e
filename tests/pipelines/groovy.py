"""As much of Groovy as the blocks of a Nextflow process are written in: definitions, conditions, strings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_TOKEN = re.compile(r"""\s*(\?:|[?:+().}]|'(?:[^'\\]|\\.)*'|")""")
_DEFINITION = re.compile(r"^\s*(?:def\s+)?(\w+)\s*=\s*(?!=)")
_CONSTANTS = {"null": None, "true": True, "false": False}
_QUOTES = '"""'


class NotUnderstoodError(Exception):
    """What is beyond this module: the blocks are to stay simple, or it is to grow."""


def evaluate(text: str, names: Mapping[str, Any]) -> Any:
    """The value of one expression."""
    expression = _Expression(text, names)
    value = expression.conditional()
    if text[expression.place :].strip():
        raise NotUnderstoodError(text[expression.place :])
    return value


def run(block: str, names: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The shell script that a `script:` or `stub:` block ends with, and all names after its definitions."""
    known = dict(names)
    before, _, rest = block.partition(_QUOTES)
    script, closed, after = rest.rpartition(_QUOTES)
    if not closed or after.strip():
        raise NotUnderstoodError(block)
    for line in before.splitlines():
        code = line.partition("//")[0].strip()
        if not code:
            continue
        found = _DEFINITION.match(code)
        if found is None:
            raise NotUnderstoodError(code)
        known[found[1]] = evaluate(code[found.end() :], known)
    return string(script, known), known


def string(text: str, names: Mapping[str, Any]) -> str:
    """A string between double quotes, with its values and without its escapes."""
    return _Expression(text, names).interpolated(end=None)


def written(value: Any) -> str:
    """A value as it stands in a string: Nextflow writes several files with spaces between them."""
    if isinstance(value, list):
        return " ".join(map(written, value))
    return "null" if value is None else str(value)


def _escaped(letter: str) -> str:
    """What a backslash and a letter stand for."""
    return {"n": "\n", "t": "\t"}.get(letter, letter)


class _Expression:
    """One expression, read from left to right."""

    def __init__(self, text: str, names: Mapping[str, Any]) -> None:
        self.text = text
        self.names = names
        self.place = 0

    def next(self, *expected: str) -> str | None:
        """The next token, if it is one of those expected."""
        found = _TOKEN.match(self.text, self.place)
        if found is None or found[1] not in expected:
            return None
        self.place = found.end()
        return found[1]

    def need(self, token: str) -> None:
        if self.next(token) is None:
            raise NotUnderstoodError(f"{token} in {self.text[self.place :]}")

    def conditional(self) -> Any:
        value = self.sum()
        if self.next("?:"):
            other = self.conditional()
            return value or other
        if self.next("?"):
            first = self.conditional()
            self.need(":")
            second = self.conditional()
            return first if value else second
        return value

    def sum(self) -> Any:
        value = self.member()
        while self.next("+"):
            value = written(value) + written(self.member())
        return value

    def member(self) -> Any:
        value: Any = self.primary()
        while self.next("."):
            name = self.word()
            value = value.get(name) if isinstance(value, dict) else getattr(value, name)
            if self.next("("):
                self.need(")")
                value = value()
        return value

    def word(self) -> str:
        found = re.compile(r"\s*([A-Za-z_]\w*)").match(self.text, self.place)
        if found is None:
            raise NotUnderstoodError(self.text[self.place :])
        self.place = found.end()
        return found[1]

    def primary(self) -> Any:
        if self.next("("):
            value = self.conditional()
            self.need(")")
            return value
        if self.next('"'):
            return self.interpolated(end='"')
        found = _TOKEN.match(self.text, self.place)
        if found is not None and found[1].startswith("'"):
            self.place = found.end()
            return re.sub(r"\\(.)", lambda escape: _escaped(escape[1]), found[1][1:-1])
        name = self.word()
        return _CONSTANTS[name] if name in _CONSTANTS else self.names[name]

    def interpolated(self, *, end: str | None) -> str:
        """The rest of a string, up to the quote that ends it or to the end of the text."""
        parts: list[str] = []
        while self.place < len(self.text):
            letter = self.text[self.place]
            self.place += 1
            if letter == end:
                return "".join(parts)
            if letter == "\\":
                parts.append(_escaped(self.text[self.place]))
                self.place += 1
            elif letter == "$" and self.text.startswith("{", self.place):
                self.place += 1
                parts.append(written(self.conditional()))
                self.need("}")
            else:
                parts.append(letter)
        if end is not None:
            raise NotUnderstoodError(self.text)
        return "".join(parts)
