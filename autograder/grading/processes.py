"""How long the processes of a run live, and on which cores."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
from collections.abc import Iterator

from autograder.wall.bubblewrap import ONE_THREAD

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Let the kernel kill this process when the thread that started it is gone, however that ended."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def take_core(number: int) -> None:
    """Keep this thread on one core, worker after worker on the next one."""
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[number % len(cores)]})


@functools.cache
def one_thread() -> None:
    """Sums in the same order in every process that grades, however many cores it has. Imports torch."""
    os.environ.update(ONE_THREAD)  # read when numpy and torch are loaded, if that is still to come

    import torch

    torch.set_num_threads(1)


@contextlib.contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this thread on the core where it is now. A student's process goes where its grader is.

    The two take turns, message by message. On two cores each would let its own fall asleep and wake the other's,
    which on a virtual machine can take longer than all that the message asks for.
    """
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {ctypes.CDLL(None).sched_getcpu()})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
