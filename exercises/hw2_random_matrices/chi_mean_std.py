"""`chi_mean_std(n)`: mean and standard deviation of the length of a standard normal vector with n entries."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import typed


def _chi_mean_std(n):
    ratio = 1 / math.sqrt(math.pi)  # gamma((m + 1) / 2) / gamma(m / 2) for m = 1
    for m in range(1, n):
        ratio = m / 2 / ratio
    mean = math.sqrt(2) * ratio
    return mean, math.sqrt(n - mean**2)


# Other right ways ----------------------------------------------------------------------------------------------------


def _lgamma(n):
    mean = math.sqrt(2) * math.exp(math.lgamma((n + 1) / 2) - math.lgamma(n / 2))
    return mean, math.sqrt(n - mean**2)


def _scipy_poch(n):
    from scipy.special import poch

    mean = float(np.sqrt(2) * poch(n / 2, 0.5))
    return mean, math.sqrt((n**0.5 - mean) * (n**0.5 + mean))


def _torch_lgamma(n):
    half = torch.tensor([n / 2, (n + 1) / 2], dtype=torch.float64)
    low, high = torch.lgamma(half)
    mean = 2**0.5 * torch.exp(high - low).item()
    return mean, (n - mean * mean) ** 0.5


def _series_or_gamma(n):
    if n < 40:
        mean = math.sqrt(2) * math.gamma((n + 1) / 2) / math.gamma(n / 2)
        return mean, math.sqrt(n - mean**2)
    # with y = 1/n: mean²/n = 1 - y/2 + y²/8 + y³/16 - 5y⁴/128 - 23y⁵/256 + 53y⁶/1024 + ...
    y = 1 / n
    variance = 0.5 - y / 8 - y**2 / 16 + 5 * y**3 / 128 + 23 * y**4 / 256 - 53 * y**5 / 1024
    return math.sqrt(n - variance), math.sqrt(variance)


def _cosine_integrals(n):
    # Wallis: the mean of |cos| powers gives the ratio of neighbouring gamma functions
    product = 1.0 if n % 2 == 0 else 2 / math.pi
    for m in range(2 if n % 2 == 0 else 1, n, 2):
        product *= (m + 1) / m if m > 0 else 1
    mean = product * math.sqrt(math.pi / 2)
    return mean, math.sqrt(n - mean**2)


# Library one-liners --------------------------------------------------------------------------------------------------


def _scipy_chi(n):
    from scipy.stats import chi

    return float(chi(n).mean()), float(chi(n).std())


chi_mean_std = Exercise(
    reference=_chi_mean_std,
    accepted={
        "math.lgamma": _lgamma,
        "scipy.special.poch": _scipy_poch,
        "torch.lgamma in float64": _torch_lgamma,
        "series for large n": _series_or_gamma,
        "Wallis products": _cosine_integrals,
    },
    witnesses={"scipy.stats.chi": _scipy_chi},
    banned=("scipy.stats",),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


def _pair(value):
    """The returned pair as numbers with their types; anything else is seen as it is."""
    length = len(value)
    return [length, *(typed(part) for part in value)]


@chi_mean_std.check(
    "n from 1 to 4, by hand",
    points=0.75,
    hint="With Γ(1/2) = √π and Γ(x + 1) = xΓ(x) these can be done on paper.",
)
def _small(f, rng):
    return [_pair(f(n)) for n in (1, 2, 3, 4)]


@chi_mean_std.check(
    "n up to a few hundred",
    points=0.75,
    rtol=1e-8,
    hint="The mean is a little below √n, the standard deviation a little below 0.707.",
)
def _medium(f, rng):
    return [_pair(f(int(n))) for n in rng.integers(5, 330, size=4)]


LARGE = (343, 345, 1000, 2500, 10_000)


@chi_mean_std.check(
    "the mean for n up to 10,000",
    points=0.5,
    rtol=1e-9,
    hint="The gamma function leaves the range of floats; the ratio of two neighbours does not.",
)
def _large_means(f, rng):
    return [f(n)[0] for n in (*LARGE, int(rng.integers(350, 9000)))]


@chi_mean_std.check(
    "the standard deviation for n up to 10,000",
    points=1.0,
    # n - mean² loses eight digits at n = 10,000: with math.lgamma about 3e-7 are left, relative to the result
    rtol=5e-6,
    hint="n - mean² is a small difference of large numbers, so the mean needs many right digits.",
)
def _large_stds(f, rng):
    return [f(n)[1] for n in (*LARGE, int(rng.integers(350, 9000)))]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@chi_mean_std.mistake(
    "the gamma function overflows",
    hint="""
        Your formula is right and works up to n = 342. Then math.gamma raises an OverflowError: Γ(172) is larger than
        the largest float. But the ratio of two neighbouring gamma functions is a harmless number, close to √(n/2).
        Whenever a quotient of two huge numbers is small, take the difference of their logs instead; you know this trick
        from assignment 1. The math module and torch have the log of the gamma function as a function of its own, which
        does not overflow. Then exponentiate only the difference.
    """,
    source="COURSE A2.11",
)
def _gamma_overflows(n):
    mean = math.sqrt(2) * math.gamma((n + 1) / 2) / math.gamma(n / 2)
    return mean, math.sqrt(n - mean**2)


@chi_mean_std.mistake(
    "inf divided by inf",
    hint="""
        Your formula is right and works up to n = 342. Then the gamma function overflows: this version of it returns inf
        without an error, and inf divided by inf is nan. The ratio itself is a harmless number, close to √(n/2).
        Whenever a quotient of two huge numbers is small, take the difference of their logs and exponentiate only that.
        There is a function for the log of the gamma function, which does not overflow. A nan that comes out of a
        formula without any nan in it almost always means inf/inf, inf - inf or 0/0.
    """,
    source="COURSE A2.11, THEORY T7",
)
def _scipy_gamma(n):
    from scipy.special import gamma

    mean = np.sqrt(2) * gamma((n + 1) / 2) / gamma(n / 2)
    return float(mean), float(np.sqrt(n - mean**2))


chi_mean_std.mistake(
    "the standard deviation of the square",
    edits=[("math.sqrt(n - mean**2)", "math.sqrt(2 * n)")],
    core=True,
    hint="""
        You return √(2n) as the standard deviation. This is what the slide says, but it belongs to the squared length
        ‖x‖², a sum of n terms with variance 2 each. The length itself is a root, and a root flattens: near n, the slope
        of √ is 1/(2√n), so a spread of √(2n) becomes √(2n)/(2√n) = 0.707, whatever n is. That the spread does not grow
        is the point of the whole lecture: in high dimensions all vectors have about the same length. Question W2 is
        about this.
    """,
    source="COURSE A2.11, ERRATA 20",
)

chi_mean_std.mistake(
    "variance in place of standard deviation",
    edits=[("math.sqrt(n - mean**2)", "n - mean**2")],
    core=True,
    hint="""
        Your second number is the variance: the mean of the squares, n, minus the square of the mean. The statement asks
        for the standard deviation, which is its root and has the same unit as the length. For n = 1 you return 0.363;
        the standard deviation of |x| for a standard normal x is 0.603. For large n the variance goes to 1/2 and the
        standard deviation to 0.707. The last step is missing. It is worth naming variables var and std, so that a
        missing root can be seen at a glance.
    """,
    source="COURSE A2.11",
)


@chi_mean_std.mistake(
    "the limits for large n",
    core=True,
    hint="""
        You return √n and √½. These are the limits for large n, and good to remember, but the exercise asks for the
        exact values at each n. For n = 1 the mean of |x| is 0.798 and not 1, and the standard deviation 0.603 and not
        0.707. Even at n = 100 the mean is 9.975 in place of 10; small as it is, this difference is where the 0.707
        comes from: n - mean² would be 0 if the mean were exactly √n. Use the formula with the gamma functions.
    """,
    source="own",
)
def _limit(n):
    return math.sqrt(n), math.sqrt(0.5)


@chi_mean_std.mistake(
    "first terms of the series",
    core=True,
    hint="""
        You use √n·(1 - 1/(4n)) and √½. These are the first terms of an expansion for large n. They are very good at n =
        1000 and poor for n = 1, where you return 0.75 in place of 0.798 for the mean, and 0.707 in place of 0.603 for
        the standard deviation. The statement asks for the exact values for every n, to many digits. Compute the ratio
        of the gamma functions, in a way that does not overflow; the expansion is then a nice check of your result for
        large n.
    """,
    source="THEORY T7",
)
def _first_order(n):
    return math.sqrt(n) * (1 - 1 / (4 * n)), math.sqrt(0.5)


chi_mean_std.mistake(
    "always 0.707",
    edits=[("math.sqrt(n - mean**2)", "math.sqrt(2 * n) / (2 * math.sqrt(n))")],
    core=True,
    hint="""
        Your mean is exact, but your standard deviation is 0.707 for every n. That is the answer of the delta method,
        which replaces the root by its tangent. It becomes right as n grows, because the relative spread gets small; for
        n = 1 the exact value is 0.603, for n = 10 it is 0.698. You have the exact mean already, and the mean of ‖x‖² is
        exactly n. So the variance follows without any approximation: the mean of the square minus the square of the
        mean.
    """,
    source="own",
)

chi_mean_std.mistake(
    "the factor root of 2 is missing",
    edits=[("mean = math.sqrt(2) * ratio", "mean = ratio")],
    core=True,
    hint="""
        Your mean is too small by the factor √2, and so your standard deviation is too large. The √2 comes from the
        density of the normal distribution: it contains x²/2, and the gamma function appears after the substitution u =
        x²/2, that is x = √(2u). With n = 1 the mean of |x| is √(2/π) = 0.798, and you return 0.564. A check without any
        formula: the mean must be close to √n for large n, as the squared length has the mean n. Look at the factor in
        front.
    """,
    source="own",
)

chi_mean_std.mistake(
    "n off by one",
    edits=[
        ("for m in range(1, n):", "for m in range(1, n + 1):"),
        ("math.sqrt(n - mean**2)", "float(np.sqrt(n - mean**2))"),
    ],
    core=True,
    hint="""
        Your mean belongs to a vector with one entry more. In the formula the numerator is Γ((n+1)/2) and the
        denominator Γ(n/2): half of n + 1 over half of n. If you shift both by one half, you get the mean for n + 1, and
        then n - mean² is negative and its root nan. For n = 1 only one number is drawn, its length is its absolute
        value, and the mean of it is 0.798; the value 1.253 belongs to n = 2. Check both arguments, or the ends of your
        loop.
    """,
    source="own",
)


@chi_mean_std.mistake(
    "measured by simulation",
    core=True,
    hint="""
        You draw many random vectors and measure. That is an excellent way to check a formula, but it is no substitute
        for it: with 10,000 draws the standard deviation is only right to about 1 %, and four times as many draws are
        needed for each factor of 2 in accuracy. The exercise asks for the exact values, to many digits. Take the
        formula with the gamma functions, and keep your simulation as a test: the two must agree within the error of the
        simulation.
    """,
    source="own",
)
def _simulated(n):
    lengths = np.sqrt(np.random.default_rng(0).chisquare(n, size=10_000))
    return float(lengths.mean()), float(lengths.std())


@chi_mean_std.mistake(
    "single precision",
    hint="""
        Your formula is right, but you calculate in float32, the default of torch. It has 7 digits. For n = 10,000 the
        log of the gamma function is about 37,600, so its error is about 0.002, and the ratio of the two is wrong by as
        much, relatively. The variance is the small difference n - mean², 0.5 out of 10,000, and from it nothing right
        is left. Subtracting nearly equal numbers does not make errors, it uncovers those that are there. Ask for
        float64 when you make the tensors.
    """,
    source="own",
)
def _single_precision(n):
    half = torch.tensor([n / 2, (n + 1) / 2])
    low, high = torch.lgamma(half)
    mean = math.sqrt(2) * torch.exp(high - low).item()
    return mean, math.sqrt(max(n - mean**2, 0.0))


@chi_mean_std.mistake(
    "mode in place of mean",
    core=True,
    hint="""
        Your mean is √(n - 1), and the standard deviation follows as exactly 1. √(n - 1) is the most likely length, the
        place where the density of ‖x‖ is highest (the mode). The density falls off a bit more slowly to the right, so
        the mean lies above the mode: for n = 2 it is 1.253, and the mode is 1. For n = 1 your mean is 0, although every
        length is positive. The difference to the mean shrinks with n, but it is enough to spoil n - mean². Use the
        formula of the statement.
    """,
    source="own",
)
def _mode(n):
    mean = math.sqrt(n - 1)
    return mean, math.sqrt(n - mean**2)


chi_mean_std.mistake(
    "the two numbers swapped",
    edits=[("return mean, math.sqrt(n - mean**2)", "return math.sqrt(n - mean**2), mean")],
    core=True,
    hint="""
        Both numbers are right, but they come in the other order: the statement wants the mean first and the standard
        deviation second, as the name of the function says. A pair has no labels, so whoever calls mean, std =
        chi_mean_std(n) will get them the wrong way round, without an error. For n = 10 you return (0.698, 3.084). A
        quick look for plausibility helps: the first number must be close to √n, since most vectors are about that long.
        Look at your return line.
    """,
    source="own",
)
