"""The student's process: runs notebook cells in an IPython shell and answers the grader's calls.

Nothing in here is trusted by the grader; it only has to work for honest students. The grader reads plain data from
it and keeps the deadlines itself.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import itertools
import linecache
import marshal
import os
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from socket import socket
from typing import Any, ClassVar, TypeAlias

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell

from . import protocol, wire
from .protocol import Allowed, Message, SomeMessage
from .watch import call_watched
from .wire import Node, Value

Output: TypeAlias = dict[str, Any]  # of nbformat's; while a cell runs, a stream has `parts` in place of its `text`


class CappedWriter(io.TextIOBase):
    """A text stream that keeps the first `limit` characters as outputs and counts the rest."""

    def __init__(self, name: str, outputs: list[Output], limit: int = wire.MAX_PRINTED):
        self.name, self.outputs, self.left, self.dropped = name, outputs, limit, 0

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self.left <= 0:
            self.dropped += len(text)
            return len(text)
        kept = text[: self.left]
        self.left -= len(kept)
        self.dropped += len(text) - len(kept)
        last = self.outputs[-1] if self.outputs else None
        if last is not None and last.get("name") == self.name:
            last["parts"].append(kept)
        else:
            self.outputs.append({"output_type": "stream", "name": self.name, "parts": [kept]})
        return len(text)

    def note(self) -> Output:
        """What tells that some is missing."""
        text = f"\n... {self.dropped} more characters were printed and cut\n"
        return {"output_type": "stream", "name": self.name, "text": text}


class _Publisher(DisplayPublisher):
    """Collects rich output (figures) as nbformat outputs."""

    def publish(self, data: Any, metadata: Any = None, source: Any = None, **kwargs: Any) -> None:
        if self.shell.collected is not None:
            self.shell.collected.append(
                {"output_type": "display_data", "data": dict(data), "metadata": dict(metadata or {})}
            )

    def clear_output(self, wait: bool = False) -> None:
        pass


class _DisplayHook(DisplayHook):
    """Collects the value of a cell's last line."""

    shell: Any

    def write_output_prompt(self) -> None:
        pass

    def write_format_data(self, format_dict: Any, md_dict: Any = None) -> None:
        if self.shell.collected is not None:
            self.shell.collected.append(
                {"output_type": "execute_result", "data": dict(format_dict), "metadata": dict(md_dict or {})}
            )

    def finish_displayhook(self) -> None:
        pass


