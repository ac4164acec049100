"""Read what a student handed in, tolerantly, and rebuild the notebook that is graded from the instructor's source.

From the submission only the sources of cells are taken. Its tags, metadata, kernelspec, outputs and points are never
read.
"""

from __future__ import annotations

import ast
import copy
import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

MAX_NOTEBOOK_BYTES = 200 * 2**20
MAX_FILE_BYTES = 16 * 2**20
MAX_FILES_BYTES = 48 * 2**20


class UnreadableNotebook(Exception):
    """The file is no notebook; the message says why, in a sentence for student and TA."""


@dataclass(frozen=True)
class StudentCell:
    """What is taken from one submitted cell."""

    cell_type: str
    source: str
    grade_id: str | None


# Reading ------------------------------------------------------------------------------------------------------------


def _decode(data: bytes) -> str:
    for encoding in ("utf-16",) if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "latin-1"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UnreadableNotebook("The file is not text.")


def _text(value: Any) -> str:
    """A cell's source as a string: joined lines, LF ends, no lone surrogates."""
    if isinstance(value, list):
        value = "".join(line for line in value if isinstance(line, str))
    text = value if isinstance(value, str) else ""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _grade_id(cell: dict[str, Any]) -> str | None:
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    return grade_id if isinstance(grade_id, str) and grade_id else None


