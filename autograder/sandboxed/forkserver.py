"""The fork server: a warm interpreter inside the sandbox that forks one student process per notebook.

    python -I -B start.py forkserver CONTROL_FD [FOLDER]

Started by `autograder.wall.fork_server` with a socket on CONTROL_FD. Each request is a `protocol.ForkRequest` with the student's
end of a new socket pair attached, where the student process itself answers; or, with nothing attached, a
`protocol.LoadRequest`. The fork server never held an answer, runs no student code itself, and has one thread.

FOLDER is given on the rungs where students have no namespaces: there each works in a folder of its own in FOLDER, and has a
process group. Both end with the student, and all of them with the fork server.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import json
import os
import random
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from .confine import confine, drop_privileges
from .preload import Preloaded

if TYPE_CHECKING:  # these import torch and IPython, for which `Preloaded` has its own time
    from .protocol import ForkRequest
    from .shell import StudentShell

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x20000, 0x8000000, 0x20000000
MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x4000, 1 << 18, 2, 4
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 1, 4, 36
# For students, where we are root: none of a system's own, and not that of the student before, who may still be ending.
FIRST_USER_ID, USER_IDS = 60_000, 5000
MEBIBYTE = 2**20

libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int = 0, data: bytes | None = None) -> None:
    if libc.mount(source, target, kind, ctypes.c_ulong(flags), data) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target.decode()}")


def _limit(request: ForkRequest, others: int) -> None:
    """Resource limits of one student process and all it starts. `others` run under the same user id and are counted in."""
    memory, file = request["memory_mib"] * MEBIBYTE, request["files_mib"] * MEBIBYTE
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file, file))
    most = resource.getrlimit(resource.RLIMIT_NPROC)[1] % 2**64  # unlimited is -1
    tasks = min(request["processes"] + others, most)
    resource.setrlimit(resource.RLIMIT_NPROC, (tasks, tasks))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # too large a file is an OSError in the student's cell


def _tasks_of_this_user() -> int:
    """Processes and threads under this user id."""
    count, own = 0, b"Uid:\t%d\t" % os.getuid()
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError):
            if name.isdigit():
                with open(f"/proc/{name}/status", "rb") as file:
                    status = file.read()
                if own in status:
                    count += int(status.partition(b"\nThreads:")[2].split(None, 1)[0])
    return count


def _private_world(request: ForkRequest) -> None:
    """Own /proc, /tmp and shared memory: nothing of another student can be seen or left behind."""
    size = b"size=%dm,mode=1777" % request["files_mib"]
    _mount(b"none", b"/", None, MS_REC | MS_PRIVATE)
    _mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV)
    _mount(b"tmpfs", request["tmp"].encode(), b"tmpfs", MS_NOSUID | MS_NODEV, size)
    _mount(b"tmpfs", b"/dev/shm", b"tmpfs", MS_NOSUID | MS_NODEV, size)


def _become_student(
    request: ForkRequest, sock: socket.socket, shell: StudentShell, folder: str | None, uid: int | None
) -> None:
    os.setsid()  # a group of its own: to kill "the group" reaches nobody else
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.closerange(3, sock.fileno())
    os.closerange(sock.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
    others = 0
    if folder is None:
        _private_world(request)
        folder = "/tmp/work"
        os.makedirs(folder, mode=0o777, exist_ok=True)
        os.chmod(folder, 0o777)
    elif uid is None:
        others = _tasks_of_this_user()
    os.chdir(folder)
    with contextlib.suppress(OSError):  # the grader may have been moved since
        os.sched_setaffinity(0, request["cores"])
    drop_privileges(uid, request["capability"])
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.environ.update(dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "IPYTHONDIR"), folder))
    tempfile.tempdir = None  # what was asked for before the fork
    _limit(request, others)
    if request["readable"]:
        confine(request["readable"], folder)

    from .shell import run

    run(sock, shell)


class _Namespaces:
    """Lets the next fork be process 1 of a process namespace of its own, and the one after it of another."""

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def enter(self) -> bool:
        return int(libc.unshare(CLONE_NEWPID)) == 0

    def leave(self) -> None:
        if libc.setns(self._own, CLONE_NEWPID) != 0:
            raise OSError(ctypes.get_errno(), "setns")


class _Groups:
    """The students that have no namespaces: each has a process group and a folder in `where`, which end with it."""

    def __init__(self, where: str, poller: select.poll):
        self._where, self._poller = where, poller
        self._students: dict[int, tuple[int, str]] = {}  # pidfd: process id, folder
        # What a student's processes leave behind comes to us, so that we know when all of it has ended.
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def new_folder(self, uid: int | None) -> str:
        folder = tempfile.mkdtemp(prefix="student-", dir=self._where)
        if uid is not None:
            os.chown(folder, uid, uid)
        return folder

    def add(self, pid: int, folder: str) -> None:
        pidfd = os.pidfd_open(pid)
        self._poller.register(pidfd, select.POLLIN)
        self._students[pidfd] = pid, folder

    def end(self, pidfd: int) -> None:
        """Kill what is left of the group, wait until it is gone, remove the folder."""
        pid, folder = self._students.pop(pidfd)
        self._poller.unregister(pidfd)
        os.close(pidfd)
        # Nobody has waited for the leader so far: its number cannot be another's.
        for kill in (os.kill, os.killpg):
            with contextlib.suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-pid, 0)
        _remove(folder)

    def close(self) -> None:
        for pidfd in list(self._students):
            self.end(pidfd)
        _remove(self._where)


def _remove(folder: str) -> None:
    """Whatever a student has made of it: folders that nobody may enter, or more deeply nested than Python can follow."""
    with contextlib.suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    for command in (["chmod", "-R", "u+rwx", folder], ["rm", "-rf", folder]):
        if os.path.exists(folder):
            subprocess.run(command, stderr=subprocess.DEVNULL)


class _ForkServer:
    """Answers requests until nobody is left to make one."""

    def __init__(self, control: socket.socket, folder: str | None):
        self._control = control
        self._poller = select.poll()
        self._poller.register(control, select.POLLIN)
        self._spaces = _Namespaces()
        self._count = itertools.count(random.randrange(USER_IDS))
        self._groups = _Groups(folder, self._poller) if folder is not None else None
        if folder is None:  # nobody waits for a student process: its pidfd tells the grader
            signal.signal(signal.SIGCHLD, signal.SIG_IGN)

    def serve(self, preloaded: Preloaded) -> None:
        signal.signal(signal.SIGTERM, lambda *_: self._control.shutdown(socket.SHUT_RD))  # no exception amid a clean-up
        while True:
            for fd, _ in self._poller.poll():
                if fd != self._control.fileno():
                    assert self._groups is not None
                    self._groups.end(fd)
                    continue
                data, fds, _, _ = socket.recv_fds(self._control, 65536, 1)
                if not data:
                    return
                request: ForkRequest = json.loads(data)
                preloaded.load(request["libraries"])
                if fds:
                    self._fork_student(request, fds[0], preloaded.shell)

    def _fork_student(self, request: ForkRequest, fd: int, shell: StudentShell) -> None:
        """Inside bubblewrap it is process 1 of a namespace of its own: killing it kills all."""
        private = self._groups is None
        if private and not self._spaces.enter():
            os.close(fd)  # the grader sees its socket close: no student process
            return
        uid = FIRST_USER_ID + next(self._count) % USER_IDS if request["own_user"] else None
        folder = self._groups.new_folder(uid) if self._groups is not None else None
        child = os.fork()
        if child:
            os.close(fd)
            if self._groups is not None and folder is not None:
                self._groups.add(child, folder)
            else:
                self._spaces.leave()
            return
        code = 1
        try:
            for number in (signal.SIGCHLD, signal.SIGTERM):
                signal.signal(number, signal.SIG_DFL)
            if private and libc.unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0:
                os._exit(1)
            _become_student(request, socket.socket(fileno=fd), shell, folder, uid)
            code = 0
        finally:
            os._exit(code)

    def close(self) -> None:
        if self._groups is not None:
            self._groups.close()


def main(arguments: list[str]) -> None:
    """Serve until the grader closes the control socket, or is gone."""
    control, folder = socket.socket(fileno=int(arguments[0])), arguments[1] if len(arguments) > 1 else None
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    # Where no namespace cleans up, it is told to go and does it itself.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL if folder is None else signal.SIGTERM, 0, 0, 0)
    server = _ForkServer(control, folder)
    try:
        server.serve(Preloaded())
    finally:
        server.close()
