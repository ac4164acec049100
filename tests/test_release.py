"""release/ is what nbgrader makes of source/ today, and holds nothing a student should not see."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from autograder.course.classroom import Classroom
from autograder.course.scratch import make_course

pytestmark = pytest.mark.slow(30)

ROOT = Path(__file__).parents[1]
ASSIGNMENTS = sorted(path.name for path in (ROOT / "source").iterdir() if path.is_dir())


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_release_is_current(assignment: str, tmp_path: Path) -> None:
    make_course(tmp_path, ROOT / "source" / assignment)
    course = Classroom(tmp_path)
    course.generate(assignment)
    made = {path.name: nbformat.read(path, 4) for path in course.folder("release", assignment).glob("*.ipynb")}
    kept = {path.name: nbformat.read(path, 4) for path in (ROOT / "release" / assignment).glob("*.ipynb")}
    assert made.keys() == kept.keys()
    for name in made:
        assert made[name] == kept[name], f"release/{assignment}/{name} is out of date: make release"


@pytest.mark.parametrize("assignment", ASSIGNMENTS)
def test_release_holds_no_solution_and_no_hidden_test(assignment: str) -> None:
    for path in (ROOT / "release" / assignment).glob("*.ipynb"):
        text = path.read_text()
        for word in ("BEGIN SOLUTION", "HIDDEN TESTS", "as_cell_result", "MARK SCHEME", "from exercises"):
            assert word not in text, f"{path.name} shows {word!r}"
        stubs = [cell for cell in nbformat.read(path, 4).cells if cell.metadata.get("nbgrader", {}).get("solution")]
        assert stubs
        assert all("NotImplementedError" in cell.source for cell in stubs if cell.cell_type == "code")
