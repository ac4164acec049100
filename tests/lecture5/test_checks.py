"""`check` compares, prints, keeps a row, and says what went wrong."""

import json

import numpy as np
import pytest

from lecture5 import checks


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(checks, "display", lambda data, raw=False: bundles.append(data))
    monkeypatch.setattr(checks, "checked", [])
    return bundles


@pytest.mark.parametrize(
    ("measured", "expected", "options"),
    [
        (1.05, 1, {"abs": 0.1}),
        (105.0, 100, {"rel": 0.06}),
        ([1.0, 2.0], [1, 2], {}),
        (np.ones(4), 1, {"abs": 1e-12}),
        (3, None, {"above": 2, "below": 4}),
        (np.inf, np.inf, {}),
        (-np.inf, -np.inf, {"abs": 0.1}),
        (20.5, 20, {"abs": 1, "above": 20}),
    ],
)
def test_passes(shown, measured, expected, options):
    checks.check("x", measured, expected, **options)
    assert checks.checked[0].passed
    assert str(checks.checked[0]) == shown[0]["text/plain"]


@pytest.mark.parametrize(
    ("measured", "expected", "options"),
    [
        (1.2, 1, {"abs": 0.1}),
        ([1.0, 1.2], [1, 1], {"abs": 0.1}),
        (np.nan, 1, {"abs": 10}),
        (np.nan, None, {"above": 0}),
        (np.inf, 1, {"rel": 10}),
        (np.inf, -np.inf, {"abs": 1}),
        (1 + 1e-12, 1, {}),
        (4, None, {"below": 4}),
        (19.5, 20, {"abs": 1, "above": 20}),
    ],
)
def test_fails_with_the_numbers_and_still_keeps_the_row(shown, measured, expected, options):
    with pytest.raises(AssertionError, match=r"✗ T1\.1 x: measured"):
        checks.check("x", measured, expected, row="T1.1", **options)
    assert not checks.checked[0].passed
    assert len(shown) == 1


@pytest.mark.parametrize(("expected", "options"), [(None, {}), (None, {"abs": 1}), (None, {"rel": 1, "above": 0})])
def test_a_check_that_checks_nothing_is_refused(shown, expected, options):
    with pytest.raises(ValueError, match="check\\('x'\\)"):
        checks.check("x", 1, expected, **options)


def test_row_travels_as_strict_json(shown):
    checks.check("x", [1.0, np.inf], [1.0, np.inf], row="T9.5", topic="L3")
    row = json.loads(json.dumps(shown[0][checks.CHECK_MIME], allow_nan=False))
    assert row == {
        "name": "x",
        "measured": [1.0, "Infinity"],
        "expected": [1.0, "Infinity"],
        "allowed": "exactly",
        "row": "T9.5",
        "topic": "L3",
        "passed": True,
        "room": [0.0, 0.0],
        "above": None,
        "below": None,
        "moves": "",
    }
    assert checks.numbers(row["measured"]) == "1, inf"


def test_summary_lists_every_row(monkeypatch, shown):
    checks.check("a|b", 1, 1, row="T1.1")
    checks.check("bound", 2, above=1)
    tables = []
    monkeypatch.setattr(checks, "display", tables.append)
    checks.summary()
    assert "| T1.1 | a\\|b | 1 | 1 | exactly |" in tables[0].data
    assert "|  | bound | 2 |  | above 1 |" in tables[0].data


def test_long_lists_are_shortened():
    assert checks.numbers([1.0] * 50) == "1 (50 times)"
    assert checks.numbers(list(range(10))).endswith("… (10 numbers)")


def test_a_row_says_how_far_its_number_may_move_and_why(shown):
    checks.check("x", [1.0, 20.0], [1.0, 20.0], abs=0.1, rel=0.05, above=0, moves="it is a time")
    row = checks.checked[0]
    assert row.room == [0.1, 1.0]
    assert (row.above, row.below) == (0, None)
    assert row.moves == "it is a time"
