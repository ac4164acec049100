"""Does anything in `release/` show a solution, a hidden test, or a mark scheme? Looked for in three independent ways.

By words that only instructors' cells have, by the lines that `source/` hides, and by the lines of the exercise bank's answers.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.course.classroom import Classroom
from autograder.notebooks.cells import is_kind
from exercises import as_solution, assignments, exercises_of
from exercises.bank import Exercise
from exercises.sources import source_of

WORDS = (
    "BEGIN SOLUTION",
    "END SOLUTION",
    "HIDDEN TESTS",
    "MARK SCHEME",
    "as_cell_result",
    "from exercises",
    "import exercises",
)
REGION = re.compile(r"(BEGIN|END) (SOLUTION|HIDDEN TESTS|MARK SCHEME)")
SHORTEST = 12  # characters: shorter lines (`return x`, `else:`) are in anybody's code
Answer = tuple[str, set[str]]  # exercise, lines
SHARE = 0.6  # of an answer's lines in one cell that is no answer cell: then it is the answer, and no coincidence


def leaks(course: Classroom, assignment: str) -> list[str]:
    """One line for each thing in the assignment's release folder that students should not see."""
    folder = course.folder("release", assignment)
    hidden, shown = _lines_of_source(course.folder("source", assignment))
    exercises = exercises_of(assignment).values() if assignment in assignments() else ()
    bank = [(one.name, body - shown) for one in exercises for body in _bodies(one)]
    found: list[str] = []
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        where = str(path.relative_to(folder))
        text = path.read_text(encoding="utf-8", errors="replace")
        found += [f"{where} holds {word!r}" for word in WORDS if word in text]
        if path.suffix == ".ipynb":
            nb = nbformat.reads(text, as_version=4)
            found += [
                f"{where}, cell {cell.id}: {what}" for cell in nb.cells for what in _in_cell(cell, hidden, shown, bank)
            ]
        else:
            found += [f"{where} holds a hidden line: {line}" for line in sorted(_significant(text) & (hidden - shown))]
    return found


def _in_cell(cell: NotebookNode, hidden: set[str], shown: set[str], bank: list[Answer]) -> Iterator[str]:
    if cell.get("outputs") or cell.get("execution_count"):
        yield "has outputs of a run"
    lines = _significant(cell.source)
    for line in sorted(lines & (hidden - shown)):
        yield f"shows a line that source/ hides: {line}"
    if cell.cell_type != "code":
        return
    for name, body in bank:
        common = lines & body
        if common and (is_kind(cell, "solution") or len(common) > max(2, SHARE * len(body))):
            yield f"shows a line of an answer to {name}: {min(common)}"
            return


def _lines_of_source(folder: Path) -> tuple[set[str], set[str]]:
    """(lines that students must not see, lines of the other cells, which they see) of the source notebooks."""
    hidden: set[str] = set()
    shown: set[str] = set()
    for path in sorted(folder.glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            inside, outside = _split(cell.source)
            if is_kind(cell, "solution"):
                hidden |= inside or outside  # an answer cell without a region is replaced as a whole
            else:
                hidden |= inside
                shown |= outside
    return hidden, shown


def _split(source: str) -> tuple[set[str], set[str]]:
    """(significant lines inside of regions, outside of them)."""
    inside: list[str] = []
    outside: list[str] = []
    depth = 0
    for line in source.splitlines():
        if mark := REGION.search(line):
            depth += 1 if mark[1] == "BEGIN" else -1
        else:
            (inside if depth > 0 else outside).append(line)
    return _significant("\n".join(inside)), _significant("\n".join(outside))


def _significant(text: str) -> set[str]:
    lines = {" ".join(line.split()) for line in text.splitlines()}
    return {line for line in lines if len(line) >= SHORTEST and not line.startswith("#")}


def _bodies(exercise: Exercise) -> Iterator[set[str]]:
    """The lines of each right answer, as the bank has them and as a notebook would."""
    for answer in (exercise.reference, *exercise.accepted.values()):
        yield _body(source_of(answer)) | _body(as_solution(answer, exercise.name))


def _body(source: str) -> set[str]:
    """The significant lines of a function or class, without signatures and docstrings: those the statement may show."""
    tree = ast.parse(source)
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            skipped |= set(range(first, node.body[0].lineno))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return _significant("\n".join(line for number, line in enumerate(source.splitlines(), 1) if number not in skipped))
