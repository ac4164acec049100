"""torch's and scipy's own functions as students: with the bans lifted they get full marks, with the bans in force none.

The witnesses of the bank go the whole way: a notebook, the sandbox, the hidden tests on what crosses the wall, nbgrader.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from autograder.classroom import Classroom
from autograder.prove import make_course
from autograder.simulated import Notebooks, read_notebooks, reference_answers, solve
from autograder.verdict import CellVerdict, NotebookRecord
from exercises import as_solution, assignments, exercises_of, find

ROOT = Path(__file__).parents[2]
BANNED = "hw1_log_probabilities"  # graded once more with the bans in force


def class_of(assignment: str) -> dict[str, dict[str, str]]:
    """student -> exercise -> the witness handed in: student k has the k-th of every exercise, where there is one."""
    witnesses = {name: list(exercise.witnesses) for name, exercise in exercises_of(assignment).items()}
    ranks = max(len(names) for names in witnesses.values())
    return {
        f"witness-{rank + 1}": {name: names[rank] for name, names in witnesses.items() if rank < len(names)}
        for rank in range(ranks)
    }


def notebooks_of(assignment: str, chosen: dict[str, str], release: Notebooks) -> Notebooks:
    sources = {name: as_solution(find(name).witnesses[witness], name) for name, witness in chosen.items()}
    return solve(release, reference_answers(assignment) | sources)


def graded(root: Path, names: tuple[str, ...], settings: str) -> Classroom:
    """A course folder in which the witnesses of these assignments were graded."""
    make_course(root, *(ROOT / "source" / name for name in names), settings=settings)
    course = Classroom(root)
    for assignment in names:
        course.generate(assignment)
        release = read_notebooks(course.folder("release", assignment))
        for student, chosen in class_of(assignment).items():
            folder = course.folder("submitted", assignment, student)
            folder.mkdir(parents=True)
            for name, nb in notebooks_of(assignment, chosen, release).items():
                nbformat.write(nb, folder / f"{name}.ipynb")
        assert course.grade(assignment, workers=1, unsandboxed=True) == []
    return course


@pytest.fixture(scope="module")
def lifted(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return graded(tmp_path_factory.mktemp("lifted"), assignments(), "c.EngineExporter.lift_bans = True\n")


@pytest.fixture(scope="module")
def in_force(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return graded(tmp_path_factory.mktemp("in_force"), (BANNED,), "")


def records(course: Classroom, assignment: str, student: str) -> list[NotebookRecord]:
    notebooks = read_notebooks(course.folder("autograded", assignment, student)).values()
    return [record for record in map(NotebookRecord.of, notebooks) if record is not None]


def cells(course: Classroom, assignment: str, student: str) -> dict[str, CellVerdict]:
    return {cell.grade_id: cell for record in records(course, assignment, student) for cell in record.cells}


def every_student(*names: str) -> list[tuple[str, str]]:
    return [(assignment, student) for assignment in names for student in class_of(assignment)]


@pytest.mark.parametrize(("assignment", "student"), every_student(*assignments()))
def test_a_librarys_own_function_gets_full_marks(lifted: Classroom, assignment: str, student: str) -> None:
    seen = cells(lifted, assignment, student)
    assert {f"{what}_{name}" for name in exercises_of(assignment) for what in ("check", "grade")} <= set(seen)
    assert {one.grade_id: one.message for one in seen.values() if one.status != "passed"} == {}
    with lifted.gradebook() as gradebook:
        submission = gradebook.find_submission(assignment, student)
        points = sum(grade.auto_score or 0 for nb in submission.notebooks for grade in nb.grades)
    assert points == pytest.approx(sum(exercise.points for exercise in exercises_of(assignment).values()))


def test_a_lifted_ban_is_recorded_with_the_grade(lifted: Classroom, in_force: Classroom) -> None:
    for course, word in ((lifted, "lifted"), (in_force, "in force")):
        assert {record.digest["bans"] for record in records(course, BANNED, "witness-1")} == {word}


@pytest.mark.parametrize("student", class_of(BANNED))
def test_with_the_ban_in_force_it_gets_nothing(in_force: Classroom, student: str) -> None:
    seen, chosen = cells(in_force, BANNED, student), class_of(BANNED)[student]
    for name, exercise in exercises_of(BANNED).items():
        cell = seen[f"grade_{name}"]
        if name in chosen:
            assert exercise.banned
            assert (cell.points, cell.status) == (0, "wrong"), name
            assert "your code uses" in cell.message
        else:
            assert cell.points == exercise.points, name


@pytest.mark.parametrize("assignment", assignments())
def test_every_assignment_has_witnesses(assignment: str) -> None:
    """A third of the exercises at least: the others have no counterpart in a library."""
    with_one = [name for name, exercise in exercises_of(assignment).items() if exercise.witnesses]
    assert len(with_one) >= len(exercises_of(assignment)) / 3
