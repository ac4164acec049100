"""Gradient methods on quadratics: noise, rates, and where they stop being stable (T9, T10).

A quadratic has curvatures between mu and L; its condition number is kappa = L/mu.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]


def minibatch_rms_error(trace_cov: float, batch_size: ArrayLike, n: int | None = None) -> Array:
    """Root mean square of ‖minibatch gradient − full gradient‖.

    √(tr Σ/B) with replacement (n is None); times √((N − B)/(N − 1)) without, so exactly 0 at B = N

    trace_cov: tr Σ, the trace of the covariance of one example's gradient. batch_size: B, any shape. n: N, the number of
    examples, or None. Returns the shape of batch_size.
    Source: variance of a sample mean, with the finite-population correction (T9; ERRATA 23).

    >>> minibatch_rms_error(100.0, [1, 25, 100])
    array([10.,  2.,  1.])
    >>> minibatch_rms_error(100.0, [1, 100], n=100)
    array([10.,  0.])
    """
    b = np.asarray(batch_size, dtype=np.float64)
    without_replacement = 1.0 if n is None else (n - b) / (n - 1)
    return np.sqrt(trace_cov / b * without_replacement)


def sgd_noise_floor(lr: ArrayLike, curvature: float = 1.0, noise_variance: float = 1.0) -> Array:
    """Stationary variance of SGD on λx²/2 with noisy gradients: ηs²/(λ(2 − ηλ)).

    lr: η, any shape, below 2/λ. curvature: λ. noise_variance: s², the variance of the gradient. Returns the shape of lr.
    Source: the fixed point of v ← (1 − ηλ)²v + η²s² (T9).

    >>> sgd_noise_floor([0.5, 0.1, 0.02]).round(4)
    array([0.3333, 0.0526, 0.0101])
    """
    lr = np.asarray(lr, dtype=np.float64)
    return lr * noise_variance / (curvature * (2 - lr * curvature))


def robbins_monro_variance(steps: ArrayLike) -> Array:
    """Variance of SGD on x²/2 with unit noise after T steps of size 1/t: 1/T, since x is then a mean of T numbers.

    steps: T, any shape. Returns the same shape. Source: Robbins & Monro 1951 (the steps); the variance of a mean.

    >>> robbins_monro_variance([1, 100])
    array([1.  , 0.01])
    """
    return 1 / np.asarray(steps, dtype=np.float64)


def nemirovski_stall(steps: ArrayLike, mu: float) -> Array:
    """x after T noiseless steps of size μ/t on x²/2 from x = 1: it falls only like T^{−μ}.

    ∏(1 − μ/t) = Γ(T+1−μ)/(Γ(T+1)Γ(1−μ))

    steps: T, any shape. mu: μ, 0 < μ < 1. Returns the shape of steps.
    Source: Nemirovski et al. 2009, SIAM J. Optim. 19, section 2.1.

    >>> nemirovski_stall([10, 1e9], mu=0.2).round(4)
    array([0.5377, 0.0136])
    """
    t = np.asarray(steps, dtype=np.float64)
    position: Array = 1 / (special.poch(t + 1 - mu, mu) * special.gamma(1 - mu))
    return position


class Tuning(NamedTuple):
    """The best learning rate and momentum for a range of curvatures, and the factor per step that they give.

    lr: η. beta: β, 0 for none. rate: the factor by which the distance to the minimum shrinks in the long run.
    """

    lr: float
    beta: float
    rate: float


def tuned_gradient_descent(L: float, mu: float) -> Tuning:
    """Gradient descent at its best: η = 2/(L + μ), rate (κ − 1)/(κ + 1).

    L, mu: the largest and smallest curvature, L ≥ μ > 0. Source: Polyak 1964 (T10).

    >>> round(tuned_gradient_descent(L=100, mu=1).rate, 6)
    0.980198
    """
    return Tuning(2 / (L + mu), 0.0, (L - mu) / (L + mu))


def tuned_heavy_ball(L: float, mu: float) -> Tuning:
    """Heavy ball at its best: η = 4/(√L + √μ)², β = ((√κ − 1)/(√κ + 1))², rate √β.

    L, mu: the largest and smallest curvature, L ≥ μ > 0. Source: Polyak 1964.

    >>> round(tuned_heavy_ball(L=100, mu=1).rate, 6)
    0.818182
    """
    root = (math.sqrt(L) - math.sqrt(mu)) / (math.sqrt(L) + math.sqrt(mu))
    return Tuning(4 / (math.sqrt(L) + math.sqrt(mu)) ** 2, root**2, root)


def tuned_nesterov(L: float, mu: float) -> Tuning:
    """Nesterov with the textbook step: η = 1/L, β = (√κ − 1)/(√κ + 1), rate 1 − 1/√κ on quadratics.

    L, mu: the largest and smallest curvature, L ≥ μ > 0.
    Source: Nesterov 2004, Introductory Lectures, section 2.2; rate: Lessard, Recht & Packard 2016, proposition 1.

    >>> round(tuned_nesterov(L=100, mu=1).rate, 6)
    0.9
    """
    root = math.sqrt(L / mu)
    return Tuning(1 / L, (root - 1) / (root + 1), 1 - 1 / root)


def tuned_nesterov_quadratic(L: float, mu: float) -> Tuning:
    """Nesterov at its best on quadratics: η = 4/(3L + μ), β = (√(3κ+1) − 2)/(√(3κ+1) + 2), rate 1 − 2/√(3κ+1).

    L, mu: the largest and smallest curvature, L ≥ μ > 0.
    Source: Lessard, Recht & Packard 2016, arXiv:1408.3595, proposition 1.

    >>> round(tuned_nesterov_quadratic(L=100, mu=1).rate, 5)
    0.88472
    """
    root = math.sqrt(3 * L / mu + 1)
    return Tuning(4 / (3 * L + mu), (root - 2) / (root + 2), 1 - 2 / root)


def spectral_radius(lr: float, beta: float, curvatures: ArrayLike, nesterov: bool = False) -> Array:
    """Factor per step, in the long run, on each curvature λ: the largest |root| of z² − az + b.

    Heavy ball: a = 1 + β − ηλ, b = β.  Nesterov: a = (1 + β)(1 − ηλ), b = β(1 − ηλ).  β = 0 is gradient descent

    lr: η. beta: β. curvatures: λ, any shape. nesterov: which of the two. Returns the shape of curvatures. A double root ρ
    gives an error like t·ρᵗ, so rates measured over a few hundred steps come out 0.5 to 1 % above ρ.
    Source: Lessard, Recht & Packard 2016, arXiv:1408.3595 (T10).

    >>> best = tuned_heavy_ball(L=100, mu=1)
    >>> spectral_radius(best.lr, best.beta, [2.0, 50.0]).round(4)
    array([0.8182, 0.8182])
    """
    lam = np.asarray(curvatures, dtype=np.float64)
    a = (1 + beta) * (1 - lr * lam) if nesterov else 1 + beta - lr * lam
    b = beta * (1 - lr * lam) if nesterov else np.full_like(lam, beta)
    root = np.sqrt((a**2 - 4 * b).astype(np.complex128))
    return np.maximum(np.abs(a + root), np.abs(a - root)) / 2


def largest_stable_lr(
    method: Literal["gradient descent", "heavy ball", "ema momentum", "nesterov"], L: float, beta: float = 0.0
) -> float:
    """Largest learning rate that does not diverge on curvature L.

    gradient descent 2/L · heavy ball 2(1+β)/L · EMA momentum 2(1+β)/((1−β)L) · Nesterov (2+2β)/((1+2β)L)

    beta: β, the momentum. Raises KeyError for another method.
    Source: |roots| ≤ 1 for the polynomials of `spectral_radius` (T10; ERRATA 32).

    >>> round(largest_stable_lr("heavy ball", L=1, beta=0.9), 6), round(largest_stable_lr("ema momentum", L=1, beta=0.9), 6)
    (3.8, 38.0)
    """
    limits = {
        "gradient descent": 2.0,
        "heavy ball": 2 * (1 + beta),
        "ema momentum": 2 * (1 + beta) / (1 - beta),
        "nesterov": (2 + 2 * beta) / (1 + 2 * beta),
    }
    return limits[method] / L
