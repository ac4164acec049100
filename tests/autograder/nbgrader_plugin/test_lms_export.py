"""Grades out: each export of a real graded class, read back by the columns that its LMS documents."""

from __future__ import annotations

import csv
import logging
import os
import subprocess
import sys
from pathlib import Path

import courses
import nbformat
import pytest
from courses import ASSIGNMENT, NOTEBOOK, solved, submit

from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course
from autograder.nbgrader_plugin import lms_export as export
from autograder.notebooks.new_cells import exercise_cells
from exercises import as_solution, exercises_of, find

pytestmark = pytest.mark.slow(40)

LSE, SIGMOID, WRITTEN = find("logsumexp").points, find("log_sigmoid").points, 2.0
BONUS = find("depth_to_overflow").points
MAXIMUM = LSE + SIGMOID + WRITTEN
NAMES = {
    "right": ('Zoë, the "Z"', "Ångström; Öz"),
    "late": ("Lea", "Te"),
    "enrolled": ("Never", "Came"),
}
STANDS = {"right": MAXIMUM + BONUS, "late": MAXIMUM + BONUS - 1.5, "settled": SIGMOID + WRITTEN + BONUS}
OPEN = {  # student -> what the reason says
    "waits": "W1 waits for a person",
    "crashed": "logsumexp is 'crashed'",
    "unreadable": "'unreadable'",
    "empty": "'missing'",
    "ungraded": "handed in, and not graded",
    "again": "handed in again since it was graded",
    "enrolled": "nothing was handed in",
}
LATE = """
from nbgrader.plugins import LateSubmissionPlugin
class Minus(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return 1.5
c.AssignLatePenalties.plugin_class = Minus
c.Limits.cpu_seconds = 3.0
c.LmsExporter.titles = {"tiny": "Homework, 1 (4711)"}
"""


def source_notebook():
    """The tiny assignment with a bonus question."""
    nb = courses.tiny_notebook()
    name = "depth_to_overflow"
    solution = as_solution(find(name).reference, name)
    _, answer, _, hidden = exercise_cells(name, statement="", solution=solution, visible="", points=BONUS)
    nb.cells += [answer, hidden]
    return nb


def answered(course: Classroom, **answers: str):
    nb = solved(course, **answers)
    for cell in nb.cells:
        if cell.id == "depth_to_overflow":
            cell.source = as_solution(find(cell.id).reference, cell.id)
    return nb


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    root = tmp_path_factory.mktemp("export")
    source = root / "made" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(source_notebook(), source / f"{NOTEBOOK}.ipynb")
    make_course(root, source, settings=LATE)
    course = Classroom(root)
    course.generate(ASSIGNMENT)
    exits = "def logsumexp(*a, **k):\n    import os; os._exit(0)"
    for student in ("right", "late", "waits", "again"):
        submit(course, student, answered(course))
    for student in ("crashed", "settled"):
        submit(course, student, answered(course, logsumexp=exits))
    submit(course, "unreadable", b'{"cells": [')
    submit(course, "empty", None)
    handed_in(course, "late", "2026-05-02 12:00:00 UTC")
    handed_in(course, "again", "2026-04-01 12:00:00 UTC")
    with course.gradebook() as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate="2026-05-01 12:00:00")
        for student, (first, last) in NAMES.items():
            gradebook.update_or_create_student(
                student, first_name=first, last_name=last, email=f"{student}@x.org", lms_user_id=f"99{len(first)}"
            )
    assert course.grade(ASSIGNMENT, workers=1, unsandboxed=True) == []
    with course.gradebook() as gradebook:
        for student in ("right", "late", "again", "crashed", "settled"):
            by_hand(gradebook, "W1", student, WRITTEN)
        by_hand(gradebook, "grade_logsumexp", "settled", 0.0)  # the TA has looked: a crash of their own
        gradebook.db.commit()
    submit(course, "ungraded", answered(course))
    handed_in(course, "again", "2026-04-20 12:00:00 UTC")
    return course


