"""The course's secret: `course init` makes it, a job carries it, it is shown nowhere, and a changed one is told."""

from __future__ import annotations

from pathlib import Path

import courses
import pytest
from command_line import course as command
from command_line import is_one_line
from courses import ASSIGNMENT, solved, submit

from autograder.commands.init import make_folder
from autograder.commands.regrade import differences_of_a_regrade
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.grading.job import Job, _hash
from exercises import find
from exercises.seeds import grading_with

pytestmark = pytest.mark.slow(40)

# Right or wrong by the inputs it is given: what it gets says which seed they were drawn with.
LUCKY = """
def log_sigmoid(x):
    x = np.asarray(x, dtype=np.float64)
    luck = int(np.sum(np.abs(x[np.isfinite(x)])) * 1e6) % 2
    return np.minimum(x, 0) - np.log1p(np.exp(-np.abs(x))) + luck
"""


def points_of_lucky(seed: str, student: str = "ada") -> float:
    """What LUCKY gets from the bank itself, without wall and nbgrader."""
    namespace: dict = {}
    exec(f"import numpy as np\n{LUCKY}", namespace)
    with grading_with(seed):
        return find("log_sigmoid").grade(namespace["log_sigmoid"], student).points


@pytest.fixture(scope="module")
def seeds() -> tuple[str, str]:
    """Two seeds with which LUCKY has different luck."""
    found = {points_of_lucky(f"secret-{number}"): f"secret-{number}" for number in range(20)}
    first, second, *_ = sorted(found)
    return found[first], found[second]


def folder_with(root: Path, seed: str) -> Classroom:
    course = courses.make(root, settings=f"c.EngineExporter.seed = {seed!r}\n")
    submit(course, "ada", solved(course, log_sigmoid=LUCKY))
    return course


def points(course: Classroom) -> float:
    """ada's points in log_sigmoid."""
    (record,) = (submission.records[0] for submission in course.results(ASSIGNMENT) if submission.student == "ada")
    return next(cell.points for cell in record.cells if cell.grade_id == "grade_log_sigmoid")


def test_inputs_are_drawn_with_the_seed_of_the_configuration(tmp_path: Path, seeds: tuple[str, str]) -> None:
    course = folder_with(tmp_path, seeds[0])
    assert course.grade(ASSIGNMENT, workers=1, unsandboxed=True) == []
    assert points(course) == points_of_lucky(seeds[0]) != points_of_lucky(seeds[1])


