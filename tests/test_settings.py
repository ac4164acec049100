"""docs/settings.md names every setting and every environment variable there is, with its default, and no other."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import nbgrader.apps
import pytest
from nbgrader.exchange.default.exchange import Exchange
from traitlets import TraitType, Undefined
from traitlets.config import Configurable

import autograder
from autograder.wall.ladder import LADDER
from exercises.seeds import COURSE

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")
FOLDERS = ("autograder", "exercises", "lecture5", "tests", "benchmarks")
OUTSIDE_OF_PYTHON = ("Makefile", ".ci/run", "pyproject.toml")
OURS = re.compile(r"\bCOURSE_[A-Z_]+\b")


# Traitlets --------------------------------------------------------------------------------------------------------------


def modules() -> Iterator[ModuleType]:
    """All of the engine but what runs on the student's side, and the script that runs when it is imported."""
    for info in pkgutil.walk_packages(autograder.__path__, "autograder."):
        if not info.name.startswith("autograder.sandboxed") and not info.name.endswith((".__main__", ".warm_worker")):
            yield importlib.import_module(info.name)


@cache
def traits() -> dict[str, TraitType]:
    """`Class.name` -> each configurable traitlet that a class of ours adds."""
    classes = {
        one
        for module in modules()
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Configurable) and one.__module__.startswith("autograder")
    }
    return {
        f"{one.__name__}.{name}": trait for one in classes for name, trait in one.class_own_traits(config=True).items()
    }


def default_of(trait: TraitType) -> object:
    value = trait.default()
    return trait.default_args[0] if value is Undefined else value


def rows(pattern: str) -> dict[str, str]:
    """name -> default, of the rows of the page's tables whose first cell is such a name."""
    found = re.findall(rf"^\| `({pattern})` \| (.*?) \|", PAGE, re.MULTILINE)
    assert len(found) == len(dict(found)), "a name stands in two rows"
    return dict(found)


def test_each_setting_is_there_with_its_default() -> None:
    assert {"Limits.cpu_seconds", "EngineExporter.seed", "LmsExporter.titles"} <= set(traits())
    assert rows(r"c\.\w+\.\w+") == {f"c.{name}": f"`{default_of(trait)!r}`" for name, trait in traits().items()}


def test_what_the_page_sets_exists() -> None:
    """Of nbgrader's classes too, which its examples set."""
    app = nbgrader.apps.NbGraderApp()
    known = set(traits())
    for one in (*app.all_configurable_classes(), Exchange):
        known |= {f"{one.__name__}.{name}" for name in one.class_traits(config=True)}
    named = set(re.findall(r"\bc\.(\w+\.\w+)", PAGE))
    assert named
    assert named <= known, named - known


# Environment variables --------------------------------------------------------------------------------------------------


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        yield from sorted((ROOT / folder).rglob("*.py"))
    yield from sorted(ROOT.glob("*.py"))


def is_environ(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "environ"


def keys(node: ast.AST) -> Iterator[ast.AST]:
    """What is looked up in, or set for, an environment: os.environ[...], .get, .pop, in; {**os.environ, ...}."""
    if isinstance(node, ast.Subscript) and is_environ(node.value):
        yield node.slice
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
        if is_environ(node.func.value) and node.func.attr != "update":
            yield node.args[0]
        if node.func.attr in ("getenv", "setenv", "delenv"):
            yield node.args[0]
    if isinstance(node, ast.Compare) and any(is_environ(one) for one in node.comparators):
        yield node.left
    if isinstance(node, ast.Dict) and any(key is None and is_environ(value) for key, value in pairs(node)):
        yield from (key for key in node.keys if key is not None)


def pairs(node: ast.Dict) -> Iterator[tuple[ast.expr | None, ast.expr]]:
    return zip(node.keys, node.values, strict=True)


def constants(tree: ast.Module) -> dict[str, str]:
    """NAME -> text, of a module's constants."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


@cache
def used() -> frozenset[str]:
    """Every environment variable that the code reads, sets or passes on."""
    found: set[str] = set()
    trees = {path: ast.parse(path.read_text("utf-8")) for path in files()}
    named = {name: text for tree in trees.values() for name, text in constants(tree).items()}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            for key in keys(node):
                if isinstance(key, ast.Constant):
                    found.add(str(key.value))
                elif isinstance(key, ast.Name) and key.id in named:
                    found.add(named[key.id])
        if path != Path(__file__):
            found |= set(OURS.findall(path.read_text("utf-8")))
    for name in OUTSIDE_OF_PYTHON:
        found |= set(OURS.findall((ROOT / name).read_text("utf-8")))
    return frozenset(found)


def test_each_environment_variable_is_there_and_no_other() -> None:
    assert {"COURSE_SEED", "COURSE_SKIPS", "COURSE_WARM_UP", "PATH"} <= used()  # by a constant, in a test, set, read
    assert set(rows(r"[A-Z_]+")) == used()
    assert set(OURS.findall(PAGE)) <= used()


def test_defaults_of_variables() -> None:
    defaults = rows(r"COURSE_[A-Z_]+")
    assert defaults["COURSE_SEED"] == f"`{COURSE}`"
    assert defaults["COURSE_RUNG"] == f"`{LADDER[0]}`"


# The page fails where it should -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("| `c.Limits.files_mib` | `64` |", "| `c.Limits.files_mib` | `65` |"),
        ("| `c.EngineExporter.lift_bans` |", "| c.EngineExporter.lift_bans |"),
        ("c.Exchange.root", "c.Exchange.nowhere"),
        ("| `COURSE_SKIPS` |", "| COURSE_SKIPS |"),
        ("COURSE_RUNG", "COURSE_RANK"),
        ("| `lecture5` |", "| `lecture6` |"),
    ],
)
def test_a_wrong_page_is_found(monkeypatch: pytest.MonkeyPatch, old: str, new: str) -> None:
    assert old in PAGE
    monkeypatch.setattr(sys.modules[__name__], "PAGE", PAGE.replace(old, new))
    assert any(fails(check) for check in CHECKS)


CHECKS = (
    test_each_setting_is_there_with_its_default,
    test_what_the_page_sets_exists,
    test_each_environment_variable_is_there_and_no_other,
    test_defaults_of_variables,
)


def fails(check: Callable[[], None]) -> bool:
    try:
        check()
    except (AssertionError, KeyError):
        return True
    return False
