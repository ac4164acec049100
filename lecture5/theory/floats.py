"""Where floating-point numbers end, and what logarithms add up to (notebook 02)."""

import math

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Array = NDArray[np.float64]


def log_product(p: float, n: ArrayLike) -> Array:
    """Natural logarithm of pⁿ: n·ln p. The power underflows for large n, its logarithm does not.

    p: a probability above 0. n: any shape. Returns the shape of n. Source: the rules of the logarithm.

    >>> log_product(0.1, [324, 400]).round(3)
    array([-746.038, -921.034])
    """
    return np.asarray(n, dtype=np.float64) * math.log(p)


def factors_to_underflow(p: float, dtype: DTypeLike) -> float:
    """Number of factors p after which their product rounds to 0, as a real number (round it up).

    A product rounds to 0 at half the smallest subnormal, 2^−(b+1):  n = (b + 1) ln 2 / (−ln p);
    b = 1074 (float64), 149 (float32), 24 (float16)

    p: at most 1/2. Above it, rounding to even keeps the product at the smallest subnormal for ever.
    Source: IEEE 754.

    >>> round(factors_to_underflow(0.5, np.float32), 9)
    150.0
    """
    return -math.log(float(np.finfo(np.dtype(dtype)).smallest_subnormal)) / -math.log(p) + math.log(2) / -math.log(p)


def exp_overflow(dtype: DTypeLike) -> float:
    """Largest x with a finite exp(x), the logarithm of the largest float.

    dtype: a floating-point type. Source: IEEE 754.

    >>> [round(exp_overflow(dtype), 2) for dtype in (np.float16, np.float32, np.float64)]
    [11.09, 88.72, 709.78]
    """
    return math.log(float(np.finfo(np.dtype(dtype)).max))


def sigmoid_saturation(dtype: DTypeLike) -> float:
    """The z from which sigmoid(z) rounds to exactly 1: (m + 1) ln 2, with m mantissa bits.

    There exp(−z) is half the spacing of the floats just below 1. dtype: a floating-point type. Source: IEEE 754.

    >>> round(sigmoid_saturation(np.float32), 2)
    16.64
    """
    return float(np.finfo(np.dtype(dtype)).nmant + 1) * math.log(2)


def gaussian_mutual_information(rho: float) -> float:
    """Mutual information, in nats, of two Gaussians with correlation ρ: −½ ln(1 − ρ²).

    By so much E log p(x, y) exceeds E log p(x) + E log p(y). rho: ρ, −1 < ρ < 1.
    Source: Cover & Thomas, section 8.5.

    >>> round(gaussian_mutual_information(0.9), 4)
    0.8304
    """
    return -0.5 * math.log1p(-(rho**2))
