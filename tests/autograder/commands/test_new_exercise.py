"""`course new`: what it makes works at once and has nbgrader's metadata; what it cannot make, it does not begin."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_markdown_cell
from nbgrader.nbgraderformat import MetadataValidator

import exercises
from autograder.commands.init import make_folder
from autograder.commands.new_exercise import new_exercise
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.notebooks.new_cells import nbgrader_cell, source_notebook

pytestmark = pytest.mark.slow(40)

COURSE = Path(sys.executable).with_name("course")


def run(*arguments: str, cwd: Path, bank: Path) -> subprocess.CompletedProcess[str]:
    """The command, with the package `exercises` of this folder in place of the installed one."""
    environment = {**os.environ, "PYTHONPATH": str(bank.parent), "COLUMNS": "200"}
    return subprocess.run(
        [str(COURSE), *arguments], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )


def tree(*folders: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A bank of its own: the vocabulary, and one assignment."""
    installed = Path(exercises.__file__).parent
    made = tmp_path / "library" / "exercises"
    ignore = shutil.ignore_patterns("__pycache__", "hw[1-9]*")
    shutil.copytree(installed, made, ignore=ignore)
    return made


@pytest.fixture
def course(tmp_path: Path) -> Classroom:
    make_folder(tmp_path / "course")
    return Classroom(tmp_path / "course")


def test_what_is_made_is_proven_and_released_as_it_stands(bank: Path, course: Classroom, walled: None) -> None:
    made = run("new", "hw9", "twice", "--points", "2.5", cwd=course.root, bank=bank)
    assert made.returncode == 0, made.stderr
    assert str(bank / "hw9" / "twice.py") in made.stdout
    assert str(course.root / "source" / "hw9" / "hw9.ipynb") in made.stdout
    released = run("release", "hw9", cwd=course.root, bank=bank)
    assert released.returncode == 0, released.stdout + released.stderr
    assert "1 exercises: all of 1 wrong answers fail" in released.stdout
    release = nbformat.read(course.root / "release" / "hw9" / "hw9.ipynb", as_version=4)
    assert "NotImplementedError" in next(cell.source for cell in release.cells if cell.id == "twice")
    proven = run("prove", "hw9", cwd=course.root, bank=bank)
    assert proven.returncode == 0, proven.stdout + proven.stderr
    assert "1 of 1 misconceptions die, 1 of them already in the visible tests, 1 are recognised" in proven.stdout


def test_the_cells_have_all_that_nbgrader_wants(bank: Path, course: Classroom) -> None:
    made = new_exercise(course, "hw9", "twice", points=2, bank=bank)
    nb = nbformat.read(made.notebook, as_version=4)
    nbformat.validate(nb)
    MetadataValidator().validate_nb(nb)
    assert [cell.id for cell in nb.cells] == ["setup", "about_twice", "twice", "check_twice", "grade_twice"]
    assert [cell.metadata.nbgrader.grade_id for cell in nb.cells] == [cell.id for cell in nb.cells]
    assert [cell.metadata.nbgrader.get("points") for cell in nb.cells] == [None, None, None, 0, 2]
    assert (bank / "hw9" / "__init__.py").read_text().startswith('"""')


def test_cells_are_appended_to_a_notebook_that_is_there(bank: Path, course: Classroom) -> None:
    path = course.root / "source" / "hw9" / "sums.ipynb"
    path.parent.mkdir(parents=True)
    mine = [new_markdown_cell("# Mine", id="mine"), nbgrader_cell("imports", "import numpy as np", kind="setup")]
    nbformat.write(source_notebook(*mine), path)
    new_exercise(course, "hw9", "twice", notebook="sums", bank=bank)
    new_exercise(course, "hw9", "thrice", notebook="sums", bank=bank)
    ids = [cell.id for cell in nbformat.read(path, as_version=4).cells]
    assert ids[:3] == ["mine", "imports", "about_twice"]  # a setup cell is there: none is added
    assert ids[-1] == "grade_thrice"
    new_exercise(course, "hw9", "other", notebook="more", bank=bank)
    assert (path.parent / "more.ipynb").is_file()


NAMES = {
    "no identifier": ("hw9", "two words"),
    "a path": ("hw9", "../x"),
    "a digit first": ("9hw", "twice"),
    "a keyword": ("hw9", "lambda"),
    "hidden from the bank": ("hw9", "_twice"),
    "what every notebook imports": ("hw9", "np"),
    "a function of Python": ("hw9", "float"),
    "what the hidden test imports": ("hw9", "find"),
    "a module of the bank": ("grading", "twice"),
    "an exercise of this assignment": ("hw0_warmup", "standardize"),
    "an exercise of another assignment": ("hw9", "standardize"),
}


@pytest.mark.parametrize(("assignment", "name"), NAMES.values(), ids=NAMES)
def test_names_that_cannot_be(bank: Path, course: Classroom, assignment: str, name: str) -> None:
    before = tree(bank, course.root)
    with pytest.raises(CourseError, match="nothing was made") as told:
        new_exercise(course, assignment, name, bank=bank)
    assert "\n" not in str(told.value)
    assert tree(bank, course.root) == before


def test_notebooks_that_cannot_be(bank: Path, course: Classroom) -> None:
    folder = course.root / "source" / "hw9"
    folder.mkdir()
    nbformat.write(source_notebook(nbgrader_cell("check_twice", "", kind="test", points=0)), folder / "sums.ipynb")
    (folder / "broken.ipynb").write_text("{")
    before = tree(bank, course.root)
    for notebook, words in {
        "": "the notebooks broken, sums: say which one with --notebook",
        "../sums": "cannot be a notebook's name",
        "broken": "cannot be read",
        "sums": "has cells with the ids check_twice",
    }.items():
        with pytest.raises(CourseError, match=words):
            new_exercise(course, "hw9", "twice", notebook=notebook, bank=bank)
    assert tree(bank, course.root) == before


def test_mistakes_at_the_keyboard_are_one_line(bank: Path, course: Classroom, tmp_path: Path) -> None:
    outside = run("new", "hw9", "twice", cwd=tmp_path, bank=bank)
    taken = run("new", "hw9", "standardize", cwd=course.root, bank=bank)
    for done, words in ((outside, "nbgrader_config.py"), (taken, "there is an exercise named 'standardize' already")):
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1), done.stderr
        assert words in done.stderr
    assert not (bank / "hw9").exists()


def test_a_file_in_the_way(bank: Path, course: Classroom) -> None:
    (bank / "hw9").write_text("")
    with pytest.raises(CourseError, match="hw9 could not be written"):
        new_exercise(course, "hw9", "twice", bank=bank)
