"""A class of simulated students made from the exercise bank: right ways, known mistakes, and mishaps."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import zip_longest
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.notebooks.cells import grade_id_of, is_kind
from exercises import as_solution, exercises_of, find
from exercises.bank import Exercise

Notebooks = dict[str, NotebookNode]

FIRST_NAMES = """
ada alan amara bela boris chen chloe clara dana dmitri ebba elif emil esra farid fatou felix gita grace hana
hugo ida imre ines iris ivan jana jonas juan kaia karim kemal lars leila lena liam lina lucia luis mads maya
mei milan mira nadia nils noor nora olga omar otto paul petra priya quinn rania rosa ruth sami sara sofia sven
tariq thea tomas uma vera victor wanda wei xenia yara yusuf zoe
"""


@dataclass(frozen=True)
class SimulatedStudent:
    """One row of the class list.

    kind: reference, accepted, misconception or mishap. answers: exercise -> the name of the accepted variant or the
    misconception handed in for it. mishap: its name. full: whether every point is due.
    """

    name: str
    kind: str
    answers: dict[str, str]
    mishap: str
    full: bool

    def __str__(self) -> str:
        what = [f"{exercise}: {name}" for exercise, name in self.answers.items()] or [self.mishap]
        return f"{self.kind}: {'; '.join(what)}" if any(what) else self.kind


def solve(release: Notebooks, answers: dict[str, str]) -> Notebooks:
    """The release notebooks with these sources in their solution cells, and words in the written ones."""
    solved = copy.deepcopy(release)
    for nb in solved.values():
        for cell in nb.cells:
            if not is_kind(cell, "solution"):
                continue
            name = grade_id_of(cell)
            if name in answers:
                cell.source = answers[name]
            elif cell.cell_type == "markdown":
                cell.source = "The sigmoid rounds to one there, so the loss has no slope left. I measured it above."
    return solved


def reference_answers(assignment: str) -> dict[str, str]:
    """The reference's source for every exercise of an assignment."""
    return {name: as_solution(exercise.reference, name) for name, exercise in exercises_of(assignment).items()}


# Mishaps: each takes solved notebooks and the exercises, and spoils something ---------------------------------------


def _spoil(notebooks: Notebooks, name: str, source: str) -> Notebooks:
    for nb in notebooks.values():
        for cell in nb.cells:
            if grade_id_of(cell) == name:
                cell.source = source
    return notebooks


def _first_solution(notebooks: Notebooks) -> str:
    return next(
        grade_id_of(cell) or ""
        for nb in notebooks.values()
        for cell in nb.cells
        if is_kind(cell, "solution") and cell.cell_type == "code"
    )


def _scratch(notebooks: Notebooks, source: str) -> Notebooks:
    """A scratch cell before the first solution cell."""
    nb = next(iter(notebooks.values()))
    at = next(i for i, cell in enumerate(nb.cells) if is_kind(cell, "solution"))
    nb.cells.insert(at, nbformat.v4.new_code_cell(source, id="scratch"))
    return notebooks


