"""The proof that the hidden tests are good, over every exercise of every assignment.

Right answers get full marks, wrong ones lose points and are recognised as what they are, doing nothing earns nothing.
"""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import json
import math
import re
import types
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from bank_cases import CASES, EXERCISES, RIGHT, STUDENTS, WRONG, Case

from exercises import as_solution, assignments, exercises_of, find
from exercises.distance import distance
from exercises.grading import RECOGNITION_RTOL, deviations, observe, remembering

SOURCE = Path(__file__).parents[2] / "source"


@pytest.fixture(scope="module", autouse=True)
def _observed_once():
    """Grading compares an answer with the reference and with every misconception; each is observed once per student."""
    with remembering():
        yield


def _cells(assignment):
    """The cells which nbgrader knows, of all the notebooks of an assignment."""
    for path in sorted((SOURCE / assignment).glob("*.ipynb")):
        yield from (cell for cell in json.loads(path.read_text("utf-8"))["cells"] if "nbgrader" in cell["metadata"])


def per(cases):
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.id)


graded_answers = pytest.mark.slow(60)


# Marks ----------------------------------------------------------------------------------------------------------------


@functools.cache
def _without_mistakes(name: str):
    """The exercise without its misconceptions: one object for all, so that its reference is observed once per student."""
    return replace(find(name), misconceptions={})


@functools.cache
def graded(case: Case, student: str):
    """The verdict; only the first student's wrong answers are recognised too, for that takes most of the time."""
    exercise = find(case.exercise) if student == STUDENTS[0] else _without_mistakes(case.exercise)
    return exercise.grade(case.answer, student)


@per(RIGHT)
@graded_answers
def test_right_answer_gets_full_marks_with_room_to_spare(case: Case):
    """A right answer that only just passes for these students would fail for another one."""
    for student in STUDENTS:
        verdict = graded(case, student)
        assert (verdict.status, verdict.points) == ("passed", find(case.exercise).points), verdict.report()
        gaps = deviations(find(case.exercise), case.answer, student)
        worst = max(gaps, key=lambda name: gaps[name])
        assert gaps[worst] <= 0.5, f"{worst}: {gaps[worst]:.2g} of the tolerance used"


@per(WRONG)
@graded_answers
def test_misconception_loses_points_and_is_not_taken_for_another(case: Case):
    for student in STUDENTS:
        assert graded(case, student).points < find(case.exercise).points, f"{student!r} gets full marks"
    verdict = graded(case, STUDENTS[0])
    assert verdict.recognised in (case.name, None)
    assert verdict.hint == (find(case.exercise).misconceptions[case.name].hint if verdict.recognised else "")


@pytest.mark.parametrize("assignment", assignments())
@graded_answers
def test_nine_misconceptions_in_ten_are_recognised(assignment):
    wrong = [case for case in WRONG if case.assignment == assignment]
    missed = [case.id for case in wrong if graded(case, STUDENTS[0]).recognised != case.name]
    assert len(missed) <= len(wrong) / 10, f"{len(missed)} of {len(wrong)} not recognised: {missed}"


@pytest.mark.parametrize("assignment", assignments())
@graded_answers
def test_nine_misconceptions_in_ten_cost_every_student_the_same(assignment):
    """Who makes the same mistake should lose the same points, whatever numbers were drawn."""
    wrong = [case for case in WRONG if case.assignment == assignment]
    points = {case.id: {graded(case, student).points for student in STUDENTS} for case in wrong}
    unequal = {name: sorted(seen) for name, seen in points.items() if len(seen) > 1}
    assert len(unequal) <= len(wrong) / 10, f"{len(unequal)} of {len(wrong)} depend on the draw: {unequal}"


def _remembered(exercise, check, answer):
    """What a check sees of an answer, on ada's inputs."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return observe(exercise, check, answer, "ada").data


def _seen(exercise, check, answer, student, rng=None):
    """What a check sees of an answer, looked at anew: data, or the type of what was raised."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return check.observe(answer, rng or exercise.rng(check, student))
        except Exception as error:
            return {"raised": type(error).__name__}


@per(RIGHT)
@graded_answers
def test_right_answer_looks_like_no_misconception(case: Case):
    exercise = find(case.exercise)
    for name, wrong in exercise.misconceptions.items():
        assert any(
            distance(
                _remembered(exercise, check, case.answer),
                _remembered(exercise, check, wrong.answer),
                min(check.rtol, RECOGNITION_RTOL),
                check.atol,
            )
            > 1
            for check in exercise.checks
        ), f"cannot be told from {name!r}"


