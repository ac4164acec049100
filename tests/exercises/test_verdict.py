"""Verdicts: in a student's words, as a cell's result, as data."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from double import _double, _double_in_place, double, raiser

from exercises import Verdict
from exercises.lost import AnswerTimedOut

# In a student's words -------------------------------------------------------------------------------------------------


def test_an_untouched_stub_gets_no_list_of_failures():
    report = double.grade(raiser(NotImplementedError())).report()
    assert report == "double: 0 of 3 points (not attempted)"


def test_partial_points_and_message_stand_together(capsys):
    result = double.grade(_double_in_place, "ada").as_cell_result()
    assert type(result) is float
    assert result == 2.0
    out = capsys.readouterr().out
    assert "double: 2 of 3 points (partly)" in out
    assert "Make a new array." in out
    assert "NO  the input is left as it was" in out


@pytest.mark.parametrize(("points", "reported"), [(-1.0, 0.0), (2.5, 2.5), (99.0, 3.0), (np.float64(1.25), 1.25)])
def test_cell_result_is_a_python_float_within_bounds(points, reported, capsys):
    result = replace(double.grade(_double), points=points).as_cell_result()
    assert type(result) is float
    assert result == reported
    assert capsys.readouterr().err == ""


# As data --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer", [_double, _double_in_place, raiser(ValueError()), raiser(NotImplementedError()), raiser(AnswerTimedOut())]
)
def test_verdict_survives_json(answer):
    verdict = double.grade(answer, "ada")
    assert Verdict.from_dict(json.loads(json.dumps(verdict.to_dict()))) == verdict
