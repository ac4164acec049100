"""torch's and scipy's own functions as students: with the bans lifted they get full marks, with the bans in force none.

The witnesses of the bank go the students' way: a notebook, the sandbox, the hidden tests on what crosses the wall.
"""

from __future__ import annotations

import functools
from pathlib import Path

import nbformat
import pytest

from autograder.commands.simulated_class import Notebooks, read_notebooks, reference_answers, solve
from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course
from autograder.grading.job import Job, Result, grade_submission
from autograder.notebooks.template import read_templates
from autograder.notebooks.verdict import CellVerdict, NotebookRecord
from exercises import as_solution, assignments, exercises_of, find

pytestmark = pytest.mark.slow(60)

ROOT = Path(__file__).parents[3]
BANNED = "hw1_log_probabilities"  # graded with the bans in force too
SMALL = "hw0_warmup"  # through nbgrader's commands as well


def class_of(assignment: str) -> dict[str, dict[str, str]]:
    """student -> exercise -> the witness handed in: student k has the k-th of every exercise, where there is one."""
    witnesses = {name: list(exercise.witnesses) for name, exercise in exercises_of(assignment).items()}
    ranks = max(len(names) for names in witnesses.values())
    return {
        f"witness-{rank + 1}": {name: names[rank] for name, names in witnesses.items() if rank < len(names)}
        for rank in range(ranks)
    }


def students(*names: str) -> list[tuple[str, str]]:
    return [(assignment, student) for assignment in names for student in class_of(assignment)]


def notebooks_of(assignment: str, student: str) -> Notebooks:
    """The release with the student's witnesses as solutions; the reference where there is none."""
    chosen = class_of(assignment)[student]
    witnesses = {name: as_solution(find(name).witnesses[one], name) for name, one in chosen.items()}
    return solve(read_notebooks(ROOT / "release" / assignment), reference_answers(assignment) | witnesses)


@functools.cache
def graded(assignment: str, student: str, lift_bans: bool) -> Result:
    notebooks = {name: nbformat.writes(nb).encode() for name, nb in notebooks_of(assignment, student).items()}
    templates = read_templates(ROOT / "source" / assignment)
    return grade_submission(Job(student, assignment, notebooks, templates, unsandboxed=True, lift_bans=lift_bans))


def records(result: Result) -> list[NotebookRecord]:
    found = [NotebookRecord.of(nbformat.reads(text, as_version=4)) for text in result.notebooks.values()]
    return [record for record in found if record is not None]


def cells(result: Result) -> dict[str, CellVerdict]:
    return {cell.grade_id: cell for record in records(result) for cell in record.cells}


@pytest.mark.parametrize(("assignment", "student"), students(*assignments()))
def test_a_librarys_own_function_gets_full_marks(assignment: str, student: str) -> None:
    result = graded(assignment, student, True)
    seen = cells(result)
    assert {f"{what}_{name}" for name in exercises_of(assignment) for what in ("check", "grade")} <= set(seen)
    assert {one.grade_id: one.message for one in seen.values() if one.status != "passed"} == {}
    assert result.points == pytest.approx(sum(exercise.points for exercise in exercises_of(assignment).values()))


@pytest.mark.parametrize("student", class_of(BANNED))
def test_with_the_bans_in_force_it_gets_nothing(student: str) -> None:
    seen, chosen = cells(graded(BANNED, student, False)), class_of(BANNED)[student]
    for name, exercise in exercises_of(BANNED).items():
        cell = seen[f"grade_{name}"]
        if name in chosen:
            assert (cell.points, cell.status) == (0, "wrong"), name
            assert "your code uses" in cell.message
        else:
            assert cell.points == exercise.points, name


def test_a_lifted_ban_is_recorded_with_the_grade() -> None:
    for lift_bans, word in ((True, "lifted"), (False, "in force")):
        result = graded(BANNED, "witness-1", lift_bans)
        assert {record.digest["bans"] for record in records(result)} == {word}


@pytest.mark.parametrize(("settings", "share"), [("c.EngineExporter.lift_bans = True\n", 1.0), ("", 0.0)])
def test_the_instructor_lifts_the_bans_in_the_configuration(tmp_path: Path, settings: str, share: float) -> None:
    make_course(tmp_path, ROOT / "source" / SMALL, settings=settings)
    course = Classroom(tmp_path)
    course.generate(SMALL)
    folder = course.folder("submitted", SMALL, "witness-1")
    folder.mkdir(parents=True)
    for name, nb in notebooks_of(SMALL, "witness-1").items():
        nbformat.write(nb, folder / f"{name}.ipynb")
    assert course.grade(SMALL, workers=1, unsandboxed=True) == []
    with course.gradebook() as gradebook:
        submission = gradebook.find_submission(SMALL, "witness-1")
        points = sum(one.auto_score or 0 for nb in submission.notebooks for one in nb.grades)
    assert points == share * sum(exercise.points for exercise in exercises_of(SMALL).values())


@pytest.mark.parametrize("assignment", assignments())
def test_every_assignment_has_witnesses(assignment: str) -> None:
    """For two exercises in five at least: the others have no counterpart in a library."""
    with_one = [name for name, exercise in exercises_of(assignment).items() if exercise.witnesses]
    assert len(with_one) >= 0.4 * len(exercises_of(assignment)), with_one
