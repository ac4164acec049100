"""The wall's outer side: which rung of the ladder this host allows, and a fork server behind it.

The ladder: `bubblewrap` (the Debian/Ubuntu package; namespaces, no network, read-only system) -> `landlock` (the kernel
alone, Linux 6.12 or newer: a student's process gives up files, network and signals by itself) -> `rlimits` (resource limits
only: the student's code could read what this user can read). Each rung is probed once, by trying it; the one that was graded
on is recorded with every grade. COURSE_RUNG=landlock (or rlimits) in the environment starts lower.
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

SANDBOXED = Path(__file__).parents[1] / "sandboxed"
LADDER = ("bubblewrap", "landlock", "rlimits")
START = "COURSE_RUNG"  # environment variable: the rung to start at
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")
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


def _environment(folder: str = "/tmp") -> dict[str, str]:
    """The scrubbed environment of the sandbox: nothing of the grader's own."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": folder,
        "MPLCONFIGDIR": f"{folder}/matplotlib",
        "TMPDIR": f"{folder}/matplotlib",
        "IPYTHONDIR": f"{folder}/matplotlib/ipython",
        # One thread each, and no way to ask for more: a fork after a thread pool would hang.
        **dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
        "NBGRADER_EXECUTION": "autograde",
    }


@functools.cache
def _readable_folders() -> list[Path]:
    """What the interpreter needs: the Python installation and this environment's packages, not this project."""
    paths = {Path(sys.base_prefix), Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}
    if sys.prefix != sys.base_prefix:
        paths |= {Path(sys.prefix) / "pyvenv.cfg", Path(sys.prefix) / "bin"}
    return sorted(path for path in paths if path.exists() and not path.is_relative_to("/usr"))


def _readable() -> list[str]:
    """What a student's process may read on the landlock rung: what bubblewrap would mount."""
    return [*SYSTEM, *map(str, [*_readable_folders(), SANDBOXED])]


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
    command += ["--ro-bind", str(SANDBOXED), "/sandboxed", "--proc", "/proc"]
    # No --dev: for its terminals bubblewrap would nest a second user namespace, from which an ordinary user's fork server could
    # not come back to its own process namespace.
    command += ["--tmpfs", "/dev", "--dir", "/dev/shm", "--symlink", "/proc/self/fd", "/dev/fd"]
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        command += ["--symlink", f"/proc/self/fd/{number}", f"/dev/{name}"]
    for name in ("null", "zero", "full", "random", "urandom"):
        command += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
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
def _open_to_others() -> bool:
    """May every user of this machine read the interpreter and its packages?"""
    paths = [*_readable_folders(), SANDBOXED]
    folders = {parent for path in paths for parent in path.parents}
    return all(path.stat().st_mode & 0o4 for path in paths) and all(path.stat().st_mode & 0o1 for path in folders)


@functools.cache
def _capabilities() -> int:
    """What root is allowed here, a bit each: in a container not everything."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1], 16) for line in lines if line.startswith("CapEff:"))


def _identity(rung: str) -> tuple[bool, int | None]:
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
    problem = _run([*_bubblewrap(None), sys.executable, "-I", "-B", "-c", PRIVATE_WORLD])
    if problem is None:
        return None
    return Missing(
        f"bubblewrap is installed but this host refuses it: {problem}",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0   (or kernel.unprivileged_userns_clone=1)",
    )


def _try_landlock() -> Missing | None:
    own_user, capability = _identity("landlock")
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
        script = [sys.executable, "-I", "-B", str(SANDBOXED / "confine.py"), folder, *ids, __file__, *_readable()]
        problem = _run(script, _environment(folder))
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
    start = os.environ.get(START) or LADDER[0]
    if start not in LADDER:
        raise InfrastructureError(f"{START}={start} is no rung of the sandbox: it can be {', '.join(LADDER)}")
    above = [Missing(f"{START}={start} is set", f"unset {START}")] if start != LADDER[0] else []
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

    def fork(self, limits: dict[str, float]) -> socket.socket:
        """A new student process; returns our end of its socket.

        Raises InfrastructureError where the fork server is gone. One that is still starting answers when it is ready.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        own_user, capability = _identity(self.rung.name)
        request = {
            "limits": limits,
            "cores": sorted(os.sched_getaffinity(0)),
            "own_user": own_user,
            "capability": capability,
            "readable": _readable() if self.rung.name == "landlock" else [],
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


def _students_folder() -> str:
    """A temporary folder for a fork server and its students, with the font list in it."""
    folder = tempfile.mkdtemp(prefix="students-")
    os.chmod(folder, 0o711)  # a student's own user id passes through it
    os.mkdir(f"{folder}/matplotlib")
    fonts = font_list()
    if fonts is not None:
        shutil.copy(fonts, f"{folder}/matplotlib")
    return folder


class ForkServer(ForkServerHandle):
    """A warm interpreter behind the wall that forks student processes. Starting it does not wait until it is warm."""

    def __init__(self, rung: Rung):
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        super().__init__(rung, control)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in stop()
        self._folder: str | None = None
        fd = theirs.fileno()
        python = [sys.executable, "-I", "-B"]
        if rung.name == "bubblewrap":
            command, environment = [*_bubblewrap(font_list()), *python, "/sandboxed/forkserver.py", str(fd)], None
        else:
            self._folder = _students_folder()
            command = [*python, str(SANDBOXED / "forkserver.py"), str(fd), self._folder]
            environment = _environment(self._folder)
        self._process = subprocess.Popen(
            command,
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
        if self._folder is not None:  # it ends what it started, and removes the folder
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(30)
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        if self._folder is not None:  # where it could not
            shutil.rmtree(self._folder, ignore_errors=True)
        self._log.close()
