"""Manual pages: one for every command, with its options and examples, and nothing that man would trip over."""

from __future__ import annotations

import doctest
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import click
import pytest

from binner.cli import cli
from tests.test_cli_installation import ALL, examples
from tests.test_packaging import ROOT

pytest.importorskip("click_man", reason="click-man is among the tools for testing: pip install -e '.[test]'")
MACROS = {"TH", "SH", "B", "PP", "TP", "nf", "fi"}


@pytest.fixture(scope="module")
def man() -> ModuleType:
    """docs/man.py, which is no package."""
    spec = importlib.util.spec_from_file_location("man", ROOT / "docs" / "man.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(man: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every page."""
    folder = tmp_path_factory.mktemp("man")
    man.main(folder)
    return folder


def plain(text: str) -> str:
    """Without what roff escapes."""
    for escaped, sign in ((r"\-", "-"), (r"\(aq", "'"), (r"\(ti", "~"), (r"\fB", ""), (r"\fP", ""), (r"\e", "\\")):
        text = text.replace(escaped, sign)
    return text


def test_a_page_for_every_command(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {"-".join(("binner", *path)) + ".1" for path in [(), *ALL]}


@pytest.mark.parametrize("path", [(), *ALL], ids=lambda path: "-".join(("binner", *path)))
def test_a_page_has_it_all(path: tuple[str, ...], folder: Path) -> None:
    text = (folder / ("-".join(("binner", *path)) + ".1")).read_text()
    command = ALL[path] if path else cli
    shown = plain(text)
    for param in command.params:
        assert not isinstance(param, click.Option) or all(name in shown for name in param.opts)
    assert all(line in shown for line in examples(command))
    assert set(re.findall(r"^\.(\w*)", text, re.MULTILINE)) <= MACROS
    assert not re.search(r"^'", text, re.MULTILINE)
    assert "..." not in text.partition(".SH SYNOPSIS")[0]


@pytest.mark.skipif(shutil.which("groff") is None, reason="no groff here")
def test_groff_finds_nothing_wrong(folder: Path) -> None:
    line = ["groff", "-man", "-Tascii", "-ww", "-z", *map(str, sorted(folder.iterdir()))]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_examples_of_the_generator(man: ModuleType) -> None:
    tried = doctest.testmod(man)
    assert tried.attempted
    assert not tried.failed
