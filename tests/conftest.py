"""What the tests share: the sandbox of this host, a line that names its rungs, a rule about skips, and who runs what when."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from autograder.grading import job, pool
from autograder.grading.job import stop_fork_server
from autograder.wall.fork_server import ForkServer, ForkServerHandle
from autograder.wall.ladder import LADDER, Rung, best_rung, missing
from autograder.wall.limits import LimitValues
from autograder.wall.student import Student


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_report_header() -> list[str]:
    """On which rungs this run can say anything, and what the others need."""
    problems = {name: missing(name) for name in LADDER}
    works = ", ".join(name for name, problem in problems.items() if problem is None)
    lacks = [f"no {name} rung: {problem.why}; {problem.fix}" for name, problem in problems.items() if problem]
    return [f"sandbox rungs on this host: {works} (graded on: {best_rung().name})", *lacks]


# Who runs what when -------------------------------------------------------------------------------------------------

# A test that asks for one of these has a real process of a student, or a real browser.
FIXTURES_OF_MARKERS = {
    "wall": {"fork_server", "server", "student", "walled"},
    "browser": {"browser", "school"},
}


# A worker takes the tests of a file together, for they share what they have set up. The parts of these files share nothing
# (or only within what the pattern catches), so they are groups of their own.
PARTS = {
    "tests/lecture5/test_notebooks.py": re.compile(r"::(test_runs_top_to_bottom.*)"),
    "tests/exercises/test_bank_proof.py": re.compile(r"\[(?:.*-)?(hw\d)"),
    "tests/attacks/test_red_team.py": re.compile(r"\[(\w+)\]"),
    "tests/test_docs.py": re.compile(r"::test_(?:a_new_exercise|the_gate)()"),
}


def group_of(nodeid: str) -> str:
    """The tests of this group are run by one worker."""
    file = nodeid.partition("::")[0]
    part = PARTS[file].search(nodeid) if file in PARTS else None
    return f"{file} {part[part.lastindex or 0]}" if part else file


class Groups(LoadScopeScheduling):
    """pytest-xdist's way to share out groups, with ours. (Its own marker of groups does nothing under pytest 9.2.)"""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups | None:
    return Groups(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.hookimpl(tryfirst=True)  # before -m chooses
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses wall and browser. In a worker, let the groups that take longest come first."""
    for item in items:
        for marker, fixtures in FIXTURES_OF_MARKERS.items():
            if fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(marker)
    if hasattr(config, "workerinput"):
        seconds = _seconds_of_groups(items)
        items.sort(key=lambda item: -seconds[group_of(item.nodeid)])


def _seconds_of_groups(items: list[pytest.Item]) -> dict[str, float]:
    """group -> the most that one of its markers says: `slow(seconds)` stands for what the marked tests take together."""
    found: dict[str, float] = {}
    for item in items:
        marked = [0.0, *(one.args[0] for name in ("slow", "long") for one in item.iter_markers(name))]
        group = group_of(item.nodeid)
        found[group] = max(found.get(group, 0.0), *marked)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Where skips are forbidden (continuous integration), a skipped test is a failed one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("COURSE_SKIPS") == "forbidden":
        report.outcome = "failed"
        report.longrepr = f"skipped, where no test may be: {report.longrepr}"
    return report


class Lent(ForkServerHandle):
    """A fork server that others use too: whoever has borrowed it cannot stop it."""

    def __init__(self, server: ForkServer):
        super().__init__(server.rung, server.control)

    def stop(self) -> None:
        pass


@pytest.fixture(scope="session")
def fork_servers() -> Iterator[Callable[[Rung], ForkServer]]:
    """One fork server for each rung, warmed up at most once in this process: that takes some eight seconds of a core."""
    started: dict[str, ForkServer] = {}

    def on(rung: Rung) -> ForkServer:
        if rung.name not in started or not started[rung.name].alive:
            started[rung.name] = ForkServer(rung)
        return started[rung.name]

    yield on
    for server in started.values():
        server.stop()


@pytest.fixture(scope="session")
def fork_server(fork_servers: Callable[[Rung], ForkServer]) -> ForkServer:
    """A fork server on the best rung of this host."""
    return fork_servers(best_rung())


@pytest.fixture(autouse=True, scope="session")
def classes_share_fork_servers(fork_servers: Callable[[Rung], ForkServer]) -> Iterator[None]:
    """Classes that are graded in this very process borrow its fork servers; a command that is started has its own, as ever."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pool, "ForkServer", lambda rung: Lent(fork_servers(rung)))
        patch.setattr(job, "ForkServer", lambda rung: Lent(fork_servers(rung)))
        yield


@pytest.fixture
def student(fork_server: ForkServer) -> Iterator[Student]:
    """One student's process, with short deadlines."""
    limits = LimitValues(cpu_seconds=2, notebook_seconds=20, memory_mib=1024)
    with Student(fork_server, limits, libraries=["torch.optim"]) as one:
        yield one


@pytest.fixture(scope="session")
def walled() -> None:
    """Skips where this host allows no sandbox: the test would be about a wall that is not there."""
    if not best_rung().walled:
        pytest.skip(f"no sandbox on this host: {best_rung().why}; {best_rung().raise_it}")


@pytest.fixture(autouse=True, scope="session")
def no_fork_server_left() -> Iterator[None]:
    yield
    stop_fork_server()


@pytest.fixture(autouse=True)
def no_figure_left() -> Iterator[None]:
    """Figures that a test leaves open are closed, so that the next one in this process finds none."""
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")