def handed_in(course: Classroom, student: str, when: str) -> None:
    """What `nbgrader submit` writes beside the files."""
    (course.folder("submitted", ASSIGNMENT, student) / "timestamp.txt").write_text(when)


def by_hand(gradebook, cell: str, student: str, score: float) -> None:
    """What formgrader does when a TA enters a score."""
    grade = gradebook.find_grade(cell, NOTEBOOK, ASSIGNMENT, student)
    grade.manual_score, grade.needs_manual_grade = score, False


def exported(course: Classroom, exporter: type[export.GradeExporter], folder: Path, **options) -> list[list[str]]:
    path = folder / "grades.csv"
    with course.gradebook() as gradebook:
        exporter(config=course.config, to=str(path), **options).export(gradebook)
    data = path.read_bytes()
    assert not data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\n") == data.count(b"\r\n")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def check_scores(rows: list[dict[str, str]], key: str, title: str) -> None:
    """Each student is there once; each open grade is empty; each other is the number wanted."""
    found = {row[key]: row[title] for row in rows}
    assert len(found) == len(rows)
    assert {name for name, score in found.items() if score == ""} == set(OPEN)
    assert {name: float(score) for name, score in found.items() if score} == pytest.approx(STANDS)


def as_dicts(rows: list[list[str]]) -> list[dict[str, str]]:
    header, *rest = rows
    assert len(set(header)) == len(header)
    return [dict(zip(header, row, strict=True)) for row in rest]


def test_canvas(course: Classroom, tmp_path: Path) -> None:
    header, possible, *students = exported(course, export.CanvasExporter, tmp_path)
    assert header == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Homework, 1 (4711)"]
    assert "Points Possible" in possible[0]
    assert float(possible[5]) == MAXIMUM  # without the bonus
    rows = as_dicts([header, *students])
    check_scores(rows, "SIS Login ID", "Homework, 1 (4711)")
    (right,) = (row for row in rows if row["SIS Login ID"] == "right")
    assert right["Student"] == 'Ångström; Öz, Zoë, the "Z"'
    assert right["ID"] == "9912"


def test_moodle(course: Classroom, tmp_path: Path) -> None:
    rows = as_dicts(exported(course, export.MoodleExporter, tmp_path))
    check_scores(rows, "Username", "Homework, 1 (4711)")
    (right,) = (row for row in rows if row["Username"] == "right")
    assert (right["First name"], right["Last name"]) == NAMES["right"]
    assert (right["Email address"], right["ID number"]) == ("right@x.org", "9912")


def test_blackboard(course: Classroom, tmp_path: Path) -> None:
    rows = exported(course, export.BlackboardExporter, tmp_path)
    assert rows[0] == ["Last Name", "First Name", "Username", "Student ID", "Homework, 1 (4711)"]
    check_scores(as_dicts(rows), "Username", "Homework, 1 (4711)")
    lines = (tmp_path / "grades.csv").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith('"') and line.endswith('"') for line in lines)
    assert '"waits","",""' in "\n".join(lines)


def test_brightspace(course: Classroom, tmp_path: Path) -> None:
    rows = as_dicts(exported(course, export.BrightspaceExporter, tmp_path))
    assert list(rows[0])[:2] == ["OrgDefinedId", "Username"]
    assert list(rows[0])[-1] == "End-of-Line Indicator"
    assert {row["End-of-Line Indicator"] for row in rows} == {"#"}
    check_scores(rows, "Username", "Homework, 1 (4711) Points Grade")


