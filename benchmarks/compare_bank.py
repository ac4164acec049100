"""Did a change of the exercise bank change any grade? Every answer of the bank, graded before and after.

    python benchmarks/compare_bank.py dump before.json     # on the old commit
    python benchmarks/compare_bank.py dump after.json      # on the new one
    python benchmarks/compare_bank.py compare before.json after.json

A dump holds, for each answer of each exercise (its reference, the other right ways, the libraries' own, the mistakes)
and three students, the whole verdict; texts are kept as hashes. `compare` prints how many answers there are and every
difference, and exits with 1 where there is one.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from exercises import assignments, exercises_of
from exercises.grading import remembering

STUDENTS = ("ada", "alan", "emil")
Dump = dict[str, dict[str, Any]]  # what -> its facts


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _answers(exercise: Any) -> Iterator[tuple[str, str, Any]]:
    """(kind, name, answer) of everything the bank knows about one function, in the bank's order."""
    yield "reference", "", exercise.reference
    yield from (("accepted", name, answer) for name, answer in exercise.accepted.items())
    yield from (("witness", name, answer) for name, answer in exercise.witnesses.items())
    yield from (("mistake", name, wrong.answer) for name, wrong in exercise.misconceptions.items())


def _verdict(exercise: Any, answer: Any, student: str) -> dict[str, Any]:
    """One verdict as plain data, without its texts."""
    verdict = exercise.grade(answer, student=student)
    return {
        "points": [verdict.points, verdict.max_points],
        "status": verdict.status,
        "checks": [[check.name, check.passed, check.points, _hash(check.message)] for check in verdict.checks],
        "recognised": verdict.recognised,
        "hint": _hash(verdict.hint),
        "error": verdict.error,
    }


def _exercise_facts(exercise: Any) -> dict[str, Any]:
    """What the exercise says of itself: points, order, tolerances, texts."""
    return {
        "points": exercise.points,
        "banned": list(exercise.banned),
        "bonus": exercise.bonus,
        "order": [[kind, name] for kind, name, _ in _answers(exercise)],
        "checks": [
            [check.name, check.points, check.rtol, check.atol, check.expect is not None, check.hint]
            for check in exercise.checks
        ],
        "mistakes": [[name, wrong.core, wrong.source, wrong.hint] for name, wrong in exercise.misconceptions.items()],
    }


def dump(path: Path) -> None:
    """Grade everything, and write what came out."""
    facts: Dump = {}
    for assignment in assignments():
        for exercise in exercises_of(assignment).values():
            print(f"{assignment} {exercise.name}", flush=True)
            facts[exercise.name] = {"kind": "exercise", **_exercise_facts(exercise)}
            with remembering():
                for kind, name, answer in _answers(exercise):
                    verdicts = {student: _verdict(exercise, answer, student) for student in STUDENTS}
                    facts[f"{exercise.name} · {kind} · {name}"] = {"kind": kind, "verdicts": verdicts}
    path.write_text(json.dumps(facts, indent=1))


def _counts(facts: Dump) -> str:
    kinds = Counter(fact["kind"] for fact in facts.values())
    right = kinds["reference"] + kinds["accepted"] + kinds["witness"]
    return f"{kinds['exercise']} exercises, {kinds['mistake']} mistakes, {right} right ways"


def _differences(old: Any, new: Any, where: str) -> Iterator[str]:
    """Where two dumps differ, down to the single value."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from _differences(old.get(key), new.get(key), f"{where} / {key}" if where else key)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _differences(before, after, f"{where} [{number}]")
    elif old != new:
        yield f"{where}: {old!r} -> {new!r}"


def compare(old: Path, new: Path) -> int:
    """Print the counts and all differences; 1 where there is one."""
    before, after = json.loads(old.read_text()), json.loads(new.read_text())
    found = list(_differences(before, after, ""))
    print(f"{old.name}: {_counts(before)}", f"{new.name}: {_counts(after)}", *found, sep="\n")
    print(f"{len(found)} differences, {len(STUDENTS)} students")
    return int(bool(found))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["dump", path]:
            dump(Path(path))
        case ["compare", old, new]:
            sys.exit(compare(Path(old), Path(new)))
        case _:
            sys.exit(__doc__)
