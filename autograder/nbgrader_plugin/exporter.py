"""Every submission is graded behind the wall, in place of nbgrader's exporter.

nbgrader's `Autograde` builds `exporter_class` after it has listed the submissions, with itself as `parent`. That is
where `EngineExporter` starts to grade all of them in parallel. nbgrader's own serial loop then asks for one notebook
after the other, receives it graded, and writes gradebook and files as it always does: it stays the only writer.
"""

from __future__ import annotations

import glob
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.converters.base import NbGraderException
from nbgrader.preprocessors import AssignLatePenalties
from traitlets import Bool, CUnicode, Integer
from traitlets.config import Config

from autograder.grading.job import Job, Result
from autograder.grading.pool import ExecutorFactory, GradingPool
from autograder.nbgrader_plugin.gradebook import SaveVerdicts, begin_submission, end_submission, start_sharing
from autograder.notebooks.graded import UNFINISHED, is_finished, is_newer
from autograder.notebooks.read import find_notebooks, read_files
from autograder.notebooks.template import read_templates
from autograder.sandboxed.preload import named_in
from autograder.wall.limits import Limits, LimitValues
from exercises.seeds import seed_of_course

Listener = Callable[[Result], None]


class EngineExporter(NotebookExporter):
    """Hands nbgrader each submitted notebook already graded."""

    workers = Integer(0, min=0, help="Processes that grade in parallel; 0: as many as there are cores.").tag(
        config=True
    )
    seed = CUnicode(
        "",
        help="The course's secret: what makes the hidden inputs of this course unguessable from the repository. Another "
        "seed is another set of inputs for every student. `course init` makes one at random.",
    ).tag(config=True)
    unsandboxed = Bool(False, help="Grade even where this host allows no sandbox.").tag(config=True)
    lift_bans = Bool(
        False,
        help="Let students use what exercises forbid (torch.logsumexp in place of one's own). For an assignment where you "
        "allow it, and for checking the hidden tests with the libraries' own functions. Recorded with every grade.",
    ).tag(config=True)

    # Set by `Classroom.grade` for one run: whom to tell of each result, where the jobs go, and who is graded (None: all).
    listener: Listener | None = None
    executor_factory: ExecutorFactory | None = None
    only: frozenset[str] | None = None

    def __init__(self, config: Config | None = None, **kwargs: Any):
        super().__init__(config=config, **kwargs)
        self._pool: GradingPool | None = None
        self._current: tuple[Path, Result] | None = None
        self._templates: dict[str, dict[str, str]] = {}
        if self._converter is not None:
            start_sharing()
            self._complete_listing()
            self._hook_in()

    @property
    def _converter(self) -> Any:
        """nbgrader's Autograde, when we are its exporter."""
        return self.parent if hasattr(self.parent, "coursedir") and hasattr(self.parent, "assignments") else None

    def _complete_listing(self) -> None:
        """List what nbgrader would pass over in silence (no notebook, another name) under the names we expect.

        What a killed run left half-written is removed, so that it is graded anew.
        """
        converter = self._converter
        pattern = converter._format_source(converter.coursedir.assignment_id, converter.coursedir.student_id)
        for folder in sorted(Path(name) for name in glob.glob(pattern)):
            if folder.is_dir():
                assignment, student = self._ids(folder)
                names = sorted(self._templates_of(assignment))
                converter.assignments[str(folder)] = [str(folder / f"{name}.ipynb") for name in names]
                graded = Path(converter._format_dest(assignment, student))
                if graded.is_dir() and not is_finished(graded, names):
                    shutil.rmtree(graded)
        if self.only is not None:
            for name in list(converter.assignments):
                if self._ids(Path(name))[1] not in self.only:
                    del converter.assignments[name]

    def _hook_in(self) -> None:
        """Before nbgrader touches the gradebook for a submission, its result is there: no lock is held while we wait."""
        converter = self._converter
        own = converter.pre_convert_hook

        def hook(notebooks: list[str], **named: Any) -> None:
            self._result(Path(notebooks[0]).parent)
            begin_submission(converter.coursedir.db_url, converter.coursedir.course_id)
            if own is not None:
                own(notebooks=notebooks, **named)

        converter.pre_convert_hook = hook

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kwargs: Any
    ) -> tuple[Any, dict[str, Any]]:
        """The graded notebook's text. nbgrader asks twice: where it would sanitize, and where it would execute.

        The first time it gets a placeholder. The second time the preprocessors store the grade; with a submission's last
        notebook all of it is committed, before that notebook is written: what stands finished in autograded/ is in the
        gradebook.
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
            return UNFINISHED, resources
        assert self._current is not None
        text = self._current[1].notebooks[path.stem]
        nb = nbformat.v4.reads(text)
        for preprocessor in self._preprocessors:
            nb, resources = preprocessor.preprocess(nb, resources)
        if not all(isinstance(one, (SaveVerdicts, AssignLatePenalties)) for one in self._preprocessors):
            text = nbformat.v4.writes(nb)  # those two only read it
        if path.stem == Path(converter.notebooks[-1]).stem:
            end_submission(converter.coursedir.db_url, converter.coursedir.course_id)
        return text, resources

    def _result(self, folder: Path) -> Result:
        if self._current is None or self._current[0] != folder:
            if self._pool is None:
                others = [one for one in self._pending() if one != folder]
                assignment, _ = self._ids(folder)
                self._pool = GradingPool(
                    [folder, *others],
                    self._job,
                    assignment,
                    libraries=named_in(*self._templates_of(assignment).values()),
                    workers=self.workers,
                    unsandboxed=self.unsandboxed,
                    factory=EngineExporter.executor_factory,
                )
            self._current = (folder, self._pool.take(folder))
            if EngineExporter.listener is not None:
                EngineExporter.listener(self._current[1])
        return self._current[1]

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
        notebooks, notes = find_notebooks(folder, templates)
        return Job(
            student=student,
            assignment=assignment,
            notebooks=notebooks,
            templates=templates,
            notes=notes,
            files=read_files(folder),
            limits=self._limits(),
            unsandboxed=self.unsandboxed,
            lift_bans=self.lift_bans,
            seed=seed_of_course(self.seed),
        )

    def _limits(self) -> LimitValues:
        return Limits(config=self.config).values()


def _to_do(converter: Any, assignment: str, student: str) -> bool:
    """nbgrader's own rule (`BaseConverter.init_destination`), without its side effects."""
    dest = Path(converter._format_dest(assignment, student))
    if converter.force or not dest.exists():
        return True
    return is_newer(converter.coursedir, Path(converter._format_source(assignment, student)), dest)
