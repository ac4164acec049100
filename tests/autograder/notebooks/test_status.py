"""The table of statuses: it is whole, the bank's words are in it, and what a file says that is not in it is told in one line."""

from __future__ import annotations

import ast
import inspect
import json
import logging
import re
from pathlib import Path

import courses
import nbformat
import pytest
from courses import ASSIGNMENT, NOTEBOOK, solved, submit

from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.nbgrader_plugin.lms_export import MoodleExporter
from autograder.notebooks.status import Status, UnknownStatusError, by_points, worst
from autograder.notebooks.verdict import CellVerdict, NotebookRecord
from autograder.pages import FOLDER
from exercises import grading
from exercises.lost import AnswerLost

pytestmark = pytest.mark.slow(20)

# What stands in the files of courses that were graded in earlier years, from best to worst.
IN_FILES = ["passed", "partly", "not attempted", "wrong", "error", "timed out", "out of memory", "crashed",
            "unreadable", "missing", "infrastructure"]  # fmt: skip


# The table ---------------------------------------------------------------------------------------------------------------


def test_the_words_in_old_files_keep_their_order() -> None:
    assert sorted(IN_FILES, key=lambda word: Status(word).rank) == IN_FILES
    assert [status.rank for status in Status] == list(range(len(Status)))


def test_the_worst_counts() -> None:
    assert worst([Status.WRONG, Status.CRASHED, Status.PASSED]) is Status.CRASHED
    assert worst([]) is Status.PASSED


@pytest.mark.parametrize(
    ("points", "status"), [(4, Status.PASSED), (5, Status.PASSED), (0.5, Status.PARTLY), (0, Status.WRONG)]
)
def test_points_alone_are_a_status_too(points: float, status: Status) -> None:
    assert by_points(points, 4.0) is status


@pytest.mark.parametrize("status", Status)
def test_each_line_is_whole(status: Status) -> None:
    assert status.badge
    assert f".{status.colour} {{" in (FOLDER / "page.css").read_text()
    assert status.needs_ta or not status.open, "an open grade that nobody is asked to settle stays open"
    assert status.open or not status.no_attempt, "a notebook that nobody saw has no points that can be told"
    assert status.sentence or status.colour == "good", "who did not pass is told why"


def test_which_grades_are_open_and_who_made_no_attempt() -> None:
    assert {word for word in IN_FILES if Status(word).open} == {"crashed", "unreadable", "missing", "infrastructure"}
    assert {word for word in IN_FILES if Status(word).no_attempt} == {"unreadable", "missing", "infrastructure"}
    assert {word for word in IN_FILES if Status(word).needs_ta} == set(IN_FILES[IN_FILES.index("timed out") :])


@pytest.mark.parametrize("status", Status)
def test_the_page_for_tas_names_each_status(status: Status) -> None:
    rows = (Path(__file__).parents[3] / "docs" / "ta.md").read_text().splitlines()
    assert any(re.match(rf"\| (.*, )?{status}(,| \|)", row) for row in rows)


# The bank's words --------------------------------------------------------------------------------------------------------


def test_each_word_of_the_bank_is_a_status() -> None:
    tree = ast.parse(inspect.getsource(grading._status))
    returned = [node.value for node in ast.walk(tree) if isinstance(node, ast.Return)]
    words = {one.value for part in returned for one in ast.walk(part) if isinstance(one, ast.Constant) and one.value}
    words |= {one.status for one in (AnswerLost, *AnswerLost.__subclasses__())}
    assert words == set(IN_FILES[: IN_FILES.index("unreadable")])
    assert {str(Status(word)) for word in words} == words


# Files -------------------------------------------------------------------------------------------------------------------


def test_a_record_is_json_with_the_same_words() -> None:
    cells = [CellVerdict("grade_f", 1.0, 2.0, Status.PARTLY), CellVerdict("grade_g", 0.0, 2.0, Status.CRASHED)]
    record = NotebookRecord("ada", "hw", "nb", cells, status=Status.CRASHED)
    text = json.dumps(record.to_dict())
    assert '"status": "partly"' in text
    assert text.count('"status": "crashed"') == 2
    again = NotebookRecord.from_dict(json.loads(text))
    assert again == record
    assert [cell.status for cell in again.cells] == [Status.PARTLY, Status.CRASHED]


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """One student, graded; then somebody wrote a word of their own into the record."""
    course = courses.make(tmp_path_factory.mktemp("status"))
    submit(course, "ada", solved(course))
    assert course.grade(ASSIGNMENT, workers=1, unsandboxed=True) == []
    path = course.folder("autograded", ASSIGNMENT, "ada") / f"{NOTEBOOK}.ipynb"
    nb = nbformat.read(path, as_version=4)
    nb.metadata.course.record.cells[-1].status = "exploded"
    path.chmod(0o644)
    nbformat.write(nb, path)
    return course


def told(message: str) -> bool:
    """Is it one line that says whose grade it is, what stands there, and what to do?"""
    wanted = (f"{NOTEBOOK}.ipynb of ada", "'exploded'", f"course grade {ASSIGNMENT} --student ada --force")
    return "\n" not in message and all(word in message for word in wanted)


def test_an_unknown_word_is_told_in_one_line(course: Classroom) -> None:
    with pytest.raises(UnknownStatusError) as raised:
        NotebookRecord.read(course.folder("autograded", ASSIGNMENT, "ada") / f"{NOTEBOOK}.ipynb")
    assert told(str(raised.value))
    with pytest.raises(CourseError) as at_the_report:
        course.results(ASSIGNMENT)
    assert told(str(at_the_report.value))
    with pytest.raises(CourseError) as at_the_feedback:
        course.feedback(ASSIGNMENT)
    assert told(str(at_the_feedback.value))


def test_an_export_tells_it_and_writes_nothing(course: Classroom, tmp_path: Path, caplog, monkeypatch) -> None:
    monkeypatch.setattr(logging.getLogger("traitlets"), "propagate", True)
    exporter = MoodleExporter(config=course.config, to=str(tmp_path / "grades.csv"))
    with course.gradebook() as gradebook, pytest.raises(SystemExit) as left, caplog.at_level(logging.ERROR):
        exporter.export(gradebook)
    assert left.value.code == 2
    assert [told(record.getMessage()) for record in caplog.records] == [True]
    assert list(tmp_path.iterdir()) == []


def test_what_the_line_says_to_do_helps(course: Classroom) -> None:
    assert course.grade(ASSIGNMENT, ["ada"], workers=1, unsandboxed=True, force=True) == []
    assert course.results(ASSIGNMENT)[0].status is Status.PASSED
