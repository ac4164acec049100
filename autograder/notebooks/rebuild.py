"""Rebuild the notebook that is graded: the instructor's template with the student's sources in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.notebooks.cells import defined_names, grade_id_of, is_kind
from autograder.notebooks.read import StudentCell


def _extra(cell: StudentCell, number: int) -> NotebookNode:
    made = {"cell_type": cell.cell_type, "id": f"student-{number}", "metadata": {}, "source": cell.source}
    outputs: dict[str, Any] = {"outputs": [], "execution_count": None} if cell.cell_type == "code" else {}
    extra: NotebookNode = nbformat.from_dict(made | outputs)
    return extra


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
    nb: NotebookNode = nbformat.v4.new_notebook(metadata=nbformat.from_dict(graded.metadata))
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
