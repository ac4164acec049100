"""Grade a class again beside its gradebook, and show per student and check what would be different, and why."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.course.classroom import Classroom
from autograder.course.scratch import copy_of_course
from autograder.grading.job import Result
from autograder.notebooks.graded import GradedSubmission
from autograder.notebooks.verdict import CellVerdict, NotebookRecord


@dataclass(frozen=True)
class Difference:
    """One check (or cell, or whole notebook) of one student that came out differently."""

    student: str
    where: str
    old: str
    new: str
    why: str


def differences_of_a_regrade(
    course: Classroom,
    assignment: str,
    listener: Callable[[Result], None] | None = None,
    *,
    workers: int = 0,
    unsandboxed: bool = False,
) -> Iterator[Difference]:
    """Grade everyone into a scratch gradebook; yields what differs from what is on record. Nothing of the course changes."""
    course.require(assignment)
    before = {submission.student: submission for submission in course.results(assignment)}
    with tempfile.TemporaryDirectory(prefix="regrade-") as name:
        scratch = copy_of_course(course, assignment, Path(name))
        scratch.grade(assignment, listener=listener, workers=workers, unsandboxed=unsandboxed)
        after = {submission.student: submission for submission in scratch.results(assignment)}
    for student in sorted(before.keys() | after.keys()):
        yield from compare(student, before.get(student), after.get(student))


def compare(student: str, old: GradedSubmission | None, new: GradedSubmission | None) -> Iterator[Difference]:
    """What differs between two gradings of one submission."""
    if old is None or new is None:
        was, now = ("not graded" if one is None else f"{one.points:g} points" for one in (old, new))
        yield Difference(student, "submission", was, now, "graded now" if old is None else "no longer handed in")
        return
    records = {record.notebook: record for record in old.records}
    for record in new.records:
        before = records.get(record.notebook)
        if before is None:
            yield Difference(student, record.notebook, "not graded", record.status, "a notebook was added")
        else:
            yield from _compare_notebooks(student, before, record)


def _compare_notebooks(student: str, old: NotebookRecord, new: NotebookRecord) -> Iterator[Difference]:
    changed = [part for part, value in new.digest.items() if old.digest.get(part) != value]
    why = f"changed since: {', '.join(changed)}" if changed else "nothing changed: the grade is not reproducible"
    cells = {cell.grade_id: cell for cell in old.cells}
    for cell in new.cells:
        before = cells.pop(cell.grade_id, None)
        where = f"{new.notebook}: {cell.grade_id}"
        if before is None:
            yield Difference(student, where, "-", _words(cell), why)
        else:
            yield from (
                Difference(student, f"{where}{check}", a, b, why) for check, a, b in _compare_cells(before, cell)
            )
    for cell in cells.values():
        yield Difference(student, f"{new.notebook}: {cell.grade_id}", _words(cell), "-", why)


def _words(cell: CellVerdict) -> str:
    return f"{cell.points:g}/{cell.max_points:g} {cell.status}"


def _compare_cells(old: CellVerdict, new: CellVerdict) -> Iterator[tuple[str, str, str]]:
    """(check, old, new) for what differs: single checks where both have them, else the cell."""
    if _words(old) != _words(new):
        yield "", _words(old), _words(new)
    if old.exercise and new.exercise:
        before = {check.name: check for check in old.exercise.checks}
        for check in new.exercise.checks:
            was = before.get(check.name)
            if was is None or was.passed != check.passed:
                words = {True: "passed", False: "failed", None: "-"}
                yield f", {check.name}", words[was.passed if was else None], words[check.passed]
        if old.exercise.recognised != new.exercise.recognised:
            yield ", recognised", str(old.exercise.recognised), str(new.exercise.recognised)
