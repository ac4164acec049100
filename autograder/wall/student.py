"""The trusted handle on one student's code: run a cell, fetch a value, call a function through a proxy.

A cell or call that hangs, exits or crashes takes its process with it. The next request starts a new process and
replays the cells that were good, so that only the guilty question loses.

What comes back is data of a student's making: it is of the types that `protocol` promises, and may be a lie in all else. An
exception of the student's code is raised here as the nearest built-in class of it, or as StudentError; a lost process as
AnswerTimedOut, AnswerOutOfMemory or AnswerCrashed (all of them AnswerLost); a failure of ours as InfrastructureError.
"""

from __future__ import annotations

import functools
import inspect
import marshal
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from autograder.sandboxed import protocol, wire
from autograder.sandboxed.protocol import Operation, Reply
from autograder.sandboxed.wire import Frame, Header, Node, Value
from autograder.wall.fork_server import ForkServerHandle
from autograder.wall.limits import LimitValues
from autograder.wall.outputs import clean_outputs, lost_output
from autograder.wall.process import StudentProcess
from autograder.wall.student_errors import student_exception
from exercises.lost import AnswerCrashed, AnswerLost, AnswerTimedOut, InfrastructureError

MOST_USED = 10  # names of banned functions that are taken from one call
WATCHED_CALLS = 3  # of each exercise: watching slows a call down, and who uses a function uses it at once


