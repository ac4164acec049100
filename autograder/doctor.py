"""`course doctor`: one line per thing the course needs, with OK or what to do."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder.classroom import Classroom, CourseError
from autograder.sandbox import best_rung

REQUIREMENTS = Path(__file__).parents[1] / "requirements.txt"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, whether it is well, and what was found or is to be done."""

    what: str
    well: bool
    text: str


def examine(start: Path) -> Iterator[Finding]:
    """Look at Python, packages, course folder, gradebook, exchange, sandbox and browser."""
    version = sys.version.split()[0]
    yield Finding("Python", sys.version_info >= (3, 11), f"{version} (3.11 or newer is needed)")
    yield _packages()
    yield from _course(start)
    rung = best_rung()
    yield Finding(
        "sandbox", rung.walled, rung.why if rung.walled else f"{rung.name}: {rung.why}. Raise it: {rung.raise_it}"
    )
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    yield Finding(
        "Chromium", chromium is not None, chromium or "missing: sudo apt-get install chromium (for browser tests)"
    )


def _packages() -> Finding:
    """Is what requirements.txt pins what is installed?"""
    if not REQUIREMENTS.is_file():
        return Finding("packages", True, "installed without requirements.txt; versions not compared")
    wrong = []
    for line in REQUIREMENTS.read_text().splitlines():
        name, pinned, version = line.partition("==")
        if not pinned:
            continue
        try:
            found = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found = "missing"
        if found.split("+")[0] != version:
            wrong.append(f"{name} is {found}, wanted {version}")
    fix = "run: pip install -r requirements.txt"
    return Finding("packages", not wrong, f"{'; '.join(wrong)}; {fix}" if wrong else "as requirements.txt pins them")


def _course(start: Path) -> Iterator[Finding]:
    try:
        course = Classroom.find(start)
    except CourseError as error:
        yield Finding("course", False, str(error))
        return
    name = course.coursedir.course_id
    text = (
        f"{course.root}, course id {name!r}" if name else "c.CourseDirectory.course_id is not set in nbgrader_config.py"
    )
    yield Finding("course", bool(name), text)
    try:
        course.check_database()
        yield Finding("gradebook", True, course.coursedir.db_url)
    except CourseError as error:
        yield Finding("gradebook", False, str(error))
    yield _exchange(course)


def _exchange(course: Classroom) -> Finding:
    """The folder through which nbgrader hands out and collects."""
    from nbgrader.exchange.default.exchange import Exchange

    folder = Path(Exchange(coursedir=course.coursedir, config=course.config).root)
    if not folder.is_dir():
        fix = f"mkdir -p {folder} && chmod ugo+rwx {folder}, or set c.Exchange.root (not needed to grade files in submitted/)"
        return Finding("exchange", False, f"{folder} is not there: {fix}")
    well = os.access(folder, os.W_OK | os.X_OK)
    return Finding("exchange", well, str(folder) if well else f"{folder} cannot be written: chmod ugo+rwx {folder}")
