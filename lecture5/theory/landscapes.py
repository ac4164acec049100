"""When training ends, and which minima it ends in (T22, T24, T25, T27)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def sharpness_limit(lr: float) -> float:
    """Largest curvature at which gradient descent can stay: 2/η. Full-batch training drifts up to it.

    lr: η. Source: Cohen et al. 2021, arXiv:2103.00065 (the edge of stability).

    >>> sharpness_limit(0.1)
    20.0
    """
    return 2 / lr


def gibbs_flat_fraction(sharp: ArrayLike, flat: ArrayLike, dims: int = 1) -> NDArray[np.float64]:
    """Share of time that a noisy walker spends in the flat one of two equally deep wells.

    √λ_sharp/(√λ_sharp + √λ_flat): in one dimension the Gibbs weight of a harmonic well is proportional to 1/√λ;
    in d dimensions, with the same λ in each, the roots are d-th powers of √λ

    sharp, flat: the curvatures λ_sharp and λ_flat, any shape. dims: d. Returns that shape.
    Source: Laplace's method; Jastrzębski et al. 2017, arXiv:1711.04623.

    >>> round(float(gibbs_flat_fraction(sharp=20, flat=1)), 3)
    0.817
    """
    ratio = (np.asarray(flat, dtype=np.float64) / np.asarray(sharp, dtype=np.float64)) ** (dims / 2)
    return 1 / (1 + ratio)


def sgd_temperature(lr: float, noise_variance: float, batch_size: int) -> float:
    """Temperature of SGD seen as a noisy walker: T = ησ²/(2B), so that only the ratio η/B matters.

    lr: η. noise_variance: σ², the variance of one example's gradient. batch_size: B.
    Source: Mandt, Hoffman & Blei 2017, arXiv:1704.04289; Jastrzębski et al. 2017, arXiv:1711.04623.

    >>> sgd_temperature(0.5, 8.0, 4) == sgd_temperature(0.25, 8.0, 2) == 0.5
    True
    """
    return lr * noise_variance / (2 * batch_size)


def well_exchange_rate(sharp: float, flat: float, barrier: float, temperature: ArrayLike) -> NDArray[np.float64]:
    """Rate at which a noisy walker forgets in which of two wells it started.

    √(λ₁λ₂)·√(h/(πT))·e^{−h/T}, for two parabolas of equal depth that meet in an edge of height h

    sharp, flat: the curvatures λ₁ and λ₂. barrier: h. temperature: T, any shape; the formula is for T < h. Returns the
    shape of temperature, per unit of time. A walker that starts in the sharp well is in the flat one at time t with
    probability p(1 − e^{−rt}), with p = `gibbs_flat_fraction` and r this rate.
    Source: Kramers 1940; Hänggi, Talkner & Borkovec 1990 (edge-shaped barrier).

    >>> well_exchange_rate(20, 1, barrier=2.0, temperature=[0.5, 1.0]).round(3)
    array([0.092, 0.483])
    """
    heat = np.asarray(temperature, dtype=np.float64)
    return math.sqrt(sharp * flat) * np.sqrt(barrier / (math.pi * heat)) * np.exp(-barrier / heat)


def novikoff_bound(radius: float, margin: float) -> float:
    """Largest number of mistakes that the perceptron can make on separable data: (R/γ)².

    radius: R, the length of the longest example. margin: γ, the distance of the nearest example to the best separating plane
    through the origin. Source: Novikoff 1962.

    >>> novikoff_bound(radius=1.0, margin=0.5)
    4.0
    """
    return (radius / margin) ** 2


def separable_logistic_norm_slope(margin: float) -> float:
    """d‖w‖/d ln t, late in logistic regression on separable data: 1/γ.

    margin: γ, the largest margin that a unit vector has on the data.
    Source: Soudry et al. 2018, arXiv:1710.10345, theorem 3: w(t) ≈ ŵ ln t with ŵ the hard-margin SVM.

    >>> separable_logistic_norm_slope(0.25)
    4.0
    """
    return 1 / math.fabs(margin)
