"""The trusted handle on one student's code: run a cell, fetch a value, call a function through a proxy.

A cell or call that hangs, exits or crashes takes its process with it. The next request starts a new process and
replays the cells that were good, so that only the guilty question loses.
"""

from __future__ import annotations

import functools
import inspect
import marshal
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder.sandboxed import wire
from autograder.wall.fork_server import ForkServerHandle
from autograder.wall.limits import LimitValues
from autograder.wall.outputs import clean_outputs, lost_output
from autograder.wall.process import StudentProcess
from autograder.wall.student_errors import student_exception
from exercises.lost import AnswerCrashed, AnswerLost, AnswerTimedOut, InfrastructureError

WATCHED_CALLS = 3  # of each exercise: watching slows a call down, and who uses a function uses it at once


@dataclass
class CellRun:
    """What running one cell gave: nbformat outputs, the exception's type name, or how its process was lost."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    lost: str | None = None
    seconds: float = 0.0


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
            return CellRun([lost_output(lost)], lost=lost.status, seconds=time.monotonic() - start)
        except Exception:  # the shell itself was broken by what ran before
            self.close()
            broken = AnswerCrashed("the shell broke")
            return CellRun([lost_output(broken)], lost=broken.status, seconds=time.monotonic() - start)
        self._good.append((cell, []))
        return CellRun(clean_outputs(outputs), error, seconds=time.monotonic() - start)

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
            raise student_exception(reply)
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
