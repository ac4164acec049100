"""The command `course`: what each mistake at the keyboard gets (one line, exit code 2, nothing half-written)."""

from __future__ import annotations

import json
from pathlib import Path

import courses
import pytest
from command_line import course, is_one_line
from courses import ASSIGNMENT, NOTEBOOK, solved, submit

pytestmark = pytest.mark.slow(40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = courses.make(tmp_path)
    submit(made, "right", solved(made))
    return tmp_path


@pytest.mark.parametrize("command", ["grade", "prove", "report", "feedback", "release", "kit"])
def test_an_unknown_assignment(folder: Path, command: str) -> None:
    is_one_line(course(command, "nosuch", cwd=folder), "nosuch", ASSIGNMENT)


def test_outside_of_a_course(tmp_path: Path) -> None:
    is_one_line(course("grade", ASSIGNMENT, cwd=tmp_path), "nbgrader_config.py")


@pytest.mark.parametrize("command", ["grade", "regrade"])
def test_a_negative_number_of_workers(folder: Path, command: str) -> None:
    done = course(command, ASSIGNMENT, "--workers", "-3", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--workers" in done.stderr
    assert "greater than or equal to 0" in " ".join(done.stderr.replace("│", "").split())


def test_nobody_has_handed_in(tmp_path: Path) -> None:
    courses.make(tmp_path)
    is_one_line(course("grade", ASSIGNMENT, cwd=tmp_path), "nobody")


def test_feedback_for_whom_there_is_none(folder: Path) -> None:
    is_one_line(course("feedback", ASSIGNMENT, cwd=folder), "nothing", "course grade")
    course("grade", ASSIGNMENT, "--unsandboxed", cwd=folder)
    is_one_line(course("feedback", ASSIGNMENT, "--student", "stranger", cwd=folder), "stranger", "course grade")
    (folder / "submitted" / "later" / ASSIGNMENT).mkdir(parents=True)
    done = course("feedback", ASSIGNMENT, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "1 student: " in done.stdout
    assert "without feedback: later" in done.stdout
    assert (folder / "feedback" / "right" / ASSIGNMENT / f"{NOTEBOOK}.html").is_file()


def test_a_source_notebook_with_broken_metadata(folder: Path) -> None:
    path = folder / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb"
    nb = json.loads(path.read_text())
    nb["cells"][3]["metadata"]["nbgrader"]["schema_version"] = "three"
    path.write_text(json.dumps(nb))
    is_one_line(course("grade", ASSIGNMENT, "--unsandboxed", cwd=folder), NOTEBOOK)
    assert not (folder / "autograded").exists()


def test_a_source_file_that_is_no_notebook(folder: Path) -> None:
    (folder / "source" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").write_text("{")
    is_one_line(course("grade", ASSIGNMENT, "--unsandboxed", cwd=folder), NOTEBOOK)


def test_an_unwritable_database(folder: Path) -> None:
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text() + "\nc.CourseDirectory.db_url = 'sqlite:////proc/nowhere/gradebook.db'\n")
    is_one_line(course("grade", ASSIGNMENT, "--unsandboxed", cwd=folder), "gradebook")
    assert not (folder / "autograded").exists()


def test_a_class_is_graded_and_printed(folder: Path) -> None:
    (folder / "submitted" / "corrupt" / ASSIGNMENT).mkdir(parents=True)
    (folder / "submitted" / "corrupt" / ASSIGNMENT / f"{NOTEBOOK}.ipynb").write_text('{"cells": [')
    done = course("grade", ASSIGNMENT, "--unsandboxed", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "right" in done.stdout
    assert "unreadable" in done.stdout
    again = course("grade", ASSIGNMENT, "--unsandboxed", cwd=folder)
    assert "2 were graded before and left alone" in again.stdout


def test_help_names_the_commands(tmp_path: Path) -> None:
    text = course("--help", cwd=tmp_path).stdout
    for command in (
        "demo",
        "doctor",
        "feedback",
        "grade",
        "init",
        "kit",
        "new",
        "prove",
        "regrade",
        "release",
        "report",
    ):
        assert command in text
