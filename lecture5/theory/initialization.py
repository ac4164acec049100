"""How signals and gradients scale with depth at initialization (T5, T6, T8, T26).

q is the mean square of a layer's pre-activations. Weights are independent, N(0, var_w).
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special

Array = NDArray[np.float64]
Activation = Callable[[Array], Array]


def exponential_scale(alpha: float, depth: ArrayLike) -> Array:
    """log10 of αᴺ: what scaling every weight of an N-layer bias-free ReLU or linear net by α does to its output."""
    return np.asarray(depth, dtype=np.float64) * math.log10(alpha)


def overflow_depth(alpha: float, largest: float) -> float:
    """Depth N at which αᴺ reaches `largest`, as a real number: ln(largest)/ln(α)."""
    return math.log(largest) / math.log(alpha)


def relu_log10_second_moments(depth: int, fan_in: int, var_w: float, q0: float = 1.0) -> Array:
    """log10 of the mean square of the pre-activations of layers 1 … depth of a ReLU net of constant width.

    q_1 = n·var_w·q_0,  q_{l+1} = (n·var_w/2)·q_l

    Returns shape (depth,). q0: mean square of the input. Source: He et al. 2015, arXiv:1502.01852, section 2.2.
    """
    n_var = fan_in * var_w
    return math.log10(n_var * q0) + np.arange(depth, dtype=np.float64) * math.log10(n_var / 2)


def log10_fluctuation_band(depth: ArrayLike, width: int) -> tuple[Array, Array]:
    """Mean shift and standard deviation of log10 q_l of one random ReLU net of width n about its ensemble value.

    ln q_l has mean shift ≈ −5l/(2n) and variance ≈ 5l/n: deeper nets wander more, wider nets less

    depth: any shape (layer l). Source: variance of the squared norm of a ReLU layer; Hanin & Nica 2018.
    """
    ratio = 5 * np.asarray(depth, dtype=np.float64) / width
    return -ratio / 2 / math.log(10), np.sqrt(ratio) / math.log(10)


def variance_gains(fan_in: int, fan_out: int, var_w: float) -> tuple[float, float]:
    """Factor by which one linear layer scales variances forward and backward: (fan_in·var_w, fan_out·var_w).

    Both are 1 only for square layers; var_w = 2/(fan_in + fan_out) is the compromise of Glorot & Bengio 2010, eq. 12.
    """
    return fan_in * var_w, fan_out * var_w


def _gaussian_mean(f: Activation, q: float) -> float:
    """E f(√q·z) for z ~ N(0, 1), on a grid dense around 0: also right where f changes much faster than the Gaussian."""
    u = np.linspace(-12.4, 12.4, 8001)
    z = 1e-4 * np.sinh(u)
    weight = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * 1e-4 * np.cosh(u)
    return float(np.trapezoid(f(math.sqrt(q) * z) * weight, u))


def sigmoid(z: ArrayLike) -> Array:
    """The logistic function 1/(1 + e^{−z}). z: any shape."""
    return special.expit(np.asarray(z, dtype=np.float64))


def sigmoid_derivative(z: ArrayLike) -> Array:
    """σ′(z) = σ(z)·σ(−z), at most 1/4. z: any shape."""
    z = np.asarray(z, dtype=np.float64)
    return special.expit(z) * special.expit(-z)


def tanh_derivative(z: ArrayLike) -> Array:
    """tanh′(z) = 4σ′(2z), at most 1. z: any shape."""
    return 4 * sigmoid_derivative(2 * np.asarray(z, dtype=np.float64))


def mean_field_map(activation: Activation, q: float, gain: float) -> float:
    """One layer of the mean-field recursion: q ↦ gain²·E f(√q z)², z ~ N(0, 1); weights N(0, gain²/n), no biases.

    Source: Poole et al. 2016, arXiv:1606.05340, eq. 3.
    """
    return gain**2 * _gaussian_mean(lambda h: activation(h) ** 2, q)


def mean_field_trajectory(activation: Activation, q0: float, gain: float, depth: int) -> Array:
    """q_1 … q_depth of the pre-activations, shape (depth,), when the input has mean square q0: q_1 = gain²·q0.

    For tanh at gain 1, q_l → 1/(2l). Source: Poole et al. 2016, arXiv:1606.05340.
    """
    trajectory = [gain**2 * q0]
    while len(trajectory) < depth:
        trajectory.append(mean_field_map(activation, trajectory[-1], gain))
    return np.array(trajectory)


def mean_field_fixed_point(activation: Activation, gain: float, q0: float = 1.0) -> float:
    """The q that a layer maps to itself, reached by iteration from q0 (200 layers)."""
    return float(mean_field_trajectory(activation, q0, gain, 200)[-1])


def gradient_factor(derivative: Activation, q: float, gain: float) -> float:
    """χ = gain²·E f′(√q z)²: factor by which one layer scales the squared gradient on its way back.

    Source: Schoenholz et al. 2017, arXiv:1611.01232, eq. 5.
    """
    return gain**2 * _gaussian_mean(lambda h: derivative(h) ** 2, q)


def saturated_sigmoid_moments(scale: float) -> tuple[float, float]:
    """E σ′(z) and E σ′(z)² for z ~ N(0, scale²), scale ≫ 1: (1/(s√(2π)), 1/(6s√(2π))).

    ∫σ′ = 1 and ∫σ′² = 1/6, and the Gaussian is flat over the width of σ′.
    """
    return 1 / (scale * math.sqrt(2 * math.pi)), 1 / (6 * scale * math.sqrt(2 * math.pi))


def critical_sigmoid_gain() -> float:
    """Gain at which the gradient norm of a deep random sigmoid net neither grows nor shrinks: 6√π = 10.63.

    Saturated units are 0 or 1, so q = gain²/2; then χ = gain²·E σ′² = gain²/(6√q√(2π)) = gain/(6√π) = 1
    """
    return 6 * math.sqrt(math.pi)


def sigmoid_gradient_slope(gain: float) -> float:
    """log10 of the gradient-norm ratio per layer of a deep random sigmoid net: ½ log10 χ at the fixed point of q."""
    q = mean_field_fixed_point(sigmoid, gain)
    return 0.5 * math.log10(gradient_factor(sigmoid_derivative, q, gain))


def deep_linear_learning_time(a0: float, layers: int, fraction: float = 0.9, target: float = 1.0) -> float:
    """Time (learning rate × steps) for the mode aᴺ of an N-layer linear net to reach `fraction` of its target.

    da/dt = a^{N−1}(s − aᴺ) for every layer, from a = a0:  t = ∫ da / (a^{N−1}(s − aᴺ));
    N = 2: (1/2s)·ln[u_f(s − u_0)/(u_0(s − u_f))] with u = a²;  N ≥ 3: about 1/((N − 2)·s·a0^{N−2})

    a0: initial size of each layer's weight. Source: Saxe et al. 2014, arXiv:1312.6120.
    """
    end = (fraction * target) ** (1 / layers)

    def seconds_per_log_a(log_a: float) -> float:
        a = math.exp(log_a)
        return a / (a ** (layers - 1) * (target - a**layers))

    return float(integrate.quad(seconds_per_log_a, math.log(a0), math.log(end), limit=200)[0])
