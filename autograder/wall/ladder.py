"""Which rung of the ladder this host allows.

The ladder: `bubblewrap` (the Debian/Ubuntu package; namespaces, no network, read-only system) -> `landlock` (the kernel
alone, Linux 6.12 or newer: a student's process gives up files, network and signals by itself) -> `rlimits` (resource limits
only: the student's code could read what this user can read). Each rung is probed once, by trying it; the one that was graded
on is recorded with every grade. COURSE_RUNG=landlock (or rlimits) in the environment starts lower.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from autograder.wall.bubblewrap import SANDBOXED, bubblewrap, environment, program, readable, readable_folders
from exercises.lost import InfrastructureError

LADDER = ("bubblewrap", "landlock", "rlimits")
START_RUNG = "COURSE_RUNG"  # environment variable: the rung to start at
CAP_DAC_READ_SEARCH, CAP_KILL, CAP_SETGID, CAP_SETUID = 2, 5, 6, 7


@dataclass(frozen=True)
class Rung:
    """A step of the ladder. `walled` says whether hidden tests are out of the student's reach on it.

    why: how it was found; what the rungs above it lack. raise_it: how to get to one of those.
    """

    name: str
    walled: bool
    why: str
    raise_it: str = ""


@dataclass(frozen=True)
class Missing:
    """Why this host does not allow a rung, and what would change that."""

    why: str
    fix: str


@functools.cache
def _open_to_others() -> bool:
    """May every user of this machine read the interpreter and its packages?"""
    paths = [*readable_folders(), SANDBOXED]
    folders = {parent for path in paths for parent in path.parents}
    return all(path.stat().st_mode & 0o4 for path in paths) and all(path.stat().st_mode & 0o1 for path in folders)


@functools.cache
def _capabilities() -> int:
    """What root is allowed here, a bit each: in a container not everything."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


def identity(rung: str) -> tuple[bool, int | None]:
    """Can each student have a user id of its own, as where we are root, and which capability does it keep?

    Only bubblewrap makes the interpreter readable for that id. On the other rungs, where it lies in a folder that is closed to
    others (root's own, often), students may read past the modes of folders: on the landlock rung nothing but what Landlock
    leaves open, on the lowest rung what root could read.
    """
    if os.getuid() != 0:
        return False, None
    if rung == "bubblewrap":
        return True, None
    has = _capabilities()
    if any(not has >> needed & 1 for needed in (CAP_KILL, CAP_SETGID, CAP_SETUID)):
        return False, None
    if _open_to_others():
        return True, None
    return (True, CAP_DAC_READ_SEARCH) if has >> CAP_DAC_READ_SEARCH & 1 else (False, None)


# What the fork server does for each student: into a new process namespace, a mount there, and back.
PRIVATE_WORLD = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
own = os.open("/proc/self/ns/pid", os.O_RDONLY)
def check(result):
    assert result == 0, os.strerror(ctypes.get_errno())
check(libc.unshare(0x20000000 | 0x20000 | 0x8000000))
child = os.fork()
if not child:
    os._exit(libc.mount(b"proc", b"/proc", b"proc", 0, None) != 0)
check(libc.setns(own, 0x20000000))
assert os.waitpid(child, 0)[1] == 0, "no mount in a namespace"
"""


def _try_bubblewrap() -> Missing | None:
    if shutil.which("bwrap") is None:
        return Missing("bubblewrap is not installed", "sudo apt-get install bubblewrap   (the Debian package)")
    problem = _run([*bubblewrap(None), sys.executable, "-I", "-B", "-c", PRIVATE_WORLD])
    if problem is None:
        return None
    return Missing(
        f"bubblewrap is installed but this host refuses it: {problem}",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0   (or kernel.unprivileged_userns_clone=1)",
    )


def _try_landlock() -> Missing | None:
    own_user, capability = identity("landlock")
    uid = 60_000 if own_user else None
    if os.getuid() == 0 and uid is None:
        return Missing(
            "Landlock: root may give students no user id that can read Python, and root's processes cannot be limited",
            "grade as an ordinary user, or install Python where every user may read it",
        )
    with tempfile.TemporaryDirectory(prefix="students-") as folder:
        if uid is not None:
            os.chown(folder, uid, uid)
        ids = ["-" if number is None else str(number) for number in (uid, capability)]
        command = [*program("confine", SANDBOXED), folder, *ids, __file__, *readable()]
        problem = _run(command, environment(folder))
    if problem is None:
        return None
    return Missing(f"Landlock: {problem}", "Linux 6.12 or newer with Landlock (see /sys/kernel/security/lsm)")


def _run(command: list[str], environment: dict[str, str] | None = None) -> str | None:
    """The last thing a command said before it failed; None where it did not."""
    tried = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd="/")
    if tried.returncode == 0:
        return None
    return (tried.stderr.strip().splitlines() or ["it exited with an error"])[-1]


@functools.cache
def missing(name: str) -> Missing | None:
    """What keeps this host from a rung, found by trying it; None where it works."""
    tries = {"bubblewrap": _try_bubblewrap, "landlock": _try_landlock}
    return tries[name]() if name in tries else None


def best_rung() -> Rung:
    """The highest rung this host allows, or the environment. Raises InfrastructureError for a name that is no rung."""
    start = os.environ.get(START_RUNG) or LADDER[0]
    if start not in LADDER:
        raise InfrastructureError(f"{START_RUNG}={start} is no rung of the sandbox: it can be {', '.join(LADDER)}")
    above = [Missing(f"{START_RUNG}={start} is set", f"unset {START_RUNG}")] if start != LADDER[0] else []
    works = {
        "bubblewrap": "bubblewrap works, with private namespaces per student process",
        "landlock": "Landlock and seccomp confine each student process",
    }
    for name in LADDER[LADDER.index(start) :]:
        problem = missing(name)
        if problem is None:
            why = "; ".join([*([works[name]] if name in works else []), *(one.why for one in above)])
            return Rung(name, name in works, why, "; or ".join(one.fix for one in above))
        above.append(problem)
    raise AssertionError("the lowest rung needs nothing")


def choose_rung(unsandboxed: bool) -> Rung:
    """The rung to grade on. Raises InfrastructureError where it would not be behind the wall and nobody said so."""
    rung = best_rung()
    if rung.walled or unsandboxed:
        return rung
    raise InfrastructureError(
        f"no sandbox on this host ({rung.why}); raise it with: {rung.raise_it}; or grade with --unsandboxed"
    )
