"""The upper rung's command line: what of this machine a student's process sees, and what it may do."""

from __future__ import annotations

import functools
import os
import sys
import sysconfig
from pathlib import Path

SANDBOXED = Path(__file__).parents[1] / "sandboxed"
MOUNTED = Path("/sandboxed")  # where that folder is inside bubblewrap
SYSTEM = ("/usr", "/bin", "/lib", "/lib64", "/sbin", "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives")

# One thread for each process that grades or is graded: sums in the same order on every machine.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OMP_THREAD_LIMIT", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def environment(folder: str = "/tmp") -> dict[str, str]:
    """The scrubbed environment of the sandbox: nothing of the grader's own."""
    return {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "HOME": folder,
        "MPLCONFIGDIR": f"{folder}/matplotlib",
        "TMPDIR": f"{folder}/matplotlib",
        "IPYTHONDIR": f"{folder}/matplotlib/ipython",
        **ONE_THREAD,  # and no way to ask for more: a fork after a thread pool would hang
        "NBGRADER_EXECUTION": "autograde",
    }


def program(name: str, folder: Path) -> list[str]:
    """The command line of a program of the student's side, where its folder is this one: `forkserver` or `confine`."""
    return [sys.executable, "-I", "-B", str(folder / "start.py"), name]


@functools.cache
def readable_folders() -> list[Path]:
    """What the interpreter needs: the Python installation and this environment's packages, not this project."""
    paths = {Path(sys.base_prefix), Path(sysconfig.get_path("purelib")), Path(sysconfig.get_path("platlib"))}
    if sys.prefix != sys.base_prefix:
        paths |= {Path(sys.prefix) / "pyvenv.cfg", Path(sys.prefix) / "bin"}
    return sorted(path for path in paths if path.exists() and not path.is_relative_to("/usr"))


def readable() -> list[str]:
    """What a student's process may read on the landlock rung: what bubblewrap would mount."""
    return [*SYSTEM, *map(str, [*readable_folders(), SANDBOXED])]


def _parents(paths: list[Path]) -> list[Path]:
    """Every folder above these paths, outermost first: they are made readable for the student's user id."""
    return sorted({parent for path in paths for parent in path.parents if parent != Path("/")})


def bubblewrap(fontlist: Path | None) -> list[str]:
    """The command line before the interpreter's own. fontlist: matplotlib's font cache, mounted where there is one."""
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
    for name, value in environment().items():
        command += ["--setenv", name, value]
    # First, so that an installation under /tmp is mounted over it and not hidden by it.
    command += ["--perms", "1777", "--tmpfs", "/tmp"]
    folders = readable_folders()
    for parent in _parents([*folders, MOUNTED / "x"]):
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
    command += ["--ro-bind", str(SANDBOXED), str(MOUNTED), "--proc", "/proc"]
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
