"""Where floating-point numbers end, and what logarithms add up to (notebook 02)."""

import math

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

Array = NDArray[np.float64]


def log_product(p: float, n: ArrayLike) -> Array:
    """Natural logarithm of pⁿ, which no float underflows: n·ln p. n: any shape."""
    return np.asarray(n, dtype=np.float64) * math.log(p)


def factors_to_underflow(p: float, dtype: DTypeLike) -> float:
    """Number of factors p after which their product rounds to 0, as a real number (round it up).

    A product rounds to 0 at half the smallest subnormal, 2^−(b+1):  n = (b + 1) ln 2 / (−ln p);
    b = 1074 (float64), 149 (float32), 24 (float16)

    p: at most 1/2 (above, rounding to even holds the product at the smallest subnormal for ever). Source: IEEE 754.
    """
    return -math.log(float(np.finfo(np.dtype(dtype)).smallest_subnormal)) / -math.log(p) + math.log(2) / -math.log(p)


def exp_overflow(dtype: DTypeLike) -> float:
    """Largest x with a finite exp(x): ln of the largest float: 11.09 (float16), 88.72 (float32), 709.78 (float64)."""
    return math.log(float(np.finfo(np.dtype(dtype)).max))


def sigmoid_saturation(dtype: DTypeLike) -> float:
    """The z from which sigmoid(z) rounds to exactly 1: (m + 1) ln 2 with m mantissa bits; 16.64 in float32.

    exp(−z) must be under half the spacing of floats just below 1. Source: IEEE 754.
    """
    return (np.finfo(np.dtype(dtype)).nmant + 1) * math.log(2)


def gaussian_mutual_information(rho: float) -> float:
    """Mutual information, in nats, of two Gaussians with correlation ρ: −½ ln(1 − ρ²).

    It is what E log p(x, y) exceeds E log p(x) + E log p(y) by. Source: Cover & Thomas, section 8.5.
    """
    return -0.5 * math.log1p(-(rho**2))
