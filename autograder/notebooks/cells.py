"""What kind of cell is it? nbgrader's flags and ids, asked in one place."""

from __future__ import annotations

import ast

from nbformat import NotebookNode

# What stands before a function's name in the ids of its cells: the visible test, the hidden test, the statement.
VISIBLE_TEST, HIDDEN_TEST, STATEMENT = "check_", "grade_", "about_"


def is_kind(cell: NotebookNode, kind: str) -> bool:
    """nbgrader's own flags: `grade`, `solution`, `locked`, `task`."""
    return bool(cell.metadata.get("nbgrader", {}).get(kind, False))


def grade_id_of(cell: NotebookNode) -> str | None:
    """nbgrader's name of a cell, unique in its notebook; None for a cell that is not nbgrader's."""
    grade_id: str | None = cell.metadata.get("nbgrader", {}).get("grade_id")
    return grade_id


def question_name(grade_id: str) -> str:
    """The question that a graded cell is about: its grade_id without the prefix of hidden tests."""
    return grade_id.removeprefix(HIDDEN_TEST)


def is_test(cell: NotebookNode) -> bool:
    """A graded code cell of the instructor's: with points or hidden tests in it, it runs on the grader's side."""
    return cell.cell_type == "code" and is_kind(cell, "grade") and not is_kind(cell, "solution")


def runs_at_the_students(cell: NotebookNode) -> bool:
    """Is it a visible test without points? There is nothing to hide or to win in it."""
    return is_test(cell) and not cell.metadata.nbgrader.get("points") and "released" not in cell.metadata


def is_setup(cell: NotebookNode) -> bool:
    """A locked code cell without points: it runs on both sides."""
    return cell.cell_type == "code" and is_kind(cell, "locked") and not is_kind(cell, "grade")


def defined_names(source: str) -> set[str]:
    """Functions, classes and variables that a cell defines at its top level; empty where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def in_points(points: float) -> str:
    """What a question is worth, in words: "1 point", "2.5 points"."""
    return f"{points:g} point{'' if points == 1 else 's'}"