TRIVIAL = {
    "None": lambda *args, **kwargs: None,
    "0": lambda *args, **kwargs: 0,
    "nan": lambda *args, **kwargs: math.nan,
    "first argument": lambda *args, **kwargs: args[0] if args else None,
}


@graded_answers
@per(EXERCISES)
@pytest.mark.parametrize("trivial", TRIVIAL)
def test_doing_nothing_earns_nothing(case: Case, trivial):
    verdict = find(case.exercise).grade(TRIVIAL[trivial], "ada")
    assert verdict.points == 0, verdict.report()


@per(EXERCISES)
def test_the_untouched_stub_is_not_attempted(case: Case):
    def stub(*args, **kwargs):
        raise NotImplementedError

    verdict = find(case.exercise).grade(stub, "ada")
    assert (verdict.status, verdict.points, verdict.recognised) == ("not attempted", 0.0, None)


# Every answer can become a student's solution cell --------------------------------------------------------------------


def _globals_used(code: types.CodeType) -> set[str]:
    """The names which a program takes from outside: loaded, and not stored in the same (class) body before."""
    steps = list(dis.get_instructions(code))
    loaded = {step.argval for step in steps if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    stored = {step.argval for step in steps if step.opname == "STORE_NAME"}
    inside = [_globals_used(const) for const in code.co_consts if isinstance(const, types.CodeType)]
    return (loaded - stored).union(*inside)


@graded_answers
@per(CASES)
def test_answer_is_a_solution_cell_of_its_own(case: Case):
    source = as_solution(case.answer, case.exercise)
    cell = compile(source, case.id, "exec")
    known = {"np", "torch", "math", "__name__", "__annotations__", case.exercise} | set(dir(builtins))
    assert _globals_used(cell) <= known

    namespace = {"np": np, "torch": torch, "math": math, "__name__": "__main__"}
    exec(cell, namespace)
    exercise = replace(find(case.exercise), misconceptions={})
    ours, theirs = (exercise.grade(answer, "ada") for answer in (case.answer, namespace[case.exercise]))
    assert theirs == ours


def dotted_names(tree: ast.AST) -> set[str]:
    """The dotted names which a program uses, with import aliases resolved: `F.relu` -> `torch.nn.functional.relu`."""
    alias = {"np": "numpy"}
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            used |= {item.name for item in node.names}
            alias |= {item.asname: item.name for item in node.names if item.asname}
        elif isinstance(node, ast.ImportFrom):
            alias |= {item.asname or item.name: f"{node.module}.{item.name}" for item in node.names}
            used |= {f"{node.module}.{item.name}" for item in node.names}
    for node in ast.walk(tree):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if parts and isinstance(node, ast.Name):
            used.add(".".join([alias.get(node.id, node.id), *reversed(parts)]))
    return used


def banned_in(source: str, banned) -> set[str]:
    full = [re.sub(r"^np\.", "numpy.", name) for name in banned]
    return {used for used in dotted_names(ast.parse(source)) for name in full if f"{used}.".startswith(f"{name}.")}


def test_banned_names_are_found_behind_aliases():
    source = (
        "import torch.nn.functional as F\nfrom scipy.special import expit as e\nF.softplus(1); np.logaddexp.reduce(x)"
    )
    assert banned_in(source, ["torch.nn"]) == {"torch.nn.functional", "torch.nn.functional.softplus"}
    assert banned_in(source, ["scipy.special"]) == {"scipy.special.expit"}
    assert banned_in(source, ["np.logaddexp"]) == {"numpy.logaddexp", "numpy.logaddexp.reduce"}
    assert banned_in(source, ["torch.n", "np.log"]) == set()


@per([case for case in RIGHT if case.kind in ("reference", "accepted")])
def test_what_a_student_may_hand_in_obeys_the_ban(case: Case):
    assert not banned_in(as_solution(case.answer, case.exercise), find(case.exercise).banned)


@pytest.mark.parametrize("assignment", assignments())
def test_solution_cells_of_the_notebooks_obey_the_ban(assignment):
    for cell in _cells(assignment):
        name = cell["metadata"]["nbgrader"]["grade_id"]
        if cell["cell_type"] == "code" and cell["metadata"]["nbgrader"]["solution"]:
            assert not banned_in("".join(cell["source"]), find(name).banned), name


# Words ----------------------------------------------------------------------------------------------------------------

# A name alone is no code ("np.exp overflows"), nor is a formula ("log(1/4)") or a short call that everybody writes.
STATEMENT = re.compile(r"```|\bdef \w|\blambda\b|\bimport \w|\breturn \w+\(")
EXPRESSION = re.compile(
    r"\b\w+ [-+*/]= [^ ,;.]+|\b\w+(?:\.\w+)+\((?:[^()]|\([^()]*\))*\)|\b\w+\([^()]*\w=[^()=][^()]*\)"
)


def solution_code(prose: str, right: list[str]) -> list[str]:
    """Python statements in prose, and expressions in it that stand in a right answer too."""
    sources = "".join(re.sub(r"\s", "", source) for source in right)
    expressions = (found[0] for found in EXPRESSION.finditer(prose))
    return [found[0] for found in STATEMENT.finditer(prose)] + [
        expression for expression in expressions if len(expression) > 12 and re.sub(r"\s", "", expression) in sources
    ]


@pytest.mark.parametrize(
    ("prose", "code"),
    [
        ("take np.max(x, axis=axis) first", ["np.max(x, axis=axis)"]),
        ("with sum(x, axis=-1) below the line", ["sum(x, axis=-1)"]),
        ("then total += weight * p and so on", ["total += weight"]),
        ("write this: ```x``` or def f", ["```", "```", "def f"]),
        ("x -= m works in place; np.exp(x) overflows at 710", []),
        ("Add log(1 − σ(z)) on paper; with ε = 0.1 the share is ε/K.", []),
    ],
)
def test_solution_code_in_prose_is_found(prose, code):
    right = ["m = np.max(x, axis=axis)\nn = sum(x, axis=-1)\np = np.exp(x)\ntotal += weight * p"]
    assert solution_code(prose, right) == code


@functools.cache
def right_sources(name: str) -> list[str]:
    exercise = find(name)
    return [as_solution(answer, name) for answer in (exercise.reference, *exercise.accepted.values())]


@per(WRONG)
def test_hint_is_short_and_free_of_solution_code(case: Case):
    exercise = find(case.exercise)
    hint = exercise.misconceptions[case.name].hint
    assert 80 <= len(hint.split()) <= 160
    assert solution_code(hint, right_sources(case.exercise)) == []


@per(EXERCISES)
def test_every_misconception_has_a_hint_of_its_own(case: Case):
    counts = Counter(wrong.hint for wrong in find(case.exercise).misconceptions.values())
    assert not [hint for hint, count in counts.items() if count > 1]


@per(EXERCISES)
def test_checks_have_names_points_and_a_short_hint(case: Case):
    checks = find(case.exercise).checks
    assert len({check.name for check in checks}) == len(checks)
    for check in checks:
        assert check.points > 0
        assert check.points * 4 == int(check.points * 4), "quarters at the finest"
        assert len(check.hint.split()) <= 40
        assert solution_code(check.hint, right_sources(case.exercise)) == []


@per(EXERCISES)
def test_there_is_something_to_recognise_and_another_right_way(case: Case):
    exercise = find(case.exercise)
    assert any(wrong.core for wrong in exercise.misconceptions.values()), "no core misconception"
    assert exercise.accepted or exercise.witnesses


# Points and seeds -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("assignment", assignments())
def test_points_are_those_of_the_notebooks(assignment):
    bank = {name: exercise.points for name, exercise in exercises_of(assignment).items()}
    about = [cell["metadata"]["nbgrader"] for cell in _cells(assignment)]
    graded = [(one["grade_id"], one["points"]) for one in about if one["grade_id"].startswith("grade_")]
    assert sorted(graded) == sorted((f"grade_{name}", points) for name, points in bank.items())


@per(EXERCISES)
def test_inputs_are_a_students_own_and_stay_the_same(case: Case):
    """The reference sees the same thing twice, and something else for another student (or at least draws for it)."""
    exercise = find(case.exercise)
    own = False
    for check in exercise.checks:
        first, again, other = (_seen(exercise, check, exercise.reference, who) for who in ("ada", "ada", "grace"))
        assert distance(first, again, rtol=0.0, atol=0.0) == 0.0, check.name
        rng = exercise.rng(check, "ada")
        _seen(exercise, check, exercise.reference, "ada", rng)
        drawn = rng.bit_generator.state != exercise.rng(check, "ada").bit_generator.state
        own = own or drawn or distance(first, other, rtol=0.0, atol=0.0) > 0
    assert own, "every check uses the same numbers for everybody"
