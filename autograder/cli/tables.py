"""What the commands print: progress, tables, and lines for the TA."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:  # imported where it is needed: nbgrader takes seconds
    from autograder.commands.doctor import Finding
    from autograder.commands.new_exercise import NewExercise
    from autograder.commands.prove import ExerciseProof, Proof
    from autograder.commands.regrade import Difference
    from autograder.commands.release import Step
    from autograder.course.attention import Reason
    from autograder.course.classroom import Classroom
    from autograder.grading.job import Result
    from autograder.notebooks.graded import GradedSubmission
    from autograder.wall.ladder import Rung

console = Console(soft_wrap=not sys.stdout.isatty())
SHOWN_CELLS = 5
SHOWN_ROWS = 8


# A class is graded ------------------------------------------------------------------------------------------------------


def print_rung(rung: Rung) -> None:
    """Where the students' code runs; in red where that is not behind a wall."""
    if rung.walled:
        console.print(f"sandbox: {rung.name}", style="dim")
    else:
        console.print(
            f"WARNING: grading without a sandbox ({rung.why}). A student's code can read what you can read. "
            f"Raise it with: {rung.raise_it}",
            style="bold red",
        )


def grade_with_progress(classroom: Classroom, assignment: str, students: list[str] | None, **options: Any) -> list[str]:
    """`Classroom.grade` under a progress bar; the options are its own. Returns a line for each that could not be graded."""
    counts: Counter[str] = Counter()
    total = len(students) if students else len(classroom.submissions(assignment))
    columns = (
        TextColumn("grading"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=total)

        def listen(result: Result) -> None:
            counts[result.status] += 1
            progress.update(
                task, advance=1, description=" · ".join(f"{n} {status}" for status, n in counts.most_common())
            )

        start = time.monotonic()
        failures = classroom.grade(assignment, students, listener=listen, **options)
    done = sum(counts.values())
    if done:
        seconds = time.monotonic() - start
        console.print(f"graded {done} submissions in {seconds:.1f} s ({seconds / done:.2f} s each)")
    if done < total:
        console.print(f"{total - done} were graded before and left alone")
    return failures


def print_class(
    assignment: str, submissions: Iterable[GradedSubmission], expected: dict[str, str] | None = None
) -> None:
    """One row per student; `expected` says of a simulated student what they really handed in."""
    table = Table(title=assignment, title_justify="left")
    table.add_column("student")
    table.add_column("score", justify="right")
    table.add_column("status")
    table.add_column("recognised")
    if expected:
        table.add_column("really")
    for submission in submissions:
        names = "; ".join(f"{exercise}: {name}" for exercise, name in submission.recognised)
        row = [submission.student, f"{submission.points:g}/{submission.max_points:g}", submission.status, names]
        if expected:
            row.append(expected.get(submission.student, ""))
        table.add_row(*row)
    console.print(table)


def print_scores(assignment: str, scores: dict[str, float]) -> None:
    """What stock nbgrader gave: one row per student."""
    table = Table("student", "score", title=f"{assignment}, by stock nbgrader", title_justify="left")
    for name, score in sorted(scores.items()):
        table.add_row(name, f"{score:g}")
    console.print(table)


def print_slowest(submissions: Iterable[GradedSubmission]) -> None:
    """The cells that took most of the time, by their median over the class."""
    seconds: dict[str, list[float]] = {}
    for submission in submissions:
        for record in submission.records:
            for cell in record.cells:
                seconds.setdefault(cell.grade_id, []).append(cell.seconds)
    slowest = sorted(((statistics.median(all_of), name) for name, all_of in seconds.items()), reverse=True)
    words = ", ".join(f"{name} {median:.2f} s" for median, name in slowest[:SHOWN_CELLS])
    console.print(f"slowest cells (median): {words}", style="dim", markup=False)


def print_reasons(assignment: str, reasons: Iterable[Reason]) -> None:
    """Who needs a person, and why."""
    for reason in reasons:
        console.print(f"for the TA: {reason.title} ({len(reason.rows)}). {reason.todo}", style="bold", markup=False)
        for student, what in reason.rows[:SHOWN_ROWS]:
            console.print(f"  {student}: {what[:160]}", markup=False, highlight=False)
        if len(reason.rows) > SHOWN_ROWS:
            console.print(
                f"  and {len(reason.rows) - SHOWN_ROWS} more: see course report {assignment}", style="dim", markup=False
            )


def print_failures(failures: list[str]) -> None:
    """Who has no grade because the grader failed."""
    if failures:
        console.print(
            f"{len(failures)} could not be graded and have no grade; run the same command again:", style="bold red"
        )
        for line in failures:
            console.print(f"  {line}", markup=False)


def print_differences(differences: list[Difference], nothing: str = "") -> None:
    """What came out differently, a row each; `nothing` is said where nothing did."""
    table = Table("student", "where", "old", "new", "why")
    for one in differences:
        table.add_row(*(escape(text) for text in (one.student, one.where, one.old, one.new, one.why)))
    console.print(table if differences else nothing)


# The tests are proven ---------------------------------------------------------------------------------------------------


def print_exercise(proof: ExerciseProof) -> None:
    """Which wrong answer dies by which check."""
    from autograder.notebooks.cells import in_points

    checks = [check.name for check in proof.exercise.checks]
    table = Table(title=f"{proof.exercise.name} ({in_points(proof.exercise.points)})", title_justify="left")
    table.add_column("wrong answer")
    for number in range(len(checks)):
        table.add_column(str(number + 1), justify="center")
    table.add_column("visible", justify="center")
    table.add_column("named", justify="center")
    table.add_column("margin", justify="right")
    for row in proof.wrong:
        marks = ["✗" if row.deviations[check] > 1 else "·" for check in checks]
        margin = "∞" if math.isinf(row.margin) else f"{row.margin:.0e}"
        visible = "✗" if row.visible else "·"
        table.add_row(row.name + (" *" if row.core else ""), *marks, visible, "yes" if row.recognised else "no", margin)
    console.print(table)
    for number, check in enumerate(checks):
        console.print(f"  {number + 1} {check}", style="dim", markup=False)
    console.print(f"  the worst right answer is {proof.spread:.1e} tolerances from what is wanted\n", style="dim")


def print_proof(proof: Proof) -> None:
    """The assignment's last lines: the counts, and what is not proven."""
    console.print(
        "✗ the wrong answer fails this check, as it should; visible: it fails the visible test too; named: the feedback names\n"
        "the mistake; margin: how many tolerances the clearest check is off; *: a core mistake, which the visible test must fail",
        style="dim",
    )
    wrong = [row for exercise in proof.exercises for row in exercise.wrong]
    right = sum(1 + len(p.exercise.accepted) + len(p.exercise.witnesses) for p in proof.exercises)
    console.print(
        f"{proof.assignment}: {sum(row.dies for row in wrong)} of {len(wrong)} misconceptions die, "
        f"{sum(row.visible for row in wrong)} of them already in the visible tests, "
        f"{sum(row.recognised for row in wrong)} are recognised by name; {right} right ways were tried; "
        "the untouched release, the solution and the accepted variants went through nbgrader"
    )
    problems = [f"{p.exercise.name}: {problem}" for p in proof.exercises for problem in p.problems] + proof.problems
    for problem in problems:
        console.print(f"  NOT PROVEN {problem}", style="bold red", markup=False)


def print_new_exercise(assignment: str, made: NewExercise) -> None:
    """Where a new exercise is, and what is to be done with it."""
    lines = [f"exercise   {made.bank_file}", f"cells      {made.notebook}"]
    lines.append(
        f"It doubles a number. Replace what is marked REPLACE; then, and now already: course prove {assignment}"
    )
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)


# Others -----------------------------------------------------------------------------------------------------------------


def print_finding(finding: Finding) -> None:
    """One line of the doctor's."""
    mark = "[green]OK[/green]" if finding.well else "[yellow]..[/yellow]" if finding.optional else "[red]--[/red]"
    console.print(f"{mark} {finding.what:<10} ", end="")
    console.print(finding.text, markup=False, highlight=False)


def print_step(step: Step) -> None:
    """One step of a release, and its problems."""
    mark = "[red]--[/red]" if step.problems else "[green]OK[/green]"
    console.print(f"{mark} {step.name:<9}", end="")
    console.print(step.text, markup=False, highlight=False)
    for problem in step.problems:
        console.print(f"   {problem}", style="bold red", markup=False)
