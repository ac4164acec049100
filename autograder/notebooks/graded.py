"""What stands in `autograded/`: is it finished, is it still of the newest hand-in, and what became of a student's assignment?"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from autograder.notebooks.status import Status, worst
from autograder.notebooks.verdict import NotebookRecord

if TYPE_CHECKING:  # grading processes do without nbgrader, which takes seconds to import
    from nbgrader.coursedir import CourseDirectory

# What nbgrader writes into autograded/ before the graded notebook stands there. A run that was killed leaves it behind.
UNFINISHED = nbformat.v4.writes(nbformat.v4.new_notebook(metadata={"course": {"unfinished": True}}))


def is_newer(coursedir: CourseDirectory, submitted: Path, graded: Path) -> bool:
    """Was it handed in again? By the times that nbgrader's `submit` and `collect` write; files put there by hand have none."""
    times = [coursedir.get_existing_timestamp(str(folder)) for folder in (submitted, graded)]
    return None not in times and times[0] > times[1]


def is_finished(graded: Path, names: list[str]) -> bool:
    """Does this folder of autograded/ hold each of these notebooks, written to the end?"""
    return all(_is_written(graded / f"{name}.ipynb") for name in names)


def _is_written(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            if file.read(len(UNFINISHED)).decode(errors="replace").strip() == UNFINISHED.strip():
                return False
            file.seek(-min(path.stat().st_size, 8), os.SEEK_END)
            return file.read().rstrip().endswith(b"}")
    except OSError:
        return False


@dataclass(frozen=True)
class GradedSubmission:
    """One student's graded assignment, read back from `autograded/`."""

    student: str
    records: tuple[NotebookRecord, ...]

    @property
    def points(self) -> float:
        """The automatic points of all notebooks, without what a person gave."""
        return sum(cell.points for record in self.records for cell in record.cells)

    @property
    def max_points(self) -> float:
        """The most automatic points there are, with those of a bonus."""
        return sum(cell.max_points for record in self.records for cell in record.cells)

    @property
    def status(self) -> Status:
        """The worst of the notebooks' statuses."""
        return worst(record.status for record in self.records)

    @property
    def recognised(self) -> list[tuple[str, str]]:
        """(exercise, misconception) for each mistake that has a name."""
        verdicts = [cell.exercise for record in self.records for cell in record.cells if cell.exercise]
        return [(verdict.exercise, verdict.recognised) for verdict in verdicts if verdict.recognised]
