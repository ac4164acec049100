"""What a check sees of an answer, and how far two such observations lie apart.

An observation is plain data: numbers, strings, booleans, None, numpy arrays or torch tensors, nested in lists,
tuples and dicts. Two observations are compared leaf by leaf; the distance is measured in units of the tolerance, so
that "at most 1" means "the same" and the number itself is the margin that `course prove` prints.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

Observation = Any
Answer = Callable[..., Any]


def leaf_pairs(ours: Observation, theirs: Observation) -> Iterator[tuple[Any, Any]]:
    """Yield the leaves of two nested observations side by side. Raises ValueError where their structures differ."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        keys = sorted(ours, key=str)
        if list(map(str, keys)) != sorted(map(str, theirs)):
            raise ValueError("other keys")
        for key in keys:
            yield from leaf_pairs(ours[key], theirs[key])
    elif isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)):
        for a, b in zip(ours, theirs, strict=True):
            yield from leaf_pairs(a, b)
    elif isinstance(ours, (dict, list, tuple)) or isinstance(theirs, (dict, list, tuple)):
        raise ValueError("other kinds of containers")
    else:
        yield ours, theirs


def _as_numbers(leaf: Any) -> np.ndarray | None:
    """The leaf as a complex or float array, or None where it is not numeric."""
    if hasattr(leaf, "detach"):
        try:
            leaf = leaf.detach().numpy()
        except (TypeError, RuntimeError):  # bfloat16, sparse: no numpy array
            return None
    if isinstance(leaf, (bool, int, float, complex, np.ndarray, np.generic)):
        array = np.asarray(leaf)
        if array.dtype.kind in "biuf":
            return array.astype(np.float64)
        if array.dtype.kind == "c":
            return array.astype(np.complex128)
    return None


def _same(got: Any, want: Any) -> bool:
    """Equality of two leaves that are not numbers."""
    if isinstance(got, np.ndarray) and isinstance(want, np.ndarray):
        return got.shape == want.shape and bool(np.all(got == want))
    try:
        return type(got) is type(want) and bool(got == want)
    except Exception:  # an object that cannot be compared is not what was wanted
        return False


def _identical(got: Any, want: Any) -> bool:
    """Most leaves of right answers are the very same: told at once, in place of by arithmetic."""
    if type(got) is not type(want):
        return False
    if isinstance(got, (bool, int, float, str)):
        return got == want
    if type(got) is np.ndarray and got.dtype == want.dtype and got.shape == want.shape and got.dtype.kind in "biufc":
        return got.tobytes() == want.tobytes()
    return False


def _is_boolean(leaf: Any) -> bool:
    """True or False, or an array or tensor of them."""
    return isinstance(leaf, bool) or str(getattr(leaf, "dtype", "")) in ("bool", "torch.bool")


