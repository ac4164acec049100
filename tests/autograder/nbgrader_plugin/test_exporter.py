"""A class through real nbgrader with the engine plugged in: points, statuses, messages, and who is not hurt by whom."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import courses
import nbformat
import pytest
from courses import ASSIGNMENT, NOTEBOOK, release_of, solved, submit

from autograder.course.classroom import Classroom
from autograder.notebooks.verdict import NotebookRecord
from exercises import as_solution, find

pytestmark = pytest.mark.slow(40)

FULL = find("logsumexp").points + find("log_sigmoid").points
LSE, SIGMOID = find("logsumexp").points, find("log_sigmoid").points
REFERENCE = as_solution(find("logsumexp").reference, "logsumexp")
WARNS = REFERENCE.replace(
    "    x = np.asarray(x)\n", "    import warnings\n    warnings.warn('careful')\n    x = np.asarray(x)\n", 1
)
MISTAKE = next(name for name, one in find("logsumexp").misconceptions.items() if one.core)
WRONG = as_solution(find("logsumexp").misconceptions[MISTAKE].answer, "logsumexp")


def with_cell(nb, source: str, before: str):
    """The notebook with one more code cell."""
    at = next(i for i, cell in enumerate(nb.cells) if cell.id == before)
    nb.cells.insert(at, nbformat.v4.new_code_cell(source))
    return nb


def helper_below(course: Classroom):
    nb = solved(course, logsumexp="def logsumexp(x, axis=-1, keepdims=False):\n    return below(x, axis, keepdims)")
    nb.cells.append(nbformat.v4.new_code_cell(REFERENCE.replace("def logsumexp", "def below")))
    return nb


def without_metadata(nb):
    for cell in nb.cells:
        cell.metadata.clear()
    return nb


# name -> (what is handed in, points, status of the submission)
CLASS = {
    "right": (lambda c: solved(c), FULL, "passed"),
    "untouched": (lambda c: release_of(c), 0, "not attempted"),
    "wrong": (lambda c: solved(c, logsumexp=WRONG), None, None),
    "warns": (lambda c: solved(c, logsumexp=WARNS), FULL, "passed"),
    "loop": (lambda c: solved(c, logsumexp="def logsumexp(*a, **k):\n    while True: pass"), SIGMOID, "timed out"),
    "scratch-loop": (lambda c: with_cell(solved(c), "while True: pass", "logsumexp"), FULL, "passed"),
    "exits": (lambda c: solved(c, logsumexp="def logsumexp(*a, **k):\n    import os; os._exit(0)"), SIGMOID, "crashed"),
    "syntax": (lambda c: solved(c, logsumexp="def logsumexp(:"), SIGMOID, "error"),
    "deleted": (lambda c: _without(solved(c), "grade_logsumexp", "check_logsumexp"), FULL, "passed"),
    "no-setup": (lambda c: _without(solved(c), "setup"), FULL, "passed"),
    "later-sum": (lambda c: with_cell(solved(c), "sum = 3; list = [1]; max = min = 0; len = 5", "W1"), FULL, "passed"),
    "helper-below": (helper_below, FULL, "passed"),
    "metadata-lost": (lambda c: without_metadata(solved(c)), FULL, "passed"),
    "banned": (
        lambda c: solved(c, logsumexp="def logsumexp(x, **k):\n    return torch.logsumexp(x, -1)"),
        SIGMOID,
        "wrong",
    ),
    "cut-off": (lambda c: nbformat.writes(solved(c)).encode()[:700], 0, "unreadable"),
    "nothing": (lambda c: None, 0, "missing"),
    "zero-bytes": (lambda c: b"", 0, "unreadable"),
    "bom": (lambda c: "\ufeff".encode() + nbformat.writes(solved(c)).encode(), FULL, "passed"),
}


def _without(nb, *ids: str):
    nb.cells = [cell for cell in nb.cells if cell.id not in ids]
    return nb


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """The class of CLASS, graded once."""
    course = courses.make(tmp_path_factory.mktemp("course"), settings="c.Limits.cpu_seconds = 2.0\n")
    for name, (make, _, _) in CLASS.items():
        submit(course, name, make(course))
    assert course.grade(ASSIGNMENT, workers=1, unsandboxed=True) == []
    course.feedback(ASSIGNMENT)
    return course


def record_of(course: Classroom, student: str) -> NotebookRecord:
    path = course.folder("autograded", ASSIGNMENT, student) / f"{NOTEBOOK}.ipynb"
    record = NotebookRecord.of(nbformat.read(path, as_version=4))
    assert record is not None
    return record


def auto_score(course: Classroom, student: str) -> float:
    """What nbgrader's own gradebook holds, written questions aside."""
    with course.gradebook() as gradebook:
        submission = gradebook.find_submission(ASSIGNMENT, student)
        return sum(grade.auto_score or 0.0 for nb in submission.notebooks for grade in nb.grades)


