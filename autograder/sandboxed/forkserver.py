"""The fork server: a warm interpreter inside the sandbox that forks one student process per notebook.

    python -I -B forkserver.py CONTROL_FD

Started by `autograder.sandbox` with a socket on CONTROL_FD. Each request is a JSON object with one file descriptor
attached (the student's end of a new socket pair); the answer is the student process itself, saying hello on that
socket. It never held an answer, runs no student code itself, and has one thread.
"""

from __future__ import annotations

import ctypes
import gc
import io
import json
import os
import resource
import signal
import socket
import sys
from typing import Any

CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x20000, 0x8000000, 0x20000000
MS_REC, MS_PRIVATE, MS_NOSUID, MS_NODEV = 0x4000, 1 << 18, 2, 4
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 4, 24, 38
CAPABILITY_VERSION_3 = 0x20080522
LAST_CAPABILITY = 40

libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int = 0, data: bytes | None = None) -> None:
    if libc.mount(source, target, kind, ctypes.c_ulong(flags), data) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target.decode()}")


def preload() -> Any:
    """Import what notebooks use, and use it once, so that a fork has it; returns the warm IPython shell."""
    import matplotlib.pyplot
    import numpy.testing
    import sklearn.datasets
    import torch
    import torch._dynamo  # the first optimizer imports it: 1.4 s

    torch.set_num_threads(1)
    net = torch.nn.Sequential(torch.nn.Linear(64, 8), torch.nn.ReLU(), torch.nn.Linear(8, 10))
    images, labels = sklearn.datasets.load_digits(return_X_y=True)
    for kind in (torch.optim.SGD, torch.optim.Adam):
        optimizer = kind(net.parameters(), lr=0.1)
        loss = torch.nn.functional.cross_entropy(
            net(torch.from_numpy(images[:8]).float()), torch.from_numpy(labels[:8])
        )
        loss.backward()
        optimizer.step()
    numpy.linalg.svd(numpy.eye(2))
    numpy.testing.assert_allclose(1.0, 1.0)
    matplotlib.pyplot.plot([0, 1], label="$x$")
    matplotlib.pyplot.savefig(io.BytesIO())
    matplotlib.pyplot.close("all")

    from shell import make_shell

    return make_shell()


def _limit(limits: dict[str, Any]) -> None:
    """Resource limits of one student process and all it starts."""
    mebibyte = 2**20
    resource.setrlimit(resource.RLIMIT_DATA, (limits["memory_mib"] * mebibyte,) * 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limits["files_mib"] * mebibyte,) * 2)
    resource.setrlimit(resource.RLIMIT_NPROC, (limits["processes"],) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # too large a file is an OSError in the student's cell


def _private_world(limits: dict[str, Any], tmp: str) -> None:
    """Own /proc, /tmp and shared memory: nothing of another student can be seen or left behind."""
    size = b"size=%dm,mode=1777" % limits["files_mib"]
    _mount(b"none", b"/", None, MS_REC | MS_PRIVATE)
    _mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV)
    _mount(b"tmpfs", tmp.encode(), b"tmpfs", MS_NOSUID | MS_NODEV, size)
    _mount(b"tmpfs", b"/dev/shm", b"tmpfs", MS_NOSUID | MS_NODEV, size)


def _drop_privileges(uid: int | None) -> None:
    """No capability, no way to gain one; a user id of its own where we are root."""
    for capability in range(LAST_CAPABILITY + 1):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    if os.getuid() == 0 and uid is not None:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)()))


def _become_student(request: dict[str, Any], sock: socket.socket, shell: Any, private: bool) -> None:
    limits = request["limits"]
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    if private:
        _private_world(limits, request["tmp"])
        os.makedirs("/tmp/work", mode=0o777, exist_ok=True)
        os.chmod("/tmp/work", 0o777)
        os.chdir("/tmp/work")
    else:
        os.setsid()
        os.chdir(request["folder"])
    _drop_privileges(request.get("uid"))
    os.environ["HOME"] = os.environ["TMPDIR"] = os.getcwd()
    _limit(limits)

    import shell as shell_module
    import wire

    wire.send(sock, {"hello": True, "private": private}, [])
    shell_module.run(sock, shell)


class _Namespaces:
    """Lets the next fork be process 1 of a process namespace of its own, and the one after it of another."""

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def enter(self) -> bool:
        return libc.unshare(CLONE_NEWPID) == 0

    def leave(self) -> None:
        if libc.setns(self._own, CLONE_NEWPID) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def _fork_student(request: dict[str, Any], fd: int, control: socket.socket, shell: Any, spaces: _Namespaces) -> None:
    """Fork the student process. Inside the sandbox it is process 1 of a namespace of its own: killing it kills all."""
    private = bool(request["private"])
    if private and not spaces.enter():
        os.close(fd)  # the grader sees its socket close: no student process
        return
    child = os.fork()
    if child:
        os.close(fd)
        if private:
            spaces.leave()
        return
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        control.close()
        if private and libc.unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0:
            os._exit(1)
        _become_student(request, socket.socket(fileno=fd), shell, private)
        code = 0
    finally:
        os._exit(code)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    shell = preload()
    sys.path.pop(0)
    gc.collect()
    gc.freeze()  # a collection in a child must not copy our pages
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a student process: its pidfd tells the grader
    spaces = _Namespaces()
    while True:
        data, fds, _, _ = socket.recv_fds(control, 65536, 1)
        if not data:
            return
        _fork_student(json.loads(data), fds[0], control, shell, spaces)


if __name__ == "__main__":
    main()