def _half_finished(solved: Notebooks, release: Notebooks) -> Notebooks:
    names = [
        grade_id_of(cell)
        for nb in solved.values()
        for cell in nb.cells
        if is_kind(cell, "solution") and cell.cell_type == "code"
    ]
    for nb, original in zip(solved.values(), release.values(), strict=True):
        for cell, stub in zip(nb.cells, original.cells, strict=True):
            if grade_id_of(cell) in names[len(names) // 2 :]:  # of a single exercise, nothing is finished
                cell.source = stub.source
    return solved


def _without_tests(solved: Notebooks) -> Notebooks:
    for nb in solved.values():
        nb.cells = [cell for cell in nb.cells if not (is_kind(cell, "grade") and not is_kind(cell, "solution"))]
    return solved


def _body(notebooks: Notebooks, line: str) -> Notebooks:
    """The first exercise's function with one line as its whole body."""
    name = _first_solution(notebooks)
    return _spoil(notebooks, name, f"def {name}(*args, **kwargs):\n    {line}")


MISHAPS: dict[str, tuple[Callable[[Notebooks, Notebooks], Notebooks | None], bool]] = {
    "half finished": (_half_finished, False),
    "empty": (lambda solved, release: copy.deepcopy(release), False),
    "syntax error": (lambda solved, release: _spoil(solved, _first_solution(solved), "def broken(:\n    pass"), False),
    "infinite loop": (lambda solved, release: _body(solved, "while True: pass"), False),
    "memory hog": (lambda solved, release: _body(solved, "return [0.0] * (4 * 10**9)"), False),
    "process ends": (lambda solved, release: _body(solved, "import os; os._exit(0)"), False),
    "output flood": (
        lambda solved, release: _scratch(solved, "for i in range(300_000):\n    print('line', i)"),
        True,
    ),
    "infinite loop in a scratch cell": (lambda solved, release: _scratch(solved, "while True:\n    pass"), True),
    "missing notebook": (lambda solved, release: None, False),
    "deleted test cells": (lambda solved, release: _without_tests(solved), True),
}


def _one_per_notebook(
    kind: str, notebooks: list[list[str]], names: Callable[[Exercise], list[str]]
) -> Iterator[tuple[str, dict[str, str], str, bool]]:
    """Rows in which each notebook holds one variant or misconception and is right otherwise."""
    columns = [[(name, what) for name in exercises for what in names(find(name))] for exercises in notebooks]
    for row in zip_longest(*columns):
        yield kind, dict(entry for entry in row if entry is not None), "", kind == "accepted"


def roster(notebooks: list[list[str]], per_exercise: int | None = None) -> list[SimulatedStudent]:
    """The class list: the reference, every accepted variant, every misconception (one a notebook), every mishap.

    notebooks: the exercises of each notebook. per_exercise: at most so many of each (for a small class).
    """
    rows: list[tuple[str, dict[str, str], str, bool]] = [("reference", {}, "", True)]
    rows += _one_per_notebook("accepted", notebooks, lambda exercise: list(exercise.accepted)[:per_exercise])
    rows += _one_per_notebook("misconception", notebooks, lambda exercise: list(exercise.misconceptions)[:per_exercise])
    rows += [("mishap", {}, what, full) for what, (_, full) in MISHAPS.items()]
    names = FIRST_NAMES.split()
    students = []
    for number, row in enumerate(rows):
        turn, index = divmod(number, len(names))
        students.append(SimulatedStudent(names[index] + (f"-{turn + 1}" if turn else ""), *row))
    return students


def exercises_by_notebook(notebooks: Notebooks) -> list[list[str]]:
    """The graded functions of each notebook, in order."""
    return [
        [
            name
            for cell in nb.cells
            if cell.cell_type == "code" and is_kind(cell, "solution") and (name := grade_id_of(cell))
        ]
        for nb in notebooks.values()
    ]


def notebooks_of(student: SimulatedStudent, assignment: str, release: Notebooks) -> Notebooks | None:
    """What this student hands in; None: nothing but an empty folder."""
    answers = reference_answers(assignment)
    for name, what in student.answers.items():
        exercise = find(name)
        answer = exercise.accepted[what] if student.kind == "accepted" else exercise.misconceptions[what].answer
        answers[name] = as_solution(answer, name)
    solved = solve(release, answers)
    return MISHAPS[student.mishap][0](solved, release) if student.kind == "mishap" else solved


def read_notebooks(folder: Path) -> Notebooks:
    """name -> notebook, for a folder."""
    return {path.stem: nbformat.read(path, as_version=4) for path in sorted(folder.glob("*.ipynb"))}


def hand_in(students: list[SimulatedStudent], assignment: str, release: Notebooks, submitted: Path) -> int:
    """Write the submissions of those who have none yet, and the class list. Returns how many were written."""
    written = 0
    for student in students:
        folder = submitted / student.name / assignment
        if folder.exists():
            continue
        folder.mkdir(parents=True)
        for name, nb in (notebooks_of(student, assignment, release) or {}).items():
            nbformat.write(nb, folder / f"{name}.ipynb")
        written += 1
    (submitted.parent / "class.json").write_text(json.dumps([asdict(student) for student in students], indent=1))
    return written
