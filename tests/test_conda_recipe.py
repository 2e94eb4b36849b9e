"""The recipe for bioconda says what setup.cfg says, and keeps bioconda's lint rules as far as a file can show it."""

from __future__ import annotations

import importlib
import re
from typing import Any

import click
import jinja2
import pytest
import yaml

import binner
from binner.cli import cli
from tests.test_packaging import OF_CONDA, ROOT, requirements, setup

RECIPE = ROOT / "pipelines" / "conda" / "meta.yaml"
NO_SUM = "0" * 64
RELEASED = re.compile(r"^## \[([\d.]+)\] - (\d{4}-\d\d-\d\d)", re.MULTILINE)


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    """The recipe as conda-build reads it: jinja first, then YAML that has every key once."""
    pins = {"pin_subpackage": lambda name, max_pin: f"{name} {max_pin}", "PYTHON": "$PYTHON"}
    text = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(RECIPE.read_text()).render(pins)
    sections = re.findall(r"^(\w+):", text, re.MULTILINE)
    assert len(sections) == len(set(sections))
    loaded = yaml.safe_load(text)
    assert isinstance(loaded, dict)
    return loaded


def test_its_sections(recipe: dict[str, Any]) -> None:
    assert list(recipe) == ["package", "source", "build", "requirements", "test", "about"]
    assert recipe["package"] == {"name": "binner", "version": binner.__version__}


def test_requirements_are_those_of_setup_cfg(recipe: dict[str, Any]) -> None:
    options = setup()["options"]
    run = requirements("\n".join(recipe["requirements"]["run"]))
    host = dict([*line.split(maxsplit=1), ""][:2] for line in recipe["requirements"]["host"])
    assert run.pop("python") == host["python"] == options["python_requires"]
    assert {OF_CONDA.get(name, name): least for name, least in run.items()} == requirements(options["install_requires"])
    build = re.search(r'requires = \["setuptools(.+?)"\]', (ROOT / "pyproject.toml").read_text())
    assert build is not None
    assert host["setuptools"] == build[1]


def test_constraints_have_a_space_and_no_build(recipe: dict[str, Any]) -> None:
    """Lint: version_constraints_missing_whitespace."""
    for line in (*recipe["requirements"]["run"], *recipe["requirements"]["host"]):
        assert re.fullmatch(r"[a-z0-9_-]+( [<>=!]+[\d.]+)?", line), line


def test_a_pure_python_package(recipe: dict[str, Any]) -> None:
    """Lint: should_be_noarch_python, should_not_use_skip_python, missing_run_exports, missing_buildnumber."""
    build = recipe["build"]
    assert build["noarch"] == "python"
    assert build["number"] == 0
    assert "skip" not in build
    assert build["run_exports"] == ["binner x.x"]  # as versions below 1 promise no more
    assert recipe["requirements"].keys() == {"host", "run"}  # no compiler
    entry = setup()["options.entry_points"]["console_scripts"].strip()
    assert build["entry_points"] == [entry]


def test_pip_installs_and_fetches_nothing(recipe: dict[str, Any]) -> None:
    assert recipe["build"]["script"].startswith("$PYTHON -m pip install . --no-deps --no-build-isolation")


def test_the_source_is_honest(recipe: dict[str, Any]) -> None:
    """Lint: missing_hash, uses_vcs_url. A placeholder as long as nothing is released, and none after that."""
    source = recipe["source"]
    assert source["url"].endswith(f"/binner-{binner.__version__}.tar.gz")
    assert re.fullmatch(r"[0-9a-f]{64}", source["sha256"])
    released = binner.__version__ in dict(RELEASED.findall((ROOT / "CHANGELOG.md").read_text()))
    assert (source["sha256"] == NO_SUM) == (not released)
    assert (".invalid/" in source["url"]) == (not released)


def test_tests_and_licence(recipe: dict[str, Any]) -> None:
    """Lint: missing_tests, missing_home, missing_summary, missing_license."""
    assert set(recipe["test"]) == {"imports", "commands"}
    about = recipe["about"]
    assert about["home"]
    assert about["license"] == setup()["metadata"]["license"]
    assert about["summary"] == setup()["metadata"]["description"]
    assert (ROOT / about["license_file"]).is_file()
    assert setup()["metadata"]["license_files"] == about["license_file"]


def test_what_it_tests_is_there(recipe: dict[str, Any]) -> None:
    for line in recipe["test"]["commands"]:
        program, *words = line.split()
        assert program == "binner"
        ctx = click.Context(cli, info_name="binner", resilient_parsing=True)
        found, *_ = cli.resolve_command(ctx, words) if words[0] in cli.commands else (words[0],)
        assert found in {"--version", *cli.commands}
    for name in recipe["test"]["imports"]:
        importlib.import_module(name)
