"""How signals and gradients scale with depth at initialization (T5, T6, T8, T26).

q is the mean square of a layer's pre-activations. Weights are independent, N(0, var_w); in the mean-field functions
var_w is gain²/n, with n the number of inputs of the layer.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import integrate, special

Array = NDArray[np.float64]
Activation = Callable[[Array], Array]


def exponential_scale(alpha: float, depth: ArrayLike) -> Array:
    """log10 of αᴺ, the factor by which the output grows if every weight of an N-layer net is scaled by α.

    Exact for linear nets and for ReLU nets without biases. alpha: α > 0. depth: N, any shape. Returns the shape of depth.
    Source: positive homogeneity (T5).

    >>> exponential_scale(1.5, [1, 100]).round(3)
    array([ 0.176, 17.609])
    """
    return np.asarray(depth, dtype=np.float64) * math.log10(alpha)


def overflow_depth(alpha: float, largest: float) -> float:
    """Depth N at which αᴺ reaches `largest`, as a real number: ln(largest)/ln(α).

    alpha: α > 1. largest: for instance the largest float. Source: T5.

    >>> round(overflow_depth(1.5, float(np.finfo(np.float32).max)), 1)
    218.8
    """
    return math.log(largest) / math.log(alpha)


def relu_log10_second_moments(depth: int, fan_in: int, var_w: float, q0: float = 1.0) -> Array:
    """log10 of the mean square of the pre-activations of layers 1 … depth of a ReLU net of constant width.

    q_1 = n·var_w·q_0,  q_{l+1} = (n·var_w/2)·q_l

    fan_in: n, the width. q0: mean square of the input. Returns shape (depth,).
    Source: He et al. 2015, arXiv:1502.01852, section 2.2.

    >>> he, slide_15 = relu_log10_second_moments(50, 512, 2 / 512), relu_log10_second_moments(50, 512, 1 / 1024)
    >>> round(float(he[-1]), 2), round(float(slide_15[-1]), 2)
    (0.3, -29.8)
    """
    n_var = fan_in * var_w
    return math.log10(n_var * q0) + np.arange(depth, dtype=np.float64) * math.log10(n_var / 2)


def log10_fluctuation_band(depth: ArrayLike, width: int) -> tuple[Array, Array]:
    """How far log10 q_l of one random ReLU net lies from the ensemble's value: mean shift and standard deviation.

    ln q_l has mean shift ≈ −5l/(2n) and variance ≈ 5l/n: deeper nets wander more, wider nets less

    depth: the layer l, any shape. width: n. Returns two arrays of the shape of depth.
    Source: variance of the squared norm of a ReLU layer; Hanin & Nica 2018, arXiv:1812.05994.

    >>> shift, spread = log10_fluctuation_band(50, 512)
    >>> round(float(shift), 3), round(float(spread), 3)
    (-0.106, 0.303)
    """
    ratio = 5 * np.asarray(depth, dtype=np.float64) / width
    return -ratio / 2 / math.log(10), np.sqrt(ratio) / math.log(10)


def variance_gains(fan_in: int, fan_out: int, var_w: float) -> tuple[float, float]:
    """Factors by which one linear layer scales variances forward and backward: (fan_in·var_w, fan_out·var_w).

    Both are 1 only for square layers. var_w = 2/(fan_in + fan_out) is the compromise between the two.
    Source: Glorot & Bengio 2010, section 4.2, equation 12 (ERRATA 2).

    >>> [round(gain, 3) for gain in variance_gains(784, 100, 2 / 884)]
    [1.774, 0.226]
    """
    return fan_in * var_w, fan_out * var_w


def _gaussian_mean(f: Activation, q: float) -> float:
    """E f(√q·z) for z ~ N(0, 1), on a grid dense around 0: also right where f changes much faster than the Gaussian."""
    u = np.linspace(-12.4, 12.4, 8001)
    z = 1e-4 * np.sinh(u)
    weight = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * 1e-4 * np.cosh(u)
    return float(np.trapezoid(f(math.sqrt(q) * z) * weight, u))


def sigmoid(z: ArrayLike) -> Array:
    """The logistic function 1/(1 + e^{−z}).

    z: any shape. Returns the same shape. Source: T8.

    >>> sigmoid([-1000.0, 0.0, 1000.0])
    array([0. , 0.5, 1. ])
    """
    value: Array = special.expit(np.asarray(z, dtype=np.float64))
    return value


def sigmoid_derivative(z: ArrayLike) -> Array:
    """σ′(z) = σ(z)·σ(−z), which is at most 1/4.

    z: any shape. Returns the same shape. Source: T8.

    >>> sigmoid_derivative([0.0, 10.0]).round(6)
    array([2.5e-01, 4.5e-05])
    """
    z = np.asarray(z, dtype=np.float64)
    slope: Array = special.expit(z) * special.expit(-z)
    return slope


def tanh_derivative(z: ArrayLike) -> Array:
    """tanh′(z) = 4σ′(2z), which is at most 1.

    z: any shape. Returns the same shape. Source: T6.

    >>> tanh_derivative([0.0, 1.0]).round(4)
    array([1.  , 0.42])
    """
    return 4 * sigmoid_derivative(2 * np.asarray(z, dtype=np.float64))


def mean_field_map(activation: Activation, q: float, gain: float) -> float:
    """One layer of the mean-field recursion: q ↦ gain²·E f(√q·z)² with z ~ N(0, 1).

    activation: f, from an array to an array of the same shape. q: mean square of this layer's pre-activations. Returns that
    of the next layer, for weights N(0, gain²/n) and no biases.
    Source: Poole et al. 2016, arXiv:1606.05340, eq. 3.

    >>> round(mean_field_map(lambda h: np.maximum(h, 0), q=1.0, gain=math.sqrt(2)), 6)
    1.0
    """
    return gain**2 * _gaussian_mean(lambda h: activation(h) ** 2, q)


def mean_field_trajectory(activation: Activation, q0: float, gain: float, depth: int) -> Array:
    """q_1 … q_depth, the mean squares of the pre-activations, when the input has mean square q0: q_1 = gain²·q0.

    For tanh at gain 1, q_l → 1/(2l). Returns shape (depth,). Source: Poole et al. 2016, arXiv:1606.05340.

    >>> mean_field_trajectory(np.tanh, q0=1.0, gain=1.0, depth=50)[[0, -1]].round(4)
    array([1.    , 0.0104])
    """
    trajectory = [gain**2 * q0]
    while len(trajectory) < depth:
        trajectory.append(mean_field_map(activation, trajectory[-1], gain))
    return np.array(trajectory)


def mean_field_fixed_point(activation: Activation, gain: float, q0: float = 1.0) -> float:
    """The q that a layer maps to itself, reached from q0 by 200 steps of `mean_field_map`.

    Source: Poole et al. 2016, arXiv:1606.05340.

    >>> round(mean_field_fixed_point(np.tanh, gain=1.5), 2)
    0.79
    """
    return float(mean_field_trajectory(activation, q0, gain, 200)[-1])


def gradient_factor(derivative: Activation, q: float, gain: float) -> float:
    """χ = gain²·E f′(√q·z)², by which one layer scales the squared gradient on its way back.

    derivative: f′, from an array to an array of the same shape. q: mean square of the layer's pre-activations.
    Source: Schoenholz et al. 2017, arXiv:1611.01232, eq. 5.

    >>> round(gradient_factor(tanh_derivative, q=0.0, gain=1.5), 6)
    2.25
    """
    return gain**2 * _gaussian_mean(lambda h: derivative(h) ** 2, q)


def saturated_sigmoid_moments(scale: float) -> tuple[float, float]:
    """E σ′(z) and E σ′(z)² for z ~ N(0, scale²) with scale ≫ 1: (1/(s√(2π)), 1/(6s√(2π))).

    The Gaussian is flat over the narrow width of σ′, whose integral is 1 and whose square's integral is 1/6. Source: T8.

    >>> [round(moment, 6) for moment in saturated_sigmoid_moments(100)]
    [0.003989, 0.000665]
    """
    return 1 / (scale * math.sqrt(2 * math.pi)), 1 / (6 * scale * math.sqrt(2 * math.pi))


def critical_sigmoid_gain() -> float:
    """Gain at which the gradient norm of a deep random sigmoid net neither grows nor shrinks: 6√π.

    Saturated units are 0 or 1, so q = gain²/2; then χ = gain²·E σ′² = gain²/(6√q√(2π)) = gain/(6√π) = 1

    Source: T8, from `saturated_sigmoid_moments` and `gradient_factor`.

    >>> round(critical_sigmoid_gain(), 2)
    10.63
    """
    return 6 * math.sqrt(math.pi)


def sigmoid_gradient_slope(gain: float) -> float:
    """log10 of the factor per layer by which the gradient norm of a deep random sigmoid net changes on its way back.

    ½ log10 χ at the fixed point of q: negative below `critical_sigmoid_gain`, positive above. Source: T8.

    >>> round(sigmoid_gradient_slope(1.0), 2), round(sigmoid_gradient_slope(30.0), 2)
    (-0.63, 0.23)
    """
    q = mean_field_fixed_point(sigmoid, gain)
    return 0.5 * math.log10(gradient_factor(sigmoid_derivative, q, gain))


def deep_linear_learning_time(a0: float, layers: int, fraction: float = 0.9, target: float = 1.0) -> float:
    """Time in which the mode aᴺ of an N-layer linear net learns `fraction` of its target.

    da/dt = a^{N−1}(s − aᴺ) for every layer, from a = a0:  t = ∫ da / (a^{N−1}(s − aᴺ));
    N = 2: (1/2s)·ln[u_f(s − u_0)/(u_0(s − u_f))] with u = a²;  N ≥ 3: about 1/((N − 2)·s·a0^{N−2})

    a0: initial size of each layer's weight, above 0. layers: N. target: s. Returns learning rate × number of steps.
    Source: Saxe et al. 2014, arXiv:1312.6120.

    >>> [round(deep_linear_learning_time(a0, layers=3), 1) for a0 in (0.1, 0.01)]
    [10.0, 100.0]
    """
    end = (fraction * target) ** (1 / layers)

    def seconds_per_log_a(log_a: float) -> float:
        a = math.exp(log_a)
        return a / (a ** (layers - 1) * (target - a**layers))

    return float(integrate.quad(seconds_per_log_a, math.log(a0), math.log(end), limit=200)[0])
