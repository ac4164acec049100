"""Adagrad, RMSprop and Adam: what their formulas promise (T11–T14)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def adagrad_regret_bound(gradients: ArrayLike, diameter: float) -> float:
    """Upper bound on Adagrad's regret: √2·D_∞·Σ_i ‖g_{1:T,i}‖₂.

    The regret is the loss summed over all steps, minus that of the best fixed weights.

    gradients: shape (T, d), or (T,) for one weight. diameter: D_∞, the largest distance along a coordinate.
    Source: Duchi, Hazan & Singer 2011, JMLR 12, theorem 5 (with η = D_∞/√2).

    >>> round(adagrad_regret_bound(np.ones(10_000), diameter=2.0), 1)
    282.8
    """
    g = np.asarray(gradients, dtype=np.float64)
    return math.sqrt(2) * diameter * float(np.sum(np.sqrt(np.sum(g**2, axis=0))))


def rmsprop_first_step(gamma: float) -> float:
    """Size of RMSprop's first step, in units of the learning rate: 1/√(1 − γ).

    It is above 1 for γ > 0, because the average of squares starts at 0 and is not corrected for that.

    gamma: γ, the decay of the average, 0 ≤ γ < 1.
    Source: Tieleman & Hinton 2012, the recursion from v = 0 (ERRATA 29 has what the slide leaves out).

    >>> round(rmsprop_first_step(0.99), 6)
    10.0
    """
    return 1 / math.sqrt(1 - gamma)


def adam_first_step(gradient: ArrayLike, eps: float = 1e-8) -> Array:
    """Adam's first step in units of the learning rate: −g/(|g| + ε), so −sign(g) unless g is tiny.

    gradient: g, any shape. Returns the same shape. Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1 at t = 1.

    >>> adam_first_step([4.0, -0.01, 1e-8]).round(4)
    array([-1. ,  1. , -0.5])
    """
    g = np.asarray(gradient, dtype=np.float64)
    return -g / (np.abs(g) + eps)


def adam_largest_step(beta1: float, beta2: float, step: int | None = None) -> float:
    """Adam's step in units of the learning rate, where one gradient comes at step t after nothing but zeros.

    (1 − β₁)/√(1 − β₂) · √(1 − β₂ᵗ)/(1 − β₁ᵗ);  t → ∞ gives 3.162 at the defaults

    This is the largest step that a single gradient can cause. step: t, from 1, or None for the limit t → ∞.
    Source: Kingma & Ba 2015, section 2.1; needs 1 − β₁ > √(1 − β₂).

    >>> round(adam_largest_step(0.9, 0.999), 3)
    3.162
    """
    limit = (1 - beta1) / math.sqrt(1 - beta2)
    return limit if step is None else limit * math.sqrt(1 - beta2**step) / (1 - beta1**step)


def noisy_sign_step(relative_variance: ArrayLike) -> Array:
    """Mean step of Adam on a noisy gradient, over the learning rate: 1/√(1 + σ²/μ²).

    For β₁ = 0 and a long memory of squares: then the divisor is the root of the mean square, √(μ² + σ²).

    relative_variance: σ²/μ², any shape. Returns the same shape.
    Source: Balles & Hennig 2018, arXiv:1705.07774, section 2.

    >>> noisy_sign_step([0.0, 1.0, 3.0]).round(4)
    array([1.    , 0.7071, 0.5   ])
    """
    return 1 / np.sqrt(1 + np.asarray(relative_variance, dtype=np.float64))


def wilson_min_norm_weights(n_pos: int, n_neg: int) -> tuple[float, float]:
    """Weights (w₁, w₂) of the shortest solution on Wilson's construction, which GD and momentum reach.

    w₁ = (8n₊n₋ + 5n₊ + n₋)/D,  w₂ = (5n₊ − n₋)/D,  D = 8n₊n₋ + 15n₊ + 3n₋ + 5

    w₁ belongs to the feature that is the label, w₂ to each of the two features that are always 1 (so w₂ = w₃).
    n_pos, n_neg: how many examples have the label +1 and −1.
    Source: Wilson et al. 2017, arXiv:1705.08292, section 3.3, solved for both classes' dual coefficients.

    >>> [round(w, 5) for w in wilson_min_norm_weights(51, 49)]
    [0.97068, 0.00985]
    """
    d = 8 * n_pos * n_neg + 15 * n_pos + 3 * n_neg + 5
    return (8 * n_pos * n_neg + 5 * n_pos + n_neg) / d, (5 * n_pos - n_neg) / d
