"""Adagrad, RMSprop and Adam: what their formulas promise (T11–T14)."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def adagrad_regret_bound(gradients: ArrayLike, diameter: float) -> float:
    """Upper bound on Adagrad's regret: √2·D_∞·Σ_i ‖g_{1:T,i}‖₂.

    gradients: (T, d), or (T,) for one weight. diameter: D_∞, the largest distance along a coordinate.
    Source: Duchi, Hazan & Singer 2011, JMLR 12, theorem 5 (with η = D_∞/√2).
    """
    g = np.asarray(gradients, dtype=np.float64)
    return math.sqrt(2) * diameter * float(np.sum(np.sqrt(np.sum(g**2, axis=0))))


def rmsprop_first_step(gamma: float) -> float:
    """Size of RMSprop's first step, in units of the learning rate: 1/√(1 − γ), because v starts at 0, uncorrected."""
    return 1 / math.sqrt(1 - gamma)


def adam_first_step(gradient: ArrayLike, eps: float = 1e-8) -> Array:
    """Adam's first step in units of the learning rate: −g/(|g| + ε), so −sign(g) unless g is tiny.

    gradient: any shape. Source: Kingma & Ba 2015, arXiv:1412.6980, algorithm 1 at t = 1.
    """
    g = np.asarray(gradient, dtype=np.float64)
    return -g / (np.abs(g) + eps)


def adam_largest_step(beta1: float, beta2: float, step: int | None = None) -> float:
    """Adam's largest step in units of the learning rate: one gradient at step t after nothing but zeros.

    (1 − β₁)/√(1 − β₂) · √(1 − β₂ᵗ)/(1 − β₁ᵗ);  t → ∞ gives 3.162 at the defaults

    Source: Kingma & Ba 2015, section 2.1; needs 1 − β₁ > √(1 − β₂).
    """
    limit = (1 - beta1) / math.sqrt(1 - beta2)
    return limit if step is None else limit * math.sqrt(1 - beta2**step) / (1 - beta1**step)


def noisy_sign_step(relative_variance: ArrayLike) -> Array:
    """Mean step of Adam (β₁ = 0, long memory) on a noisy gradient, over the learning rate: 1/√(1 + σ²/μ²).

    relative_variance: σ²/μ², any shape. Source: Balles & Hennig 2018, arXiv:1705.07774, section 2.
    """
    return 1 / np.sqrt(1 + np.asarray(relative_variance, dtype=np.float64))


def wilson_min_norm_weights(n_pos: int, n_neg: int) -> tuple[float, float]:
    """Shared weights (w₁, w₂ = w₃) of the minimum-norm solution on Wilson's construction, reached by GD and momentum.

    w₁ = (8n₊n₋ + 5n₊ + n₋)/D,  w₂ = (5n₊ − n₋)/D,  D = 8n₊n₋ + 15n₊ + 3n₋ + 5

    Source: Wilson et al. 2017, arXiv:1705.08292, section 3.3, solved for both classes' dual coefficients.
    """
    d = 8 * n_pos * n_neg + 15 * n_pos + 3 * n_neg + 5
    return (8 * n_pos * n_neg + 5 * n_pos + n_neg) / d, (5 * n_pos - n_neg) / d
