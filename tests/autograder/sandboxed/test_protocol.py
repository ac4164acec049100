"""The messages that cross the wall: each arrives as it was, and what may not come now, or is not as it should be, is refused."""

from __future__ import annotations

import pytest

from autograder.sandboxed import protocol, wire
from autograder.sandboxed.protocol import Message, Operation, pack, unpack, unpack_reply
from autograder.sandboxed.shell import Session
from autograder.wall.student import Student
from exercises.lost import AnswerCrashed


def no_handle(value: object) -> wire.Node:
    raise wire.WireError(f"{type(value).__name__} is no data")


def every_message() -> set[type[Message]]:
    named = (one for one in vars(protocol).values() if isinstance(one, type) and issubclass(one, Message))
    return set(named) - {Message, Operation}


MESSAGES = [
    protocol.Hello(),
    protocol.Callback(-1, [1, "a"], {"b": None}),
    protocol.Raised(["ValueError", "Exception"], "Own", "bad"),
    protocol.Done(),
    protocol.CellRan([{"output_type": "stream"}], None),
    protocol.Fetched(True, 3),
    protocol.Called(1.5, [[1], {}], ["torch.exp"]),
    protocol.Got((1, 2)),
    protocol.Length(3),
    protocol.NextItem(False, 2),
    protocol.LayFiles({"a.py": b"1"}),
    protocol.RunCell("1 + 1", "cell-1"),
    protocol.RunTest(b"code"),
    protocol.Fetch("f"),
    protocol.Call(None, [1], {"x": 2}, None),
    protocol.Probe(None, b"code", {"x": 2}, ["torch.exp"], "probe"),
    protocol.GetAttribute(None, "n"),
    protocol.SetAttribute(None, "n", 3),
    protocol.GetItem(None, 3),
    protocol.GetLength(None),
    protocol.GetIterator(None),
    protocol.Next(None),
    protocol.CallbackReturned(3),
    protocol.CallbackRaised("ValueError", "no"),
]


def test_the_list_has_every_message() -> None:
    assert {type(message) for message in MESSAGES} == every_message()


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was(message: Message) -> None:
    header, buffers = pack(message, no_handle)
    assert unpack(header, buffers, no_handle, protocol.allow(type(message))) == message


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_that_may_not_come_now_is_refused(message: Message) -> None:
    others = protocol.allow(*(every_message() - {type(message)}))
    with pytest.raises(wire.WireError, match="may not come now"):
        unpack(*pack(message, no_handle), no_handle, others)


@pytest.mark.parametrize(
    "header",
    [
        {}, {"is": None, "values": []}, {"is": ["Length"], "values": [1]}, {"is": "Length"}, {"is": "Length", "values": 3},
        {"is": "Length", "values": []}, {"is": "Length", "values": [1, 2]}, {"is": "Length", "values": ["3"]},
        {"is": "Length", "values": [["handle", 1, "", "", False]]}, {"is": "Got", "values": [1]},
        {"is": "Raised", "values": ["ValueError", "ValueError", ""]}, {"is": "Raised", "values": [["list", []], None, ""]},
    ],
    ids=str,
)  # fmt: skip
def test_a_reply_that_is_not_as_it_should_be_is_refused(header: wire.Header) -> None:
    with pytest.raises(wire.WireError):
        unpack_reply(protocol.GetLength(None), header, [], lambda handle: handle)


def test_a_reply_or_an_exception_is_what_comes_back() -> None:
    asked = protocol.GetLength(None)
    for reply in (protocol.Length(3), protocol.Raised(["TypeError"], "TypeError", "no length")):
        assert unpack_reply(asked, *pack(reply, no_handle), no_handle) == reply


def test_the_students_side_answers_every_operation() -> None:
    operations = {one for one in every_message() if issubclass(one, Operation)}
    assert set(Session.answers) == set(protocol.OPERATIONS.values()) == operations


# On the wire ----------------------------------------------------------------------------------------------------------------


def test_an_unknown_operation_is_an_error_and_no_more(student: Student) -> None:
    process = student._live()
    for name in ("op_call", "_send", "Done", "CallbackReturned"):
        header, buffers = process.exchange(
            {"is": name, "values": []}, [], 2.0, lambda *given: pytest.fail("a callback")
        )
        raised = unpack(header, buffers, no_handle, protocol.allow(protocol.Raised))
        assert (raised.type_name, name in raised.text) == ("WireError", True)
    assert student.run_cell("1", "a").error is None


SESSION = """
import gc
from sandboxed import protocol
session = next(one for one in gc.get_objects() if type(one).__name__ == "Session")
def f(*given): return 1
def claim(reply): session.answers[protocol.Call] = lambda session, asked: reply
"""


@pytest.mark.parametrize(
    "reply", ["protocol.Done()", "protocol.Length(3)", "protocol.Called(1, 'x', [])", "protocol.Called(1, None, 7)"]
)
def test_another_reply_than_the_one_asked_for_costs_the_student_the_call(student: Student, reply: str) -> None:
    assert student.run_cell(f"{SESSION}claim({reply})", "a").error is None
    with pytest.raises(AnswerCrashed, match="nonsense"):
        student.fetch("f")()


@pytest.mark.parametrize(
    "message", ["Callback([1], [], {})", "Callback(-7, [], {})", "Callback(-1, {}, [])", "Hello()"]
)
def test_a_callback_that_is_none_costs_the_student_the_call(student: Student, message: str) -> None:
    talks = f"{SESSION}def talks(function):\n    session._send(protocol.{message})\n    return 1"
    assert student.run_cell(talks, "a").error is None
    with pytest.raises(AnswerCrashed):
        student.fetch("talks")(lambda: 1)
    assert student.fetch("f")() == 1
