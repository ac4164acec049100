"""The whole bank as test cases, and each observation of it made only once.

Grading compares an answer with the reference and with every misconception, so a test of all of them would observe the
same program many times over. `remembered(name)` is the exercise with observations kept; all else is the bank's own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from exercises import Exercise, assignments, exercises_of, find
from exercises.observation import Answer

STUDENTS = ("ada", "", "Søren Ø. (2)")


@dataclass(frozen=True)
class Case:
    """One answer of the bank: `kind` is reference, accepted, witness or misconception."""

    assignment: str
    exercise: str
    kind: str
    name: str

    @property
    def answer(self) -> Answer:
        exercise = find(self.exercise)
        return {
            "reference": {"": exercise.reference},
            "accepted": exercise.accepted,
            "witness": exercise.witnesses,
            "misconception": {name: wrong.answer for name, wrong in exercise.misconceptions.items()},
        }[self.kind][self.name]

    @property
    def id(self) -> str:
        parts = (self.assignment.partition("_")[0], self.exercise, self.kind, self.name)
        return "/".join(part for part in parts if part)


def _cases() -> Iterator[Case]:
    for assignment in assignments():
        for name, exercise in exercises_of(assignment).items():
            yield Case(assignment, name, "reference", "")
            yield from (Case(assignment, name, "accepted", variant) for variant in exercise.accepted)
            yield from (Case(assignment, name, "witness", variant) for variant in exercise.witnesses)
            yield from (Case(assignment, name, "misconception", wrong) for wrong in exercise.misconceptions)


CASES = tuple(_cases())
EXERCISES = tuple(case for case in CASES if case.kind == "reference")
WRONG = tuple(case for case in CASES if case.kind == "misconception")
RIGHT = tuple(case for case in CASES if case.kind != "misconception")


def _once(observe: Callable[..., Any]) -> Callable[..., Any]:
    """`observe` that remembers what it returned or raised for an answer and a generator's state."""
    memory: dict[Any, tuple[bool, Any]] = {}

    def remembering(answer: Answer, rng: np.random.Generator) -> Any:
        key = (answer, rng.bit_generator.state["state"]["state"])
        if key not in memory:
            try:
                memory[key] = (True, observe(answer, rng))
            except BaseException as error:
                memory[key] = (False, error)
        returned, value = memory[key]
        if not returned:
            raise value
        return value

    return remembering


@functools.cache
def remembered(name: str) -> Exercise:
    """The exercise of this name; each check observes an answer once per student."""
    exercise = find(name)
    return replace(exercise, checks=[replace(check, observe=_once(check.observe)) for check in exercise.checks])
