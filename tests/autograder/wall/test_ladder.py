"""The ladder, and each rung that this host allows, tried with real student processes: what works there, what the wall hides."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import numpy as np
import psutil
import pytest

from autograder.commands.simulated_class import read_notebooks, reference_answers, solve
from autograder.grading import job
from autograder.notebooks.template import read_templates
from autograder.notebooks.verdict import NotebookRecord
from autograder.wall import bubblewrap
from autograder.wall import ladder as sandbox
from autograder.wall.fork_server import ForkServer
from autograder.wall.ladder import LADDER, Missing, Rung, best_rung, choose_rung, missing
from autograder.wall.limits import LimitValues
from autograder.wall.student import Student
from exercises.lost import InfrastructureError

pytestmark = pytest.mark.slow(60)

PROJECT = Path(__file__).parents[3]
ALLOWED = [name for name in LADDER if missing(name) is None]
WALLED = [name for name in ALLOWED if name != "rlimits"]
REFUSED = ("PermissionError", "FileNotFoundError", "OSError")

every_rung = pytest.mark.parametrize("server", ALLOWED, indirect=True)
walled_rungs = pytest.mark.parametrize("server", WALLED, indirect=True)


def rung(name: str) -> Rung:
    return Rung(name, name != "rlimits", "chosen by a test")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    one = ForkServer(rung(request.param))
    yield one
    one.stop()


@pytest.fixture
def student(server: ForkServer) -> Iterator[Student]:
    with Student(server, LimitValues(cpu_seconds=5, notebook_seconds=30, memory_mib=1024)) as one:
        yield one


def define(student: Student, source: str) -> None:
    run = student.run_cell("import contextlib, ctypes, os, socket, subprocess, sys\nimport numpy as np\n" + source, "a")
    assert run.error is None, run.outputs


def tried(student: Student, line: str) -> str:
    """What this raises on the student's side; '' where it worked."""
    run = student.run_cell(line, "a")
    assert run.lost is None, line
    return run.error or ""


def soon(condition: Callable[[], bool]) -> bool:
    return any(condition() or time.sleep(0.05) for _ in range(200))


def running(marker: str) -> bool:
    return any(marker in " ".join(one.info["cmdline"] or ()) for one in psutil.process_iter(["cmdline"]))


# The ladder -----------------------------------------------------------------------------------------------------------------


def without(monkeypatch: pytest.MonkeyPatch, **problems: Missing) -> None:
    monkeypatch.delenv(sandbox.START_RUNG, raising=False)
    monkeypatch.setattr(sandbox, "missing", problems.get)


NO_BUBBLEWRAP, NO_LANDLOCK = Missing("no bwrap here", "install bwrap"), Missing("too old a kernel", "a newer kernel")


def test_the_highest_rung_that_works_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)
    assert (best_rung().name, best_rung().walled, best_rung().raise_it) == ("bubblewrap", True, "")
    without(monkeypatch, bubblewrap=NO_BUBBLEWRAP)
    assert (best_rung().name, best_rung().walled, best_rung().raise_it) == ("landlock", True, "install bwrap")
    assert "no bwrap here" in best_rung().why


def test_without_a_wall_nothing_is_graded_unless_told(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, bubblewrap=NO_BUBBLEWRAP, landlock=NO_LANDLOCK)
    with pytest.raises(InfrastructureError, match=r"no bwrap here; too old a kernel.*install bwrap; or a newer kernel"):
        choose_rung(unsandboxed=False)
    assert choose_rung(unsandboxed=True).name == "rlimits"


