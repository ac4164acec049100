"""The command `course`."""

from __future__ import annotations

import contextlib
import gc
import math
import os
import statistics
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from autograder.course.errors import CourseError
from exercises.observation import InfrastructureError

if TYPE_CHECKING:  # imported where it is needed: nbgrader takes seconds
    from autograder.notebooks.graded import GradedSubmission

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
console = Console(soft_wrap=not sys.stdout.isatty())

CourseOption = Annotated[Path | None, typer.Option("--course", help="The course folder (default: here or above).")]
AssignmentArgument = Annotated[str, typer.Argument(help="The assignment's folder name in source/.")]
Unsandboxed = Annotated[bool, typer.Option("--unsandboxed", help="Grade even where this host allows no sandbox.")]
Workers = Annotated[int, typer.Option(min=0, help="Parallel processes; 0: one per core.")]


def main() -> None:
    """Run the command; a mistake of the user is one line and exit code 2."""
    gc.set_threshold(50_000)  # imports make millions of objects, and hardly any garbage
    try:
        app()
    except (CourseError, InfrastructureError) as error:
        Console(stderr=True, soft_wrap=True).print(f"course: {error}", style="red", markup=False, highlight=False)
        sys.exit(2)
    finally:
        gc.freeze()  # what ends with the process anyway need not be searched for garbage, which takes half a second


def _course(folder: Path | None):
    from autograder.course.classroom import Classroom

    return Classroom(folder) if folder is not None else Classroom.find(Path.cwd())


# grade --------------------------------------------------------------------------------------------------------------


@app.command()
def grade(
    assignment: AssignmentArgument,
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    workers: Workers = 0,
    force: Annotated[bool, typer.Option(help="Grade again what is graded already.")] = False,
    unsandboxed: Unsandboxed = False,
    scheduler: Annotated[str | None, typer.Option(help="Send the jobs to this Dask scheduler (tcp://...).")] = None,
    no_engine: Annotated[bool, typer.Option("--no-engine", help="Stock nbgrader: slow, and without the wall.")] = False,
    course: CourseOption = None,
) -> None:
    """Grade a class: every submission in submitted/, through nbgrader, behind the wall."""
    if no_engine:
        _grade_without_engine(assignment, student, force, course)
        return
    alone = student is not None and len(student) == 1
    with _executor(scheduler, assignment, workers, unsandboxed, alone) as factory:
        classroom = _course(course)
        classroom.require_ready(assignment)
        if scheduler is None:
            _tell_rung(unsandboxed)
        failures = _grade_with_progress(
            classroom,
            assignment,
            student,
            workers=workers,
            force=force,
            unsandboxed=unsandboxed,
            executor_factory=factory,
        )
    submissions = classroom.results(assignment)
    _print_class(assignment, submissions)
    _print_slowest(submissions)
    _print_for_the_ta(classroom, assignment, submissions)
    _print_failures(failures)
    if failures:
        raise typer.Exit(1)


def _grade_without_engine(assignment: str, students: list[str] | None, force: bool, course: Path | None) -> None:
    os.environ["COURSE_ENGINE"] = "off"  # read by nbgrader_config.py
    classroom = _course(course)
    console.print(
        "stock nbgrader: the student's code runs beside the hidden tests, one submission at a time", style="red"
    )
    with console.status("grading"):
        classroom.grade_with_stock_nbgrader(assignment, students, force=force)
    table = Table("student", "score", title=f"{assignment}, by stock nbgrader", title_justify="left")
    for name, score in sorted(classroom.scores(assignment).items()):
        table.add_row(name, f"{score:g}")
    console.print(table)


