"""The door of the bank: every exercise is found by its name."""

from __future__ import annotations

import pytest

from exercises import assignments, exercises_of, find


def test_every_exercise_is_found_by_its_name():
    everything = {name: exercise for assignment in assignments() for name, exercise in exercises_of(assignment).items()}
    assert sum(len(exercises_of(assignment)) for assignment in assignments()) == len(everything), "a name used twice"
    for name, exercise in everything.items():
        assert find(name) is exercise
        assert exercise.name == name
        assert exercise.points == sum(check.points for check in exercise.checks) > 0


def test_assignments_are_in_order():
    assert list(assignments()) == sorted(assignments())
    assert {"hw0_warmup", "hw1_log_probabilities"} <= set(assignments())


def test_unknown_names_say_what_there_is():
    with pytest.raises(KeyError, match="no exercise named 'logsumexpp'"):
        find("logsumexpp")
    with pytest.raises(KeyError, match=r"no exercise bank for 'hw9'.*hw0_warmup"):
        exercises_of("hw9")
