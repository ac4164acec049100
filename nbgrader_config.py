"""The course's nbgrader configuration. nbgrader reads it by itself in this folder; `course` reads it too."""

from pathlib import Path

from autograder.nbgrader_plugin.configure import configure

c = get_config()  # noqa: F821 - given by traitlets

configure(c)
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc*", "__pycache__", ".*"]

# What one student's code may use (see autograder/wall/limits.py):
# c.Limits.cpu_seconds = 30.0
# c.Limits.notebook_seconds = 120.0
# c.Limits.memory_mib = 2048

# Let students use what the exercises forbid, such as torch.logsumexp in place of their own:
# c.EngineExporter.lift_bans = True
