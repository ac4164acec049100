"""The error of least squares on new data, exactly, below and above the interpolation threshold (notebook 06)."""

import math


def least_squares_test_error(features: int, examples: int, signal: float, rest: float) -> float:
    """Mean squared error on new data of least squares with p Gaussian features, fitted to n examples.

    p ≤ n − 2:  r·(1 + p/(n − p − 1));   p ≥ n + 2:  s·(1 − n/p) + r·(1 + n/(p − n − 1));   infinite in between

    Beyond p = n many solutions fit exactly, and the formula is for the shortest of them. All features are independent
    N(0, 1). features: p. examples: n. signal: s, the squared length of the true weights of the features used.
    rest: r, the variance of the noise plus that of the features left out.
    Source: Belkin, Hsu & Xu 2020, arXiv:1903.07571, theorem 1 and corollary 1.

    >>> [round(least_squares_test_error(p, 20, signal=1.0, rest=0.5), 2) for p in (5, 18, 20, 22, 200)]
    [0.68, 9.5, inf, 10.59, 1.46]
    """
    p, n = features, examples
    if p <= n - 2:
        return rest * (1 + p / (n - p - 1))
    if p >= n + 2:
        return signal * (1 - n / p) + rest * (1 + n / (p - n - 1))
    return math.inf
