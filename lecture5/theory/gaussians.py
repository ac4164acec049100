"""Lengths, angles and distances of Gaussian vectors in high dimension (T7)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Array = NDArray[np.float64]


def norm_mean(n: ArrayLike) -> Array:
    """Mean length of x ~ N(0, I_n): √2·Γ((n+1)/2)/Γ(n/2) ≈ √n·(1 − 1/(4n)).

    n: any shape. The ratio of gammas is a Pochhammer symbol, which neither overflows (Γ does at n = 343) nor cancels.
    Source: the chi distribution.
    """
    return math.sqrt(2) * special.poch(np.asarray(n, dtype=np.float64) / 2, 0.5)


def norm_std(n: ArrayLike) -> Array:
    """Standard deviation of the length of x ~ N(0, I_n): √(n − mean²) → 1/√2, whatever n.

    n: any shape. From n = 10⁶ the series 1/2 − 1/(8n) replaces n − mean², which cancels there.
    """
    n = np.asarray(n, dtype=np.float64)
    return np.sqrt(np.where(n < 1e6, n - norm_mean(n) ** 2, 0.5 - 1 / (8 * n)))


def squared_norm_std(n: ArrayLike) -> Array:
    """Standard deviation of ‖x‖² for x ~ N(0, I_n): √(2n). This one does grow. n: any shape. Source: chi-square."""
    return np.sqrt(2 * np.asarray(n, dtype=np.float64))


def cosine_density(cosine: ArrayLike, n: int) -> Array:
    """Density of the cosine between two independent Gaussian vectors: (1 + cos θ)/2 ~ Beta((n−1)/2, (n−1)/2).

    Its variance is 1/n. cosine: any shape, in [−1, 1]. n ≥ 2.
    """
    return stats.beta.pdf((1 + np.asarray(cosine, dtype=np.float64)) / 2, (n - 1) / 2, (n - 1) / 2) / 2


def pair_distance_moments(n: ArrayLike) -> tuple[Array, Array]:
    """Mean and standard deviation of ‖x − y‖, x and y ~ N(0, I_n) independent: √2 times those of ‖x‖. n: any shape."""
    return math.sqrt(2) * norm_mean(n), math.sqrt(2) * norm_std(n)


def probability_inside(radius: ArrayLike, n: int) -> Array:
    """P(‖x‖ ≤ radius) for x ~ N(0, I_n), from the chi-square distribution. radius: any shape."""
    return stats.chi2.cdf(np.asarray(radius, dtype=np.float64) ** 2, n)
