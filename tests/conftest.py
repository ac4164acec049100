"""What the tests share: the sandbox of this host, a line that names its rungs, a rule about skips, and who runs what when."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from autograder.grading.job import stop_fork_server
from autograder.wall.fork_server import ForkServer
from autograder.wall.ladder import LADDER, best_rung, missing
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


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what uses wall and browser; give each worker whole groups of tests, those that take longest first.

    The tests of a file share what they have set up, so a file is a group, unless a test names another one
    (`pytest.mark.xdist_group`). Without workers, the order stays as it was.
    """
    for item in items:
        for marker, fixtures in FIXTURES_OF_MARKERS.items():
            if fixtures & set(getattr(item, "fixturenames", ())):
                item.add_marker(marker)
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    if hasattr(config, "workerinput"):
        seconds = _seconds_of_groups(items)
        items.sort(key=lambda item: -seconds[_group(item)])


def _group(item: pytest.Item) -> str:
    marker = item.get_closest_marker("xdist_group")
    assert marker is not None
    return str(marker.args[0])


def _seconds_of_groups(items: list[pytest.Item]) -> dict[str, float]:
    """group -> the most that one of its markers says: `slow(seconds)` stands for what the marked tests take together."""
    found: dict[str, float] = {}
    for item in items:
        marked = [*item.iter_markers("slow"), *item.iter_markers("long")]
        found[_group(item)] = max(found.get(_group(item), 0.0), *(one.args[0] for one in marked), 0.0)
    return found


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Where skips are forbidden (continuous integration), a skipped test is a failed one."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("COURSE_SKIPS") == "forbidden":
        report.outcome = "failed"
        report.longrepr = f"skipped, where no test may be: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """A fork server on the best rung of this host."""
    server = ForkServer(best_rung())
    yield server
    server.stop()


@pytest.fixture
def student(fork_server: ForkServer) -> Iterator[Student]:
    """One student's process, with short deadlines."""
    with Student(fork_server, LimitValues(cpu_seconds=2, notebook_seconds=20, memory_mib=1024)) as one:
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
