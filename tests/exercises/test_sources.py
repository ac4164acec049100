"""The bank's answers as source text: wrong answers by editing, answers as solution cells."""

from __future__ import annotations

import inspect
import traceback

import pytest

from exercises.sources import as_solution, edited, source_of


def _factorial(n):
    return 1 if n == 0 else n * _factorial(n - 1)


class _Counter:
    """Counts."""

    def __init__(self):
        self.count = 0

    def step(self):
        self.count += 1
        return type(self).__name__, self.count

    def again(self):
        return _Counter()


# edited ---------------------------------------------------------------------------------------------------------------


def test_edited_changes_the_one_thing_and_leaves_the_original():
    wrong = edited(_factorial, ("n * ", "n + "), ("n - 1", "n - 2"))
    assert wrong(4) == 4 + 2 + 1
    assert _factorial(4) == 24
    assert "n + _factorial(n - 2)" in source_of(wrong)


def test_edits_build_on_each_other():
    twice = edited(edited(_factorial, ("n * ", "n + ")), ("n + ", "n - "))
    assert twice(3) == 3 - (2 - (1 - 1))


def test_edited_works_on_a_class():
    wrong = edited(_Counter, ("self.count += 1", "self.count += 2"))
    assert wrong().step() == ("_Counter", 2)
    assert _Counter().step() == ("_Counter", 1)
    assert isinstance(wrong().again(), wrong)


@pytest.mark.parametrize(("old", "times"), [("no such text", 0), ("n", source_of(_factorial).count("n"))])
def test_edited_wants_its_text_exactly_once(old, times):
    with pytest.raises(ValueError, match=rf"edited\(_factorial\): '{old}' occurs {times} times"):
        edited(_factorial, (old, "x"))


def test_an_edit_must_leave_python():
    with pytest.raises(SyntaxError):
        edited(_factorial, ("return", "return ("))


def test_a_traceback_shows_the_edited_source():
    wrong = edited(_factorial, ("n * ", "None * "))
    with pytest.raises(TypeError) as error:
        wrong(3)
    assert "None * _factorial(n - 1)" in "".join(traceback.format_exception(error.value))
    assert "None * _factorial(n - 1)" in inspect.getsource(wrong)


# as_solution ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [_factorial, edited(_factorial, ("n == 0", "n <= 0"))])
def test_a_recursive_function_still_calls_itself(answer):
    namespace = {}
    exec(as_solution(answer, "factorial"), namespace)
    assert namespace["factorial"](5) == 120
    assert "_factorial" not in namespace
    assert answer(5) == 120


def test_a_class_is_renamed_with_its_uses():
    namespace = {}
    exec(as_solution(_Counter, "Counter"), namespace)
    assert namespace["Counter"]().again().step() == ("Counter", 1)


def test_an_answer_written_inside_a_function_is_dedented():
    def inner(x):
        return x + 1

    namespace = {}
    exec(as_solution(inner, "outer"), namespace)
    assert namespace["outer"](1) == 2
