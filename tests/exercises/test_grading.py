"""Verdicts: statuses, points, messages, recognition, and what must never get out."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
from double import _double, _double_in_place, _values, double, only_for_arrays, raiser

from exercises import Check, Misconception, sitting
from exercises.grading import deviations, remembering
from exercises.lost import AnswerCrashed, AnswerOutOfMemory, AnswerTimedOut, InfrastructureError

# Statuses and points --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "status", "points"),
    [
        (_double, "passed", 3.0),
        (lambda x: x + x, "passed", 3.0),
        (lambda x: 2.0 * x * (1 + 1e-12), "passed", 3.0),
        (lambda x: 2.0 * x * (1 + 1e-7), "wrong", 0.0),
        (lambda x: 3.0 * x, "wrong", 0.0),
        (_double_in_place, "partly", 2.0),
        (lambda x: None, "wrong", 0.0),
        (raiser(NotImplementedError()), "not attempted", 0.0),
        (only_for_arrays(NotImplementedError()), "partly", 0.5),
        (raiser(ZeroDivisionError()), "error", 0.0),
        (raiser(SystemExit(0)), "error", 0.0),
        (raiser(RecursionError()), "error", 0.0),
        (only_for_arrays(TypeError()), "partly", 0.5),
        (raiser(AnswerTimedOut()), "timed out", 0.0),
        (only_for_arrays(AnswerTimedOut()), "timed out", 0.5),
        (only_for_arrays(AnswerOutOfMemory()), "out of memory", 0.5),
        (only_for_arrays(AnswerCrashed()), "crashed", 0.5),
        (lambda: 1.0, "error", 0.0),
        (3.0, "error", 0.0),
    ],
)
def test_status_and_points(answer, status, points):
    verdict = double.grade(answer, "ada")
    assert (verdict.status, verdict.points, verdict.max_points) == (status, points, 3.0)
    assert verdict.points == sum(check.points for check in verdict.checks)
    assert [check.passed for check in verdict.checks] == [check.points > 0 for check in verdict.checks]


def test_the_messages_of_a_check():
    def answer(x):
        if np.ndim(x) == 0:
            raise AnswerTimedOut
        if x.size == 2:
            raise KeyError("secret")
        return x

    messages = [check.message for check in double.grade(answer, "ada").checks]
    assert messages == [
        "ordinary values - Try a 1.",
        "zero stays zero - timed out",
        "the input is left as it was - your code raised KeyError",
    ]
    assert [check.message for check in double.grade(_double).checks] == [check.name for check in double.checks]


def test_our_own_failures_are_never_a_grade():
    with pytest.raises(InfrastructureError):
        double.grade(raiser(InfrastructureError()))
    with pytest.raises(KeyboardInterrupt):
        double.grade(raiser(KeyboardInterrupt()))
    broken = replace(double, reference=raiser(ValueError()))
    broken.reference.__name__ = "_double"
    with pytest.raises(InfrastructureError, match="ordinary values"):
        broken.grade(_double)


# Recognition ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", double.misconceptions)
@pytest.mark.parametrize("student", ["", "ada", "grace"])
def test_a_misconception_is_recognised_by_what_it_does(name, student):
    verdict = double.grade(double.misconceptions[name].answer, student)
    assert (verdict.recognised, verdict.hint) == (name, double.misconceptions[name].hint)
    assert verdict.hint in verdict.report()


def test_another_program_with_the_same_mistake_is_recognised():
    assert double.grade(lambda x: x + x + x).recognised == "tripled"


@pytest.mark.parametrize(
    "answer",
    [
        lambda x: 4.0 * x,
        lambda x: 3.0 * x * (1 + 1e-5),
        lambda x: 3.0 * x if isinstance(x, np.ndarray) else 2.0 * x,
        raiser(ValueError()),
        raiser(AnswerTimedOut()),
        raiser(NotImplementedError()),
        _double,
    ],
)
def test_what_is_not_quite_a_misconception_is_not_recognised(answer):
    verdict = double.grade(answer)
    assert verdict.recognised is None
    assert verdict.hint == ""


def test_two_misconceptions_that_look_alike_are_not_guessed():
    twins = {**double.misconceptions, "tripled again": double.misconceptions["tripled"]}
    assert replace(double, misconceptions=twins).grade(lambda x: 3.0 * x).recognised is None


def test_a_misconception_that_raises_everywhere_is_no_fingerprint():
    fails = Misconception(raiser(IndexError()), hint="Never shown.")
    exercise = replace(double, misconceptions={"index": fails})
    assert exercise.grade(raiser(IndexError())).recognised is None


def test_a_misconception_that_raises_somewhere_is_recognised_by_type():
    partly = Misconception(only_for_arrays(IndexError("theirs")), hint="Mind the index.")
    exercise = replace(double, misconceptions={"index": partly})
    assert exercise.grade(only_for_arrays(IndexError("mine"))).recognised == "index"
    assert exercise.grade(only_for_arrays(KeyError())).recognised is None


# From theory ----------------------------------------------------------------------------------------------------------


def test_expect_replaces_the_reference():
    def mean_of_many(f, rng):
        return float(np.mean(f(rng.normal(size=400))))

    statistical = replace(
        double, checks=[Check("mean 0", mean_of_many, points=2, rtol=0.0, atol=1.0, expect=lambda rng: 0.0)]
    )
    assert statistical.grade(_double, "ada").status == "passed"
    assert statistical.grade(lambda x: 2.0 * x + 5.0, "ada").status == "wrong"
    seen = deviations(statistical, lambda x: 0.0 * x + 3.0, "ada")
    assert seen == {"mean 0": 3.0}


# What must never get out ----------------------------------------------------------------------------------------------


def noisy(x):
    print("printed")
    print("shouted", file=sys.stderr)
    warnings.warn("deprecated", stacklevel=2)
    np.log(np.zeros(2)) / np.zeros(2)
    return 2.0 * x


def test_prints_warnings_and_stderr_of_an_answer_reach_nobody(capfd):
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="raise"):
        warnings.simplefilter("always")
        verdict = double.grade(noisy, "ada")
        assert np.geterr()["divide"] == "raise"
    assert verdict.status == "passed"
    assert caught == []
    assert capfd.readouterr() == ("", "")


def test_a_noisy_answer_does_not_silence_the_cell_after_it(capfd):
    double.grade(noisy)
    print("still here")
    assert capfd.readouterr().out == "still here\n"


def test_a_warning_while_comparing_reaches_nobody(recwarn):
    exercise = replace(double, checks=[Check("values", _values, points=1)])
    exercise.grade(lambda x: x.astype(np.longdouble) * np.longdouble("1e4000"))
    assert list(recwarn) == []


def test_hidden_inputs_do_not_come_back_in_an_error_message():
    def spy(x):
        raise ValueError(f"the hidden input is {x!r}")

    verdict = double.grade(spy, "ada")
    assert "hidden input" not in json.dumps(verdict.to_dict()) + verdict.report()
    assert verdict.error == "Your code raised ValueError."


# The same again --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [_double_in_place, lambda x: 3.0 * x, lambda x: math.nan])
def test_a_regrade_is_the_same_to_the_last_digit(answer):
    assert double.grade(answer, "ada") == double.grade(answer, "ada")


def test_deviations_are_in_units_of_the_tolerance():
    off = deviations(double, lambda x: 2.0 * x * (1 + 3e-9), "ada")
    assert off["ordinary values"] == pytest.approx(3.0, rel=1e-3)
    assert deviations(double, raiser(ValueError()))["ordinary values"] == math.inf
    assert deviations(double, _double) == {check.name: 0.0 for check in double.checks}


# Remembering ----------------------------------------------------------------------------------------------------------


def counting():
    """A right answer, and the list of its inputs."""
    calls = []

    def answer(x):
        calls.append(x)
        return 2.0 * x

    return answer, calls


def test_inside_remembering_an_answer_is_observed_once_per_student():
    answer, calls = counting()
    with remembering():
        once = double.grade(answer, "ada")
        number = len(calls)
        assert double.grade(answer, "ada") == once
        assert replace(double, misconceptions={}).grade(answer, "ada") == once
        assert len(calls) == number
        double.grade(answer, "grace")
        assert len(calls) == 2 * number
    double.grade(answer, "ada")
    assert len(calls) == 3 * number


def test_what_was_remembered_outside_is_still_known_after_an_inner_remembering():
    answer, calls = counting()
    with remembering():
        double.grade(answer, "ada")
        number = len(calls)
        with remembering():
            double.grade(answer, "ada")
        double.grade(answer, "ada")
        assert len(calls) == 2 * number


# Sittings -------------------------------------------------------------------------------------------------------------


def inputs_of(student=None):
    seen = []

    def spy(x):
        seen.append(np.copy(x))
        return 2.0 * x

    double.grade(spy, student)
    return np.concatenate([np.ravel(x) for x in seen])


def test_a_sitting_names_the_student_and_collects_verdicts():
    unnamed = inputs_of("")
    with sitting("ada") as outer:
        double.grade(_double)
        with sitting("grace") as inner:
            np.testing.assert_array_equal(inputs_of(), inputs_of("grace"))
        np.testing.assert_array_equal(inputs_of(), inputs_of("ada"))
    assert [verdict.status for verdict in outer.verdicts] == ["passed"] * 3
    assert len(inner.verdicts) == 2
    with sitting("ada"):
        np.testing.assert_array_equal(inputs_of(""), unnamed)
    assert not np.array_equal(inputs_of("ada"), inputs_of("grace"))
    np.testing.assert_array_equal(inputs_of(), unnamed)


def test_a_sitting_ends_even_with_an_error():
    with contextlib.suppress(InfrastructureError), sitting("ada") as current:
        double.grade(raiser(InfrastructureError()))
    double.grade(_double)
    assert current.verdicts == []
