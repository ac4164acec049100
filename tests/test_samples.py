"""One exercise of each assignment the whole way behind this host's wall: what `make check` tries of the grader."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from autograder.commands.simulated_class import read_notebooks, reference_answers
from autograder.grading.job import Job, grade_submission
from autograder.notebooks.cells import grade_id_of
from autograder.notebooks.template import template
from autograder.notebooks.verdict import CellVerdict, NotebookRecord
from exercises import as_solution, assignments, exercises_of

pytestmark = [pytest.mark.sample, pytest.mark.slow(20)]

ROOT = Path(__file__).parents[1]


def only(nb: nbformat.NotebookNode, exercise: str, others: set[str]) -> nbformat.NotebookNode:
    """The notebook without the other exercises' cells."""
    foreign = {f"{prefix}{name}" for name in others - {exercise} for prefix in ("about_", "", "check_", "grade_")}
    nb.cells = [cell for cell in nb.cells if grade_id_of(cell) not in foreign]
    return nb


def graded(assignment: str, exercise: str, solution: str) -> CellVerdict:
    """What the hidden test says of a submission that holds this one exercise, solved so."""
    everything = set(reference_answers(assignment))
    sources = read_notebooks(ROOT / "source" / assignment)
    (name,) = (name for name, nb in sources.items() if any(grade_id_of(cell) == exercise for cell in nb.cells))
    tests = nbformat.writes(template(only(sources[name], exercise, everything)))
    handed_in = only(read_notebooks(ROOT / "release" / assignment)[name], exercise, everything)
    next(cell for cell in handed_in.cells if grade_id_of(cell) == exercise).source = solution
    result = grade_submission(Job("ada", assignment, {name: nbformat.writes(handed_in).encode()}, {name: tests}))
    assert not result.failure
    record = NotebookRecord.of(nbformat.reads(result.notebooks[name], as_version=4))
    assert record is not None
    (cell,) = (cell for cell in record.cells if cell.grade_id == f"grade_{exercise}")
    return cell


@pytest.mark.parametrize("assignment", assignments())
def test_a_right_answer_gets_its_points_and_a_mistake_is_named(assignment: str, walled: None) -> None:
    exercise = next(iter(exercises_of(assignment).values()))
    right = graded(assignment, exercise.name, as_solution(exercise.reference, exercise.name))
    assert (right.status, right.points) == ("passed", exercise.points)
    name, mistake = next(iter(exercise.misconceptions.items()))
    wrong = graded(assignment, exercise.name, as_solution(mistake.answer, exercise.name))
    assert wrong.points < exercise.points
    assert wrong.exercise is not None
    assert wrong.exercise.recognised == name
