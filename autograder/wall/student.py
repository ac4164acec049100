"""The trusted handle on one student's code: run a cell, fetch a value, call a function through a proxy.

A cell or call that hangs, exits or crashes takes its process with it. The next request starts a new process and
replays the cells that were good, so that only the guilty question loses.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import marshal
import os
import select
import signal
import socket
import struct
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder.sandboxed import wire
from autograder.wall.ladder import ForkServerHandle
from autograder.wall.limits import LimitValues
from exercises.observation import AnswerCrashed, AnswerLost, AnswerOutOfMemory, AnswerTimedOut, InfrastructureError

TICK = 0.25
HELLO_SECONDS = 120.0  # a fork server that is still starting answers when it is warm
CLOCK_TICKS = os.sysconf("SC_CLK_TCK")
MAX_OUTPUTS = 100
MAX_OUTPUT_BYTES = 8 * 2**20
WATCHED_CALLS = 3  # of each exercise: watching slows a call down, and who uses a function uses it at once


class StudentError(Exception):
    """An exception of the student's code whose type is not one of Python's own."""


def _safe_exceptions() -> dict[str, type[Exception]]:
    """Python's own exceptions that are made from one message."""
    result = {}
    for name, value in vars(builtins).items():
        if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, (UnicodeError, OSError)):
            result[name] = value
    return {**result, "OSError": OSError, "FileNotFoundError": FileNotFoundError}


_EXCEPTIONS = {name: kind for name, kind in _safe_exceptions().items() if name not in ("Exception", "ExceptionGroup")}
_NO_MEMORY = ("can't allocate memory", "not enough memory")


def _student_exception(header: dict[str, Any]) -> Exception:
    """The exception to raise here for one that was raised there."""
    names = [str(name) for name in header["error"]]
    text = str(header.get("text", ""))[:2000]
    if "MemoryError" in names or any(hint in text for hint in _NO_MEMORY):
        return AnswerOutOfMemory(text)
    for name in names:
        if name in _EXCEPTIONS:
            return _EXCEPTIONS[name](text)
    return StudentError(f"{str(header.get('type'))[:100]}: {text}")


