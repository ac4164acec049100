"""Which banned functions does the student's code call, whatever name it calls them by?"""

from __future__ import annotations

import functools
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any


def _modules(name: str) -> Iterator[types.ModuleType]:
    """The module of this name, where it is loaded, and the parts of it that it shows (torch.nn: torch.nn.functional)."""
    module = sys.modules.get(name)
    if module is not None:
        yield module
        for part in list(vars(module).values()):
            if isinstance(part, types.ModuleType) and part.__name__.startswith(name + "."):
                yield part


def _compiled(value: Any, root: str) -> bool:
    """Is it a compiled function of this library (and not `math.sqrt`, which its modules import as well)?"""
    if not isinstance(value, types.BuiltinFunctionType):
        return False
    return (value.__module__ or root).split(".")[0] == root


@functools.lru_cache(maxsize=64)
def _resolve(name: str) -> dict[int, str]:
    """id of each compiled function under this banned name -> its full name."""
    root = name.split(".")[0]
    found: dict[int, str] = {}
    for module in _modules(name):
        found |= {
            id(value): f"{module.__name__}.{key}" for key, value in vars(module).items() if _compiled(value, root)
        }
    module_name, _, last = name.rpartition(".")
    value = getattr(sys.modules.get(module_name), last, None)
    if _compiled(value, root):
        found[id(value)] = name
    return found


@functools.lru_cache(maxsize=64)
def _own_name(name: str) -> str:
    """The name a class or function has where it is defined: torch.optim.AdamW is torch.optim.adamw.AdamW."""
    module_name, _, last = name.rpartition(".")
    value = getattr(sys.modules.get(module_name), last, None)
    if isinstance(value, (type, types.FunctionType)):
        return f"{value.__module__}.{value.__qualname__}"
    return name


def call_watched(
    function: Callable[[], Any], banned: tuple[str, ...], is_own: Callable[[str], bool]
) -> tuple[Any, list[str]]:
    """The function's result, and the banned functions which the student's own code called meanwhile.

    is_own: does code of this file name belong to the student? Python functions are known by their module and name,
    compiled ones by identity. A ufunc leaves no trace here.
    """
    compiled = {number: full for name in banned for number, full in _resolve(name).items()}
    names = tuple({*banned, *map(_own_name, banned)})
    inside = tuple(name + "." for name in names)
    used: set[str] = set()

    def watch(frame: types.FrameType, event: str, argument: Any) -> None:
        if event == "c_call":
            if id(argument) in compiled and is_own(frame.f_code.co_filename):
                used.add(compiled[id(argument)])
        elif event == "call" and frame.f_back is not None and is_own(frame.f_back.f_code.co_filename):
            name = f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_qualname}"
            if name in names or name.startswith(inside):
                used.add(name)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        return function(), sorted(used)
    finally:
        sys.setprofile(before)