@dataclass
class CellRun:
    """What running one cell gave: clean nbformat outputs, its exception's type name, or how its process was lost.

    lost: the status of the AnswerLost ("timed out", "out of memory", "crashed"). seconds: on the wall's clock.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str | None = None
    lost: str | None = None
    seconds: float = 0.0


class Proxy:
    """A function, class or object that stays with the student. Calls cross the wall; what comes back is data, or a Proxy again.

    Where its process was lost, a Proxy of a global name is looked up again in the next one; any other raises AnswerCrashed.
    A value that cannot cross (not data, or over the caps) raises TypeError.
    """

    __slots__ = ("_generation", "_handle", "_name", "_student")

    def __init__(self, student: Student, name: str | None, handle: wire.Handle, generation: int):
        self._student, self._name, self._handle, self._generation = student, name, handle, generation

    def __call__(self, *args: Value, **kwargs: Value) -> Value:
        return self._student.call(self, list(args), kwargs)

    def __probe__(self, function: Callable[..., Value], inputs: dict[str, Value]) -> Value:
        return self._student.probe(self, function, inputs)

    def __getattr__(self, name: str) -> Value:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._student.request(protocol.GetAttribute(self._student.alive(self), name)).value

    def __setattr__(self, name: str, value: Value) -> None:
        if name in Proxy.__slots__:
            object.__setattr__(self, name, value)
        else:
            self._student.request(protocol.SetAttribute(self._student.alive(self), name, value))

    def __getitem__(self, key: Value) -> Value:
        return self._student.request(protocol.GetItem(self._student.alive(self), key)).value

    def __len__(self) -> int:
        return self._student.request(protocol.GetLength(self._student.alive(self))).length

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> Iterator[Value]:
        iterator = self._student.request(protocol.GetIterator(self._student.alive(self))).value
        while not (item := self._student.request(protocol.Next(iterator))).ended:
            yield item.value

    def __next__(self) -> Value:
        item = self._student.request(protocol.Next(self))
        if item.ended:
            raise StopIteration
        return item.value

    def __repr__(self) -> str:
        return f"<the student's {self._name or self._handle.type_name}>"


@functools.lru_cache(maxsize=1024)
def _code(function: Callable[..., Value]) -> bytes:
    """What defines a function, compiled once and for both sides: they run the same interpreter."""
    return marshal.dumps(compile(textwrap.dedent(inspect.getsource(function)), "<probe>", "exec"))


class Student:
    """One notebook's code behind the wall, with one process at a time.

    files: the submission's own, path -> bytes. libraries: those of `preload.LIBRARIES` that its processes find imported; what
    they import themselves takes of their own time. call_seconds: CPU seconds that the next calls may take. seconds_left: of
    what the notebook's code may take in all. used: banned functions that watched calls were seen to use.
    """

    def __init__(
        self,
        server: ForkServerHandle,
        limits: LimitValues,
        files: dict[str, bytes] | None = None,
        libraries: Iterable[str] = (),
    ):
        self.server = server
        self.limits = limits
        self.files = files or {}
        self.libraries = list(libraries)
        self.call_seconds = limits.cpu_seconds
        self.used: set[str] = set()
        self._banned: list[str] = []
        self._calls_to_watch = 0
        self.seconds_left = limits.notebook_seconds
        self.generation = 0
        self.lost = False  # has any process of this student been lost?
        self._process: StudentProcess | None = None
        self._good: list[Operation[Any]] = []  # cells and visible tests that lost no process, to be replayed
        self._callbacks: dict[int, Callable[..., Value]] = {}

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
        """Run one cell; raises nothing of the student's.

        A cell that is lost (hang, exit, crash) is left out of what is replayed.
        """
        start = time.monotonic()
        cell = protocol.RunCell(source, cell_id)
        try:
            outputs, error = self._cell(cell)
        except AnswerLost as lost:
            return CellRun([lost_output(lost)], lost=lost.status, seconds=time.monotonic() - start)
        except Exception:  # the shell itself was broken by what ran before
            self.close()
            broken = AnswerCrashed("the shell broke")
            return CellRun([lost_output(broken)], lost=broken.status, seconds=time.monotonic() - start)
        self._good.append(cell)
        return CellRun(clean_outputs(outputs), error, seconds=time.monotonic() - start)

    def run_test(self, code: bytes) -> None:
        """Run a visible test, compiled and marshalled, among the student's cells. Raises what it raises; prints go nowhere."""
        self._live()
        test = protocol.RunTest(code)
        self._good.append(test)
        try:
            self.request(test, self.limits.cpu_seconds)
        except AnswerLost:
            self._good.pop()
            raise

    def _cell(self, cell: protocol.RunCell) -> tuple[list[Any], str | None]:
        self._live()
        ran = self.request(cell, self.limits.cpu_seconds)
        return ran.outputs, ran.error[: wire.MAX_NAME] if ran.error is not None else None

    def _live(self) -> StudentProcess:
        """The process, started and brought up to date where there is none."""
        if self._process is None:
            self.generation += 1
            self._process = StudentProcess(self.server, self.limits, self.libraries)
            if self.files:
                self.request(protocol.LayFiles(self.files))
            self._replay()
        return self._process

    def _replay(self) -> None:
        """Run the good cells again. One that is lost this time is left out from now on."""
        for number, operation in enumerate(self._good):
            try:
                self.request(operation, self.limits.cpu_seconds)
            except AnswerLost:
                del self._good[number]
                raise
            except Exception:
                continue  # its own error, as before

    # Values ---------------------------------------------------------------------------------------------------------

    def fetch(self, name: str) -> Value:
        """The value of a global name: data, or a Proxy. Raises NameError where the student has no such name."""
        self._live()
        fetched = self.request(protocol.Fetch(name))
        if not fetched.found:
            raise NameError(f"name {name!r} is not defined")
        if isinstance(fetched.value, Proxy):
            fetched.value._name = name
        return fetched.value

    def call(self, target: Proxy, args: list[Value], kwargs: dict[str, Value]) -> Value:
        """Call the target. Arguments that the student's code changed are changed here too, in place."""
        target = self._ready_to_call(target)
        called = self.request(protocol.Call(target, args, kwargs, self._to_look_out_for()))
        self._note_used(called)
        if called.changed is not None and len(called.changed) == 2:
            wire.copy_back(args, called.changed[0])
            wire.copy_back(kwargs, called.changed[1])
        return called.result

    def probe(self, target: Proxy, function: Callable[..., Value], inputs: dict[str, Value]) -> Value:
        """Run a probe where the target lives: its code crosses. Inputs that it changed are changed here too, in place."""
        target = self._ready_to_call(target)
        name, code = function.__name__, _code(function)
        called = self.request(protocol.Probe(target, code, inputs, self._to_look_out_for(), name))
        self._note_used(called)
        if called.changed is not None and len(called.changed) == 2:
            wire.copy_back(inputs, called.changed[1])
        return called.result

    def _ready_to_call(self, target: Proxy) -> Proxy:
        target = self.alive(target)
        self._callbacks.clear()
        return target

    def _to_look_out_for(self) -> list[str] | None:
        """The banned functions that the next call is watched for; None where it is not."""
        if not self._banned or not self._calls_to_watch:
            return None
        self._calls_to_watch -= 1
        return self._banned

    def _note_used(self, called: protocol.Called) -> None:
        self.used.update(str(name)[: wire.MAX_NAME] for name in (called.used or [])[:MOST_USED])

    def watch(self, banned: list[str]) -> None:
        """See in `used` which of these functions the student's code uses in the next calls (WATCHED_CALLS of them)."""
        self.used, self._banned, self._calls_to_watch = set(), banned, WATCHED_CALLS

    def alive(self, proxy: Proxy) -> Proxy:
        """The proxy, brought up to date where its process was lost: a global name is looked up again.

        Raises AnswerCrashed for anything else that lived there.
        """
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

    def request(self, operation: Operation[Reply], cpu_seconds: float | None = None) -> Reply:
        """Ask for an operation; `cpu_seconds` of the student's time are allowed, `call_seconds` where not given.

        Raises the student's exception, TypeError for values that cannot cross, or AnswerLost where the process was lost.
        """
        process = self._live() if self._process is None else self._process
        allowed = min(self.call_seconds if cpu_seconds is None else cpu_seconds, self.seconds_left)
        if allowed <= 0:
            raise AnswerTimedOut("the notebook's time is used up")
        frame = self._pack(operation)
        before = process.seconds
        try:
            header, buffers = process.exchange(*frame, allowed, self._answer)
        except AnswerLost as lost:
            self._process = None
            self.lost = True
            if isinstance(lost, AnswerTimedOut):
                self.seconds_left -= allowed
                self.call_seconds = min(self.call_seconds, max(1.0, self.limits.cpu_seconds / 10))
            raise
        self.seconds_left -= process.seconds - before
        reply = self._reply(operation, header, buffers)
        if isinstance(reply, protocol.Raised):
            raise student_exception(reply)
        return reply

    def _reply(self, operation: Operation[Reply], header: Header, buffers: list[bytes]) -> Reply | protocol.Raised:
        try:
            return protocol.unpack_reply(operation, header, buffers, self._from_handle)
        except wire.WireError as error:
            self.close()
            raise AnswerCrashed(f"the process sent nonsense: {error}") from error

    def _pack(self, message: protocol.Message) -> Frame:
        try:
            return protocol.pack(message, self._to_handle)
        except wire.WireError as error:
            raise TypeError(str(error)) from error

    def _to_handle(self, value: Value) -> Node:
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

    def _answer(self, header: Header, buffers: list[bytes]) -> Frame:
        """Serve a callback: the student's code called a function of ours. Raises WireError for one that was not given."""
        callback = protocol.unpack(header, buffers, self._from_handle, protocol.CALLBACK)
        function = self._callbacks.get(callback.number)
        if function is None:
            raise wire.WireError("a callback that was not given")
        try:
            return self._pack(protocol.CallbackReturned(function(*callback.args, **callback.kwargs)))
        except InfrastructureError:
            raise
        except Exception as error:
            return self._pack(protocol.CallbackRaised(type(error).__name__, str(error)[: wire.MAX_TEXT]))
