"""Help with examples that work, completion in real shells, and the commands about the installation."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.shell_completion import BashComplete

from binner import doctor, shipped
from binner.cli import cli
from binner.cli.completion import PROGRAM, SHELLS, VARIABLE
from binner.doctor import Check, State
from tests.commands import call


@pytest.fixture(autouse=True)
def surroundings(own_folder: Path) -> None:
    """A folder of one's own, and the environment as it was afterwards."""


def commands(group: click.Group, *path: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command, with the words that call it."""
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, *path, name)


ALL = dict(commands(cli))


def examples(command: click.Command) -> list[str]:
    """The lines of a command's examples, without the words behind them."""
    heading, _, lines = (command.epilog or "").removeprefix("\b\n").partition("\n")
    assert heading == "Examples:"
    return [re.split(r"\s{2,}", line.strip())[0] for line in lines.splitlines()]


@pytest.mark.parametrize("path", [(), *ALL], ids=lambda path: " ".join(path) or "binner")
def test_every_command_has_examples_that_it_understands(path: tuple[str, ...]) -> None:
    shown = examples(ALL[path] if path else cli)
    assert any(f"binner {' '.join(path)}".strip() in line for line in shown)
    for line in shown:
        called = re.search(r"binner ([^|>)]+)", line)
        assert called is not None, line
        words = shlex.split(called[1])
        command = max((known for known in ALL if known == tuple(words[: len(known)])), key=len)
        ctx = click.Context(ALL[command], info_name="binner")
        ALL[command].parse_args(ctx, words[len(command) :])  # raises an error for an option that is none


def test_commands_stand_under_headings(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--help") == 0
    text = capsys.readouterr().out
    headings = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert headings == ["Options", "Binning", "Evaluation and training", "This installation"]
    assert re.findall(r"^  (\w+)  ", text, re.MULTILINE) == list(cli.commands)
    assert set(cli.headings) == set(cli.commands)
    assert "..." not in text.partition("Binning:")[2], "sentences are whole"


def completions(*args: str) -> list[tuple[str, str]]:
    """Type and value of what could stand in place of the last word."""
    *before, word = args
    found = BashComplete(cli, {}, PROGRAM, VARIABLE).get_completions(list(before), word)
    return [(item.type, str(item.value)) for item in found]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ru", [("plain", "run")]),
        ("models pa", [("plain", "path")]),
        ("models path s", [("plain", "small")]),
        ("completion z", [("plain", "zsh")]),
        ("run --encoder w", [("plain", "whitening")]),
        ("run --encoder my_", [("dir", "my_")]),
        ("evaluate embedding t.tsv c.fa --encoder whitening s", [("plain", "small")]),
        ("run con", [("file", "con")]),
        ("run contigs.fa -b a.b", [("file", "a.b")]),
        ("run contigs.fa -b a.bam b.b", [("file", "b.b")]),
        ("run contigs.fa -b a.bam --depth ", [("file", "")]),
        ("run contigs.fa -b a.bam -t 2 --min-b", [("plain", "--min-bin-size")]),
        ("run contigs.fa -b a.bam --min-b", [("plain", "--min-bin-size")]),
    ],
)
def test_what_the_tab_key_offers(line: str, expected: list[tuple[str, str]]) -> None:
    assert completions(*line.split(" ")) == expected


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert call("completion", shell) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", SHELLS)
def test_shells_can_read_their_completion(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    assert f"{VARIABLE}={shell}_complete" in text
    if program := shutil.which(shell):
        Path("script").write_text(text)
        done = subprocess.run([program, "-n", "script"], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def on_path(own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command `binner` that shells find."""
    program = own_folder / "path" / "binner"
    program.parent.mkdir()
    code = f"import sys; sys.path.insert(0, {str(shipped.PACKAGE.parent)!r}); from binner.cli import main; main()"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -c {shlex.quote(code)} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")


def test_bash_completes(on_path: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("script").write_text(
        script("bash", capsys) + "COMP_WORDS=(binner models ver)\nCOMP_CWORD=2\n_binner_completion binner\n"
        'printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    done = subprocess.run(["bash", "--norc", "script"], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("verify\n", "")


@pytest.mark.skipif(shutil.which("fish") is None, reason="no fish here")
def test_fish_completes(on_path: None, capsys: pytest.CaptureFixture[str]) -> None:
    Path("script").write_text(script("fish", capsys) + 'complete -C "binner models ver"\n')
    done = subprocess.run(["fish", "--no-config", "script"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("verify\tRecompute the digests")


def test_an_unknown_shell(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("completion", "tcsh") == 2
    assert "'tcsh' is not one of 'bash', 'zsh', 'fish'" in capsys.readouterr().err


def test_models_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("models", "list") == 0
    header, *rows = (re.split(r"\s{2,}", line) for line in capsys.readouterr().out.splitlines())
    assert header == ["name", "weights", "size", "sha256", "ARI", "4-mers"]
    known = shipped.models()
    assert [row[0].removesuffix(" (default)") for row in rows] == [each.name for each in known]
    assert [row[3] for row in rows] == [each.digest[:16] for each in known]
    assert call("models", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["weights"], each["digest"]) for each in listed] == [
        (each.name, each.weights, each.digest) for each in known
    ]


def test_models_path(capsys: pytest.CaptureFixture[str]) -> None:
    for args, name in ((["small"], "small"), ([], "whitening")):
        assert call("models", "path", *args) == 0
        assert Path(capsys.readouterr().out.rstrip("\n")) == shipped.PACKAGE / "models" / name
    assert call("models", "path", "best") == 2
    assert "'best' is not one of" in capsys.readouterr().err


def test_models_verify(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert call("models", "verify") == 0
    assert all(line.endswith(": OK") for line in capsys.readouterr().out.splitlines())
    monkeypatch.setattr(shipped, "verify", lambda: {"models/a": "OK", "models/b": "changed"})
    assert call("models", "verify") == 1
    out, err = capsys.readouterr()
    assert out == "models/a: OK\nmodels/b: changed\n"
    assert err == "Error: 1 of 2 files are not as they were shipped; install binner anew\n"


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warning", 0), ("failed", 1)])
def test_doctor(state: State, code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Check("memory", "ok", "2 GB", {"bytes": "2"}), Check("GPU", state, "none\nat all")]
    monkeypatch.setattr(doctor, "checks", lambda around: iter(found))
    assert call("doctor", "-t", "1") == code
    assert [line.split() for line in capsys.readouterr().out.splitlines()] == [
        ["ok", "memory", "2", "GB"],
        [state, "GPU", "none", "at", "all"],
    ]
    assert call("doctor", "-t", "1", "--json") == code
    assert json.loads(capsys.readouterr().out)[0] == {
        "name": "memory",
        "state": "ok",
        "text": "2 GB",
        "details": {"bytes": "2"},
    }
