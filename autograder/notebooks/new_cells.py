"""Cells as nbgrader wants them: the metadata that Create Assignment would set, and the cells of one exercise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.notebooks.cells import HIDDEN_TEST, STATEMENT, VISIBLE_TEST, in_points

Kind = Literal["text", "setup", "solution", "test", "written"]
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
SETUP = "import math\n\nimport numpy as np\nimport torch"


def nbgrader_cell(grade_id: str, source: str, *, kind: Kind, points: float | None = None) -> NotebookNode:
    """A cell with nbgrader's metadata; its id is its grade_id.

    kind: text or setup (locked), solution (the student writes code here), test (locked, graded by the engine) or
    written (the student writes text here, graded by hand). points: of a test or a written answer.
    """
    metadata: dict[str, Any] = {
        "grade": kind in ("test", "written"),
        "grade_id": grade_id,
        "locked": kind in ("text", "setup", "test"),
        "schema_version": 3,
        "solution": kind in ("solution", "written"),
        "task": False,
    }
    if points is not None:
        metadata["points"] = points
    make: Callable[..., NotebookNode] = new_markdown_cell if kind in ("text", "written") else new_code_cell
    return make(source.strip(), id=grade_id, metadata={"nbgrader": metadata})


def exercise_cells(name: str, *, statement: str, solution: str, visible: str, points: float) -> list[NotebookNode]:
    """Statement, solution, visible test and hidden test of one exercise of the bank.

    name: the function's. statement: Markdown. solution: the function as students would write it; its body becomes the
    region that they do not get. visible: the test that they see. points: what the exercise's checks are worth together.
    """
    return [
        nbgrader_cell(f"{STATEMENT}{name}", statement, kind="text"),
        nbgrader_cell(name, _with_region(solution), kind="solution"),
        nbgrader_cell(f"{VISIBLE_TEST}{name}", visible, kind="test", points=0),
        nbgrader_cell(f"{HIDDEN_TEST}{name}", _hidden_test(name, points), kind="test", points=points),
    ]


def setup_cell() -> NotebookNode:
    """The imports that every notebook of this course starts with."""
    return nbgrader_cell("setup", SETUP, kind="setup")


def source_notebook(*cells: NotebookNode) -> NotebookNode:
    """An instructor's notebook."""
    nb: NotebookNode = new_notebook(cells=list(cells), metadata={"kernelspec": KERNEL})
    return nb


def _with_region(solution: str) -> str:
    head, _, body = solution.strip().partition("\n")
    return f"{head}\n    ### BEGIN SOLUTION\n{body}\n    ### END SOLUTION"


def _hidden_test(name: str, points: float) -> str:
    return (
        f"# Graded with hidden tests: {in_points(points)}.\n### BEGIN HIDDEN TESTS\nfrom exercises import find\n\n"
        f'find("{name}").grade({name}).as_cell_result()\n### END HIDDEN TESTS'
    )
