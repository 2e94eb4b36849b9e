"""What mkdocs does with the pages: options from the commands themselves, sections of the README, formulas as MathML.

A line `<!-- README: HEADING -->` in a page becomes that section of the README, so that nothing is written twice.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from binner.cli import cli

ROOT = Path(__file__).parent.parent
SECTION = re.compile(r"^<!-- README: (.+) -->$", re.MULTILINE)
LINK = re.compile(r"\[([^\]\[]*)\]\(([^)#\s:]*)(#[^)\s]*)?\)")
FORMULA = re.compile(r'<(span|div) class="arithmatex">(?:\\\(|\\\[)(.*?)(?:\\\)|\\\])</\1>', re.DOTALL)
WRITTEN = {  # pages that are made, by the file they are made from
    "CHANGELOG.md": "changelog.md",
    "pipelines/README.md": "workflows.md",
    "binner/models/whitening/README.md": "models/whitening.md",
    "binner/models/small/README.md": "models/small.md",
    "binner/markers/data/README.md": "models/markers.md",
}
SECTIONS = {  # where sections of the README are
    "#an-example": "tutorial.md",
    "#files": "formats.md",
    "#options-of-binner-run": "options.md",
    "#how-it-works": "index.md#how-it-works",
    "#when-something-is-wrong": "faq.md",
}


def commands(group: click.Group = cli, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it, in the order of the help."""
    for name in group.list_commands(click.Context(group)):
        command = group.commands[name]
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)
        else:
            yield (*path, name), command


def options_page() -> str:
    """The page of options: the help of every command, as the commands give it."""
    lines = ["# Options", "", "What `binner COMMAND --help` prints, for every command.", ""]
    for path, command in commands():
        ctx = click.Context(command, info_name=" ".join(("binner", *path)), max_content_width=100, terminal_width=100)
        lines += [f"## binner {' '.join(path)}", "", "```text", command.get_help(ctx).rstrip(), "```", ""]
    return "\n".join(lines)


def section(heading: str) -> str:
    """A section of the README, without its heading. Raises KeyError if there is none."""
    parts = re.split(r"^## (.+)$", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[heading].strip()


def relinked(markdown: str, *, folder: Path, page: Path) -> str:
    """A text from a file in `folder` (relative to the repository) with its links as `page` (to docs) must have them.

    Links to what is not part of the site become the name of the file.
    """

    def link(match: re.Match[str]) -> str:
        text, path, anchor = match[1], match[2], match[3] or ""
        if not path:
            place = SECTIONS.get(anchor) if folder == Path() else None
            return f"[{text}]({up}{place})" if place else match[0]
        target = (ROOT / folder / path).resolve().relative_to(ROOT)
        if target == Path("README.md"):
            return f"[{text}]({up}{SECTIONS.get(anchor, 'index.md')})"
        if str(target) in WRITTEN:
            return f"[{text}]({up}{WRITTEN[str(target)]}{anchor})"
        if target.parts[0] == "docs" and (ROOT / target).exists():
            return f"[{text}]({up}{target.relative_to('docs')}{anchor})"
        return text

    up = "../" * (len(page.parts) - 1)
    return LINK.sub(link, markdown)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages that are made."""
    from mkdocs.structure.files import File

    files.append(File.generated(config, "options.md", content=options_page()))
    for source, page in WRITTEN.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=relinked(text, folder=Path(source).parent, page=Path(page))))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001 as mkdocs has it
    """Put in sections of the README, and mend the links that leave the site."""
    path = Path(page.file.src_uri)
    own = (
        relinked(markdown, folder=Path("docs") / path.parent, page=path) if page.file.generated_by is None else markdown
    )
    return SECTION.sub(lambda match: relinked(section(match[1]), folder=Path(), page=path), own)


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as MathML, which browsers show without a script."""
    return FORMULA.sub(lambda match: mathml(match[2], display=match[1] == "div"), content)


def mathml(formula: str, *, display: bool) -> str:
    """MathML of a formula in LaTeX, as it stands in a page."""
    from latex2mathml.converter import convert

    return str(convert(html.unescape(formula), display="block" if display else "inline"))
