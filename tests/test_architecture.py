"""The arrows of docs/architecture.md: who may import whom. A new arrow against them fails here."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OWN = ("autograder", "exercises", "lecture5")
# In this order each module may import those to its right only.
CHAIN = ("app", "prove", "report", "classroom", "exporter", "pool", "job", "examiner", "student", "ladder", "limits")
SANDBOXED_MAY = {"numpy", "torch", "scipy", "sklearn", "matplotlib", "IPython"}
SANDBOXED_MAY |= {"wire", "shell", "watch", "confine", "pages"}  # each other


def modules() -> list[Path]:
    return [path for name in OWN for path in sorted((ROOT / name).rglob("*.py"))]


def imported(path: Path) -> set[str]:
    """Full dotted names of what a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_packages(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imported(path)} & set(OWN)


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_packages_do_not_look_up(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    allowed = {"autograder": {"autograder", "exercises"}}.get(package, {package})
    assert own_packages(path) <= allowed


@pytest.mark.parametrize("path", sorted((ROOT / "autograder" / "sandboxed").glob("*.py")), ids=lambda path: path.name)
def test_the_students_side_knows_nothing_of_ours(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(path)}
    assert tops <= SANDBOXED_MAY | set(sys.stdlib_module_names)


@pytest.mark.parametrize("name", CHAIN)
def test_the_chain_has_one_direction(name: str) -> None:
    (path,) = (ROOT / "autograder").rglob(f"{name}.py")
    found = {full.split(".")[2] for full in imported(path) if full.startswith("autograder.") and full.count(".") >= 2}
    left = set(CHAIN[: CHAIN.index(name)])
    assert not found & left, f"{name} imports {found & left}"


def test_the_picture_names_every_module_that_is_there() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text()
    for name in ("rebuild.py", "job.py", "exporter.py", "examiner.py", "student.py", "forkserver.py", "shell.py"):
        assert name in text
        assert list((ROOT / "autograder").rglob(name))
