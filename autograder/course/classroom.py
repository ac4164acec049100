"""A course folder and what is done with a whole class: generate, grade, give feedback, read the results back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from autograder.course.errors import CourseError
from autograder.course.nbgrader_runs import cause_from_here, logged, one_line, put_own_programs_first
from autograder.grading.job import Result
from autograder.nbgrader_plugin.exporter import EngineExporter
from autograder.nbgrader_plugin.gradebook import stop_sharing
from autograder.notebooks.graded import GradedSubmission
from autograder.notebooks.status import UnknownStatusError
from autograder.notebooks.template import read_templates
from autograder.notebooks.verdict import NotebookRecord

if TYPE_CHECKING:  # nbgrader takes seconds to import
    from nbgrader.api import Gradebook
    from nbgrader.coursedir import CourseDirectory


class Classroom:
    """A course folder: the one that holds `nbgrader_config.py`."""

    def __init__(self, root: Path):
        self.root = root.resolve()
        put_own_programs_first()
        path = self.root / "nbgrader_config.py"
        if not path.is_file():
            raise CourseError(
                f"{self.root} is no course folder: it has no nbgrader_config.py (go there, or use --course)"
            )
        self.config: Config = PyFileConfigLoader(path.name, path=str(self.root)).load_config()

    @classmethod
    def find(cls, start: Path) -> Classroom:
        """The course folder at or above `start`."""
        start = start.resolve()
        for folder in (start, *start.parents):
            if (folder / "nbgrader_config.py").is_file():
                return cls(folder)
        raise CourseError(f"no nbgrader_config.py at or above {start}: go to the course folder, or use --course")

    @property
    def own_seed(self) -> str:
        """The seed that nbgrader_config.py sets; "" where it sets none."""
        return str(self.config.get("EngineExporter", {}).get("seed", ""))

    @cached_property
    def coursedir(self) -> CourseDirectory:
        """nbgrader's own idea of where everything of this course is."""
        from nbgrader.coursedir import CourseDirectory

        return CourseDirectory(config=self.config)

    def _for(self, assignment: str, student: str = "*") -> CourseDirectory:
        from nbgrader.coursedir import CourseDirectory

        return CourseDirectory(config=self.config, assignment_id=assignment, student_id=student)

    def folder(self, step: str, assignment: str, student: str = ".") -> Path:
        """The folder of `source`, `release`, `submitted`, `autograded` or `feedback` of an assignment."""
        directory = getattr(self.coursedir, f"{step}_directory")
        return Path(self.coursedir.format_path(directory, student, assignment))

    @property
    def assignments(self) -> list[str]:
        """The names of the folders in source/, sorted."""
        base = Path(self.coursedir.format_path(self.coursedir.source_directory, ".", "x")).parent
        return sorted(path.name for path in base.iterdir() if path.is_dir()) if base.is_dir() else []

    def submissions(self, assignment: str) -> list[Path]:
        """The folders that were handed in."""
        pattern = self.folder("submitted", assignment, "*")
        return sorted(self.root.glob(str(pattern.relative_to(self.root))))

    def ungraded(self, assignment: str, graded: Iterable[GradedSubmission]) -> list[str]:
        """Who handed in and is not among these."""
        there = {folder.parent.name for folder in self.submissions(assignment) if folder.is_dir()}
        return sorted(there - {submission.student for submission in graded})

    def require(self, assignment: str) -> None:
        """Raise CourseError where there is no such assignment."""
        if assignment not in self.assignments:
            known = ", ".join(self.assignments) or "none"
            raise CourseError(f"there is no assignment {assignment!r} in source/ (there is: {known})")

    def require_ready(self, assignment: str) -> None:
        """Raise CourseError where the assignment cannot be graded, before anything is written."""
        self.require(assignment)
        with one_line("reading the source notebooks"):
            read_templates(self.folder("source", assignment))
        if not self.submissions(assignment):
            raise CourseError(
                f"nobody has handed in {assignment}: {self.folder('submitted', assignment, '*')} is empty"
            )
        self.check_database()

    def gradebook(self) -> Gradebook:
        """A connection to the gradebook, to be used in a `with` block."""
        from nbgrader.api import Gradebook

        return Gradebook(self.coursedir.db_url, self.coursedir.course_id)

    # Steps ----------------------------------------------------------------------------------------------------------

    def generate(self, assignment: str) -> None:
        """source/ -> release/ and the gradebook, by nbgrader."""
        from nbgrader.converters import GenerateAssignment

        self.check_database()
        with logged(self.log), one_line(f"generating {assignment}", cause_from_here(self.log)):
            GenerateAssignment(coursedir=self._for(assignment), config=self.config, force=True).start()

    def check_database(self) -> None:
        """The database can be written, told before anything is."""
        url = self.coursedir.db_url
        if url.startswith("sqlite:///"):
            path = Path(url.removeprefix("sqlite:///"))
            target = path if path.exists() else path.parent
            if not os.access(target, os.W_OK) or not os.access(path.parent, os.W_OK):
                raise CourseError(f"the gradebook {path} cannot be written: check its permissions and its folder's")
            if not path.exists():
                return
        with one_line(f"opening the gradebook {url}"), self.gradebook() as gradebook:
            gradebook.db.connection()

    def _in_gradebook(self, assignment: str) -> bool:
        """Does the gradebook know this assignment as source/ has it now?"""
        from nbgrader.api import MissingEntry

        templates = read_templates(self.folder("source", assignment))
        wanted = {
            (name, cell.metadata.nbgrader.grade_id, float(cell.metadata.nbgrader.points))
            for name, text in templates.items()
            for cell in nbformat.reads(text, as_version=4).cells
            if cell.metadata.get("nbgrader", {}).get("grade")
        }
        with self.gradebook() as gradebook:
            try:
                notebooks = gradebook.find_assignment(assignment).notebooks
            except MissingEntry:
                return False
            return wanted == {
                (notebook.name, cell.name, float(cell.max_score))
                for notebook in notebooks
                for cell in notebook.grade_cells
            }

    def grade(
        self,
        assignment: str,
        students: list[str] | None = None,
        *,
        force: bool = False,
        workers: int = 0,
        unsandboxed: bool = False,
        listener: Callable[[Result], None] | None = None,
        executor_factory: Callable[[int], Executor] | None = None,
    ) -> list[str]:
        """Grade a class through nbgrader's Autograde. Returns one line for each submission that could not be graded."""
        from nbgrader.converters import Autograde
        from nbgrader.converters.base import NbGraderException

        self.require_ready(assignment)
        strangers = set(students or ()) - {folder.parent.name for folder in self.submissions(assignment)}
        if strangers:
            raise CourseError(f"no submission of {assignment} by {', '.join(sorted(strangers))}")
        if not self._in_gradebook(assignment):
            self.generate(assignment)
        failures: list[str] = []

        def listen(result: Result) -> None:
            if result.failure:
                failures.append(f"{result.student}: {result.failure}")
            if listener is not None:
                listener(result)

        config = Config(self.config)
        config.EngineExporter.workers = workers
        config.EngineExporter.unsandboxed = unsandboxed
        EngineExporter.listener, EngineExporter.executor_factory = listen, executor_factory
        EngineExporter.only = frozenset(students) if students else None
        try:
            with logged(self.log):
                Autograde(coursedir=self._for(assignment), config=config, force=force).start()
        except NbGraderException as error:
            if not failures:
                raise CourseError(f"nbgrader could not grade {assignment}: {error}; see {self.log}") from error
        finally:
            EngineExporter.listener = EngineExporter.executor_factory = EngineExporter.only = None
        return failures

    def grade_with_stock_nbgrader(
        self, assignment: str, students: list[str] | None = None, *, force: bool = False
    ) -> None:
        """nbgrader's own autograding, kernels and all, without wall and bank. For a course made with the engine off."""
        from nbgrader.converters import Autograde

        self.require_ready(assignment)
        stop_sharing()
        if not self._in_gradebook(assignment):
            self.generate(assignment)
        with logged(self.log), one_line(f"grading {assignment} with stock nbgrader"):
            for student in students or ["*"]:
                Autograde(coursedir=self._for(assignment, student), config=self.config, force=force).start()

    def scores(self, assignment: str) -> dict[str, float]:
        """student -> score in the gradebook."""
        with self.gradebook() as gradebook:
            return {one.student_id: float(one.score) for one in gradebook.assignment_submissions(assignment)}

    def feedback(self, assignment: str, students: list[str] | None = None, *, workers: int = 1) -> None:
        """autograded/ -> feedback/, by nbgrader with our pages; for a class in several processes."""
        self.require(assignment)
        pattern = self.folder("autograded", assignment, "*")
        graded = [folder.parent.name for folder in sorted(self.root.glob(str(pattern.relative_to(self.root))))]
        if not graded:
            raise CourseError(f"nothing of {assignment} has been graded yet: first course grade {assignment}")
        if strangers := sorted(set(students or ()) - set(graded)):
            raise CourseError(
                f"no graded submission of {assignment} by {', '.join(strangers)}: first course grade {assignment}"
            )
        wanted = students or graded
        parts = [wanted[number::workers] for number in range(workers)]
        if workers == 1 or len(wanted) < 2 * workers:
            _write_feedback(self.root, assignment, wanted, graded)
            return
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            for done in [pool.submit(_write_feedback, self.root, assignment, part, graded) for part in parts]:
                done.result()

    def results(self, assignment: str) -> list[GradedSubmission]:
        """What was graded so far, by student. Raises CourseError for a status that is unknown."""
        pattern = self.folder("autograded", assignment, "*")
        found = []
        for folder in sorted(self.root.glob(str(pattern.relative_to(self.root)))):
            try:
                records = [NotebookRecord.read(path) for path in sorted(folder.glob("*.ipynb"))]
            except UnknownStatusError as error:
                raise CourseError(str(error)) from error
            kept = tuple(record for record in records if record is not None)
            if kept:
                found.append(GradedSubmission(folder.parent.name, kept))
        return found

    @property
    def log(self) -> Path:
        """Where nbgrader's own messages go."""
        return self.root / "grading.log"


def _write_feedback(root: Path, assignment: str, students: list[str], everyone: list[str]) -> None:
    """Feedback pages of some students, in one run of nbgrader's converter. Runs in any process."""
    from nbgrader.converters import GenerateFeedback

    course = Classroom(root)
    coursedir = course._for(assignment)
    coursedir.student_id_exclude = ",".join(sorted(set(everyone) - set(students)))
    with logged(course.log), one_line(f"writing feedback for {assignment}", cause_from_here(course.log)):
        GenerateFeedback(coursedir=coursedir, config=course.config, force=True).start()
