"""`course release` and `course kit`: what each step finds, what is handed out, and what a student can do with the zip."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import courses
import nbformat
import pytest
from courses import ASSIGNMENT, NOTEBOOK
from typer.testing import CliRunner

from autograder.cli.app import app
from autograder.commands.kit import make_kit
from autograder.commands.leaks import leaks
from autograder.commands.release import steps_of_a_release
from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.course.exchange import exchange_problem
from autograder.course.scratch import make_course
from exercises import as_solution, exercises_of

pytestmark = pytest.mark.slow(60)

ROOT = Path(__file__).parents[3]
REAL = "hw0_warmup"  # has a bank, and is small


@pytest.fixture
def tiny(tmp_path: Path) -> Classroom:
    """The tiny course, with an exchange."""
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    return courses.make(tmp_path / "course", settings=f"c.Exchange.root = {str(exchange)!r}\n")


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    root = tmp_path_factory.mktemp("real")
    make_course(root, ROOT / "source" / REAL)
    course = Classroom(root)
    course.generate(REAL)
    return course


def spoil(course: Classroom, assignment: str, change) -> None:
    """Change the first notebook of a release by hand."""
    path = min(course.folder("release", assignment).glob("*.ipynb"))
    nb = nbformat.read(path, as_version=4)
    change({cell.id: cell for cell in nb.cells})
    nbformat.write(nb, path)


# Leaks --------------------------------------------------------------------------------------------------------------------

SPOILED = {
    "a hidden test": lambda cells: _append(cells["check_logsumexp"], "### BEGIN HIDDEN TESTS\n1\n### END HIDDEN TESTS"),
    "the bank": lambda cells: _append(cells["check_logsumexp"], "from exercises import find"),
    "a mark scheme's line": lambda cells: _append(cells["W1"], "One point for the reason."),
    "outputs": lambda cells: cells["setup"].update(outputs=[nbformat.v4.new_output("stream", text="1")]),
}


def _append(cell, text: str) -> None:
    cell.source += f"\n{text}"


def test_each_kind_of_leak_is_found(tiny: Classroom) -> None:
    assert leaks(tiny, ASSIGNMENT) == []
    solution = next(c for c in courses.tiny_notebook().cells if c.id == "logsumexp").source.splitlines()
    hidden = max(solution, key=len)  # whatever the reference's longest line is today
    cases = {**SPOILED, "a solution's line": lambda cells: _append(cells["intro"], hidden)}
    for name, change in cases.items():
        tiny.generate(ASSIGNMENT)
        spoil(tiny, ASSIGNMENT, change)
        assert leaks(tiny, ASSIGNMENT), name
        with pytest.raises(CourseError, match="no kit was made"):
            make_kit(tiny, ASSIGNMENT)
    assert not (tiny.root / "kits").exists()


def test_an_answer_of_the_bank_is_found_wherever_it_is(real: Classroom) -> None:
    ((name, exercise),) = exercises_of(REAL).items()
    assert leaks(real, REAL) == []
    for answer in (exercise.reference, *exercise.accepted.values()):
        for cell in (name, "setup"):
            real.generate(REAL)
            spoil(real, REAL, lambda cells, cell=cell, answer=answer: _append(cells[cell], as_solution(answer, name)))
            assert leaks(real, REAL), (cell, answer)
    real.generate(REAL)


@pytest.mark.parametrize("assignment", sorted(path.name for path in (ROOT / "source").iterdir() if path.is_dir()))
def test_what_is_released_here_shows_nothing(assignment: str) -> None:
    assert leaks(Classroom(ROOT), assignment) == []


# Release ------------------------------------------------------------------------------------------------------------------


def test_release_proves_generates_looks_and_hands_out(tiny: Classroom) -> None:
    steps = list(steps_of_a_release(tiny, ASSIGNMENT, publish=True))
    assert [step.name for step in steps] == ["prove", "generate", "leaks", "publish"]
    assert all(step.problems == () for step in steps)
    out = tiny.root.parent / "exchange" / "lecture5" / "outbound" / ASSIGNMENT
    assert [path.name for path in out.iterdir()] == [f"{NOTEBOOK}.ipynb"]
    with pytest.raises(CourseError, match="--force replaces it"):
        list(steps_of_a_release(tiny, ASSIGNMENT, publish=True))
    assert list(steps_of_a_release(tiny, ASSIGNMENT, publish=True, force=True))[-1].problems == ()


def test_a_real_assignment_is_proven_first(real: Classroom) -> None:
    done = CliRunner().invoke(app, ["release", REAL, "--course", str(real.root)])
    assert done.exit_code == 0, done.output
    assert "OK prove" in done.output
    assert "1 exercises: all of" in done.output
    assert "OK leaks" in done.output
    assert "not handed out" in done.output


def test_a_leak_stops_the_release(tiny: Classroom) -> None:
    # nbgrader hands out the other files of a source folder as they are
    (tiny.folder("source", ASSIGNMENT) / "notes.md").write_text("### BEGIN SOLUTION of question 3")
    done = CliRunner().invoke(app, ["release", ASSIGNMENT, "--publish", "--course", str(tiny.root)])
    assert done.exit_code == 1
    assert "notes.md holds 'BEGIN SOLUTION'" in done.output
    assert "was not released" in done.output
    assert not any((tiny.root.parent / "exchange").iterdir())


def test_without_an_exchange_it_says_what_to_do(tiny: Classroom) -> None:
    tiny.config.Exchange.root = str(tiny.root / "nowhere")
    with pytest.raises(CourseError, match="mkdir -p") as raised:
        list(steps_of_a_release(tiny, ASSIGNMENT, publish=True))
    assert "\n" not in str(raised.value)
    del tiny.config.Exchange["root"]
    if not Path("/usr/local/share/nbgrader/exchange").exists():
        assert "nbgrader's default" in exchange_problem(tiny)
        assert "set c.Exchange.root" in exchange_problem(tiny)
    with pytest.raises(CourseError, match="nosuch"):
        list(steps_of_a_release(tiny, "nosuch"))


# Kit ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def kit(real: Classroom, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kit as a student has it: unzipped in an empty folder."""
    done = CliRunner().invoke(app, ["kit", REAL, "--course", str(real.root)])
    assert done.exit_code == 0, done.output
    path = real.root / "kits" / f"{REAL}.zip"
    assert path.read_bytes() == make_kit(real, REAL, path.with_name("again.zip")).read_bytes()
    folder = tmp_path_factory.mktemp("student")
    with zipfile.ZipFile(path) as zipped:
        zipped.extractall(folder)
    (top,) = folder.iterdir()
    return top


