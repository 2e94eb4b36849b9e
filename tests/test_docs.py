"""The documents: what they show is what commands print, their options exist, and the site builds."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import click
import pytest

from binner.cli import cli
from docs import examples, hooks

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = dict(hooks.commands())
CALL = re.compile(r"(?:^|[|;&(!'\"]|\bdo\b|-m)\s*(?:binner )+(?P<words>[a-z][^|;&>)'\n]*)", re.MULTILINE)


def pages(*, run: bool) -> list[Path]:
    """The pages, or those with commands to run."""
    return [path for path in PAGES if not run or examples.to_run(path.read_text())]


def calls(page: str) -> Iterator[list[str]]:
    """The words behind `binner` in every block of a page."""
    for block in examples.blocks(page):
        if block.kind in ("text", "mermaid"):
            continue
        lines = "\n".join(block.commands()).replace("\\\n", " ")
        for match in CALL.finditer(lines):
            yield shlex.split(match["words"].replace('"', ""), comments=True)


@pytest.mark.parametrize("path", pages(run=True), ids=lambda path: path.name)
def test_commands_print_what_the_page_shows(path: Path) -> None:
    """`python -m docs.examples PAGE` writes anew what they print."""
    for block, outputs in examples.results(path.read_text()):
        for command, shown, printed in zip(block.commands(), block.outputs(), outputs, strict=block.kind == "console"):
            assert examples.comparable(printed) == examples.comparable(shown), command


@pytest.mark.parametrize("path", pages(run=False), ids=lambda path: path.name)
def test_commands_have_options_that_exist(path: Path, own_folder: Path) -> None:
    for words in calls(path.read_text()):
        if words[0].isupper() or "-h" in words or "--help" in words:
            continue
        name = max((known for known in COMMANDS if known == tuple(words[: len(known)])), key=len)
        COMMANDS[name].parse_args(click.Context(COMMANDS[name], info_name="binner"), words[len(name) :])


def test_calls_are_found() -> None:
    found = sum(len(list(calls(path.read_text()))) for path in PAGES)
    assert found > 50
    page = "```bash\nfor x in 1; do\n    binner run a -b b.bam  # why\ndone\n"
    page += "cat a | binner run - \\\n    -o x && ls\n```\n"
    assert list(calls(page)) == [["run", "a", "-b", "b.bam"], ["run", "-", "-o", "x"]]


def test_options_page_has_everything() -> None:
    page = hooks.options_page()
    assert {"run", "coverage", "embed", "cluster", "quality", "doctor"} <= {words[0] for words in COMMANDS}
    for path, command in COMMANDS.items():
        assert f"## binner {' '.join(path)}\n" in page
        for param in command.params:
            assert isinstance(param, click.Argument) or all(name in page for name in param.opts)
    assert set(cli.commands) == {path[0] for path in COMMANDS}


def test_blocks_and_their_outputs() -> None:
    page = (
        "```console\n$ printf 'b 2\\na 1\\n'\na 7\nb 10\n\n$ true\n```\n<!-- not run: no such program -->\n"
        "```bash\nnothing\n```\n```\nfree\n```\n```bash\n! false\n```\n"
    )
    console, left_out, free, bash = examples.blocks(page)
    assert [block.kind for block in (console, left_out, free, bash)] == ["console", "bash", "", "bash"]
    assert left_out.why == "no such program"
    assert examples.to_run(page) == [console, bash]
    assert console.outputs() == ["a 7\nb 10", ""]
    ((_, printed), (_, nothing)) = examples.results(page)
    assert printed == ["b 2\na 1", ""]
    assert nothing == [""]
    assert examples.comparable(printed[0]) == examples.comparable("a 7\nb 10")
    assert examples.comparable("a x\n") != examples.comparable("a 7\n")
    assert examples.rewritten(page) == page  # but for the numbers it is what they print
    assert examples.rewritten(page.replace("a 7\nb 10", "c")) == page.replace("a 7\nb 10", "b 2\na 1")
    with pytest.raises(RuntimeError, match=r"'exit 3' ended with 3: "):
        examples.rewritten("```console\n$ exit 3\n```\n")


def test_links_of_the_readme_become_those_of_the_site() -> None:
    text = (
        "[a](docs/hpc.md#a-job) [b](LICENSE) [c](#files) ![d](docs/flow.svg) [e](binner/models/small/README.md)"
        " [f](https://x.y)"
    )
    assert hooks.relinked(text, folder=Path(), page=Path("models/x.md")) == (
        "[a](../hpc.md#a-job) b [c](../formats.md) ![d](../flow.svg) [e](../models/small.md) [f](https://x.y)"
    )
    assert hooks.section("Installation").startswith("**pip**")
    with pytest.raises(KeyError):
        hooks.section("Nothing")


@pytest.mark.skipif(find_spec("mkdocs") is None, reason='needs pip install ".[docs]"')
def test_the_site_builds(tmp_path: Path) -> None:
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "site" / "how_it_works" / "index.html").read_text()
    assert "<math" in page
    assert 'class="arithmatex"' not in page
    for html in (tmp_path / "site").rglob("*.html"):
        assert "<!-- README" not in html.read_text()
        assert not re.search(r'<(?:script|link)[^>]+(?:src|href)="https?://', html.read_text())  # nothing is fetched
