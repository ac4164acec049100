"""nbgrader's bookkeeping with one gradebook connection per run, and one transaction per submission.

nbgrader opens a new connection for every step of every submission (nine of them) and looks every cell up by a five-way join,
with a commit each. What is written is the same.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader import api, utils
from nbgrader.converters import autograde
from nbgrader.preprocessors import NbGraderPreprocessor, latesubmissions
from sqlalchemy.orm import Session, joinedload, scoped_session, sessionmaker


class _Held(Session):
    """A session in which nbgrader's many commits only flush; `really_commit` ends the transaction."""

    def commit(self) -> None:
        self.flush()

    def really_commit(self) -> None:
        super().commit()


class _SharedGradebook(api.Gradebook):
    """A gradebook that outlives the `with` blocks of nbgrader's steps, with one transaction per submission."""

    def __init__(self, db_url: str, course_id: str):
        super().__init__(db_url, course_id)
        self.db.remove()
        maker = sessionmaker(class_=_Held, bind=self.engine, expire_on_commit=False, future=True)
        self.db: scoped_session[_Held] = scoped_session(maker)

    def close(self) -> None:
        """nbgrader closes after every step: the session stays, up to the submission's end."""

    def begin(self) -> None:
        """Forget what a submission that failed has left."""
        self.db.rollback()
        self.db.remove()

    def end(self) -> None:
        """Commit, and let go of all objects: memory stays flat."""
        self.db().really_commit()
        self.db.remove()


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
    """Writes the scores of one notebook into the gradebook: `nbgrader.preprocessors.SaveAutoGrades` in three queries.

    A manual score that a TA gave is never touched; the cell is marked for another look, as nbgrader does.
    """

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        names = resources["nbgrader"]
        with shared_gradebook(names["db_url"]) as gradebook:
            submitted = gradebook.find_submission_notebook(names["notebook"], names["assignment"], names["student"])
            grades = {one.cell.name: one for one in self._all(gradebook, api.Grade, submitted)}
            comments = {one.cell.name: one for one in self._all(gradebook, api.Comment, submitted)}
            for cell in nb.cells:
                if utils.is_grade(cell):
                    self._score(cell, grades[cell.metadata.nbgrader.grade_id])
                if utils.is_solution(cell) or utils.is_task(cell):
                    self._comment(cell, comments[cell.metadata.nbgrader.grade_id])
            gradebook.db.flush()
        return nb, resources

    @staticmethod
    def _all(gradebook: api.Gradebook, kind: Any, submitted: api.SubmittedNotebook) -> list[Any]:
        return gradebook.db.query(kind).options(joinedload(kind.cell)).filter(kind.notebook_id == submitted.id).all()

    def _score(self, cell: NotebookNode, grade: api.Grade) -> None:
        grade.auto_score, _ = utils.determine_grade(cell, self.log)
        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None

    def _comment(self, cell: NotebookNode, comment: api.Comment) -> None:
        unanswered = cell.metadata.nbgrader.get("checksum") == utils.compute_checksum(cell)
        comment.auto_comment = "No response." if unanswered and not utils.is_task(cell) else None
