"""The number measured on the page beside the number of the theory: printed, asserted, and kept for the tests.

A notebook calls `check`; `checked` collects its rows; `summary` ends the page with a table of them. Each row also
travels in the cell's output (`CHECK_MIME`), so that a test reads the rows of an executed notebook without running it.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from IPython.display import Markdown, display
from numpy.typing import ArrayLike

CHECK_MIME = "application/vnd.lecture5.check+json"


@dataclass(frozen=True)
class Row:
    """One number of the page (or a few of one kind) beside what theory says of it."""

    name: str
    measured: list[float]
    expected: list[float] | None
    allowed: str  # the tolerance or the bounds, as text
    row: str  # the acceptance row it answers, as "T1.1", or ""
    topic: str  # the topic of the lecture it belongs to, as "L13", or ""
    passed: bool
    room: list[float] | None = None  # how far each measured number may be from the expected one
    above: float | None = None
    below: float | None = None
    moves: str = ""  # why it may differ between kinds of CPU by more than a third of what is allowed

    def __str__(self) -> str:
        expected = "" if self.expected is None else f", expected {numbers(self.expected)}"
        mark = "✓" if self.passed else "✗"
        where = f"{self.row} " if self.row else ""
        return f"{mark} {where}{self.name}: measured {numbers(self.measured)}{expected} ({self.allowed})"


checked: list[Row] = []


def check(
    name: str,
    measured: ArrayLike,
    expected: ArrayLike | None = None,
    *,
    abs: float | None = None,
    rel: float | None = None,
    above: float | None = None,
    below: float | None = None,
    row: str = "",
    topic: str = "",
    moves: str = "",
) -> None:
    """Assert that a measured number is what theory (or the prose) says, and print both.

    name: what was measured, in words. measured: a number or a flat list of them. expected: the same shape.
    abs, rel: how far apart they may be (with neither, they must be equal). above, below: bounds on `measured`, both
    exclusive. row: the acceptance row ("T1.1"). topic: the lecture's topic ("L13"). moves: only for a number that differs
    between kinds of CPU by more than a third of what is allowed (benchmarks/portability.py): why it cannot be mended.
    Raises AssertionError with the numbers if it does not hold.
    """
    got = np.atleast_1d(np.asarray(measured, dtype=np.float64)).ravel()
    wanted = None if expected is None else np.broadcast_to(np.asarray(expected, dtype=np.float64), got.shape)
    if wanted is None and above is None and below is None:
        raise ValueError(f"check({name!r}): give an expected value, or above=, or below=")
    if wanted is None and (abs is not None or rel is not None):
        raise ValueError(f"check({name!r}): abs= and rel= need an expected value")
    passed = True
    allowed: list[str] = []
    room = None
    if wanted is not None:
        with np.errstate(invalid="ignore"):  # inf - inf, 0 * inf
            room = np.fmax(0.0 if abs is None else abs, np.abs(wanted) * (0.0 if rel is None else rel))
            passed = bool(np.all((got == wanted) | (np.abs(got - wanted) <= room)))
        allowed += [] if abs is None else [f"± {abs:.3g}"]
        allowed += [] if rel is None else [f"± {100 * rel:.3g} %"]
        allowed += ["exactly"] if not allowed else []
    if above is not None:
        passed = passed and bool(np.all(got > above))
        allowed.append(f"above {above:.4g}")
    if below is not None:
        passed = passed and bool(np.all(got < below))
        allowed.append(f"below {below:.4g}")
    entry = Row(
        name,
        measured=got.tolist(),
        expected=None if wanted is None else wanted.tolist(),
        allowed=", ".join(allowed),
        row=row,
        topic=topic,
        passed=passed,
        room=None if room is None else room.tolist(),
        above=above,
        below=below,
        moves=moves,
    )
    checked.append(entry)
    data = json.loads(json.dumps(asdict(entry)), parse_constant=str)  # nan and inf are no JSON: keep them as text
    display({"text/plain": str(entry), CHECK_MIME: data}, raw=True)
    assert passed, str(entry)


def summary() -> None:
    """Put a table of every number checked on this page, beside its theory, at the end of the page."""
    lines = ["| | what | measured | expected | allowed |", "|---|---|---|---|---|"]
    for entry in checked:
        expected = "" if entry.expected is None else numbers(entry.expected)
        name = entry.name.replace("|", "\\|")
        lines.append(f"| {entry.row} | {name} | {numbers(entry.measured)} | {expected} | {entry.allowed} |")
    display(Markdown("\n".join(lines)))


def numbers(values: Sequence[float | str]) -> str:
    """A few numbers as text, four digits each. Text (the "NaN" and "Infinity" of JSON) is read as a number."""
    shown = [f"{float(value):.4g}" for value in values]
    if len(shown) > 3 and len(set(shown)) == 1:
        return f"{shown[0]} ({len(shown)} times)"
    shown = shown[:8]
    return ", ".join(shown) + (f", … ({len(values)} numbers)" if len(values) > 8 else "")
