"""Smooth movements and walking speeds (T23)."""

import math

import numpy as np
from numpy.polynomial import Polynomial


def smoothest_path(order: int) -> Polynomial:
    """The path from 0 to 1 in unit time that minimises ∫(d^m x/dt^m)² dt, at rest up to derivative m − 1 at both ends.

    A polynomial of degree 2m − 1:  m = 1 straight line, 2 cubic 3t² − 2t³, 3 the minimum-jerk quintic
    10t³ − 15t⁴ + 6t⁵, 4 degree 7 (minimum snap)

    order: m ≥ 1. Source: Flash & Hogan 1985 (m = 3); x′ ∝ (t(1 − t))^{m−1}.
    """
    velocity = Polynomial([0.0, 1.0, -1.0]) ** (order - 1)
    path = velocity.integ()
    return path / path(1.0)


def smoothness_cost(order: int, distance: float = 1.0, duration: float = 1.0) -> float:
    """Least ∫(d^m x/dt^m)² dt for a movement of this distance and duration: C_m·D²/T^{2m−1}.

    C_m = 1, 12, 720, 100800 for m = 1, 2, 3, 4. Source: Flash & Hogan 1985 (720).
    """
    squared = smoothest_path(order).deriv(order) ** 2
    return float(squared.integ()(1.0)) * distance**2 / duration ** (2 * order - 1)


def optimal_duration(jerk_weight: float, distance: float, time_weight: float) -> float:
    """Duration that minimises w·720D²/T⁵ + c·T: T* = (3600·w·D²/c)^{1/6}. Without a cost of time (c = 0): never."""
    return (3600 * jerk_weight * distance**2 / time_weight) ** (1 / 6)


def walking_energy_per_metre(speed: float | np.ndarray) -> float | np.ndarray:
    """Energy of walking, cal/(kg·m), at `speed` in m/min: (29 + 0.0053v²)/v. Source: Ralston 1958."""
    return (29 + 0.0053 * speed**2) / speed


def preferred_walking_speed(time_cost: float = 0.0) -> float:
    """Speed, m/min, that minimises energy plus `time_cost` (cal/(kg·min)) per metre: √((29 + c)/0.0053).

    74 m/min = 1.233 m/s without urgency. Source: Ralston 1958.
    """
    return math.sqrt((29 + time_cost) / 0.0053)
