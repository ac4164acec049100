"""Classes of simulated students, each in a course folder of its own."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle, islice
from pathlib import Path

from autograder.commands.simulated_class import (
    Notebooks,
    SimulatedStudent,
    exercises_by_notebook,
    hand_in,
    read_notebooks,
    roster,
)
from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course

ROOT = Path(__file__).parents[1]
RIGHT = ("reference",)
HONEST = ("reference", "accepted", "misconception")


def students(release: Notebooks, number: int, kinds: tuple[str, ...]) -> list[SimulatedStudent]:
    """So many students: the rows of the bank's class list that are of these kinds, in turn."""
    rows = cycle(row for row in roster(exercises_by_notebook(release)) if row.kind in kinds)
    return [replace(row, name=f"s{index:04}") for index, row in enumerate(islice(rows, number))]


def make_class(root: Path, assignment: str, number: int, kinds: tuple[str, ...]) -> Classroom:
    """A course folder in which so many students handed in."""
    make_course(root, ROOT / "source" / assignment, settings="c.EngineExporter.unsandboxed = True\n")
    course = Classroom(root)
    course.generate(assignment)
    release = read_notebooks(course.folder("release", assignment))
    hand_in(students(release, number, kinds), assignment, release, root / "submitted")
    return course
