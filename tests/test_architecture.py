"""The arrows of docs/architecture.md: who may import whom, and where each file stands on its map.

The test is exhaustive: a file without a layer, or without a line in the map, fails it.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("autograder", "exercises", "lecture5")

# Each folder may import those that stand after it, and what is added here.
STEPS = ("cli", "commands", "course", "nbgrader_plugin", "grading", "wall", "sandboxed")
SERVANTS = {
    "notebooks": {"cli", "commands", "course", "nbgrader_plugin", "grading"},
    "pages": {"commands", "nbgrader_plugin"},
}
# Of the folder that is mounted on the student's side, these are the modules that the grader's side uses too.
SHARED_WITH_THE_STUDENTS_SIDE = {"wire", "protocol", "preload", "huge_pages"}
STUDENTS_SIDE_MAY_IMPORT = {"numpy", "torch", "scipy", "sklearn", "matplotlib", "IPython"}
# Inside exercises/, by module: what each may import. `hw*` stands for the assignments' folders, `*` for all of these.
BANK = {
    "hw*": {"bank", "arrays", "digits", "observation", "sources", "hw*"},
    "__init__": {"bank", "sources", "grading", "verdict"},
    "bank": {"grading", "observation", "seeds", "sources", "verdict"},
    "grading": {"observation", "distance", "lost", "verdict", "seeds"},
    "arrays": {"observation"},
    "observation": {"distance", "lost"},
    "sources": {"observation"},
    "verdict": set(),
    "distance": set(),
    "lost": set(),
    "seeds": set(),
    "digits": set(),
}


@cache
def modules() -> dict[str, Path]:
    """Dotted name -> file, of all modules of this project."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def _is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def _imports(tree: ast.AST, package: str, types_too: bool) -> Iterator[str]:
    """Full dotted names of what is imported anywhere in a module; relative imports are resolved."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif types_too or not _is_for_types_only(node):
            yield from _imports(node, package, types_too)


@cache
def imported(name: str, types_too: bool = True) -> frozenset[str]:
    """What a module imports: our modules by their own names, others in full."""
    path = modules()[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = set()
    for full in _imports(ast.parse(path.read_text()), package, types_too):
        parent = full.rpartition(".")[0]
        found.add(full if full in modules() else parent if parent in modules() else full)
    return frozenset(found - {name})


def ours(name: str) -> set[str]:
    return {one for one in imported(name) if one in modules()}


def folder_of(name: str) -> str:
    """The folder of autograder/ that a module lies in; "" for the package itself and `python -m autograder`."""
    parts = name.split(".")
    return parts[1] if len(parts) > 2 or (ROOT / "autograder" / parts[-1]).is_dir() else ""


def of_package(package: str) -> list[str]:
    return [name for name in modules() if name.split(".")[0] == package]


# autograder -------------------------------------------------------------------------------------------------------------


def may_import(folder: str) -> set[str]:
    """The folders whose modules a folder's modules may import."""
    if folder == "":
        return {"cli"}
    below = set(STEPS[STEPS.index(folder) + 1 :]) if folder in STEPS else set()
    served = {servant for servant, users in SERVANTS.items() if folder in users}
    return below | served | {folder}


@pytest.mark.parametrize("name", of_package("autograder"))
def test_each_module_has_a_layer_and_looks_down_only(name: str) -> None:
    folder = folder_of(name)
    assert folder in {"", *STEPS, *SERVANTS}, f"{name} lies in no layer"
    looked_at = {folder_of(one) for one in ours(name) if one.startswith("autograder.")}
    assert looked_at <= may_import(folder)
    assert {one.split(".")[0] for one in ours(name)} <= {"autograder", "exercises"}


@pytest.mark.parametrize("name", [name for name in of_package("autograder") if folder_of(name) != "sandboxed"])
def test_of_the_students_side_only_what_crosses_is_imported(name: str) -> None:
    found = {one.split(".")[2] for one in ours(name) if one.startswith("autograder.sandboxed.")}
    assert found <= SHARED_WITH_THE_STUDENTS_SIDE


@pytest.mark.parametrize("name", [name for name in of_package("autograder") if folder_of(name) == "wall"])
def test_the_wall_takes_only_lost_answers_from_the_bank(name: str) -> None:
    assert {one for one in ours(name) if one.startswith("exercises")} <= {"exercises.lost"}


@pytest.mark.parametrize("name", [name for name in of_package("autograder") if folder_of(name) == "sandboxed"])
def test_the_students_side_knows_nothing_of_ours(name: str) -> None:
    tops = {one.split(".")[0] for one in imported(name) if not one.startswith("autograder.sandboxed")}
    assert tops <= STUDENTS_SIDE_MAY_IMPORT | set(sys.stdlib_module_names)
    tree = ast.parse(modules()[name].read_text())
    by_name = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    assert not [node.module for node in by_name if (node.module or "").startswith("autograder")], "relative ones only"


# exercises and lecture5 -------------------------------------------------------------------------------------------------


def room(name: str) -> str:
    """The key of BANK for a module of exercises/."""
    parts = name.split(".")
    return "__init__" if len(parts) == 1 else "hw*" if re.match(r"hw\d", parts[1]) else parts[1]


@pytest.mark.parametrize("name", of_package("exercises"))
def test_each_module_of_the_bank_has_its_place(name: str) -> None:
    assert room(name) in BANK, f"{name} has no place in BANK"
    assert {one.split(".")[0] for one in ours(name)} <= {"exercises"}
    at_run_time = {one for one in imported(name, types_too=False) if one in modules()}
    assert {room(one) for one in at_run_time} <= BANK[room(name)]


@pytest.mark.parametrize("name", of_package("lecture5"))
def test_the_lecture_stays_apart(name: str) -> None:
    assert {one.split(".")[0] for one in ours(name)} <= {"lecture5"}


def test_there_is_no_import_circle() -> None:
    graph = {name: {one for one in imported(name, types_too=False) if one in modules()} for name in modules()}
    try:
        tuple(TopologicalSorter(graph).static_order())
    except CycleError as error:
        pytest.fail(f"an import circle: {' -> '.join(error.args[1])}")


# The map ----------------------------------------------------------------------------------------------------------------


def map_of_files() -> set[str]:
    """The paths that the tree in docs/architecture.md names: folders end with a slash, a file stands below its folder."""
    text = (ROOT / "docs" / "architecture.md").read_text()
    (tree,) = re.findall(r"```text\n(autograder/.*?)```", text, re.DOTALL)
    found: set[str] = set()
    folders: list[str] = []
    for line in tree.splitlines():
        if match := re.match(r"( *)([\w*./-]+)(?:  +\S|$)", line):
            depth, name = len(match[1]) // 2, match[2]
            folders = [*folders[:depth], name]
            found.add("".join(folders))
    return found


def files_to_map() -> list[str]:
    """Every Python file that a newcomer may open; an assignment's folder of the bank is one line."""
    paths = [
        path.relative_to(ROOT).as_posix()
        for package in (*PACKAGES, "benchmarks")
        for path in (ROOT / package).rglob("*.py")
    ]
    return sorted(
        {re.sub(r"^(exercises/hw)\d.*$", r"\1*/", path) for path in paths if not path.endswith("__init__.py")}
    )


@pytest.mark.parametrize("path", files_to_map())
def test_each_file_has_a_line_in_the_map(path: str) -> None:
    assert path in map_of_files()


@pytest.mark.parametrize("path", sorted(map_of_files()))
def test_each_line_of_the_map_is_there(path: str) -> None:
    assert list(ROOT.glob(path.rstrip("/")))
