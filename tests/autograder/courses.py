"""A small real course for tests: one assignment of two bank exercises, made from the bank itself."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course
from autograder.notebooks.new_cells import exercise_cells, nbgrader_cell, setup_cell, source_notebook
from exercises import as_solution, find

ASSIGNMENT = "tiny"
NOTEBOOK = "tiny"
EXERCISES = ("logsumexp", "log_sigmoid")


VISIBLE = {
    "logsumexp": "assert abs(logsumexp(np.array([1000.0, 1000.0])) - 1000.6931) < 1e-3, 'logsumexp([1000, 1000])'",
    "log_sigmoid": "assert abs(log_sigmoid(np.array([0.0]))[0] + math.log(2)) < 1e-9, 'log_sigmoid([0])'",
}


def cells_of(name: str) -> list[NotebookNode]:
    """Statement, solution, visible test and hidden test of one bank exercise."""
    exercise = find(name)
    return exercise_cells(
        name,
        statement=f"## {name}",
        solution=as_solution(exercise.reference, name),
        visible=f"{VISIBLE[name]}\nprint('ok')",
        points=exercise.points,
    )


def tiny_notebook() -> NotebookNode:
    """The instructor's notebook of the tiny assignment."""
    cells = [nbgrader_cell("intro", "# Tiny", kind="text"), setup_cell()]
    for name in EXERCISES:
        cells += cells_of(name)
    rubric = "Why?\n\n=== BEGIN MARK SCHEME ===\nOne point for the reason.\n=== END MARK SCHEME ==="
    cells.append(nbgrader_cell("W1", rubric, kind="written", points=2))
    return source_notebook(*cells)


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
    nbformat.write(tiny_notebook(), source / f"{NOTEBOOK}.ipynb")
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
