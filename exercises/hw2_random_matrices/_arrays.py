"""Arrays as a student may be handed them, and a look at what a call left of its arguments."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from exercises.observation import Answer, distance, typed


def locked(array: np.ndarray) -> np.ndarray:
    """A read-only view of the array."""
    view = np.asarray(array)[...]
    view.setflags(write=False)
    return view


def strided(array: np.ndarray) -> np.ndarray:
    """The same values in memory with gaps: not contiguous."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def kept(answer: Answer, *args: Any) -> dict[str, Any]:
    """The call's typed value, and for each argument (arrays, lists of arrays): is it what it was before?

    The value stands beside the answer to the question, so that a function which does nothing earns nothing.
    """
    before = copy.deepcopy(args)
    value = typed(answer(*args))
    same = [distance(now, then, rtol=0.0, atol=0.0) == 0.0 for now, then in zip(args, before, strict=True)]
    return {"value": value, "kept": same}
