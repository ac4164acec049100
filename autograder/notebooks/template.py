"""The instructor's notebook as it is graded: what a source folder is turned into before anybody hands in."""

from __future__ import annotations

import copy
import functools
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader.converters.base import NbGraderException
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import ClearHiddenTests, ClearMarkScheme, ClearSolutions, ComputeChecksums, LockCells

from autograder.notebooks.cells import is_test


def template(source: NotebookNode) -> NotebookNode:
    """The instructor's notebook as it is graded: solutions replaced by stubs, hidden tests in place, checksums set.

    A test cell that hides something remembers, in its metadata under "released", its text as the student received it.
    """
    nb = copy.deepcopy(source)
    for preprocessor in (LockCells, ClearSolutions, ClearMarkScheme, ComputeChecksums):
        nb, _ = preprocessor().preprocess(nb, {})
    released, _ = ClearHiddenTests().preprocess(copy.deepcopy(nb), {})
    for cell, seen in zip(nb.cells, released.cells, strict=True):
        if is_test(cell) and cell.source != seen.source:
            cell.metadata["released"] = seen.source
    return nb


def read_templates(folder: Path) -> dict[str, str]:
    """name -> graded template of each notebook in a source folder. Raises NbGraderException with one line."""
    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise NbGraderException(f"no source notebooks in {folder}: is the assignment's name right?")
    templates = {}
    for path in paths:
        try:
            templates[path.stem] = _template_of(path.read_text("utf-8"))
        except Exception as error:
            raise NbGraderException(f"{path} cannot be used as a source notebook: {error}") from error
    return templates


@functools.lru_cache(maxsize=64)
def _template_of(source: str) -> str:
    """The graded template of a source notebook's text. Several steps of one command ask for it."""
    nb = nbformat.reads(source, as_version=4)
    MetadataValidator().validate_nb(nb)
    text: str = nbformat.writes(template(nb))
    return text
