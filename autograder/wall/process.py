"""One forked process of a student's, its socket and its deadlines."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterable

from autograder.sandboxed import protocol, wire
from autograder.sandboxed.wire import Frame, Header
from autograder.wall.fork_server import ForkServerHandle
from autograder.wall.limits import LimitValues, backstop_seconds
from exercises.lost import AnswerCrashed, AnswerLost, AnswerTimedOut, InfrastructureError

TICK = 0.25
HELLO_SECONDS = 120.0  # a fork server that is still starting answers when it is warm
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")


class _Clock:
    """The deadlines of one request. The process's CPU time is read only when the answer is slow in coming."""

    def __init__(self, process: StudentProcess, cpu_seconds: float):
        self._process = process
        self._cpu_seconds = cpu_seconds
        self._start = time.monotonic()
        self._cpu_start: float | None = None

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self._start

    @property
    def used(self) -> float:
        """CPU seconds of this request; for a quick one the wall time, which bounds it."""
        if self._cpu_start is None:
            return self.elapsed
        return self._process.cpu() - self._cpu_start

    def check(self) -> None:
        """Called at each tick without an answer. Raises AnswerTimedOut."""
        if self._cpu_start is None:  # what it used up to the first tick is at most the time since the start
            self._cpu_start = self._process.cpu() - min(self.elapsed, TICK)
        if self.used > self._cpu_seconds or self.elapsed > backstop_seconds(self._cpu_seconds):
            raise AnswerTimedOut("over its time limit")


def _no_handle(handle: wire.Handle) -> None:
    raise wire.WireError("a handle where there can be none")


class StudentProcess:
    """One forked process and its socket. Any AnswerLost it raises means that it is dead.

    Trusted are its process id, which the kernel attests, and the time it takes, which is read from outside. Nothing else is.
    Making one raises InfrastructureError where no process comes.
    """

    def __init__(self, server: ForkServerHandle, limits: LimitValues, libraries: Iterable[str]):
        self.limits = limits
        self._server = server
        self.sock = server.fork(limits, libraries)
        self._pidfd = -1
        self._clock: _Clock | None = None
        self._reader = wire.Reader(self._tick)
        self.seconds = 0.0  # of its time that was used up, as far as deadlines are concerned
        self.pid = self._hello()

    def _hello(self) -> int:
        """The process id as the kernel attests it, translated into our own namespace."""
        self.sock.settimeout(HELLO_SECONDS)
        try:
            _, ancillary, _, _ = self.sock.recvmsg(1, socket.CMSG_SPACE(struct.calcsize("3i")), socket.MSG_PEEK)
            credentials = [data for level, kind, data in ancillary if kind == socket.SCM_CREDENTIALS]
            pid: int = struct.unpack("3i", credentials[0])[0]
            self._pidfd = os.pidfd_open(pid)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            self.sock.settimeout(None)
            wall = struct.pack("@ll", int(self.limits.wall_seconds), 0)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wall)
            protocol.unpack(*wire.receive(self.sock), _no_handle, protocol.HELLO)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, int(TICK * 1e6)))
        except (OSError, IndexError, EOFError, wire.WireError) as error:
            words = self._server.last_words
            self.close()
            raise InfrastructureError(f"a student process did not start: {error!r} {words}") from error
        return pid

    def cpu(self) -> float:
        """CPU seconds used so far, as the kernel counts them; children count once they were waited for."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                fields = file.read().rsplit(b")", 1)[1].split()
        except OSError:
            return self.seconds
        return sum(int(value) for value in fields[11:15]) / CLOCK_TICKS

    def exchange(
        self, header: Header, buffers: list[bytes], cpu_seconds: float, answer: Callable[[Header, list[bytes]], Frame]
    ) -> Frame:
        """Send an operation, serve the callbacks that it makes with `answer`, return what came back, which nobody has looked at.

        Raises AnswerTimedOut after `cpu_seconds` of its CPU time or `backstop_seconds` of them on the wall's clock, and
        AnswerCrashed where the process ended or broke the rules of the wire. In both cases it is killed.
        """
        self._clock = _Clock(self, cpu_seconds)
        try:
            # A process that does not read (a thread spinning in C code) does not block us either: see SO_SNDTIMEO.
            wire.send(self.sock, header, buffers)
            while True:
                reply, body = wire.receive(self.sock, self._reader)
                if not protocol.is_callback(reply):
                    self.seconds += self._clock.used
                    return reply, body
                if self._clock.elapsed > TICK:  # callbacks without end
                    self._clock.check()
                wire.send(self.sock, *answer(reply, body))
        except (AnswerLost, wire.WireError, OSError, EOFError) as error:
            self.close()
            if isinstance(error, AnswerLost):
                raise
            raise AnswerCrashed(f"the process broke off: {error}") from error

    def _tick(self) -> None:
        """Called while an answer is slow in coming. A process that ended may have left children that hold its socket."""
        assert self._clock is not None
        poller = select.poll()
        poller.register(self._pidfd, select.POLLIN)
        if poller.poll(0):
            raise AnswerCrashed("the process ended")
        self._clock.check()

    def close(self) -> None:
        """Kill it; its namespace or the fork server ends everything it started."""
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            os.close(self._pidfd)
            self._pidfd = -1
        self.sock.close()
