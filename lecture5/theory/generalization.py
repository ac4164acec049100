"""The error of least squares on new data, exactly, below and above the interpolation threshold (notebook 06)."""

import math


def least_squares_test_error(features: int, examples: int, signal: float, rest: float) -> float:
    """Mean squared error on new data of least squares with p Gaussian features and n examples.

    p ≤ n − 2:  r·(1 + p/(n − p − 1));   p ≥ n + 2:  s·(1 − n/p) + r·(1 + n/(p − n − 1));   infinite in between

    Beyond p = n it is the shortest solution. signal: s, squared length of the true weights of the features used.
    rest: r, variance of the noise and of the features left out. All features independent N(0, 1).
    Source: Belkin, Hsu & Xu 2020, arXiv:1903.07571, theorem 1 and corollary 1.
    """
    p, n = features, examples
    if p <= n - 2:
        return rest * (1 + p / (n - p - 1))
    if p >= n + 2:
        return signal * (1 - n / p) + rest * (1 + n / (p - n - 1))
    return math.inf
