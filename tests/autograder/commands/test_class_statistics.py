"""The report's numbers against scipy and small cases done by hand."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from autograder.commands.class_statistics import (
    check_statistics,
    discrimination,
    equal_pairs,
    exercise_statistics,
    histogram,
    misconception_statistics,
    normalized,
    pseudonyms,
    status_counts,
)
from autograder.notebooks.status import Status, by_points
from autograder.notebooks.verdict import CellVerdict
from exercises.verdict import CheckResult, Verdict

scores = st.lists(st.integers(0, 40).map(lambda n: n / 4), min_size=3, max_size=40)


def cell(
    points: float, *, of: float = 2.0, status: Status | None = None, checks: tuple[bool, ...] = (), recognised: str | None = None,
    seconds: float = 0.5,
) -> CellVerdict:  # fmt: skip
    status = status or by_points(points, of)
    results = tuple(CheckResult(f"check {n}", passed, 1.0 * passed, 1.0, "") for n, passed in enumerate(checks))
    verdict = Verdict("e", points, of, status, results, recognised, "the hint" if recognised else "")
    return CellVerdict("grade_e", points, of, status, seconds=seconds, exercise=verdict)


# Discrimination ----------------------------------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=3, max_size=40))
def test_all_or_nothing_is_the_point_biserial_correlation(rows: list[tuple[bool, int]]) -> None:
    item, rest = [float(passed) for passed, _ in rows], [float(score) for _, score in rows]
    got = discrimination(item, rest)
    if len(set(item)) == 1 or len(set(rest)) == 1:
        assert got is None
    else:
        assert got == pytest.approx(scipy.stats.pointbiserialr(item, rest).statistic, abs=1e-12)


@given(scores, st.randoms())
def test_partial_credit_is_pearsons_correlation(item: list[float], random) -> None:
    rest = [value + random.uniform(0, 5) for value in item]
    got = discrimination(item, rest)
    if np.ptp(item) == 0:
        assert got is None
    else:
        assert got == pytest.approx(scipy.stats.pearsonr(item, rest).statistic, abs=1e-9)


@pytest.mark.parametrize(
    ("item", "rest"),
    [([], []), ([1, 0], [3, 5]), ([1, 1, 1], [1, 2, 3]), ([0, 1, 1], [4, 4, 4]), ([0.1] * 3, [1, 2, 3])],
)
def test_without_spread_there_is_no_discrimination(item: list[float], rest: list[float]) -> None:
    assert discrimination(item, rest) is None


def test_unequal_lengths_are_told() -> None:
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        discrimination([1, 2, 3], [1, 2])


# Histogram ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.floats(-5, 120), max_size=50), st.sampled_from([0.5, 1.0, 4.0, 22.0, 28.0, 50.0, 100.0, 1000.0]))
def test_every_score_is_in_one_bin(values: list[float], max_score: float) -> None:
    counts, edges = histogram(values, max_score)
    assert counts.sum() == len(values)
    assert len(counts) == len(edges) - 1 <= 14
    assert edges[0] == 0
    assert edges[-1] >= max_score - 1e-9
    assert np.allclose(np.diff(edges), edges[1])


@pytest.mark.parametrize(("max_score", "width"), [(4, 0.5), (22, 2), (28, 2), (100, 10), (10, 1)])
def test_bins_have_a_width_people_count_in(max_score: float, width: float) -> None:
    assert histogram([1.0], max_score)[1][1] == pytest.approx(width)


def test_full_marks_belong_to_the_last_bin() -> None:
    counts, _ = histogram([22, 20, 19.75, 0], 22)
    assert counts[[0, -2, -1]].tolist() == [1, 1, 2]


# Exercises, checks, misconceptions ---------------------------------------------------------------------------------------

CLASS = {
    "ada": {"a": cell(2, seconds=1.0), "b": cell(1)},
    "bo": {"a": cell(2, seconds=2.0), "b": cell(2)},
    "cy": {"a": cell(0, seconds=9.0), "b": cell(0)},
    "di": {"a": cell(0, status=Status.MISSING), "b": cell(0, status=Status.MISSING)},
}


def test_exercise_statistics_by_hand() -> None:
    a, b = exercise_statistics(CLASS)
    assert (a.exercise, a.max_points, a.students) == ("a", 2.0, 3)  # a missing notebook says nothing about an exercise
    assert a.mean == pytest.approx(4 / 3)
    assert a.pass_rate == pytest.approx(2 / 3)
    assert a.median_seconds == 2.0
    # a: (2, 2, 0) against b: (1, 2, 0)
    assert a.discrimination == pytest.approx(scipy.stats.pearsonr([2, 2, 0], [1, 2, 0]).statistic)
    assert b.pass_rate == pytest.approx(1 / 3)


def test_an_exercise_nobody_handed_in_is_left_out() -> None:
    assert exercise_statistics({"di": CLASS["di"]}) == []
    assert exercise_statistics({}) == []


def test_checks_count_attempts_only() -> None:
    rows = check_statistics(
        {
            "ada": {"a": cell(1, checks=(True, False))},
            "bo": {"a": cell(2, checks=(True, True))},
            "cy": {"a": cell(0, status=Status.NOT_ATTEMPTED, checks=(False, False))},
            "di": {"a": CellVerdict("grade_a", 0, 2, Status.MISSING)},
        }
    )
    assert [(row.name, row.passed, row.attempts) for row in rows] == [("check 0", 2, 2), ("check 1", 1, 2)]


def test_misconceptions_by_frequency() -> None:
    rows = misconception_statistics(
        {
            "ada": {"a": cell(1, recognised="rare")},
            "bo": {"a": cell(1, recognised="often")},
            "cy": {"a": cell(1, recognised="often"), "b": cell(2)},
        }
    )
    assert [(row.name, row.students) for row in rows] == [("often", ("bo", "cy")), ("rare", ("ada",))]
    assert rows[0].hint == "the hint"


def test_statuses_from_best_to_worst() -> None:
    found = status_counts([Status.WRONG, Status.PASSED, Status.WRONG, Status.CRASHED])
    assert found == [("passed", 1), ("wrong", 2), ("crashed", 1)]


# Equal pairs -------------------------------------------------------------------------------------------------------------

STUBS = {
    "f": "def f(x):\n    raise NotImplementedError()",
    "g": "def g(x):\n    raise NotImplementedError()",
    "W": "Your words.",
}
MINE = {"f": "def f(x):\n    return x + 1", "g": "def g(x):\n    return 2*x", "W": "Because  it\n\nis so."}


def test_spacing_comments_and_quotes_make_no_difference() -> None:
    other = {"f": "def f( x ):\n\n    return x+1  # mine", "g": MINE["g"], "W": "Because it\nis so. "}
    (pair,) = equal_pairs({"ada": MINE, "bo": other}, STUBS)
    assert (pair.first, pair.second, pair.exercises, pair.lines) == ("ada", "bo", 3, 6)


@pytest.mark.parametrize(
    "other",
    [
        {**MINE, "g": "def g(x):\n    return x * 2"},  # one answer is another
        {**STUBS, "f": MINE["f"]},  # one answer in common is not enough
        STUBS,  # nothing written
        {},
    ],
)
def test_no_pair(other: dict[str, str]) -> None:
    assert equal_pairs({"ada": MINE, "bo": other}, STUBS) == []


def test_an_untouched_cell_is_no_difference() -> None:
    (pair,) = equal_pairs({"ada": MINE, "bo": {**MINE, "W": STUBS["W"]}}, STUBS)
    assert pair.exercises == 2


def test_the_longest_agreement_comes_first() -> None:
    short = {**MINE, "W": STUBS["W"]}
    pairs = equal_pairs({"ada": short, "bo": MINE, "cy": MINE}, STUBS)
    assert [(pair.first, pair.second) for pair in pairs] == [("bo", "cy"), ("ada", "bo"), ("ada", "cy")]


@pytest.mark.parametrize("source", ["def f(:", "x = '\x00'", "((" * 5000, "-" * 20_000 + "1", "", "just words\n"])
def test_any_text_has_a_normal_form(source: str) -> None:
    assert normalized(normalized(source)) == normalized(source)


# Pseudonyms --------------------------------------------------------------------------------------------------------------


def test_pseudonyms_are_stable_and_tell_nothing() -> None:
    names = [f"student-{n:03d}" for n in range(120)]
    labels = pseudonyms(names, "course")
    assert labels == pseudonyms(reversed(names), "course")
    assert sorted(labels.values()) == [f"student {n:03d}" for n in range(1, 121)]
    order = [labels[name] for name in names]
    assert abs(scipy.stats.spearmanr(range(120), np.argsort(order)).statistic) < 0.4
    assert labels != pseudonyms(names, "another course")
