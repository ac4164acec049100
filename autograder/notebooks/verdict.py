"""What became of each graded cell, and how it is written into the notebook for nbgrader to read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict

from autograder.notebooks.status import Status, UnknownStatusError
from exercises.verdict import Verdict


@dataclass
class CellVerdict:
    """One graded cell.

    message: for the student. exercise: the bank's verdict where the cell called `grade()`.
    flags: what a TA should look at; they never change points.
    """

    grade_id: str
    points: float
    max_points: float
    status: Status
    message: str = ""
    seconds: float = 0.0
    exercise: Verdict | None = None
    flags: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON values; `from_dict` reads it back."""
        exercise = self.exercise.to_dict() if self.exercise else None
        return {**vars(self), "exercise": exercise, "flags": list(self.flags)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> CellVerdict:
        """The verdict that `to_dict` wrote down. Raises UnknownStatusError."""
        exercise = data.get("exercise")
        read = {"status": Status(data["status"]), "exercise": Verdict.from_dict(exercise) if exercise else None}
        return cls(**{**data, **read})


@dataclass
class NotebookRecord:
    """What is kept of one graded notebook, in its metadata under "course"."""

    student: str
    assignment: str
    notebook: str
    cells: list[CellVerdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    status: Status = Status.PASSED
    rung: str = ""
    seconds: float = 0.0
    lost: bool = False
    digest: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON values; `from_dict` reads it back."""
        cells = [cell.to_dict() for cell in self.cells]
        return {**vars(self), "cells": cells, "notes": list(self.notes), "digest": dict(self.digest)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> NotebookRecord:
        """The record that `to_dict` wrote down. Raises UnknownStatusError, which says whose it is and what to do."""
        student, assignment = data["student"], data["assignment"]
        try:
            cells = [CellVerdict.from_dict(cell) for cell in data["cells"]]
            return cls(**{**data, "cells": cells, "status": Status(data["status"])})
        except UnknownStatusError as error:
            raise UnknownStatusError(
                f"{data['notebook']}.ipynb of {student} in autograded/: {error}; "
                f"grade it again: course grade {assignment} --student {student} --force"
            ) from None

    @classmethod
    def of(cls, nb: NotebookNode) -> NotebookRecord | None:
        """The record in a graded notebook, or None."""
        data = nb.metadata.get("course", {}).get("record")
        return cls.from_dict(data) if data else None

    @classmethod
    def read(cls, path: Path) -> NotebookRecord | None:
        """The record in a file of autograded/; None where another program graded it, or a killed run left half of it."""
        try:
            metadata = json.loads(path.read_bytes()).get("metadata", {})
        except (ValueError, AttributeError):
            return None
        data = metadata.get("course", {}).get("record")
        return cls.from_dict(data) if data else None

    def store(self, nb: NotebookNode) -> None:
        """Put the record into the notebook's metadata, where `of` and `read` find it."""
        nb.metadata.setdefault("course", {})["record"] = self.to_dict()


def write_outputs(cell: NotebookNode, verdict: CellVerdict) -> None:
    """The verdict as outputs: nbgrader reads full points from no result, and any other score from the result's number.

    The message stands beside the score; nothing is written to stderr, which nbgrader would take for a failure.
    """
    text = verdict.message
    outputs: list[dict[str, Any]] = []
    if text:
        outputs.append({"output_type": "stream", "name": "stdout", "text": text.rstrip() + "\n"})
    if verdict.max_points == 0 and verdict.status is not Status.PASSED:
        outputs = [{"output_type": "error", "ename": verdict.status, "evalue": text, "traceback": text.splitlines()}]
    elif verdict.points < verdict.max_points:
        points = {"text/plain": repr(float(verdict.points))}
        outputs.append({"output_type": "execute_result", "data": points, "metadata": {}, "execution_count": None})
    cell.outputs = [from_dict(output) for output in outputs]
    cell.execution_count = None
