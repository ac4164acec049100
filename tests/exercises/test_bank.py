"""The bank's vocabulary: an exercise is written down check by check and mistake by mistake."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace

import pytest

from exercises import Exercise
from exercises.bank import plain
from exercises.sources import as_solution, source_of


def _shifted(x):
    return x + 1


def _twice(x):
    y = x + x
    return y + 1


@pytest.fixture
def shifted():
    return Exercise(reference=_shifted, accepted={"in two steps": _twice})


def observe_one(f, rng):
    return f(rng.uniform(1, 2))


# Checks ---------------------------------------------------------------------------------------------------------------


def test_a_check_stands_above_the_function_that_looks(shifted):
    @shifted.check("one number", points=2)
    def _one(f, rng):
        return f(rng.uniform())

    (check,) = shifted.checks
    assert (check.name, check.points, check.hint, check.expect) == ("one number", 2, "", None)
    assert check.observe is _one
    assert shifted.points == 2.0


def test_a_check_keeps_its_tolerances_its_theory_and_its_hint(shifted):
    def theory(rng):
        return 0.0

    shifted.check("by theory", points=0.5, rtol=0.0, atol=0.25, expect=theory, hint="Look.")(observe_one)
    (check,) = shifted.checks
    assert (check.rtol, check.atol, check.expect, check.hint) == (0.0, 0.25, theory, "Look.")


def test_one_function_can_serve_two_checks(shifted):
    for name in ("once", "again"):
        shifted.check(name, points=1)(observe_one)
    assert [check.name for check in shifted.checks] == ["once", "again"]
    assert {check.observe for check in shifted.checks} == {observe_one}
    assert shifted.grade(_shifted, "ada").points == 2.0


def test_two_checks_of_one_name_are_refused(shifted):
    shifted.check("one number", points=1)(observe_one)
    with pytest.raises(ValueError, match="shifted: there is a check named 'one number' already"):
        shifted.check("one number", points=2)(observe_one)
    assert shifted.points == 1.0


def test_a_check_needs_its_points(shifted):
    with pytest.raises(TypeError, match="points"):
        shifted.check("one number")


# Mistakes -------------------------------------------------------------------------------------------------------------


def test_a_mistake_stands_above_the_wrong_function(shifted):
    @shifted.mistake("forgotten", core=True, hint="Add it.", source="seen in class")
    def _forgotten(x):
        return x

    wrong = shifted.misconceptions["forgotten"]
    assert wrong.answer is _forgotten
    assert (wrong.hint, wrong.core, wrong.source) == ("Add it.", True, "seen in class")


def test_a_class_can_be_the_mistake():
    class _Counter:
        start = 0

    exercise = Exercise(reference=_Counter)

    @exercise.mistake("from one", hint="Start at nothing.")
    class _FromOne:
        start = 1

    assert exercise.misconceptions["from one"].answer is _FromOne
    assert _FromOne().start == 1


def test_a_mistake_is_an_edit_of_the_reference(shifted):
    wrong = shifted.mistake("taken away", edits=[("x + 1", "x - 1")], hint="The other way.")
    assert shifted.misconceptions["taken away"].answer is wrong
    assert (wrong(5), _shifted(5)) == (4, 6)


def test_edits_build_on_each_other(shifted):
    assert shifted.mistake("both", edits=[("x + 1", "x * 3"), ("* 3", "* 4")], hint="No.")(2) == 8


def test_a_mistake_can_be_an_edit_of_another_answer(shifted):
    assert shifted.mistake("twice", of=_twice, edits=[("y + 1", "y")], hint="And one more.")(5) == 10


def test_a_mistake_can_be_an_edit_of_another_mistake(shifted):
    @shifted.mistake("forgotten", hint="Add it.")
    def _forgotten(x):
        return x

    assert shifted.mistake("forgotten twice", of=_forgotten, edits=[("return x", "return -x")], hint="Add.")(5) == -5


@pytest.mark.parametrize(("old", "times"), [("x + 2", 0), ("x", 2)])
def test_an_edit_must_fit_exactly_once(shifted, old, times):
    with pytest.raises(ValueError, match=re.escape(f"edited(_shifted): '{old}' occurs {times} times, wanted once")):
        shifted.mistake("no", edits=[(old, "y")], hint="No.")
    assert shifted.misconceptions == {}


def test_what_is_edited_is_said_only_where_there_are_edits(shifted):
    with pytest.raises(ValueError, match=r"shifted: 'no' says what is edited \(of=\), and there are no edits"):
        shifted.mistake("no", of=_twice, hint="No.")


def test_two_mistakes_of_one_name_are_refused(shifted):
    shifted.mistake("taken away", edits=[("x + 1", "x - 1")], hint="The other way.")
    with pytest.raises(ValueError, match="shifted: there is a misconception named 'taken away' already"):
        shifted.mistake("taken away", edits=[("x + 1", "x - 2")], hint="Not two.")
    assert shifted.misconceptions["taken away"].answer(5) == 4


def test_a_mistake_needs_a_hint(shifted):
    with pytest.raises(TypeError, match="hint"):
        shifted.mistake("taken away", edits=[("x + 1", "x - 1")])


# A wrong function's source is its own, without what enters it into the bank ----------------------------------------


def plainly(function):
    return function


exercise = Exercise(reference=_shifted)


@exercise.mistake(
    "forgotten",
    hint="""
        Add it, as `@exercise.mistake` says
def _not_this_one(x):
        in its hint.
    """,
)
@plainly
def _forgotten(x):
    # its own comment
    return x


@exercise.mistake("a class", hint="No.")
class _Class:
    value = 1


def test_the_source_of_a_mistake_begins_at_its_own_first_line():
    assert source_of(_forgotten) == "@plainly\ndef _forgotten(x):\n    # its own comment\n    return x\n"
    assert source_of(_Class) == "class _Class:\n    value = 1\n"
    assert "hint" in inspect.getsource(_forgotten)


def test_a_mistake_becomes_a_solution_cell():
    assert as_solution(_Class, "Class") == "class Class:\n    value = 1"


# Texts ----------------------------------------------------------------------------------------------------------------


def test_hints_are_paragraphs_whose_white_space_does_not_count(shifted):
    hint = """
        Your result is one
        too\tsmall.

        Look again.
    """
    shifted.check("one number", points=1, hint=hint)(observe_one)
    shifted.mistake("taken away", edits=[("x + 1", "x - 1")], hint=hint)
    assert shifted.checks[0].hint == shifted.misconceptions["taken away"].hint == plain(hint)
    assert plain(hint) == "Your result is one too small. Look again."
    assert plain(plain(hint)) == plain(hint)


# Order, and copies ----------------------------------------------------------------------------------------------------


def test_checks_and_mistakes_keep_the_order_in_which_they_are_written(shifted):
    for name in "cab":
        shifted.check(name, points=1)(observe_one)
        shifted.mistake(name, edits=[("x + 1", f"x + {ord(name)}")], hint="No.")
    assert [check.name for check in shifted.checks] == list(shifted.misconceptions) == ["c", "a", "b"]


def test_a_copy_grows_on_its_own(shifted):
    shifted.check("one number", points=1)(observe_one)
    copy = replace(shifted, misconceptions={})
    copy.check("another", points=1)(observe_one)
    copy.mistake("taken away", edits=[("x + 1", "x - 1")], hint="The other way.")
    assert (shifted.points, copy.points) == (1.0, 2.0)
    assert shifted.misconceptions == {}
