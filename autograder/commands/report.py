"""The class report: one self-contained HTML file about one graded assignment, and its plots as PNG files beside it."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from autograder.commands.class_statistics import (
    ExerciseStatistics,
    check_statistics,
    equal_pairs,
    exercise_statistics,
    histogram,
    misconception_statistics,
    pseudonyms,
    status_counts,
)
from autograder.course.attention import reasons_for_a_ta
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.notebooks.cells import question_name
from autograder.notebooks.graded import GradedSubmission
from autograder.notebooks.status import Status
from autograder.notebooks.template import read_templates
from autograder.notebooks.verdict import CellVerdict
from autograder.pages import page, percent, points

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_PAIRS = 20
SHOWN_MISCONCEPTIONS = 12


def write_report(classroom: Classroom, assignment: str, names: bool = False) -> Path:
    """Write the report and return its path: `reports/<assignment>/report.html`, or `report_with_names.html`.

    Raises CourseError where nothing has been graded.
    """
    submissions = classroom.results(assignment)
    if not submissions:
        raise CourseError(f"nothing of {assignment} has been graded yet: first course grade {assignment}")
    folder = classroom.root / "reports" / assignment
    folder.mkdir(parents=True, exist_ok=True)
    ungraded = classroom.ungraded(assignment, submissions)
    everybody = [submission.student for submission in submissions] + ungraded
    course = classroom.coursedir.course_id
    labels = {student: student for student in everybody} if names else pseudonyms(everybody, course)
    scores = _scores(classroom, assignment, submissions)
    verdicts = {submission.student: _verdicts(submission) for submission in submissions}
    exercises = exercise_statistics(verdicts)
    checks = [row for row in check_statistics(verdicts) if row.attempts > 1]
    pairs = equal_pairs(*_answers(classroom, assignment, submissions))
    path = folder / ("report_with_names.html" if names else "report.html")
    html = page(
        "report.html.j2",
        course=course,
        assignment=assignment,
        named=names,
        label=labels.__getitem__,
        scores=scores,
        grades_figure=_figure(folder / "grades.png", lambda: _draw_grades(scores), _grades_in_words(scores)),
        exercises=exercises,
        exercises_figure=_figure(
            folder / "exercises.png", lambda: _draw_exercises(exercises), _exercises_in_words(exercises)
        ),
        misconceptions=misconception_statistics(verdicts),
        shown_misconceptions=SHOWN_MISCONCEPTIONS,
        statuses=status_counts(
            [*(submission.status for submission in submissions), *[Status.INFRASTRUCTURE] * len(ungraded)]
        ),
        submitted=len(everybody),
        reasons=reasons_for_a_ta(submissions, ungraded, scores.pending),
        nobody=[row for row in checks if row.passed == 0],
        everybody=[row for row in checks if row.passed == row.attempts],
        checks=len(checks),
        pairs=pairs[:SHOWN_PAIRS],
        more_pairs=max(0, len(pairs) - SHOWN_PAIRS),
    )
    path.write_text(html, encoding="utf-8")
    return path


# Gathering ---------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Scores:
    """One score per student who handed something in.

    complete: with hand-given points and late penalties, from the gradebook; else the automatic points alone, because
    answers wait for a person. pending: student -> the cells that wait. left_out: how many are not in `values`.
    """

    values: dict[str, float]
    max_score: float
    complete: bool
    pending: dict[str, list[str]] = field(default_factory=dict)
    left_out: int = 0

    @property
    def mean(self) -> float:
        """The mean score in points; 0 where there is none."""
        return statistics.fmean(self.values.values()) if self.values else 0.0

    @property
    def median(self) -> float:
        """The median score in points; 0 where there is none."""
        return statistics.median(self.values.values()) if self.values else 0.0


def _scores(classroom: Classroom, assignment: str, submissions: list[GradedSubmission]) -> Scores:
    from nbgrader.api import Assignment, BaseCell, Grade, SubmittedAssignment, SubmittedNotebook

    students = {submission.student: submission for submission in submissions if not submission.status.no_attempt}
    left_out = len(submissions) - len(students)
    with classroom.gradebook() as gradebook:
        mine = Assignment.name == assignment, Assignment.id == SubmittedAssignment.assignment_id
        grades = (
            gradebook.db.query(SubmittedAssignment.student_id, BaseCell.name, Grade.score, Grade.needs_manual_grade)
            .filter(*mine, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .filter(Grade.notebook_id == SubmittedNotebook.id, BaseCell.id == Grade.cell_id)
            .order_by(SubmittedAssignment.student_id, BaseCell.name)
            .all()
        )
        late = dict(
            gradebook.db.query(SubmittedAssignment.student_id, SubmittedNotebook.late_submission_penalty)
            .filter(*mine, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
            .filter(SubmittedNotebook.late_submission_penalty.isnot(None))
            .all()
        )
        max_score = gradebook.find_assignment(assignment).max_score
    pending: dict[str, list[str]] = {}
    totals = {student: -float(late.get(student, 0.0)) for student in students}
    for student, cell, score, waits in grades:
        if student in students:
            totals[student] += score
            if waits:
                pending.setdefault(student, []).append(cell)
    if pending:
        values = {student: submission.points for student, submission in students.items()}
        return Scores(values, max(s.max_points for s in submissions), False, pending, left_out)
    return Scores(totals, max_score, True, {}, left_out)


def _verdicts(submission: GradedSubmission) -> dict[str, CellVerdict]:
    """exercise -> verdict, of the cells that carry points."""
    cells = [cell for record in submission.records for cell in record.cells if cell.max_points > 0]
    return {question_name(cell.grade_id): cell for cell in cells}


def _answers(
    classroom: Classroom, assignment: str, submissions: list[GradedSubmission]
) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """What each student wrote into the solution cells, and what stood there before."""

    def solutions(notebook: str) -> dict[str, str]:
        cells = [(cell, cell["metadata"].get("nbgrader", {})) for cell in json.loads(notebook)["cells"]]
        return {info["grade_id"]: "".join(cell["source"]) for cell, info in cells if info.get("solution")}

    stubs: dict[str, str] = {}
    for text in read_templates(classroom.folder("source", assignment)).values():
        stubs |= solutions(text)
    answers: dict[str, dict[str, str]] = {}
    for submission in submissions:
        row = answers.setdefault(submission.student, {})
        for path in sorted(classroom.folder("autograded", assignment, submission.student).glob("*.ipynb")):
            row |= solutions(path.read_text(encoding="utf-8"))
    return answers, stubs


# Figures -----------------------------------------------------------------------------------------------------------------

# In the PNG these colours stand on white; in the page each becomes a variable of page.css, which knows light and dark.
COLOURS = {
    "ink": "#1b1f24",
    "soft": "#57606a",
    "line": "#d0d7de",
    "bar": "#4a8fc7",
    "mark": "#b3470a",
    "paper": "#ffffff",
}
RC: Any = {"font.family": "DejaVu Sans", "font.size": 11, "svg.fonttype": "none", "svg.hashsalt": "course"}


def _figure(png: Path, draw: Callable[[], Figure], alt: str) -> Markup:
    """Draw once; write the PNG, return the SVG for the page."""
    with matplotlib.rc_context(RC):
        figure = draw()
        figure.savefig(png, dpi=200, facecolor=COLOURS["paper"], metadata={"Description": alt})
        text = StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = re.sub(r"<metadata>.*?</metadata>", "", text.getvalue(), flags=re.DOTALL)
    svg = svg[svg.index("<svg") :].replace("DejaVu Sans", "system-ui").replace("'system-ui'", "system-ui")
    for name, colour in COLOURS.items():
        svg = svg.replace(colour, f"var(--{name})")
    return Markup(svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1))


def _axes(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.6, height), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(COLOURS["line"])
    axes.tick_params(colors=COLOURS["soft"], length=0)
    return figure, axes


def _draw_grades(scores: Scores) -> Figure:
    counts, edges = histogram(list(scores.values.values()), scores.max_score)
    figure, axes = _axes(3.4)
    width = edges[1] - edges[0]
    axes.bar(edges[:-1], counts, width=width * 0.92, align="edge", color=COLOURS["bar"])
    for left, count in zip(edges, counts, strict=False):
        if count:
            axes.annotate(
                f"{count}", (left + width * 0.46, count), xytext=(0, 3), textcoords="offset points", ha="center", size=10,
                color=COLOURS["soft"], bbox={"facecolor": COLOURS["paper"], "edgecolor": "none", "pad": 1},
            )  # fmt: skip
    marks = sorted([(scores.mean, "mean", "-"), (scores.median, "median", (0, (4, 2)))], key=lambda mark: mark[0])
    at_right = marks[0][0] > edges[-1] / 2  # then both labels stand left of their lines, the outer one above
    for row, (value, name, dash) in enumerate(marks if at_right else reversed(marks)):
        height = 1.02 + 0.09 * row
        axes.axvline(value, 0, height, color=COLOURS["mark"], lw=1.6, linestyle=dash, clip_on=False)
        axes.text(
            value + (-0.01 if at_right else 0.01) * edges[-1], height, f"{name} {points(value)}",
            ha="right" if at_right else "left", va="center", color=COLOURS["mark"], weight="bold",
            transform=axes.get_xaxis_transform(),
        )  # fmt: skip
    axes.set(xlim=(0, edges[-1]), ylim=(0, max(counts.max(), 1) * 1.15), yticks=[])
    axes.set_xticks(edges[:: math.ceil(len(edges) / 9)])
    axes.xaxis.set_major_formatter(lambda value, _: points(value))
    axes.set_xlabel(
        f"points (of {points(scores.max_score)}); the number on a bar counts students", color=COLOURS["soft"]
    )
    return figure


def _draw_exercises(exercises: list[ExerciseStatistics]) -> Figure:
    figure, axes = _axes(0.5 + 0.5 * len(exercises))
    for y, row in enumerate(exercises):
        share = row.mean / row.max_points
        axes.barh(y, 1.0, height=0.36, color=COLOURS["line"], alpha=0.5)
        axes.barh(y, row.pass_rate, height=0.36, color=COLOURS["bar"])
        axes.plot([share] * 2, [y - 0.26, y + 0.26], color=COLOURS["mark"], lw=2.5, solid_capstyle="butt")
        axes.text(0, y - 0.25, row.exercise, ha="left", va="bottom", color=COLOURS["ink"], size=10.5)
        text = f"{percent(row.pass_rate)} pass · mean {points(row.mean)} of {points(row.max_points)}"
        axes.text(1, y - 0.25, text, ha="right", va="bottom", color=COLOURS["soft"], size=9.5)
    axes.set(xlim=(0, 1.005), ylim=(len(exercises) - 0.6, -0.75), yticks=[], xticks=[0, 0.5, 1])
    axes.set_xticklabels(["0 %", "50 %", "100 %"])
    return figure


def _grades_in_words(scores: Scores) -> str:
    counts, edges = histogram(list(scores.values.values()), scores.max_score)
    bars = "; ".join(
        f"{points(low)} to {points(high)} points: {count}"
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
        if count
    )
    return (
        f"Histogram of the scores of {len(scores.values)} students, of {points(scores.max_score)} points. "
        f"Mean {points(scores.mean)}, median {points(scores.median)}. {bars}."
    )


def _exercises_in_words(exercises: list[ExerciseStatistics]) -> str:
    rows = "; ".join(
        f"{row.exercise}: {percent(row.pass_rate)} pass, mean {points(row.mean)} of {points(row.max_points)}"
        for row in exercises
    )
    return f"Bars of the pass rate of {len(exercises)} exercises, with the mean share of points marked. {rows}."
