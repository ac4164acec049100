"""Walks one notebook: the student's cells go to the student process, the tests run here on what comes back."""

from __future__ import annotations

import ast
import builtins
import contextlib
import functools
import io
import marshal
import math
import time
import warnings
from dataclasses import dataclass, field, replace
from types import CodeType
from typing import Any

import numpy as np
from nbformat import NotebookNode

from autograder.grading.banned import banned_names, doubtful_methods, full_names, helpers_of, imported_names
from autograder.notebooks.cells import grade_id_of, is_setup, is_test, runs_at_the_students
from autograder.notebooks.status import Status, by_points, worst
from autograder.notebooks.verdict import CellVerdict, write_outputs
from autograder.wall.student import CellRun, Student
from exercises import find
from exercises.bank import Exercise
from exercises.grading import Sitting, sitting
from exercises.lost import AnswerLost, InfrastructureError


@dataclass
class Examination:
    """What examining a notebook gave; the notebook itself has its outputs written."""

    cells: list[CellVerdict] = field(default_factory=list)
    status: Status = Status.PASSED
    lost: bool = False


@dataclass
class _TestRun:
    """What running one test cell gave."""

    value: Any = None
    error: BaseException | None = None
    sitting: Sitting = field(default_factory=Sitting)


def examine(nb: NotebookNode, student: Student, student_id: str, lift_bans: bool = False) -> Examination:
    """Run the notebook's cells in order, judge its test cells, write all outputs into it.

    nb: rebuilt from the instructor's template; of the student's it holds cell sources only. student_id: part of the seeds of
    hidden inputs. lift_bans: what an exercise forbids may be used. Raises InfrastructureError for a failure of ours, and nothing
    for what a student's code does.
    """
    return _Examiner(nb, student, student_id, lift_bans).examine()


