"""Grade one answer: observe, compare, recognise. Pure Python; works on any callable, in any process."""

from __future__ import annotations

import contextlib
import contextvars
import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from exercises.distance import distance
from exercises.lost import AnswerLost, InfrastructureError
from exercises.observation import Answer, Observation, builtin_name
from exercises.verdict import CheckResult, Verdict

if TYPE_CHECKING:
    from exercises.bank import Check, Exercise, Misconception

# Two observations that belong to the same program agree far better than the grading tolerance asks for.
RECOGNITION_RTOL = 1e-7


@dataclass
class Sitting:
    """Whose work is being graded, and the verdicts reached so far."""

    student: str = ""
    verdicts: list[Verdict] = field(default_factory=list)


_sitting: contextvars.ContextVar[Sitting | None] = contextvars.ContextVar("sitting", default=None)


@contextlib.contextmanager
def sitting(student: str) -> Iterator[Sitting]:
    """Grade for this student; the verdicts of every `grade()` inside are collected."""
    current = Sitting(student)
    token = _sitting.set(current)
    try:
        yield current
    finally:
        _sitting.reset(token)


@dataclass(frozen=True)
class Seen:
    """A check's observation, or the exception that came instead."""

    observation: Observation = None
    error: BaseException | None = None

    @property
    def data(self) -> Observation:
        if self.error is None:
            return {"seen": self.observation}
        return {"raised": "lost" if isinstance(self.error, AnswerLost) else builtin_name(self.error)}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warning and no print of an answer may reach the cell: nbgrader gives 0 for anything on stderr."""
    with (
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield


_memory: dict[tuple[str, Check, Answer, str], Seen] | None = None


@contextlib.contextmanager
def remembering() -> Iterator[None]:
    """Inside, each answer is observed once per check and student: for proofs, which compare every answer with all others.

    Only for answers which are pure, as those of the bank are.
    """
    global _memory
    before, _memory = _memory, {}
    try:
        yield
    finally:
        _memory = before


def observe(exercise: Exercise, check: Check, answer: Answer, student: str) -> Seen:
    """What one check sees of an answer, on this student's inputs."""
    if _memory is None:
        return _look(exercise, check, answer, student)
    key = (exercise.name, check, answer, student)
    if key not in _memory:
        _memory[key] = _look(exercise, check, answer, student)
    return _memory[key]


def _look(exercise: Exercise, check: Check, answer: Answer, student: str) -> Seen:
    try:
        return Seen(check.observe(answer, exercise.rng(check, student)))
    except (InfrastructureError, KeyboardInterrupt):
        raise
    except BaseException as error:  # students raise SystemExit and RecursionError too
        return Seen(error=error)


def wanted(exercise: Exercise, check: Check, student: str) -> Observation:
    """What this check should see: from theory where the check says so, else from the reference."""
    if check.expect is not None:
        return check.expect(exercise.rng(check, student))
    seen = observe(exercise, check, exercise.reference, student)
    if seen.error is not None:
        raise InfrastructureError(f"{exercise.name}: the reference fails {check.name!r}") from seen.error
    return seen.observation


@_quiet()
def deviations(exercise: Exercise, answer: Answer, student: str = "") -> dict[str, float]:
    """For each check, how far the answer is from what is wanted, in units of the tolerance; above 1 it fails."""
    result = {}
    for check in exercise.checks:
        seen = observe(exercise, check, answer, student)
        want = {"seen": wanted(exercise, check, student)}
        result[check.name] = distance(seen.data, want, check.rtol, check.atol)
    return result


def _fits(exercise: Exercise, seen: dict[str, Seen], misconception: Misconception, student: str) -> bool:
    """Are these observations the misconception's own, on every check?"""
    for check in exercise.checks:
        theirs = observe(exercise, check, misconception.answer, student)
        # Random answers repeat a draw only if they draw alike; there the check's own tolerance has to do.
        rtol, atol = (check.rtol, check.atol) if check.expect else (min(check.rtol, RECOGNITION_RTOL), check.atol)
        if distance(seen[check.name].data, theirs.data, rtol, atol) > 1:
            return False
    return True


def _recognise(exercise: Exercise, seen: dict[str, Seen], student: str) -> str | None:
    """The one misconception whose observations these are; None where none fits or more than one does."""
    if all(one.error is not None for one in seen.values()):
        return None  # nothing was observed: an exception alone is no fingerprint
    fitting = [name for name, wrong in exercise.misconceptions.items() if _fits(exercise, seen, wrong, student)]
    return fitting[0] if len(fitting) == 1 else None


def _status(points: float, max_points: float, seen: dict[str, Seen]) -> str:
    errors = [one.error for one in seen.values()]
    if errors and all(isinstance(error, NotImplementedError) for error in errors):
        return "not attempted"
    if points >= max_points:
        return "passed"
    lost = [error.status for error in errors if isinstance(error, AnswerLost)]
    if lost:
        return lost[0]
    if points > 0:
        return "partly"
    return "error" if all(error is not None for error in errors) else "wrong"


def _message(check: Check, passed: bool, error: BaseException | None) -> str:
    if passed:
        return check.name
    if isinstance(error, AnswerLost):
        return f"{check.name} - {error.status}"
    if error is not None:
        return f"{check.name} - your code raised {type(error).__name__}"
    return f"{check.name} - {check.hint}" if check.hint else check.name


def _first_error(seen: dict[str, Seen]) -> str:
    """The student's own error: its type and message. The message is theirs, so it may name what they passed around."""
    for one in seen.values():
        if one.error is not None and not isinstance(one.error, (AnswerLost, NotImplementedError)):
            return f"Your code raised {type(one.error).__name__}."
    return ""


def _result(exercise: Exercise, check: Check, seen: Seen, student: str) -> CheckResult:
    """What was seen beside what is wanted: within the tolerance it passes."""
    want = wanted(exercise, check, student)
    passed = seen.error is None and distance(seen.observation, want, check.rtol, check.atol) <= 1
    points = check.points if passed else 0.0
    return CheckResult(check.name, passed, points, check.points, _message(check, passed, seen.error))


def _verdict(exercise: Exercise, answer: Answer, student: str) -> Verdict:
    seen: dict[str, Seen] = {}
    results = []
    for check in exercise.checks:
        seen[check.name] = observe(exercise, check, answer, student)
        results.append(_result(exercise, check, seen[check.name], student))
    points = float(sum(result.points for result in results))
    status = _status(points, exercise.points, seen)
    recognised = None if status in ("passed", "not attempted") else _recognise(exercise, seen, student)
    return Verdict(
        exercise=exercise.name,
        points=points,
        max_points=exercise.points,
        status=status,
        checks=tuple(results),
        recognised=recognised,
        hint=exercise.misconceptions[recognised].hint if recognised else "",
        error=_first_error(seen),
    )


@_quiet()
def grade(exercise: Exercise, answer: Answer, student: str | None = None) -> Verdict:
    """Observe every check, compare with what is wanted, and name the mistake where it is a known one.

    student: whose inputs; by default those of the sitting that is going on.
    """
    current = _sitting.get()
    verdict = _verdict(exercise, answer, student if student is not None else (current.student if current else ""))
    if current is not None:
        current.verdicts.append(verdict)
    return verdict
