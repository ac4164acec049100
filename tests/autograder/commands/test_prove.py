"""`course prove` finds what is wrong with an exercise; and the assignments of this course are proven."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from autograder.commands.prove import VisibleTest, prove_exercise, prove_notebooks, visible_tests
from autograder.commands.simulated_class import read_notebooks
from autograder.course.classroom import Classroom
from exercises import find
from exercises.bank import Check, Misconception

pytestmark = pytest.mark.slow(30)

ROOT = Path(__file__).parents[3]
VISIBLE = visible_tests(read_notebooks(ROOT / "source" / "hw0_warmup"))
EXERCISE = find(next(iter(VISIBLE)))
TEST = VISIBLE[EXERCISE.name]


def test_a_good_exercise_is_proven() -> None:
    proof = prove_exercise(EXERCISE, TEST)
    assert proof.problems == []
    assert all(row.dies and row.recognised for row in proof.wrong)
    assert proof.spread < 1


def test_a_misconception_that_no_check_sees_is_found() -> None:
    blind = replace(EXERCISE, checks=[Check("nothing", lambda f, rng: 0, points=1)])
    problems = prove_exercise(blind, TEST).problems
    assert sum("passes every hidden check" in problem for problem in problems) == len(EXERCISE.misconceptions)


def test_a_core_misconception_that_passes_the_visible_test_is_found() -> None:
    problems = prove_exercise(EXERCISE, VisibleTest(TEST.setup, "pass")).problems
    assert any("core" in problem for problem in problems)


def test_a_right_answer_that_fails_is_found() -> None:
    def off(x: np.ndarray) -> np.ndarray:
        return EXERCISE.reference(x) + 1e-3

    problems = prove_exercise(replace(EXERCISE, accepted={"slightly off": off}), TEST).problems
    assert "slightly off fails a hidden check" in problems


def test_a_right_answer_taken_for_a_mistake_is_found() -> None:
    wrong = {"not wrong at all": Misconception(EXERCISE.reference, hint="")}
    problems = prove_exercise(replace(EXERCISE, misconceptions=wrong), TEST).problems
    assert any("passes every hidden check" in problem for problem in problems)


def test_a_missing_visible_test_is_found() -> None:
    assert "the notebook has no visible test for it" in prove_exercise(EXERCISE, None).problems


def test_the_warmup_goes_through_nbgrader() -> None:
    assert prove_notebooks(Classroom(ROOT), "hw0_warmup") == []
