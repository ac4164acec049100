"""Moving numbers are found: the arithmetic of `make portable`, its environments, and the page it writes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from moving import findings, largest_spread, share_of_allowed
from portability import ENVIRONMENTS, NEEDS, Environment, disabled, inside, merge, report
from portability_page import page, place, problems, summary


def row(measured: Any, expected: Any = None, room: Any = None, **fields: Any) -> dict[str, Any]:
    """A row as a notebook's check leaves it; lists of one number may be given as a number."""
    listed = [None if one is None else list(np.atleast_1d(one)) for one in (measured, expected, room)]
    named = dict(zip(("measured", "expected", "room"), listed, strict=True))
    defaults = {"cell": "c", "name": "x", "above": None, "below": None, "passed": True, "allowed": "± 1", "moves": ""}
    return {**defaults, **named, **fields}


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ([row(1.0, 1.0, 0.1), row(1.0, 1.0, 0.1)], 0),
        ([row(1.0, 1.0, 0.1), row(1.05, 1.0, 0.1)], 0.5),
        ([row([1.0, 7.0], [1, 7], [0.1, 7]), row([1.01, 7.7], [1, 7], [0.1, 7])], 0.1),  # the one that moves most
        ([row(5.0, 5.1, 1), row(6.0, 6.1, 1)], 0),  # what is expected was computed on the page too, and moves along
        ([row(3.0, 3.0, 0), row(3.0, 3.0, 0)], 0),
        ([row(3.0, 3.0, 0), row(4.0, 3.0, 0)], math.inf),  # exactly means exactly
        ([row("Infinity", "Infinity", 0), row("Infinity", "Infinity", 0)], 0),
        ([row("NaN", "NaN", 0), row("NaN", "NaN", 0)], 0),
        ([row(1.0, 1.0, 0.1), row("NaN", 1.0, 0.1)], math.inf),
        ([row(0.95, above=0.9), row(0.97, above=0.9)], 0.4),  # the margin is that of the nearest value
        ([row(2.0, below=10), row(6.0, below=10)], 1),
        ([row(1.0, above=0, below=5), row(2.0, above=0, below=5)], 1),
        ([row(1.0, 1.0, 1.0, above=0.5), row(1.5, 1.0, 1.0, above=0.5)], 1),
        ([row(1.0, above=1)], 0),  # one environment alone: nothing to compare
    ],
)
def test_share_of_what_is_allowed(rows: list[dict[str, Any]], share: float) -> None:
    assert share_of_allowed(rows) == pytest.approx(share)


def test_spread_is_in_the_numbers_own_unit() -> None:
    assert largest_spread([row([1.0, 100.0], above=0), row([1.5, 99.0], above=0)]) == 1
    assert largest_spread([row("Infinity", above=0), row(1.0, above=0)]) == math.inf


def test_the_same_name_twice_in_a_cell_is_two_numbers() -> None:
    run = {"01": [row(1.0, 1.0, 1), row(5.0, 5.0, 1)]}
    first, second = findings({"own": run, "oldest": run})
    assert (first.key.count, second.key.count) == (1, 2)
    assert (first.share, second.share) == (0, 0)


def test_a_page_that_one_environment_did_not_run_is_not_missing_there() -> None:
    (found,) = findings({"own": {"01": [row(1.0, 1.0, 1)]}, "oldest": {}})
    assert list(found.rows) == ["own"]
    assert not found.wrong


def test_a_number_that_an_environment_never_came_to_is_a_problem() -> None:
    (found,) = findings({"own": {"01": [row(1.0, 1.0, 1)]}, "oldest": {"01": []}})
    assert problems([found]) == ["01, c, x: never came up under oldest"]


def test_a_failing_number_is_a_problem() -> None:
    (found,) = findings({"own": {"01": [row(1.0, 1.0, 1)]}, "oldest": {"01": [row(3.0, 1.0, 1, passed=False)]}})
    assert problems([found]) == ["01, c, x: fails under oldest: 3 (1, ± 1)"]


def moving(reason: str) -> dict[str, dict[str, list[dict[str, Any]]]]:
    return {"own": {"01": [row(1.0, 1.0, 1, moves=reason)]}, "oldest": {"01": [row(1.5, 1.0, 1, moves=reason)]}}


def test_a_number_that_moves_needs_a_reason() -> None:
    (found,) = findings(moving(""))
    assert problems([found]) == ["01, c, x: moves by 0.50 of what is allowed (1, ± 1): own 1; oldest 1.5"]
    (found,) = findings(moving("it is a time"))
    assert found.moves
    assert not problems([found])