@pytest.mark.parametrize(
    ("student", "points"), [(name, points) for name, (_, points, _) in CLASS.items() if points is not None]
)
def test_points_are_in_nbgraders_gradebook(graded: Classroom, student: str, points: float) -> None:
    assert auto_score(graded, student) == pytest.approx(points)


@pytest.mark.parametrize(("student", "status"), [(name, status) for name, (_, _, status) in CLASS.items() if status])
def test_each_has_its_status(graded: Classroom, student: str, status: str) -> None:
    (submission,) = (one for one in graded.results(ASSIGNMENT) if one.student == student)
    assert submission.status == status


def test_a_mistake_gives_partial_points_its_name_and_its_hint(graded: Classroom) -> None:
    (submission,) = (one for one in graded.results(ASSIGNMENT) if one.student == "wrong")
    assert SIGMOID <= submission.points < FULL
    assert submission.recognised == [("logsumexp", MISTAKE)]
    page = (graded.folder("feedback", ASSIGNMENT, "wrong") / f"{NOTEBOOK}.html").read_text()
    hint = find("logsumexp").misconceptions[MISTAKE].hint
    assert hint.split(". ")[0].split("`")[0][:40] in page


def test_partial_points_and_a_message_stand_together(graded: Classroom) -> None:
    nb = nbformat.read(graded.folder("autograded", ASSIGNMENT, "wrong") / f"{NOTEBOOK}.ipynb", as_version=4)
    (cell,) = (cell for cell in nb.cells if cell.id == "grade_logsumexp")
    text, result = cell.outputs
    assert 0 < float(result["data"]["text/plain"]) < LSE
    assert "logsumexp" in text["text"]


def test_warnings_never_change_a_grade(graded: Classroom) -> None:
    assert auto_score(graded, "warns") == pytest.approx(FULL)


def test_feedback_shows_no_hidden_test(graded: Classroom) -> None:
    for student in CLASS:
        page = (graded.folder("feedback", ASSIGNMENT, student) / f"{NOTEBOOK}.html").read_text()
        assert "as_cell_result" not in page
        assert "HIDDEN TESTS" not in page
        assert "from exercises import" not in page


def test_restored_cells_are_told(graded: Classroom) -> None:
    assert any("grade_logsumexp was missing" in note for note in record_of(graded, "deleted").notes)


def test_a_banned_name_gets_a_clear_message(graded: Classroom) -> None:
    (cell,) = (cell for cell in record_of(graded, "banned").cells if cell.grade_id == "grade_logsumexp")
    assert "torch.logsumexp" in cell.message
    assert cell.points == 0


def test_written_answers_wait_for_a_ta_and_empty_ones_do_not(graded: Classroom) -> None:
    with graded.gradebook() as gradebook:
        grades = {
            student: gradebook.find_grade("W1", NOTEBOOK, ASSIGNMENT, student) for student in ("right", "untouched")
        }
        assert grades["right"].needs_manual_grade
        assert not grades["untouched"].needs_manual_grade


def test_a_second_run_regrades_nothing(graded: Classroom) -> None:
    path = graded.folder("autograded", ASSIGNMENT, "right") / f"{NOTEBOOK}.ipynb"
    before = path.stat().st_mtime_ns
    told: list[str] = []
    graded.grade(ASSIGNMENT, unsandboxed=True, listener=lambda result: told.append(result.student))
    assert told == []
    assert path.stat().st_mtime_ns == before
    graded.grade(
        ASSIGNMENT, ["right"], force=True, unsandboxed=True, listener=lambda result: told.append(result.student)
    )
    assert told == ["right"]


