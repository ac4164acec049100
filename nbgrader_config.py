"""The course's nbgrader configuration. nbgrader reads it by itself in this folder; `course` reads it too."""

from pathlib import Path

from autograder.nbgrader_plugin.configure import configure

c = get_config()  # noqa: F821 - given by traitlets

configure(c)
c.CourseDirectory.root = str(Path(__file__).resolve().parent)

# What makes the hidden inputs unguessable from this repository: `course init` prints such a line, with a seed of your own.
# (This folder's exercises are public, and so is its configuration: it has none.)
# c.EngineExporter.seed = "..."

# All settings are in docs/settings.md. What one student's code may use:
# c.Limits.cpu_seconds = 30.0
# c.Limits.notebook_seconds = 120.0
# c.Limits.memory_mib = 2048

# Let students use what the exercises forbid, such as torch.logsumexp in place of their own:
# c.EngineExporter.lift_bans = True
