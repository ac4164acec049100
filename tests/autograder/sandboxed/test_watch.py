"""Banned functions are seen at run time too, whatever name they are called by."""

from __future__ import annotations

import courses
import pytest

from autograder.course.classroom import Classroom
from autograder.notebooks.graded import GradedSubmission
from autograder.wall.student import WATCHED_CALLS, Student

pytestmark = pytest.mark.slow(20)

BANNED = ["torch.logsumexp", "torch.special", "torch.nn", "torch.optim.AdamW", "scipy"]

SEEN = {
    "by a computed name": "def f(x): return getattr(torch, 'log' + 'sumexp')(torch.as_tensor(x), 0).numpy()",
    "under another name": "g = [torch.logsumexp][0]\ndef f(x): return g(torch.as_tensor(x), 0).numpy()",
    "a compiled function of a banned module": "sp = vars(torch)['special']\ndef f(x): return sp.expit(torch.ones(1))",
    "a Python function of a banned module": (
        "F = __import__('importlib').import_module('torch.nn.functional')\ndef f(x): return F.softmax(torch.ones(3), 0)"
    ),
    "a class by its public name": (
        "O = getattr(torch.optim, 'Adam' + 'W')\ndef f(x): return O([torch.ones(1, requires_grad=True)]).defaults['lr']"
    ),
    "after much else": (
        "def f(x):\n    for _ in range(10_000): abs(1)\n    return getattr(torch, 'logsumexp')(torch.ones(2), 0).item()"
    ),
    "in a callback": "def f(x): return list(map(lambda v: getattr(torch, 'logsumexp')(torch.ones(2), 0), [1]))",
}
ALLOWED = {
    "the usual functions": "def f(x): return torch.exp(torch.as_tensor(x)).sum().item() + math.sqrt(2.0)",
    "what a library does inside": (
        "def f(x): return torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1).defaults['lr']"
    ),
    "an own function of that name": "def logsumexp(x): return 3.0\ndef f(x): return logsumexp(x)",
}


def used_by(student: Student, source: str) -> set[str]:
    student.run_cell("import math, torch", "setup")
    student.run_cell(source, "cell")
    student.watch(BANNED)
    student.fetch("f")([1.0, 2.0])
    return student.used


@pytest.mark.parametrize("name", SEEN)
def test_a_banned_function_is_seen(student: Student, name: str) -> None:
    assert used_by(student, SEEN[name])


@pytest.mark.parametrize("name", ALLOWED)
def test_honest_code_is_left_alone(student: Student, name: str) -> None:
    assert used_by(student, ALLOWED[name]) == set()


def test_each_exercise_is_watched_anew(student: Student) -> None:
    """hw3 forbids the same module in exercise after exercise: the calls of one must not use up those of the next."""
    student.run_cell("import torch", "setup")
    student.run_cell("def honest(x): return 1.0\n" + SEEN["by a computed name"], "cell")
    student.watch(BANNED)
    for _ in range(WATCHED_CALLS + 1):
        student.fetch("honest")([1.0, 2.0])
    student.fetch("f")([1.0, 2.0])
    assert student.used == set()  # watching has its price: only an exercise's first calls are
    student.watch(BANNED)
    student.fetch("f")([1.0, 2.0])
    assert student.used == {"torch.logsumexp"}


CHEATS = {
    "computed": "def logsumexp(x, axis=-1, keepdims=False):\n"
    "    return getattr(torch, 'logsum' + 'exp')(torch.as_tensor(x, dtype=torch.float64), axis, keepdims).numpy()",
    "file": "from helpers import logsumexp",
}
HELPERS = (
    b"import torch\n\n\ndef logsumexp(x, axis=-1, keepdims=False):\n"
    b"    return torch.logsumexp(torch.as_tensor(x, dtype=torch.float64), axis, keepdims).numpy()\n"
)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, GradedSubmission]:
    course: Classroom = courses.make(tmp_path_factory.mktemp("watched"), "c.EngineExporter.unsandboxed = True\n")
    for name, source in CHEATS.items():
        path = courses.submit(course, name, courses.solved(course, logsumexp=source))
        (path.parent / "helpers.py").write_bytes(HELPERS)
    assert course.grade(courses.ASSIGNMENT, unsandboxed=True) == []
    return {one.student: one for one in course.results(courses.ASSIGNMENT)}


@pytest.mark.parametrize("name", CHEATS)
def test_it_gets_a_clear_message_and_no_points(graded: dict[str, GradedSubmission], name: str) -> None:
    cells = {cell.grade_id: cell for record in graded[name].records for cell in record.cells}
    assert cells["grade_logsumexp"].points == 0
    assert "torch.logsumexp" in cells["grade_logsumexp"].message
    assert "The statement says what is allowed" in cells["grade_logsumexp"].message
    assert cells["grade_log_sigmoid"].points == cells["grade_log_sigmoid"].max_points
