"""`course new`: a small exercise that works, in the bank and in the notebook, to be made into one's own."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import exercises
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.notebooks.cells import grade_id_of, in_points, is_setup
from autograder.notebooks.new_cells import exercise_cells, setup_cell, source_notebook

BANK = Path(exercises.__file__).parent
# What the files and notebooks of exercises import, and what Python has without an import.
TAKEN = {"Exercise", "find", "math", "np", "torch", *dir(builtins)}

# The example: a function that doubles. Every line with REPLACE is to become the author's own.
IN_THE_BANK = '''\
"""`{name}(x)`: twice the number. REPLACE: what the function gives, in one line."""

from exercises.bank import Exercise


def _{name}(x):  # REPLACE: the reference, slow and obvious
    return 2 * x


# Other right ways -----------------------------------------------------------------------------------------------------


def _as_a_sum(x):  # REPLACE: another way that must get full marks; add more
    return x + x


{name} = Exercise(reference=_{name}, accepted={{"a sum": _as_a_sum}})


# Checks: each returns what it saw. It compares nothing: the reference's numbers are what is wanted. -------------------


@{name}.check("twice the number", points={points:g}, hint="Try it with 1: what do you get, and what should it be?")
def _some_numbers(f, rng):  # REPLACE: inputs from rng, fresh for each student; what the answer gives for them
    return [f(float(x)) for x in rng.normal(size=3)]


# Wrong answers, as students write them --------------------------------------------------------------------------------


# REPLACE: the reference with one edit; core=True: the visible test in the notebook must fail it too.
{name}.mistake(
    "squared",
    edits=[("2 * x", "x * x")],
    core=True,
    hint="""
        You multiply the number with itself, and the statement asks for the number two times. The two are easily mixed up,
        because for 2 they agree: two times two and two squared are both four. For 0 they agree as well. A test with such
        a number cannot tell them apart, so try your function with another one, say with 3, and do it once on paper. Twice
        the number grows in a straight line: a number that is ten times as large gives an answer that is ten times as
        large. The square grows much faster than that. Which of the two lines do you see when you try 1, 10 and 100?
    """,
)
'''
STATEMENT = """
## `{name}(x)`

★☆☆ · 5 minutes · {worth}

REPLACE: what is to be written, and why. `{name}` gives twice the number.

- `x`: a float.
- returned: a float, two times `x`.
"""
SOLUTION = """
def {name}(x):
    return 2 * x
"""
VISIBLE = """
# REPLACE: the tests that students see.
assert {name}(3.0) == 6.0, f"{name}(3.0) should be 6.0, it is {{{name}(3.0)}}"
assert {name}(-0.5) == -1.0, f"{name}(-0.5) should be -1.0, it is {{{name}(-0.5)}}"
print("{name}: the visible tests pass")
"""


@dataclass(frozen=True)
class NewExercise:
    """What `course new` has written. points: of all checks together, and of the hidden test's cell."""

    name: str
    bank_file: Path
    notebook: Path
    points: float


def new_exercise(
    course: Classroom, assignment: str, name: str, *, notebook: str = "", points: float = 1, bank: Path = BANK
) -> NewExercise:
    """Write `ASSIGNMENT/NAME.py` in the bank, and its cells at the end of a notebook of the assignment's source.

    notebook: its name without `.ipynb`, by default the assignment's; made where it is not there. bank: the folder of
    the package `exercises`, by default the one that is installed. Raises CourseError, before anything is written, where
    a name cannot be used or is taken, and where a file cannot be written.
    """
    folder = course.folder("source", assignment)
    if notebook and not re.fullmatch(r"\w[\w-]*", notebook):
        raise CourseError(f"nothing was made: {notebook!r} cannot be a notebook's name (letters, digits, '_' and '-')")
    path = folder / f"{notebook or assignment}.ipynb"
    problems = chain(
        _problems(bank, assignment, name), [] if notebook else _unnamed(folder), _problems_of_notebook(path, name)
    )
    if problem := next(problems, ""):
        raise CourseError(f"nothing was made: {problem}")
    made = NewExercise(name, bank / assignment / f"{name}.py", path, points)
    nb = _with_cells(path, made)
    try:
        _write(made, nb)
    except OSError as error:
        raise CourseError(f"{error.filename} could not be written: {error.strerror}") from error
    return made


def _problems(bank: Path, assignment: str, name: str) -> Iterator[str]:
    """What keeps the bank from taking an exercise of this name."""
    for what in (assignment, name):
        if not what.isidentifier() or keyword.iskeyword(what) or what.startswith("_"):
            yield f"{what!r} cannot be the name (letters, digits and '_', a letter first, and no keyword of Python)"
    if name in TAKEN:
        yield f"{name!r} has a meaning in every notebook already: choose another name"
    if (bank / f"{assignment}.py").exists():
        yield f"{bank / assignment}.py is a part of the bank itself: choose another name for the assignment"
    for file in bank.glob(f"*/{name}.py"):
        yield f"there is an exercise named {name!r} already: {file}"


def _unnamed(folder: Path) -> Iterator[str]:
    """Where there are notebooks, and none is named like the assignment, the author has to say which one is meant."""
    others = sorted(one.stem for one in folder.glob("*.ipynb"))
    if others and folder.name not in others:
        yield f"{folder.name} has the notebooks {', '.join(others)}: say which one with --notebook, or name a new one"


def _problems_of_notebook(path: Path, name: str) -> Iterator[str]:
    """What keeps this notebook from taking the cells."""
    if path.exists():
        try:
            ids = {grade_id_of(cell) or "" for cell in nbformat.read(path, as_version=4).cells}
        except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
            yield f"{path} cannot be read: {str(error).splitlines()[0]}"
            return
        if taken := sorted(ids & {cell.id for cell in _cells(name, 1)}):
            yield f"{path} has cells with the ids {', '.join(taken)}"


def _cells(name: str, points: float) -> list[NotebookNode]:
    texts = {"statement": STATEMENT, "solution": SOLUTION, "visible": VISIBLE}
    filled = {what: text.format(name=name, worth=in_points(points)) for what, text in texts.items()}
    return exercise_cells(name, points=points, **filled)


def _with_cells(path: Path, made: NewExercise) -> NotebookNode:
    """The notebook with the exercise's cells at its end, and a setup cell before them where it has none."""
    nb = nbformat.read(path, as_version=4) if path.exists() else source_notebook()
    if not any(is_setup(cell) for cell in nb.cells):
        nb.cells.append(setup_cell())
    nb.cells += _cells(made.name, made.points)
    return nb


def _write(made: NewExercise, nb: NotebookNode) -> None:
    """All three files; the exercise last: it is what makes the name taken."""
    package = made.bank_file.parent
    package.mkdir(exist_ok=True)
    if not (package / "__init__.py").exists():
        (package / "__init__.py").write_text(f'"""REPLACE: what {package.name} is about, in one line."""\n')
    made.notebook.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, made.notebook)
    made.bank_file.write_text(IN_THE_BANK.format(name=made.name, points=made.points), encoding="utf-8")
