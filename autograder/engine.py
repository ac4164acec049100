"""What `nbgrader_config.py` plugs into nbgrader: an exporter in whose place every submission is graded behind the wall.

nbgrader's `Autograde` builds `exporter_class` after it has listed the submissions, with itself as `parent`. That is
where `EngineExporter` starts to grade all of them in parallel. nbgrader's own serial loop then asks for one notebook
after the other, receives it graded, and writes gradebook and files as it always does: it stays the only writer.
"""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException
from nbgrader.nbgraderformat import MetadataValidator
from traitlets import Bool, Integer
from traitlets.config import Config

from autograder.feedback import configure_feedback
from autograder.gradebook import start_sharing
from autograder.job import Job, Result, grade
from autograder.limits import Limits, LimitValues
from autograder.submission import MAX_NOTEBOOK_BYTES, read_files, read_regular_file, template

Listener = Callable[[Result], None]
MOST_POOLS = 3  # how often a job may see its pool break before it is graded in this very process


class EngineExporter(NotebookExporter):
    """Hands nbgrader each submitted notebook already graded."""

    workers = Integer(0, help="Processes that grade in parallel; 0: as many as there are cores.").tag(config=True)
    unsandboxed = Bool(False, help="Grade even where this host allows no sandbox.").tag(config=True)

    # Set by `classroom.grade_class` for one run: whom to tell of each result, and where the jobs go.
    listener: Listener | None = None
    executor_factory: Callable[[int], Executor] | None = None

    def __init__(self, config: Config | None = None, **kwargs: Any):
        super().__init__(config=config, **kwargs)
        self._pending_jobs: dict[str, Path] = {}
        self._futures: dict[str, Future[Result]] = {}
        self._results: dict[str, Result] = {}
        self._executor: Executor | None = None
        self._templates: dict[str, dict[str, str]] = {}
        self._text = ""  # the notebook between nbgrader's two passes over it
        if self._converter is not None:
            start_sharing()
            self._complete_listing()

    @property
    def _converter(self) -> Any:
        """nbgrader's Autograde, when we are its exporter."""
        return self.parent if hasattr(self.parent, "coursedir") and hasattr(self.parent, "assignments") else None

    def _complete_listing(self) -> None:
        """List what nbgrader would pass over in silence (no notebook, another name) under the names we expect."""
        converter = self._converter
        pattern = converter._format_source(converter.coursedir.assignment_id, converter.coursedir.student_id)
        for folder in sorted(Path(name) for name in glob.glob(pattern)):
            if folder.is_dir():
                assignment, _ = self._ids(folder)
                names = sorted(self._templates_of(assignment))
                converter.assignments[str(folder)] = [str(folder / f"{name}.ipynb") for name in names]

    def from_filename(self, filename: str, resources: dict | None = None, **kwargs: Any) -> tuple[Any, dict]:
        """The graded notebook's text. nbgrader asks twice: where it would sanitize, and where it would execute.

        The first time we grade (or take what was graded ahead); the second time the preprocessors store it.
        """
        converter = self._converter
        if converter is None:
            return super().from_filename(filename, resources=resources, **kwargs)
        path = Path(filename)
        resources = self._init_resources(resources)
        if converter._sanitizing:
            result = self._result(path.parent)
            if result.failure:
                raise NbGraderException(f"{result.student}: not graded, through no fault of theirs: {result.failure}")
            self._text = result.notebooks[path.stem]
        elif self._preprocessors:
            nb = nbformat.v4.reads(self._text)
            for preprocessor in self._preprocessors:
                nb, resources = preprocessor.preprocess(nb, resources)
            self._text = nbformat.v4.writes(nb)
        return self._text, resources

    # Grading ahead --------------------------------------------------------------------------------------------------

    def _result(self, folder: Path) -> Result:
        key = str(folder)
        if key not in self._results:
            if not self._pending_jobs:
                self._start(folder)
            self._results[key] = self._second_look(folder, self._take(folder))
            if EngineExporter.listener is not None:
                EngineExporter.listener(self._results[key])
            if not self._pending_jobs:
                self._stop()
        return self._results[key]

    def _start(self, first: Path) -> None:
        """Send every submission that nbgrader will ask for to the executor; a single one is graded right here."""
        folders = [first, *(folder for folder in self._pending() if folder != first)]
        self._pending_jobs = {str(folder): folder for folder in folders}
        if len(folders) > 1 or EngineExporter.executor_factory is not None:
            self._submit()

    def _submit(self) -> None:
        """All pending jobs to a new executor."""
        workers = min(self.workers or os.cpu_count() or 1, len(self._pending_jobs))
        factory = EngineExporter.executor_factory
        self._executor = factory(workers) if factory else ProcessPoolExecutor(workers, get_context("spawn"))
        self._futures = {key: self._executor.submit(grade, self._job(at)) for key, at in self._pending_jobs.items()}

    def _take(self, folder: Path) -> Result:
        """The result of one job. A worker that died takes the pool with it: the rest is sent to a new one."""
        key = str(folder)
        for _ in range(MOST_POOLS):
            if self._executor is None or key not in self._futures:
                break
            try:
                result = self._futures.pop(key).result()
            except (BrokenExecutor, CancelledError):
                self._stop()
                self._submit()
            else:
                self._pending_jobs.pop(key, None)
                return result
        self._pending_jobs.pop(key, None)
        return grade(self._job(folder))

    def _second_look(self, folder: Path, result: Result) -> Result:
        """What ran out of time runs once more, alone, before it costs points: a busy machine is not a student's fault."""
        if not result.timed_out or self._executor is None:
            return result
        wait(self._futures.values())
        try:
            again = self._executor.submit(grade, self._job(folder)).result()
        except BrokenExecutor:
            return result
        return again if not again.failure else result

    def _stop(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._executor = None

    def _pending(self) -> Iterator[Path]:
        """The submissions that nbgrader's loop has still to process (it skips what is graded and unchanged)."""
        converter = self._converter
        for name in sorted(converter.assignments):
            assignment, student = self._ids(Path(name))
            excluded = (converter.coursedir.student_id_exclude or "").split(",")
            if student not in excluded and _to_do(converter, assignment, student):
                yield Path(name)

    # Jobs -----------------------------------------------------------------------------------------------------------

    def _ids(self, folder: Path) -> tuple[str, str]:
        converter = self._converter
        pattern = converter.coursedir.format_path(
            converter.coursedir.submitted_directory, "(?P<student>.*)", "(?P<assignment>.*)", escape=True
        )
        match = re.match(pattern, str(folder))
        if match is None:
            raise NbGraderException(f"{folder} is not a submission's folder")
        return match["assignment"], match["student"]

    def _templates_of(self, assignment: str) -> dict[str, str]:
        if assignment not in self._templates:
            coursedir = self._converter.coursedir
            folder = Path(coursedir.format_path(coursedir.source_directory, ".", assignment))
            self._templates[assignment] = read_templates(folder)
        return self._templates[assignment]

    def _job(self, folder: Path) -> Job:
        assignment, student = self._ids(folder)
        templates = self._templates_of(assignment)
        return Job(
            student=student,
            assignment=assignment,
            notebooks={name: read_regular_file(folder / f"{name}.ipynb", MAX_NOTEBOOK_BYTES) for name in templates},
            templates=templates,
            files=read_files(folder),
            limits=self._limits(),
            unsandboxed=self.unsandboxed,
        )

    def _limits(self) -> LimitValues:
        return Limits(config=self.config).values()


def _to_do(converter: Any, assignment: str, student: str) -> bool:
    """nbgrader's own rule (`BaseConverter.init_destination`), without its side effects."""
    dest = Path(converter._format_dest(assignment, student))
    if converter.force or not dest.exists():
        return True
    times = [
        converter.coursedir.get_existing_timestamp(str(p))
        for p in (converter._format_source(assignment, student), dest)
    ]
    return None not in times and times[0] > times[1]


def read_templates(folder: Path) -> dict[str, str]:
    """name -> graded template of each notebook in a source folder. Raises NbGraderException with one line."""
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise NbGraderException(f"no source notebooks in {folder}: is the assignment's name right?")
    templates = {}
    for path in paths:
        try:
            nb = nbformat.read(path, as_version=4)
            MetadataValidator().validate_nb(nb)
            templates[path.stem] = nbformat.writes(template(nb))
        except Exception as error:
            raise NbGraderException(f"{path} cannot be used as a source notebook: {error}") from error
    return templates


def configure(c: Config) -> None:
    """Plug the engine into an nbgrader configuration. Whole lists are assigned: the file is read several times."""
    c.CourseDirectory.course_id = "lecture5"
    c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
    if os.environ.get("COURSE_ENGINE", "on") == "off":
        return
    c.Autograde.exporter_class = EngineExporter
    c.Autograde.sanitize_preprocessors = []  # the exporter rebuilds the notebook from the instructor's source
    c.Autograde.autograde_preprocessors = [
        "autograder.gradebook.SaveVerdicts",
        "nbgrader.preprocessors.AssignLatePenalties",
    ]
    configure_feedback(c)
