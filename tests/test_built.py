"""The wheel and the source distribution as a stranger gets them, built offline by what is installed here."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

import pytest

from binner import __version__
from tests.test_packaging import ROOT, requirements, setup

LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "demo_binner", "*.nbi", "*.nbc")
BUILD = "import sys; from setuptools import build_meta; print(getattr(build_meta, sys.argv[1])(sys.argv[2]))"
NAME = f"binner-{__version__}"


def build(what: str, source: Path, target: Path) -> Path:
    """The file that `build_wheel` or `build_sdist` makes of a folder."""
    line = [sys.executable, "-W", "error::DeprecationWarning", "-c", BUILD, what, str(target)]
    done = subprocess.run(line, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target / done.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a copy of the repository, so that nothing is written into it."""
    folder = tmp_path_factory.mktemp("sdist")
    shutil.copytree(ROOT, folder / "source", ignore=LEFT_OUT)
    return build("build_sdist", folder / "source", folder)


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of what the source distribution holds, as conda and distributions build it."""
    folder = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        safely: dict[str, Any] = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}  # 3.11.4 and later
        archive.extractall(folder, **safely)
    return build("build_wheel", folder / NAME, folder)


def package_files() -> set[str]:
    """Every file of the package in the repository."""
    files = (path for path in (ROOT / "binner").rglob("*") if path.is_file() and path.parent.name != "__pycache__")
    return {path.relative_to(ROOT).as_posix() for path in files if path.suffix not in (".pyc", ".nbi", ".nbc")}


def test_the_wheel_is_the_package(wheel: Path) -> None:
    assert wheel.name == f"{NAME}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        files = {name for name in archive.namelist() if not name.startswith(f"{NAME}.dist-info/")}
        assert files == package_files()
        for name in files:
            assert archive.read(name) == (ROOT / name).read_bytes(), name
    assert wheel.stat().st_size < 20_000_000


def test_what_pip_reads(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        metadata = HeaderParser().parsestr(archive.read(f"{NAME}.dist-info/METADATA").decode())
        entries = configparser.ConfigParser()
        entries.read_string(archive.read(f"{NAME}.dist-info/entry_points.txt").decode())
        assert f"{NAME}.dist-info/licenses/LICENSE" in archive.namelist()
    assert metadata["Name"] == "binner"
    assert metadata["Version"] == __version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert "GPL-3.0-or-later" in (metadata["License-Expression"] or metadata["License"])
    assert metadata["Description-Content-Type"] == "text/markdown"
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra" not in line]
    assert requirements("\n".join(required)) == requirements(setup()["options"]["install_requires"])
    assert dict(entries["console_scripts"]) == {"binner": "binner.cli:main"}


def test_the_source_distribution_has_all_that_tests_need(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        files = {re.sub(r"^[^/]+/", "", member.name) for member in archive.getmembers() if member.isfile()}
    expected = package_files() | {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "setup.cfg"}
    expected |= {"Dockerfile", "Makefile", "environment.yml", "pipelines/conda/meta.yaml"}
    for folder, pattern in (("tests", "*.py"), ("docs", "*.*"), ("benchmarks", "*.*")):
        found = (path for path in (ROOT / folder).rglob(pattern) if path.suffix not in (".pyc", ".nbi", ".nbc"))
        expected |= {path.relative_to(ROOT).as_posix() for path in found if path.is_file()}
    assert expected - files == set()
    assert not any(name.endswith((".pyc", ".nbi", ".nbc")) for name in files)
