"""The instructor's notebook as it is graded: what a source folder is turned into before anybody hands in."""

from __future__ import annotations

import copy

from nbformat import NotebookNode

from autograder.notebooks.cells import is_test


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
