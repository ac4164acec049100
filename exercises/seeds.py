"""Random inputs: fresh per student and check, the same at every regrade."""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import os
from collections.abc import Iterator

import numpy as np

COURSE = "lecture5"
SEED_OF_COURSE = "COURSE_SEED"  # environment variable

_job: contextvars.ContextVar[str] = contextvars.ContextVar("seed of the job that is being graded", default="")


def seed_of_course(configured: str = "") -> str:
    """The course's part of every seed, which makes the inputs of one course unguessable from this repository.

    configured: what `c.EngineExporter.seed` of the course's `nbgrader_config.py` says. The environment variable
    `COURSE_SEED` wins over it. Where neither is set, everybody can compute the inputs: they are merely different for
    each student.
    """
    return os.environ.get(SEED_OF_COURSE) or configured or COURSE


@contextlib.contextmanager
def grading_with(seed: str) -> Iterator[None]:
    """Inside, inputs are drawn with this seed of the course: a job's own, wherever it is graded."""
    token = _job.set(seed)
    try:
        yield
    finally:
        _job.reset(token)


def generator(exercise: str, check: str, student: str) -> np.random.Generator:
    """A generator seeded from (course, exercise, check, student)."""
    key = "\x1f".join((_job.get() or seed_of_course(), exercise, check, student))
    digest = hashlib.sha256(key.encode()).digest()
    return np.random.default_rng(np.random.SeedSequence(np.frombuffer(digest, dtype=np.uint32)))
