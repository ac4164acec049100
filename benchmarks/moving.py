"""How far an asserted number moves between kinds of CPU, as a share of what its check allows. Pure functions of rows.

A row is a `lecture5.checks.Row` as a dict: measured, expected, room, above, below, passed, allowed, moves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

Row = Mapping[str, Any]
LIMIT = 1 / 3  # a number may move by this share of what is allowed


class Key(NamedTuple):
    """Which number: the page (a notebook or an exercise), the cell, its name there, and its count among those of that name."""

    page: str
    cell: str
    name: str
    count: int


@dataclass(frozen=True)
class Finding:
    """One asserted number under all environments.

    spread: the largest difference between two environments, in the number's own unit. share: how far it moves, over what
    is allowed. failed: the environments in which the check does not hold; missing: those that never came to it.
    """

    key: Key
    rows: Mapping[str, Row]  # environment -> row
    spread: float
    share: float
    failed: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def reason(self) -> str:
        """Why it may move: what is written beside the check, or ""."""
        return next((row["moves"] for row in self.rows.values() if row.get("moves")), "")

    @property
    def moves(self) -> bool:
        return self.share > LIMIT

    @property
    def wrong(self) -> bool:
        """Does it have to be mended?"""
        return bool(self.failed or self.missing) or (self.moves and not self.reason)


def findings(pages: Mapping[str, Mapping[str, Sequence[Row]]]) -> list[Finding]:
    """environment -> page -> rows, as findings in the order of the pages. Environments differ in what was run there."""
    keyed = {name: {page: dict(_keyed(page, rows)) for page, rows in run.items()} for name, run in pages.items()}
    keys = dict.fromkeys(key for run in keyed.values() for rows in run.values() for key in rows)
    return [_finding(key, {name: run[key.page] for name, run in keyed.items() if key.page in run}) for key in keys]


def _keyed(page: str, rows: Iterable[Row]) -> Iterator[tuple[Key, Row]]:
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        place = row["cell"], row["name"]
        seen[place] = seen.get(place, 0) + 1
        yield Key(page, *place, seen[place]), row


def _finding(key: Key, runs: Mapping[str, Mapping[Key, Row]]) -> Finding:
    rows = {name: found[key] for name, found in runs.items() if key in found}
    return Finding(
        key,
        rows,
        spread=largest_spread(rows.values()),
        share=share_of_allowed(rows.values()),
        failed=tuple(name for name, row in rows.items() if not row["passed"]),
        missing=tuple(name for name in runs if name not in rows),
    )


def largest_spread(rows: Iterable[Row]) -> float:
    """The largest difference between two environments, over the numbers of one check."""
    return max((_width(column) for column in _columns(rows, measured)), default=0.0)


def share_of_allowed(rows: Iterable[Row]) -> float:
    """How far a check's numbers move between the rows, as a share of what is allowed: 0 stands still, inf has no room.

    A tolerance: the spread of (measured − expected)/tolerance; what is expected may have been computed on the page too.
    A bound: the spread over the margin, which is the distance from the bound to the nearest value.
    """
    rows = list(rows)
    return max([_share_of_room(rows), *(_share_of_margin(rows, side) for side in ("above", "below"))])


def _share_of_room(rows: Sequence[Row]) -> float:
    if any(row["expected"] is None for row in rows):
        return 0.0
    return max((_width(column) for column in _columns(rows, off_by_rooms)), default=0.0)


def _share_of_margin(rows: Sequence[Row], side: str) -> float:
    if any(row.get(side) is None for row in rows):
        return 0.0
    bounds = [float(row[side]) for row in rows]
    return max((_over_margin(column, bounds) for column in _columns(rows, measured)), default=0.0)


def _over_margin(values: Sequence[float], bounds: Sequence[float]) -> float:
    margin = min(abs(value - bound) for value, bound in zip(values, bounds, strict=True))
    return _ratio(_width(values), margin)


def measured(row: Row) -> list[float]:
    """The numbers of a row; "NaN" and "Infinity", as JSON has them, are numbers too."""
    return [float(value) for value in row["measured"]]


def off_by_rooms(row: Row) -> list[float]:
    """Measured minus expected, in units of the tolerance; 0 where they are equal, infinities included."""
    wanted, room = map(float, row["expected"]), map(float, row["room"])
    return [
        0.0 if value == want or (math.isnan(value) and math.isnan(want)) else _ratio(value - want, allowed)
        for value, want, allowed in zip(measured(row), wanted, room, strict=True)
    ]


def _columns(rows: Iterable[Row], values: Any) -> Iterator[tuple[float, ...]]:
    """For each of a check's numbers, its value in every row. Raises ValueError if the rows have different lengths."""
    return zip(*map(values, rows), strict=True)


def _width(values: Sequence[float]) -> float:
    """Largest minus smallest; 0 if all are the same, infinities and NaN included; inf if some are not finite."""
    if all(value == values[0] for value in values) or all(math.isnan(value) for value in values):
        return 0.0
    return max(values) - min(values) if all(map(math.isfinite, values)) else math.inf


def _ratio(part: float, whole: float) -> float:
    if part == 0:
        return 0.0
    return part / whole if whole else math.copysign(math.inf, part)
