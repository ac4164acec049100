"""Singular values of Gaussian matrices and of their products (T1–T4).

Unless a docstring says otherwise, an n×n Gaussian matrix has independent entries N(0, 1/n), so that its largest
singular value is close to 2 for every n.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

Array = NDArray[np.float64]

TRACY_WIDOM_MEAN = -1.2065335745820
TRACY_WIDOM_VARIANCE = 1.6077810345810  # both for real matrices (β = 1): Bornemann, arXiv:0904.1581, table 10


def quarter_circle_density(s: ArrayLike, sigma: float = 1.0) -> Array:
    """Density of the singular values of one large Gaussian matrix: the quarter-circle law.

    p(s) = √(4σ² − s²) / (πσ²)  for 0 ≤ s ≤ 2σ, else 0;  entries N(0, σ²/n)

    s: any shape. Returns the same shape. Source: Marchenko & Pastur 1967 (square case).

    >>> quarter_circle_density([-1.0, 0.0, 2.0, 3.0]).round(4)
    array([0.    , 0.6366, 0.    , 0.    ])
    """
    s = np.asarray(s, dtype=np.float64)
    inside = (s >= 0) & (s <= 2 * sigma)
    return np.where(inside, np.sqrt(np.where(inside, 4 * sigma**2 - s**2, 0.0)) / (math.pi * sigma**2), 0.0)


def quarter_circle_cdf(s: ArrayLike, sigma: float = 1.0) -> Array:
    """Cumulative distribution of the quarter-circle law.

    F(s) = [x√(4 − x²)/2 + 2 asin(x/2)] / π  with x = s/σ clipped to [0, 2]

    s: any shape. Returns the same shape. Source: the integral of `quarter_circle_density`.

    >>> quarter_circle_cdf([-1.0, 1.0, 2.0]).round(4)
    array([0.   , 0.609, 1.   ])
    """
    x = np.clip(np.asarray(s, dtype=np.float64) / sigma, 0.0, 2.0)
    probability: Array = (x * np.sqrt(4 - x**2) / 2 + 2 * np.arcsin(x / 2)) / math.pi
    return probability


def quarter_circle_mean(sigma: float = 1.0) -> float:
    """Mean singular value of one large Gaussian matrix: 8σ/(3π). The mean square is σ², the mean fourth power 2σ⁴.

    sigma: σ, for entries N(0, σ²/n). Source: the moments of `quarter_circle_density` (T1).

    >>> round(quarter_circle_mean(), 4)
    0.8488
    """
    return 8 * sigma / (3 * math.pi)


def largest_squared_singular_value(n: int) -> tuple[float, float]:
    """Mean and standard deviation of s_max² for an n×n matrix with entries N(0, 1), which are not scaled.

    s_max² ≈ μ + τ·TW₁,  μ = (√(n−1) + √n)²,  τ = (√(n−1) + √n)·(1/√(n−1) + 1/√n)^{1/3}

    n: at least 2. Source: Johnstone 2001, Annals of Statistics 29, theorem 1.1; moments of TW₁ from Bornemann 2010.

    >>> [round(moment, 2) for moment in largest_squared_singular_value(50)]
    [186.83, 11.73]
    """
    a, b = math.sqrt(n - 1), math.sqrt(n)
    mu, tau = (a + b) ** 2, (a + b) * (1 / a + 1 / b) ** (1 / 3)
    return mu + tau * TRACY_WIDOM_MEAN, tau * math.sqrt(TRACY_WIDOM_VARIANCE)


def smallest_singular_value_density(t: ArrayLike) -> Array:
    """Density of t = √n·s_min for entries N(0, 1), n large: (1 + t)·exp(−(t²/2 + t)) for t ≥ 0.

    t: any shape. Returns the same shape. Source: Edelman 1988, SIAM J. Matrix Anal. Appl. 9, theorem 3.1.

    >>> smallest_singular_value_density([-1.0, 0.0, 1.0]).round(4)
    array([0.    , 1.    , 0.4463])
    """
    t = np.asarray(t, dtype=np.float64)
    return np.where(t >= 0, (1 + t) * np.exp(-(t**2 / 2 + t)), 0.0)


def smallest_singular_value_cdf(t: ArrayLike) -> Array:
    """P(√n·s_min ≤ t) = 1 − exp(−(t²/2 + t)) for entries N(0, 1), n large.

    t: any shape. Returns the same shape. Source: Edelman 1988, SIAM J. Matrix Anal. Appl. 9.

    >>> smallest_singular_value_cdf([0.0, 1.0]).round(4)
    array([0.    , 0.7769])
    """
    t = np.maximum(np.asarray(t, dtype=np.float64), 0.0)
    return -np.expm1(-(t**2 / 2 + t))


def smallest_singular_value_mean() -> float:
    """Mean of √n·s_min for entries N(0, 1), n large: √(2πe)·(1 − Φ(1)). Source: Edelman 1988.

    >>> round(smallest_singular_value_mean(), 4)
    0.6557
    """
    return math.sqrt(2 * math.pi * math.e) * float(stats.norm.sf(1.0))


def smallest_singular_value_median() -> float:
    """Median of √n·s_min for entries N(0, 1), n large: √(1 + 2 ln 2) − 1. Source: Edelman 1988.

    >>> round(smallest_singular_value_median(), 4)
    0.5448
    """
    return math.sqrt(1 + 2 * math.log(2)) - 1


def log_condition_number_mean(n: int) -> float:
    """Mean natural logarithm of the condition number s_max/s_min of an n×n Gaussian matrix: ln n + 1.537.

    Source: Edelman 1988, theorem 6.1.

    >>> round(log_condition_number_mean(50), 3)
    5.449
    """
    return math.log(n) + 1.537


def fuss_catalan_moment(factors: int, power: int) -> float:
    """Mean of s^(2p) over the singular values s of a product of k large Gaussian matrices: C((k+1)p, p)/(kp + 1).

    factors: k ≥ 1. power: p ≥ 0. Source: Alexeev, Götze & Tikhomirov 2010; Penson & Życzkowski 2011.

    >>> [fuss_catalan_moment(2, p) for p in range(4)]
    [1.0, 1.0, 3.0, 12.0]
    """
    k, p = factors, power
    return math.comb((k + 1) * p, p) / (k * p + 1)


def fuss_catalan_edge(factors: int) -> float:
    """Largest singular value of a product of k large Gaussian matrices: √((k+1)^(k+1)/k^k).

    factors: k ≥ 1. Source: Penson & Życzkowski 2011, arXiv:1103.3453 (T2).

    >>> [round(fuss_catalan_edge(k), 3) for k in (1, 2, 3)]
    [2.0, 2.598, 3.079]
    """
    k = factors
    return math.sqrt((k + 1) ** (k + 1) / k**k)


def fuss_catalan_mean(factors: int) -> float:
    """Mean singular value of a product of k large Gaussian matrices: binom((k+1)/2, 1/2)/(k/2 + 1).

    This is the Fuss–Catalan moment at p = 1/2. factors: k ≥ 1. Source: Penson & Życzkowski 2011, arXiv:1103.3453 (T2).

    >>> [round(fuss_catalan_mean(k), 4) for k in (1, 2, 3)]
    [0.8488, 0.75, 0.6791]
    """
    return float(special.binom((factors + 1) / 2, 0.5)) / (factors / 2 + 1)


def _log_squared_singular_value(phi: Array, k: int) -> Array:
    """ln s² at the parameter φ in (0, π/(k+1)): falls from the edge at φ = 0 to −inf at the other end."""
    log_square: Array = (k + 1) * np.log(np.sin((k + 1) * phi)) - np.log(np.sin(phi)) - k * np.log(np.sin(k * phi))
    return log_square


def _phi_of(s: Array, k: int) -> Array:
    """The parameter φ of singular values s in (0, edge), by bisection."""
    low, high = np.zeros_like(s), np.full_like(s, math.pi / (k + 1))
    for _ in range(60):
        middle = (low + high) / 2
        above = _log_squared_singular_value(middle, k) > 2 * np.log(s)
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return (low + high) / 2


def _phi_distribution(k: int, cells: int = 20_000) -> tuple[Array, Array]:
    """Edges of equal cells of (0, π/(k+1)), shape (cells + 1,), and the cumulative distribution of φ there.

    The density of φ is bounded, unlike that of s near 0:
    f(φ) = sin φ sin((k+1)φ)/(π sin kφ) · [cot φ + k² cot kφ − (k+1)² cot((k+1)φ)]
    """
    edges = math.pi / (k + 1) * np.arange(cells + 1) / cells
    phi = (edges[1:] + edges[:-1]) / 2
    cotangents = 1 / np.tan(phi) + k**2 / np.tan(k * phi) - (k + 1) ** 2 / np.tan((k + 1) * phi)
    density = np.sin(phi) * np.sin((k + 1) * phi) / (math.pi * np.sin(k * phi)) * cotangents
    cumulative = np.concatenate([[0.0], np.cumsum(density)])
    return edges, cumulative / cumulative[-1]


def fuss_catalan_density(s: ArrayLike, factors: int) -> Array:
    """Density of the singular values s of a product of k large Gaussian matrices (Fuss–Catalan law).

    With φ in (0, π/(k+1)):  s² = sin^{k+1}((k+1)φ) / (sin φ · sin^k(kφ)),
    p(s) = 2s · sin²φ · sin^{k−1}(kφ) / (π sin^k((k+1)φ));  k = 1 is the quarter circle; p(s) ~ s^{(1−k)/(1+k)} near 0

    s: any shape. Returns the same shape: 0 outside (0, edge], and inf at s = 0 for k > 1. factors: k ≥ 1.
    Source: Biane (in Banica et al. 2011); Neuschel 2014; Penson & Życzkowski 2011.

    >>> fuss_catalan_density([0.0, 1.0, 3.0], factors=2).round(3)
    array([  inf, 0.358, 0.   ])
    """
    k = factors
    s = np.asarray(s, dtype=np.float64)
    inside = (s > 0) & (s < fuss_catalan_edge(k))
    phi = _phi_of(np.where(inside, s, 1.0), k)
    log_ratio = (k - 1) * np.log(np.sin(k * phi)) - k * np.log(np.sin((k + 1) * phi))
    density = 2 * s * np.sin(phi) ** 2 * np.exp(log_ratio) / math.pi
    at_zero = quarter_circle_density(0.0) if k == 1 else np.inf
    return np.where(inside, density, np.where(s == 0, at_zero, 0.0))


def fuss_catalan_cdf(s: ArrayLike, factors: int) -> Array:
    """Cumulative distribution of the singular values s of a product of k large Gaussian matrices.

    It is integrated over φ, whose density is bounded. Never integrate p(x) dx near x = 0, where it diverges.

    s: any shape. Returns the same shape. factors: k ≥ 1. Source: the parametrisation of `fuss_catalan_density`.

    >>> fuss_catalan_cdf([0.0, 1.0, 3.0], factors=2).round(2)
    array([0.  , 0.69, 1.  ])
    """
    s = np.asarray(s, dtype=np.float64)
    inside = (s > 0) & (s < fuss_catalan_edge(factors))
    edges, cumulative = _phi_distribution(factors)
    cdf = 1 - np.interp(_phi_of(np.where(inside, s, 1.0), factors), edges, cumulative)
    return np.where(inside, cdf, np.where(s > 0, 1.0, 0.0))


def fuss_catalan_sample(factors: int, size: int, rng: np.random.Generator) -> Array:
    """Independent draws from the law of `fuss_catalan_density`, by inverting its distribution in φ.

    factors: k ≥ 1. size: how many. rng: the generator that is drawn from. Returns shape (size,).
    Source: the parametrisation of `fuss_catalan_density`.

    >>> sample = fuss_catalan_sample(factors=2, size=1000, rng=np.random.default_rng(0))
    >>> sample.shape, bool(sample.max() < fuss_catalan_edge(2))
    ((1000,), True)
    """
    edges, cumulative = _phi_distribution(factors)
    phi = np.interp(rng.random(size), cumulative, edges)
    return np.exp(_log_squared_singular_value(phi, factors) / 2)


def penson_zyczkowski_density(x: ArrayLike) -> Array:
    """Density of x = s² for a product of two large Gaussian matrices, in closed form.

    P₂(x) = 2^{1/3}√3/(12π) · (2^{1/3}a^{2/3} − 6x^{1/3}) / (x^{2/3}a^{1/3}),  a = 27 + 3√(81 − 12x),  0 < x ≤ 27/4

    x: any shape. Returns the same shape, 0 outside. Source: Penson & Życzkowski 2011, arXiv:1103.3453, eq. 17 (s = 2).

    >>> penson_zyczkowski_density([0.0, 1.0, 7.0]).round(4)
    array([0.   , 0.179, 0.   ])
    """
    x = np.asarray(x, dtype=np.float64)
    inside = (x > 0) & (x <= 27 / 4)
    y = np.where(inside, x, 1.0)
    a = 27 + 3 * np.sqrt(81 - 12 * y)
    top = np.cbrt(2) * a ** (2 / 3) - 6 * np.cbrt(y)
    return np.where(inside, np.cbrt(2) * math.sqrt(3) / (12 * math.pi) * top / (y ** (2 / 3) * np.cbrt(a)), 0.0)


def product_trace_moments(n: int, factors: int) -> tuple[float, float]:
    """E(tr YᵀY)² and E tr(YᵀY)² for a product Y of k real n×n Gaussian matrices, exact at every n.

    T₁ ← T₁ + 2T₂/n,  T₂ ← (T₁ + (1 + n)T₂)/n,  k times, from T₁ = n², T₂ = n (Y = identity)

    n: the size. factors: k ≥ 0. Source: Wick's theorem for one more Gaussian factor (T2).

    >>> round(product_trace_moments(50, factors=2)[1], 1)
    153.1
    """
    t1, t2 = float(n**2), float(n)
    for _ in range(factors):
        t1, t2 = t1 + 2 * t2 / n, (t1 + (1 + n) * t2) / n
    return t1, t2


def expected_participation_ratio(n: int, factors: int) -> float:
    """How many directions a product of k Gaussian n×n matrices really uses: T₁/T₂, about n/(k + 1) for large n.

    The participation ratio of one spectrum is (Σs²)²/Σs⁴. Here its numerator and denominator are averaged.

    n: the size. factors: k ≥ 0. Source: `product_trace_moments` (T2).

    >>> [round(expected_participation_ratio(50, k), 1) for k in (0, 1, 2, 5)]
    [50.0, 24.8, 16.4, 8.0]
    """
    t1, t2 = product_trace_moments(n, factors)
    return t1 / t2


def image_overlap(n: int, factors: int) -> float:
    """Mean cos² between the images of two random inputs after k Gaussian layers of width n: about (k + 1)/n.

    n: the width. factors: k, far below n. Source: T2.

    >>> image_overlap(50, factors=4)
    0.1
    """
    return (factors + 1) / n


def lyapunov_spectrum(n: int, sigma: float | None = None) -> Array:
    """Growth rates per factor of the singular values of a long product of n×n Gaussian matrices, largest first.

    μ_i = ½[ln 2 + ψ((n − i + 1)/2)] + ln σ,  i = 1 … n;  entries N(0, σ²)

    sigma: σ, 1/√n by default. Returns shape (n,): natural logarithms per factor.
    Source: Newman 1986, Comm. Math. Phys. 103; Forrester 2013, arXiv:1206.2001.

    >>> lyapunov_spectrum(50)[[0, 1, -1]].round(4)
    array([-0.0101, -0.0204, -2.5912])
    """
    scale = -0.5 * math.log(n) if sigma is None else math.log(sigma)
    rates: Array = 0.5 * (math.log(2) + special.digamma((n - np.arange(n)) / 2)) + scale
    return rates


def lyapunov_fluctuation(n: int) -> Array:
    """Variance per factor of the accumulated logarithms of `lyapunov_spectrum`: ψ′((n − i + 1)/2)/4.

    Returns shape (n,), in the same order. Source: Newman 1986, Comm. Math. Phys. 103 (T3).

    >>> lyapunov_fluctuation(50)[[0, -1]].round(4)
    array([0.0102, 1.2337])
    """
    variances: Array = special.polygamma(1, (n - np.arange(n)) / 2) / 4
    return variances
