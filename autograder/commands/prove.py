"""The gate: are the hidden tests right (right ways pass), sharp (wrong ways are caught) and kind (they are named)?"""

from __future__ import annotations

import builtins
import contextlib
import io
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode

from autograder.commands.simulated_class import read_notebooks, reference_answers, solve
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.course.scratch import scratch_course
from autograder.grading.job import stop_fork_server
from autograder.notebooks.cells import VISIBLE_TEST, grade_id_of, is_setup
from exercises import as_solution, exercises_of
from exercises.bank import Exercise
from exercises.grading import deviations, grade, remembering
from exercises.observation import Answer
from exercises.seeds import grading_with, seed_of_course

STUDENTS = ("ada", "alan", "emil")  # inputs are drawn per student: a proof for one set of inputs is none


@dataclass
class WrongAnswer:
    """One misconception's row of the matrix: per check, how far it is off in units of the tolerance (above 1 fails)."""

    name: str
    core: bool
    deviations: dict[str, float]
    visible: bool
    recognised: bool

    @property
    def margin(self) -> float:
        """How far it is off in the check that catches it best, in units of the tolerance."""
        return max(self.deviations.values())

    @property
    def dies(self) -> bool:
        """Does some hidden check fail it?"""
        return self.margin > 1


@dataclass
class ExerciseProof:
    """What was found out about one exercise."""

    exercise: Exercise
    wrong: list[WrongAnswer] = field(default_factory=list)
    spread: float = 0.0  # the worst right answer, in units of the tolerance
    problems: list[str] = field(default_factory=list)


@dataclass
class Proof:
    """What was found out about one assignment."""

    assignment: str
    exercises: list[ExerciseProof] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Nothing was found that is wrong, neither in an exercise nor in the notebooks."""
        return not self.problems and not any(proof.problems for proof in self.exercises)


@dataclass(frozen=True)
class VisibleTest:
    """The visible test of one exercise as the notebook has it, with the notebook's setup."""

    setup: str
    source: str

    def fails(self, answer: Answer, name: str) -> bool:
        """Does this answer fail it?"""
        namespace: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        silent = io.StringIO()
        with (
            contextlib.redirect_stdout(silent),
            contextlib.redirect_stderr(silent),
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
        ):
            warnings.simplefilter("ignore")
            exec(compile(self.setup, "<setup>", "exec"), namespace)
            namespace[name] = answer
            try:
                exec(compile(self.source, f"<{VISIBLE_TEST}{name}>", "exec"), namespace)
            except Exception:
                return True
        return False


def visible_tests(notebooks: dict[str, NotebookNode]) -> dict[str, VisibleTest]:
    """exercise -> its visible test, from the source notebooks."""
    found = {}
    for nb in notebooks.values():
        setup = "\n".join(cell.source for cell in nb.cells if is_setup(cell))
        for cell in nb.cells:
            grade_id = grade_id_of(cell) or ""
            if grade_id.startswith(VISIBLE_TEST):
                found[grade_id.removeprefix(VISIBLE_TEST)] = VisibleTest(setup, cell.source)
    return found


def prove_exercise(exercise: Exercise, visible: VisibleTest | None) -> ExerciseProof:
    """Every right answer against every check and the visible test; every wrong one too."""
    proof = ExerciseProof(exercise)
    if visible is None:
        proof.problems.append("the notebook has no visible test for it")
    right = {"the reference": exercise.reference, **exercise.accepted, **exercise.witnesses}
    for name, answer in right.items():
        worst = max(max(deviations(exercise, answer, student).values()) for student in STUDENTS)
        proof.spread = max(proof.spread, worst)
        if worst > 1:
            proof.problems.append(f"{name} fails a hidden check")
        if visible is not None and visible.fails(answer, exercise.name):
            proof.problems.append(f"{name} fails the visible test")
        if any(grade(exercise, answer, student).recognised for student in STUDENTS):
            proof.problems.append(f"{name} is taken for a misconception")
    for name, misconception in exercise.misconceptions.items():
        proof.wrong.append(_wrong_answer(proof, exercise, name, visible))
        row = proof.wrong[-1]
        if not row.dies:
            proof.problems.append(f"{name!r} passes every hidden check")
        if misconception.core and not row.visible:
            proof.problems.append(f"{name!r} is core, and passes the visible test")
    return proof


