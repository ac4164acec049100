"""Exceptions that a student's code raised there, as they are raised here."""

from __future__ import annotations

import builtins

from autograder.sandboxed.protocol import Raised
from autograder.sandboxed.wire import MAX_NAME, MAX_TEXT
from exercises.lost import AnswerOutOfMemory


class StudentError(Exception):
    """An exception of the student's code whose type is not one of Python's own, or cannot be made from one message."""


def _safe_exceptions() -> dict[str, type[Exception]]:
    """Python's own exceptions that are made from one message."""
    result = {}
    for name, value in vars(builtins).items():
        if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, (UnicodeError, OSError)):
            result[name] = value
    return {**result, "OSError": OSError, "FileNotFoundError": FileNotFoundError}


_EXCEPTIONS = {name: kind for name, kind in _safe_exceptions().items() if name not in ("Exception", "ExceptionGroup")}
_NO_MEMORY = ("can't allocate memory", "not enough memory")


def student_exception(raised: Raised) -> Exception:
    """The exception to raise here for one that was raised there: of a built-in type, AnswerOutOfMemory or StudentError."""
    names = [str(name) for name in raised.builtin_names]
    text = raised.text[:MAX_TEXT]
    if "MemoryError" in names or any(hint in text for hint in _NO_MEMORY):
        return AnswerOutOfMemory(text)
    for name in names:
        if name in _EXCEPTIONS:
            return _EXCEPTIONS[name](text)
    return StudentError(f"{raised.type_name[:MAX_NAME]}: {text}")
