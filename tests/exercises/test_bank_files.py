"""A file of the bank is read from top to bottom: the right ways, the checks, the mistakes, one statement for each."""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator

import pytest
from bank_cases import EXERCISES, Case

from exercises import find


def _entry(node: ast.expr, kind: str) -> str | None:
    """The name in `exercise.check("...")` or `exercise.mistake("...")`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == kind:
        return ast.literal_eval(node.args[0])
    return None


def entries(case: Case, kind: str) -> Iterator[tuple[str, ast.stmt]]:
    """(name, statement) of each check or mistake in the exercise's file, from top to bottom."""
    module = importlib.import_module(f"exercises.{case.assignment}.{case.exercise}")
    for statement in ast.parse(inspect.getsource(module)).body:
        calls = [statement.value] if isinstance(statement, ast.Expr) else getattr(statement, "decorator_list", [])
        yield from ((name, statement) for call in calls if (name := _entry(call, kind)) is not None)


def per_exercise(function):
    return pytest.mark.parametrize("case", EXERCISES, ids=lambda case: case.exercise)(function)


@per_exercise
def test_a_file_names_checks_and_mistakes_in_the_order_of_its_exercise(case: Case):
    exercise = find(case.exercise)
    assert [name for name, _ in entries(case, "check")] == [check.name for check in exercise.checks]
    assert [name for name, _ in entries(case, "mistake")] == list(exercise.misconceptions)


@per_exercise
def test_each_check_stands_above_the_function_that_looks(case: Case):
    looks = [statement.name for _, statement in entries(case, "check")]
    assert looks == [check.observe.__name__ for check in find(case.exercise).checks]


@per_exercise
def test_all_checks_come_before_the_mistakes(case: Case):
    last_check = max(statement.lineno for _, statement in entries(case, "check"))
    assert last_check < min(statement.lineno for _, statement in entries(case, "mistake"))