def test_the_environment_starts_the_ladder_lower(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch)
    monkeypatch.setenv("COURSE_RUNG", "")
    assert (best_rung().name, best_rung().raise_it) == ("bubblewrap", "")
    monkeypatch.setenv("COURSE_RUNG", "landlock")
    assert (best_rung().name, best_rung().raise_it) == ("landlock", "unset COURSE_RUNG")
    monkeypatch.setenv("COURSE_RUNG", "rlimits")
    assert (best_rung().name, best_rung().walled) == ("rlimits", False)
    monkeypatch.setenv("COURSE_RUNG", "docker")
    with pytest.raises(InfrastructureError, match=r"COURSE_RUNG=docker is no rung.*bubblewrap, landlock, rlimits"):
        best_rung()


def test_bubblewrap_that_is_not_installed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    problem = sandbox._try_bubblewrap()
    assert problem is not None
    assert "apt-get install bubblewrap" in problem.fix


@pytest.mark.parametrize("name", [name for name in WALLED if name == "landlock"])
def test_a_wall_with_a_hole_is_no_rung(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    readable = bubblewrap.readable()
    monkeypatch.setattr(sandbox, "readable", lambda: [*readable, str(PROJECT)])
    problem = sandbox._try_landlock()
    assert problem is not None
    assert "can still read a file" in problem.why


def test_the_suite_says_on_which_rungs_it_ran(request: pytest.FixtureRequest) -> None:
    text = str(request.config.hook.pytest_report_header(config=request.config, start_path=PROJECT))
    assert f"{', '.join(ALLOWED)} (graded on: {best_rung().name})" in text
    assert all(name in text for name in LADDER)


# What works on every rung ---------------------------------------------------------------------------------------------------


@every_rung
def test_an_honest_notebook_gets_its_points(server: ForkServer, monkeypatch: pytest.MonkeyPatch) -> None:
    assignment = "hw0_warmup"
    notebooks = solve(read_notebooks(PROJECT / "release" / assignment), reference_answers(assignment))
    handed_in = {name: nbformat.writes(nb).encode() for name, nb in notebooks.items()}
    monkeypatch.setitem(job._servers, os.getpid(), server)
    result = job.grade_submission(
        job.Job("ada", assignment, handed_in, read_templates(PROJECT / "source" / assignment))
    )
    assert (result.status, result.points) == ("passed", 4.0)
    for text in result.notebooks.values():
        record = NotebookRecord.of(nbformat.reads(text, as_version=4))
        assert record is not None
        assert record.rung == record.digest["rung"] == server.rung.name


@every_rung
@pytest.mark.parametrize("line", ["import bdb", "import wave, colorsys", "!echo shell", "%%bash\necho bash", "%time 1"])
def test_what_was_not_loaded_before_can_be(student: Student, line: str) -> None:
    assert tried(student, line) == ""


@every_rung
def test_the_working_folder_is_the_students_own(student: Student) -> None:
    define(student, "import shutil, tempfile\nimport matplotlib.pyplot as plt\n"
                    "open('a', 'w').write('text')\nshutil.copy2('a', 'b')\nos.makedirs('c/d')\n"
                    "plt.plot([1, 2])\nplt.savefig('figure.png')\nnp.save('array.npy', np.ones(2))\n"
                    "where = os.path.dirname(tempfile.mkdtemp())\nhome = os.path.expanduser('~')\n"
                    "code = 'import matplotlib; print(matplotlib.get_configdir())'\n"
                    "child = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)\n"
                    "here, config, words = os.getcwd(), child.stdout.strip(), child.stderr")  # fmt: skip
    here = student.fetch("here")
    assert [student.fetch(name) for name in ("where", "home", "config", "words")] == [here, here, here, ""]


@every_rung
def test_processes_and_files_are_bounded(student: Student) -> None:
    assert tried(student, "open('big', 'wb').write(bytes(10**8))") == "OSError"
    bomb = "import os, time\nfor _ in range(500):\n    if not os.fork():\n        time.sleep(60)"
    assert tried(student, bomb) == "BlockingIOError"


@every_rung
def test_threads_can_be_had_by_a_user_who_runs_much_already(student: Student) -> None:
    define(student, "from concurrent.futures import ThreadPoolExecutor\n"
                    "with ThreadPoolExecutor(20) as pool:\n    total = sum(pool.map(abs, range(100)))")  # fmt: skip
    assert student.fetch("total") == 4950


# What ends with the student -------------------------------------------------------------------------------------------------


@every_rung
def test_the_folder_is_removed_whatever_is_in_it(server: ForkServer) -> None:
    with Student(server, LimitValues()) as student:
        define(student, "here = os.getcwd()\nos.mkdir('closed', mode=0)\nopen('file', 'w').write('x')\n"
                        "for _ in range(2000):\n    os.mkdir('deep')\n    os.chdir('deep')")  # fmt: skip
        folder = Path(student.fetch("here"))
    assert soon(lambda: not folder.exists())


@walled_rungs
def test_no_process_is_left(server: ForkServer) -> None:
    marker = "24681357"
    with Student(server, LimitValues()) as student:
        define(student, f"command = ['sleep', '{marker}']\n"
                        "for options in ({}, {'start_new_session': True}, {'process_group': 0}):\n"
                        "    with contextlib.suppress(OSError):\n        subprocess.Popen(command, **options)\n"
                        "subprocess.Popen(['nohup', *command])\n"
                        "if not os.fork():\n"
                        "    with contextlib.suppress(OSError):\n        os.setsid()\n"
                        "    if os.fork():\n        os._exit(0)\n"
                        "    os.execvp('sleep', command)")  # fmt: skip
        assert soon(lambda: running(marker))
    assert soon(lambda: not running(marker))


@every_rung
def test_a_student_has_a_process_group_of_its_own(student: Student) -> None:
    """`os.kill(0, 9)`, or `os.kill(os.getppid(), 9)` where the parent cannot be seen, would else end the fork server too."""
    define(student, "own = os.getpgrp() == os.getpid()")
    assert student.fetch("own") is True


GRADER = """
import os, sys
from autograder.wall.limits import LimitValues
from autograder.wall.fork_server import ForkServer
from autograder.wall.ladder import Rung
from autograder.wall.student import Student
name, marker = sys.argv[1:]
student = Student(ForkServer(Rung(name, name != "rlimits", "")), LimitValues())
print(student.run_cell(f"import subprocess; subprocess.Popen(['sleep', '{marker}'])", "a").error, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("name", ALLOWED)
def test_a_killed_grader_leaves_nothing(name: str) -> None:
    marker = f"1357{ALLOWED.index(name)}2468"
    with tempfile.TemporaryDirectory() as temporary:
        os.chmod(temporary, 0o755)
        command = [sys.executable, "-c", GRADER, name, marker]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=120, env={**os.environ, "TMPDIR": temporary}, cwd=PROJECT
        )
        assert done.stdout == "None\n", done.stderr
        assert soon(lambda: not running(marker))
        assert soon(lambda: not os.listdir(temporary))


# What the wall hides --------------------------------------------------------------------------------------------------------


@walled_rungs
def test_no_file_of_the_course_can_be_read(student: Student, server: ForkServer, tmp_path: Path) -> None:
    (tmp_path / "gradebook.db").write_text("secret")
    exercises = next((PROJECT / "exercises" / "hw0_warmup").glob("*.py"))
    source = next((PROJECT / "source" / "hw0_warmup").glob("*.ipynb"))
    processes = [f"/proc/{pid}/{name}" for pid in (os.getpid(), server._process.pid) for name in ("environ", "cmdline")]
    for path in (exercises, source, tmp_path / "gradebook.db", Path(sandbox.__file__), "/etc/passwd", *processes):
        assert tried(student, f"open({str(path)!r}).read()") in REFUSED, path
    for folder in ("source", "exercises", "autograder"):
        assert tried(student, f"import os; os.listdir({str(PROJECT / folder)!r})") in REFUSED
    for module in ("exercises", "autograder", "lecture5"):
        assert tried(student, f"import {module}") in ("ModuleNotFoundError", "PermissionError")


@every_rung
def test_the_students_side_is_on_no_path(student: Student) -> None:
    define(student, "path = list(sys.path)")
    folders = {str(bubblewrap.SANDBOXED), str(bubblewrap.MOUNTED), str(PROJECT), str(PROJECT / "autograder")}
    assert not folders & set(student.fetch("path"))
    assert tried(student, "import forkserver") == "ModuleNotFoundError"


@walled_rungs
def test_neither_processes_nor_environment_are_seen(student: Student) -> None:
    define(student, "import glob\nseen = glob.glob('/proc/[0-9]*')\nnames = sorted(os.environ)")
    assert set(student.fetch("seen")) <= {"/proc/1"}  # itself, where it has a namespace
    assert not {"COURSE_SEED", "SSH_AUTH_SOCK", "USER", "COURSE_RUNG"} & set(student.fetch("names"))


@every_rung
def test_no_open_file_was_inherited(student: Student) -> None:
    define(student, "fds = []\nfor fd in range(256):\n    with contextlib.suppress(OSError):\n"
                    "        os.fstat(fd)\n        fds.append(fd)")  # fmt: skip
    assert len(student.fetch("fds")) <= 5  # three times nothing, the grader's socket, sys.stdin


@walled_rungs
def test_two_students_share_nothing(server: ForkServer) -> None:
    name = f"note-{os.getpid()}"
    paths = [f"/tmp/{name}", f"/dev/shm/{name}", f"/var/tmp/{name}"]
    with Student(server, LimitValues()) as one, Student(server, LimitValues()) as two:
        define(one, f"here = os.getcwd()\nfor path in ['{name}', *{paths!r}]:\n"
                    "    with contextlib.suppress(OSError):\n        open(path, 'w').write('mine')")  # fmt: skip
        assert one.run_cell(f"open('{name}').read()", "b").error is None
        here = one.fetch("here")
        for path in (*paths, f"{here}/{name}"):
            assert tried(two, f"open({path!r})") in REFUSED
        tried(two, f"open({here + '/planted'!r}, 'w')")
        assert tried(one, "open('planted')") == "FileNotFoundError"
        assert not any(os.path.exists(path) for path in paths)


@walled_rungs
@pytest.mark.parametrize("folder", ["/", "/usr", "/etc", "/dev", "/proc/sys/kernel", "PACKAGES", "SANDBOXED"])
def test_the_system_is_read_only(student: Student, folder: str) -> None:
    where = {"PACKAGES": Path(np.__file__).parents[1], "SANDBOXED": bubblewrap.SANDBOXED}.get(folder, Path(folder))
    assert tried(student, f"open({str(where / 'planted.pth')!r}, 'w')") in REFUSED
    assert not (where / "planted.pth").exists()


@walled_rungs
def test_modes_owners_and_times_of_files_stay(student: Student) -> None:
    path = Path(np.__file__)
    before = path.stat()
    attempts = (
        "chmod(path, 0)",
        "chown(path, os.getuid(), os.getgid())",
        "utime(path, (1, 1))",
        "setxattr(path, 'user.x', b'')",
    )
    for attempt in attempts:
        tried(student, f"import os; path = {str(path)!r}; os.{attempt}")
    after = path.stat()
    assert (before.st_mode, before.st_uid, before.st_mtime) == (after.st_mode, after.st_uid, after.st_mtime)
    assert os.listxattr(path) == []


@walled_rungs
def test_nobody_is_reached(student: Student) -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        os.chmod(folder, 0o755)
        places = {
            "tcp": (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            "udp": (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            "path": (socket.AF_UNIX, socket.SOCK_STREAM, f"{folder}/stream"),
            "datagrams": (socket.AF_UNIX, socket.SOCK_DGRAM, f"{folder}/datagram"),
            "abstract": (socket.AF_UNIX, socket.SOCK_STREAM, f"\0course-{os.getpid()}"),
        }
        listeners = {}
        for name, (family, kind, address) in places.items():
            listener = listeners[name] = stack.enter_context(socket.socket(family, kind))
            listener.bind(address)
            listener.setblocking(False)
            if kind == socket.SOCK_STREAM:
                listener.listen()
            if family == socket.AF_UNIX and not str(address).startswith("\0"):
                os.chmod(address, 0o777)
            address = listener.getsockname()
            tried(
                student,
                f"import socket; s = socket.socket({int(family)}, {int(kind)}); s.settimeout(1)\n"
                f"s.connect({address!r}); s.send(b'x')",
            )
            tried(
                student,
                "import socket; a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
                f"a.sendto(b'x', {address!r})",
            )
        for name, listener in listeners.items():
            with pytest.raises(BlockingIOError):
                print(name, listener.accept() if places[name][1] == socket.SOCK_STREAM else listener.recv(1))


HARM = """
import resource, signal
libc = ctypes.CDLL(None, use_errno=True)
for pid in PIDS:
    for attempt in (
        lambda: os.kill(pid, 9), lambda: os.kill(pid, 19), lambda: os.killpg(pid, 9),
        lambda: signal.pidfd_send_signal(os.pidfd_open(pid), 9),
        lambda: resource.prlimit(pid, resource.RLIMIT_CPU, (0, 0)),
        lambda: os.setpriority(os.PRIO_PROCESS, pid, 19), lambda: os.sched_setaffinity(pid, {0}),
    ):
        with contextlib.suppress(OSError):
            attempt()
traced = [libc.ptrace(16, pid, None, None) for pid in PIDS]
with contextlib.suppress(OSError):
    os.kill(-1, 9)
"""


@walled_rungs
def test_nobody_else_is_killed_traced_or_slowed(student: Student, server: ForkServer) -> None:
    victim = subprocess.Popen(["sleep", "600"])
    try:
        define(student, HARM.replace("PIDS", str((victim.pid, server._process.pid, os.getpid()))))
        assert student.fetch("traced") == [-1, -1, -1]
        assert victim.poll() is None
        status = Path(f"/proc/{victim.pid}/status").read_text()
        assert "State:\tS" in status
        assert "TracerPid:\t0" in status
        assert resource.prlimit(victim.pid, resource.RLIMIT_CPU) == resource.getrlimit(resource.RLIMIT_CPU)
        assert os.getpriority(os.PRIO_PROCESS, victim.pid) == os.getpriority(os.PRIO_PROCESS, 0)
        assert os.sched_getaffinity(victim.pid) == os.sched_getaffinity(0)
        assert server.alive
    finally:
        victim.kill()
        victim.wait()


@walled_rungs
def test_no_shared_memory_is_left(student: Student) -> None:
    calls = "shmget(0x5EC0DE, 4096, 0o1666)", "semget(0x5EC0DE, 1, 0o1666)", "msgget(0x5EC0DE, 0o1666)"
    define(student, "libc = ctypes.CDLL(None)\n" + "\n".join(f"libc.{call}" for call in calls))
    for kind in ("shm", "sem", "msg"):
        assert str(0x5EC0DE) not in Path(f"/proc/sysvipc/{kind}").read_text()


@walled_rungs
def test_no_privilege_is_left(student: Student, server: ForkServer) -> None:
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{student._live().pid}/status").read_text().strip().splitlines()
    )
    _, capability = sandbox.identity(server.rung.name)
    kept = 0 if capability is None else 1 << capability
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {kept}
    assert status["NoNewPrivs"].strip() == "1"
    assert "0" not in status["Uid"].split()
    assert (status["Seccomp"].strip() == "2") == (server.rung.name == "landlock")
    assert tried(student, "import os; os.setuid(0)") in REFUSED
