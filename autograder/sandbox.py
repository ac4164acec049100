"""The wall's outer side: which rung of the ladder this host allows, and a fork server behind it.

The ladder: `bubblewrap` (the Debian/Ubuntu package; namespaces, no network, read-only system) -> `rlimits` (resource
limits only: the student's code could read what this user can read). The rung is probed once and recorded with every
grade.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path

from exercises.observation import InfrastructureError

SANDBOXED = Path(__file__).parent / "sandboxed"


@dataclass(frozen=True)
class Rung:
    """A step of the ladder. `walled` says whether hidden tests are out of the student's reach on it."""

    name: str
    walled: bool
    why: str
    raise_it: str = ""


def _environment() -> dict[str, str]:
    """The scrubbed environment of the sandbox: nothing of the grader's own."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": "/tmp",
        "MPLCONFIGDIR": "/tmp/matplotlib",
        "TMPDIR": "/tmp/matplotlib",
        "IPYTHONDIR": "/tmp/matplotlib/ipython",
        # One thread each, and no way to ask for more: a fork after a thread pool would hang.
        **dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        "NBGRADER_EXECUTION": "autograde",
    }


def _readable_folders() -> list[Path]:
    """What the interpreter needs: the Python installation and this environment's packages, not this project."""
    paths = {Path(sys.base_prefix), Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}
    if sys.prefix != sys.base_prefix:
        paths |= {Path(sys.prefix) / "pyvenv.cfg", Path(sys.prefix) / "bin"}
    return sorted(path for path in paths if path.exists() and not path.is_relative_to("/usr"))


def _parents(paths: list[Path]) -> list[Path]:
    """Every folder above these paths, outermost first: they are made readable for the student's user id."""
    return sorted({parent for path in paths for parent in path.parents if parent != Path("/")})


