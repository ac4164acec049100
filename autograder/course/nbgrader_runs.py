"""nbgrader's converters are run: where their messages go, and how their failures become one line."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

from autograder.course.errors import CourseError


def cause_from_here(log: Path) -> Callable[[], str]:
    """What nbgrader stumbles over from now on, by its traceback in the log; its own exception only points there."""
    start = log.stat().st_size if log.exists() else 0

    def cause() -> str:
        text = log.read_bytes()[start:].decode(errors="replace")
        found = re.findall(r"^[\w.]*(?:Error|Exception|Entry): (.+)$", text, re.MULTILINE)
        if not found:
            return ""
        if found[-1].startswith("Cannot add or remove cells"):
            return f"{found[-1]}: keep the grade_id of each cell, or make a new assignment"
        return f"{found[-1]} (see {log})"

    return cause


@contextlib.contextmanager
def logged(log: Path) -> Iterator[None]:
    """nbgrader's own messages go to a file: the screen is for the progress bar."""
    logger = logging.getLogger("traitlets")
    handler = logging.FileHandler(log)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    before = logger.handlers[:], logger.level, logger.propagate
    logger.handlers[:], logger.propagate = [handler], False
    logger.setLevel(logging.INFO)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="nbgrader")  # its own dealings with SQLAlchemy
            yield
    finally:
        logger.handlers[:], logger.level, logger.propagate = before
        handler.close()


def put_own_programs_first() -> None:
    """nbgrader starts `alembic` by its name: find the one of this environment, activated or not."""
    programs = str(Path(sys.executable).parent)
    if programs not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([programs, os.environ.get("PATH", "")])


@contextlib.contextmanager
def one_line(doing: str, cause: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Turn nbgrader's, SQLAlchemy's and the file system's exceptions into one line; `cause` may know more."""
    from nbgrader.converters.base import NbGraderException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (NbGraderException, SQLAlchemyError, OSError) as error:
        own = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CourseError(f"{doing}: {cause() or own}") from error
