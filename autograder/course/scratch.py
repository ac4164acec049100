"""Course folders that are made by a program: a new one of one's own, or one for a demo, a proof, a regrade."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from autograder.course.classroom import Classroom

CONFIG = """\
\"\"\"The course's nbgrader configuration. nbgrader reads it by itself in this folder; `course` reads it too.\"\"\"

from pathlib import Path

from autograder.nbgrader_plugin.configure import configure

c = get_config()  # noqa: F821 - given by traitlets
configure(c)
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
"""


def config_text(settings: str = "") -> str:
    """What an `nbgrader_config.py` with the engine plugged in says; settings: lines of Python that follow."""
    return CONFIG + settings


def set_seed(seed: str) -> str:
    """The line of an `nbgrader_config.py` that sets the course's seed."""
    return f"c.EngineExporter.seed = {seed!r}\n"


@contextlib.contextmanager
def scratch_course(course: Classroom, assignment: str) -> Iterator[Classroom]:
    """A course folder of its own with this one assignment and the course's seed, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="prove-") as name:
        root = Path(name)
        make_course(root, course.folder("source", assignment), settings=set_seed(course.own_seed))
        yield Classroom(root)


def make_course(root: Path, *sources: Path, settings: str = "") -> None:
    """A course folder around copies of these source assignments, with the engine plugged in."""
    for source in sources:
        shutil.copytree(source, root / "source" / source.name, dirs_exist_ok=True)
    (root / "nbgrader_config.py").write_text(config_text(settings))


def copy_of_course(course: Classroom, assignment: str, root: Path) -> Classroom:
    """A copy of what grading reads: source, submissions, configuration. Gradebook and outputs are its own."""
    shutil.copytree(course.folder("source", assignment), root / "source" / assignment)
    for folder in course.submissions(assignment):
        shutil.copytree(folder, root / "submitted" / folder.parent.name / assignment, symlinks=True)
    own = "c.CourseDirectory.source_directory, c.CourseDirectory.submitted_directory = 'source', 'submitted'\n"
    own += "c.CourseDirectory.autograded_directory, c.CourseDirectory.release_directory = 'autograded', 'release'\n"
    config = (course.root / "nbgrader_config.py").read_text()
    db = f"c.CourseDirectory.db_url = 'sqlite:///{root / 'gradebook.db'}'\nc.CourseDirectory.root = {str(root)!r}\n"
    (root / "nbgrader_config.py").write_text(f"{config}\n{own}{db}")
    return Classroom(root)
