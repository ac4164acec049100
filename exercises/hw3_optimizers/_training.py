"""Arrays as a student may be handed them: read-only, or with gaps in memory."""

from __future__ import annotations

import numpy as np


def locked(array: np.ndarray) -> np.ndarray:
    """A read-only view of the same values; strides are kept."""
    view = np.asarray(array)[...]
    view.setflags(write=False)
    return view


def strided(array: np.ndarray) -> np.ndarray:
    """The same values in memory with gaps: not contiguous."""
    wide = np.zeros((*array.shape[:-1], 2 * array.shape[-1]), dtype=array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]