class StudentShell(InteractiveShell):
    """An IPython shell without terminal, history database or configuration files."""

    display_pub_class = _Publisher
    displayhook_class = _DisplayHook
    trace: list[str]
    collected: list[Output] | None = None

    def collect(self, outputs: list[Output] | None) -> list[Output] | None:
        """Send what cells display into this list (None: nowhere); returns where it went before."""
        before, self.collected = self.collected, outputs
        return before

    def transform_cell(self, raw_cell: str) -> str:
        """Plain Python stays as it is; IPython would tokenize it five times over to find that out."""
        try:
            ast.parse(raw_cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # magics, `!commands`, and real mistakes
            transformed: str = super().transform_cell(raw_cell)
            return transformed
        return raw_cell if raw_cell.endswith("\n") else raw_cell + "\n"

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.trace = [str(line) for line in stb]

    def system(self, cmd: str) -> None:
        """`!command`: its output belongs to the cell."""
        print(self.getoutput(cmd, split=False))

    def init_history(self) -> None:
        HistoryManager.enabled = False  # type: ignore[assignment] # a traitlet, which takes its value
        super().init_history()

    def enable_gui(self, gui: Any = None) -> None:
        pass

    def ask_exit(self) -> None:
        """`exit()` in a cell: nothing to leave."""


def make_shell() -> StudentShell:
    """The warm shell, built once in the fork server."""
    os.environ["MPLBACKEND"] = "module://matplotlib_inline.backend_inline"
    shell = StudentShell.instance()
    assert shell.display_formatter is not None
    shell.display_formatter.active_types = ["text/plain", "image/png"]
    shell.colors = "nocolor"
    with contextlib.suppress(Exception):
        shell.run_line_magic("matplotlib", "inline")
    # So that what IPython imports at its first cell is there, and the sources that a seed's stack trace is made of.
    for source in ("1 + 1", "%who", "1 / 0", "import torch; torch.manual_seed(torch.initial_seed())"):
        shell.collect([])
        with _silenced(CappedWriter("", [], limit=0)):
            shell.run_cell(source, store_history=False)
    return shell


def _within(outputs: list[Output], limit: int) -> list[Output]:
    """The first outputs, up to so many characters in all; a note tells of the rest."""
    for number, output in enumerate(outputs):
        limit -= len(str(output))
        if limit < 0:
            note = {"output_type": "stream", "name": "stdout", "text": "... more output was cut\n"}
            return [*outputs[:number], note]
    return outputs


def _error_output(error: BaseException, trace: list[str]) -> Output:
    return {
        "output_type": "error",
        "ename": type(error).__name__,
        "evalue": str(error)[: wire.MAX_TEXT],
        "traceback": [line[: wire.MAX_TRACE_LINE] for line in trace],
    }


def _raised(error: BaseException) -> protocol.Raised:
    names = [cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "builtins"]
    try:
        text = str(error)[: wire.MAX_TEXT]
    except Exception:
        text = ""
    return protocol.Raised(names, type(error).__name__, text)


@contextlib.contextmanager
def _silenced(writer: CappedWriter) -> Iterator[None]:
    """Prints go nowhere; and a warning is no mistake, not even after `warnings.simplefilter("error")`."""
    with contextlib.redirect_stdout(writer), contextlib.redirect_stderr(writer), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() has nobody to answer it while a notebook is graded")


class Session:
    """One notebook's session: answers the grader over one socket until it closes."""

    def __init__(self, sock: socket, shell: StudentShell):
        self.sock = sock
        self.reader = wire.Reader()
        self.folder = os.getcwd() + os.sep
        self.shell = shell
        self.objects: dict[int, Value] = {}
        self.numbers: dict[int, int] = {}
        self.counter = itertools.count(1)
        self.request: tuple[list[Node], list[bytes]] = ([], [])  # the values last received, as they came,
        self.handles = 0  # and how many of their parts are no data

    # Values ---------------------------------------------------------------------------------------------------------

    def _to_handle(self, value: Value) -> Node:
        number = self.numbers.get(id(value))
        if number is None:
            number = next(self.counter)
            self.numbers[id(value)] = number
            self.objects[number] = value  # kept alive, so the id stays its own
        try:
            text = repr(value)[: wire.MAX_REPR]
        except Exception:
            text = "?"
        return ["handle", number, type(value).__name__, text, callable(value)]

    def _from_handle(self, handle: wire.Handle) -> Value:
        self.handles += 1
        if handle.number < 0:
            return self._callback(handle)
        return self.objects[handle.number]

    def _callback(self, handle: wire.Handle) -> Callable[..., Value]:
        def call_the_grader(*args: Value, **kwargs: Value) -> Value:
            self._send(protocol.Callback(handle.number, list(args), kwargs))
            answer = self._receive(protocol.ANSWERS)
            if isinstance(answer, protocol.CallbackRaised):
                raise getattr(builtins, answer.type_name, RuntimeError)(answer.text)
            return answer.value

        call_the_grader.__name__ = call_the_grader.__qualname__ = handle.type_name
        return call_the_grader

    def _send(self, message: Message) -> None:
        wire.send(self.sock, *protocol.pack(message, self._to_handle))

    def _receive(self, allowed: Allowed[SomeMessage]) -> SomeMessage:
        header, buffers = wire.receive(self.sock, self.reader)
        self.request, self.handles = (header.get("values", []), buffers), 0
        return protocol.unpack(header, buffers, self._from_handle, allowed)

    # The loop -------------------------------------------------------------------------------------------------------

    def hello(self) -> None:
        """Tell the grader that the process is ready."""
        self._send(protocol.Hello())

    def serve(self) -> None:
        """Answer operations until the grader hangs up."""
        while True:
            try:
                reply = self._reply()
            except EOFError:
                return
            try:
                self._send(reply)
            except wire.WireError as error:
                self._send(_raised(error))

    def _reply(self) -> Message:
        """What to say to the next operation. Raises EOFError where the grader hung up.

        An exception that comes while it waits (a student's signal handler) ends the process: nobody asked for a reply.
        """
        try:
            operation = self._receive(protocol.OPERATIONS)
        except wire.WireError as error:
            return _raised(error)
        try:
            return self.answers[type(operation)](self, operation)
        except EOFError:
            raise
        except BaseException as error:
            return _raised(error)

    # Operations, each as `protocol` tells it ------------------------------------------------------------------------

    def lay_files(self, asked: protocol.LayFiles) -> protocol.Done:
        for name, data in asked.files.items():
            os.makedirs(os.path.dirname(os.path.abspath(name)), exist_ok=True)
            with open(name, "wb") as file:
                file.write(data)
        sys.path.append(os.getcwd())  # at the end: a student's random.py must not hide the real one
        return protocol.Done()

    def run_cell(self, asked: protocol.RunCell) -> protocol.CellRan:
        outputs: list[Output] = []
        shell = self.shell
        shell.collect(outputs)
        writers = [CappedWriter("stdout", outputs), CappedWriter("stderr", outputs)]
        shell.trace = []
        # IPython names a cell's code after its source; whose code runs is told by these names.
        before = set(linecache.cache)
        with contextlib.redirect_stdout(writers[0]), contextlib.redirect_stderr(writers[1]):
            result = shell.run_cell(asked.source, store_history=False)
            sys.stdout.flush()
        names = shell.user_ns.setdefault("__cell_names__", {})
        for filename in set(linecache.cache) - before:
            names[filename] = asked.cell_id
        error = result.error_before_exec or result.error_in_exec
        outputs += [writer.note() for writer in writers if writer.dropped]
        if error is not None:
            outputs.append(_error_output(error, shell.trace))
        for output in outputs:
            if "parts" in output:
                output["text"] = "".join(output.pop("parts"))
        return protocol.CellRan(_within(outputs, wire.MAX_SHOWN), type(error).__name__ if error is not None else None)

    def run_test(self, asked: protocol.RunTest) -> protocol.Done:
        with self._quiet():
            exec(marshal.loads(asked.code), self.shell.user_ns)
        return protocol.Done()

    def fetch(self, asked: protocol.Fetch) -> protocol.Fetched:
        namespace = self.shell.user_ns
        return protocol.Fetched(asked.name in namespace, namespace.get(asked.name))

    def call(self, asked: protocol.Call) -> protocol.Called:
        return self._call(asked.target, asked.args, asked.kwargs, asked.banned, [asked.args, asked.kwargs])

    def probe(self, asked: protocol.Probe) -> protocol.Called:
        namespace: dict[str, Any] = {"__name__": "probe"}
        exec(marshal.loads(asked.code), namespace)
        function = namespace[asked.name]
        return self._call(function, [asked.target], asked.inputs, asked.banned, [asked.code, asked.inputs])

    def _call(
        self,
        function: Callable[..., Value],
        args: list[Value],
        kwargs: dict[str, Value],
        banned: list[str] | None,
        given: list[Value],
    ) -> protocol.Called:
        """Call it; the reply tells whether that changed what was given: the second and third value of the request."""
        as_it_came = self.handles == 1 and not any(isinstance(item, wire.Stream) for item in args)
        streams = [iter(item.items) if isinstance(item, wire.Stream) else item for item in args]
        args[:] = [None if isinstance(item, wire.Stream) else item for item in args]
        nodes, buffers = self.request
        # Data is now as it came; a handle (but the target's) or a stream has another form on this side.
        before = (nodes[1:3], buffers) if as_it_came else self._encoded(given)
        used: list[str] | None = None
        with self._quiet():
            if banned is not None:
                result, used = call_watched(lambda: function(*streams, **kwargs), tuple(banned), self._is_own)
            else:
                result = function(*streams, **kwargs)
        changed = self._encoded(given) != before
        return protocol.Called(result, [args, kwargs] if changed else None, used)

    @contextlib.contextmanager
    def _quiet(self) -> Iterator[None]:
        """What is printed or drawn while a test is at work goes nowhere."""
        outputs = self.shell.collect(None)
        try:
            with _silenced(CappedWriter("", [], limit=0)):
                yield
        finally:
            self.shell.collect(outputs)

    def _is_own(self, filename: str) -> bool:
        """Code of the notebook, or of a file that was handed in with it."""
        return filename in self.shell.user_ns.get("__cell_names__", ()) or filename.startswith(self.folder)

    def _encoded(self, values: list[Value]) -> tuple[list[Node], list[bytes]]:
        encoder = wire.Encoder(self._to_handle)
        return [encoder.encode(value) for value in values], encoder.buffers

    def get_attribute(self, asked: protocol.GetAttribute) -> protocol.Got:
        return protocol.Got(getattr(asked.target, asked.name))

    def set_attribute(self, asked: protocol.SetAttribute) -> protocol.Done:
        setattr(asked.target, asked.name, asked.value)
        return protocol.Done()

    def get_item(self, asked: protocol.GetItem) -> protocol.Got:
        return protocol.Got(asked.target[asked.key])

    def get_length(self, asked: protocol.GetLength) -> protocol.Length:
        return protocol.Length(len(asked.target))

    def get_iterator(self, asked: protocol.GetIterator) -> protocol.Got:
        return protocol.Got(wire.Handle(self._to_handle(iter(asked.target))[1], "iterator", "", False))

    def next_item(self, asked: protocol.Next) -> protocol.NextItem:
        with self._quiet():
            try:
                return protocol.NextItem(False, next(asked.iterator))
            except StopIteration:
                return protocol.NextItem(True, None)

    answers: ClassVar[dict[type[Message], Callable[[Session, Any], Message]]] = {
        protocol.LayFiles: lay_files,
        protocol.RunCell: run_cell,
        protocol.RunTest: run_test,
        protocol.Fetch: fetch,
        protocol.Call: call,
        protocol.Probe: probe,
        protocol.GetAttribute: get_attribute,
        protocol.SetAttribute: set_attribute,
        protocol.GetItem: get_item,
        protocol.GetLength: get_length,
        protocol.GetIterator: get_iterator,
        protocol.Next: next_item,
    }


def run(sock: socket, shell: StudentShell) -> None:
    """Serve one student until the grader hangs up. Called in the forked student process."""
    builtins.input = _no_input
    sys.stdin = open(os.devnull)  # noqa: SIM115 - for the life of the process
    shell.user_module = types.ModuleType("__main__")
    shell.user_ns = shell.user_module.__dict__
    shell.init_user_ns()
    sys.modules["__main__"] = shell.user_module
    session = Session(sock, shell)
    session.hello()
    session.serve()
