"""Grades the submissions of a class in parallel, a little ahead of whoever takes the results one by one."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from multiprocessing.forkserver import ensure_running
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

from autograder.grading.job import Job, Result, grade_submission, use_fork_server
from autograder.grading.processes import die_with_parent, take_core
from autograder.wall.fork_server import ForkServer, ForkServerHandle
from autograder.wall.ladder import choose_rung

ExecutorFactory = Callable[[int], Executor]
MOST_POOLS = 3  # how often a job may see its pool break before it is graded in this very process
WARM_UP = "COURSE_WARM_UP"  # environment variable: the assignment whose references `warm_worker` grades once
AHEAD = 16  # jobs per worker that are read and sent before their turn: memory stays flat in large classes


class LocalExecutor(ProcessPoolExecutor):
    """Processes on this machine that share one fork server.

    They are forked from a warm process of their own, which imports once what all of them need; meanwhile the fork
    server warms up. All of it ends with this process, however that ends.
    """

    def __init__(self, workers: int, assignment: str, unsandboxed: bool):
        self._server = ForkServer(choose_rung(unsandboxed))
        context = get_context("forkserver")
        context.set_forkserver_preload(["autograder.grading.warm_worker"])
        os.environ[WARM_UP] = assignment
        ensure_running()
        handle = ForkServerHandle(self._server.rung, self._server.control)
        super().__init__(workers, context, _start_worker, (handle, context.Value("i", 0)))

    def load(self, libraries: Iterable[str]) -> None:
        """Let the fork server import these of `preload.LIBRARIES`, which the first students will need."""
        self._server.load(libraries)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        super().shutdown(wait, cancel_futures=cancel_futures)
        self._server.stop()


@contextlib.contextmanager
def warming_up(assignment: str, workers: int, unsandboxed: bool) -> Iterator[ExecutorFactory]:
    """What makes local executors; the first of them begins to warm up right now, before it is known what is to be done."""
    make = functools.partial(LocalExecutor, assignment=assignment, unsandboxed=unsandboxed)
    ready = [make(workers or os.cpu_count() or 1)]
    try:
        yield lambda count: ready.pop() if ready else make(count)
    finally:
        for executor in ready:
            executor.shutdown()


def _start_worker(server: ForkServerHandle, started: Synchronized[int]) -> None:
    die_with_parent()
    with started.get_lock():
        take_core(started.value)
        started.value += 1
    use_fork_server(server)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """multiprocessing imports the main script (nbgrader's command, seconds) in every new worker; jobs need none of it."""
    names: dict[str, Any] = vars(sys.modules["__main__"])
    kept: dict[str, Any] = {name: names.pop(name) for name in ("__file__", "__spec__") if name in names}
    names["__spec__"] = None
    try:
        yield
    finally:
        names.update(kept)


class GradingPool:
    """The jobs of one run. `folders` are the submissions in the order in which they will be taken.

    libraries: those of `preload.LIBRARIES` that its notebooks name. workers: 0 means one for each core. factory: makes the
    executor, of this machine's processes where not given.
    """

    def __init__(
        self,
        folders: list[Path],
        make_job: Callable[[Path], Job],
        assignment: str,
        *,
        libraries: Iterable[str] = (),
        workers: int = 0,
        unsandboxed: bool = False,
        factory: ExecutorFactory | None = None,
    ):
        self._make_job = make_job
        self._unsent = deque(folders)
        self._workers = min(workers or os.cpu_count() or 1, max(len(folders), 1))
        self._factory = factory or functools.partial(LocalExecutor, assignment=assignment, unsandboxed=unsandboxed)
        self._ahead = AHEAD * self._workers
        self._futures: dict[Path, Future[Result]] = {}
        # A single submission is graded right here, without a worker.
        self._executor = self._factory(self._workers) if len(folders) > 1 or factory is not None else None
        if isinstance(self._executor, LocalExecutor):
            self._executor.load(libraries)

    def take(self, folder: Path) -> Result:
        """The result of one submission. A worker that died takes no job with it."""
        result = self._take(folder)
        if result.lost and self._executor is not None:
            result = self._second_look(folder, result)
        if not self._unsent and not self._futures:
            self.close()
        return result

    def close(self) -> None:
        """End the executor; what it has not begun is dropped."""
        if self._executor is not None:
            for future in self._futures.values():
                future.cancel()  # not every executor can do that in its shutdown (Dask's cannot)
            self._executor.shutdown(wait=True)
            self._executor = None

    def _take(self, folder: Path) -> Result:
        with contextlib.suppress(ValueError):  # whoever asks out of order
            if folder not in self._futures:
                self._unsent.remove(folder)
                self._unsent.appendleft(folder)
        for _ in range(MOST_POOLS):
            try:
                self._send_ahead()
                if folder not in self._futures:
                    break
                result = self._futures[folder].result()
            except Exception:  # jobs raise nothing: the pool broke (or a cluster gave up on a worker that died)
                self._start_anew()
            else:
                del self._futures[folder]
                return result
        self._futures.pop(folder, None)
        return grade_submission(self._make_job(folder))

    def _send_ahead(self) -> None:
        while self._executor is not None and self._unsent and len(self._futures) < self._ahead:
            with _without_main():
                self._futures[self._unsent[0]] = self._executor.submit(
                    grade_submission, self._make_job(self._unsent[0])
                )
            self._unsent.popleft()

    def _start_anew(self) -> None:
        """A new executor; all that was sent and not taken is to be sent again."""
        self.close()
        self._unsent.extendleft(reversed(self._futures))
        self._futures.clear()
        self._executor = self._factory(self._workers)

    def _second_look(self, folder: Path, result: Result) -> Result:
        """What ran out of time or crashed runs once more, alone, before it costs points.

        A busy machine is no student's fault, and nor is one that is short of memory and kills a process.
        """
        wait(self._futures.values())
        assert self._executor is not None
        try:
            again = self._executor.submit(grade_submission, self._make_job(folder)).result()
        except Exception:  # the pool broke: the first look stands
            return result
        return again if not again.failure else result
