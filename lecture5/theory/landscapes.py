"""When training ends, and which minima it ends in (T22, T24, T25, T27)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def sharpness_limit(lr: float) -> float:
    """Largest curvature at which gradient descent can stay: 2/η. Full-batch training drifts up to it.

    Source: Cohen et al. 2021, arXiv:2103.00065 (the edge of stability).
    """
    return 2 / lr


def gibbs_flat_fraction(sharp: ArrayLike, flat: ArrayLike, dims: int = 1) -> NDArray[np.float64]:
    """Share of time a noisy walker spends in the flat one of two equally deep wells with these curvatures.

    √(λ_sharp)/(√λ_sharp + √λ_flat): the Gibbs weight of a harmonic well is ∝ λ^{−1/2} (per dimension)

    sharp, flat: any shape. Source: Laplace's method; Jastrzębski et al. 2017, arXiv:1711.04623.
    """
    ratio = (np.asarray(flat, dtype=np.float64) / np.asarray(sharp, dtype=np.float64)) ** (dims / 2)
    return 1 / (1 + ratio)


def sgd_temperature(lr: float, noise_variance: float, batch_size: int) -> float:
    """Temperature of SGD seen as a noisy walker: T = ησ²/(2B), σ² the variance of one example's gradient.

    Source: Mandt, Hoffman & Blei 2017; Jastrzębski et al. 2017: only the ratio η/B matters.
    """
    return lr * noise_variance / (2 * batch_size)


def well_exchange_rate(sharp: float, flat: float, barrier: float, temperature: ArrayLike) -> NDArray[np.float64]:
    """Rate at which a noisy walker forgets in which of two wells it started.

    √(λ₁λ₂)·√(h/(πT))·e^{−h/T}, for two parabolas of equal depth that meet in an edge of height h

    sharp, flat: curvatures λ₁, λ₂. temperature: T, any shape; the formula is for T < h. The share in the flat well at
    time t is p(1 − e^{−rt}) with p = `gibbs_flat_fraction`. Source: Kramers 1940; Hänggi, Talkner & Borkovec 1990
    (edge-shaped barrier).
    """
    heat = np.asarray(temperature, dtype=np.float64)
    return math.sqrt(sharp * flat) * np.sqrt(barrier / (math.pi * heat)) * np.exp(-barrier / heat)


def novikoff_bound(radius: float, margin: float) -> float:
    """Largest number of mistakes of the perceptron on data of norm ≤ R separable with margin γ: (R/γ)².

    Source: Novikoff 1962.
    """
    return (radius / margin) ** 2


def separable_logistic_norm_slope(margin: float) -> float:
    """d‖w‖/d ln t, late in logistic regression on separable data: 1/γ, γ the largest margin (of unit vectors).

    Source: Soudry et al. 2018, arXiv:1710.10345, theorem 3: w(t) ≈ ŵ ln t with ŵ the hard-margin SVM.
    """
    return 1 / math.fabs(margin)
