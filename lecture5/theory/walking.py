"""Smooth movements and walking speeds (T23)."""

import math

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def smoothest_path(order: int) -> Polynomial:
    """The path from 0 to 1 in unit time that minimises ∫(d^m x/dt^m)² dt.

    It is at rest up to derivative m − 1 at both ends, and it is a polynomial of degree 2m − 1: for m = 1 a straight line,
    for m = 2 the cubic 3t² − 2t³, for m = 3 the minimum-jerk quintic 10t³ − 15t⁴ + 6t⁵, for m = 4 degree 7 (minimum snap).

    order: m ≥ 1. Source: Flash & Hogan 1985 (m = 3); x′ ∝ (t(1 − t))^{m−1}.

    >>> smoothest_path(3).coef.round(9) + 0.0
    array([  0.,   0.,   0.,  10., -15.,   6.])
    """
    velocity = Polynomial([0.0, 1.0, -1.0]) ** (order - 1)
    path = velocity.integ()
    return path / path(1.0)


def smoothness_cost(order: int, distance: float = 1.0, duration: float = 1.0) -> float:
    """Least ∫(d^m x/dt^m)² dt for a movement of this distance and duration: C_m·D²/T^{2m−1}.

    C_m = 1, 12, 720, 100800 for m = 1, 2, 3, 4

    order: m ≥ 1. distance: D, in metres say. duration: T, in seconds say; the cost is then in m²/s^{2m−1}.
    Source: Flash & Hogan 1985 (720).

    >>> [round(smoothness_cost(order), 6) for order in (1, 2, 3, 4)]
    [1.0, 12.0, 720.0, 100800.0]
    """
    squared = smoothest_path(order).deriv(order) ** 2
    return float(squared.integ()(1.0)) * distance**2 / duration ** (2 * order - 1)


def optimal_duration(jerk_weight: float, distance: float, time_weight: float) -> float:
    """Duration that minimises w·720D²/T⁵ + c·T: T* = (3600·w·D²/c)^{1/6}.

    jerk_weight: w. distance: D. time_weight: c > 0; without a cost of time the best duration is infinite. Source: T23.

    >>> round(optimal_duration(jerk_weight=0.02, distance=5, time_weight=1), 4)
    3.4878
    """
    duration: float = (3600 * jerk_weight * distance**2 / time_weight) ** (1 / 6)
    return duration


def walking_energy_per_metre(speed: ArrayLike) -> Array:
    """Energy of walking a metre: (29 + 0.0053v²)/v, in calories per kilogram of body weight.

    speed: v > 0 in metres per minute, any shape. Returns the same shape, in cal/(kg·m). Source: Ralston 1958.

    >>> walking_energy_per_metre([50.0, 74.0, 100.0]).round(3)
    array([0.845, 0.784, 0.82 ])
    """
    v = np.asarray(speed, dtype=np.float64)
    return (29 + 0.0053 * v**2) / v


def preferred_walking_speed(time_cost: float = 0.0) -> float:
    """Speed that minimises energy and cost of time per metre: √((29 + c)/0.0053), in metres per minute.

    time_cost: c, in cal/(kg·min), 0 without urgency. Source: Ralston 1958.

    >>> round(preferred_walking_speed() / 60, 3)  # metres per second
    1.233
    """
    return math.sqrt((29 + time_cost) / 0.0053)
