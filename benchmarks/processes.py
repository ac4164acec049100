"""`course grade` as a command, and the processes of one run of it."""

from __future__ import annotations

import ctypes
import sys
from collections import defaultdict

import psutil

PR_SET_CHILD_SUBREAPER = 36


def course_grade(assignment: str, workers: int = 0) -> list[str]:
    return [sys.executable, "-m", "autograder", "grade", assignment, "--unsandboxed", "--workers", str(workers)]


def by_kind(pid: int) -> dict[str, list[psutil.Process]]:
    """The processes of a run by what they do, its command included; none where it is over.

    Kinds: command, warm process (workers are forked from it), worker, resource tracker, fork server (bubblewrap
    included), student, other.
    """
    found: dict[str, list[psutil.Process]] = defaultdict(list)
    kinds: dict[int, str] = {}
    try:
        command = psutil.Process(pid)
        family = [command, *command.children(recursive=True)]
    except psutil.NoSuchProcess:
        return found
    for one in family:
        try:
            kind = "command" if one == command else _kind(one, kinds.get(one.ppid(), "other"))
        except psutil.NoSuchProcess:
            continue
        kinds[one.pid] = kind
        found[kind].append(one)
    return found


def _kind(process: psutil.Process, parent: str) -> str:
    if parent == "warm process":
        return "worker"
    line = " ".join(process.cmdline())
    if parent == "student" or (parent == "fork server" and "bwrap" not in process.parent().name()):
        return "student"
    marks = {
        "multiprocessing.forkserver": "warm process",
        "multiprocessing.resource_tracker": "resource tracker",
        "/start.py forkserver": "fork server",
    }
    return next((kind for mark, kind in marks.items() if mark in line), "other")


def adopt_orphans() -> None:
    """Let whatever outlives the run that started it become a child of this process, however deep it was."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def left_behind(seconds: float = 60.0) -> list[str]:
    """What still runs that long after its run, of all that this process started or adopted; it is ended then.

    A process that is busy importing when its run is killed notices when it has done so, some seconds later.
    """
    _, alive = psutil.wait_procs(psutil.Process().children(recursive=True), timeout=seconds)
    names = [f"{one.pid} {' '.join(one.cmdline())[:80]}" for one in alive if one.is_running()]
    for one in alive:
        one.kill()
    psutil.wait_procs(alive, timeout=seconds)
    return names
