"""What may be told of each grade: the points of every question, and why a grade that does not stand yet stays open.

A grade is open where nobody knows the points: nothing was handed in, the grader failed, a file could not be read, a process ended
by itself, or an answer waits for a person. An open grade has no score, so that nothing can take it for a 0. A score that a person
entered (0 too) settles its question.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory

from autograder.notebooks.bonus import is_bonus
from autograder.notebooks.cells import question_name
from autograder.notebooks.graded import is_finished, is_newer
from autograder.notebooks.status import Status
from autograder.notebooks.verdict import CellVerdict, NotebookRecord


@dataclass(frozen=True)
class Question:
    """One graded cell of one student that carries points. score: None while it is open; `open` says why."""

    notebook: str
    name: str
    written: bool
    bonus: bool
    max_score: float
    status: Status
    score: float | None = None
    auto_score: float | None = None
    manual_score: float | None = None
    extra_credit: float = 0.0
    misconception: str = ""
    seconds: float | None = None
    open: str = ""


@dataclass(frozen=True)
class StudentGrade:
    """One student's assignment. late_penalties: notebook -> points. nothing: why there is nothing to add up, or ""."""

    student: str
    assignment: str
    questions: tuple[Question, ...]
    late_penalties: dict[str, float]
    nothing: str = ""

    @property
    def reason(self) -> str:
        """Why the grade is open, in one line; "" where it stands."""
        return self.nothing or "; ".join(f"{one.name} {one.open}" for one in self.questions if one.open)

    @property
    def score(self) -> float | None:
        """Points with bonus and after the late penalty, never below 0 (as nbgrader counts); None while the grade is open."""
        if self.reason:
            return None
        return max(0.0, sum(one.score or 0.0 for one in self.questions) - sum(self.late_penalties.values()))


def maximum(gradebook: Gradebook, assignment: str) -> float:
    """The points of an assignment without its bonus. (nbgrader's `max_score` is the sum of both.)"""
    return float(
        sum(cell.max_score for _, cell in _cells(gradebook, assignment) if not is_bonus(question_name(cell.name)))
    )


def students_of(gradebook: Gradebook, coursedir: CourseDirectory, assignments: list[str]) -> list[str]:
    """Everybody in the gradebook, and everybody who handed one of these in, sorted."""
    found = {student.id for student in gradebook.students}
    for assignment in assignments:
        pattern = Path(coursedir.format_path(coursedir.submitted_directory, "*", assignment))
        folders = Path(pattern.anchor).glob(str(pattern.relative_to(pattern.anchor)))
        depth = Path(coursedir.format_path(coursedir.submitted_directory, "*", assignment)).parts.index("*")
        found |= {folder.parts[depth] for folder in folders if folder.is_dir()}
    return sorted(found)


def grade_of(gradebook: Gradebook, coursedir: CourseDirectory, assignment: str, student: str) -> StudentGrade:
    """One student's grade, from the gradebook and the records in `autograded/`.

    Raises nbgrader's MissingEntry for an assignment that is not in the gradebook, and UnknownStatusError for a record with
    a word that is no status.
    """
    gradebook.find_assignment(assignment)
    names = sorted({notebook for notebook, _ in _cells(gradebook, assignment)})
    graded = Path(coursedir.format_path(coursedir.autograded_directory, student, assignment))
    try:
        submission = gradebook.find_submission(assignment, student)
    except MissingEntry:
        submission = None
    submitted = Path(coursedir.format_path(coursedir.submitted_directory, student, assignment))
    why, status = "", Status.NOT_GRADED
    if submission is None and not submitted.is_dir():
        why, status = "nothing was handed in", Status.NOT_HANDED_IN
    elif submission is None or not is_finished(graded, names):
        why = f"handed in, and not graded: course grade {assignment}"
    elif is_newer(coursedir, submitted, graded):
        why = f"handed in again since it was graded: course grade {assignment}"
    if why or submission is None:
        return StudentGrade(student, assignment, tuple(_unknown(gradebook, assignment, status, why)), {}, why)
    questions: list[Question] = []
    late = {}
    for notebook in sorted(submission.notebooks, key=lambda one: one.name):
        record = NotebookRecord.read(graded / f"{notebook.name}.ipynb")
        verdicts = {cell.grade_id: cell for cell in record.cells} if record else {}
        late[notebook.name] = float(notebook.late_submission_penalty or 0.0)
        places = {name: place for place, name in enumerate(verdicts)}
        for grade in sorted(notebook.grades, key=lambda one: (places.get(one.cell.name, len(places)), one.cell.name)):
            if grade.cell.max_score:
                whole = record.status if record and record.status.no_attempt else None
                questions.append(_question(notebook.name, grade, verdicts.get(grade.cell.name), whole))
    return StudentGrade(student, assignment, tuple(questions), late)


def _cells(gradebook: Gradebook, assignment: str) -> list[tuple[str, Any]]:
    """(notebook, cell) of each cell that carries points."""
    return [
        (notebook.name, cell)
        for notebook in sorted(gradebook.find_assignment(assignment).notebooks, key=lambda one: one.name)
        for cell in [*notebook.grade_cells, *notebook.task_cells]
        if cell.max_score
    ]


def _unknown(gradebook: Gradebook, assignment: str, status: Status, why: str) -> Iterator[Question]:
    for notebook, cell in _cells(gradebook, assignment):
        name = question_name(cell.name)
        yield Question(notebook, name, _written(cell), is_bonus(name), float(cell.max_score), status, open=why)


def _written(cell: Any) -> bool:
    return bool(cell.cell_type != "code")


def _question(notebook: str, grade: Any, verdict: CellVerdict | None, whole: Status | None) -> Question:
    """whole: what became of the whole notebook, where nothing of it was seen."""
    seen = whole or (verdict.status if verdict else None)
    why = _why_open(grade, seen)
    name = question_name(grade.cell.name)
    exercise = verdict.exercise if verdict else None
    return Question(
        notebook=notebook,
        name=name,
        written=_written(grade.cell),
        bonus=is_bonus(name),
        max_score=float(grade.cell.max_score),
        status=_status(grade, seen, why),
        score=None if why else float(grade.score),
        auto_score=grade.auto_score,
        manual_score=grade.manual_score,
        extra_credit=float(grade.extra_credit or 0.0),
        misconception=(exercise.recognised or "") if exercise else "",
        seconds=round(verdict.seconds, 2) if verdict else None,
        open=why,
    )


def _why_open(grade: Any, seen: Status | None) -> str:
    """Why nobody knows the points of a question; "" where they are known. seen: the grader's status, if it has one."""
    by_hand = grade.manual_score is not None
    if grade.needs_manual_grade:
        return "was graded by hand, then graded again: confirm it in formgrader" if by_hand else "waits for a person"
    if by_hand:
        return ""
    if seen is not None and seen.open:
        return f"is '{seen}': look at it, then enter its points in formgrader"
    return "has no score: grade it again" if grade.auto_score is None else ""


def _status(grade: Any, seen: Status | None, why: str) -> Status:
    """The status of a question, given why it is open (or "")."""
    if grade.manual_score is not None and not why:
        return Status.BY_HAND
    if seen is not None:
        return seen
    if why:
        return Status.PENDING
    return Status.NOT_ATTEMPTED if _written(grade.cell) else Status.GRADED
