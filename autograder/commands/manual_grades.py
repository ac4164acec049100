"""What people have entered into the gradebook (scores, extra credit, comments), and what a regrade made of it.

nbgrader keeps a manual score when it grades again: it stands in place of the new automatic one, and its question is marked to be
looked at again. Here that is said, per student; so is everything that did not survive.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from nbgrader.api import Assignment, BaseCell, Comment, Grade, Notebook, SubmittedAssignment, SubmittedNotebook

from autograder.commands.regrade import Difference
from autograder.course.classroom import Classroom

Key = tuple[str, str, str]  # student, notebook, cell


@dataclass(frozen=True)
class Entry:
    """What a person has entered for one cell. score: None where only a comment or extra credit was given."""

    score: float | None = None
    max_score: float = 0.0
    auto_score: float | None = None
    extra_credit: float = 0.0
    comment: str = ""

    @property
    def by_hand(self) -> tuple[float | None, float, str]:
        """What is theirs, and must survive."""
        return self.score, self.extra_credit, self.comment

    def __str__(self) -> str:
        parts = [] if self.score is None else [f"{self.score:g}/{self.max_score:g} by hand"]
        parts += [f"{self.extra_credit:g} extra credit"] if self.extra_credit else []
        return ", ".join([*parts, *([f"comment {self.comment[:40]!r}"] if self.comment else [])])


@dataclass(frozen=True)
class ByHand:
    """All of an assignment: what was entered, and the late penalties (student, notebook) -> points."""

    entries: dict[Key, Entry] = field(default_factory=dict)
    penalties: dict[tuple[str, str], float] = field(default_factory=dict)


def entered(course: Classroom, assignment: str) -> ByHand:
    """Read it from the gradebook. Nothing is there before an assignment's first grading."""
    with course.gradebook() as gradebook:
        mine = (
            Assignment.name == assignment,
            Assignment.id == SubmittedAssignment.assignment_id,
            SubmittedNotebook.assignment_id == SubmittedAssignment.id,
            Notebook.id == SubmittedNotebook.notebook_id,
        )
        scores = (
            gradebook.db.query(
                SubmittedAssignment.student_id, Notebook.name, BaseCell.name,
                Grade.manual_score, Grade.max_score, Grade.auto_score, Grade.extra_credit,
            )
            .filter(*mine, Grade.notebook_id == SubmittedNotebook.id, BaseCell.id == Grade.cell_id)
            .all()
        )  # fmt: skip
        comments = (
            gradebook.db.query(SubmittedAssignment.student_id, Notebook.name, BaseCell.name, Comment.manual_comment)
            .filter(*mine, Comment.notebook_id == SubmittedNotebook.id, BaseCell.id == Comment.cell_id)
            .all()
        )
        penalties = (
            gradebook.db.query(SubmittedAssignment.student_id, Notebook.name, SubmittedNotebook.late_submission_penalty)
            .filter(*mine)
            .all()
        )
    said = {(student, notebook, cell): text for student, notebook, cell, text in comments if text}
    entries = {
        (student, notebook, cell): Entry(score, most, auto, extra or 0.0, said.pop((student, notebook, cell), ""))
        for student, notebook, cell, score, most, auto, extra in scores
        if score is not None or extra or (student, notebook, cell) in said
    }
    entries |= {key: Entry(comment=text) for key, text in said.items()}
    return ByHand(entries, {(student, notebook): penalty or 0.0 for student, notebook, penalty in penalties})


def told(before: ByHand, after: ByHand, students: Collection[str]) -> Iterator[Difference]:
    """What a regrade of these students made of everything that was entered: kept, changed or gone; and the late penalties."""
    for key in sorted(before.entries):
        student, notebook, cell = key
        if student not in students:
            continue
        old, new = before.entries[key], after.entries.get(key)
        where = f"{notebook}: {cell}"
        if new is None:
            yield Difference(
                student, where, str(old), "gone", "source/ no longer has this question: enter it again elsewhere"
            )
        elif new.by_hand != old.by_hand:
            yield Difference(student, where, str(old), str(new), "changed: enter it again")
        elif old.score is not None:
            automatic = "" if new.auto_score is None else f" (automatic: {new.auto_score:g})"
            yield Difference(
                student, where, str(old), f"kept{automatic}", "a person's score stands: confirm it in formgrader"
            )
        else:
            yield Difference(student, where, str(old), "kept", "a person's words stand")
    for place in sorted(before.penalties):
        student, notebook = place
        was, now = before.penalties[place], after.penalties.get(place, 0.0)
        if student in students and was != now:
            yield Difference(
                student, f"{notebook}: late penalty", f"{was:g}", f"{now:g}", "the late policy was applied again"
            )
