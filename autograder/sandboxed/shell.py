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
import traceback
import types
import warnings
from collections.abc import Callable, Iterator
from socket import socket
from typing import Any

import wire
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from watch import call_watched

PRINT_LIMIT = 2**20
OUTPUT_LIMIT = 6 * 2**20


class CappedWriter(io.TextIOBase):
    """A text stream that keeps the first `limit` bytes and counts the rest."""

    def __init__(self, name: str, outputs: list[dict[str, Any]], limit: int = PRINT_LIMIT):
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
    collected: list[dict[str, Any]] | None = None

    def collect(self, outputs: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
        """Send what cells display into this list (None: nowhere); returns where it went before."""
        before, self.collected = self.collected, outputs
        return before

    def transform_cell(self, raw_cell: str) -> str:
        """Plain Python stays as it is; IPython would tokenize it five times over to find that out."""
        try:
            ast.parse(raw_cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError):  # magics, `!commands`, and real mistakes
            return super().transform_cell(raw_cell)
        return raw_cell if raw_cell.endswith("\n") else raw_cell + "\n"

    def _showtraceback(self, etype: Any, evalue: Any, stb: list[str]) -> None:
        self.trace = [str(line) for line in stb]

    def system(self, cmd: str) -> None:
        """`!command`: its output belongs to the cell."""
        print(self.getoutput(cmd, split=False))

    def init_history(self) -> None:
        HistoryManager.enabled = False  # type: ignore[assignment]
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


def _within(outputs: list[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """The first outputs, up to so many characters in all; a note tells of the rest."""
    for number, output in enumerate(outputs):
        limit -= len(str(output))
        if limit < 0:
            note = {"output_type": "stream", "name": "stdout", "text": "... more output was cut\n"}
            return [*outputs[:number], note]
    return outputs


@contextlib.contextmanager
def _silenced(writer: CappedWriter) -> Iterator[None]:
    """Prints go nowhere; and a warning is no mistake, not even after `warnings.simplefilter("error")`."""
    with contextlib.redirect_stdout(writer), contextlib.redirect_stderr(writer), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() has nobody to answer it while a notebook is graded")


class Student:
    """Answers the grader over one socket until it closes."""

    def __init__(self, sock: socket, shell: StudentShell):
        self.sock = sock
        self.reader = wire.Reader()
        self.folder = os.getcwd() + os.sep
        self.shell = shell
        self.objects: dict[int, Any] = {}
        self.numbers: dict[int, int] = {}
        self.counter = itertools.count(1)
        self.request: tuple[list[Any], list[bytes]] = ([], [])  # the values last received, as they came,
        self.handles = 0  # and how many of their parts are no data

    # Values ---------------------------------------------------------------------------------------------------------

    def _to_handle(self, value: Any) -> list[Any]:
        number = self.numbers.get(id(value))
        if number is None:
            number = next(self.counter)
            self.numbers[id(value)] = number
            self.objects[number] = value  # kept alive, so the id stays its own
        try:
            text = repr(value)[:80]
        except Exception:
            text = "?"
        return ["handle", number, type(value).__name__, text, callable(value)]

    def _from_handle(self, handle: wire.Handle) -> Any:
        self.handles += 1
        if handle.number < 0:
            return self._callback(handle)
        return self.objects[handle.number]

    def _callback(self, handle: wire.Handle) -> Callable[..., Any]:
        def call_the_grader(*args: Any, **kwargs: Any) -> Any:
            self._send({"callback": handle.number}, [list(args), kwargs])
            header, values = self._receive()
            if "raise" in header:
                raise getattr(builtins, header["raise"], RuntimeError)(header["text"])
            return values[0]

        call_the_grader.__name__ = call_the_grader.__qualname__ = handle.type_name
        return call_the_grader

    def _send(self, header: dict[str, Any], values: list[Any]) -> None:
        encoder = wire.Encoder(self._to_handle)
        header = {**header, "values": [encoder.encode(value) for value in values]}
        wire.send(self.sock, header, encoder.buffers)

    def _receive(self) -> tuple[dict[str, Any], list[Any]]:
        header, buffers = wire.receive(self.sock, self.reader)
        decoder = wire.Decoder(buffers, self._from_handle)
        nodes = header.pop("values", [])
        self.request, self.handles = (nodes, buffers), 0
        return header, [decoder.decode(node) for node in nodes]

    # The loop -------------------------------------------------------------------------------------------------------

    def serve(self) -> None:
        """Answer requests until the grader hangs up."""
        while True:
            try:
                header, values = self._receive()
            except EOFError:
                return
            try:
                operation = getattr(self, f"op_{header['op']}")
                reply, results = operation(header, *values)
            except EOFError:
                return
            except BaseException as error:
                reply, results = self._error(error), []
            try:
                self._send(reply, results)
            except wire.WireError as error:
                self._send(self._error(error), [])

    def _error(self, error: BaseException) -> dict[str, Any]:
        names = [cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "builtins"]
        line = cell = None
        for frame, number in traceback.walk_tb(error.__traceback__):
            name = frame.f_globals.get("__cell_names__", {}).get(frame.f_code.co_filename)
            if name is not None:
                cell, line = name, number
        try:
            text = str(error)[:2000]
        except Exception:
            text = ""
        return {"error": names, "type": type(error).__name__, "text": text, "cell": cell, "line": line}

    # Operations -----------------------------------------------------------------------------------------------------

    def op_files(self, header: dict[str, Any], files: dict[str, bytes]) -> tuple[dict[str, Any], list[Any]]:
        """Lay the submission's own files into the working folder."""
        for name, data in files.items():
            os.makedirs(os.path.dirname(os.path.abspath(name)), exist_ok=True)
            with open(name, "wb") as file:
                file.write(data)
        sys.path.append(os.getcwd())  # at the end: a student's random.py must not hide the real one
        return {"ok": True}, []

    def op_cell(self, header: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        """Run one cell; returns its outputs as nbformat dicts and whether it failed."""
        outputs: list[dict[str, Any]] = []
        shell = self.shell
        shell.collect(outputs)
        writers = [CappedWriter("stdout", outputs), CappedWriter("stderr", outputs)]
        shell.trace = []
        # IPython names a cell's code after its source; errors in later calls are told by the notebook's own cell id.
        before = set(linecache.cache)
        with contextlib.redirect_stdout(writers[0]), contextlib.redirect_stderr(writers[1]):
            result = shell.run_cell(header["source"], store_history=False)
            sys.stdout.flush()
        names = shell.user_ns.setdefault("__cell_names__", {})
        for filename in set(linecache.cache) - before:
            names[filename] = header.get("id", "")
        error = result.error_before_exec or result.error_in_exec
        for writer in writers:
            if writer.dropped:
                outputs.append(
                    {"output_type": "stream", "name": writer.name,
                     "parts": [f"\n... {writer.dropped} more characters were printed and cut\n"]}
                )  # fmt: skip
        if error is not None:
            outputs.append(
                {"output_type": "error", "ename": type(error).__name__, "evalue": str(error)[:2000],
                 "traceback": [line[:20000] for line in shell.trace]}
            )  # fmt: skip
        for output in outputs:
            if "parts" in output:
                output["text"] = "".join(output.pop("parts"))
        return {"ok": True}, [_within(outputs, OUTPUT_LIMIT), type(error).__name__ if error is not None else None]

    def op_test(self, header: dict[str, Any], code: bytes) -> tuple[dict[str, Any], list[Any]]:
        """Run a visible test, sent as compiled code, among the cells."""
        with self._quiet():
            exec(marshal.loads(code), self.shell.user_ns)
        return {"ok": True}, []

    def op_fetch(self, header: dict[str, Any]) -> tuple[dict[str, Any], list[Any]]:
        namespace = self.shell.user_ns
        if header["name"] not in namespace:
            return {"missing": True}, []
        return {"ok": True}, [namespace[header["name"]]]

    def op_call(self, header: dict[str, Any], target: Any, args: list[Any], kwargs: dict[str, Any]):
        name = header.get("attribute")
        function = getattr(target, name) if name else target
        return self._call(function, args, kwargs, header, [args, kwargs])

    def op_probe(self, header: dict[str, Any], target: Any, code: bytes, kwargs: dict[str, Any]):
        """Run the instructor's probe, sent as compiled code, on the student's object."""
        namespace: dict[str, Any] = {"__name__": "probe"}
        exec(marshal.loads(code), namespace)
        return self._call(namespace[header["name"]], [target], kwargs, header, [code, kwargs])

    def _call(
        self,
        function: Callable[..., Any],
        args: list[Any],
        kwargs: dict[str, Any],
        header: dict[str, Any],
        given: list[Any],
    ):
        """Call it; the reply tells whether that changed what was given, which is the request's values but for the first."""
        as_it_came = self.handles == 1 and not any(isinstance(item, wire.Stream) for item in args)
        streams = [iter(item.items) if isinstance(item, wire.Stream) else item for item in args]
        args[:] = [None if isinstance(item, wire.Stream) else item for item in args]
        nodes, buffers = self.request
        # Data is now as it came; a handle (but the target's) or a stream has another form on this side.
        before = (nodes[1:], buffers) if as_it_came else self._encoded(given)
        with self._quiet():
            if "banned" in header:
                result, used = call_watched(lambda: function(*streams, **kwargs), tuple(header["banned"]), self._is_own)
            else:
                result, used = function(*streams, **kwargs), []
        changed = self._encoded(given) != before
        return {"ok": True, "changed": changed, "used": used}, [result, [args, kwargs] if changed else None]

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

    def _encoded(self, values: list[Any]) -> tuple[list[Any], list[bytes]]:
        encoder = wire.Encoder(self._to_handle)
        return [encoder.encode(value) for value in values], encoder.buffers

    def op_attribute(self, header: dict[str, Any], target: Any):
        return {"ok": True}, [getattr(target, header["name"])]

    def op_set_attribute(self, header: dict[str, Any], target: Any, value: Any):
        setattr(target, header["name"], value)
        return {"ok": True}, []

    def op_item(self, header: dict[str, Any], target: Any, key: Any):
        return {"ok": True}, [target[key]]

    def op_len(self, header: dict[str, Any], target: Any):
        return {"ok": True}, [len(target)]

    def op_iter(self, header: dict[str, Any], target: Any):
        iterator = iter(target)
        return {"ok": True}, [wire.Handle(self._to_handle(iterator)[1], "iterator", "", False)]

    def op_next(self, header: dict[str, Any], target: Any):
        with self._quiet():
            try:
                return {"ok": True}, [next(target)]
            except StopIteration:
                return {"end": True}, []


def run(sock: socket, shell: StudentShell) -> None:
    """Serve one student until the grader hangs up. Called in the forked student process."""
    builtins.input = _no_input
    sys.stdin = open(os.devnull)  # noqa: SIM115 - for the life of the process
    shell.user_module = types.ModuleType("__main__")
    shell.user_ns = shell.user_module.__dict__
    shell.init_user_ns()
    sys.modules["__main__"] = shell.user_module
    Student(sock, shell).serve()
