"""The red team: every cheat of cheats.py against each assignment, through the whole engine, beside an honest student.

`make test` tries them on the warm-up, `make test-all` on the four larger assignments too: the same cheats, more notebooks.
Each assignment is a group of its own for the workers (tests/conftest.py), so that they can run side by side.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from cheats import CHEATS, Cheat, with_paths

from autograder.commands.simulated_class import read_notebooks, reference_answers, solve
from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course
from autograder.notebooks.cells import is_kind, is_test

ROOT = Path(__file__).parents[2]
MARKERS = ("as_cell_result", "HIDDEN TESTS", "from exercises import", "misconceptions")


def student_id(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def hand_in(course: Classroom, assignment: str, name: str, cheat: Cheat) -> None:
    """The cheat's submission: its cell first, its body in every function."""
    folder = course.folder("submitted", assignment, student_id(name))
    folder.mkdir(parents=True)
    for number, (stem, nb) in enumerate(read_notebooks(course.folder("release", assignment)).items()):
        for cell in nb.cells:
            if is_kind(cell, "solution") and cell.cell_type == "code":
                cell.source = f"def {cell.id}(*args, **kwargs):\n    {cheat.body}"
        if number == 0 and cheat.cell:
            at = next(i for i, cell in enumerate(nb.cells) if is_kind(cell, "solution"))
            nb.cells.insert(at, nbformat.v4.new_code_cell(with_paths(cheat.cell, course.root), id="the-cheat"))
        if cheat.last:
            nb.cells.append(nbformat.v4.new_code_cell(cheat.last, id="the-last"))
        data = json.loads(nbformat.writes(nb))
        cheat.edit(data)
        (folder / f"{stem}.ipynb").write_text(json.dumps(data))
    for filename, content in cheat.files.items():
        (folder / filename).write_bytes(content)
    for link, target in cheat.links.items():
        (folder / link).symlink_to(course.root / target)


ASSIGNMENTS = [
    pytest.param("hw0_warmup", marks=pytest.mark.slow(200)),
    pytest.param("hw1_log_probabilities", marks=pytest.mark.long(300)),
    pytest.param("hw2_random_matrices", marks=pytest.mark.long(400)),
    pytest.param("hw3_optimizers", marks=pytest.mark.long(400)),
    pytest.param("hw4_regularization", marks=pytest.mark.long(400)),
]


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def attacked(
    request: pytest.FixtureRequest, walled: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Classroom, str, dict[str, str]]:
    """A class of cheats and one honest student, graded; with the course's files as they were before."""
    assignment = request.param
    root = tmp_path_factory.mktemp("attacked")
    make_course(
        root, ROOT / "source" / assignment, settings="c.Limits.cpu_seconds = 1.5\nc.Limits.notebook_seconds = 5.0\n"
    )
    course = Classroom(root)
    course.generate(assignment)
    for name, cheat in CHEATS.items():
        hand_in(course, assignment, name, cheat)
    honest = course.folder("submitted", assignment, "honest")
    honest.mkdir(parents=True)
    release = read_notebooks(course.folder("release", assignment))
    for stem, nb in solve(release, reference_answers(assignment)).items():
        nbformat.write(nb, honest / f"{stem}.ipynb")
    before = _files(root)
    assert course.grade(assignment) == []
    course.feedback(assignment)
    return course, assignment, before


def _files(root: Path) -> dict[str, str]:
    """What no student may change: source, release, submissions, configuration."""
    return {
        str(path.relative_to(root)): path.read_text(errors="replace")
        for step in ("source", "release", "submitted")
        for path in sorted((root / step).rglob("*"))
        if path.is_file() and not path.is_symlink()
    } | {"nbgrader_config.py": (root / "nbgrader_config.py").read_text()}


def auto_points(course: Classroom, assignment: str) -> dict[str, float]:
    """student -> points that no person gave, from nbgrader's gradebook; manual scores counted too, nobody may set one."""
    with course.gradebook() as gradebook:
        return {
            submission.student_id: sum(
                (grade.manual_score or 0) + (grade.auto_score or 0)
                for nb in submission.notebooks
                for grade in nb.grades
            )
            for submission in gradebook.assignment_submissions(assignment)
        }


def test_no_cheat_gets_a_point(attacked: tuple[Classroom, str, dict[str, str]]) -> None:
    course, assignment, _ = attacked
    points = auto_points(course, assignment)
    assert {name: points[student_id(name)] for name in CHEATS} == dict.fromkeys(CHEATS, 0.0)


def test_the_honest_student_keeps_everything(attacked: tuple[Classroom, str, dict[str, str]]) -> None:
    course, assignment, _ = attacked
    (honest,) = (one for one in course.results(assignment) if one.student == "honest")
    assert honest.points == honest.max_points > 0
    assert auto_points(course, assignment)["honest"] == honest.points


def test_no_file_of_the_course_changed(attacked: tuple[Classroom, str, dict[str, str]]) -> None:
    course, _, before = attacked
    assert _files(course.root) == before
    assert not list(Path("/tmp").glob("PLANTED*"))


def test_no_feedback_shows_a_hidden_test(attacked: tuple[Classroom, str, dict[str, str]]) -> None:
    course, _assignment, _ = attacked
    pages = list((course.root / "feedback").rglob("*.html"))
    assert len(pages) >= len(CHEATS)
    for page in pages:
        text = page.read_text()
        for marker in MARKERS:
            assert marker not in text, f"{page} shows {marker!r}"


def test_what_was_printed_in_hidden_calls_is_nowhere(attacked: tuple[Classroom, str, dict[str, str]]) -> None:
    course, assignment, _ = attacked
    for name in ("prints its inputs", "raises its inputs"):
        for path in course.folder("autograded", assignment, student_id(name)).glob("*.ipynb"):
            outputs = [str(cell.outputs) for cell in nbformat.read(path, 4).cells if is_test(cell)]
            shown = [text for text in outputs if "INPUT" in text and "array(" in text]
            assert not [text for text in shown if "check_" not in text and "your code raised" not in text.lower()], name


def test_nothing_was_found_in_the_files(attacked: tuple[Classroom, str, dict[str, str]]) -> None:
    course, assignment, _ = attacked
    for name in ("reads source and gradebook files", "opens the gradebook"):
        for path in course.folder("autograded", assignment, student_id(name)).glob("*.ipynb"):
            outputs = "".join(str(cell.get("outputs")) for cell in nbformat.read(path, 4).cells)
            assert "FOUND" not in outputs or "FOUND []" in outputs


def test_no_process_is_left(attacked: tuple[Classroom, str, dict[str, str]]) -> None:
    for _ in range(100):
        if not _running("left-behind-24680"):
            return
        time.sleep(0.05)
    pytest.fail("a process of a student is still running")


def _running(marker: str) -> bool:
    return any(marker in " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"]))
