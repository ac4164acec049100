"""The exercise bank: one folder per assignment, one file per exercise.

>>> from exercises import find
>>> find("logsumexp").grade(lambda x, axis=-1, keepdims=False: x).status
'wrong'
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from exercises.bank import Check, Exercise, Misconception
from exercises.grading import grade, sitting
from exercises.sources import as_solution, edited
from exercises.verdict import CheckResult, Verdict

__all__ = [
    "Check",
    "CheckResult",
    "Exercise",
    "Misconception",
    "Verdict",
    "as_solution",
    "assignments",
    "edited",
    "exercises_of",
    "find",
    "grade",
    "sitting",
]


@cache
def assignments() -> tuple[str, ...]:
    """The assignments that have a bank, in order."""
    return tuple(sorted(info.name for info in pkgutil.iter_modules(__path__) if info.ispkg))


@cache
def exercises_of(assignment: str) -> dict[str, Exercise]:
    """name -> Exercise of one assignment. Raises KeyError for an assignment without a bank."""
    if assignment not in assignments():
        raise KeyError(f"no exercise bank for {assignment!r}; there is one for {', '.join(assignments())}")
    package = importlib.import_module(f"exercises.{assignment}")
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if not info.name.startswith("_"))
    return {name: _exercise(f"{package.__name__}.{name}") for name in names}


def _exercise(module: str) -> Exercise:
    """The exercise of a bank file; both have the function's name."""
    exercise: Exercise = getattr(importlib.import_module(module), module.rpartition(".")[2])
    return exercise


@cache
def _modules() -> dict[str, str]:
    """exercise name -> its module's name."""
    names = [
        f"exercises.{assignment}.{info.name}"
        for assignment in assignments()
        for info in pkgutil.iter_modules([f"{path}/{assignment}" for path in __path__])
    ]
    return {name.rpartition(".")[2]: name for name in names if not name.rpartition(".")[2].startswith("_")}


@cache
def find(name: str) -> Exercise:
    """The exercise of this function name. Raises KeyError with what there is."""
    if name not in _modules():
        raise KeyError(f"no exercise named {name!r} in the bank")
    return _exercise(_modules()[name])
