"""Visible tests, as students meet them in their feedback: right answers pass, mistakes are named.

They run in the student's process, as they did in the student's own notebook, unless they hide something.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from autograder.commands.simulated_class import read_notebooks, reference_answers, solve
from autograder.grading.job import Job, grade_submission
from autograder.notebooks.cells import runs_at_the_students
from autograder.notebooks.new_cells import nbgrader_cell
from autograder.notebooks.template import read_templates, template
from autograder.notebooks.verdict import CellVerdict, NotebookRecord
from exercises import as_solution, find

pytestmark = pytest.mark.slow(20)

ROOT = Path(__file__).parents[3]
WHERE = {
    "MyAdamW": ("hw3_optimizers", "a3_3_capstone"),
    "EarlyStopping": ("hw4_regularization", "a4_2_dropout_stopping"),
    "kth_largest_stream": ("hw4_regularization", "a4_3_minima_and_online"),
}


def visible(exercise: str, solution: str) -> CellVerdict:
    """The visible test's verdict, graded behind the wall, on a notebook with this solution."""
    assignment, name = WHERE[exercise]
    release = {name: read_notebooks(ROOT / "release" / assignment)[name]}
    nb = solve(release, reference_answers(assignment) | {exercise: solution})[name]
    job = Job(
        "ada",
        assignment,
        {name: nbformat.writes(nb).encode()},
        {name: read_templates(ROOT / "source" / assignment)[name]},
        unsandboxed=True,
    )
    record = NotebookRecord.of(nbformat.reads(grade_submission(job).notebooks[name], as_version=4))
    assert record is not None
    return next(cell for cell in record.cells if cell.grade_id == f"check_{exercise}")


@pytest.mark.parametrize("exercise", WHERE)
def test_a_right_class_or_stream_passes(exercise: str) -> None:
    verdict = visible(exercise, as_solution(find(exercise).reference, exercise))
    assert (verdict.status, verdict.message) == ("passed", "")


@pytest.mark.parametrize(
    ("exercise", "mistake", "words"),
    [
        ("MyAdamW", "no bias correction", "parameter 1 after step 1"),
        ("MyAdamW", "one learning rate for all", "parameter 2 after step 1"),
        ("MyAdamW", "gradients cleared in step", "changed a gradient"),
        ("MyAdamW", "closure is never called", "step(closure)"),
        ("EarlyStopping", "one epoch too late", "patience 2, six losses: step returned"),
        ("EarlyStopping", "epochs counted from 1", "got 0.8 in epoch 4, not 0.8 in 3"),
        ("kth_largest_stream", "whole stream first", "20 numbers were taken from the stream"),
        ("kth_largest_stream", "one too few", "wanted [None, 1, 5, 9, 9]"),
    ],
)
def test_a_core_mistake_fails_and_is_told(exercise: str, mistake: str, words: str) -> None:
    misconception = find(exercise).misconceptions[mistake]
    assert misconception.core
    verdict = visible(exercise, as_solution(misconception.answer, exercise))
    assert verdict.status == "wrong"
    assert words in verdict.message


@pytest.mark.parametrize(
    ("solution", "status", "words"),
    [
        ("raise NotImplementedError", "error", "its cell stopped with NotImplementedError"),
        ("def kth_largest_stream(stream, k):\n    raise NotImplementedError", "not attempted", "Not attempted"),
        ("def kth_largest_stream(stream, k):\n    return 1 / 0", "error", "ZeroDivisionError: division by zero"),
        ("def kth_largest_stream(stream, k):\n    import os; os._exit(0)", "crashed", "ended its process"),
        ("def kth_largest_stream(stream, k):\n    return None", "error", "TypeError"),
    ],
)
def test_other_ends_of_a_test_in_the_students_process(solution: str, status: str, words: str) -> None:
    verdict = visible("kth_largest_stream", solution)
    assert verdict.status == status
    assert words in verdict.message


@pytest.mark.parametrize(
    ("source", "points", "at_the_students"),
    [
        ("assert f(1) == 2", 0, True),
        ("assert f(1) == 2", 1, False),
        ("assert f(1) == 2\n### BEGIN HIDDEN TESTS\nassert f(2) == 3\n### END HIDDEN TESTS", 0, False),
    ],
)
def test_what_has_points_or_hides_something_stays_behind_the_wall(
    source: str, points: float, at_the_students: bool
) -> None:
    test = nbgrader_cell("check_f", source, kind="test", points=points)
    (cell,) = template(nbformat.v4.new_notebook(cells=[test])).cells
    assert runs_at_the_students(cell) == at_the_students


def graded(source: list, answer: str) -> list[CellVerdict]:
    """The verdicts on a notebook that is made of these cells, with this answer in its cell `f`."""
    submitted = nbformat.v4.new_notebook(cells=[nbgrader_cell("f", answer, kind="solution")])
    nb = template(nbformat.v4.new_notebook(cells=source))
    job = Job("ada", "x", {"n": nbformat.writes(submitted).encode()}, {"n": nbformat.writes(nb)}, unsandboxed=True)
    record = NotebookRecord.of(nbformat.reads(grade_submission(job).notebooks["n"], as_version=4))
    assert record is not None
    return record.cells


STUB = nbgrader_cell("f", "def f(x):\n    raise NotImplementedError", kind="solution")


def test_a_hidden_test_without_points_is_judged_behind_the_wall() -> None:
    """The student's code looks for it in its own process, and finds nothing; the verdict tells what failed."""
    hidden = "### BEGIN HIDDEN TESTS\nassert f(2) == 3, 'two'\n### END HIDDEN TESTS"
    cells = [STUB, nbgrader_cell("check_f", hidden, kind="test", points=0)]
    spy = (
        "import inspect\n\ndef f(x):\n    assert 't' + 'wo' not in str(inspect.stack())\n    return 3 if x == 2 else 0"
    )
    assert [cell.status for cell in graded(cells, spy)] == ["passed"]
    assert [cell.status for cell in graded(cells, spy.replace("return 3", "return 4"))] == ["wrong"]


def test_what_a_visible_test_defines_is_there_afterwards() -> None:
    """As in the student's own notebook: a cell of theirs may use it, and after a crash too."""
    cells = [
        nbgrader_cell("check_f", "expected = 3\nassert expected == 4", kind="test", points=0),
        STUB,
        nbgrader_cell("grade_f", "f(2)", kind="test", points=1),
        nbgrader_cell("grade_g", "assert f(1) == 3", kind="test", points=1),
    ]
    answer = "import os\n\ndef f(x):\n    return expected if x == 1 else os._exit(0)"
    assert [cell.status for cell in graded(cells, answer)] == ["wrong", "crashed", "passed"]
