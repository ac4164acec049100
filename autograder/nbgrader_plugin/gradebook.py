"""nbgrader's bookkeeping with one gradebook connection per run, and one transaction per submission.

nbgrader opens a new connection for every step of every submission (nine of them), makes one object per cell and looks every
cell up by a five-way join, with a commit each. What is written is the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from nbformat import NotebookNode
from nbgrader import api, utils
from nbgrader.converters import autograde
from nbgrader.preprocessors import NbGraderPreprocessor, latesubmissions
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, scoped_session, sessionmaker

LOOKUPS = ("find_assignment", "find_student", "find_submission", "find_submission_notebook")


class _Held(Session):
    """A session in which nbgrader's many commits only flush; `really_commit` ends the transaction."""

    def commit(self) -> None:
        self.flush()

    def really_commit(self) -> None:
        super().commit()


@dataclass(frozen=True)
class _Cells:
    """The cells of one notebook of an assignment that have rows in a submission: grade_id -> the cell's id."""

    graded: dict[str, str]
    commented: dict[str, str]


def _ids(*cells: Iterable[Any]) -> dict[str, str]:
    return {cell.name: cell.id for group in cells for cell in group}


class _SharedGradebook(api.Gradebook):
    """A gradebook that outlives the `with` blocks of nbgrader's steps, with one transaction per submission."""

    def __init__(self, db_url: str, course_id: str):
        super().__init__(db_url, course_id)
        self.cells = cache(self._cells)  # an assignment's cells do not change during a run
        # Nor do these while one submission is dealt with; what is not found is looked for again.
        self._lookups = [cache(getattr(self, name)) for name in LOOKUPS]
        for name, lookup in zip(LOOKUPS, self._lookups, strict=True):
            setattr(self, name, lookup)
        self.db.remove()
        maker = sessionmaker(class_=_Held, bind=self.engine, expire_on_commit=False, future=True)
        self.db: scoped_session[_Held] = scoped_session(maker)

    def close(self) -> None:
        """nbgrader closes after every step: the session stays, up to the submission's end."""

    def _cells(self, notebook_id: str) -> _Cells:
        notebook = self.db.get_one(api.Notebook, notebook_id)
        return _Cells(
            graded=_ids(notebook.grade_cells, notebook.task_cells),
            commented=_ids(notebook.solution_cells, notebook.task_cells),
        )

    def add_submission(self, assignment: str, student: str, **kwargs: Any) -> api.SubmittedAssignment:
        """nbgrader's own, with the rows of all cells in two statements."""
        if "timestamp" in kwargs:
            kwargs["timestamp"] = utils.parse_utc(kwargs["timestamp"])
        found, owner = self.find_assignment(assignment), self.find_student(student)
        with self.db.no_autoflush:
            submission = api.SubmittedAssignment(assignment=found, student=owner, **kwargs)
            notebooks = [api.SubmittedNotebook(notebook=one, assignment=submission) for one in found.notebooks]
            self.db.add(submission)
        self.db.flush()
        for kind, which in ((api.Grade, "graded"), (api.Comment, "commented")):
            rows = [
                {"notebook_id": notebook.id, "cell_id": cell_id}
                for notebook in notebooks
                for cell_id in getattr(self.cells(notebook.notebook_id), which).values()
            ]
            if rows:
                self.db.execute(insert(kind), rows)
        return submission

    def begin(self) -> None:
        """Forget what a submission that failed has left."""
        self.db.rollback()
        self._forget()

    def end(self) -> None:
        """Commit, and let go of all objects: memory stays flat."""
        self.db().really_commit()
        self._forget()

    def _forget(self) -> None:
        self.db.remove()
        for lookup in self._lookups:
            lookup.cache_clear()


_open: dict[tuple[str, str], _SharedGradebook] = {}


def shared_gradebook(db_url: str, course_id: str = "default_course", *_: Any) -> _SharedGradebook:
    """The one gradebook of this run. Some of nbgrader's steps do not say which course: there is only one per file."""
    for (url, _course), gradebook in _open.items():
        if url == db_url:
            return gradebook
    return _open.setdefault((db_url, course_id), _SharedGradebook(db_url, course_id))


def start_sharing() -> None:
    """Let nbgrader's Autograde and its late-penalty step use one connection; called at the start of every run."""
    for gradebook in _open.values():
        gradebook.db.remove()
        gradebook.engine.dispose()
    _open.clear()
    autograde.Gradebook = shared_gradebook
    latesubmissions.Gradebook = shared_gradebook


def stop_sharing() -> None:
    """nbgrader as it came: for a run without the engine in a process that had one with it."""
    autograde.Gradebook = latesubmissions.Gradebook = api.Gradebook


def begin_submission(db_url: str, course_id: str) -> None:
    """Start one submission's transaction."""
    shared_gradebook(db_url, course_id).begin()


def end_submission(db_url: str, course_id: str) -> None:
    """Commit everything about one submission."""
    shared_gradebook(db_url, course_id).end()


class SaveVerdicts(NbGraderPreprocessor):
    """Writes the scores of one notebook into the gradebook: `nbgrader.preprocessors.SaveAutoGrades` in four statements.

    A manual score that a TA gave is never touched; the cell is marked for another look, as nbgrader does.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        """Store each graded cell's points and nbgrader's remark on each answer. The notebook comes back unchanged."""
        names = resources["nbgrader"]
        gradebook = shared_gradebook(names["db_url"])
        submitted = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
        cells = gradebook.cells(submitted.notebook_id)
        grades = self._rows(gradebook, api.Grade, submitted, api.Grade.manual_score)
        comments = self._rows(gradebook, api.Comment, submitted)
        scores, remarks = [], []
        for cell in nb.cells:
            if utils.is_grade(cell):
                row, manual_score = grades[cells.graded[cell.metadata.nbgrader.grade_id]]
                scores.append({"id": row, **self._score(cell, manual_score)})
            if utils.is_solution(cell) or utils.is_task(cell):
                (row,) = comments[cells.commented[cell.metadata.nbgrader.grade_id]]
                remarks.append({"id": row, "auto_comment": self._comment(cell)})
        if scores:
            gradebook.db.execute(update(api.Grade), scores)
        if remarks:
            gradebook.db.execute(update(api.Comment), remarks)
        for one in (submitted, submitted.assignment):
            gradebook.db.expire(one)  # their sums of points, for the steps that follow
        return nb, resources

    @staticmethod
    def _rows(
        gradebook: api.Gradebook, kind: Any, submitted: api.SubmittedNotebook, *more: Any
    ) -> dict[str, tuple[Any, ...]]:
        """cell id -> (row id, more columns)."""
        rows = gradebook.db.execute(select(kind.cell_id, kind.id, *more).where(kind.notebook_id == submitted.id))
        return {cell_id: tuple(rest) for cell_id, *rest in rows}

    def _score(self, cell: NotebookNode, manual_score: float | None) -> dict[str, Any]:
        auto_score, _ = utils.determine_grade(cell, self.log)
        return {"auto_score": auto_score, "needs_manual_grade": manual_score is not None or auto_score is None}

    def _comment(self, cell: NotebookNode) -> str | None:
        unanswered = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
        return "No response." if unanswered and not utils.is_task(cell) else None
