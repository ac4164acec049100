"""Arrays as a student may be handed them, and a look at what a call left of its arguments."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from exercises.observation import Answer, typed


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


def kept(answer: Answer, *args: Any, **kwargs: Any) -> dict[str, Any]:
    """The call's typed value, and for each positional argument: is it byte for byte what it was before?

    The value stands beside the answer to the question, so that a function which does nothing earns nothing.
    """
    before = copy.deepcopy(args)
    value = typed(answer(*args, **kwargs))
    same = [np.asarray(now).tobytes() == np.asarray(then).tobytes() for now, then in zip(args, before, strict=True)]
    return {"value": value, "kept": same}