def _bubblewrap(fontlist: Path | None) -> list[str]:
    """The command line before the interpreter's own."""
    as_root = os.getuid() == 0
    command = ["bwrap", "--die-with-parent", "--new-session", "--clearenv", "--unshare-ipc", "--unshare-pid"]
    command += ["--unshare-net", "--unshare-uts", "--unshare-cgroup-try", "--hostname", "grader"]
    if as_root:  # real root: each student process gets a user id of its own
        command += ["--cap-drop", "ALL"]
        for capability in ("SETUID", "SETGID", "SETPCAP"):
            command += ["--cap-add", f"CAP_{capability}"]
    else:
        command += ["--unshare-user", "--uid", "65534", "--gid", "65534"]
    command += ["--cap-add", "CAP_SYS_ADMIN"]  # the fork server's, for a private world per student; dropped there
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    # First, so that an installation under /tmp is mounted over it and not hidden by it.
    command += ["--perms", "1777", "--tmpfs", "/tmp"]
    folders = _readable_folders()
    for parent in _parents([*folders, Path("/sandboxed/x")]):
        command += ["--perms", "0755", "--dir", str(parent)]
    command += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib64", "sbin"):
        path = Path("/") / name
        if path.is_symlink():
            command += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    for name in ("ld.so.cache", "localtime", "alternatives"):
        command += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    for folder in folders:
        command += ["--ro-bind", str(folder), str(folder)]
    command += ["--ro-bind", str(SANDBOXED), "/sandboxed", "--proc", "/proc", "--dev", "/dev"]
    command += ["--perms", "1777", "--tmpfs", "/tmp/matplotlib", "--perms", "1777", "--dir", "/tmp/work"]
    if fontlist is not None:
        command += ["--ro-bind", str(fontlist), f"/tmp/matplotlib/{fontlist.name}"]
    return [*command, "--remount-ro", "/tmp", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp", "--"]


@functools.cache
def font_list() -> Path | None:
    """matplotlib's font cache of this user: building one takes seconds at every start."""
    import matplotlib
    from matplotlib import font_manager

    found = Path(matplotlib.get_cachedir()) / f"fontlist-v{font_manager.FontManager.__version__}.json"
    return found if found.is_file() else None


@functools.cache
def best_rung() -> Rung:
    """The highest rung this host allows, found by trying it."""
    if shutil.which("bwrap") is None:
        return Rung(
            "rlimits", False, "bubblewrap is not installed", "sudo apt-get install bubblewrap   (the Debian package)"
        )
    script = (
        "import ctypes, os; libc = ctypes.CDLL(None, use_errno=True);"
        "assert libc.unshare(0x20000000 | 0x20000 | 0x8000000) == 0, ctypes.get_errno();"
        "pid = os.fork();"
        "ok = os.waitpid(pid, 0)[1] == 0 if pid else libc.mount(b'proc', b'/proc', b'proc', 0, None);"
        "os._exit(0 if pid and ok else 1) if pid else os._exit(0 if ok == 0 else 1)"
    )
    tried = subprocess.run(
        [*_bubblewrap(None), sys.executable, "-I", "-B", "-c", script], capture_output=True, text=True, timeout=60
    )
    if tried.returncode == 0:
        return Rung("bubblewrap", True, "bubblewrap works, with private namespaces per student process")
    reason = (tried.stderr.strip().splitlines() or ["it exited with an error"])[-1]
    return Rung(
        "rlimits",
        False,
        f"bubblewrap is installed but this host refuses it: {reason}",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0   (or kernel.unprivileged_userns_clone=1)",
    )


def choose_rung(unsandboxed: bool) -> Rung:
    """The rung to grade on. Raises InfrastructureError where it would not be behind the wall and nobody said so."""
    rung = best_rung()
    if rung.walled or unsandboxed:
        return rung
    raise InfrastructureError(
        f"no sandbox on this host ({rung.why}); raise it with: {rung.raise_it}; or grade with --unsandboxed"
    )


class ForkServerHandle:
    """Asks a fork server for student processes, over its control socket. May be used in any process that was given it."""

    def __init__(self, rung: Rung, control: socket.socket):
        self.rung = rung
        self.control = control

    @property
    def alive(self) -> bool:
        """As far as can be told from here: a request to a dead one fails."""
        return True

    @property
    def last_words(self) -> str:
        return ""

    def fork(self, limits: dict[str, float], folder: str | None) -> socket.socket:
        """A new student process; returns our end of its socket. `folder` is its working folder on the lowest rung.

        Raises InfrastructureError where the fork server is gone. One that is still starting answers when it is ready.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        request = {
            "limits": limits,
            "private": self.rung.name == "bubblewrap",
            "uid": 60_000 + os.getpid() % 5000,
            "folder": folder,
            # The part of /tmp that is the student's own: all of it, unless the interpreter itself lives there.
            "tmp": "/tmp/work" if any(path.is_relative_to("/tmp") for path in _readable_folders()) else "/tmp",
        }
        try:
            socket.send_fds(self.control, [json.dumps(request).encode()], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise InfrastructureError(f"the fork server is gone: {error} {self.last_words}") from error
        finally:
            theirs.close()
        return ours

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self.control.close()


class ForkServer(ForkServerHandle):
    """A warm interpreter behind the wall that forks student processes. Starting it does not wait until it is warm."""

    def __init__(self, rung: Rung):
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        super().__init__(rung, control)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        fd = theirs.fileno()
        if rung.name == "bubblewrap":
            prefix, script, environment = _bubblewrap(font_list()), "/sandboxed/forkserver.py", None
        else:
            prefix, script, environment = [], str(SANDBOXED / "forkserver.py"), _environment()
        self._process = subprocess.Popen(
            [*prefix, sys.executable, "-I", "-B", script, str(fd)],
            pass_fds=[fd], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=environment, cwd="/",
        )  # fmt: skip
        theirs.close()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def last_words(self) -> str:
        """The end of what it printed: why it did not start."""
        if self._log.closed:
            return ""
        self._log.seek(0)
        return " | ".join(self._log.read().decode(errors="replace").strip().splitlines()[-3:])

    def stop(self) -> None:
        """End it and everything it started."""
        super().stop()
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._log.close()