def _leaf_distance(got: Any, want: Any, rtol: float, atol: float) -> float:
    if _identical(got, want):
        return 0.0
    if _is_boolean(got) or _is_boolean(want):
        rtol = atol = 0.0  # yes and no are one apart: a tolerance for numbers must not make them the same
    a, b = _as_numbers(got), _as_numbers(want)
    if a is None or b is None:
        return 0.0 if a is None and b is None and _same(got, want) else math.inf
    if a.shape != b.shape:
        return math.inf
    if a.size == 0:
        return 0.0
    with np.errstate(all="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        tolerance = atol + rtol * np.abs(b)
        distance = np.where(same, 0.0, np.abs(a - b) / np.where(tolerance > 0, tolerance, 1.0))
        distance = np.where(~same & ((tolerance == 0) | ~np.isfinite(distance)), math.inf, distance)
    return float(np.max(distance))


def distance(got: Observation, want: Observation, rtol: float, atol: float) -> float:
    """Largest leaf distance in units of the tolerance `atol + rtol·|want|`; `inf` where shape or structure differ.

    nan equals nan, inf equals inf of the same sign; booleans have no tolerance. At most 1 means "the same within
    tolerance".
    """
    try:
        pairs = list(leaf_pairs(got, want))
    except (ValueError, KeyError, RecursionError):  # another structure; a list that holds itself
        return math.inf
    return max((_leaf_distance(a, b, rtol, atol) for a, b in pairs), default=0.0)


# Helpers for writing `observe(answer, rng)` functions ---------------------------------------------------------------


def typed(value: Any) -> dict[str, Any]:
    """A returned value with its kind (numpy or torch), dtype name, shape and values; Python numbers count as numpy."""
    if type(value).__module__.startswith("torch"):
        return {
            "kind": "torch",
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "values": value.detach().numpy(),
        }
    array = np.asarray(value)
    return {"kind": "numpy", "dtype": array.dtype.name, "shape": list(array.shape), "values": array}


def raised(answer: Answer, *args: Any, **kwargs: Any) -> str:
    """The name of the (built-in type of the) exception which the call raises, or "returned"."""
    try:
        answer(*args, **kwargs)
    except AnswerLost:
        raise
    except Exception as error:
        return builtin_name(error)
    return "returned"


def builtin_name(error: BaseException) -> str:
    """The nearest built-in type's name: numpy's own exception types do not cross the wall as themselves."""
    return next(cls.__name__ for cls in type(error).__mro__ if cls.__module__ == "builtins")


def untouched(answer: Answer, *args: Any, **kwargs: Any) -> list[bool]:
    """Call the answer; for each positional argument: is it byte for byte what it was before?"""
    before = copy.deepcopy(args)
    answer(*args, **kwargs)
    return [unchanged(now, then) for now, then in zip(args, before, strict=True)]


def unchanged(now: Any, then: Any) -> bool:
    """Byte for byte, through lists, tuples and dicts; a generator by its state."""
    if isinstance(now, (list, tuple)):
        return type(now) is type(then) and len(now) == len(then) and all(map(unchanged, now, then))
    if isinstance(now, dict):
        return now.keys() == then.keys() and all(unchanged(now[key], then[key]) for key in now)
    if isinstance(now, np.random.Generator):
        return now.bit_generator.state == then.bit_generator.state
    if hasattr(now, "detach"):
        now, then = now.detach().numpy(), then.detach().numpy()
    if isinstance(now, np.ndarray):
        return now.dtype == then.dtype and now.shape == then.shape and now.tobytes() == then.tobytes()
    return distance(now, then, rtol=0.0, atol=0.0) == 0.0


def probe(function: Callable[..., Any], answer: Answer, **inputs: Any) -> Any:
    """Run `function(answer, **inputs)` in the process where the answer lives, and return its data.

    For what cannot be seen from another process: memory used, a module trained by a student's optimizer. `function`
    must be self-contained (imports inside) and holds inputs only, never expected values.
    """
    remote = getattr(answer, "__probe__", None)
    return remote(function, inputs) if remote is not None else function(answer, **inputs)


def _call_each(answer, calls):  # a probe: sent to the answer's process
    return [answer(*args, **kwargs) for args, kwargs in calls]


def several(answer: Answer, *calls: tuple[Any, ...], **keywords: Any) -> list[Any]:
    """The values of `answer(*args, **keywords)` for each of these tuples of arguments, for one crossing of the wall.

    The first exception ends them. Arguments that the answer changes are changed here, as in single calls.
    """
    return probe(_call_each, answer, calls=[(args, keywords) for args in calls])


# What the engine raises when an answer gives no observation at all --------------------------------------------------


class AnswerLost(Exception):
    """The answer's process was lost during a call. `status` is the verdict's word for it."""

    status = "crashed"


class AnswerTimedOut(AnswerLost):
    """The call went over its CPU or wall-clock deadline."""

    status = "timed out"


class AnswerOutOfMemory(AnswerLost):
    """The call went over its memory limit."""

    status = "out of memory"


class AnswerCrashed(AnswerLost):
    """The process died (exit, segmentation fault, kill) or broke the protocol."""


class InfrastructureError(BaseException):
    """Our own failure (no fork server, no memory left on the host): never a grade. Not caught by checks."""
