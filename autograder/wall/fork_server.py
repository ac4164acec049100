"""A warm interpreter behind the wall that forks a process per student, and the handle to ask it with."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.wall.bubblewrap import MOUNTED, SANDBOXED, bubblewrap, environment, program, readable, readable_folders
from autograder.wall.ladder import Rung, identity
from autograder.wall.limits import LimitValues
from exercises.lost import InfrastructureError

if TYPE_CHECKING:  # it imports torch, which a process that only hands out jobs does not need
    from autograder.sandboxed.protocol import ForkRequest, LoadRequest


@functools.cache
def font_list() -> Path | None:
    """matplotlib's font cache of this user: building one takes seconds at every start."""
    import matplotlib
    from matplotlib import font_manager

    found = Path(matplotlib.get_cachedir()) / f"fontlist-v{font_manager.FontManager.__version__}.json"
    return found if found.is_file() else None


class ForkServerHandle:
    """Asks a fork server for student processes, over its control socket. May be used in any process that was given it.

    The fork server is trusted as far as it has run no student's code; it holds nothing that a student may not see.
    """

    def __init__(self, rung: Rung, control: socket.socket):
        self.rung = rung
        self.control = control

    @property
    def alive(self) -> bool:
        """As far as can be told from here: a request to a dead one fails."""
        return True

    @property
    def last_words(self) -> str:
        """What it printed before it ended, where that can be known from here."""
        return ""

    def fork(self, limits: LimitValues, libraries: Iterable[str] = ()) -> socket.socket:
        """A new student process, with these of `preload.LIBRARIES` imported; returns our end of its socket.

        Raises InfrastructureError where the fork server is gone. One that is still starting answers when it is ready.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        own_user, capability = identity(self.rung.name)
        request: ForkRequest = {
            "memory_mib": limits.memory_mib,
            "files_mib": limits.files_mib,
            "processes": limits.processes,
            "cores": sorted(os.sched_getaffinity(0)),
            "own_user": own_user,
            "capability": capability,
            "readable": readable() if self.rung.name == "landlock" else [],
            # The part of /tmp that is the student's own: all of it, unless the interpreter itself lives there.
            "tmp": "/tmp/work" if any(path.is_relative_to("/tmp") for path in readable_folders()) else "/tmp",
            "libraries": list(libraries),
        }
        try:
            socket.send_fds(self.control, [json.dumps(request).encode()], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise InfrastructureError(f"the fork server is gone: {error} {self.last_words}") from error
        finally:
            theirs.close()
        return ours

    def load(self, libraries: Iterable[str]) -> None:
        """Let it import these of `preload.LIBRARIES` before it is asked for a student who needs them."""
        request: LoadRequest = {"libraries": list(libraries)}
        with contextlib.suppress(OSError):  # it is gone: the next request says so
            self.control.send(json.dumps(request).encode())

    def stop(self) -> None:
        """Hang up. The fork server ends when nobody is left to ask it."""
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
        scrubbed: dict[str, str] | None = None  # bubblewrap sets it by itself
        fd = theirs.fileno()
        if rung.name == "bubblewrap":
            command = [*bubblewrap(font_list()), *program("forkserver", MOUNTED), str(fd)]
        else:
            self._folder = _students_folder()
            command = [*program("forkserver", SANDBOXED), str(fd), self._folder]
            scrubbed = environment(self._folder)
        self._process = subprocess.Popen(
            command,
            pass_fds=[fd], stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=scrubbed, cwd="/",
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
