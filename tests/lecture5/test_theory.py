"""The formulas of lecture5.theory against scipy, simulation, closed forms, and the values of the rows T1.1 to T28.2."""

import doctest
import importlib
import inspect
import itertools
import math
import pkgutil

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.linalg import eigh_tridiagonal

import lecture5
from lecture5 import theory

RNG = np.random.default_rng
MODULES = [info.name for info in pkgutil.walk_packages(lecture5.__path__, "lecture5.")]
FORMULAS = {name: getattr(theory, name) for name in theory.__all__ if inspect.isfunction(getattr(theory, name))}


# Docstrings


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_in_docstrings_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", FORMULAS)
def test_every_formula_has_a_source_and_an_example(name):
    text = FORMULAS[name].__doc__
    assert "Source:" in text
    assert ">>> " in text


# Random matrices


@pytest.mark.parametrize("sigma", [0.5, 1.0, 3.0])
def test_quarter_circle_is_a_density_with_its_moments(sigma):
    s = np.linspace(0, 2 * sigma, 200_001)
    p = theory.quarter_circle_density(s, sigma)
    moments = [np.trapezoid(p * s**k, s) for k in (0, 1, 2, 4)]
    np.testing.assert_allclose(moments, [1, theory.quarter_circle_mean(sigma), sigma**2, 2 * sigma**4], rtol=1e-6)
    cdf = integrate.cumulative_trapezoid(p, s, initial=0)
    np.testing.assert_allclose(theory.quarter_circle_cdf(s, sigma), cdf, atol=1e-6)


def test_quarter_circle_outside_its_support():
    np.testing.assert_array_equal(theory.quarter_circle_density([-1.0, 2.1, np.inf]), 0)
    np.testing.assert_array_equal(theory.quarter_circle_cdf([-1.0, 0.0, 2.0, 9.0]), [0, 0, 1, 1])


def test_one_matrix_against_simulation():
    n = 50
    s = np.linalg.svd(RNG(0).standard_normal((1500, n, n)), compute_uv=False)
    mean, sd = theory.largest_squared_singular_value(n)
    assert np.mean(s[:, 0] ** 2) == pytest.approx(mean, rel=0.015)
    assert np.std(s[:, 0] ** 2) == pytest.approx(sd, rel=0.08)
    assert stats.kstest((s / math.sqrt(n)).ravel()[::7], theory.quarter_circle_cdf).statistic < 0.02
    t = math.sqrt(n) * s[:, -1]
    assert stats.kstest(t, theory.smallest_singular_value_cdf).statistic < 0.045
    assert np.log(s[:, 0] / s[:, -1]).mean() == pytest.approx(theory.log_condition_number_mean(n), abs=0.1)


def test_tracy_widom_values_of_the_acceptance_table():
    mean, sd = theory.largest_squared_singular_value(50)
    assert math.sqrt(mean / 50) == pytest.approx(1.933, abs=5e-4)
    assert (mean, sd) == pytest.approx((186.83, 11.73), abs=5e-3)


def test_smallest_singular_value_law_is_consistent():
    t = np.linspace(0, 12, 200_001)
    p = theory.smallest_singular_value_density(t)
    np.testing.assert_allclose(
        theory.smallest_singular_value_cdf(t), integrate.cumulative_trapezoid(p, t, initial=0), atol=1e-8
    )
    assert np.trapezoid(p * t, t) == pytest.approx(theory.smallest_singular_value_mean(), rel=1e-7)
    assert theory.smallest_singular_value_cdf(theory.smallest_singular_value_median()) == pytest.approx(0.5)
    assert theory.smallest_singular_value_density(-1.0) == theory.smallest_singular_value_cdf(-1.0) == 0