def as_a_student(cwd: Path, *sources: str) -> str:
    """Run cells one after the other in this folder, with a Python in which the project is not installed."""
    hide = (
        "import sys, importlib.util as u\n"
        f"sys.meta_path[:] = [f for f in sys.meta_path if 'editable' not in repr(f).lower()]\n"
        f"sys.path[:] = [p for p in sys.path if p.rstrip('/') != {str(ROOT)!r}]\n"
        "assert u.find_spec('lecture5') is None and u.find_spec('exercises') is None\n"
        "import matplotlib; matplotlib.use('Agg')\n"
    )
    code = "\n".join([hide, *sources, "import lecture5; print(lecture5.__file__)" if "lecture5" in cwd.parts else ""])
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
        env={"PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def code_cells(path: Path) -> list:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def test_the_kit_holds_what_a_student_needs_and_nothing_else(kit: Path) -> None:
    assert {path.name for path in kit.iterdir()} == {REAL, "lecture5", "README.md", "requirements.txt"}
    assert len(list((kit / "lecture5").glob("*.ipynb"))) == len(list((ROOT / "lecture5").glob("*.ipynb")))
    for path in kit.rglob("*.ipynb"):
        assert not any(cell.outputs or cell.execution_count for cell in code_cells(path)), path
    names = {path.name for path in kit.rglob("*")}
    assert not names & {"exercises", "autograder", "source", "gradebook.db", "__pycache__"}
    pins = (kit / "requirements.txt").read_text().split()
    ours = {line.split()[0] for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line}
    assert set(pins) <= ours
    packages = {pin.partition("==")[0] for pin in pins}
    assert {"numpy", "torch", "matplotlib", "scipy", "scikit-learn", "jupyterlab", "nbgrader"} <= packages
    assert not packages & {"pytest", "ruff", "mypy", "playwright", "SQLAlchemy", "typer", "nh3"}
    readme = (kit / "README.md").read_text()
    assert "pip install -r requirements.txt" in readme
    for path in (kit / REAL).glob("*.ipynb"):
        assert f"`{REAL}/{path.name}`" in readme


def test_the_kits_release_notebook_starts(kit: Path) -> None:
    (path,) = (kit / REAL).glob("*.ipynb")
    first = next(cell for cell in code_cells(path))
    as_a_student(path.parent, first.source)


def test_the_kits_lecture_starts(kit: Path) -> None:
    path = kit / "lecture5" / "05_random_matrix_spectra.ipynb"
    shown = as_a_student(path.parent, code_cells(path)[0].source)
    assert Path(shown.split()[-1]).resolve() == (kit / "lecture5" / "__init__.py").resolve()


def test_no_release_no_kit(tiny: Classroom) -> None:
    (tiny.folder("release", ASSIGNMENT) / f"{NOTEBOOK}.ipynb").unlink()
    with pytest.raises(CourseError, match=f"course release {ASSIGNMENT}"):
        make_kit(tiny, ASSIGNMENT)
