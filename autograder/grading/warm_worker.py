"""What a grading process needs, imported once: the workers of a class are forked from a process that has it.

With an assignment's name in the environment (`WARM_UP`), each of its references is graded once: what they import when they
are first called (torch's optimizers take seconds) is then there for all workers.
"""

import contextlib
import gc
import os

from autograder.grading.processes import die_with_parent, one_thread

die_with_parent()  # before what takes seconds: the command may be over by then
gc.disable()  # imports make millions of objects, and hardly any garbage

one_thread()  # one worker per core

import autograder.grading.examiner  # noqa: E402
import autograder.grading.job  # noqa: E402, F401
from autograder.grading.pool import WARM_UP  # noqa: E402
from autograder.sandboxed.huge_pages import use_huge_pages  # noqa: E402
from exercises import exercises_of  # noqa: E402


def warm_up(assignment: str) -> None:
    """Grade each reference of an assignment once, for nobody."""
    with contextlib.suppress(Exception):  # what goes wrong here will go wrong where it is reported
        for exercise in exercises_of(assignment).values():
            exercise.grade(exercise.reference, student="")


if WARM_UP in os.environ:
    warm_up(os.environ[WARM_UP])

gc.freeze()  # a collection in a worker must not walk through torch, nor copy our pages
gc.enable()
use_huge_pages()
