"""`course init`: a course folder of one's own, whose hidden inputs nobody can compute from this repository."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from autograder.course.classroom import Classroom
from autograder.course.errors import CourseError
from autograder.course.scratch import config_text, set_seed

SETTINGS = """
c.CourseDirectory.course_id = {course_id!r}

# The course's secret, without which nobody can compute the inputs of your hidden tests. Show this file to nobody who is
# graded. Another seed is another set of inputs for every student: keep it for the whole term.
{seed}
# All settings: docs/settings.md of the courseware.
"""


def make_folder(root: Path, course_id: str = "") -> list[str]:
    """Make the folder with its configuration; returns the lines to tell.

    Where there is a configuration without a seed, nothing is changed, and the lines say what to add. course_id: by
    default the folder's name. Raises CourseError for a course id that nbgrader could not use as a folder's name, and
    where the folder has a seed already or cannot be written.
    """
    if (root / "nbgrader_config.py").exists():
        return _line_to_add(Classroom(root))
    name = course_id or root.name
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise CourseError(f"{name!r} cannot be a course id (letters, digits, '_', '-', '.'): use --course-id")
    try:
        (root / "source").mkdir(parents=True, exist_ok=True)
        with (root / "nbgrader_config.py").open("x") as file:
            file.write(config_text(SETTINGS.format(course_id=name, seed=set_seed(_random_seed()))))
    except OSError as error:
        raise CourseError(f"no course folder was made in {root}: {error.strerror}") from error
    return [
        f"{root} is a course folder now, with the course id {name!r} and a random seed. Next, in that folder:",
        "course doctor looks at what else is needed; course new ASSIGNMENT EXERCISE makes a first exercise",
    ]


def _line_to_add(course: Classroom) -> list[str]:
    if course.own_seed:
        raise CourseError(f"{course.root} is a course folder already, with a seed: nothing was changed")
    return [
        f"{course.root / 'nbgrader_config.py'} sets no seed. Nothing was changed; add this line, and show it to nobody:",
        set_seed(_random_seed()).strip(),
    ]


def _random_seed() -> str:
    return secrets.token_urlsafe(24)
