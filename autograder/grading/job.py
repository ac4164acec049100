"""One grading job: the bytes of one submission in, a JSON-able result out. Runs in any process, on any machine.

A process keeps one fork server for all its jobs and starts a new one when that died.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import json
import os
import platform
import threading
import time
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import nbformat

import exercises
from autograder.grading.processes import on_one_core, one_thread
from autograder.notebooks.cells import grade_id_of, is_test
from autograder.notebooks.read import UnreadableNotebook, read_cells
from autograder.notebooks.rebuild import rebuild
from autograder.notebooks.status import Status, worst
from autograder.notebooks.verdict import CellVerdict, NotebookRecord, write_outputs
from autograder.sandboxed.preload import named_in
from autograder.wall.fork_server import ForkServer, ForkServerHandle
from autograder.wall.ladder import choose_rung
from autograder.wall.limits import LimitValues
from exercises.lost import InfrastructureError
from exercises.seeds import grading_with, seed_of_course

_servers: dict[int, ForkServerHandle] = {}  # by process id: a forked worker must not use its parent's
_one_at_a_time = threading.Lock()  # tests capture warnings and output, which belong to the whole process


@dataclass
class Job:
    """Everything one submission's grading needs.

    notebooks: name -> the submitted file's bytes, or None where there is none. templates: name -> the notebook to be
    graded (`notebooks.template`) as JSON text. notes: name -> what to tell about how it was found. files: the
    submission's own other files. lift_bans: what an exercise forbids may be used. seed: the course's part of all seeds,
    which a worker's own environment need not know. It is a secret: no repr, record or message shows it.
    """

    student: str
    assignment: str
    notebooks: dict[str, bytes | None]
    templates: dict[str, str]
    notes: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    limits: LimitValues = field(default_factory=LimitValues)
    unsandboxed: bool = False
    lift_bans: bool = False
    seed: str = field(default_factory=seed_of_course, repr=False)


@dataclass
class Result:
    """A graded submission: name -> the graded notebook as JSON text, with its record in the metadata."""

    student: str
    assignment: str
    notebooks: dict[str, str] = field(default_factory=dict)
    status: Status = Status.PASSED
    points: float = 0.0
    max_points: float = 0.0
    seconds: float = 0.0
    lost: bool = False  # a process of the student, somewhere in it: worth a second look with nothing else to do
    failure: str = ""  # not empty: our own failure, never a grade


def fork_server(unsandboxed: bool) -> ForkServerHandle:
    """This process's fork server, started when it is not there or has died."""
    server = _servers.get(os.getpid())
    if server is None or not server.alive:
        server = _servers[os.getpid()] = ForkServer(choose_rung(unsandboxed))
    return server


def use_fork_server(server: ForkServerHandle) -> None:
    """Let this process use a fork server that another one started; when that is gone, it starts its own."""
    _servers[os.getpid()] = server


def stop_fork_server() -> None:
    """End this process's fork server, if it has one."""
    server = _servers.pop(os.getpid(), None)
    if server is not None:
        server.stop()


atexit.register(stop_fork_server)


def grade_submission(job: Job) -> Result:
    """Grade one submission. Never raises for what a submission holds; our own failures are told in `failure`."""
    with _one_at_a_time, grading_with(job.seed):
        return _grade(job)


def _grade(job: Job) -> Result:
    start = time.monotonic()
    one_thread()
    result = Result(job.student, job.assignment)
    records = []
    for attempt in (1, 2):
        try:
            server = fork_server(job.unsandboxed)
            records = [_grade_notebook(job, name, server, result) for name in sorted(job.templates)]
            break
        except InfrastructureError as error:
            stop_fork_server()
            if attempt == 2:
                result.status, result.failure = Status.INFRASTRUCTURE, str(error)
                return result
        except Exception as error:  # a mistake of ours that this submission brought to light: for a person to look at
            result.status, result.failure = Status.INFRASTRUCTURE, f"{type(error).__name__}: {error}"
            return result
    result.status = worst(record.status for record in records)
    result.lost = any(record.lost for record in records)
    result.points = sum(cell.points for record in records for cell in record.cells)
    result.max_points = sum(cell.max_points for record in records for cell in record.cells)
    result.seconds = time.monotonic() - start
    return result


@functools.lru_cache(maxsize=32)
def _parsed(text: str) -> nbformat.NotebookNode:
    notebook: nbformat.NotebookNode = nbformat.reads(text, as_version=4)
    return notebook


def _grade_notebook(job: Job, name: str, server: ForkServerHandle, result: Result) -> NotebookRecord:
    # These import torch, which a process that only hands out jobs (every nbgrader command) does not need.
    from autograder.grading.examiner import examine
    from autograder.wall.student import Student

    start = time.monotonic()
    record = NotebookRecord(job.student, job.assignment, name, rung=server.rung.name)
    graded = _parsed(job.templates[name])
    data = job.notebooks.get(name)
    problem = None
    try:
        cells = read_cells(data) if data is not None else []
    except UnreadableNotebook as error:
        cells, problem = [], (Status.UNREADABLE, str(error))
    if data is None:
        problem = (Status.MISSING, f"No notebook {name}.ipynb was handed in.")
    nb, notes = rebuild(graded, cells)
    record.notes = [*([job.notes[name]] if name in job.notes else []), *notes] if problem is None else [problem[1]]
    if problem is None:
        libraries = named_in(job.templates[name], *(cell.source for cell in cells))
        with on_one_core(), Student(server, job.limits, job.files, libraries) as student:
            examination = examine(nb, student, job.student, job.lift_bans)
        record.cells, record.status = examination.cells, examination.status
        record.lost = examination.lost
    else:
        record.status = problem[0]
        _mark_ungraded(nb, record, *problem)
    record.seconds = time.monotonic() - start
    record.digest = _digest(job, name, record.rung)
    record.store(nb)
    result.notebooks[name] = json.dumps(nb, sort_keys=True, ensure_ascii=False) + "\n"
    return record


def _digest(job: Job, name: str, rung: str) -> dict[str, str]:
    """What this grade depends on, each as a short hash or a version: equal digests, equal grades."""
    return {
        "submission": _hash(
            job.notebooks.get(name) or b"", *(f"{n}:".encode() + data for n, data in job.files.items())
        ),
        "tests": _digest_of_tests(job.templates[name]),
        "seeds": _hash(job.seed.encode()),
        "versions": _versions(),
        "limits": json.dumps(job.limits.to_dict(), sort_keys=True),
        "bans": "lifted" if job.lift_bans else "in force",
        "rung": rung,
        "threads": "1",
    }


def _hash(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


@functools.lru_cache(maxsize=32)
def _digest_of_tests(template: str) -> str:
    """The notebook's tests, and the exercise bank's own source: a changed check is a changed test."""
    folder = Path(exercises.__file__).parent
    bank = b"".join(path.read_bytes() for path in sorted(folder.rglob("*.py")))
    return _hash(template.encode(), bank)


@functools.cache
def _versions() -> str:
    return ", ".join(
        [f"python {platform.python_version()}", *(f"{name} {version(name)}" for name in ("numpy", "torch"))]
    )


def _mark_ungraded(nb: nbformat.NotebookNode, record: NotebookRecord, status: Status, message: str) -> None:
    for cell in nb.cells:
        if is_test(cell):
            verdict = CellVerdict(grade_id_of(cell) or "", 0.0, float(cell.metadata.nbgrader.points), status, message)
            record.cells.append(verdict)
            write_outputs(cell, verdict)