@pytest.mark.parametrize("k", [1, 2, 3, 5, 10])
def test_fuss_catalan_density_cdf_moments_and_sample_agree(k):
    edge = theory.fuss_catalan_edge(k)
    u = np.linspace(1e-9, 1, 40_001)  # s = edge·u^(k+1): dense where the density diverges
    s = edge * u ** (k + 1)
    integrand = theory.fuss_catalan_density(s, k) * edge * (k + 1) * u**k
    for power, expected in ((0, 1), (1, theory.fuss_catalan_mean(k)), (2, 1), (4, k + 1)):
        assert np.trapezoid(integrand * s**power, u) == pytest.approx(expected, rel=2e-4)
    np.testing.assert_allclose(
        theory.fuss_catalan_cdf(s, k), integrate.cumulative_trapezoid(integrand, u, initial=0), atol=2e-4
    )
    sample = theory.fuss_catalan_sample(k, 20_000, RNG(k))
    assert stats.kstest(sample, lambda x: theory.fuss_catalan_cdf(x, k)).statistic < 0.015


def test_fuss_catalan_special_cases():
    s = np.linspace(0, 2.2, 101)
    np.testing.assert_allclose(theory.fuss_catalan_density(s, 1), theory.quarter_circle_density(s), atol=1e-9)
    np.testing.assert_allclose(theory.fuss_catalan_cdf(s, 1), theory.quarter_circle_cdf(s), atol=1e-4)
    x = np.linspace(1e-3, 6.74, 300)
    from_s = theory.fuss_catalan_density(np.sqrt(x), 2) / (2 * np.sqrt(x))
    np.testing.assert_allclose(theory.penson_zyczkowski_density(x), from_s, rtol=1e-9)
    assert [theory.fuss_catalan_moment(2, p) for p in range(4)] == [1, 1, 3, 12]
    assert theory.fuss_catalan_edge(2) == pytest.approx(math.sqrt(27 / 4))
    assert theory.fuss_catalan_density(0.0, 3) == np.inf
    assert theory.fuss_catalan_density(-0.5, 2) == 0
    assert theory.penson_zyczkowski_density([0.0, 7.0]).tolist() == [0, 0]


def test_products_against_simulation():
    n, k = 20, 3
    y = RNG(1).standard_normal((4000, n, n)) / math.sqrt(n)
    for seed in range(2, k + 1):
        y = RNG(seed).standard_normal((4000, n, n)) @ y / math.sqrt(n)
    gram = np.einsum("bij,bik->bjk", y, y)
    trace = np.einsum("bii->b", gram)
    square = np.einsum("bij,bij->b", gram, gram)
    t1, t2 = theory.product_trace_moments(n, k)
    assert (trace**2).mean() == pytest.approx(t1, rel=0.02)
    assert square.mean() == pytest.approx(t2, rel=0.02)
    assert theory.expected_participation_ratio(n, k) == t1 / t2
    assert theory.expected_participation_ratio(10**6, k) == pytest.approx(10**6 / (k + 1), rel=1e-4)


def test_images_of_two_inputs_overlap():
    n, k = 60, 2
    x, z = RNG(9).standard_normal((2, 1500, n))
    for seed in range(k):
        w = RNG(seed).standard_normal((1500, n, n))
        x, z = np.einsum("bij,bj->bi", w, x), np.einsum("bij,bj->bi", w, z)
    cos = np.einsum("bi,bi->b", x, z) / np.linalg.norm(x, axis=1) / np.linalg.norm(z, axis=1)
    assert np.mean(cos**2) == pytest.approx(theory.image_overlap(n, k), rel=0.2)


def test_lyapunov_spectrum():
    n, factors = 8, 4000
    q, logs = np.eye(n), np.zeros((factors, n))
    for i, w in enumerate(RNG(3).standard_normal((factors, n, n)) / math.sqrt(n)):
        q, r = np.linalg.qr(w @ q)
        logs[i] = np.log(np.abs(np.diag(r)))
    se = np.sqrt(theory.lyapunov_fluctuation(n) / factors)
    np.testing.assert_array_less(np.abs(logs.mean(axis=0) - theory.lyapunov_spectrum(n)), 5 * se)
    np.testing.assert_allclose(logs.var(axis=0), theory.lyapunov_fluctuation(n), rtol=0.2)
    assert theory.lyapunov_spectrum(1, sigma=1.0)[0] == pytest.approx(-0.5 * (np.euler_gamma + math.log(2)))
    assert theory.lyapunov_spectrum(50)[[0, 1, -1]] == pytest.approx([-0.01007, -0.02037, -2.59119], abs=1e-5)
    assert theory.lyapunov_spectrum(50).sum() == pytest.approx(-26.0464, abs=1e-4)
    assert theory.lyapunov_spectrum(50, sigma=1.0)[0] == pytest.approx(1.9459, abs=1e-4)