@dataclass
class CellRun:
    """What running one cell gave: nbformat outputs, the exception's type name, or how its process was lost."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    lost: str | None = None
    seconds: float = 0.0


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
        if self.used > self._cpu_seconds or self.elapsed > 3 * self._cpu_seconds + 5:
            raise AnswerTimedOut("over its time limit")


class StudentProcess:
    """One forked process and its socket. Any AnswerLost it raises means that it is dead."""

    def __init__(self, server: ForkServerHandle, limits: LimitValues):
        self.limits = limits
        self._server = server
        self.sock = server.fork(limits.to_dict())
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
            pid = struct.unpack("3i", credentials[0])[0]
            self._pidfd = os.pidfd_open(pid)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            self.sock.settimeout(None)
            wall = struct.pack("@ll", int(self.limits.wall_seconds), 0)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, wall)
            wire.receive(self.sock)
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", 0, int(TICK * 1e6)))
        except (OSError, IndexError, EOFError, wire.WireError) as error:
            words = self._server.last_words
            self.close()
            raise InfrastructureError(f"a student process did not start: {error!r} {words}") from error
        return pid

    def cpu(self) -> float:
        """CPU seconds used so far, its waited-for children included."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                fields = file.read().rsplit(b")", 1)[1].split()
        except OSError:
            return self.seconds
        return sum(int(value) for value in fields[11:15]) / CLOCK_TICKS

    def exchange(
        self, header: dict[str, Any], buffers: list[bytes], cpu_seconds: float, answer: Callable[..., Any]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Send a request, serve the callbacks it makes with `answer`, return its reply. Kills what is over time."""
        self._clock = _Clock(self, cpu_seconds)
        try:
            # A process that does not read (a thread spinning in C code) does not block us either: see SO_SNDTIMEO.
            wire.send(self.sock, header, buffers)
            while True:
                reply, body = wire.receive(self.sock, self._reader)
                if "callback" not in reply:
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


class Proxy:
    """A function, class or object that stays with the student. Calls cross the wall; what comes back is data."""

    __slots__ = ("_generation", "_handle", "_name", "_student")

    def __init__(self, student: Student, name: str | None, handle: wire.Handle, generation: int):
        self._student, self._name, self._handle, self._generation = student, name, handle, generation

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._student.call({"op": "call"}, self, list(args), kwargs)

    def __probe__(self, function: Callable[..., Any], inputs: dict[str, Any]) -> Any:
        return self._student.call({"op": "probe", "name": function.__name__}, self, _code(function), inputs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._student.ask({"op": "attribute", "name": name}, self)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in Proxy.__slots__:
            object.__setattr__(self, name, value)
        else:
            self._student.ask({"op": "set_attribute", "name": name}, self, value)

    def __getitem__(self, key: Any) -> Any:
        return self._student.ask({"op": "item"}, self, key)

    def __len__(self) -> int:
        return int(self._student.ask({"op": "len"}, self))

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Any]:
        iterator = self._student.ask({"op": "iter"}, self)
        while True:
            header, values = self._student.request({"op": "next"}, [iterator])
            if "end" in header:
                return
            yield values[0]

    def __next__(self) -> Any:
        header, values = self._student.request({"op": "next"}, [self])
        if "end" in header:
            raise StopIteration
        return values[0]

    def __repr__(self) -> str:
        return f"<the student's {self._name or self._handle.type_name}>"


@functools.lru_cache(maxsize=1024)
def _code(function: Callable[..., Any]) -> bytes:
    """What defines a function, compiled once and for both sides: they run the same interpreter."""
    return marshal.dumps(compile(textwrap.dedent(inspect.getsource(function)), "<probe>", "exec"))


class Student:
    """One notebook's code behind the wall."""

    def __init__(self, server: ForkServerHandle, limits: LimitValues, files: dict[str, bytes] | None = None):
        self.server = server
        self.limits = limits
        self.files = files or {}
        self.call_seconds = limits.cpu_seconds
        self.used: set[str] = set()  # the banned functions that calls were seen to use
        self._banned: list[str] = []
        self._calls_to_watch = 0
        self.seconds_left = limits.notebook_seconds
        self.generation = 0
        self.lost = False  # a process of this student was, somewhere
        self._process: StudentProcess | None = None
        self._good: list[tuple[dict[str, Any], list[Any]]] = []  # the cells, as they were requested
        self._callbacks: dict[int, Callable[..., Any]] = {}

    def __enter__(self) -> Student:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._process is not None:
            self._process.close()
            self._process = None

    # Cells ----------------------------------------------------------------------------------------------------------

    def run_cell(self, source: str, cell_id: str) -> CellRun:
        """Run one cell. A cell that is lost (hang, exit, crash) is left out of what is replayed."""
        start = time.monotonic()
        cell = {"op": "cell", "source": source, "id": cell_id}
        try:
            outputs, error = self._cell(cell)
        except AnswerLost as lost:
            return CellRun([_lost_output(lost)], lost=lost.status, seconds=time.monotonic() - start)
        except Exception:  # the shell itself was broken by what ran before
            self.close()
            broken = AnswerCrashed("the shell broke")
            return CellRun([_lost_output(broken)], lost=broken.status, seconds=time.monotonic() - start)
        self._good.append((cell, []))
        return CellRun(_clean_outputs(outputs), error, seconds=time.monotonic() - start)

    def run_test(self, code: bytes) -> None:
        """Run a visible test, marshalled, among the student's cells; raises what it raises. Its output goes nowhere."""
        self._live()
        self._good.append(({"op": "test"}, [code]))
        try:
            self.request({"op": "test"}, [code], self.limits.cpu_seconds)
        except AnswerLost:
            self._good.pop()
            raise

    def _cell(self, cell: dict[str, Any]) -> tuple[Any, Any]:
        self._live()
        _, values = self.request(cell, [], self.limits.cpu_seconds)
        if len(values) != 2 or not isinstance(values[0], list):
            self.close()
            raise AnswerCrashed("the process broke off")
        outputs, error = values
        return outputs, str(error)[:100] if error is not None else None

    def _live(self) -> StudentProcess:
        """The process, started and brought up to date where there is none."""
        if self._process is None:
            self.generation += 1
            self._process = StudentProcess(self.server, self.limits)
            if self.files:
                self.request({"op": "files"}, [self.files])
            self._replay()
        return self._process

    def _replay(self) -> None:
        """Run the good cells again. One that is lost this time is left out from now on."""
        for number, (header, values) in enumerate(self._good):
            try:
                self.request(header, values, self.limits.cpu_seconds)
            except AnswerLost:
                del self._good[number]
                raise
            except Exception:
                continue  # its own error, as before

    # Values ---------------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> Any:
        """The value of a global name: data, or a Proxy. Raises NameError where the student has no such name."""
        self._live()
        header, values = self.request({"op": "fetch", "name": name}, [])
        if "missing" in header:
            raise NameError(f"name {name!r} is not defined")
        value = values[0]
        if isinstance(value, Proxy):
            value._name = name
        return value

    def call(self, header: dict[str, Any], target: Proxy, args: list[Any] | bytes, kwargs: dict[str, Any]) -> Any:
        """Call the target, or a probe's code on it; arguments that the student's code changed are changed here too."""
        sent = [self._resolve(target), args, kwargs]
        self._callbacks.clear()
        if self._banned and self._calls_to_watch:
            self._calls_to_watch -= 1
            header = {**header, "banned": self._banned}
        reply, values = self.request(header, sent)
        if isinstance(reply.get("used"), list):
            self.used.update(str(name)[:100] for name in reply["used"][:10])
        if reply.get("changed") and isinstance(values[1], list) and len(values[1]) == 2:
            if isinstance(args, list):
                wire.copy_back(args, values[1][0])
            wire.copy_back(kwargs, values[1][1])
        return values[0]

    def watch(self, banned: list[str]) -> None:
        """See in `used` which of these functions the student's code uses in the next calls (WATCHED_CALLS of them)."""
        self.used, self._banned, self._calls_to_watch = set(), banned, WATCHED_CALLS

    def ask(self, header: dict[str, Any], target: Proxy, *values: Any) -> Any:
        """Any other operation on a handle."""
        _, results = self.request(header, [self._resolve(target), *values])
        return results[0] if results else None

    def _resolve(self, proxy: Proxy) -> Proxy:
        """The proxy, or its successor in a new process: a global name is looked up again, anything else is lost."""
        self._live()
        if proxy._generation == self.generation:
            return proxy
        if proxy._name is None:
            raise AnswerCrashed("the object was lost with its process")
        fresh = self.fetch(proxy._name)
        if not isinstance(fresh, Proxy):
            raise AnswerCrashed(f"{proxy._name} is no longer a function")
        proxy._handle, proxy._generation = fresh._handle, fresh._generation
        return proxy

    # Requests -------------------------------------------------------------------------------------------------------

    def request(
        self, header: dict[str, Any], values: list[Any], cpu_seconds: float | None = None
    ) -> tuple[dict[str, Any], list[Any]]:
        """One exchange. Raises the student's exception, or AnswerLost where the process was lost."""
        process = self._live() if self._process is None else self._process
        allowed = min(self.call_seconds if cpu_seconds is None else cpu_seconds, self.seconds_left)
        if allowed <= 0:
            raise AnswerTimedOut("the notebook's time is used up")
        encoded, buffers = self._encode(header, values)
        before = process.seconds
        try:
            reply, body = process.exchange(encoded, buffers, allowed, self._answer)
        except AnswerLost as lost:
            self._process = None
            self.lost = True
            if isinstance(lost, AnswerTimedOut):
                self.seconds_left -= allowed
                self.call_seconds = min(self.call_seconds, max(1.0, self.limits.cpu_seconds / 10))
            raise
        self.seconds_left -= process.seconds - before
        if "error" in reply:
            raise _student_exception(reply)
        return reply, self._decode(reply, body)

    def _encode(self, header: dict[str, Any], values: list[Any]) -> tuple[dict[str, Any], list[bytes]]:
        encoder = wire.Encoder(self._to_handle)
        try:
            return {**header, "values": [encoder.encode(value) for value in values]}, encoder.buffers
        except wire.WireError as error:
            raise TypeError(str(error)) from error

    def _to_handle(self, value: Any) -> list[Any]:
        if isinstance(value, Proxy):
            return ["handle", value._handle.number, "", "", True]
        if isinstance(value, Iterator):
            return wire.Encoder(self._to_handle).encode(wire.Stream(list(value)))
        if callable(value):
            number = -1 - len(self._callbacks)
            self._callbacks[number] = value
            return ["handle", number, getattr(value, "__name__", "callback"), "", True]
        raise wire.WireError(f"a {type(value).__name__} cannot be passed to a student's function")

    def _from_handle(self, handle: wire.Handle) -> Proxy:
        return Proxy(self, None, handle, self.generation)

    def _decode(self, header: dict[str, Any], buffers: list[bytes]) -> list[Any]:
        decoder = wire.Decoder(buffers, self._from_handle)
        nodes = header.get("values", [])
        try:
            return [decoder.decode(node) for node in nodes]
        except (wire.WireError, TypeError) as error:
            self.close()
            raise AnswerCrashed(f"the process sent nonsense: {error}") from error

    def _answer(self, header: dict[str, Any], buffers: list[bytes]) -> tuple[dict[str, Any], list[bytes]]:
        """Serve a callback: the student's code called a function of ours."""
        function = self._callbacks.get(header["callback"])
        values = self._decode(header, buffers)
        if function is None or len(values) != 2:
            raise wire.WireError("a callback that was not given")
        args, kwargs = values
        try:
            return self._encode({"op": "answer"}, [function(*args, **kwargs)])
        except InfrastructureError:
            raise
        except Exception as error:
            return {"op": "answer", "raise": type(error).__name__, "text": str(error)[:2000], "values": []}, []


# Outputs ------------------------------------------------------------------------------------------------------------


def _lost_output(lost: AnswerLost) -> dict[str, Any]:
    words = {
        "timed out": "This cell went over its time limit and was stopped.",
        "out of memory": "This cell went over its memory limit and was stopped.",
    }
    text = words.get(lost.status, "This cell ended its process (an exit, or a crash). The cells before it still count.")
    return {"output_type": "error", "ename": lost.status, "evalue": text, "traceback": [text]}


def _clean_outputs(outputs: list[Any]) -> list[dict[str, Any]]:
    """Only text and PNG images, within the caps: a student's HTML and JavaScript stay out of the TA's browser."""
    kept: list[dict[str, Any]] = []
    room = MAX_OUTPUT_BYTES
    for output in outputs:
        clean = _clean_output(output) if isinstance(output, dict) else None
        if clean is None:
            continue
        size = len(str(clean))
        if size > room or len(kept) >= MAX_OUTPUTS:
            kept.append({"output_type": "stream", "name": "stdout", "text": "... more output was cut\n"})
            break
        room -= size
        kept.append(clean)
    return kept


def _clean_output(output: dict[Any, Any]) -> dict[str, Any] | None:
    kind = output.get("output_type")
    if kind == "stream":
        name = "stderr" if output.get("name") == "stderr" else "stdout"
        return {"output_type": "stream", "name": name, "text": str(output.get("text", ""))}
    if kind == "error":
        lines = output.get("traceback")
        trace = [str(line) for line in lines] if isinstance(lines, list) else []
        return {
            "output_type": "error",
            "ename": str(output.get("ename", ""))[:200],
            "evalue": str(output.get("evalue", ""))[:2000],
            "traceback": trace[:200],
        }
    if kind in ("display_data", "execute_result") and isinstance(output.get("data"), dict):
        data = {mime: _clean_data(mime, output["data"].get(mime)) for mime in ("text/plain", "image/png")}
        clean = {"output_type": kind, "metadata": {}, "data": {k: v for k, v in data.items() if v is not None}}
        if kind == "execute_result":
            clean["execution_count"] = None
        return clean if clean["data"] else None
    return None


def _clean_data(mime: str, value: Any) -> str | None:
    if mime == "text/plain":
        return str(value)[: 2**20] if value is not None else None
    if isinstance(value, bytes):
        import base64

        return base64.b64encode(value).decode() if value.startswith(b"\x89PNG\r\n") else None
    if isinstance(value, str) and value.startswith("iVBORw0KGgo") and all(c.isalnum() or c in "+/=\n" for c in value):
        return value
    return None
