"""`course demo` at small size: what it promises of each simulated student, and that a second run grades nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.commands.simulated_class import MISHAPS, exercises_by_notebook, read_notebooks, roster
from autograder.course.classroom import Classroom
from exercises import exercises_of, find

ROOT = Path(__file__).parents[3]
FULL = "hw1_log_probabilities"  # what `make demo` shows
ASSIGNMENTS = [
    pytest.param("hw0_warmup", marks=pytest.mark.slow(60)),
    pytest.param(FULL, marks=pytest.mark.long(150)),
]


def run_demo(folder: Path, assignment: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("course")
    command = [str(program), "demo", assignment, "--small", "--folder", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The folder of a demo that has run, its assignment, and what it printed."""
    folder = tmp_path_factory.mktemp("demo")
    done = run_demo(folder, request.param)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
    return folder, request.param, done.stdout


def class_of(folder: Path) -> list[dict]:
    return json.loads((folder / "class.json").read_text())


def test_the_report_is_where_it_says(demo: tuple[Path, str, str]) -> None:
    folder, _, text = demo
    last = text.strip().splitlines()[-1]
    path = Path(last.split(maxsplit=1)[1])
    assert last.startswith("report")
    assert path.is_file()
    assert path.is_relative_to(folder)
    assert "<img" in path.read_text() or "<svg" in path.read_text()


def test_everyone_gets_what_is_due(demo: tuple[Path, str, str]) -> None:
    folder, assignment, _ = demo
    results = {submission.student: submission for submission in Classroom(folder).results(assignment)}
    for row in class_of(folder):
        submission = results[row["name"]]
        if row["full"]:
            assert submission.points == submission.max_points, row
        else:
            assert submission.points < submission.max_points, row


def test_each_misconception_loses_points_and_gets_its_hint(demo: tuple[Path, str, str]) -> None:
    folder, assignment, _ = demo
    course = Classroom(folder)
    results = {submission.student: submission for submission in course.results(assignment)}
    rows = [row for row in class_of(folder) if row["kind"] == "misconception"]
    assert rows
    for row in rows:
        pages = "".join(path.read_text() for path in course.folder("feedback", assignment, row["name"]).glob("*.html"))
        assert sorted(results[row["name"]].recognised) == sorted(row["answers"].items())
        for exercise, name in row["answers"].items():
            first_words = find(exercise).misconceptions[name].hint.split(".")[0]
            plain = first_words.split("`")[0].split("'")[0].split("&")[0].strip()[:40]
            assert plain in pages, (exercise, name)


def test_no_right_answer_is_taken_for_a_mistake(demo: tuple[Path, str, str]) -> None:
    folder, assignment, _ = demo
    right = {row["name"] for row in class_of(folder) if row["kind"] in ("accepted", "reference")}
    assert right
    assert not any(one.recognised for one in Classroom(folder).results(assignment) if one.student in right)


def test_a_second_demo_grades_nothing(demo: tuple[Path, str, str]) -> None:
    folder, assignment, _ = demo
    graded = {path: path.stat().st_mtime_ns for path in (folder / "autograded").rglob("*.ipynb")}
    again = run_demo(folder, assignment)
    assert again.returncode == 0
    assert f"{len(class_of(folder))} were graded before and left alone" in again.stdout
    assert {path: path.stat().st_mtime_ns for path in (folder / "autograded").rglob("*.ipynb")} == graded


def test_the_whole_class_holds_every_answer_of_the_bank() -> None:
    """At full size: each accepted variant and misconception once, each mishap, and at least 60 students."""
    students = roster(exercises_by_notebook(read_notebooks(ROOT / "release" / FULL)))
    handed_in = [(one.kind, *entry) for one in students for entry in one.answers.items()]
    wanted = [
        (kind, name, what)
        for name, exercise in exercises_of(FULL).items()
        for kind, answers in (("accepted", exercise.accepted), ("misconception", exercise.misconceptions))
        for what in answers
    ]
    assert sorted(handed_in) == sorted(wanted)
    assert {one.mishap for one in students if one.kind == "mishap"} == set(MISHAPS)
    assert len(students) >= 60
    assert len({one.name for one in students}) == len(students)
