"""The bank's answers as source text: read, renamed to a solution cell, or edited into a wrong answer."""

from __future__ import annotations

import ast
import inspect
import linecache
import textwrap
from functools import cache
from typing import Any

from exercises.observation import Answer

BANK_SOURCE = "__bank_source__"  # where an edited answer keeps its text


@cache
def source_of(answer: Answer) -> str:
    """The source text of a bank function or class, dedented, without the decorator that enters it into the bank."""
    text = getattr(answer, BANK_SOURCE, None)
    return text if text is not None else _without_entry(textwrap.dedent(inspect.getsource(answer)))


def _without_entry(text: str) -> str:
    """The definition without its `@exercise.mistake(...)`; decorators of the answer's own stay."""
    if not text.startswith("@"):
        return text
    (definition,) = ast.parse(text).body
    assert isinstance(definition, (ast.FunctionDef, ast.ClassDef))
    lines = text.splitlines(keepends=True)
    for decorator in reversed(definition.decorator_list):
        if _is_entry(decorator):
            del lines[decorator.lineno - 1 : decorator.end_lineno]
    return "".join(lines)


def _is_entry(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "mistake"


def as_solution(answer: Answer, name: str) -> str:
    """The source of a bank answer under the name a student would give it: a solution cell.

    >>> def _factorial(n):
    ...     return 1 if n == 0 else n * _factorial(n - 1)
    >>> print(as_solution(_factorial, "factorial"))
    def factorial(n):
        return 1 if n == 0 else n * factorial(n - 1)
    """
    tree = ast.parse(source_of(answer))
    (definition,) = (node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef)))
    old = definition.name
    definition.name = name
    for node in ast.walk(definition):
        if isinstance(node, ast.Name) and node.id == old:
            node.id = name
    return ast.unparse(tree)


def edited(answer: Answer, *edits: tuple[str, str]) -> Answer:
    """A copy of a bank function whose source has each `(old, new)` replaced; `old` must occur exactly once.

    The shortest way to write down a wrong answer: the reference and the one thing that is different. Raises ValueError
    where an `old` is not there, or more than once.

    >>> def _double(x):
    ...     return 2 * x
    >>> edited(_double, ("2 *", "3 *"))(5)
    15
    """
    text = source_of(answer)
    for old, new in edits:
        if text.count(old) != 1:
            raise ValueError(f"edited({answer.__name__}): {old!r} occurs {text.count(old)} times, wanted once")
        text = text.replace(old, new)
    filename = f"<edited {answer.__name__}: {edits!r}>"
    linecache.cache[filename] = (len(text), None, text.splitlines(True), filename)
    namespace: dict[str, Any] = dict(getattr(answer, "__globals__", None) or vars(inspect.getmodule(answer)))
    exec(compile(text, filename, "exec"), namespace)
    wrong: Answer = namespace[answer.__name__]
    setattr(wrong, BANK_SOURCE, text)
    return wrong