# Gaussians


def test_norms_are_those_of_the_chi_distribution():
    n = np.array([1, 2, 3, 10, 100, 1000])
    np.testing.assert_allclose(theory.norm_mean(n), stats.chi.mean(n), rtol=1e-9)
    np.testing.assert_allclose(theory.norm_std(n), stats.chi.std(n), rtol=1e-6)
    np.testing.assert_allclose(theory.squared_norm_std(n), stats.chi2.std(n))


def test_norms_stay_stable_where_gamma_overflows():
    n = np.array([343.0, 1e4, 0.99e6, 1.01e6, 1e8, 1e12])
    np.testing.assert_allclose(theory.norm_std(n), np.sqrt(0.5 - 1 / (8 * n)), rtol=1e-4)
    np.testing.assert_allclose(theory.norm_mean(n), np.sqrt(n - 0.5), rtol=1e-5)


@pytest.mark.parametrize("n", [2, 3, 10, 100])
def test_cosines_and_distances(n):
    c = np.linspace(-1, 1, 20_001)[1:-1]
    p = theory.cosine_density(c, n)
    assert np.trapezoid(p, c) == pytest.approx(1, abs=0.02)  # n = 2 diverges at ±1
    assert np.trapezoid(p * c**2, c) == pytest.approx(1 / n, abs=0.02)
    x, y = RNG(n).standard_normal((2, 20_000, n))
    mean, sd = theory.pair_distance_moments(n)
    distance = np.linalg.norm(x - y, axis=1)
    assert distance.mean() == pytest.approx(mean, abs=5 * sd / math.sqrt(20_000))
    assert distance.std() == pytest.approx(sd, rel=0.03)


def test_probability_inside_half_the_typical_radius():
    got = [theory.probability_inside(math.sqrt(n) / 2, n) for n in (1, 2, 10, 100)]
    assert got == pytest.approx([0.383, 0.221, 0.00912, 1.3e-15], rel=0.05)


# Floats


@pytest.mark.parametrize(
    ("p", "dtype", "steps"), [(0.5, "f8", 1075), (0.5, "f4", 150), (0.1, "f8", 324), (0.1, "f4", 46), (0.25, "f2", 13)]
)
def test_factors_to_underflow_is_what_floats_do(p, dtype, steps):
    product, count = np.dtype(dtype).type(1), 0
    while product > 0:
        product, count = np.dtype(dtype).type(product * np.dtype(dtype).type(p)), count + 1
    assert count == steps == math.ceil(theory.factors_to_underflow(p, dtype) - 1e-9)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_exp_overflow_and_sigmoid_saturation(dtype):
    edge = theory.exp_overflow(dtype)
    with np.errstate(over="ignore"):
        assert np.isfinite(np.exp(dtype(edge * 0.999)))
        assert np.isinf(np.exp(dtype(edge * 1.002)))
    z = theory.sigmoid_saturation(dtype)
    sigmoid = [dtype(1) / (dtype(1) + np.exp(-dtype(v))) for v in (z * 0.9, z * 1.05)]
    assert sigmoid[0] < 1
    assert sigmoid[1] == 1


def test_float_values_of_the_slides():
    assert theory.exp_overflow("f4") == pytest.approx(88.72, abs=5e-3)
    assert theory.sigmoid_saturation("f4") == pytest.approx(24 * math.log(2))
    assert theory.log_product(0.1, 400) == pytest.approx(-921.034, abs=5e-4)
    assert theory.gaussian_mutual_information(0.9) == pytest.approx(0.8304, abs=5e-5)
    assert theory.gaussian_mutual_information(0.0) == 0


# Initialization


@pytest.mark.parametrize(
    ("n_var", "log10_q"), [(2, 0.301), (0.5, -29.80), (1, -14.75), (1 / 3, -38.61)]
)  # He, the slide, Xavier, torch's default
def test_relu_second_moments(n_var, log10_q):
    assert theory.relu_log10_second_moments(50, 512, n_var / 512)[-1] == pytest.approx(log10_q, abs=5e-3)


