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

    trace_cov: tr Σ, the trace of the covariance of one example's gradient. batch_size: any shape. n: examples in all.
    Source: variance of a sample mean, with the finite-population correction.
    """
    b = np.asarray(batch_size, dtype=np.float64)
    without_replacement = 1.0 if n is None else (n - b) / (n - 1)
    return np.sqrt(trace_cov / b * without_replacement)


def sgd_noise_floor(lr: ArrayLike, curvature: float = 1.0, noise_variance: float = 1.0) -> Array:
    """Stationary variance of SGD on λx²/2 with gradient noise s²: ηs²/(λ(2 − ηλ)).

    lr: η, any shape, below 2/λ. Source: the fixed point of v ← (1 − ηλ)²v + η²s².
    """
    lr = np.asarray(lr, dtype=np.float64)
    return lr * noise_variance / (curvature * (2 - lr * curvature))


def robbins_monro_variance(steps: ArrayLike) -> Array:
    """Variance of SGD on x²/2 with unit noise after T steps of size 1/t: 1/T (x is then a mean). steps: any shape."""
    return 1 / np.asarray(steps, dtype=np.float64)


def nemirovski_stall(steps: ArrayLike, mu: float) -> Array:
    """x after T noiseless steps of size μ/t on x²/2 from x = 1: ∏(1 − μ/t) = Γ(T+1−μ)/(Γ(T+1)Γ(1−μ)) ~ T^{−μ}.

    steps: any shape. 0 < mu < 1. Source: Nemirovski et al. 2009, SIAM J. Optim. 19, section 2.1.
    """
    t = np.asarray(steps, dtype=np.float64)
    return 1 / (special.poch(t + 1 - mu, mu) * special.gamma(1 - mu))


class Tuning(NamedTuple):
    """The best learning rate and momentum for a range of curvatures, and the factor per step which they give."""

    lr: float
    beta: float
    rate: float


def tuned_gradient_descent(L: float, mu: float) -> Tuning:
    """Gradient descent at its best: η = 2/(L + μ), rate (κ − 1)/(κ + 1)."""
    return Tuning(2 / (L + mu), 0.0, (L - mu) / (L + mu))


def tuned_heavy_ball(L: float, mu: float) -> Tuning:
    """Heavy ball at its best: η = 4/(√L + √μ)², β = ((√κ − 1)/(√κ + 1))², rate √β. Source: Polyak 1964."""
    root = (math.sqrt(L) - math.sqrt(mu)) / (math.sqrt(L) + math.sqrt(mu))
    return Tuning(4 / (math.sqrt(L) + math.sqrt(mu)) ** 2, root**2, root)


def tuned_nesterov(L: float, mu: float) -> Tuning:
    """Nesterov with the textbook step: η = 1/L, β = (√κ − 1)/(√κ + 1), rate 1 − 1/√κ on quadratics.

    Source: Nesterov 2004, Introductory Lectures, scheme 2.2.22; rate: Lessard, Recht & Packard 2016, proposition 1.
    """
    root = math.sqrt(L / mu)
    return Tuning(1 / L, (root - 1) / (root + 1), 1 - 1 / root)


def tuned_nesterov_quadratic(L: float, mu: float) -> Tuning:
    """Nesterov at its best on quadratics: η = 4/(3L + μ), β = (√(3κ+1) − 2)/(√(3κ+1) + 2), rate 1 − 2/√(3κ+1).

    Source: Lessard, Recht & Packard 2016, arXiv:1408.3595, proposition 1.
    """
    root = math.sqrt(3 * L / mu + 1)
    return Tuning(4 / (3 * L + mu), (root - 2) / (root + 2), 1 - 2 / root)


def spectral_radius(lr: float, beta: float, curvatures: ArrayLike, nesterov: bool = False) -> Array:
    """Asymptotic factor per step on each curvature λ: the largest |root| of z² − az + b.

    Heavy ball: a = 1 + β − ηλ, b = β.  Nesterov: a = (1 + β)(1 − ηλ), b = β(1 − ηλ).  β = 0 is gradient descent

    curvatures: any shape. A double root gives t·ρᵗ: measured rates come out 0.5–1 % above ρ.
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

    Source: |roots| ≤ 1 for the polynomials of `spectral_radius`.
    """
    limits = {
        "gradient descent": 2.0,
        "heavy ball": 2 * (1 + beta),
        "ema momentum": 2 * (1 + beta) / (1 - beta),
        "nesterov": (2 + 2 * beta) / (1 + 2 * beta),
    }
    return limits[method] / L
