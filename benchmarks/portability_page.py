"""The page docs/portability.md: its words and tables, from the findings."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from moving import LIMIT, Finding, measured

from lecture5.checks import numbers
from lecture5.execute import notebooks

STILL = 1e-3  # a number that moves by a smaller share of what is allowed is named, not listed

HEAD = """# Every asserted number, on every CPU

Numbers come out a little different on different computers. A sum of floats depends on the order of its terms, and each CPU has
code of its own: it adds two, four or eight numbers at a time. Most differences are in the last digit. A training run
multiplies them, and so does a badly conditioned formula: notebook 01 once asserted a condition number that was the
rounding noise of its author's computer (its section "Three computers, three condition numbers").

So `benchmarks/portability.py` runs the fourteen notebooks and all right answers of the exercise bank as other CPUs would
compute them. The column *run* below says how many of them this page is about. The script fails if a number fails, or if it
moves by more than a third of what its check allows and no reason is written beside it (`check(..., moves="the reason")`).

- `make portable`: everything. `make portable WRITE=docs/portability.md` also writes this page.
- `make portable ENVIRONMENTS="own oldest" NOTEBOOKS="01 05"`: a part; `BANK=no` leaves out the bank.
- `make portable-one`: every notebook in one environment that is no present-day computer's own, for continuous integration.

Variables cannot turn this CPU into one of another maker: MKL, with which torch multiplies matrices, chooses differently on
AMD's. The notebooks let torch use one thread, whatever the environment says. numpy, scipy and the bank's answers use as many
threads as it says.

"""

HOW_TO_READ = f"""
## How to read the tables

- **Share**: how far the number moves between the environments, over what the check allows. Above {LIMIT:.2f} it has to be mended.
- A check with a *tolerance* (± 0.01, ± 2 %): the spread of measured minus expected, over the tolerance.
- A check with a *bound* (above 0.9) has no tolerance; it has a margin, the distance from the bound to the nearest value. The
  share is the spread over this margin.
- *Exactly*: any movement is too much.
- Where a check holds several numbers, the one that moves most counts. What is expected may be computed on the page, too.
- The bank's answers: a deviation is the distance from what is wanted in units of the check's tolerance; above 1 the answer fails.
  Each right answer (reference, accepted ways, witnesses) is tried with three students' inputs, as `course prove` does.
