"""The shape of the package: imports point down, torch stays where it belongs, and files stay small."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "binner"
# Each group imports from those above it only. The numbers are the layers of the picture in the README; where a layer
# has more than one group, the later ones use the earlier ones.
LAYERS = {
    "1": {"errors"},
    "2": {"config", "data"},
    "3, the machine": {"communities", "genetic_code", "headers", "inflate", "likelihood", "runtime", "whole_files"},
    "3, files": {"artifacts", "bin_folder", "bins_table", "fasta", "memory", "shipped"},
    "3, graphs": {"graph"},
    "3, spaces": {"space"},
    "3, sequences and depths": {"clusterers", "coverage", "encoders", "losses", "windows"},
    "3, spaces of an assembly": {"adaptation"},
    "3, the loop": {"fit"},
    "3, votes": {"votes"},
    "4, what other stages need": {
        "concatenation",
        "genes",
        "inputs",
        "joins",
        "membership",
        "record",
        "recruit",
        "stages",
        "trim",
        "workspace",
    },
    "4, more inputs": {"assemblies"},
    "4, stages": {"embed", "homologs", "markers", "refine", "select", "write"},
    "4, judging": {"candidates", "evaluate", "quality", "replicons"},
    "4, what tells of results": {"report"},
    "4, files of stages": {"embedding_files", "recluster"},
    "4, contigs in pieces": {"chimeras"},
    "4, training": {"train"},
    "5": {"pipeline"},
    "5, whether they can run": {"doctor"},
    "6": {"cli"},
    "7, python -m binner": {"__main__"},
}
LAYER = {module: rank for rank, modules in enumerate(LAYERS.values()) for module in modules}
MAY_USE_TORCH = {"encoders", "losses", "fit", "refine", "train", "runtime"}  # runtime asks it for devices
FILES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The module of the layer table that a file belongs to: a folder counts as one."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def imports(path: Path) -> Iterator[str]:
    """Dotted names of what a file imports, anywhere in it; `from binner import x` gives binner.x."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            assert node.module is not None
            if node.module == "binner":
                yield from (f"binner.{alias.name}" for alias in node.names)
            else:
                yield node.module


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    own = name_of(path)
    if own == "__init__":
        assert [name for name in imports(path) if name.startswith("binner")] == []
        return
    assert own in LAYER, f"give {own} a place in LAYERS"
    for name in imports(path):
        if name.startswith("binner."):
            other = name.split(".")[1]
            if other not in (own, "__version__"):
                assert LAYER[other] < LAYER[own], f"{own} imports {other}, which is not below it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_who_may_do_what(path: Path) -> None:
    own = name_of(path)
    used = {name.split(".")[0] for name in imports(path)}
    assert own in MAY_USE_TORCH or "torch" not in used
    assert own == "cli" or not used & {"click", "rich", "rich_click"}
    done = set(calls(path))
    assert own in ("cli", "__main__") or not done & {"print", "sys.exit", "exit", "quit", "os._exit"}
    assert not done & {"eval", "exec", "pickle.load", "pickle.loads", "os.system"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_and_functions_are_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body and body[-1].end_lineno else 0
            assert lines <= 60, f"{node.name} has {lines} lines"
            positional = [a.arg for a in node.args.posonlyargs + node.args.args if a.arg not in ("self", "cls")]
            compiled = any("njit" in ast.unparse(decorator) for decorator in node.decorator_list)
            assert compiled or len(positional) <= 4, f"{node.name}: {positional}"


def test_every_module_of_the_table_is_known_once() -> None:
    assert len(LAYER) == sum(len(modules) for modules in LAYERS.values())