def test_relu_second_moments_and_band_against_simulation():
    n, depth, nets = 64, 20, 400
    rng, ends = RNG(0), []
    for _ in range(nets):
        h = rng.standard_normal(n)
        h *= math.sqrt(n) / np.linalg.norm(h)
        for _ in range(depth):
            z = rng.standard_normal((n, n)) @ h * math.sqrt(2 / n)
            h = np.maximum(z, 0)
        ends.append(np.log10(np.mean(z**2)))
    shift, sd = theory.log10_fluctuation_band(depth, n)
    expected = theory.relu_log10_second_moments(depth, n, 2 / n)[-1] + shift
    assert np.mean(ends) == pytest.approx(expected, abs=5 * sd / math.sqrt(nets) + 0.05)
    assert np.std(ends) == pytest.approx(sd, rel=0.25)


def test_exponential_scale_and_gains():
    assert 10 ** theory.exponential_scale(1.5, 100) == pytest.approx(4.0656e17, rel=1e-4)
    assert math.ceil(theory.overflow_depth(1.5, np.finfo("f4").max)) == 219
    assert theory.variance_gains(784, 100, 2 / 884) == pytest.approx((1.774, 0.226), abs=5e-4)


def test_mean_field_maps():
    q = theory.mean_field_trajectory(np.tanh, 1.0, 1.0, 50)
    assert len(q) == 50
    assert q[-1] == pytest.approx(0.0104, abs=5e-5)
    z = RNG(0).standard_normal(400_000)
    assert theory.mean_field_map(np.tanh, 2.0, 1.5) == pytest.approx(2.25 * np.mean(np.tanh(2**0.5 * z) ** 2), rel=0.01)
    assert theory.mean_field_map(lambda h: h, 3.0, 2.0) == pytest.approx(12.0, rel=1e-9)
    assert theory.gradient_factor(theory.tanh_derivative, 1e-9, 1.0) == pytest.approx(1.0, abs=1e-6)
    q_sigmoid = theory.mean_field_fixed_point(theory.sigmoid, 1.0)
    chi = theory.gradient_factor(theory.sigmoid_derivative, q_sigmoid, 1.0)
    assert chi == pytest.approx(0.05572, abs=5e-6)


def test_activation_derivatives():
    z = np.linspace(-30, 30, 601)
    h = 1e-6
    np.testing.assert_allclose(
        theory.sigmoid_derivative(z), (theory.sigmoid(z + h) - theory.sigmoid(z - h)) / (2 * h), atol=1e-9
    )
    np.testing.assert_allclose(theory.tanh_derivative(z), 1 - np.tanh(z) ** 2, atol=1e-12)
    assert theory.sigmoid_derivative(0.0) == 0.25
    assert theory.sigmoid_derivative(1000.0) == 0


def test_saturated_sigmoids_and_the_critical_gain():
    mean, mean_square = theory.saturated_sigmoid_moments(100.0)
    assert mean == pytest.approx(
        theory.mean_field_map(lambda h: np.sqrt(theory.sigmoid_derivative(h)), 1e4, 1), rel=1e-3
    )
    assert mean_square == pytest.approx(theory.gradient_factor(theory.sigmoid_derivative, 1e4, 1.0), rel=1e-3)
    assert theory.critical_sigmoid_gain() == pytest.approx(10.63, abs=5e-3)
    slopes = [theory.sigmoid_gradient_slope(gain) for gain in (1, 4, 10, 30, 100)]
    assert slopes == pytest.approx([-0.61, -0.19, 0.0, 0.23, 0.48], abs=0.03)


def test_deep_linear_learning_times():
    u0, uf = 0.01, 0.9
    closed = 0.5 * math.log(uf * (1 - u0) / (u0 * (1 - uf)))
    assert theory.deep_linear_learning_time(0.1, 2) == pytest.approx(closed, rel=1e-9)
    got = [theory.deep_linear_learning_time(a0, layers) for layers, a0 in ((2, 0.01), (3, 0.1), (3, 0.01), (5, 0.1))]
    assert got == pytest.approx([5.704, 9.962, 99.97, 333.8], rel=1e-3)
    a, t, dt = 0.3, 0.0, 1e-4  # Euler, for a target and a depth that have no table entry
    while a**4 < 0.9 * 2:
        a, t = a + dt * a**3 * (2 - a**4), t + dt
    assert theory.deep_linear_learning_time(0.3, 4, target=2.0) == pytest.approx(t, rel=1e-3)