# The environments ---------------------------------------------------------------------------------------------------


def test_every_kernel_and_setting_is_in_some_environment() -> None:
    assert {one.openblas for one in ENVIRONMENTS} >= {"Nehalem", "Haswell", "Zen", "SkylakeX"}
    assert {one.torch for one in ENVIRONMENTS} >= {"default", "avx2"}
    assert {one.numpy for one in ENVIRONMENTS} >= {"baseline", "avx2"}
    assert {one.threads for one in ENVIRONMENTS} == {1, 2}
    assert {one.openblas for one in ENVIRONMENTS} | {one.torch for one in ENVIRONMENTS} <= {*NEEDS, ""}


def test_what_the_cpu_lacks_is_named() -> None:
    server = Environment("server", openblas="SkylakeX", torch="avx2")
    assert server.lacks(["avx2", "fma", "avx512f", "avx512bw"]) == ["avx512dq", "avx512vl"]
    assert Environment("own").lacks([]) == []


def test_numpy_may_not_use_what_is_disabled() -> None:
    assert disabled("") == []
    assert set(disabled("avx2")) <= set(disabled("baseline"))
    assert not [name for name in disabled("avx2") if name in ("AVX2", "FMA3", "X86_V3")]


@pytest.mark.slow(10)
def test_the_libraries_of_another_environment_really_are_others() -> None:
    oldest = next(one for one in ENVIRONMENTS if one.name == "oldest")
    used = inside(oldest, "libraries")
    assert used["torch"] == "DEFAULT"
    assert used["numpy"] == ""
    assert used["openblas"] in ("Nehalem", "")  # "": a platform whose numpy has no OpenBLAS


# What is written ----------------------------------------------------------------------------------------------------


def recorded(rows: list[dict[str, Any]], deviation: float = 0.25) -> dict[str, Any]:
    answer = row(deviation, 0.0, 1.0, name="the reference, ada", allowed="1 tolerance", passed=deviation <= 1)
    return {
        "libraries": {"openblas": "Nehalem", "torch": "DEFAULT", "numpy": "", "threads": "1", "versions": "numpy 2"},
        "notebooks": {"01_cost": {"rows": rows, "problems": [], "seconds": 2.0}},
        "bank": {"logsumexp": [answer]},
        "seconds": 60.0,
    }


def test_what_is_run_anew_takes_the_place_of_what_was_there() -> None:
    old, new = recorded([row(1.0, above=0)]), recorded([row(2.0, above=0)])
    new["bank"] = {}
    both = merge(old, new)
    assert both["notebooks"]["01_cost"]["rows"][0]["measured"] == [2.0]
    assert list(both["bank"]) == ["logsumexp"]
    assert both["seconds"] == 120


def test_the_page_names_every_number(tmp_path: Any) -> None:
    rows = [row(1.0, 1.0, 1, name="moves"), row(1.0, 1.0, 1, name="stands still")]
    record = {"own": recorded(rows), "oldest": recorded([row(1.2, 1.0, 1, name="moves"), rows[1]], deviation=0.5)}
    assert report(record, {"server": ["avx512f"]}, tmp_path / "page.md") == 0
    text = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| 01 | moves | 1 | 1, ± 1 | 0.2 | 0.2 |" in text
    assert "1 numbers move by less than a thousandth of what is allowed (1 of them not at all): stands still." in text
    assert "| logsumexp | 0.25 | 0.5 | 0.25 |" in text
    assert "not run: this CPU lacks avx512f" in text


@pytest.mark.parametrize("worse", [row(9.0, 1.0, 1, passed=False), row(1.5, 1.0, 1)])
def test_the_exit_status_says_that_a_number_has_to_be_mended(worse: dict[str, Any]) -> None:
    assert report({"own": recorded([row(1.0, 1.0, 1)]), "oldest": recorded([worse])}, {}, None) == 1


def test_an_error_of_a_notebook_is_a_problem_too() -> None:
    broken = recorded([row(1.0, 1.0, 1)])
    broken["notebooks"]["01_cost"]["problems"] = ["cell: ValueError: no"]
    assert report({"own": broken}, {}, None) == 1


def test_the_summary_counts(capsys: pytest.CaptureFixture[str]) -> None:
    found = findings(moving(""))
    assert "notebooks: 1 numbers, 0 the same to the last bit" in summary(found, [])
    assert place(found[0]) in summary(found, [])
    assert "by more than a third" in page({}, {}, {}, "a CPU", found, [])
