"""Where `course grade` sends its jobs: to processes of this machine, or to a Dask cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import Executor

from autograder.course.errors import CourseError
from autograder.grading.pool import ExecutorFactory, warming_up


@contextlib.contextmanager
def local(assignment: str, workers: int, unsandboxed: bool, alone: bool) -> Iterator[ExecutorFactory | None]:
    """Processes of this machine, warming up while nbgrader is imported; None where one submission is graded alone."""
    with contextlib.nullcontext() if alone else warming_up(assignment, workers, unsandboxed) as factory:
        yield factory


@contextlib.contextmanager
def cluster(scheduler: str) -> Iterator[ExecutorFactory]:
    """The workers of a Dask scheduler (`tcp://...`). Raises CourseError where none answers, or Dask is not installed."""
    try:
        from distributed import Client
    except ImportError as error:
        raise CourseError('--scheduler needs Dask: pip install "distributed"') from error
    try:
        client = Client(scheduler, timeout="10s")
    except (OSError, ValueError, TimeoutError) as error:
        raise CourseError(f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`") from error

    def executor(workers: int) -> Executor:
        made: Executor = client.get_executor(pure=False)
        return made

    with client:
        yield executor