# Noise and quadratics


def test_minibatch_noise():
    rng = RNG(0)
    gradients = rng.standard_normal((40, 3)) * [1, 2, 3]
    trace = gradients.var(axis=0).sum()
    for n in (None, 40):
        errors = [
            gradients[rng.choice(40, 10, replace=n is None)].mean(axis=0) - gradients.mean(axis=0) for _ in range(8000)
        ]
        rms = np.sqrt(np.mean(np.sum(np.square(errors), axis=1)))
        assert rms == pytest.approx(theory.minibatch_rms_error(trace, 10, n), rel=0.04)
    assert theory.minibatch_rms_error(trace, 40, 40) == 0


def test_noise_floors():
    x = np.zeros(4000)
    rng = RNG(1)
    for _ in range(400):
        x = x - 0.3 * (2 * x + 1.5 * rng.standard_normal(4000))
    assert x.var() == pytest.approx(theory.sgd_noise_floor(0.3, curvature=2, noise_variance=2.25), rel=0.1)
    np.testing.assert_allclose(theory.sgd_noise_floor([0.5, 0.1, 0.02]), [0.3333, 0.0526, 0.0101], atol=5e-5)
    assert theory.robbins_monro_variance(2000) == 0.0005


def test_nemirovski_stall_is_the_product():
    product = np.cumprod(1 - 0.2 / np.arange(1, 1001))
    np.testing.assert_allclose(theory.nemirovski_stall(np.arange(1, 1001), 0.2), product, rtol=1e-9)
    assert theory.nemirovski_stall(1e9, 0.2) == pytest.approx(0.0136, abs=5e-5)


