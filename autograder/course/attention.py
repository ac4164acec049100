"""Which submissions need a person, why, and what to do: for the screen after grading and for the class report."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from autograder.commands.class_statistics import NO_ATTEMPT
from autograder.notebooks.cells import question_name
from autograder.notebooks.graded import GradedSubmission

# What a TA has to look at, and what to do about it.
NEEDS_TA = {
    "infrastructure": "Not graded, through no fault of theirs: grade them again.",
    "unreadable": "The file could not be read: ask for it again.",
    "missing": "A notebook is not there: ask for it, or enter the 0 yourself.",
    "crashed": "Ended the process: look at the cell.",
    "out of memory": "Over the memory limit: look at the cell.",
    "timed out": "Over the time limit: look at the cell.",
}


@dataclass
class Reason:
    """Why submissions need a person. rows: (student, what)."""

    title: str
    todo: str
    rows: list[tuple[str, str]] = field(default_factory=list)


def reasons_for_a_ta(
    submissions: list[GradedSubmission], ungraded: list[str], pending: dict[str, list[str]]
) -> list[Reason]:
    """What in this class needs a person, most urgent first. pending: student -> written answers that wait."""
    reasons = {status: Reason(status, todo) for status, todo in NEEDS_TA.items()}
    reasons["infrastructure"].rows += [(student, "handed in, not graded") for student in ungraded]
    notes = Reason("notes of the grader", "Cells that were restored, moved or left out: see that nobody lost work.")
    flags = Reason("perhaps by forbidden means", "The grade is untouched: read the cell, then decide.")
    for submission in submissions:
        cells = [cell for record in submission.records for cell in record.cells if cell.max_points > 0]
        records = {record.status for record in submission.records}
        for status, reason in reasons.items():
            where = [question_name(cell.grade_id) for cell in cells if cell.status == status]
            if status in NO_ATTEMPT and status in records:
                where = [note for record in submission.records if record.status == status for note in record.notes]
            if where or status in records:
                reason.rows.append((submission.student, ", ".join(where)))
        kept = [note for record in submission.records if record.status not in NO_ATTEMPT for note in record.notes]
        if kept:
            notes.rows.append((submission.student, _short(kept)))
        raised = [flag for cell in cells for flag in cell.flags]
        if raised:
            flags.rows.append((submission.student, _short(raised)))
    waiting = Reason("written answers to grade", "Open nbgrader's formgrader and read them.")
    counts = Counter(", ".join(cells) for cells in pending.values())
    waiting.rows = [("", f"{cells}: {number} students") for cells, number in counts.most_common()]
    return [reason for reason in (*reasons.values(), flags, notes, waiting) if reason.rows]


def _short(lines: list[str]) -> str:
    return " ".join(lines[:2]) + (f" … and {len(lines) - 2} more" if len(lines) > 2 else "")
