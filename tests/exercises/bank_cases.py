"""The whole bank as test cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exercises import assignments, exercises_of, find
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