@pytest.mark.parametrize(
    ("tuned", "nesterov"),
    [
        (theory.tuned_gradient_descent, False),
        (theory.tuned_heavy_ball, False),
        (theory.tuned_nesterov, True),
        (theory.tuned_nesterov_quadratic, True),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_tuned_rates_are_the_spectral_radius_of_the_iteration(tuned, nesterov, scale):
    mu, L = scale, 100 * scale
    lr, beta, rate = tuned(L, mu)
    radii = []
    for lam in np.linspace(mu, L, 500):  # eigenvalues of the companion matrix, the slow and obvious way
        a = (1 + beta) * (1 - lr * lam) if nesterov else 1 + beta - lr * lam
        b = beta * (1 - lr * lam) if nesterov else beta
        radii.append(np.abs(np.linalg.eigvals([[a, -b], [1, 0]])).max())
    np.testing.assert_allclose(theory.spectral_radius(lr, beta, np.linspace(mu, L, 500), nesterov), radii, atol=1e-6)
    assert max(radii) == pytest.approx(rate, abs=1e-6)
    for other in (0.97 * lr, 1.03 * lr):  # it is a minimum in lr, but for the textbook Nesterov
        worse = theory.spectral_radius(other, beta, np.linspace(mu, L, 500), nesterov).max()
        assert worse > rate or tuned is theory.tuned_nesterov


def test_rates_at_kappa_100():
    rates = [
        tuned(100, 1).rate
        for tuned in (
            theory.tuned_gradient_descent,
            theory.tuned_heavy_ball,
            theory.tuned_nesterov,
            theory.tuned_nesterov_quadratic,
        )
    ]
    assert rates == pytest.approx([0.980198, 0.818182, 0.9, 0.88472], abs=5e-6)


@pytest.mark.parametrize("method", ["gradient descent", "heavy ball", "ema momentum", "nesterov"])
def test_stability_limits_are_where_the_roots_leave_the_unit_circle(method):
    beta, L = (0.0, 3.0) if method == "gradient descent" else (0.9, 3.0)
    limit = theory.largest_stable_lr(method, L, beta)
    effective = limit * (1 - beta) if method == "ema momentum" else limit
    below, above = (
        theory.spectral_radius(effective * factor, beta, L, method == "nesterov") for factor in (0.9999, 1.0001)
    )
    assert below < 1 < above


# Adaptive methods


def test_adam_formulas_against_torch():
    import torch

    def steps(gradients, **options):
        w = torch.zeros(1, dtype=torch.float64, requires_grad=True)
        adam = torch.optim.Adam([w], lr=1.0, **options)
        path = [0.0]
        for g in gradients:
            w.grad = torch.tensor([g], dtype=torch.float64)
            adam.step()
            path.append(w.item())
        return np.diff(path)

    for g in (4.0, -0.01, 1e-6, 1e-8):
        assert steps([g])[0] == pytest.approx(float(theory.adam_first_step(g)), rel=1e-9)
    spike = steps([0.0] * 1000 + [5.0])[-1]
    assert -spike == pytest.approx(theory.adam_largest_step(0.9, 0.999, 1001), rel=1e-6)
    assert theory.adam_largest_step(0.9, 0.999) == pytest.approx(3.1623, abs=5e-5)
    assert theory.rmsprop_first_step(0.99) == pytest.approx(10)


def test_noisy_sign_step_against_simulation():
    rng, v, steps = RNG(0), 0.0, []
    for t in range(1, 60_001):
        g = 1 + rng.standard_normal()
        v = 0.9995 * v + 0.0005 * g**2
        steps.append(g / math.sqrt(v / (1 - 0.9995**t)))
    assert np.mean(steps[5000:]) == pytest.approx(theory.noisy_sign_step(1.0), abs=0.02)


def test_wilson_weights_are_the_minimum_norm_solution():
    n_pos, n_neg = 51, 49
    labels = np.r_[np.ones(n_pos), -np.ones(n_neg)]
    X = np.zeros((100, 3 + 5 * 100))
    X[:, 0], X[:, 1:3] = labels, 1
    for i, y in enumerate(labels):
        X[i, 3 + 5 * i : 3 + 5 * i + (1 if y > 0 else 5)] = 1
    w = np.linalg.lstsq(X, labels, rcond=None)[0]
    w1, w2 = theory.wilson_min_norm_weights(n_pos, n_neg)
    np.testing.assert_allclose(w[:3], [w1, w2, w2], atol=1e-10)


def test_adagrad_regret_bound():
    g = np.sign(RNG(0).standard_normal((10_000, 1)))
    assert theory.adagrad_regret_bound(g, diameter=2.0) == pytest.approx(282.8, abs=0.1)


# Regularization


def test_shrinkage_minimises_its_penalty():
    b, lam = np.array([-2.0, -0.3, 0.0, 0.5, 3.0]), 0.7
    grid = np.linspace(-4, 4, 80_001)
    loss = 0.5 * (b[:, None] - grid) ** 2
    np.testing.assert_allclose(theory.lasso_shrinkage(b, lam), grid[np.argmin(loss + lam * abs(grid), 1)], atol=1e-4)
    np.testing.assert_allclose(theory.ridge_shrinkage(b, lam), grid[np.argmin(loss + lam / 2 * grid**2, 1)], atol=1e-4)


def test_early_stopping_filter_is_gradient_descent():
    lam, w = np.array([0.0, 0.1, 1.0, 1.8]), np.zeros(4)
    for _ in range(7):
        w = w - 0.5 * (lam * w - lam * 1.0)  # the least-squares solution is 1
    np.testing.assert_allclose(theory.early_stopping_filter(lam, 0.5, 7), w, atol=1e-14)
    assert theory.early_stopping_filter(1e-17, 0.1, 10) == pytest.approx(1e-17, rel=1e-12)
    assert theory.ridge_filter(1e-3, alpha=1.0) == pytest.approx(theory.early_stopping_filter(1e-3, 0.1, 10), rel=2e-3)


def test_dropout_against_enumeration():
    rng, p, d = RNG(0), 0.3, 4
    X, y, w = rng.standard_normal((6, d)), rng.standard_normal(6), rng.standard_normal(d)
    exact = 0.0
    for mask in itertools.product([0, 1], repeat=d):  # rows have masks of their own, but the same 2^d of them
        probability = (1 - p) ** sum(mask) * p ** (d - sum(mask))
        exact += probability * np.sum((y - X * mask / (1 - p) @ w) ** 2)
    assert theory.dropout_expected_loss(X, y, w, p) == pytest.approx(exact, rel=1e-12)

    best = theory.dropout_weights(X, y, p)
    for _ in range(20):
        assert theory.dropout_expected_loss(X, y, best, p) <= theory.dropout_expected_loss(
            X, y, best + 0.01 * rng.standard_normal(d), p
        )
    np.testing.assert_allclose(theory.dropout_weights(X, y, 0.0), np.linalg.lstsq(X, y, rcond=None)[0], atol=1e-10)


def test_noise_of_dropout_and_poisson():
    rng = RNG(0)
    x = 3.0 * (rng.random(200_000) > 0.2) / 0.8
    assert x.var() == pytest.approx(theory.dropout_noise_variance(0.2, 3.0), rel=0.02)
    np.testing.assert_allclose(theory.dropout_noise_variance([0.1, 0.5, 0.9]), [1 / 9, 1, 9])
    assert rng.poisson(50, 200_000).std() == pytest.approx(theory.poisson_noise_std(50), rel=0.02)
    assert theory.weight_decay_factor(0.01, 0.01, 17_500) == pytest.approx(0.174, abs=5e-4)


# Ends of training, and walking


def test_flat_minima():
    assert theory.sharpness_limit(0.1) == 20
    x = np.linspace(-5, 5, 100_001)  # two harmonic wells at one temperature
    weights = [np.trapezoid(np.exp(-lam * x**2 / 2 / 0.01), x) for lam in (20, 1)]
    assert theory.gibbs_flat_fraction(20, 1) == pytest.approx(weights[1] / sum(weights), rel=1e-6)
    assert theory.gibbs_flat_fraction(20, 1, dims=2) == pytest.approx(20 / 21)
    assert theory.sgd_temperature(0.1, 4.0, 2) == pytest.approx(0.1)
    assert theory.novikoff_bound(1, 0.05) == pytest.approx(400)
    assert theory.separable_logistic_norm_slope(0.5) == 2


def test_exchange_rate_of_two_wells_is_the_slowest_rate_of_the_fokker_planck_equation():
    sharp, flat, barrier, temperature = 20.0, 1.0, 1.0, 0.1
    x = np.linspace(-1.2, 3.6, 1601)
    h = x[1] - x[0]
    left, right = -math.sqrt(2 * barrier / sharp), math.sqrt(2 * barrier / flat)
    energy = np.where(x < 0, sharp / 2 * (x - left) ** 2, flat / 2 * (x - right) ** 2)
    step = np.diff(energy) / temperature  # jumps to a neighbour, with detailed balance
    up, down = (temperature / h**2 * np.exp(-sign * step / 2) for sign in (1, -1))
    out = np.append(up, 0.0) + np.insert(down, 0, 0.0)
    rates = eigh_tridiagonal(out, -np.sqrt(up * down), eigvals_only=True, select="i", select_range=(0, 1))
    assert rates[0] == pytest.approx(0, abs=1e-6)
    assert theory.well_exchange_rate(sharp, flat, barrier, temperature) == pytest.approx(rates[1], rel=0.1)


def test_smoothest_paths():
    cubic, quintic = theory.smoothest_path(2), theory.smoothest_path(3)
    np.testing.assert_allclose(cubic.coef, [0, 0, 3, -2])
    np.testing.assert_allclose(quintic.coef, [0, 0, 0, 10, -15, 6])
    t = np.linspace(0, 1, 100_001)
    assert quintic.deriv()(0.5) == pytest.approx(1.875)
    assert np.abs(quintic.deriv(2)(t)).max() == pytest.approx(10 / math.sqrt(3), abs=1e-6)
    np.testing.assert_allclose([theory.smoothness_cost(m) for m in (1, 2, 3, 4)], [1, 12, 720, 100_800], rtol=1e-9)
    assert theory.smoothness_cost(3, distance=5, duration=2) == pytest.approx(720 * 25 / 32)


def test_walking_optima():
    durations = np.linspace(2, 6, 400_001)
    cost = 0.02 * 720 * 25 / durations**5 + durations
    assert theory.optimal_duration(0.02, 5, 1) == pytest.approx(durations[cost.argmin()], abs=1e-4)
    speeds = np.linspace(20, 200, 400_001)
    slowest = speeds[np.argmin(theory.walking_energy_per_metre(speeds))]
    assert theory.preferred_walking_speed() == pytest.approx(slowest, abs=1e-2)
    assert theory.preferred_walking_speed() / 60 == pytest.approx(1.233, abs=5e-4)
    assert theory.preferred_walking_speed(29) / 60 == pytest.approx(1.744, abs=5e-4)


@pytest.mark.parametrize("c", [0.05, 0.5, 1.0, 3.0])
def test_clipping_a_gaussian_gradient_by_value(c):
    g = stats.norm.ppf((np.arange(1_000_000) + 0.5) / 1_000_000)
    clipped = np.clip(g, -c, c)
    cosine = g @ clipped / np.linalg.norm(g) / np.linalg.norm(clipped)
    assert theory.gaussian_clip_cosine(c) == pytest.approx(cosine, abs=1e-5)


def test_clipping_by_value_at_its_ends():
    np.testing.assert_allclose(theory.gaussian_clip_cosine([1e-9, 1e-4]), math.sqrt(2 / math.pi), rtol=1e-4)
    assert theory.gaussian_clip_cosine(12.0) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(("corruption", "clean"), [(0.0, 1.0), (0.3, 0.95), (1.0, 0.9)])
def test_copied_labels(corruption, clean):
    rng = RNG(0)
    truth = rng.integers(10, size=200_000)
    wrong = (truth + rng.integers(1, 10, size=truth.size)) % 10
    neighbour = np.where(rng.random(truth.size) < clean, truth, wrong)  # the class of the nearest training example
    label = np.where(rng.random(truth.size) < corruption, rng.integers(10, size=truth.size), neighbour)
    # A wrong neighbour whose label is drawn anew is right with probability 1/10.
    expected = theory.copied_label_accuracy(corruption, 10, clean)
    assert expected == pytest.approx(np.mean(label == truth), abs=0.006)
    assert theory.copied_label_accuracy(1.0, 10, clean) == pytest.approx(0.1)


def test_counts_of_weights():
    assert theory.memorizing_weights(1257, 64) == 2578
    assert theory.fire_parameters(96, 16, 64) == (96 * 16 + 16) + (16 * 64 + 64) + (9 * 16 * 64 + 64)


@pytest.mark.parametrize("rate", [0.5, 10.0, 200.0])
def test_gated_spikes(rate):
    rng = RNG(1)
    counts = rng.poisson(rate, 400_000) * (rng.random(400_000) >= 0.2)
    assert theory.gated_spike_variance(rate, 0.2) == pytest.approx(counts.var(), rel=0.02)
    assert theory.gated_spike_variance(rate, 0.0) == pytest.approx(theory.poisson_noise_std(rate) ** 2)


@pytest.mark.parametrize("p", [3, 10, 40, 60])
def test_least_squares_on_new_data(p):
    n, d, noise = 20, 60, 0.3
    rng = RNG(7)
    w = rng.standard_normal(d)
    x = rng.standard_normal((4000, n, d))
    y = x @ w + math.sqrt(noise) * rng.standard_normal((4000, n))
    fit = np.einsum("bij,bj->bi", np.linalg.pinv(x[:, :, :p]), y)
    error = np.mean(np.sum((fit - w[:p]) ** 2, axis=1)) + np.sum(w[p:] ** 2) + noise
    exact = theory.least_squares_test_error(p, n, np.sum(w[:p] ** 2), np.sum(w[p:] ** 2) + noise)
    assert error == pytest.approx(exact, rel=0.03)


def test_least_squares_at_the_threshold():
    assert [theory.least_squares_test_error(p, 20, 1.0, 0.1) for p in (19, 20, 21)] == [math.inf] * 3
    assert theory.least_squares_test_error(0, 20, 0.0, 1.5) == 1.5


def test_every_formula_is_documented_and_exported():
    for name in theory.__all__:
        thing = getattr(theory, name)
        if callable(thing):
            assert thing.__doc__, name
    assert sorted(theory.__all__, key=str.lower) == sorted(set(theory.__all__), key=str.lower)
