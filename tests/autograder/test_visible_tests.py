"""Visible tests of classes and streams, as students meet them in their feedback: right answers pass, mistakes are named.

A test that needs the student's own process has the tag `in-student-process`; the others go through the proxy.
"""

from __future__ import annotations

from pathlib import Path

import courses
import nbformat
import pytest

from autograder.engine import read_templates
from autograder.job import Job, grade
from autograder.simulated import read_notebooks, reference_answers, solve
from autograder.submission import runs_at_the_students, template
from autograder.verdict import CellVerdict, NotebookRecord
from exercises import as_solution, find

ROOT = Path(__file__).parents[2]
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
    record = NotebookRecord.of(nbformat.reads(grade(job).notebooks[name], as_version=4))
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


def tagged(source: str, points: float):
    cell = courses.nbgrader_cell("check_f", source, kind="test", points=points)
    cell.metadata["tags"] = ["in-student-process"]
    return nbformat.v4.new_notebook(cells=[cell])


def test_a_tagged_cell_is_display_only() -> None:
    (cell,) = template(tagged("assert f(1) == 2", 0)).cells
    assert runs_at_the_students(cell)
    hidden = "assert f(1) == 2\n### BEGIN HIDDEN TESTS\nassert f(2) == 3\n### END HIDDEN TESTS"
    for nb in (tagged("assert f(1) == 2", 1), tagged(hidden, 0)):
        with pytest.raises(ValueError, match="check_f: a cell tagged in-student-process has neither points nor hidden"):
            template(nb)