def _wrong_answer(proof: ExerciseProof, exercise: Exercise, name: str, visible: VisibleTest | None) -> WrongAnswer:
    misconception = exercise.misconceptions[name]
    per_student = [deviations(exercise, misconception.answer, student) for student in STUDENTS]
    # A check counts with the student it is kindest to: the proof must hold for each.
    least = {check: min(found[check] for found in per_student) for check in per_student[0]}
    if any(max(found.values()) <= 1 for found in per_student):
        least = dict.fromkeys(least, 0.0)
    return WrongAnswer(
        name,
        misconception.core,
        least,
        visible.fails(misconception.answer, exercise.name) if visible else False,
        all(grade(exercise, misconception.answer, student).recognised == name for student in STUDENTS),
    )


def prove_notebooks(course: Classroom, assignment: str) -> list[str]:
    """Problems found when the untouched release, the solution and the accepted variants go through nbgrader."""
    problems = []
    with scratch_course(course, assignment) as scratch:
        scratch.generate(assignment)
        release = read_notebooks(scratch.folder("release", assignment))
        source = read_notebooks(scratch.folder("source", assignment))
        class_list = {"untouched": release, "solution": source, **_variants(assignment, release)}
        for student, notebooks in class_list.items():
            folder = scratch.folder("submitted", assignment, student)
            folder.mkdir(parents=True)
            for name, nb in notebooks.items():
                nbformat.write(nb, folder / f"{name}.ipynb")
        problems += scratch.grade(assignment, workers=1)
        with scratch.gradebook() as gradebook:
            for student in class_list:
                try:
                    submission = gradebook.find_submission(assignment, student)
                except Exception as error:
                    problems.append(f"{student}: not in the gradebook ({type(error).__name__})")
                    continue
                auto = sum(grade.auto_score or 0 for nb in submission.notebooks for grade in nb.grades)
                most = sum(
                    grade.max_score
                    for nb in submission.notebooks
                    for grade in nb.grades
                    if grade.cell.cell_type == "code"
                )
                wanted = 0.0 if student == "untouched" else most
                if not math.isclose(auto, wanted):
                    problems.append(f"{student}: nbgrader gave {auto:g} of {most:g} points, wanted {wanted:g}")
    stop_fork_server()
    return problems


def _variants(assignment: str, release: dict[str, NotebookNode]) -> dict[str, dict[str, NotebookNode]]:
    """One student per round: the n-th accepted variant of every exercise."""
    exercises = exercises_of(assignment)
    rounds = max(len(exercise.accepted) for exercise in exercises.values())
    students = {}
    for number in range(rounds):
        answers = reference_answers(assignment)
        for name, exercise in exercises.items():
            variants = list(exercise.accepted.values())
            if number < len(variants):
                answers[name] = as_solution(variants[number], name)
        students[f"variants-{number + 1}"] = solve(release, answers)
    return students


def proofs(course: Classroom, assignment: str) -> Iterator[ExerciseProof | Proof]:
    """Yields each exercise's proof as it is found, and at last the assignment's."""
    course.require(assignment)
    try:
        exercises = exercises_of(assignment)
    except KeyError as error:
        raise CourseError(str(error.args[0])) from error
    proof = Proof(assignment)
    visible = visible_tests(read_notebooks(course.folder("source", assignment)))
    proof.problems += [
        f"{name} has tests in the notebook and no exercise in the bank"
        for name in sorted(set(visible) - set(exercises))
    ]
    for name, exercise in exercises.items():
        with remembering(), grading_with(seed_of_course(course.own_seed)):
            found = prove_exercise(exercise, visible.get(name))
        proof.exercises.append(found)
        yield found
    proof.problems += prove_notebooks(course, assignment)
    yield proof