def test_points_that_cannot_be_a_grade_are_clamped() -> None:
    from autograder.notebooks.status import Status
    from autograder.notebooks.verdict import CellVerdict, write_outputs

    cell = nbformat.v4.new_code_cell()
    for points, wanted in ((4.0, []), (1.5, ["1.5"]), (0.0, ["0.0"])):
        write_outputs(cell, CellVerdict("g", points, 4.0, Status.PARTLY, "text"))
        assert [o["data"]["text/plain"] for o in cell.outputs if o.output_type == "execute_result"] == wanted


# Through nbgrader's own commands ---------------------------------------------------------------------------------------------


def nbgrader(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=root, capture_output=True, text=True, timeout=300, env={**os.environ, "PATH": programs, **environment},
    )  # fmt: skip


@pytest.fixture
def honest(tmp_path: Path) -> Classroom:
    """Honest submissions: right, half done, wrong by one known mistake."""
    course = courses.make(tmp_path, settings="c.EngineExporter.unsandboxed = True\n")
    submit(course, "right", solved(course))
    submit(course, "half", solved(course, log_sigmoid=_stub(course, "log_sigmoid")))
    submit(course, "wrong", solved(course, logsumexp=WRONG))
    return course


def _stub(course: Classroom, name: str) -> str:
    return next(cell.source for cell in release_of(course).cells if cell.id == name)


def test_nbgraders_commands_work_with_nothing_but_the_configuration(honest: Classroom) -> None:
    for command in (
        ["generate_assignment", ASSIGNMENT, "--force"],
        ["autograde", ASSIGNMENT],
        ["generate_feedback", ASSIGNMENT],
    ):
        done = nbgrader(honest.root, *command)
        assert done.returncode == 0, done.stderr[-2000:]
    assert auto_score(honest, "right") == pytest.approx(FULL)
    assert auto_score(honest, "half") == pytest.approx(LSE)
    assert record_of(honest, "right").rung


@pytest.mark.long(40)
def test_stock_nbgrader_gives_the_same_scores(honest: Classroom) -> None:
    """The differential test: COURSE_ENGINE=off is stock nbgrader, with kernels and all."""
    assert nbgrader(honest.root, "autograde", ASSIGNMENT).returncode == 0
    ours = {student: auto_score(honest, student) for student in ("right", "half", "wrong")}
    done = nbgrader(honest.root, "autograde", ASSIGNMENT, "--force", COURSE_ENGINE="off")
    assert done.returncode == 0, done.stderr[-2000:]
    nb = nbformat.read(honest.folder("autograded", ASSIGNMENT, "right") / f"{NOTEBOOK}.ipynb", as_version=4)
    assert NotebookRecord.of(nb) is None  # it was not the engine
    assert {student: auto_score(honest, student) for student in ours} == ours


def test_the_api_of_formgrader_goes_through_the_engine(honest: Classroom) -> None:
    from nbgrader.apps.api import NbGraderAPI

    result = NbGraderAPI(honest.coursedir, config=honest.config).autograde(ASSIGNMENT, "right")
    assert result["success"], result
    assert auto_score(honest, "right") == pytest.approx(FULL)
    assert record_of(honest, "right").rung


def test_one_bad_source_notebook_is_one_line(tmp_path: Path) -> None:
    from autograder.course.errors import CourseError

    course = courses.make(tmp_path)
    path = course.folder("source", ASSIGNMENT) / f"{NOTEBOOK}.ipynb"
    nb = json.loads(path.read_text())
    nb["cells"][2]["metadata"]["nbgrader"] = {"grade_id": 3, "grade": "yes"}
    path.write_text(json.dumps(nb))
    submit(course, "right", b"{}")
    with pytest.raises(CourseError) as raised:
        course.grade(ASSIGNMENT, unsandboxed=True)
    assert "\n" not in str(raised.value)
    assert NOTEBOOK in str(raised.value)
