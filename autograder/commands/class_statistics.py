"""What a graded class shows, as numbers: pure functions of verdicts, scores and sources. The class report draws them."""

from __future__ import annotations

import ast
import hashlib
import itertools
import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from autograder.notebooks.status import Status
from autograder.notebooks.verdict import CellVerdict

# exercise -> verdict, of one student
Verdicts = Mapping[str, CellVerdict]


@dataclass(frozen=True)
class CheckStatistics:
    """One property of an exercise: how many of those who attempted it have it."""

    exercise: str
    name: str
    passed: int
    attempts: int


@dataclass(frozen=True)
class ExerciseStatistics:
    """One exercise over the class. discrimination: None where it is not defined."""

    exercise: str
    max_points: float
    students: int
    mean: float
    pass_rate: float
    discrimination: float | None
    median_seconds: float


@dataclass(frozen=True)
class MisconceptionStatistics:
    """A mistake that has a name, its hint, and the students whose numbers it explains."""

    exercise: str
    name: str
    hint: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class EqualPair:
    """Two students whose answers are the same wherever both have written one. lines: how many lines are equal."""

    first: str
    second: str
    exercises: int
    lines: int


def discrimination(item: Sequence[float], rest: Sequence[float]) -> float | None:
    """Item-rest correlation: Pearson's r between an exercise's points and the points of the rest of the test.

    item, rest: one number per student, in the same order. For an exercise that is passed or failed as a whole this is the
    point-biserial correlation. None where it is not defined: fewer than three students, or no spread on one side.
    """
    x, y = np.asarray(item, dtype=float), np.asarray(rest, dtype=float)
    if x.shape != y.shape:
        raise ValueError(f"item and rest must have one number per student each; got {x.shape} and {y.shape}")
    if len(x) < 3:
        return None
    x, y = x - x.mean(), y - y.mean()
    spread = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / spread) if spread > 1e-12 else None


def histogram(scores: Sequence[float], max_score: float) -> tuple[np.ndarray, np.ndarray]:
    """Counts and edges of at most 14 bins from 0 to `max_score`, of a width people count in (0.5, 1, 2, 5, 10, ...).

    Full marks belong to the last bin; a score outside (extra credit, a penalty) counts in the outermost one.
    """
    widths = (step * 10.0**power for power in range(-1, 9) for step in (1.0, 2.0, 5.0))
    width = next(width for width in widths if max_score / width <= 14)
    edges = np.arange(max(1, math.ceil(max_score / width - 1e-9)) + 1) * width
    return np.histogram(np.clip(scores, edges[0], edges[-1]), edges)[0], edges


def exercise_statistics(verdicts: Mapping[str, Verdicts]) -> list[ExerciseStatistics]:
    """Each exercise over the students who handed something in. verdicts: student -> exercise -> verdict."""
    rows = []
    for exercise in _exercises(verdicts):
        cells = {student: row[exercise] for student, row in verdicts.items() if exercise in row}
        cells = {student: cell for student, cell in cells.items() if not cell.status.no_attempt}
        if not cells:
            continue
        points = [cell.points for cell in cells.values()]
        rest = [sum(other.points for other in verdicts[student].values()) - cells[student].points for student in cells]
        rows.append(
            ExerciseStatistics(
                exercise,
                max(cell.max_points for cell in cells.values()),
                len(cells),
                statistics.fmean(points),
                sum(cell.points >= cell.max_points for cell in cells.values()) / len(cells),
                discrimination(points, rest),
                statistics.median(cell.seconds for cell in cells.values()),
            )
        )
    return rows


def _exercises(verdicts: Mapping[str, Verdicts]) -> list[str]:
    """All exercises, in the order in which the notebooks have them."""
    return list(dict.fromkeys(exercise for row in verdicts.values() for exercise in row))


def check_statistics(verdicts: Mapping[str, Verdicts]) -> list[CheckStatistics]:
    """Each property of each exercise over the students who attempted the exercise."""
    passed: Counter[tuple[str, str]] = Counter()
    attempts: Counter[tuple[str, str]] = Counter()
    for row in verdicts.values():
        for exercise, cell in row.items():
            if cell.exercise is None or cell.status is Status.NOT_ATTEMPTED:
                continue
            for check in cell.exercise.checks:
                attempts[exercise, check.name] += 1
                passed[exercise, check.name] += check.passed
    order = {exercise: number for number, exercise in enumerate(_exercises(verdicts))}
    keys = sorted(attempts, key=lambda key: order[key[0]])
    return [CheckStatistics(*key, passed[key], attempts[key]) for key in keys]


def misconception_statistics(verdicts: Mapping[str, Verdicts]) -> list[MisconceptionStatistics]:
    """The recognised mistakes, most frequent first."""
    students: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    hints: dict[tuple[str, str], str] = {}
    for student, row in verdicts.items():
        for exercise, cell in row.items():
            if cell.exercise is not None and cell.exercise.recognised:
                key = exercise, cell.exercise.recognised
                students[key].append(student)
                hints[key] = cell.exercise.hint
    found = [MisconceptionStatistics(*key, hints[key], tuple(who)) for key, who in students.items()]
    return sorted(found, key=lambda row: (-len(row.students), row.exercise, row.name))


def status_counts(statuses: Iterable[Status]) -> list[tuple[Status, int]]:
    """How many submissions have each status, from best to worst."""
    counts = Counter(statuses)
    return [(status, counts[status]) for status in Status if counts[status]]


@lru_cache(maxsize=4096)
def normalized(source: str) -> str:
    """A cell's source without what does not matter: comments, spacing and quotes in code; spacing in words."""
    try:
        return ast.unparse(ast.parse(source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return "\n".join(filter(None, (" ".join(line.split()) for line in source.splitlines())))


def equal_pairs(
    answers: Mapping[str, Mapping[str, str]], stubs: Mapping[str, str], at_least: int = 2
) -> list[EqualPair]:
    """Pairs of students whose answers are equal in every cell that both have changed, in at least so many cells.

    answers: student -> cell -> source. stubs: cell -> source as it was handed out. The longest agreement comes first.
    """
    unchanged = {name: normalized(source) for name, source in stubs.items()}
    changed: dict[str, dict[str, str]] = {}
    for student, row in answers.items():
        sources = {name: normalized(source) for name, source in row.items()}
        changed[student] = {name: text for name, text in sources.items() if text and text != unchanged.get(name)}
    pairs = []
    for (first, mine), (second, theirs) in itertools.combinations(changed.items(), 2):
        both = mine.keys() & theirs.keys()
        if len(both) >= at_least and all(mine[name] == theirs[name] for name in both):
            lines = sum(len(mine[name].splitlines()) for name in both)
            pairs.append(EqualPair(first, second, len(both), lines))
    return sorted(pairs, key=lambda pair: (-pair.exercises, -pair.lines, pair.first, pair.second))


def pseudonyms(students: Iterable[str], course: str) -> dict[str, str]:
    """student -> "student 07": the same for the same class list of the same course, in an order that tells nothing."""

    def scrambled(student: str) -> str:
        return hashlib.sha256(f"{course}\0{student}".encode()).hexdigest()

    order = sorted(set(students), key=scrambled)
    width = max(2, len(str(len(order))))
    return {student: f"student {number:0{width}d}" for number, student in enumerate(order, start=1)}
