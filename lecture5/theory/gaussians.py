"""Lengths, angles and distances of Gaussian vectors in high dimension (T7)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Array = NDArray[np.float64]


def norm_mean(n: ArrayLike) -> Array:
    """Mean length of x ~ N(0, I_n): √2·Γ((n+1)/2)/Γ(n/2) ≈ √n·(1 − 1/(4n)).

    The ratio of the two gammas is a Pochhammer symbol, which neither overflows (Γ does, from n = 343 on) nor cancels.

    n: number of dimensions, any shape. Returns the same shape. Source: the χ distribution (T7).

    >>> norm_mean([1, 2, 100]).round(4)
    array([0.7979, 1.2533, 9.975 ])
    """
    mean: Array = math.sqrt(2) * special.poch(np.asarray(n, dtype=np.float64) / 2, 0.5)
    return mean


def norm_std(n: ArrayLike) -> Array:
    """Standard deviation of the length of x ~ N(0, I_n): √(n − mean²), which tends to 1/√2.

    From n = 10⁶ on the series 1/2 − 1/(8n) replaces n − mean², which would cancel there.

    n: number of dimensions, any shape. Returns the same shape. Source: the χ distribution (T7; ERRATA 20).

    >>> norm_std([1, 100, 1e12]).round(4)
    array([0.6028, 0.7062, 0.7071])
    """
    n = np.asarray(n, dtype=np.float64)
    return np.sqrt(np.where(n < 1e6, n - norm_mean(n) ** 2, 0.5 - 1 / (8 * n)))


def squared_norm_std(n: ArrayLike) -> Array:
    """Standard deviation of ‖x‖² for x ~ N(0, I_n): √(2n). Unlike that of ‖x‖, it grows with n.

    n: number of dimensions, any shape. Returns the same shape. Source: the χ² distribution (T7; ERRATA 20).

    >>> squared_norm_std([2, 50])
    array([ 2., 10.])
    """
    return np.sqrt(2 * np.asarray(n, dtype=np.float64))


def cosine_density(cosine: ArrayLike, n: int) -> Array:
    """Density of the cosine between two independent Gaussian vectors in n dimensions.

    (1 + cos θ)/2 ~ Beta((n−1)/2, (n−1)/2), so the cosine has mean 0 and variance 1/n

    cosine: any shape, in [−1, 1]. n: at least 2. Returns the shape of cosine. Source: the Beta distribution (T7).

    >>> cosine_density([-0.5, 0.0, 0.5], 3).round(6)
    array([0.5, 0.5, 0.5])
    """
    density: Array = stats.beta.pdf((1 + np.asarray(cosine, dtype=np.float64)) / 2, (n - 1) / 2, (n - 1) / 2) / 2
    return density


def pair_distance_moments(n: ArrayLike) -> tuple[Array, Array]:
    """Mean and standard deviation of the distance ‖x − y‖ of independent x, y ~ N(0, I_n).

    x − y has variance 2 in each entry, so both are √2 times those of ‖x‖

    n: number of dimensions, any shape. Returns two arrays of that shape. Source: the χ distribution (T7).

    >>> [float(moment.round(3)) for moment in pair_distance_moments(1000)]
    [44.71, 1.0]
    """
    return math.sqrt(2) * norm_mean(n), math.sqrt(2) * norm_std(n)


def probability_inside(radius: ArrayLike, n: int) -> Array:
    """Probability that x ~ N(0, I_n) lies in the ball of this radius: P(‖x‖ ≤ r), from the χ² distribution.

    radius: r, any shape. n: number of dimensions. Returns the shape of radius. Source: the χ² distribution (T7).

    >>> [float(probability_inside(math.sqrt(n) / 2, n).round(3)) for n in (1, 2, 10)]
    [0.383, 0.221, 0.009]
    """
    probability: Array = stats.chi2.cdf(np.asarray(radius, dtype=np.float64) ** 2, n)
    return probability
