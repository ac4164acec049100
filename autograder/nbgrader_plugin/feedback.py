"""The feedback page: what a student sees of a graded notebook, and never a hidden test, its numbers, or a traceback of ours.

`GenerateFeedback` renders with `FeedbackExporter` in place of nbconvert's HTML exporter. The page is built from what may be shown
(the record's verdicts, the gradebook's scores, the student's own cells); nothing else of the notebook reaches it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from markupsafe import Markup
from nbconvert.exporters import Exporter
from nbformat import NotebookNode
from nbgrader.preprocessors import GetGrades
from nbgrader.preprocessors.clearhiddentests import ClearHiddenTests
from traitlets.config import Config

from autograder.notebooks.bonus import is_bonus
from autograder.notebooks.cells import grade_id_of, is_kind, is_setup, is_test, question_name
from autograder.notebooks.status import Status, by_points
from autograder.notebooks.verdict import CellVerdict, NotebookRecord
from autograder.pages import page
from autograder.pages.markup import markdown, outputs, python, python_style


@dataclass(frozen=True)
class Card:
    """One graded cell as the student sees it. `checks`: (passed, text, points, max_points) of each property."""

    anchor: str
    title: str
    is_code: bool
    score: float
    max_score: float
    status: Status
    sentence: str = ""
    checks: list[tuple[bool, str, float, float]] = field(default_factory=list)
    recognised: str = ""
    hint: str = ""
    by_hand: bool = False
    bonus: bool = False

    @property
    def waits(self) -> bool:
        """A person has to grade it: there are no points to show yet."""
        return self.status is Status.PENDING


@dataclass(frozen=True)
class Block:
    """One cell of the page. kind: text, answer (the student's), given (the instructor's code) or test."""

    kind: str
    html: Markup
    is_code: bool = False
    outputs: list[Markup] = field(default_factory=list)
    comment: Markup | None = None
    card: Card | None = None


class ScoresForFeedback(GetGrades):
    """nbgrader's scores and comments, and whether a person has graded, or still has to."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        cell, resources = super().preprocess_cell(cell, resources, cell_index)
        if is_kind(cell, "grade") or is_kind(cell, "task"):
            grade = self.gradebook.find_grade(grade_id_of(cell), self.notebook_id, self.assignment_id, self.student_id)
            cell.metadata.nbgrader["pending"] = bool(grade.needs_manual_grade)
            cell.metadata.nbgrader["by_hand"] = grade.manual_score is not None
        return cell, resources


