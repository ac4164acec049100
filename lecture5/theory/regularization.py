"""Penalties, early stopping and dropout, as what they do to a linear model (T16–T20)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def lasso_shrinkage(b: ArrayLike, lam: float) -> Array:
    """What an L1 penalty does to a least-squares weight b when the columns of X are orthonormal: sign(b)·(|b| − λ)₊.

    b: any shape. Source: Tibshirani 1996, section 2.2 (loss ½‖y − Xw‖² + λ‖w‖₁).
    """
    b = np.asarray(b, dtype=np.float64)
    return np.sign(b) * np.maximum(np.abs(b) - lam, 0.0)


def ridge_shrinkage(b: ArrayLike, lam: float) -> Array:
    """The same for an L2 penalty: b/(1 + λ) (loss ½‖y − Xw‖² + (λ/2)‖w‖²). b: any shape."""
    return np.asarray(b, dtype=np.float64) / (1 + lam)


def weight_decay_factor(lr: float, weight_decay: float, steps: int) -> float:
    """What decoupled weight decay (AdamW) leaves of a weight after `steps` steps without gradient: (1 − ηλ)ᵗ.

    Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.
    """
    return (1 - lr * weight_decay) ** steps


def early_stopping_filter(eigenvalues: ArrayLike, lr: float, steps: float) -> Array:
    """Share of the least-squares solution which gradient descent from 0 has learnt along each eigenvector.

    1 − (1 − ηλ_i)ᵗ, computed without cancellation for small ηλ_i t

    eigenvalues: λ_i of the Hessian, any shape, 0 ≤ ηλ_i < 1. Source: Ali, Kolter & Tibshirani 2019, arXiv:1810.10082.
    """
    return -np.expm1(steps * np.log1p(-lr * np.asarray(eigenvalues, dtype=np.float64)))


def ridge_filter(eigenvalues: ArrayLike, alpha: float) -> Array:
    """Share of the least-squares solution which ridge keeps: λ_i/(λ_i + α). Early stopping is near α = 1/(ηt)."""
    lam = np.asarray(eigenvalues, dtype=np.float64)
    return lam / (lam + alpha)


def dropout_noise_variance(drop_prob: ArrayLike, x: ArrayLike = 1.0) -> Array:
    """Variance of (inverted) dropout's output for input x: x²·p/(1 − p). The mean stays x.

    drop_prob: p as in torch (the probability of zero), any shape. Source: variance of a scaled Bernoulli variable.
    """
    p = np.asarray(drop_prob, dtype=np.float64)
    return np.asarray(x, dtype=np.float64) ** 2 * p / (1 - p)


def dropout_expected_loss(X: ArrayLike, y: ArrayLike, w: ArrayLike, drop_prob: float) -> float:
    """Expected squared error of a linear model with dropout on its inputs: least squares plus a ridge.

    E‖y − (M∘X)w‖² = ‖y − Xw‖² + p/(1−p)·Σ_j w_j²‖x_j‖²

    X: (n, d). y: (n,). w: (d,). Source: Srivastava et al. 2014, section 9.1 (their p is the probability to keep).
    """
    X, y, w = (np.asarray(a, dtype=np.float64) for a in (X, y, w))
    penalty = drop_prob / (1 - drop_prob) * np.sum(w**2 * np.sum(X**2, axis=0))
    return float(np.sum((y - X @ w) ** 2) + penalty)


def dropout_weights(X: ArrayLike, y: ArrayLike, drop_prob: float) -> Array:
    """The weights, shape (d,), that minimise `dropout_expected_loss`: (XᵀX + p/(1−p)·diag‖x_j‖²)⁻¹Xᵀy.

    X: (n, d). y: (n,). Source: Srivastava et al. 2014, section 9.1; Wager, Wang & Liang 2013.
    """
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    gram = X.T @ X
    return np.linalg.solve(gram + drop_prob / (1 - drop_prob) * np.diag(np.diag(gram)), X.T @ y)


def poisson_noise_std(signal: ArrayLike) -> Array:
    """Standard deviation of a Poisson spike count with mean `signal`: √signal; dropout's grows like signal itself."""
    return np.sqrt(np.asarray(signal, dtype=np.float64))
