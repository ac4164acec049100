"""The command `course`: what it can be asked, with which options. What it prints is in `tables`."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from autograder.cli import tables
from autograder.cli.tables import console
from autograder.course.errors import CourseError
from exercises.lost import InfrastructureError

if TYPE_CHECKING:  # imported where it is needed: nbgrader takes seconds
    from autograder.course.classroom import Classroom
    from autograder.grading.pool import ExecutorFactory

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="The command `course`."
)

CourseOption = Annotated[Path | None, typer.Option("--course", help="The course folder (default: here or above).")]
AssignmentArgument = Annotated[str, typer.Argument(help="The assignment's folder name in source/.")]
Unsandboxed = Annotated[bool, typer.Option("--unsandboxed", help="Grade even where this host allows no sandbox.")]
Workers = Annotated[int, typer.Option(min=0, help="Parallel processes; 0: one per core.")]
Students = Annotated[list[str] | None, typer.Option(help="Only this student; may be repeated.")]


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


def _course(folder: Path | None) -> Classroom:
    from autograder.course.classroom import Classroom

    return Classroom(folder) if folder is not None else Classroom.find(Path.cwd())


def _tell_rung(unsandboxed: bool) -> None:
    from autograder.wall.ladder import choose_rung

    tables.print_rung(choose_rung(unsandboxed))


# A class is graded ------------------------------------------------------------------------------------------------------


@app.command()
def grade(
    assignment: AssignmentArgument,
    student: Students = None,
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
        failures = tables.grade_with_progress(
            classroom,
            assignment,
            student,
            workers=workers,
            force=force,
            unsandboxed=unsandboxed,
            executor_factory=factory,
        )
    _show_class(classroom, assignment)
    tables.print_failures(failures)
    if failures:
        raise typer.Exit(1)


def _executor(
    scheduler: str | None, assignment: str, workers: int, unsandboxed: bool, alone: bool
) -> AbstractContextManager[ExecutorFactory | None]:
    from autograder.commands import executors

    if scheduler is not None:
        return executors.cluster(scheduler)
    return executors.local(assignment, workers, unsandboxed, alone)


def _show_class(classroom: Classroom, assignment: str) -> None:
    from autograder.course.attention import reasons_for_a_ta

    submissions = classroom.results(assignment)
    tables.print_class(assignment, submissions)
    tables.print_slowest(submissions)
    ungraded = classroom.ungraded(assignment, submissions)
    tables.print_reasons(assignment, reasons_for_a_ta(submissions, ungraded, {}))


def _grade_without_engine(assignment: str, students: list[str] | None, force: bool, course: Path | None) -> None:
    os.environ["COURSE_ENGINE"] = "off"  # read by nbgrader_config.py
    classroom = _course(course)
    console.print(
        "stock nbgrader: the student's code runs beside the hidden tests, one submission at a time", style="red"
    )
    with console.status("grading"):
        classroom.grade_with_stock_nbgrader(assignment, students, force=force)
    tables.print_scores(assignment, classroom.scores(assignment))


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
    from autograder.commands.regrade import differences_of_a_regrade

    classroom = _course(course)
    classroom.require_ready(assignment)
    _tell_rung(unsandboxed)
    differences = list(differences_of_a_regrade(classroom, assignment, workers=workers, unsandboxed=unsandboxed))
    tables.print_differences(differences, f"{assignment}: nothing differs")
    students = sorted({one.student for one in differences})
    by_hand = entered(classroom, assignment)
    if not prove and differences:
        failures = tables.grade_with_progress(
            classroom, assignment, students, workers=workers, force=True, unsandboxed=unsandboxed
        )
        tables.print_failures(failures)
    manual = list(told(by_hand, entered(classroom, assignment), students))
    if manual:
        console.print("entered by hand" + (", and would be kept:" if prove else ":"), style="bold")
        tables.print_differences(manual)


@app.command()
def demo(
    assignment: AssignmentArgument = "hw1_log_probabilities",
    folder: Annotated[Path, typer.Option(help="The working folder of the demo.")] = Path("demo"),
    small: Annotated[bool, typer.Option("--small", help="One variant and one misconception of each exercise.")] = False,
    workers: Workers = 0,
    course: CourseOption = None,
) -> None:
    """Grade a class of simulated students on a real assignment, through real nbgrader, and show the report."""
    from autograder.commands.demo import hand_back, make_demo
    from autograder.wall.ladder import best_rung

    made = make_demo(_course(course), assignment, folder, small)
    console.print(f"{len(made.students)} simulated students, {made.new} of them new, hand in {assignment}")
    unsandboxed = not best_rung().walled  # the students are our own
    _tell_rung(unsandboxed)
    before = {submission.student for submission in made.course.results(assignment)}
    failures = tables.grade_with_progress(made.course, assignment, None, workers=workers, unsandboxed=unsandboxed)
    submissions = made.course.results(assignment)
    tables.print_class(assignment, submissions, made.expected)
    tables.print_failures(failures)
    with console.status("writing feedback"):
        report = hand_back(made, {one.student for one in submissions} != before, workers or os.cpu_count() or 1)
    root = made.course.root
    console.print(f"gradebook  {root / 'gradebook.db'}\nfeedback   {root / 'feedback'}\nreport     {report}")
    if failures:
        raise typer.Exit(1)


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


@app.command()
def feedback(
    assignment: AssignmentArgument,
    student: Students = None,
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


# A course and its assignments are made -----------------------------------------------------------------------------------


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(help="The folder to make (default: this one).")] = Path(),
    course_id: Annotated[str, typer.Option(help="The course's name in nbgrader (default: the folder's).")] = "",
) -> None:
    """Make a course folder of your own, with a random seed. Of a folder that has none: says which line to add."""
    from autograder.commands.init import make_folder

    for line in make_folder(folder.resolve(), course_id):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


@app.command()
def new(
    assignment: Annotated[
        str, typer.Argument(help="The assignment's folder name in source/; made where it is not there.")
    ],
    exercise: Annotated[str, typer.Argument(help="The name of the function that students will write.")],
    notebook: Annotated[
        str, typer.Option(help="The notebook, without .ipynb (default: named like the assignment).")
    ] = "",
    points: Annotated[float, typer.Option(min=0.5, help="What the exercise is worth.")] = 1,
    course: CourseOption = None,
) -> None:
    """Begin an exercise: a small one that works, in the bank and in the notebook. You replace what is marked."""
    from autograder.commands.new_exercise import new_exercise

    made = new_exercise(_course(course), assignment, exercise, notebook=notebook, points=points)
    tables.print_new_exercise(assignment, made)


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


def _prove_one(classroom: Classroom, assignment: str) -> bool:
    from autograder.commands.prove import Proof, proofs

    classroom.require(assignment)
    console.rule(assignment, align="left")
    for step in proofs(classroom, assignment):
        if isinstance(step, Proof):
            tables.print_proof(step)
            return step.holds
        tables.print_exercise(step)
    raise AssertionError("the last step is the assignment's proof")


@app.command()
def release(
    assignment: AssignmentArgument,
    publish: Annotated[bool, typer.Option("--publish", help="Then put it into nbgrader's exchange.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace what is in the exchange already.")] = False,
    course: CourseOption = None,
) -> None:
    """The gate: proves the tests, generates release/, looks for leaks; with --publish hands out to students."""
    from autograder.commands.release import steps_of_a_release

    for step in steps_of_a_release(_course(course), assignment, publish=publish, force=force):
        tables.print_step(step)
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


@app.command()
def doctor() -> None:
    """Look at everything the course needs, one line each, with what to do."""
    from autograder.commands.doctor import examine

    findings = []
    for finding in examine(Path.cwd()):
        tables.print_finding(finding)
        findings.append(finding)
    if not all(finding.well or finding.optional for finding in findings):
        raise typer.Exit(1)