def test_the_environment_wins(tmp_path: Path, seeds: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    course = folder_with(tmp_path, seeds[0])
    monkeypatch.setenv("COURSE_SEED", seeds[1])
    course.grade(ASSIGNMENT, workers=1, unsandboxed=True)
    assert points(course) == points_of_lucky(seeds[1])
    monkeypatch.setenv("COURSE_SEED", "")  # as good as not set
    course.grade(ASSIGNMENT, workers=1, unsandboxed=True, force=True)
    assert points(course) == points_of_lucky(seeds[0])


def test_workers_get_it_with_their_jobs(tmp_path: Path, seeds: tuple[str, str]) -> None:
    course = folder_with(tmp_path, seeds[0])
    submit(
        course, "alan", solved(course)
    )  # a second submission: both are graded by processes that read no configuration
    assert course.grade(ASSIGNMENT, workers=2, unsandboxed=True) == []
    assert points(course) == points_of_lucky(seeds[0])


def test_a_regrade_tells_a_changed_seed(tmp_path: Path, seeds: tuple[str, str]) -> None:
    course = folder_with(tmp_path, seeds[0])
    course.grade(ASSIGNMENT, workers=1, unsandboxed=True)
    assert list(differences_of_a_regrade(course, ASSIGNMENT, workers=1, unsandboxed=True)) == []
    config = tmp_path / "nbgrader_config.py"
    config.write_text(config.read_text().replace(seeds[0], seeds[1]))
    told = list(differences_of_a_regrade(Classroom(tmp_path), ASSIGNMENT, workers=1, unsandboxed=True))
    assert {one.why for one in told} == {"changed since: seeds"}
    assert "grade_log_sigmoid" in told[0].where


@pytest.mark.long(60)
def test_the_seed_is_shown_nowhere(tmp_path: Path) -> None:
    """Not on the screen, in the log, the gradebook, the graded notebooks, the feedback or the report: only its hash."""
    seed = "kept-to-ourselves"
    course = folder_with(tmp_path, seed)
    submit(course, "alan", b"{")
    said = [command("doctor", cwd=tmp_path), command("grade", ASSIGNMENT, "--unsandboxed", cwd=tmp_path)]
    said += [command(name, ASSIGNMENT, cwd=tmp_path) for name in ("feedback", "report")]
    said.append(command("regrade", ASSIGNMENT, "--prove", "--unsandboxed", cwd=tmp_path))
    assert [done.returncode for done in said[1:]] == [0, 0, 0, 0], said
    assert not any(seed in done.stdout + done.stderr for done in said)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    holding = {path.name for path in files if seed.encode() in path.read_bytes()}
    assert holding == {"nbgrader_config.py"}
    assert {"grading.log", "gradebook.db", "report.html"} <= {path.name for path in files}
    assert course.results(ASSIGNMENT)[0].records[0].digest["seeds"] == _hash(seed.encode())


def test_a_jobs_words_do_not_show_it() -> None:
    assert "hush" not in repr(Job("ada", ASSIGNMENT, {}, {}, seed="hush"))


# course init ------------------------------------------------------------------------------------------------------------


def test_a_new_folder_is_a_course_in_which_a_class_is_graded(tmp_path: Path) -> None:
    root = tmp_path / "physics"
    done = command("init", str(root), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2
    assert "course new" in done.stdout
    course = Classroom(root)
    assert course.coursedir.course_id == "physics"
    assert len(course.own_seed) >= 32
    assert course.own_seed not in done.stdout
    assert course.assignments == []
    settings = (root / "nbgrader_config.py").read_text()
    courses.make(root)
    (root / "nbgrader_config.py").write_text(settings)
    submit(course, "ada", solved(course))
    assert course.grade(ASSIGNMENT, workers=1, unsandboxed=True) == []
    (graded,) = course.results(ASSIGNMENT)
    assert graded.points == graded.max_points
    assert graded.records[0].digest["seeds"] == _hash(course.own_seed.encode())


def test_each_folder_has_a_seed_of_its_own(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_folder(tmp_path / name, "physics")
    assert Classroom(tmp_path / "a").own_seed != Classroom(tmp_path / "b").own_seed
    assert Classroom(tmp_path / "a").coursedir.course_id == "physics"


def test_a_folder_without_a_seed_is_told_the_line_and_left_alone(tmp_path: Path) -> None:
    courses.make(tmp_path)
    config = tmp_path / "nbgrader_config.py"
    before = config.read_text()
    done = command("init", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert config.read_text() == before
    _, line = done.stdout.splitlines()
    config.write_text(f"{before}{line}\n")
    assert Classroom(tmp_path).own_seed in line


def test_a_folder_with_a_seed_is_not_touched(tmp_path: Path) -> None:
    make_folder(tmp_path, "physics")
    before = (tmp_path / "nbgrader_config.py").read_text()
    is_one_line(command("init", cwd=tmp_path), "course folder already", "nothing was changed")
    assert (tmp_path / "nbgrader_config.py").read_text() == before


@pytest.mark.parametrize("name", ["two words", "../up", "-x", ".hidden"])
def test_a_course_id_that_is_no_name_of_a_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(CourseError, match="--course-id"):
        make_folder(tmp_path / "new", name)
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    is_one_line(command("init", "taken", cwd=tmp_path), "taken", "no course folder was made")
