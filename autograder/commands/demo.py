"""`course demo`: a whole course folder of its own, with a class of simulated students that hands in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from autograder.commands.report import write_report
from autograder.commands.simulated_class import (
    SimulatedStudent,
    exercises_by_notebook,
    hand_in,
    read_notebooks,
    roster,
)
from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course

# The simulated class has endless loops in it: nobody should wait half a minute for each.
SETTINGS = """
c.Limits.cpu_seconds = 3.0
c.Limits.notebook_seconds = 30.0
"""


@dataclass(frozen=True)
class DemoClass:
    """A course folder whose class has handed in. new: how many of the students hand in for the first time."""

    course: Classroom
    assignment: str
    students: list[SimulatedStudent]
    new: int

    @property
    def expected(self) -> dict[str, str]:
        """student -> what they really handed in."""
        return {student.name: str(student) for student in self.students}


def make_demo(course: Classroom, assignment: str, folder: Path, small: bool) -> DemoClass:
    """Make the folder, release the assignment in it, and let the class hand in.

    small: one variant and one misconception of each exercise. Raises CourseError for an unknown assignment.
    """
    course.require(assignment)
    root = folder.resolve()
    root.mkdir(parents=True, exist_ok=True)
    make_course(root, course.folder("source", assignment), settings=SETTINGS)
    demo = Classroom(root)
    if not demo.folder("release", assignment).is_dir():
        demo.generate(assignment)
    release = read_notebooks(demo.folder("release", assignment))
    students = roster(exercises_by_notebook(release), per_exercise=1 if small else None)
    return DemoClass(demo, assignment, students, hand_in(students, assignment, release, root / "submitted"))


def hand_back(demo: DemoClass, anew: bool, workers: int) -> Path:
    """Feedback for everybody, where somebody was graded `anew` or there is none yet; returns the class report's path."""
    if anew or not (demo.course.root / "feedback").is_dir():
        demo.course.feedback(demo.assignment, workers=workers)
    return write_report(demo.course, demo.assignment)
