"""What became of one answer, as data and in a student's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CheckResult:
    """One check's outcome. `message` is for the student: the property, never a number of the test."""

    name: str
    passed: bool
    points: float
    max_points: float
    message: str


@dataclass(frozen=True)
class Verdict:
    """What became of one answer.

    status: passed, partly, wrong, error, timed out, out of memory, crashed or not attempted.
    recognised: the name of the misconception whose observations these are, or None; `hint` is its text.
    """

    exercise: str
    points: float
    max_points: float
    status: str
    checks: tuple[CheckResult, ...]
    recognised: str | None = None
    hint: str = ""
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {**vars(self), "checks": [dict(vars(check)) for check in self.checks]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Verdict:
        return cls(**{**data, "checks": tuple(CheckResult(**check) for check in data["checks"])})

    def report(self) -> str:
        """The verdict in a student's words, a few lines of text."""
        lines = [f"{self.exercise}: {self.points:g} of {self.max_points:g} points ({self.status})"]
        if self.error:
            lines.append(self.error)
        if self.status != "not attempted":
            lines += [f"  {'ok ' if check.passed else 'NO '} {check.message}" for check in self.checks]
        if self.hint:
            lines += ["", self.hint]
        return "\n".join(lines)

    def as_cell_result(self) -> float:
        """For the last line of a hidden-test cell: print the report, return the points as nbgrader reads them."""
        print(self.report())
        return float(min(max(self.points, 0.0), self.max_points))
