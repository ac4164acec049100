"""Which submissions need a person, why, and what to do: for the screen after grading and for the class report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from autograder.notebooks.cells import question_name
from autograder.notebooks.graded import GradedSubmission
from autograder.notebooks.status import Status
from autograder.notebooks.verdict import CellVerdict


@dataclass
class Reason:
    """Why submissions need a person. rows: (student, what)."""

    title: str
    todo: str
    rows: list[tuple[str, str]] = field(default_factory=list)


def reasons_for_a_ta(
    submissions: list[GradedSubmission], ungraded: list[str], pending: dict[str, list[str]]
) -> list[Reason]:
    """What in this class needs a person, most urgent first; reasons that nobody has are left out.

    ungraded: students who handed in and have no grade. pending: student -> written answers that wait.
    """
    reasons = [_with_status(status, submissions) for status in reversed(Status) if status.needs_ta]
    for reason in reasons:
        if reason.title == Status.INFRASTRUCTURE:
            reason.rows[:0] = [(student, "handed in, not graded") for student in ungraded]
    return [reason for reason in (*reasons, _flags(submissions), _notes(submissions), _waiting(pending)) if reason.rows]


def _with_status(status: Status, submissions: list[GradedSubmission]) -> Reason:
    """Who has this status somewhere, and where: the questions, or what the record notes about the whole notebook."""
    reason = Reason(status, status.todo)
    for submission in submissions:
        records = [record for record in submission.records if record.status is status]
        where = ", ".join(question_name(cell.grade_id) for cell in _cells(submission) if cell.status is status)
        if status.no_attempt and records:
            where = " ".join(note for record in records for note in record.notes)
        if where or records:
            reason.rows.append((submission.student, where))
    return reason


def _cells(submission: GradedSubmission) -> list[CellVerdict]:
    return [cell for record in submission.records for cell in record.cells if cell.max_points > 0]


def _flags(submissions: list[GradedSubmission]) -> Reason:
    reason = Reason("perhaps by forbidden means", "The grade is untouched: read the cell, then decide.")
    for submission in submissions:
        if raised := [flag for cell in _cells(submission) for flag in cell.flags]:
            reason.rows.append((submission.student, _short(raised)))
    return reason


def _notes(submissions: list[GradedSubmission]) -> Reason:
    reason = Reason("notes of the grader", "Cells that were restored, moved or left out: see that nobody lost work.")
    for submission in submissions:
        records = [record for record in submission.records if not record.status.no_attempt]
        if kept := [note for record in records for note in record.notes]:
            reason.rows.append((submission.student, _short(kept)))
    return reason


def _waiting(pending: dict[str, list[str]]) -> Reason:
    counts = Counter(", ".join(cells) for cells in pending.values())
    rows = [("", f"{cells}: {number} students") for cells, number in counts.most_common()]
    return Reason("written answers to grade", Status.PENDING.todo, rows)


def _short(lines: list[str]) -> str:
    return " ".join(lines[:2]) + (f" … and {len(lines) - 2} more" if len(lines) > 2 else "")
