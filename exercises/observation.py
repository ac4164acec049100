"""What a check sees of an answer, and helpers for writing `observe(answer, rng)` functions.

An observation is plain data: numbers, strings, booleans, None, numpy arrays or torch tensors, nested in lists,
tuples and dicts. `distance` compares two of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from exercises.distance import distance
from exercises.lost import AnswerLost

Observation = Any
Answer = Callable[..., Any]


def typed(value: Any) -> dict[str, Any]:
    """A returned value with its kind (numpy or torch), dtype name, shape and values; Python numbers count as numpy.

    >>> typed(np.ones(2, dtype=np.float32))
    {'kind': 'numpy', 'dtype': 'float32', 'shape': [2], 'values': array([1., 1.], dtype=float32)}
    """
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
    """The name of the (built-in type of the) exception which the call raises, or "returned".

    >>> raised(int, "3"), raised(int, "three")
    ('returned', 'ValueError')
    """
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
    """Call the answer; for each positional argument: is it byte for byte what it was before?

    >>> untouched(list.append, [1, 2], 3)
    [False, True]
    """
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
        return bool(now.bit_generator.state == then.bit_generator.state)
    if hasattr(now, "detach"):
        now, then = now.detach().numpy(), then.detach().numpy()
    if isinstance(now, np.ndarray):
        return bool(now.dtype == then.dtype and now.shape == then.shape and now.tobytes() == then.tobytes())
    return distance(now, then, rtol=0.0, atol=0.0) == 0.0


def probe(function: Callable[..., Any], answer: Answer, **inputs: Any) -> Any:
    """Run `function(answer, **inputs)` in the process where the answer lives, and return its data.

    For what cannot be seen from another process: memory used, a module trained by a student's optimizer. `function`
    must be self-contained (imports inside) and holds inputs only, never expected values.
    """
    remote = getattr(answer, "__probe__", None)
    return remote(function, inputs) if remote is not None else function(answer, **inputs)


def _call_each(answer: Answer, calls: list[Any]) -> list[Any]:  # a probe: sent to the answer's process
    return [answer(*args, **kwargs) for args, kwargs in calls]


def several(answer: Answer, *calls: tuple[Any, ...], **keywords: Any) -> list[Any]:
    """The values of `answer(*args, **keywords)` for each of these tuples of arguments, for one crossing of the wall.

    The first exception ends them. Arguments that the answer changes are changed here, as in single calls.

    >>> several(pow, (2, 3), (3, 2))
    [8, 9]
    """
    values: list[Any] = probe(_call_each, answer, calls=[(args, keywords) for args in calls])
    return values