class FeedbackExporter(Exporter):
    """Writes the feedback page of one notebook."""

    file_extension = ".html"
    output_mimetype = "text/html"

    def from_notebook_node(  # type: ignore[override]  # as nbconvert's own exporters: text comes out
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[str, dict[str, Any]]:
        nb, resources = super().from_notebook_node(nb, resources, **kwargs)
        return feedback_page(nb, resources["nbgrader"]), resources


def configure_feedback(c: Config) -> None:
    """Plug the feedback page into an nbgrader configuration."""
    c.GenerateFeedback.exporter_class = FeedbackExporter
    c.GenerateFeedback.preprocessors = [ScoresForFeedback]


def feedback_page(nb: NotebookNode, grades: dict[str, Any]) -> str:
    """The HTML page of a graded notebook. grades: nbgrader's resources, with the scores that `GetGrades` put there."""
    record = NotebookRecord.of(nb) or NotebookRecord(grades["student"], grades["assignment"], grades["notebook"])
    blocks = list(_blocks(nb, record))
    cards = [block.card for block in blocks if block.card and block.card.max_score > 0]
    bonus = sum(card.max_score for card in cards if card.bonus)
    heading = next((_first_heading(cell.source) for cell in nb.cells if cell.cell_type == "markdown"), "")
    return page(
        "feedback.html.j2",
        title=heading or grades["notebook"],
        student=grades["student"],
        assignment=grades["assignment"],
        notebook=grades["notebook"],
        score=max(0.0, grades["score"]),
        max_score=grades["max_score"] - bonus,
        bonus=bonus,
        late_penalty=grades["late_penalty"],
        notes=record.notes,
        blocks=blocks,
        cards=cards,
        code_style=python_style(),
    )


def _first_heading(source: str) -> str:
    found = re.search(r"^#{1,3} +(.+)$", source, re.MULTILINE)
    return found[1].strip(" #") if found else ""


def _blocks(nb: NotebookNode, record: NotebookRecord) -> Iterator[Block]:
    verdicts = {cell.grade_id: cell for cell in record.cells}
    heading = ""
    for cell in nb.cells:
        info = cell.metadata.get("nbgrader", {})
        graded = is_kind(cell, "grade") or is_kind(cell, "task")
        comment = markdown(info["comment"]) if info.get("comment") else None
        if is_test(cell):
            yield _test_block(cell, verdicts.get(grade_id_of(cell) or ""))
        elif cell.cell_type == "code":
            kind = "given" if is_setup(cell) else "answer"
            card = _written_card(cell, heading) if graded else None
            yield Block(kind, python(cell.source), True, outputs(cell), comment, card)
        else:
            kind = "answer" if is_kind(cell, "solution") or cell.get("id", "").startswith("student-") else "text"
            card = _written_card(cell, heading) if graded else None
            heading = _first_heading(cell.source) if kind == "text" else heading
            yield Block(kind, markdown(cell.source, cell.get("attachments")), comment=comment, card=card)


# Cards -------------------------------------------------------------------------------------------------------------------


def _score(cell: NotebookNode) -> tuple[float, float]:
    info = cell.metadata.nbgrader
    return float(info.get("score") or 0), float(info.get("points") or 0)


def _anchor(cell: NotebookNode) -> str:
    return "cell-" + re.sub(r"[^\w-]", "-", grade_id_of(cell) or "")


def _written_card(cell: NotebookNode, heading: str) -> Card:
    """An answer that a person grades."""
    score, max_score = _score(cell)
    status = Status.PENDING if cell.metadata.nbgrader.get("pending") else Status.BY_HAND
    return Card(
        _anchor(cell),
        heading or grade_id_of(cell) or "",
        False,
        score,
        max_score,
        status,
        status.sentence,
        by_hand=status is Status.BY_HAND,
    )


def _test_block(cell: NotebookNode, verdict: CellVerdict | None) -> Block:
    """A test cell: its verdict, and of its source what the student was given."""
    visible = ClearHiddenTests().preprocess_cell(cell.copy(), {}, 0)[0].source
    hidden = visible != cell.source
    code = "" if all(line.lstrip().startswith("#") for line in visible.splitlines() if line.strip()) else visible
    card = _test_card(cell, verdict, hidden) if verdict else _bare_card(cell)
    return Block("test", python(code) if code else Markup(""), True, card=card)


def _bare_card(cell: NotebookNode) -> Card:
    """A test cell which another engine graded: nothing is known but the score."""
    score, max_score = _score(cell)
    grade_id = grade_id_of(cell) or ""
    return Card(
        _anchor(cell),
        grade_id,
        True,
        score,
        max_score,
        by_points(score, max_score),
        bonus=is_bonus(question_name(grade_id)),
    )


def _test_card(cell: NotebookNode, verdict: CellVerdict, hidden: bool) -> Card:
    score, max_score = _score(cell)
    exercise = verdict.exercise
    sentence = _for_students(verdict.message, hidden) if exercise is None else exercise.error
    by_hand = bool(cell.metadata.nbgrader.get("by_hand"))
    return Card(
        anchor=_anchor(cell),
        title=exercise.exercise if exercise else re.sub(r"^(grade|check)_", "", verdict.grade_id),
        is_code=True,
        score=score,
        max_score=max_score,
        status=verdict.status,
        sentence=sentence or verdict.status.sentence,
        checks=[(check.passed, check.message, check.points, check.max_points) for check in exercise.checks]
        if exercise and verdict.status is not Status.NOT_ATTEMPTED
        else [],
        recognised=(exercise.recognised or "") if exercise else "",
        hint=exercise.hint if exercise else "",
        by_hand=by_hand,
        bonus=is_bonus(question_name(verdict.grade_id)),
    )


def _for_students(message: str, hidden: bool) -> str:
    """A message without a hidden test's numbers: an assertion prints the wanted ones, an exception may hold the inputs."""
    if not hidden:
        return message
    line = message.strip().partition("\n")[0]
    if not re.search(r"(?<![\w.])[-+]?\d", re.sub(r"[\d.]+ of [\d.]+ points", "", line)):
        return line
    raised = re.match(r"Your code raised \w+", line)
    return f"{raised[0]}." if raised else ""