"""


def problems(found: Iterable[Finding]) -> list[str]:
    """A line for each number that has to be mended."""
    return [f"{place(one)}: {_problem(one)}" for one in found if one.wrong]


def _problem(one: Finding) -> str:
    if one.failed:
        return f"fails under {', '.join(one.failed)}: {numbers(measured(one.rows[one.failed[0]]))} ({allowed(one)})"
    if one.missing:
        return f"never came up under {', '.join(one.missing)}"
    values = "; ".join(f"{name} {numbers(measured(row))}" for name, row in one.rows.items())
    return f"moves by {one.share:.2f} of what is allowed ({allowed(one)}): {values}"


def place(one: Finding) -> str:
    """Where a number stands, in words."""
    again = f" ({one.key.count})" if one.key.count > 1 else ""
    return f"{one.key.page}, {one.key.cell}, {one.key.name}{again}"


def allowed(one: Finding) -> str:
    """The expected value and how far the number may be from it."""
    row = next(iter(one.rows.values()))
    return row["allowed"] if row["expected"] is None else f"{numbers(row['expected'])}, {row['allowed']}"


def summary(pages: Sequence[Finding], answers: Sequence[Finding]) -> str:
    """What was found, in a few lines."""
    return "\n".join(
        _counted(name, found) for name, found in (("notebooks", pages), ("right answers", answers)) if found
    )


def _counted(name: str, found: Sequence[Finding]) -> str:
    most = max(found, key=lambda one: one.share)
    return (
        f"{name}: {len(found)} numbers, {sum(one.spread == 0 for one in found)} the same to the last bit, "
        f"{sum(one.share < STILL for one in found)} move by less than a thousandth of what is allowed, "
        f"{sum(one.moves for one in found)} by more than a third, {sum(bool(one.failed) for one in found)} fail; "
        f"largest share {most.share:.2g} ({place(most)})"
    )


def page(
    record: Mapping[str, Any],
    missing: Mapping[str, Sequence[str]],
    settings: Mapping[str, Mapping[str, str]],
    cpu: str,
    pages: Sequence[Finding],
    answers: Sequence[Finding],
) -> str:
    """The whole page as markdown."""
    parts = [
        HEAD,
        _environments(record, missing, settings, cpu),
        "\n## What was found\n\n",
        "".join(f"- {line}.\n" for line in summary(pages, answers).splitlines()),
        _reasons([*pages, *answers]),
        HOW_TO_READ,
        "\n## The numbers that move most\n\n",
        _table(sorted(pages, key=lambda one: -one.share)[:20], with_page=True),
        "\n## The bank's right answers\n\nThe largest deviation of a right answer, in units of the tolerance.\n\n",
        _bank(answers),
        *(_notebook(stem, list(group)) for stem, group in groupby(pages, key=lambda one: one.key.page)),
    ]
    return "".join(parts)


def _environments(
    record: Mapping[str, Any], missing: Mapping[str, Sequence[str]], settings: Mapping[str, Mapping[str, str]], cpu: str
) -> str:
    versions = next(iter(record.values()))["libraries"]["versions"] if record else ""
    lines = [
        f"Made on: {cpu}, {versions}.\n",
        "| environment | set | the libraries then use | run |",
        "|---|---|---|---|",
    ]
    for name, variables in settings.items():
        told = " ".join(f"`{key}={value}`" for key, value in variables.items()).replace("=`", "`")
        if name in missing:
            lines.append(f"| {name} | {told} | not run: this CPU lacks {', '.join(missing[name])} | |")
        elif name in record:
            lines.append(f"| {name} | {told} | {_used(record[name]['libraries'])} | {_ran(record[name])} |")
    return "\n".join(lines) + "\n"


def _used(libraries: Mapping[str, str]) -> str:
    return (
        f"OpenBLAS {libraries['openblas']}; torch {libraries['torch']}; numpy {libraries['numpy'] or 'its baseline'}; "
        f"threads: OpenBLAS {libraries['threads']}"
    )


def _ran(run: Mapping[str, Any]) -> str:
    minutes = sum(one["seconds"] for one in run["notebooks"].values()) / 60
    answers = f"; right answers of {len(run['bank'])} exercises" if run["bank"] else ""
    return f"{len(run['notebooks'])} of {len(notebooks())} notebooks, {minutes:.0f} minutes{answers}"


def _reasons(found: Iterable[Finding]) -> str:
    told = [f"- {place(one)} may move: {one.reason}\n" for one in found if one.moves and one.reason]
    return "".join(told)


def _table(found: Iterable[Finding], with_page: bool = False) -> str:
    first = "| notebook | number |" if with_page else "| number |"
    lines = [f"{first} measured | allowed | spread | share |", "|---" * (first.count("|") + 3) + "|"]
    lines += [_line(one, with_page) for one in found]
    return "\n".join(lines) + "\n"


def _line(one: Finding, with_page: bool) -> str:
    where = f"| {one.key.page[:2]} | " if with_page else "| "
    value = numbers(measured(next(iter(one.rows.values()))))
    name = one.key.name.replace("|", "\\|")
    return f"{where}{name} | {value} | {allowed(one)} | {one.spread:.2g} | {one.share:.2g} |"


def _notebook(stem: str, found: Sequence[Finding]) -> str:
    moving = sorted((one for one in found if one.share >= STILL), key=lambda one: -one.share)
    still = [one for one in found if one.share < STILL]
    names = "; ".join(one.key.name.replace("|", "\\|") for one in still)
    table = f"{_table(moving)}\n" if moving else ""
    same = sum(one.spread == 0 for one in still)
    return (
        f"\n## {stem}\n\n{table}{len(still)} numbers move by less than a thousandth of what is allowed "
        f"({same} of them not at all): {names}.\n"
    )


def _bank(answers: Sequence[Finding]) -> str:
    names = list(dict.fromkeys(name for one in answers for name in one.rows))
    lines = [f"| exercise | {' | '.join(names)} | moves most |", "|---" * (len(names) + 2) + "|"]
    rows = [_exercise(page, list(group), names) for page, group in groupby(answers, key=lambda one: one.key.page)]
    return "\n".join([*lines, *(text for _, text in sorted(rows, reverse=True))]) + "\n"


def _exercise(page: str, found: Sequence[Finding], names: Sequence[str]) -> tuple[float, str]:
    worst = [
        max((measured(one.rows[name])[0] for one in found if name in one.rows), default=math.nan) for name in names
    ]
    moved = max(one.share for one in found)
    return moved, f"| {page} | {' | '.join(f'{value:.2g}' for value in worst)} | {moved:.2g} |"