def read_cells(data: bytes) -> list[StudentCell]:
    """The cells of a submitted file, whatever its format version. Raises UnreadableNotebook."""
    if not data.strip():
        raise UnreadableNotebook("The file is empty.")
    if len(data) > MAX_NOTEBOOK_BYTES:
        raise UnreadableNotebook(f"The file is larger than {MAX_NOTEBOOK_BYTES // 2**20} MiB: clear the outputs.")
    try:
        content = json.loads(_decode(data))
    except (ValueError, RecursionError) as error:
        raise UnreadableNotebook(f"The file is not a notebook, or was cut off: {error}.") from error
    if not isinstance(content, dict):
        raise UnreadableNotebook("The file is JSON, but not a notebook.")
    cells = content.get("cells")
    if cells is None and isinstance(content.get("worksheets"), list):  # format 3
        cells = [cell for sheet in content["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    if not isinstance(cells, list):
        raise UnreadableNotebook("The file is JSON, but has no cells.")
    return [
        StudentCell(
            "code" if cell.get("cell_type") == "code" else "markdown",
            _text(cell.get("source", cell.get("input", ""))),
            _grade_id(cell),
        )
        for cell in cells
        if isinstance(cell, dict)
    ]


def read_regular_file(path: Path, limit: int) -> bytes | None:
    """The bytes of a regular file; None for a link, a device, or one over the limit."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    with open(fd, "rb") as file:
        info = os.fstat(file.fileno())
        if not stat.S_ISREG(info.st_mode) or info.st_size > limit:
            return None
        return file.read(limit)


def read_files(folder: Path) -> dict[str, bytes]:
    """The submission's own small files (helpers, data) by relative path; notebooks and links are left out."""
    files: dict[str, bytes] = {}
    room = MAX_FILES_BYTES
    for directory, names, filenames in os.walk(folder, followlinks=False):
        names[:] = sorted(name for name in names if not name.startswith((".", "__pycache__")))
        for name in sorted(filenames):
            path = Path(directory) / name
            if name.lower().endswith(".ipynb") or name.startswith("."):
                continue
            data = read_regular_file(path, min(MAX_FILE_BYTES, room))
            if data is not None:
                room -= len(data)
                files[path.relative_to(folder).as_posix()] = data
    return files


def find_notebooks(folder: Path, templates: Mapping[str, str]) -> tuple[dict[str, bytes | None], dict[str, str]]:
    """name -> the submitted file's bytes (None: there is none), and a note for each that was found in another place.

    Tried in this order: the right name; the same name in other letters (`Notebook.IPYNB`); that name one folder deeper;
    a single other notebook with this one's cells in it.
    """
    found = {name: read_regular_file(folder / f"{name}.ipynb", MAX_NOTEBOOK_BYTES) for name in templates}
    notes: dict[str, str] = {}
    missing = [name for name, data in found.items() if data is None]
    others = [path for path in _other_notebooks(folder) if path.relative_to(folder).as_posix() not in _names(templates)]
    for name in missing:
        for fits in (_same_name, _same_cells):
            fitting = [path for path in others if fits(path, name, templates[name])]
            if len(fitting) == 1:
                found[name] = read_regular_file(fitting[0], MAX_NOTEBOOK_BYTES)
                notes[name] = (
                    f"{name}.ipynb was handed in as {fitting[0].relative_to(folder).as_posix()}; it was graded."
                )
                others.remove(fitting[0])
                break
    return found, notes


def _names(templates: Iterable[str]) -> set[str]:
    return {f"{name}.ipynb" for name in templates}


def _other_notebooks(folder: Path) -> list[Path]:
    found: list[Path] = []
    for directory, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(
            name for name in folders if not name.startswith((".", "__"))
        )  # .ipynb_checkpoints, __MACOSX
        found += [
            Path(directory) / name for name in sorted(names) if name.lower().endswith(".ipynb") and name[0] != "."
        ]
    return found


def _same_name(path: Path, name: str, template_text: str) -> bool:
    return path.stem.lower() == name.lower()


def _same_cells(path: Path, name: str, template_text: str) -> bool:
    """Most of this template's solution cells are in that file."""
    wanted = {grade_id_of(cell) for cell in nbformat.reads(template_text, 4).cells if is_kind(cell, "solution")}
    data = read_regular_file(path, MAX_NOTEBOOK_BYTES)
    try:
        there = {cell.grade_id for cell in read_cells(data)} if data else set()
    except UnreadableNotebook:
        return False
    return bool(wanted) and 2 * len(wanted & there) > len(wanted)


# Rebuilding ---------------------------------------------------------------------------------------------------------


def is_kind(cell: NotebookNode, kind: str) -> bool:
    """nbgrader's own flags: `grade`, `solution`, `locked`, `task`."""
    return bool(cell.metadata.get("nbgrader", {}).get(kind, False))


def grade_id_of(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def is_test(cell: NotebookNode) -> bool:
    """A graded code cell of the instructor's: with points or hidden tests in it, it runs on the grader's side."""
    return cell.cell_type == "code" and is_kind(cell, "grade") and not is_kind(cell, "solution")


def runs_at_the_students(cell: NotebookNode) -> bool:
    """Is it a visible test without points? There is nothing to hide or to win in it."""
    return is_test(cell) and not cell.metadata.nbgrader.get("points") and "released" not in cell.metadata


def is_setup(cell: NotebookNode) -> bool:
    """A locked code cell without points: it runs on both sides."""
    return cell.cell_type == "code" and is_kind(cell, "locked") and not is_kind(cell, "grade")


def template(source: NotebookNode) -> NotebookNode:
    """The instructor's notebook as it is graded: solutions replaced by stubs, hidden tests in place, checksums set.

    A test cell that hides something remembers, in its metadata under "released", its text as the student received it.
    """
    from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions, ComputeChecksums, LockCells

    nb = copy.deepcopy(source)
    for preprocessor in (LockCells, ClearSolutions, ClearMarkScheme, ComputeChecksums):
        nb, _ = preprocessor().preprocess(nb, {})
    released, _ = ClearHiddenTests().preprocess(copy.deepcopy(nb), {})
    for cell, seen in zip(nb.cells, released.cells, strict=True):
        if is_test(cell) and cell.source != seen.source:
            cell.metadata["released"] = seen.source
    return nb


def defined_names(source: str) -> set[str]:
    """Functions, classes and variables that a cell defines at its top level; empty where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _extra(cell: StudentCell, number: int) -> NotebookNode:
    made = {"cell_type": cell.cell_type, "id": f"student-{number}", "metadata": {}, "source": cell.source}
    return nbformat.from_dict(made | ({"outputs": [], "execution_count": None} if cell.cell_type == "code" else {}))


def rebuild(graded: NotebookNode, submitted: Iterable[StudentCell]) -> tuple[NotebookNode, list[str]]:
    """The template with the student's sources in it, and notes on what was restored.

    Solution cells are matched by grade id (the first of duplicates wins), else by the function they define. Cells
    which the student added stay where they were, after the template cell they followed.
    """
    cells = list(submitted)
    by_id = {grade_id_of(cell): cell for cell in graded.cells if grade_id_of(cell)}
    answers: dict[str, str] = {}
    extras: dict[str | None, list[StudentCell]] = {None: []}
    seen: set[str] = set()
    notes: list[str] = []
    statements = {cell.source.strip() for cell in graded.cells if cell.cell_type == "markdown"}
    place: str | None = None
    for cell in cells:
        known = by_id.get(cell.grade_id) if cell.grade_id else None
        if cell.grade_id is None or known is None or cell.grade_id in seen:
            if known is not None and is_kind(known, "solution"):
                notes.append(f"Cell {cell.grade_id} was there twice; the first one was graded.")
                continue
            if known is None and not (cell.cell_type == "markdown" and cell.source.strip() in statements):
                extras.setdefault(place, []).append(cell)
            continue
        place = cell.grade_id
        seen.add(place)
        if is_kind(known, "solution"):
            answers[place] = cell.source
        elif known.cell_type == "code" and cell.source.strip() != known.metadata.get("released", known.source).strip():
            # A locked cell that was written in: the tests come back; what it defines may be the student's work.
            solved = sorted(defined_names(cell.source) & set(by_id))
            if solved:  # behind the solution cell, so that the test sees it
                extras.setdefault(solved[0], []).append(StudentCell("code", cell.source, None))
            notes.append(f"Cell {place} was changed; it was restored.")
    _adopt(by_id, answers, extras, notes)
    for grade_id, cell in by_id.items():
        if grade_id not in seen and grade_id not in answers and (is_kind(cell, "grade") or is_kind(cell, "solution")):
            notes.append(f"Cell {grade_id} was missing; it was added back.")
    return _assemble(graded, answers, extras, keep_plain=not cells), notes


def _adopt(
    by_id: dict[str | None, NotebookNode],
    answers: dict[str, str],
    extras: dict[str | None, list[StudentCell]],
    notes: list[str],
) -> None:
    """Give a solution cell that lost its id back to the exercise whose function it defines."""
    missing = {
        name for name, cell in by_id.items() if name and is_kind(cell, "solution") and cell.cell_type == "code"
    } - set(answers)
    for cells in extras.values():
        for cell in list(cells):
            found = defined_names(cell.source) & missing if cell.cell_type == "code" else set()
            if len(found) == 1:
                (name,) = found
                answers[name] = cell.source
                missing.discard(name)
                cells.remove(cell)
                notes.append(f"Cell {name} had lost its id; it was found by the function it defines.")


def _assemble(
    graded: NotebookNode, answers: dict[str, str], extras: dict[str | None, list[StudentCell]], keep_plain: bool
) -> NotebookNode:
    """keep_plain: whether the template's cells without a grade id stay; a student's file brings its own versions."""
    nb = nbformat.v4.new_notebook(metadata=nbformat.from_dict(graded.metadata))
    nb.cells = [_extra(cell, number) for number, cell in enumerate(extras.get(None, []))]
    for original in graded.cells:
        cell = nbformat.from_dict(original)  # a deep copy
        grade_id = grade_id_of(cell)
        if grade_id is None and not keep_plain:
            continue
        if grade_id in answers:
            cell.source = answers[grade_id]
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        nb.cells.append(cell)
        if grade_id is not None:
            start = len(nb.cells)
            nb.cells += [_extra(item, start + number) for number, item in enumerate(extras.get(grade_id, []))]
    return nb
