"""Penalties, early stopping and dropout, as what they do to a linear model (T16–T20)."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def lasso_shrinkage(b: ArrayLike, lam: float) -> Array:
    """What an L1 penalty does to a least-squares weight b: the soft threshold sign(b)·(|b| − λ)₊.

    For the loss ½‖y − Xw‖² + λ‖w‖₁, where the columns of X are orthonormal.

    b: any shape. lam: λ ≥ 0. Returns the shape of b. Source: Tibshirani 1996, section 2.2.

    >>> lasso_shrinkage([-3.0, 0.5, 3.0], lam=1.0)
    array([-2.,  0.,  2.])
    """
    b = np.asarray(b, dtype=np.float64)
    shrunk: Array = np.sign(b) * np.maximum(np.abs(b) - lam, 0.0)
    return shrunk


def ridge_shrinkage(b: ArrayLike, lam: float) -> Array:
    """What an L2 penalty does to a least-squares weight b: b/(1 + λ).

    For the loss ½‖y − Xw‖² + (λ/2)‖w‖², where the columns of X are orthonormal.

    b: any shape. lam: λ ≥ 0. Returns the shape of b. Source: T16.

    >>> ridge_shrinkage([-3.0, 0.5, 3.0], lam=1.0)
    array([-1.5 ,  0.25,  1.5 ])
    """
    return np.asarray(b, dtype=np.float64) / (1 + lam)


def weight_decay_factor(lr: float, weight_decay: float, steps: int) -> float:
    """What decoupled weight decay (AdamW) leaves of a weight after t steps without a gradient: (1 − ηλ)ᵗ.

    lr: η. weight_decay: λ. steps: t. Source: Loshchilov & Hutter 2019, arXiv:1711.05101, algorithm 2.

    >>> round(weight_decay_factor(lr=0.1, weight_decay=0.5, steps=2), 4)
    0.9025
    """
    return (1 - lr * weight_decay) ** steps


def early_stopping_filter(eigenvalues: ArrayLike, lr: float, steps: float) -> Array:
    """Share of the least-squares solution that gradient descent from 0 has learnt along each eigenvector.

    1 − (1 − ηλ_i)ᵗ, computed without cancellation for small ηλ_i·t

    eigenvalues: λ_i of the Hessian, any shape, 0 ≤ ηλ_i < 1. lr: η. steps: t. Returns the shape of eigenvalues.
    Source: Ali, Kolter & Tibshirani 2019, arXiv:1810.10082.

    >>> early_stopping_filter([0.0, 1e-3, 1.0], lr=0.1, steps=100).round(4)
    array([0.  , 0.01, 1.  ])
    """
    return -np.expm1(steps * np.log1p(-lr * np.asarray(eigenvalues, dtype=np.float64)))


def ridge_filter(eigenvalues: ArrayLike, alpha: float) -> Array:
    """Share of the least-squares solution that ridge keeps along each eigenvector: λ_i/(λ_i + α).

    Early stopping is near it at α = 1/(ηt). eigenvalues: λ_i of the Hessian, any shape. alpha: α > 0. Returns the shape of
    eigenvalues. Source: Ali, Kolter & Tibshirani 2019, arXiv:1810.10082.

    >>> ridge_filter([0.0, 0.1, 0.9], alpha=0.1).round(4)
    array([0. , 0.5, 0.9])
    """
    lam = np.asarray(eigenvalues, dtype=np.float64)
    return lam / (lam + alpha)


def dropout_noise_variance(drop_prob: ArrayLike, x: ArrayLike = 1.0) -> Array:
    """Variance of the output of (inverted) dropout for input x: x²·p/(1 − p). The mean stays x.

    drop_prob: p as in torch, the probability of zero, any shape. x: a shape that broadcasts with it.
    Source: the variance of a scaled Bernoulli variable (T19; ERRATA 54).

    >>> dropout_noise_variance([0.0, 0.5], x=3.0)
    array([0., 9.])
    """
    p = np.asarray(drop_prob, dtype=np.float64)
    return np.asarray(x, dtype=np.float64) ** 2 * p / (1 - p)


def dropout_expected_loss(X: ArrayLike, y: ArrayLike, w: ArrayLike, drop_prob: float) -> float:
    """Expected squared error of a linear model with dropout on its inputs: least squares plus a ridge.

    E‖y − (M∘X)w‖² = ‖y − Xw‖² + p/(1−p)·Σ_j w_j²‖x_j‖²

    X: shape (n, d). y: (n,). w: (d,). drop_prob: p, 0 ≤ p < 1, the probability of zero.
    Source: Srivastava et al. 2014, section 9.1 (their p is the probability to keep).

    >>> dropout_expected_loss([[1.0], [1.0]], [1.0, 1.0], [1.0], drop_prob=0.5)
    2.0
    """
    X, y, w = (np.asarray(a, dtype=np.float64) for a in (X, y, w))
    penalty = drop_prob / (1 - drop_prob) * np.sum(w**2 * np.sum(X**2, axis=0))
    return float(np.sum((y - X @ w) ** 2) + penalty)


def dropout_weights(X: ArrayLike, y: ArrayLike, drop_prob: float) -> Array:
    """The weights that minimise `dropout_expected_loss`: (XᵀX + p/(1−p)·diag‖x_j‖²)⁻¹Xᵀy.

    X: shape (n, d). y: (n,). drop_prob: p, 0 ≤ p < 1. Returns shape (d,). Raises LinAlgError if there is no unique minimum.
    Source: Srivastava et al. 2014, section 9.1; Wager, Wang & Liang 2013, arXiv:1307.1493.

    >>> dropout_weights([[1.0], [1.0]], [1.0, 1.0], drop_prob=0.5)
    array([0.5])
    """
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    gram = X.T @ X
    return np.linalg.solve(gram + drop_prob / (1 - drop_prob) * np.diag(np.diag(gram)), X.T @ y)


def poisson_noise_std(signal: ArrayLike) -> Array:
    """Standard deviation of a Poisson spike count: √signal. Dropout's grows like the signal itself.

    signal: the mean count, any shape. Returns the same shape. Source: the variance of the Poisson distribution (T20).

    >>> poisson_noise_std([1.0, 100.0])
    array([ 1., 10.])
    """
    return np.sqrt(np.asarray(signal, dtype=np.float64))
