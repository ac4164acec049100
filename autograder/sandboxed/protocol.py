"""The messages that cross the wall: who sends each, with what values, and what comes back.

```
    the grader                        the student's process
                    ◄── Hello ───     once, when it is ready
      ─── an Operation ──►
                    ◄── Callback ──   any number of times: the student's code calls a function of the grader's
      ─── CallbackReturned ──►        or CallbackRaised
                    ◄── its reply ─   the operation's own (`reply` below), or Raised
```

A message is a frame (see `wire`) whose header is `{"is": its class's name, "values": [...]}`, one value for each field, in
order. `pack` and `unpack` are all that either side uses.

What is trusted: the student's side believes the grader. The grader believes nothing that comes back. `unpack` lets only a
message through that may come now, with as many values as it has fields, each of its field's type (`list` and `dict` are looked
at from outside only: what is in them is whatever the student sent). Whether it is *true* no type can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from types import UnionType
from typing import Any, ClassVar, Generic, TypeAlias, TypedDict, TypeVar, Union, cast, get_args, get_origin
from typing import get_type_hints as hints_of

from .wire import Decoder, Encoder, Frame, Handle, Header, Node, Value, WireError

# On the grader's side a Proxy of an object that stays with the student; on the student's side the object itself.
Target: TypeAlias = Value


@dataclass(slots=True)
class Message:
    """What both sides send. Its fields are its values on the wire."""


Reply = TypeVar("Reply", bound=Message)
SomeMessage = TypeVar("SomeMessage", bound=Message)


@dataclass(slots=True)
class Operation(Message, Generic[Reply]):
    """What the grader asks for. `reply` is the class of what comes back where nothing is raised there."""

    reply: ClassVar[type[Message]]


# To the fork server -----------------------------------------------------------------------------------------------------


class LoadRequest(TypedDict):
    """Import these of `preload.LIBRARIES` in the fork server, for what it forks from then on. There is no answer."""

    libraries: list[str]


class ForkRequest(LoadRequest):
    """What the grader asks the fork server for, as JSON on its control socket with the student's end of a socket pair attached.

    There is no answer: the student process says Hello on that socket, or the socket closes. memory_mib, files_mib and
    processes are its limits. cores: where it may run. own_user: does it get a user id of its own? capability: the one that
    it keeps, if any. readable: what it may read, on the landlock rung; empty on the others. tmp: where its own /tmp is
    mounted, inside bubblewrap. libraries: what it should find imported.
    """

    memory_mib: int
    files_mib: int
    processes: int
    cores: list[int]
    own_user: bool
    capability: int | None
    readable: list[str]
    tmp: str


# From the student's process ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Hello(Message):
    """The first message of a student's process: it is confined and waits for operations."""


@dataclass(slots=True)
class Callback(Message):
    """The student's code calls one of the functions that came with the last Call, Probe or SetAttribute.

    number: which one, the number of its handle (negative). Answered by CallbackReturned or CallbackRaised.
    """

    number: int
    args: list[Value]
    kwargs: dict[str, Value]


@dataclass(slots=True)
class Raised(Message):
    """In place of any reply: what was asked for raised an exception there.

    builtin_names: those classes of its inheritance that are Python's own, nearest first. type_name: its own class.
    text: at most MAX_TEXT characters of its message.
    """

    builtin_names: list[str]
    type_name: str
    text: str


@dataclass(slots=True)
class Done(Message):
    """It is done, and there is nothing to tell."""


@dataclass(slots=True)
class CellRan(Message):
    """outputs: nbformat outputs as dicts, within the caps. error: the type name of the cell's exception, if it had one."""

    outputs: list[dict[str, Value]]
    error: str | None


@dataclass(slots=True)
class Fetched(Message):
    """found: is there such a global name? value: what it stands for; None where there is none."""

    found: bool
    value: Value


@dataclass(slots=True)
class Called(Message):
    """result: what the call returned. changed: `[args, kwargs]` as they are after it, or None where they are as they were.

    used: the banned functions that the student's own code called meanwhile, in full; None where it was not watched.
    """

    result: Value
    changed: list[Value] | None
    used: list[str] | None


@dataclass(slots=True)
class Got(Message):
    """One value: data, or a handle on what stays there."""

    value: Value


@dataclass(slots=True)
class Length(Message):
    length: int


@dataclass(slots=True)
class NextItem(Message):
    """The iterator's next item; at its end there is none."""

    ended: bool
    value: Value


# From the grader: operations --------------------------------------------------------------------------------------------


@dataclass(slots=True)
class LayFiles(Operation[Done]):
    """Write the submission's own files into the working folder: path -> bytes. The first operation, if there are any."""

    files: dict[str, bytes]
    reply = Done


@dataclass(slots=True)
class RunCell(Operation[CellRan]):
    """Run one cell's source in the notebook. A cell that raises is no Raised: its outputs tell."""

    source: str
    cell_id: str
    reply = CellRan


@dataclass(slots=True)
class RunTest(Operation[Done]):
    """Run a visible test, compiled and marshalled by the grader, among the cells. Raised where it fails."""

    code: bytes
    reply = Done


@dataclass(slots=True)
class Fetch(Operation[Fetched]):
    """Look up a global name of the notebook."""

    name: str
    reply = Fetched


