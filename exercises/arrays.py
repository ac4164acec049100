"""Arrays as a student may be handed them, and plain looks at what a call returned and left behind."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from exercises.observation import Answer, typed, unchanged


def locked(array: Any) -> np.ndarray:
    """A read-only array of the same values; a view keeps its strides."""
    view = np.asarray(array)[...]
    view.setflags(write=False)
    return view


def strided(array: np.ndarray) -> np.ndarray:
    """The same values in memory with gaps: not contiguous."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def number(value: Any) -> dict[str, Any]:
    """One plain number with its shape; a Python float, a numpy scalar and a 0-d array look alike."""
    return {"shape": list(np.shape(value)), "value": np.asarray(value, dtype=np.float64)}


def is_whole(value: Any) -> bool:
    """Is it a Python or numpy integer, and not a boolean?"""
    return np.asarray(value).dtype.kind in "iu" and np.shape(value) == ()


def kept(answer: Answer, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The call's typed value (a pair's parts one by one), and for each positional argument: is it what it was before?

    Arguments are arrays, or lists of them, and are compared byte for byte. The value stands beside the answer to the
    question, so that a function which does nothing earns nothing.
    """
    before = copy.deepcopy(args)
    result = answer(*args, **kwargs)
    value = [typed(part) for part in result] if isinstance(result, tuple) else typed(result)
    return {"value": value, "kept": [unchanged(now, then) for now, then in zip(args, before, strict=True)]}
