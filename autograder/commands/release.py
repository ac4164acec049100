"""`course release`: prove, generate, look for leaks, and hand out. Each step must hold before the next one is taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from autograder.commands.leaks import leaks
from autograder.commands.prove import ExerciseProof, Proof, proofs
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.course.exchange import exchange_problem, exchange_root
from exercises import assignments


@dataclass(frozen=True)
class Step:
    """What one step found. problems: one line each; the release stops at the first step that has any."""

    name: str
    text: str
    problems: tuple[str, ...] = ()


def steps_of_a_release(
    course: Classroom, assignment: str, *, publish: bool = False, force: bool = False
) -> Iterator[Step]:
    """Take the steps of a release, each yielded when it is done; ends after the first that finds problems.

    publish: also `nbgrader release_assignment`; force: even where the exchange has this assignment already.
    Raises CourseError, before anything is done, for an unknown assignment, and for an exchange that cannot be used if publish.
    """
    course.require(assignment)
    if publish:
        _check_exchange(course, assignment, force)
    for take in (_prove, _generate, _look, *([_publish] if publish else [])):
        step = take(course, assignment)
        yield step
        if step.problems:
            return


def _prove(course: Classroom, assignment: str) -> Step:
    if assignment not in assignments():
        return Step("prove", "it has no exercises in the bank: there is nothing to prove")
    proven: list[ExerciseProof] = []
    problems: list[str] = []
    for found in proofs(course, assignment):
        if isinstance(found, Proof):
            problems += found.problems
        else:
            proven.append(found)
            problems += [f"{found.exercise.name}: {problem}" for problem in found.problems]
    wrong = sum(len(proof.wrong) for proof in proven)
    text = f"{len(proven)} exercises: all of {wrong} wrong answers fail, every right way passes, the untouched release gets 0"
    return Step("prove", text if not problems else "the tests are not proven: course prove says more", tuple(problems))


def _generate(course: Classroom, assignment: str) -> Step:
    course.generate(assignment)
    folder = course.folder("release", assignment)
    names = sorted(path.name for path in folder.glob("*.ipynb"))
    return Step("generate", f"{folder.relative_to(course.root)}: {', '.join(names)}")


def _look(course: Classroom, assignment: str) -> Step:
    found = leaks(course, assignment)
    return Step(
        "leaks", "students would see what they should not" if found else "no solution, no hidden test", tuple(found)
    )


def _check_exchange(course: Classroom, assignment: str, force: bool) -> None:
    if problem := exchange_problem(course):
        raise CourseError(f"nothing was released: {problem}")
    there = exchange_root(course) / course.coursedir.course_id / "outbound" / assignment
    if there.exists() and not force:
        raise CourseError(
            f"{assignment} is in the exchange already ({there}): --force replaces it there; who has fetched it keeps the old one"
        )


def _publish(course: Classroom, assignment: str) -> Step:
    from nbgrader.apps.api import NbGraderAPI
    from traitlets.config import Config

    config = Config(course.config)
    config.ExchangeReleaseAssignment.force = True  # `_check_exchange` has asked
    result = NbGraderAPI(course.coursedir, config=config).release_assignment(assignment)
    if result["success"]:
        return Step(
            "publish",
            f"{exchange_root(course) / course.coursedir.course_id / 'outbound' / assignment}: students can fetch it",
        )
    lines = str(result.get("error") or result.get("log") or "").strip().splitlines()
    return Step("publish", "nbgrader did not release it", (lines[-1] if lines else "it said nothing",))
