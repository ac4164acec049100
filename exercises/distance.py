"""How far two observations lie apart, leaf by leaf, in units of the tolerance.

"At most 1" therefore means "the same", and the number itself is the margin that `course prove` prints.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np


def leaf_pairs(ours: Any, theirs: Any) -> Iterator[tuple[Any, Any]]:
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
        return bool(got == want)
    if type(got) is np.ndarray and got.dtype == want.dtype and got.shape == want.shape and got.dtype.kind in "biufc":
        return bool(got.tobytes() == want.tobytes())
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


def distance(got: Any, want: Any, rtol: float, atol: float) -> float:
    """Largest leaf distance in units of the tolerance `atol + rtol·|want|`; `inf` where shape or structure differ.

    nan equals nan, inf equals inf of the same sign; booleans have no tolerance. At most 1 means "the same within
    tolerance".

    >>> distance([1.0, 2.5], [1.0, 2.0], rtol=0.0, atol=0.25)
    2.0
    >>> distance([1.0, 2.5], [1.0], rtol=0.0, atol=0.25)
    inf
    """
    try:
        pairs = list(leaf_pairs(got, want))
    except (ValueError, KeyError, RecursionError):  # another structure; a list that holds itself
        return math.inf
    return max((_leaf_distance(a, b, rtol, atol) for a, b in pairs), default=0.0)