@dataclass(slots=True)
class Call(Operation[Called]):
    """Call the target. banned: full names of functions to look out for meanwhile, or None: not to watch."""

    target: Target
    args: list[Value]
    kwargs: dict[str, Value]
    banned: list[str] | None
    reply = Called


@dataclass(slots=True)
class Probe(Operation[Called]):
    """Run a probe of a check's on the target, as `name(target, **inputs)`. code: what defines it, compiled and marshalled.

    In the reply's `changed` the inputs stand for the keyword arguments; its first part says nothing.
    """

    target: Target
    code: bytes
    inputs: dict[str, Value]
    banned: list[str] | None
    name: str
    reply = Called


@dataclass(slots=True)
class GetAttribute(Operation[Got]):
    target: Target
    name: str
    reply = Got


@dataclass(slots=True)
class SetAttribute(Operation[Done]):
    target: Target
    name: str
    value: Value
    reply = Done


@dataclass(slots=True)
class GetItem(Operation[Got]):
    target: Target
    key: Value
    reply = Got


@dataclass(slots=True)
class GetLength(Operation[Length]):
    target: Target
    reply = Length


@dataclass(slots=True)
class GetIterator(Operation[Got]):
    """`iter(target)`, always as a handle."""

    target: Target
    reply = Got


@dataclass(slots=True)
class Next(Operation[NextItem]):
    iterator: Target
    reply = NextItem


# From the grader: answers to a Callback ---------------------------------------------------------------------------------


@dataclass(slots=True)
class CallbackReturned(Message):
    value: Value


@dataclass(slots=True)
class CallbackRaised(Message):
    """The function raised: the student's code gets an exception of this built-in type, or a RuntimeError."""

    type_name: str
    text: str


# To and from frames -----------------------------------------------------------------------------------------------------


Allowed: TypeAlias = Mapping[object, type[SomeMessage]]


def allow(*messages: type[SomeMessage]) -> dict[object, type[SomeMessage]]:
    """For `unpack`: the messages that may come now."""
    return {message.__name__: message for message in messages}


OPERATIONS: dict[object, type[Operation[Any]]] = allow(
    LayFiles, RunCell, RunTest, Fetch, Call, Probe, GetAttribute, SetAttribute, GetItem, GetLength, GetIterator, Next
)
HELLO = allow(Hello)
CALLBACK = allow(Callback)
ANSWERS: dict[object, type[CallbackReturned | CallbackRaised]] = allow(CallbackReturned, CallbackRaised)
_REPLIES: dict[type[Message], Allowed[Message]] = {one: allow(one.reply, Raised) for one in OPERATIONS.values()}


def _kinds(hint: Any) -> tuple[type, ...]:
    """The classes that a field's value may have; none where any will do."""
    if hint is Any:
        return ()
    if get_origin(hint) in (Union, UnionType):
        return tuple(kind for one in get_args(hint) for kind in _kinds(one))
    return (get_origin(hint) or hint,)


_EVERY_MESSAGE = [
    Hello, Callback, Raised, Done, CellRan, Fetched, Called, Got, Length, NextItem, CallbackReturned, CallbackRaised,
    *OPERATIONS.values(),
]  # fmt: skip
_NAMES: dict[type[Message], list[str]] = {one: [field.name for field in fields(one)] for one in _EVERY_MESSAGE}
# Of each message the values that have a type: position and classes.
_TYPED: dict[type[Message], list[tuple[int, tuple[type, ...]]]] = {
    one: [(position, kinds) for position, name in enumerate(_NAMES[one]) if (kinds := _kinds(hints_of(one)[name]))]
    for one in _EVERY_MESSAGE
}


def pack(message: Message, handle: Callable[[Value], Node]) -> Frame:
    """The frame of a message. `handle` is asked for what is no data. Raises WireError for what cannot cross."""
    encoder, kind = Encoder(handle), type(message)
    values = [encoder.encode(getattr(message, name)) for name in _NAMES[kind]]
    return {"is": kind.__name__, "values": values}, encoder.buffers


def unpack(
    header: Header, buffers: list[bytes], handle: Callable[[Handle], Value], allowed: Allowed[SomeMessage]
) -> SomeMessage:
    """The message of a frame. Raises WireError where it is none of the allowed ones, or not as that one should be."""
    name, nodes = header.get("is"), header.get("values")
    message = allowed.get(name) if isinstance(name, str) else None
    if message is None:
        raise WireError(f"a message that may not come now: {name[:40] if isinstance(name, str) else 'without a name'}")
    if not isinstance(nodes, list) or len(nodes) != len(_NAMES[message]):
        raise WireError(f"{message.__name__} has {len(_NAMES[message])} values")
    decoder = Decoder(buffers, handle)
    values = [None if node is None else decoder.decode(node) for node in nodes]
    for position, kinds in _TYPED[message]:
        if not isinstance(values[position], kinds):
            raise WireError(f"value {position} of {message.__name__} is of another type")
    return message(*values)


def unpack_reply(
    operation: Operation[Reply], header: Header, buffers: list[bytes], handle: Callable[[Handle], Value]
) -> Reply | Raised:
    """What came back for this operation. Raises WireError where that is neither its reply nor Raised."""
    return cast("Reply | Raised", unpack(header, buffers, handle, _REPLIES[type(operation)]))


def is_callback(header: Header) -> bool:
    """Does the student's code call, where a reply is waited for?"""
    return header.get("is") == Callback.__name__
