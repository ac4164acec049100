"""nbgrader's bookkeeping with one gradebook connection per run, and one transaction per notebook.

nbgrader opens a new connection for every step of every submission (nine of them) and looks every cell up by a five-way join,
with a commit each. What is written is the same.
"""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader import api, utils
from nbgrader.converters import autograde
from nbgrader.preprocessors import NbGraderPreprocessor, latesubmissions
from sqlalchemy.orm import joinedload


class _SharedGradebook(api.Gradebook):
    """A gradebook that outlives the `with` blocks of nbgrader's steps."""

    def close(self) -> None:
        """Give the session back; the connection and its caches stay."""
        self.db.remove()


_open: dict[tuple[str, str], _SharedGradebook] = {}


def shared_gradebook(db_url: str, course_id: str = "default_course", *_: Any) -> _SharedGradebook:
    """The one gradebook of this run."""
    key = (db_url, course_id)
    if key not in _open:
        _open[key] = _SharedGradebook(db_url, course_id)
    return _open[key]


def start_sharing() -> None:
    """Let nbgrader's Autograde and its late-penalty step use one connection; called at the start of every run."""
    for gradebook in _open.values():
        gradebook.engine.dispose()
    _open.clear()
    autograde.Gradebook = shared_gradebook
    latesubmissions.Gradebook = shared_gradebook


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
            gradebook.db.commit()
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
