"""What a course's `nbgrader_config.py` calls: it plugs the engine into nbgrader."""

from __future__ import annotations

import os

from traitlets.config import Config

from autograder.nbgrader_plugin.exporter import EngineExporter
from autograder.nbgrader_plugin.feedback import configure_feedback
from autograder.nbgrader_plugin.formgrader import configure_formgrader
from autograder.nbgrader_plugin.release_feedback import configure_release_feedback


def configure(c: Config) -> None:
    """Plug the engine into an nbgrader configuration. Whole lists are assigned: the file is read several times."""
    c.CourseDirectory.course_id = "lecture5"
    c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc*", "__pycache__", ".*"]
    c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
    if os.environ.get("COURSE_ENGINE", "on") == "off":
        return
    c.Autograde.exporter_class = EngineExporter
    c.Autograde.sanitize_preprocessors = []  # the exporter rebuilds the notebook from the instructor's source
    c.Autograde.autograde_preprocessors = [
        "autograder.nbgrader_plugin.gradebook.SaveVerdicts",
        "nbgrader.preprocessors.AssignLatePenalties",
    ]
    configure_feedback(c)
    configure_formgrader(c)
    configure_release_feedback(c)
