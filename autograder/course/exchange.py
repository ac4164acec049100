"""nbgrader's exchange: the folder through which assignments are handed out and collected, and what is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

from autograder.course.classroom import Classroom

NOT_NEEDED = "it is only needed for release, fetch, submit and collect, not to grade files in submitted/"


def exchange_root(course: Classroom) -> Path:
    """The folder that `c.Exchange.root` names, or nbgrader's default."""
    from nbgrader.exchange.default.exchange import Exchange

    return Path(Exchange(coursedir=course.coursedir, config=course.config).root)


def exchange_problem(course: Classroom) -> str:
    """What keeps nbgrader from using the exchange, and what to do, in one line; "" where nothing does."""
    root = exchange_root(course)
    set_by_course = "root" in course.config.get("Exchange", {})
    if not course.coursedir.course_id:
        return "no course id: set c.CourseDirectory.course_id in nbgrader_config.py"
    if not root.is_dir():
        why = "is not there" if set_by_course else "is nbgrader's default, and is not there"
        make = f"mkdir -p {root} && chmod ugo+rwx {root}"
        other = (
            ""
            if set_by_course
            else ", or set c.Exchange.root in nbgrader_config.py to a folder that all students can write"
        )
        return f"the exchange {root} {why}: {make}{other} ({NOT_NEEDED})"
    if not os.access(root, os.W_OK | os.X_OK):
        return f"the exchange {root} cannot be written: its owner runs chmod ugo+rwx {root}"
    if not course.coursedir.groupshared and root.stat().st_mode & 0o007 != 0o007:
        return f"the exchange {root} is not open to students: chmod ugo+rwx {root}"
    return ""