class _Examiner:
    def __init__(self, nb: NotebookNode, student: Student, student_id: str, lift_bans: bool):
        self.nb = nb
        self.lift_bans = lift_bans
        self.student = student
        self.student_id = student_id
        self.setup: dict[str, Any] = {"__name__": "__main__", "__builtins__": builtins}
        self.runs: dict[str, CellRun] = {}
        code = [cell for cell in nb.cells if cell.cell_type == "code" and not is_test(cell) and not is_setup(cell)]
        self.imported = imported_names(cell.source for cell in code)
        self.own_cells = [cell.source for cell in code if grade_id_of(cell) is None]

    def examine(self) -> Examination:
        verdicts: dict[str, CellVerdict] = {}
        again: list[NotebookNode] = []
        for cell in self.nb.cells:
            if cell.cell_type != "code":
                continue
            if is_test(cell):
                judge = self._run_visible if runs_at_the_students(cell) else self._judge
                verdict = verdicts[grade_id_of(cell) or ""] = judge(cell)
                if _undefined_name(verdict):
                    again.append(cell)
            else:
                self._run(cell)
        for cell in again:  # a helper defined further down worked in the student's own session
            verdict = self._run_visible(cell) if runs_at_the_students(cell) else self._judge(cell)
            if verdict.points > verdicts[verdict.grade_id].points or verdict.max_points == 0:
                verdicts[verdict.grade_id] = verdict
        for cell in self.nb.cells:
            if is_test(cell):
                write_outputs(cell, verdicts[grade_id_of(cell) or ""])
        found = list(verdicts.values())
        status = worst(verdict.status for verdict in found if verdict.max_points > 0)
        return Examination(found, status, self.student.lost)

    # The student's side ---------------------------------------------------------------------------------------------

    def _run(self, cell: NotebookNode) -> None:
        run = self.student.run_cell(cell.source, cell.id)
        cell.outputs = [NotebookNode(output) for output in run.outputs]
        grade_id = grade_id_of(cell)
        if grade_id is not None:
            self.runs[grade_id] = run
        if is_setup(cell):
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                _exec_with_value(cell.source, f"<{grade_id}>", self.setup)

    # The grader's side ----------------------------------------------------------------------------------------------

    def _judge(self, cell: NotebookNode) -> CellVerdict:
        start = time.monotonic()
        grade_id = grade_id_of(cell) or ""
        max_points = float(cell.metadata.nbgrader.get("points", 0))
        self.student.call_seconds = self.student.limits.cpu_seconds
        used = _loaded_names(cell.source)
        exercise = _exercise(used) if max_points > 0 else None
        forbidden = exercise.banned if exercise and not self.lift_bans else ()
        sources = self._built_from(exercise) if exercise and forbidden else []
        banned = sorted({name for source in sources for name in banned_names(source, forbidden, self.imported)})
        if not banned:
            self.student.watch(full_names(forbidden))
            verdict = self._from_run(grade_id, max_points, self._execute(cell, used), used)
            banned = sorted(self.student.used)
        if banned:
            text = (
                f"{exercise.name if exercise else grade_id}: 0 of {max_points:g} points. This exercise is to build it; "
                f"your code uses {', '.join(banned)}. The statement says what is allowed."
            )
            verdict = CellVerdict(grade_id, 0.0, max_points, Status.WRONG, text)
        doubts = {doubt for source in sources for doubt in doubtful_methods(source, forbidden)}
        verdict.flags += [f"{exercise.name if exercise else grade_id}: look at {doubt}" for doubt in sorted(doubts)]
        return replace(verdict, seconds=time.monotonic() - start)

    def _run_visible(self, cell: NotebookNode) -> CellVerdict:
        """A visible test without points runs in the student's process, as it did in their own notebook."""
        start = time.monotonic()
        grade_id = grade_id_of(cell) or ""
        status, message = Status.PASSED, ""
        try:
            self.student.run_test(_marshalled(cell.source, f"<{grade_id}>"))
        except Exception as error:
            status, message = self._explain(error, _loaded_names(cell.source))
        return CellVerdict(grade_id, 0.0, 0.0, status, message, seconds=time.monotonic() - start)

    def _execute(self, cell: NotebookNode, used: frozenset[str]) -> _TestRun:
        """Run a test cell here, with the student's names as data and proxies."""
        namespace = dict(self.setup)
        run = _TestRun()
        with (
            sitting(self.student_id) as run.sitting,
            np.errstate(all="ignore"),
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            try:
                for name in sorted(used - set(namespace) - set(vars(builtins))):
                    with contextlib.suppress(NameError):
                        namespace[name] = self.student.fetch(name)
                run.value = _exec_with_value(cell.source, f"<{grade_id_of(cell)}>", namespace)
            except (InfrastructureError, KeyboardInterrupt):
                raise
            except BaseException as error:
                run.error = error
        return run

    def _from_run(self, grade_id: str, max_points: float, run: _TestRun, used: frozenset[str]) -> CellVerdict:
        verdict = run.sitting.verdicts[-1] if run.sitting.verdicts else None
        if run.error is not None:
            status, message = self._explain(run.error, used)
            return CellVerdict(grade_id, 0.0, max_points, status, message, exercise=verdict)
        points = max_points
        if isinstance(run.value, (int, float)) and not isinstance(run.value, bool) and math.isfinite(run.value):
            points = min(max(float(run.value), 0.0), max_points)
        if verdict is not None:
            status = Status(verdict.status)
            return CellVerdict(grade_id, points, max_points, status, verdict.report(), exercise=verdict)
        return CellVerdict(grade_id, points, max_points, by_points(points, max_points))

    def _explain(self, error: BaseException, used: frozenset[str]) -> tuple[Status, str]:
        """Status and message for a test cell that stopped with an exception."""
        if isinstance(error, AnswerLost):
            lost = Status(error.status)
            return lost, lost.sentence
        if isinstance(error, NotImplementedError):
            return Status.NOT_ATTEMPTED, Status.NOT_ATTEMPTED.sentence
        if isinstance(error, NameError):
            for name in sorted(used):
                run = self.runs.get(name)
                if run is not None and run.lost:
                    return Status(run.lost), f"{name} is not defined: its cell was stopped ({run.lost})."
                if run is not None and run.error:
                    return Status.ERROR, f"{name} is not defined: its cell stopped with {run.error}."
            return Status.ERROR, f"{error}. Is its cell there, and does it run from top to bottom?"
        if isinstance(error, AssertionError):
            return Status.WRONG, str(error).strip() or "A test of this cell fails."
        return Status.ERROR, f"Your code raised {type(error).__name__}: {str(error)[:500]}"

    # Forbidden means ------------------------------------------------------------------------------------------------

    def _built_from(self, exercise: Exercise) -> list[str]:
        """The solution's source, and the helpers from cells of the student's own that it uses."""
        solution = next((cell.source for cell in self.nb.cells if grade_id_of(cell) == exercise.name), "")
        return [solution, *helpers_of(solution, self.own_cells)]


@functools.lru_cache(maxsize=1024)
def _compiled(source: str, filename: str) -> tuple[CodeType, CodeType | None]:
    """Code that runs the source, and code for the value of its last line where that is an expression."""
    tree = ast.parse(source, filename)
    last = tree.body[-1] if tree.body else None
    if not isinstance(last, ast.Expr):
        return compile(tree, filename, "exec"), None
    before = compile(ast.Module(tree.body[:-1], []), filename, "exec")
    return before, compile(ast.Expression(last.value), filename, "eval")


@functools.lru_cache(maxsize=1024)
def _marshalled(source: str, filename: str) -> bytes:
    """Code that runs the source, for the student's process: it runs the same interpreter."""
    return marshal.dumps(compile(source, filename, "exec"))


def _exec_with_value(source: str, filename: str, namespace: dict[str, Any]) -> Any:
    """Run the source; the value of its last line where that is an expression, as a notebook shows it."""
    body, last = _compiled(source, filename)
    exec(body, namespace)
    return eval(last, namespace) if last is not None else None


@functools.lru_cache(maxsize=512)
def _loaded_names(source: str) -> frozenset[str]:
    """Global names that a test cell reads and does not define itself."""
    tree = ast.parse(source)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    stored = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            stored |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            stored.add(node.name)
        elif isinstance(node, ast.arg):
            stored.add(node.arg)
    return frozenset({node.id for node in names if isinstance(node.ctx, ast.Load)} - stored)


def _exercise(used: frozenset[str]) -> Exercise | None:
    """The exercise whose function this test cell is about."""
    for name in sorted(used):
        with contextlib.suppress(KeyError):
            return find(name)
    return None


def _undefined_name(verdict: CellVerdict) -> bool:
    if verdict.exercise is not None:
        return "NameError" in verdict.exercise.error
    return verdict.status is Status.ERROR and "is not defined" in verdict.message