@contextlib.contextmanager
def _executor(scheduler: str | None, assignment: str, workers: int, unsandboxed: bool, alone: bool):
    """What makes the executor: a local pool's, a Dask cluster's, or None for one submission alone.

    A local pool warms up while nbgrader is imported and the course is read, which takes about as long.
    """
    if scheduler is None:
        from autograder.grading.pool import warming_up

        with contextlib.nullcontext() if alone else warming_up(assignment, workers, unsandboxed) as factory:
            yield factory
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise CourseError('--scheduler needs Dask: pip install "distributed"') from error
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        raise CourseError(f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`") from error
    with client:
        yield lambda workers: client.get_executor(pure=False)


def _tell_rung(unsandboxed: bool) -> None:
    from autograder.wall.ladder import choose_rung

    rung = choose_rung(unsandboxed)
    if rung.walled:
        console.print(f"sandbox: {rung.name}", style="dim")
    else:
        console.print(
            f"WARNING: grading without a sandbox ({rung.why}). A student's code can read what you can read. "
            f"Raise it with: {rung.raise_it}",
            style="bold red",
        )


def _grade_with_progress(classroom, assignment: str, students: list[str] | None, **options) -> list[str]:
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

        def listen(result) -> None:
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


def _students(submissions: list[GradedSubmission]) -> set[str]:
    return {submission.student for submission in submissions}


def _print_class(assignment: str, submissions: list[GradedSubmission], expected: dict | None = None) -> None:
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


def _print_slowest(submissions: list[GradedSubmission], shown: int = 5) -> None:
    """The cells that took most of the time, by their median over the class."""
    seconds: dict[str, list[float]] = {}
    for submission in submissions:
        for record in submission.records:
            for cell in record.cells:
                seconds.setdefault(cell.grade_id, []).append(cell.seconds)
    slowest = sorted(((statistics.median(all_of), name) for name, all_of in seconds.items()), reverse=True)[:shown]
    words = ", ".join(f"{name} {median:.2f} s" for median, name in slowest)
    console.print(f"slowest cells (median): {words}", style="dim", markup=False)


def _print_for_the_ta(classroom, assignment: str, submissions: list[GradedSubmission], shown: int = 8) -> None:
    """Who needs a person, and why."""
    from autograder.course.attention import reasons_for_a_ta

    ungraded = classroom.ungraded(assignment, submissions)
    for reason in reasons_for_a_ta(submissions, ungraded, {}):
        console.print(f"for the TA: {reason.title} ({len(reason.rows)}). {reason.todo}", style="bold", markup=False)
        for student, what in reason.rows[:shown]:
            console.print(f"  {student}: {what[:160]}", markup=False, highlight=False)
        if len(reason.rows) > shown:
            console.print(
                f"  and {len(reason.rows) - shown} more: see course report {assignment}", style="dim", markup=False
            )


def _print_failures(failures: list[str]) -> None:
    if failures:
        console.print(
            f"{len(failures)} could not be graded and have no grade; run the same command again:", style="bold red"
        )
        for line in failures:
            console.print(f"  {line}", markup=False)


# prove --------------------------------------------------------------------------------------------------------------


@app.command()
def prove(
    assignment: Annotated[str | None, typer.Argument(help="One assignment; default: all that have a bank.")] = None,
    course: CourseOption = None,
) -> None:
    """Prove the hidden tests: every wrong answer fails, every right one passes, the untouched release gets 0."""
    from exercises import assignments

    classroom = _course(course)
    holds = [_prove_one(classroom, name) for name in ([assignment] if assignment else assignments())]
    if not all(holds):
        raise typer.Exit(1)


def _prove_one(classroom, assignment: str) -> bool:
    from autograder.commands.prove import Proof
    from autograder.commands.prove import prove as find_proof

    classroom.require(assignment)
    console.rule(assignment, align="left")
    proof = None
    for step in find_proof(classroom, assignment):
        if isinstance(step, Proof):
            proof = step
        else:
            _print_exercise(step)
    assert proof is not None
    wrong = [row for exercise in proof.exercises for row in exercise.wrong]
    right = sum(1 + len(p.exercise.accepted) + len(p.exercise.witnesses) for p in proof.exercises)
    console.print(
        f"{assignment}: {sum(row.dies for row in wrong)} of {len(wrong)} misconceptions die, "
        f"{sum(row.visible for row in wrong)} of them already in the visible tests, "
        f"{sum(row.recognised for row in wrong)} are recognised by name; {right} right ways were tried; "
        "the untouched release, the solution and the accepted variants went through nbgrader"
    )
    problems = [f"{p.exercise.name}: {problem}" for p in proof.exercises for problem in p.problems] + proof.problems
    for problem in problems:
        console.print(f"  NOT PROVEN {problem}", style="bold red", markup=False)
    return not problems


def _print_exercise(proof) -> None:
    checks = [check.name for check in proof.exercise.checks]
    table = Table(title=f"{proof.exercise.name} ({proof.exercise.points:g} points)", title_justify="left")
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
    console.print(
        f"  right answers stay within {proof.spread:.1e} of the tolerance; * is a core mistake\n", style="dim"
    )


# regrade and doctor ---------------------------------------------------------------------------------------------------


@app.command()
def regrade(
    assignment: AssignmentArgument,
    prove: Annotated[bool, typer.Option("--prove", help="Only show what would differ; change nothing.")] = False,
    workers: Workers = 0,
    unsandboxed: Unsandboxed = False,
    course: CourseOption = None,
) -> None:
    """Grade a class again: shows old -> new -> why per student and check; without --prove, writes it too.

    A TA's scores and comments are kept, and listed; nbgrader marks their cells for another look.
    """
    from autograder.commands.manual_grades import entered, told
    from autograder.commands.regrade import regrade as find_differences

    classroom = _course(course)
    classroom.require_ready(assignment)
    _tell_rung(unsandboxed)
    differences = list(find_differences(classroom, assignment, workers=workers, unsandboxed=unsandboxed))
    _print_differences(differences, f"{assignment}: nothing differs")
    students = sorted({one.student for one in differences})
    by_hand = entered(classroom, assignment)
    if not prove and differences:
        failures = _grade_with_progress(
            classroom, assignment, students, workers=workers, force=True, unsandboxed=unsandboxed
        )
        _print_failures(failures)
    manual = list(told(by_hand, entered(classroom, assignment), students))
    if manual:
        console.print("entered by hand" + (", and would be kept:" if prove else ":"), style="bold")
        _print_differences(manual)


def _print_differences(differences: list, nothing: str = "") -> None:
    table = Table("student", "where", "old", "new", "why")
    for one in differences:
        table.add_row(*(escape(text) for text in (one.student, one.where, one.old, one.new, one.why)))
    console.print(table if differences else nothing)


@app.command()
def doctor() -> None:
    """Look at everything the course needs, one line each, with what to do."""
    from autograder.commands.doctor import examine

    findings = list(examine(Path.cwd()))
    for finding in findings:
        mark = "[green]OK[/green]" if finding.well else "[yellow]..[/yellow]" if finding.optional else "[red]--[/red]"
        console.print(f"{mark} {finding.what:<10} ", end="")
        console.print(finding.text, markup=False, highlight=False)
    if not all(finding.well or finding.optional for finding in findings):
        raise typer.Exit(1)


# demo ---------------------------------------------------------------------------------------------------------------


@app.command()
def demo(
    assignment: AssignmentArgument = "hw1_log_probabilities",
    folder: Annotated[Path, typer.Option(help="The working folder of the demo.")] = Path("demo"),
    small: Annotated[bool, typer.Option("--small", help="One variant and one misconception of each exercise.")] = False,
    workers: Workers = 0,
    course: CourseOption = None,
) -> None:
    """Grade a class of simulated students on a real assignment, through real nbgrader, and show the report."""
    from autograder.commands.report import write_report
    from autograder.commands.simulated_class import exercises_by_notebook, hand_in, read_notebooks, roster
    from autograder.course.classroom import Classroom
    from autograder.course.scratch import make_course
    from autograder.wall.ladder import best_rung

    classroom = _course(course)
    classroom.require(assignment)
    root = folder.resolve()
    root.mkdir(parents=True, exist_ok=True)
    make_course(root, classroom.folder("source", assignment), settings=DEMO_SETTINGS)
    demo_course = Classroom(root)
    if not demo_course.folder("release", assignment).is_dir():
        demo_course.generate(assignment)
    release = read_notebooks(demo_course.folder("release", assignment))
    students = roster(exercises_by_notebook(release), per_exercise=1 if small else None)
    new = hand_in(students, assignment, release, root / "submitted")
    console.print(f"{len(students)} simulated students, {new} of them new, hand in {assignment}")
    unsandboxed = not best_rung().walled  # the students are our own
    _tell_rung(unsandboxed)
    before = _students(demo_course.results(assignment))
    failures = _grade_with_progress(demo_course, assignment, None, workers=workers, unsandboxed=unsandboxed)
    really = {student.name: str(student) for student in students}
    submissions = demo_course.results(assignment)
    _print_class(assignment, submissions, really)
    _print_failures(failures)
    if _students(submissions) != before or not (root / "feedback").is_dir():
        with console.status("writing feedback"):
            demo_course.feedback(assignment, workers=workers or os.cpu_count() or 1)
    report = write_report(demo_course, assignment)
    console.print(f"gradebook  {root / 'gradebook.db'}\nfeedback   {root / 'feedback'}\nreport     {report}")
    if failures:
        raise typer.Exit(1)


# The simulated class has endless loops in it: nobody should wait half a minute for each.
DEMO_SETTINGS = """
c.Limits.cpu_seconds = 3.0
c.Limits.notebook_seconds = 30.0
"""


# report -------------------------------------------------------------------------------------------------------------


@app.command()
def report(
    assignment: AssignmentArgument,
    names: Annotated[bool, typer.Option("--names", help="With the students' names (a file of its own).")] = False,
    course: CourseOption = None,
) -> None:
    """Write the class report: one self-contained HTML file, anonymous unless told otherwise."""
    from autograder.commands.report import write_report

    classroom = _course(course)
    classroom.require(assignment)
    console.print(str(write_report(classroom, assignment, names=names)))


# feedback -----------------------------------------------------------------------------------------------------------


@app.command()
def feedback(
    assignment: AssignmentArgument,
    student: Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")] = None,
    workers: Workers = 0,
    course: CourseOption = None,
) -> None:
    """Write each student's feedback page into feedback/, through nbgrader. `nbgrader release_feedback` hands them out."""
    classroom = _course(course)
    with console.status("writing feedback"):
        classroom.feedback(assignment, student, workers=workers or os.cpu_count() or 1)
    graded = classroom.results(assignment)
    pages = len(set(student)) if student else len(graded)
    where = classroom.folder("feedback", assignment, "STUDENT")
    console.print(f"{pages} student{'s' * (pages != 1)}: {where}", markup=False)
    ungraded = classroom.ungraded(assignment, graded)
    if ungraded and not student:
        console.print(f"not graded, so without feedback: {', '.join(ungraded)}", style="bold red", markup=False)


# release and kit ----------------------------------------------------------------------------------------------------


@app.command()
def release(
    assignment: AssignmentArgument,
    publish: Annotated[bool, typer.Option("--publish", help="Then put it into nbgrader's exchange.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is in the exchange already.")] = False,
    course: CourseOption = None,
) -> None:
    """The gate: proves the tests, generates release/, looks for leaks; with --publish hands out to students."""
    from autograder.commands.release import release as take_steps

    for step in take_steps(_course(course), assignment, publish=publish, force=force):
        mark = "[red]--[/red]" if step.problems else "[green]OK[/green]"
        console.print(f"{mark} {step.name:<9}", end="")
        console.print(step.text, markup=False, highlight=False)
        for problem in step.problems:
            console.print(f"   {problem}", style="bold red", markup=False)
        if step.problems:
            console.print(f"{assignment} was not released", style="bold red")
            raise typer.Exit(1)
    if not publish:
        console.print("not handed out: --publish puts it into the exchange; course kit makes a zip", style="dim")


@app.command()
def kit(
    assignment: AssignmentArgument,
    to: Annotated[Path | None, typer.Option(help="The zip file (default: kits/ASSIGNMENT.zip).")] = None,
    course: CourseOption = None,
) -> None:
    """Make the zip for a student without a hub: release notebooks, lecture5/, requirements, a README."""
    from autograder.commands.kit import make_kit

    console.print(str(make_kit(_course(course), assignment, to)), markup=False)
