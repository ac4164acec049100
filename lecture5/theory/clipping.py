"""What clipping by value does to the direction of a gradient (notebook 10)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]


def gaussian_clip_cosine(clip_value: ArrayLike) -> Array:
    """Cosine of the angle between a long Gaussian gradient and the same gradient clipped by value to [−c, c].

    erf(c/√2) / √(E clip²),  E clip² = P(3/2, c²/2) + c²·erfc(c/√2);  √(2/π) for c → 0
    (P is the regularised incomplete gamma function; the entries are independent N(0, 1))

    clip_value: c > 0, any shape. Returns the same shape.
    Source: Stein's lemma, E g·clip(g) = P(|g| < c), and the second moment of a censored Gaussian.

    >>> gaussian_clip_cosine([0.001, 1.0, 10.0]).round(3)
    array([0.798, 0.95 , 1.   ])
    """
    c = np.asarray(clip_value, dtype=np.float64)
    inside = special.erf(c / np.sqrt(2))
    square_inside = special.gammainc(1.5, c**2 / 2)  # E g²·[|g| < c], without cancellation
    cosine: Array = inside / np.sqrt(square_inside + c**2 * special.erfc(c / np.sqrt(2)))
    return cosine