def test_each_question(course: Classroom, tmp_path: Path) -> None:
    rows = as_dicts(exported(course, export.QuestionExporter, tmp_path))
    assert len(rows) == 4 * (len(STANDS) + len(OPEN))
    table = {(row["student"], row["question"]): row for row in rows}
    assert all((row["score"] == "") == (row["why_open"] != "") for row in rows)
    for student, score in STANDS.items():
        mine = [row for row in rows if row["student"] == student]
        assert sum(float(row["score"]) for row in mine) - float(mine[0]["late_penalty"]) == pytest.approx(score)
    crash = table["crashed", "logsumexp"]
    assert (crash["score"], crash["auto_score"], crash["status"]) == ("", "", "crashed")
    assert float(table["crashed", "log_sigmoid"]["score"]) == SIGMOID  # the other questions are known
    settled = table["settled", "logsumexp"]
    assert (settled["score"], settled["manual_score"], settled["status"]) == ("0", "0", "by hand")
    assert table["right", "depth_to_overflow"]["bonus"] == "yes"
    assert {row["question"] for row in rows if row["bonus"] == "yes"} == {"depth_to_overflow"}
    assert table["right", "W1"]["kind"] == "written"
    assert table["empty", "W1"]["status"] == "missing"
    assert table["enrolled", "W1"]["status"] == "not handed in"


def test_open_grades_are_told_on_screen_and_beside_the_file(
    course: Classroom, tmp_path: Path, caplog, monkeypatch
) -> None:
    monkeypatch.setattr(logging.getLogger("traitlets"), "propagate", True)
    with caplog.at_level(logging.WARNING):
        exported(course, export.CanvasExporter, tmp_path)
    with (tmp_path / "grades.open.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["student"] for row in rows} == set(OPEN)
    for row in rows:
        assert OPEN[row["student"]] in row["why"]
        assert f"{row['student']}, {ASSIGNMENT}: {row['why']}" in caplog.text


def test_only_some_students(course: Classroom, tmp_path: Path) -> None:
    rows = exported(course, export.MoodleExporter, tmp_path, student=["right"], assignment=[ASSIGNMENT])
    assert [row[2] for row in rows] == ["Username", "right"]


def nbgrader_export(course: Classroom, *options: str) -> subprocess.CompletedProcess[str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", "export", *options],
        cwd=course.root, capture_output=True, text=True, timeout=120, env={**os.environ, "PATH": programs},
    )  # fmt: skip


def test_through_nbgraders_own_command(course: Classroom) -> None:
    done = nbgrader_export(course, "--exporter=autograder.nbgrader_plugin.lms_export.CanvasExporter", "--to=canvas.csv")
    assert done.returncode == 0, done.stderr
    assert f"{len(OPEN)} grades are open and were left empty, not 0" in done.stderr
    with (course.root / "canvas.csv").open(encoding="utf-8", newline="") as file:
        header, _, *students = csv.reader(file)
    check_scores(as_dicts([header, *students]), "SIS Login ID", "Homework, 1 (4711)")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"assignment": ["nosuch"]}, ("nosuch", ASSIGNMENT)),
        ({"student": ["nobody"]}, ("nobody",)),
        ({"to": "/proc/nowhere/grades.csv"}, ("/proc/nowhere/grades.csv cannot be written",)),
    ],
)
def test_a_mistake_is_one_line(course: Classroom, tmp_path: Path, caplog, monkeypatch, options, words) -> None:
    monkeypatch.setattr(logging.getLogger("traitlets"), "propagate", True)
    options = {"to": str(tmp_path / "grades.csv"), **options}
    with course.gradebook() as gradebook, pytest.raises(SystemExit) as left, caplog.at_level(logging.ERROR):
        export.MoodleExporter(config=course.config, **options).export(gradebook)
    assert left.value.code == 2
    (record,) = caplog.records
    assert "\n" not in record.getMessage()
    assert all(word in record.getMessage() for word in words)
    assert not (tmp_path / "grades.csv").exists()


def test_the_bank_and_the_statements_agree_on_what_is_a_bonus() -> None:
    root = Path(__file__).parents[3] / "source"
    for path in root.glob("*/*.ipynb"):
        cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
        for name, exercise in exercises_of(path.parent.name).items():
            if f"about_{name}" in cells:
                title = cells[f"about_{name}"].source.splitlines()[0]
                assert exercise.bonus == ("bonus" in title.lower()), name
