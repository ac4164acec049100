"""A whole class: the same grades for any number of workers, on a Dask cluster, after a kill, and when graded again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import courses
import psutil
import pytest
from nbformat.v4 import new_code_cell
from typer.testing import CliRunner

from autograder.cli.app import app
from autograder.commands.regrade import differences_of_a_regrade
from autograder.course.classroom import Classroom
from autograder.notebooks.verdict import NotebookRecord
from exercises import find

pytestmark = pytest.mark.slow(120)

SETTINGS = "c.Limits.cpu_seconds = 1.0\nc.EngineExporter.unsandboxed = True\n"
STUDENTS = 7


def hand_in(course: Classroom) -> None:
    """Right, wrong, unsolved, too slow: a bit of everything."""
    naive = "def logsumexp(x, axis=-1, keepdims=False):\n    return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))"
    for number in range(STUDENTS):
        nb = (
            courses.solved(course)
            if number % 3 == 0
            else courses.solved(course, logsumexp=naive)
            if number % 3 == 1
            else courses.release_of(course)
        )
        if number == 3:
            nb.cells.append(new_code_cell("while True: pass", id="loop"))
        courses.submit(course, f"s{number}", nb)


def stable(record: NotebookRecord) -> dict:
    """All of a record but the seconds."""
    data = record.to_dict()
    del data["seconds"]
    for cell in data["cells"]:
        del cell["seconds"]
    return data


def grades(course: Classroom) -> dict[str, list[dict]]:
    return {one.student: [stable(record) for record in one.records] for one in course.results(courses.ASSIGNMENT)}


def in_the_gradebook(course: Classroom) -> dict[str, list]:
    with course.gradebook() as gradebook:
        return {
            submission.student_id: sorted(
                (grade.name, grade.auto_score, grade.needs_manual_grade)
                for nb in submission.notebooks
                for grade in nb.grades
            )
            for submission in gradebook.assignment_submissions(courses.ASSIGNMENT)
        }


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """The class, graded by one worker."""
    course = courses.make(tmp_path_factory.mktemp("alone"), SETTINGS)
    hand_in(course)
    assert course.grade(courses.ASSIGNMENT, workers=1) == []
    return course


@pytest.fixture
def fresh(tmp_path: Path) -> Classroom:
    course = courses.make(tmp_path, SETTINGS)
    hand_in(course)
    return course


def test_two_workers_give_the_same_grades(alone: Classroom, fresh: Classroom) -> None:
    assert fresh.grade(courses.ASSIGNMENT, workers=2) == []
    assert grades(fresh) == grades(alone)
    assert in_the_gradebook(fresh) == in_the_gradebook(alone)


def test_some_students_are_graded_and_the_others_left_alone(alone: Classroom, fresh: Classroom) -> None:
    assert fresh.grade(courses.ASSIGNMENT, ["s1", "s4"]) == []
    assert grades(fresh) == {student: one for student, one in grades(alone).items() if student in ("s1", "s4")}


def test_each_grade_has_its_digest(alone: Classroom) -> None:
    digests = [record["digest"] for records in grades(alone).values() for record in records]
    assert len({digest["submission"] for digest in digests}) == 4  # right, wrong, unsolved, with a loop
    for part in ("tests", "seeds", "versions", "limits", "rung", "threads"):
        assert len({digest[part] for digest in digests}) == 1
        assert digests[0][part]


def test_nothing_differs_when_nothing_changed(alone: Classroom) -> None:
    before = in_the_gradebook(alone)
    assert list(differences_of_a_regrade(alone, courses.ASSIGNMENT, unsandboxed=True)) == []
    assert in_the_gradebook(alone) == before


def test_a_changed_submission_is_told_with_its_cause(fresh: Classroom) -> None:
    assert fresh.grade(courses.ASSIGNMENT) == []
    before = in_the_gradebook(fresh)
    courses.submit(fresh, "s0", courses.release_of(fresh))
    differences = list(differences_of_a_regrade(fresh, courses.ASSIGNMENT, unsandboxed=True))
    assert {one.student for one in differences} == {"s0"}
    assert all("submission" in one.why for one in differences)
    assert any(one.old.startswith("4/4") and one.new.startswith("0/4") for one in differences)
    assert in_the_gradebook(fresh) == before


def test_stock_nbgrader_is_one_flag_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_ENGINE", "on")  # restored after the command has set it
    course = courses.make(tmp_path, SETTINGS)
    courses.submit(course, "ada", courses.solved(course))
    done = CliRunner().invoke(app, ["grade", courses.ASSIGNMENT, "--no-engine", "--course", str(course.root)])
    assert done.exit_code == 0, done.output
    assert "stock nbgrader" in done.output
    full = sum(find(name).points for name in courses.EXERCISES)
    assert course.scores(courses.ASSIGNMENT) == {"ada": pytest.approx(full)}
    (page,) = course.folder("autograded", courses.ASSIGNMENT, "ada").glob("*.ipynb")
    assert "record" not in page.read_text()


# Kills --------------------------------------------------------------------------------------------------------------


COMMAND = [sys.executable, "-m", "autograder", "grade", courses.ASSIGNMENT, "--unsandboxed", "--workers", "2"]


def start(course: Classroom) -> subprocess.Popen:
    return subprocess.Popen(COMMAND, cwd=course.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_a_grade(course: Classroom, run: subprocess.Popen) -> None:
    """Until the first submission is written: the run is in the middle of its work."""
    for _ in range(1200):
        if run.poll() is not None or list((course.root / "autograded").glob("*/*/*.ipynb")):
            return
        time.sleep(0.05)
    pytest.fail("the run wrote nothing")


def is_running(process: psutil.Process, mark: str) -> bool:
    """Is this on its command line?"""
    try:
        return mark in " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    "victim",
    [
        "command",
        "worker",
        *(pytest.param(one, marks=pytest.mark.long(60)) for one in ("fork server", "student process")),
    ],
)
def test_a_kill_loses_nothing(alone: Classroom, fresh: Classroom, victim: str) -> None:
    run = start(fresh)
    wait_for_a_grade(fresh, run)
    command = psutil.Process(run.pid)
    everyone = [command, *command.children(recursive=True)]
    mark = "multiprocessing.forkserver" if victim == "worker" else "/start.py forkserver"
    found = [command] if victim == "command" else [one for one in everyone if is_running(one, mark)]
    # Parents come first: the first is the server and not a student, the last is a worker and not what it was forked from.
    with contextlib.suppress(psutil.NoSuchProcess):  # a student process that is done
        found[-1 if victim in ("worker", "student process") else 0].kill()
    code = run.wait(300)
    assert (code == 0) is (victim != "command")
    subprocess.run(COMMAND, cwd=fresh.root, check=True, stdout=subprocess.DEVNULL)
    assert in_the_gradebook(fresh) == in_the_gradebook(alone)
    assert grades(fresh) == grades(alone)
    _, alive = psutil.wait_procs(everyone, timeout=60)  # one that is just importing notices a little later
    assert not [one for one in alive if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_a_half_written_notebook_is_graded_anew(alone: Classroom, fresh: Classroom) -> None:
    assert fresh.grade(courses.ASSIGNMENT) == []
    (page,) = fresh.folder("autograded", courses.ASSIGNMENT, "s1").glob("*.ipynb")
    page.chmod(0o644)
    page.write_text(page.read_text()[:1000])
    assert fresh.grade(courses.ASSIGNMENT) == []
    assert grades(fresh) == grades(alone)


# A cluster ----------------------------------------------------------------------------------------------------------


def test_a_dask_cluster_gives_the_same_grades_and_survives_a_killed_worker(alone: Classroom, fresh: Classroom) -> None:
    distributed = pytest.importorskip("distributed", reason='the optional extra: pip install ".[dask]"')
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=50
    ) as cluster:
        pids = [worker.pid for worker in cluster.workers.values()]

        def kill_one() -> None:
            for _ in range(1200):
                if list((fresh.root / "autograded").glob("*/*/*.ipynb")):
                    break
                time.sleep(0.05)
            os.kill(pids[0], signal.SIGKILL)

        killer = threading.Thread(target=kill_one, daemon=True)
        killer.start()
        command = ["grade", courses.ASSIGNMENT, "--scheduler", cluster.scheduler_address, "--unsandboxed"]
        done = CliRunner().invoke(app, [*command, "--course", str(fresh.root)])
        killer.join()
    assert done.exit_code == 0, done.output
    assert grades(fresh) == grades(alone)
    assert in_the_gradebook(fresh) == in_the_gradebook(alone)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nonsense"])
def test_no_scheduler_is_one_line(fresh: Classroom, address: str) -> None:
    pytest.importorskip("distributed", reason='the optional extra: pip install ".[dask]"')
    command = [sys.executable, "-m", "autograder", "grade", courses.ASSIGNMENT, "--scheduler", address]
    done = subprocess.run(command, cwd=fresh.root, capture_output=True, text=True)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert address in done.stderr
