"""What a student may see of a graded notebook: never a hidden test, its numbers, or a traceback of ours."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.preprocessors.clearhiddentests import ClearHiddenTests

from autograder.submission import is_test


class StudentView(NbGraderPreprocessor):
    """Removes hidden tests from the feedback. What the grader had to say stands in the outputs already."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        nb.metadata.pop("course", None)
        clear = ClearHiddenTests(parent=self)
        for index, cell in enumerate(nb.cells):
            if is_test(cell):
                clear.preprocess_cell(cell, resources, index)
        return nb, resources
