"""Every honest mishap in one class, through the whole engine, beside honest students."""

from __future__ import annotations

import json
from pathlib import Path

import courses
import nbformat
import pytest
from mishaps import BOTH, MISHAPS, lay, shares

from autograder.course.classroom import Classroom
from autograder.notebooks.graded import GradedSubmission

pytestmark = pytest.mark.slow(60)

HONEST = ("aaa-first", "zzz-last")


def student_id(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


@pytest.fixture(scope="module")
def graded(walled: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Classroom, dict[str, GradedSubmission]]:
    course = courses.make(
        tmp_path_factory.mktemp("mishaps"), settings="c.Limits.cpu_seconds = 4.0\nc.Limits.memory_mib = 1024\n"
    )
    solved = courses.solved(course)
    for name, mishap in MISHAPS.items():
        lay(course.folder("submitted", courses.ASSIGNMENT, student_id(name)), mishap, solved)
    for student in HONEST:
        courses.submit(course, student, solved)
    assert course.grade(courses.ASSIGNMENT) == []
    return course, {one.student: one for one in course.results(courses.ASSIGNMENT)}


def everything_told(course: Classroom, submission: GradedSubmission) -> str:
    """Notes, messages and outputs: what the feedback page is made of."""
    folder = course.folder("autograded", courses.ASSIGNMENT, submission.student)
    outputs = [
        json.dumps(cell.outputs, ensure_ascii=False)
        for path in folder.glob("*.ipynb")
        for cell in nbformat.read(path, 4).cells
        if cell.cell_type == "code"
    ]
    notes = [note for record in submission.records for note in record.notes]
    messages = [cell.message for record in submission.records for cell in record.cells]
    errors = [cell.exercise.error for record in submission.records for cell in record.cells if cell.exercise]
    return "\n".join([*notes, *messages, *errors, *outputs])


@pytest.mark.parametrize("name", MISHAPS)
def test_what_is_right_keeps_its_points(graded: tuple[Classroom, dict[str, GradedSubmission]], name: str) -> None:
    _, results = graded
    found = shares(results[student_id(name)])
    assert {exercise for exercise, share in found.items() if share == 1.0} == MISHAPS[name].full, found
    assert set(found) == BOTH


@pytest.mark.parametrize("name", [name for name, mishap in MISHAPS.items() if mishap.told])
def test_student_and_ta_are_told(graded: tuple[Classroom, dict[str, GradedSubmission]], name: str) -> None:
    course, results = graded
    assert MISHAPS[name].told in everything_told(course, results[student_id(name)])


@pytest.mark.parametrize("student", HONEST)
def test_nobody_else_is_touched(graded: tuple[Classroom, dict[str, GradedSubmission]], student: str) -> None:
    _, results = graded
    assert results[student].status == "passed"
    assert set(shares(results[student]).values()) == {1.0}


def test_the_gradebook_has_everyone(graded: tuple[Classroom, dict[str, GradedSubmission]]) -> None:
    course, results = graded
    assert len(results) == len(MISHAPS) + len(HONEST)
    with course.gradebook() as gradebook:
        scores = {one.student_id: one.score for one in gradebook.assignment_submissions(courses.ASSIGNMENT)}
    assert scores == {student: pytest.approx(one.points) for student, one in results.items()}


def test_what_is_stored_stays_small(graded: tuple[Classroom, dict[str, GradedSubmission]]) -> None:
    course, _ = graded
    sizes = [path.stat().st_size for path in Path(course.root / "autograded").rglob("*.ipynb")]
    assert max(sizes) < 12 * 2**20
