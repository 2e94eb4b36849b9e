"""What an installer reads says what the code needs, in one voice."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

import binner
from binner.doctor import MODULES

ROOT = Path(__file__).parent.parent
FIXED = {"torch", "transformers", "pysam", "scikit-learn", "hdbscan", "click", "checkm-genome"}
OF_CONDA = {"pytorch": "torch", "python-igraph": "igraph", "python-isal": "isal"}  # conda's name: PyPI's
OF_IMPORT = {module: name for name, module in MODULES.items()}  # module: PyPI's name


def setup() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def requirements(lines: str) -> dict[str, str]:
    """Range of versions of each package."""
    return dict(re.split(r"\s+|(?=[<>=])", line.strip(), maxsplit=1) for line in lines.strip().splitlines())


@pytest.fixture(scope="module")
def required() -> dict[str, str]:
    return requirements(setup()["options"]["install_requires"])


def test_the_fixed_packages_are_required(required: dict[str, str]) -> None:
    assert set(required) >= FIXED
    assert list(required) == sorted(required)


def test_every_import_is_required(required: dict[str, str]) -> None:
    used = set()
    for path in (ROOT / "binner").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                used.add(node.module.split(".")[0])
    foreign = {OF_IMPORT.get(name, name) for name in used - set(sys.stdlib_module_names) - {"binner"}}
    assert foreign - set(required) == set()
    assert set(required) - foreign <= FIXED  # nothing is installed that nobody uses


def test_environment_yml_matches(required: dict[str, str]) -> None:
    text = (ROOT / "environment.yml").read_text()
    channels, dependencies = re.split(r"^dependencies:$", text, flags=re.MULTILINE)
    assert re.findall(r"^  - (\S+)$", channels, re.MULTILINE) == ["conda-forge", "bioconda", "nodefaults"]
    listed = requirements("\n".join(re.findall(r"^  - (\S+ \S+)$", dependencies, re.MULTILINE)))
    assert listed.pop("python") == setup()["options"]["python_requires"]
    listed.pop("setuptools")
    assert {OF_CONDA.get(name, name): version for name, version in listed.items()} == required


def test_the_version_has_one_place() -> None:
    assert setup()["metadata"]["version"] == "attr: binner.__version__"
    assert re.fullmatch(r"\d+\.\d+\.\d+", binner.__version__)
    newest = re.search(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert newest[1] == binner.__version__
    try:
        installed = importlib.metadata.version("binner")
    except importlib.metadata.PackageNotFoundError:
        pytest.skip("binner is not installed")
    assert installed == binner.__version__


def test_every_python_that_is_promised_is_looked_at() -> None:
    promised = re.findall(r"Python :: (3\.\d+)", setup()["metadata"]["classifiers"])
    resolved = re.search(r"^for version in (.+); do$", (ROOT / ".ci" / "pythons").read_text(), re.MULTILINE)
    assert resolved is not None
    assert resolved[1].split() == promised
    assert f">={promised[0]}" == setup()["options"]["python_requires"]


def test_one_torch_for_the_demo_and_the_images() -> None:
    pinned = {
        name: set(re.findall(r"torch==([\d.]+)", (ROOT / name).read_text())) for name in ("Makefile", "Dockerfile")
    }
    assert len(pinned["Makefile"]) == 1
    assert pinned["Makefile"] == pinned["Dockerfile"]


def test_images_for_cpu_and_cuda() -> None:
    text = (ROOT / "Dockerfile").read_text()
    stages = re.findall(r"^FROM (\S+) AS (\S+)$", text, re.MULTILINE)
    assert {"cpu", "cuda"} <= {name for _, name in stages}
    assert stages[-1] == ("base", "cpu"), "what is built unless a target is named"
    base = re.split(r"^FROM ", text, flags=re.MULTILINE)[[name for _, name in stages].index("base") + 1]
    assert re.search(r"^USER [1-9]\d*$", base, re.MULTILINE), "a number, for Kubernetes to see that it is not root"
    assert not re.search(r"^(ENTRYPOINT|EXPOSE|VOLUME)", text, re.MULTILINE)


def test_data_is_packaged() -> None:
    """Every file in the package that is no code matches a pattern of package_data."""
    patterns = re.split(r",\s*", setup()["options.package_data"]["binner"])
    package = ROOT / "binner"
    data = [
        path.relative_to(package)
        for path in package.rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc", ".nbi", ".nbc")
    ]
    assert Path("py.typed") in data
    assert [str(path) for path in data if not any(path.match(pattern) for pattern in patterns)] == []


def test_licence() -> None:
    assert "GNU GENERAL PUBLIC LICENSE" in (ROOT / "LICENSE").read_text()
    assert setup()["metadata"]["license"] == "GPL-3.0-or-later"
