"""Reading what students hand in, and rebuilding the graded notebook from the instructor's source."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import nbformat
import pytest
from courses import tiny_notebook

from autograder.notebooks.cells import grade_id_of, is_test
from autograder.notebooks.read import StudentCell, UnreadableNotebook, read_cells, read_files, read_regular_file
from autograder.notebooks.rebuild import rebuild
from autograder.notebooks.template import template

GRADED = template(tiny_notebook())
RIGHT = "def logsumexp(x, axis=-1, keepdims=False):\n    return 'mine'"


def handed_in(**changes: str) -> list[StudentCell]:
    """The release as cells, with these solution cells changed."""
    return [
        StudentCell(cell.cell_type, changes.get(cell.id, cell.metadata.get("released", cell.source)), grade_id_of(cell))
        for cell in GRADED.cells
    ]


def source_of(nb: nbformat.NotebookNode, grade_id: str) -> str:
    (source,) = (cell.source for cell in nb.cells if grade_id_of(cell) == grade_id)
    return source


def as_bytes(nb: nbformat.NotebookNode | None = None) -> bytes:
    return nbformat.writes(nb or GRADED).encode()


# Reading --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_any_encoding_is_read(encoding: str) -> None:
    data = json.dumps({"cells": [{"cell_type": "code", "source": "x = 'ü'"}]}, ensure_ascii=False).encode(encoding)
    assert read_cells(data) == [StudentCell("code", "x = 'ü'", None)]


def test_format_3_is_read() -> None:
    data = {"nbformat": 3, "worksheets": [{"cells": [{"cell_type": "code", "input": ["a\n", "b"]}]}]}
    assert read_cells(json.dumps(data).encode()) == [StudentCell("code", "a\nb", None)]


def test_line_ends_and_surrogates_are_made_plain() -> None:
    data = json.dumps({"cells": [{"cell_type": "code", "source": "a\r\nb\ud800"}]}).encode()
    assert read_cells(data)[0].source == "a\nb\ufffd"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"), (b"  \n", "empty"), (b"import numpy as np\nx = 1", "not a notebook"), (as_bytes()[:500], "cut off"),
        (b"[1, 2]", "not a notebook"), (b'{"a": 1}', "no cells"), (b"\x89PNG\r\n\x1a\n", "not a notebook"),
        (b"[" * 100_000, "not a notebook"), (b'{"cells": 3}', "no cells"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_told_in_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(UnreadableNotebook, match=words):
        read_cells(data)


@pytest.mark.parametrize(
    "cell", [3, None, {"cell_type": 4, "source": 5, "metadata": []}, {"metadata": {"nbgrader": {"grade_id": 3}}}]
)
def test_odd_cells_do_no_harm(cell: object) -> None:
    assert all(one.source == "" for one in read_cells(json.dumps({"cells": [cell]}).encode()))


def test_links_and_devices_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("hidden")
    folder = tmp_path / "sub"
    (folder / "inner").mkdir(parents=True)
    (folder / "link.txt").symlink_to(secret)
    (folder / "inner" / "helpers.py").write_text("x = 1")
    (folder / "nb.ipynb").write_text("{}")
    os.mkfifo(folder / "pipe")
    assert read_files(folder) == {"inner/helpers.py": b"x = 1"}
    assert read_regular_file(folder / "link.txt", 100) is None
    assert read_regular_file(secret, 3) is None


# Rebuilding -----------------------------------------------------------------------------------------------------------------


def test_only_the_students_sources_are_taken() -> None:
    nb, notes = rebuild(GRADED, handed_in(logsumexp=RIGHT))
    assert source_of(nb, "logsumexp") == RIGHT
    assert "NotImplementedError" in source_of(nb, "log_sigmoid")
    assert "BEGIN HIDDEN TESTS" in source_of(nb, "grade_logsumexp")
    assert notes == []
    assert "mark scheme" not in str(nb).lower()


def test_changed_tests_are_restored() -> None:
    nb, notes = rebuild(GRADED, handed_in(grade_logsumexp="4.0", check_logsumexp="pass"))
    assert source_of(nb, "grade_logsumexp") == source_of(GRADED, "grade_logsumexp")
    assert any("grade_logsumexp was changed" in note for note in notes)


def test_deleted_cells_come_back() -> None:
    cells = [
        cell
        for cell in handed_in(logsumexp=RIGHT)
        if not (cell.grade_id or "").startswith(("grade_", "check_", "setup"))
    ]
    nb, notes = rebuild(GRADED, cells)
    assert [grade_id_of(cell) for cell in nb.cells] == [grade_id_of(cell) for cell in GRADED.cells]
    assert any("grade_logsumexp was missing" in note for note in notes)


def test_the_first_of_two_copies_is_graded_and_told() -> None:
    cells = [*handed_in(logsumexp=RIGHT), StudentCell("code", "def logsumexp(x): return 'old'", "logsumexp")]
    nb, notes = rebuild(GRADED, cells)
    assert source_of(nb, "logsumexp") == RIGHT
    assert "old" not in "".join(cell.source for cell in nb.cells)
    assert any("twice" in note for note in notes)


def test_a_solution_without_metadata_is_found_by_its_function() -> None:
    cells = [StudentCell(cell.cell_type, cell.source, None) for cell in handed_in(logsumexp=RIGHT)]
    nb, notes = rebuild(GRADED, cells)
    assert source_of(nb, "logsumexp") == RIGHT
    assert any("found by the function" in note for note in notes)


def test_work_written_into_a_test_cell_is_kept_before_the_tests() -> None:
    nb, _ = rebuild(GRADED, handed_in(check_logsumexp=RIGHT + "\nassert True"))
    sources = [cell.source for cell in nb.cells]
    assert sources.index(RIGHT + "\nassert True") < sources.index(source_of(GRADED, "grade_logsumexp"))


def test_added_cells_stay_where_they_were() -> None:
    cells = handed_in()
    at = [cell.grade_id for cell in cells].index("logsumexp")
    cells.insert(at, StudentCell("code", "def helper(): pass", None))
    nb, _ = rebuild(GRADED, cells)
    order = [cell.source for cell in nb.cells]
    assert order.index("def helper(): pass") + 1 == [grade_id_of(cell) for cell in nb.cells].index("logsumexp")


def test_a_plain_cell_of_the_release_is_the_students_and_not_doubled() -> None:
    graded = copy.deepcopy(GRADED)
    graded.cells.insert(3, nbformat.v4.new_code_cell("# Measure here.", id="scratch"))
    cells = handed_in()
    cells.insert(3, StudentCell("code", "# Measure here.\nmeasured = 1", None))
    nb, _ = rebuild(graded, cells)
    assert [cell.source for cell in nb.cells if "Measure" in cell.source] == ["# Measure here.\nmeasured = 1"]
    assert any("Measure" in cell.source for cell in rebuild(graded, [])[0].cells)


def test_an_unknown_grade_id_is_an_added_cell() -> None:
    nb, _ = rebuild(GRADED, [*handed_in(), StudentCell("code", "z = 1", "from_another_assignment")])
    assert nb.cells[-1].source == "z = 1"
    assert "nbgrader" not in nb.cells[-1].metadata


def test_a_rebuilt_notebook_is_valid_and_the_template_untouched() -> None:
    before = copy.deepcopy(GRADED)
    nb, _ = rebuild(GRADED, [*handed_in(), *[StudentCell("code", "x", None)] * 50])
    nbformat.validate(nb)
    assert before == GRADED
    assert len({cell.id for cell in nb.cells}) == len(nb.cells)
    assert sum(map(is_test, nb.cells)) == sum(map(is_test, GRADED.cells))
