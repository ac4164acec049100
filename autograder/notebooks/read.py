"""Read what a student handed in, tolerantly: the cells of a file, the files of a folder, and which of them is which notebook.

From a submitted notebook only the types, sources and grade ids of its cells are taken. Its tags, other metadata,
kernelspec, outputs and points are never read.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from autograder.notebooks.cells import grade_id_of, is_kind

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
