"""A small real course for tests: one assignment of two bank exercises, made from the bank itself."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course
from exercises import as_solution, find

ASSIGNMENT = "tiny"
NOTEBOOK = "tiny"
EXERCISES = ("logsumexp", "log_sigmoid")


def nbgrader_cell(grade_id: str, source: str, *, kind: str, points: float | None = None):
    """A cell with nbgrader's metadata; kind: text, setup, solution, test or written."""
    metadata = {
        "grade": kind in ("test", "written"),
        "grade_id": grade_id,
        "locked": kind in ("text", "setup", "test"),
        "schema_version": 3,
        "solution": kind in ("solution", "written"),
        "task": False,
    }
    if points is not None:
        metadata["points"] = points
    make = new_markdown_cell if kind in ("text", "written") else new_code_cell
    return make(source, id=grade_id, metadata={"nbgrader": metadata})


def exercise_cells(name: str) -> list:
    """Statement, solution, visible test and hidden test of one bank exercise."""
    head, *body = as_solution(find(name).reference, name).splitlines()
    solution = "\n".join([head, "    ### BEGIN SOLUTION", *body, "    ### END SOLUTION"])
    hidden = (
        "# Graded with hidden tests.\n### BEGIN HIDDEN TESTS\nfrom exercises import find\n"
        f"find({name!r}).grade({name}).as_cell_result()\n### END HIDDEN TESTS"
    )
    visible = {
        "logsumexp": "assert abs(logsumexp(np.array([1000.0, 1000.0])) - 1000.6931) < 1e-3, 'logsumexp([1000, 1000])'",
        "log_sigmoid": "assert abs(log_sigmoid(np.array([0.0]))[0] + math.log(2)) < 1e-9, 'log_sigmoid([0])'",
    }[name]
    return [
        nbgrader_cell(f"about_{name}", f"## {name}", kind="text"),
        nbgrader_cell(name, solution, kind="solution"),
        nbgrader_cell(f"check_{name}", f"{visible}\nprint('ok')", kind="test", points=0),
        nbgrader_cell(f"grade_{name}", hidden, kind="test", points=find(name).points),
    ]


def source_notebook():
    """The instructor's notebook of the tiny assignment."""
    setup = "import math\nimport numpy as np\nimport torch"
    cells = [nbgrader_cell("intro", "# Tiny", kind="text"), nbgrader_cell("setup", setup, kind="setup")]
    for name in EXERCISES:
        cells += exercise_cells(name)
    rubric = "Why?\n\n=== BEGIN MARK SCHEME ===\nOne point for the reason.\n=== END MARK SCHEME ==="
    cells.append(nbgrader_cell("W1", rubric, kind="written", points=2))
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


def make(root: Path, settings: str = "c.Limits.cpu_seconds = 3.0\n") -> Classroom:
    """The course folder with its assignment generated."""
    shutil.copytree(_generated(), root, dirs_exist_ok=True)
    make_course(root, settings=settings)
    return Classroom(root)


@cache
def _generated() -> Path:
    """A course folder with its assignment generated, to be copied: nbgrader takes seconds to make a gradebook."""
    root = Path(tempfile.mkdtemp(prefix="tiny-course-"))
    atexit.register(shutil.rmtree, root)
    source = root / "source" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(source_notebook(), source / f"{NOTEBOOK}.ipynb")
    make_course(root)
    Classroom(root).generate(ASSIGNMENT)
    return root


def release_of(course: Classroom):
    """The notebook that students get."""
    return nbformat.read(course.folder("release", ASSIGNMENT) / f"{NOTEBOOK}.ipynb", as_version=4)


def submit(course: Classroom, student: str, nb) -> Path:
    """Hand in this notebook (or these raw bytes; None: an empty folder)."""
    folder = course.folder("submitted", ASSIGNMENT, student)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{NOTEBOOK}.ipynb"
    if isinstance(nb, bytes):
        path.write_bytes(nb)
    elif nb is not None:
        nbformat.write(nb, path)
    return path


def solved(course: Classroom, **answers: str):
    """The release with the reference's solutions, or these sources, in its solution cells."""
    nb = release_of(course)
    for cell in nb.cells:
        if cell.id in EXERCISES:
            cell.source = answers.get(cell.id, as_solution(find(cell.id).reference, cell.id))
        elif cell.id == "W1":
            cell.source = "Because."
    return nb
