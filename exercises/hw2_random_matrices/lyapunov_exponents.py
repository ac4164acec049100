"""`lyapunov_exponents(n, sigma=None)`: mean log growth per layer of each direction, for Gaussian layers."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import typed


def _lyapunov_exponents(n, sigma=None):
    if sigma is None:
        sigma = n**-0.5
    psi = {1: -np.euler_gamma - 2 * math.log(2), 2: -np.euler_gamma}  # m -> digamma(m / 2)
    for m in range(3, n + 1):
        psi[m] = psi[m - 2] + 2 / (m - 2)
    return np.array([0.5 * (math.log(2) + psi[n - i + 1]) + math.log(sigma) for i in range(1, n + 1)])


# Other right ways ----------------------------------------------------------------------------------------------------


def _scipy_digamma(n, sigma=None):
    from scipy.special import digamma

    sigma = 1 / np.sqrt(n) if sigma is None else sigma
    return 0.5 * (np.log(2) + digamma(np.arange(n, 0, -1) / 2)) + np.log(sigma)


def _torch_digamma(n, sigma=None):
    half = torch.arange(n, 0, -1, dtype=torch.float64) / 2
    log_sigma = -0.5 * math.log(n) if sigma is None else math.log(sigma)
    return (0.5 * (math.log(2) + torch.digamma(half)) + log_sigma).numpy()


def _harmonic_sums(n, sigma=None):
    log_sigma = math.log(sigma) if sigma is not None else -math.log(n) / 2
    even = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, n + 1))]) - np.euler_gamma
    odd = np.concatenate([[0.0], np.cumsum(2 / np.arange(1, 2 * n, 2))]) - np.euler_gamma - 2 * np.log(2)
    psi = [even[m // 2 - 1] if m % 2 == 0 else odd[(m - 1) // 2] for m in range(n, 0, -1)]
    return np.array([0.5 * np.log(2) + 0.5 * p + log_sigma for p in psi])


def _slope_of_lgamma(n, sigma=None):
    def psi(x):
        total = 0.0
        while x < 40:  # psi(x) = psi(x + 1) - 1/x, and far out the series is short
            total -= 1 / x
            x += 1
        return total + math.log(x) - 1 / (2 * x) - 1 / (12 * x**2) + 1 / (120 * x**4)

    sigma = n**-0.5 if sigma is None else sigma
    return np.array([(math.log(2) + psi((n - i) / 2)) / 2 + math.log(sigma) for i in range(n)])


lyapunov_exponents = Exercise(
    reference=_lyapunov_exponents,
    accepted={
        "scipy.special.digamma": _scipy_digamma,
        "torch.digamma": _torch_digamma,
        "harmonic sums": _harmonic_sums,
        "recurrence and asymptotic series": _slope_of_lgamma,
    },
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@lyapunov_exponents.check(
    "n = 2, 3 and 4 with sigma 1",
    points=0.5,
    rtol=1e-8,
    atol=1e-8,
    hint="Write the arguments of the digamma function on paper for i = 1 and for i = n.",
)
def _by_hand(f, rng):
    return [typed(f(n, 1.0)) for n in (2, 3, 4)]


@lyapunov_exponents.check(
    "the default sigma, descending order",
    points=0.75,
    rtol=1e-8,
    atol=1e-8,
    hint="Without sigma the entries have the variance 1/n, and the largest exponent is a little below 0.",
)
def _default(f, rng):
    return [typed(f(int(n))) for n in rng.integers(5, 70, size=3)]


@lyapunov_exponents.check(
    "sigma shifts all exponents alike",
    points=0.5,
    rtol=1e-8,
    atol=1e-8,
    hint="A factor sigma in every matrix adds the same number to every log.",
)
def _shifted(f, rng):
    n = int(rng.integers(4, 12))
    return [f(n, float(sigma)) for sigma in (rng.uniform(0.1, 0.8), rng.uniform(2, 9), 1e-200, 1e200)]


@lyapunov_exponents.check(
    "wide layers",
    points=0.25,
    rtol=1e-8,
    atol=1e-8,
    hint="The result has n entries, for large n too.",
)
def _wide(f, rng):
    n = int(rng.integers(600, 1200))
    return typed(f(n))


# Wrong answers, as students write them --------------------------------------------------------------------------------


lyapunov_exponents.mistake(
    "the formula for complex matrices",
    edits=[
        ("n**-0.5\n", "n**-0.5\n    n = 2 * n\n"),
        (
            "0.5 * (math.log(2) + psi[n - i + 1]) + math.log(sigma) for i in range(1, n + 1)",
            "0.5 * psi[n - 2 * i + 2] + math.log(sigma) for i in range(1, n // 2 + 1)",
        ),
    ],
    core=True,
    hint="""
        This is the formula for complex Gaussian matrices, ½ψ(n - i + 1), where each entry has a real and an imaginary
        part. There the squared length of a vector with m entries has 2m degrees of freedom, so the argument of ψ is m.
        Our matrices are real: m entries give m degrees of freedom, the argument is m/2, and there is a ln 2 that comes
        from the chi-squared law. For n = 1 and σ = 1 you return -0.289, and the mean log of the absolute value of a
        standard normal number is -0.635. Many papers state only the complex case, because it looks nicer.
    """,
    source="COURSE A2.4",
)

lyapunov_exponents.mistake(
    "counts from zero",
    edits=[("for m in range(3, n + 1)", "for m in range(3, n + 2)"), ("for i in range(1, n + 1)", "for i in range(n)")],
    core=True,
    hint="""
        Your exponents are those of the neighbours. In the formula i runs from 1 to n, so that the argument of ψ goes
        from n/2 down to 1/2. You let i start at 0, as loops do, and put it into the same expression: the argument then
        begins at (n+1)/2 and ends at 1, and every exponent is a little too large. The smallest one shows it best. A
        formula from a book counts from 1; when you write the loop from 0, the formula must change too. Test it with n =
        1, where only ψ(1/2) may appear.
    """,
    source="COURSE A2.4",
)

lyapunov_exponents.mistake(
    "one degree of freedom too few",
    edits=[("psi = {1:", "psi = {0: -math.inf, 1:"), ("psi[n - i + 1]", "psi[n - i]")],
    core=True,
    hint="""
        Your arguments of ψ are too small by one half: they go from (n-1)/2 down to 0. At 0 the digamma function has a
        pole, so your last exponent is -inf or nan. Where does the argument come from? In step i the new direction has
        to be orthogonal to the i - 1 directions before it. So of n degrees of freedom, n - (i - 1) are left, and the
        last direction still has one. Half of this number is the argument. Write the arguments for n = 2 on paper: they
        are 1 and 1/2.
    """,
    source="COURSE A2.4",
)

lyapunov_exponents.mistake(
    "the factor one half is missing",
    edits=[("0.5 * (math.log(2) + psi[n - i + 1])", "math.log(2) + psi[n - i + 1]")],
    core=True,
    hint="""
        You leave out the factor ½ in front of the bracket. The bracket ln 2 + ψ(m/2) is the mean log of a chi-squared
        variable with m degrees of freedom, which is a squared length. The exponents are about lengths, and the log of a
        length is half the log of its square. For n = 1 and σ = 1 you return -1.270; the mean log of the absolute value
        of a standard normal number is -0.635. Note that ln σ stands outside of the bracket: σ multiplies lengths, so it
        must not be halved.
    """,
    source="COURSE A2.4",
)

lyapunov_exponents.mistake(
    "ascending order",
    edits=[("for i in range(1, n + 1)", "for i in range(n, 0, -1)")],
    core=True,
    hint="""
        Your exponents are right, but they go up. The convention, here and in the books, is that μ₁ is the largest: it
        tells how fast a typical signal grows, and it decides whether a deep network explodes. The last one, μ_n,
        belongs to the direction that dies fastest. The statement asks for descending order, the same as in the exercise
        before, so that theory and measurement can be plotted against each other without sorting. Look at the direction
        of your loop, or at the order of the numbers that you give to ψ.
    """,
    source="COURSE A2.4",
)

lyapunov_exponents.mistake(
    "without ln 2",
    edits=[("0.5 * (math.log(2) + psi[n - i + 1])", "0.5 * psi[n - i + 1]")],
    core=True,
    hint="""
        All your exponents are too small by the same amount, ½ ln 2 = 0.347. The term ln 2 in the bracket comes from the
        chi-squared distribution: a chi-squared variable with m degrees of freedom is 2 times a Gamma variable with
        shape m/2, and the mean log of that Gamma variable is ψ(m/2). The factor 2 becomes a summand ln 2. Without it,
        even wide layers with variance 1/n would seem to shrink every signal by 30 % per layer; but their largest
        exponent is close to 0. Look at the bracket again.
    """,
    source="own",
)

lyapunov_exponents.mistake(
    "sigma is 1 by default",
    edits=[("sigma = n**-0.5", "sigma = 1.0")],
    core=True,
    hint="""
        When no sigma is given, you take 1. The statement says that the default is n^(-1/2), the standard deviation for
        which layers keep the size of a signal on average. It depends on n, so it cannot stand in the list of arguments;
        this is why the signature has None there, and the function must fill it in. With σ = 1 the largest exponent for
        n = 50 would be about +1.95, so each layer would make a signal 7 times as long. Look at what your code does when
        sigma is None.
    """,
    source="own",
)

lyapunov_exponents.mistake(
    "the default variance taken for sigma",
    edits=[("sigma = n**-0.5", "sigma = 1 / n")],
    core=True,
    hint="""
        Your default for sigma is 1/n. That is the variance of the entries; sigma is their standard deviation, the
        square root of it. So all your exponents are too small by ½ ln n when sigma is left out, and right when it is
        given. It is the same mix-up as on the slide about initialization, where a standard deviation stands at the
        place of a variance. Remember the rule of thumb: a sum of n independent terms grows like the root of n, so each
        term must be divided by the root of n.
    """,
    source="own",
)

lyapunov_exponents.mistake(
    "half of ln sigma",
    edits=[("+ math.log(sigma)", "+ 0.5 * math.log(sigma)")],
    core=True,
    hint="""
        You halve ln σ together with the rest. The factor ½ belongs to the bracket, because the bracket is the log of a
        squared length. Sigma is not squared: if every matrix is multiplied by σ, every vector becomes σ times as long
        in each layer, and the log of its length grows by the full ln σ. If your sigma were a variance, ½ ln σ would be
        right, but here it is a standard deviation. A good test: with σ = e, all exponents must be larger by exactly 1
        than with σ = 1.
    """,
    source="own",
)

lyapunov_exponents.mistake(
    "multiplied by sigma",
    edits=[("0.5 * (math.log(2) + psi[n - i + 1]) + math.log(sigma)", "0.5 * (math.log(2) + psi[n - i + 1]) * sigma")],
    core=True,
    hint="""
        You multiply the exponents by sigma. The exponents are logarithms: a factor σ in every matrix makes each vector
        σ times as long per layer, and in the log a factor becomes a summand. So sigma has to shift all the exponents by
        the same amount, not to stretch them. With σ = 1 nothing happens either way, so this value cannot show the
        mistake. Try σ = 10 with n = 1: a normal number with standard deviation 10 is ten times as large, and its mean
        log is larger by ln 10.
    """,
    source="own",
)

lyapunov_exponents.mistake(
    "log of the mean in place of mean of the log",
    edits=[("0.5 * (math.log(2) + psi[n - i + 1])", "0.5 * math.log(n - i + 1)")],
    core=True,
    hint="""
        You take the log of the mean squared length: ½ ln(n - i + 1). The exponent is the mean of the log, and the two
        differ. The log punishes small values more than it rewards large ones, so the mean of the log is always smaller
        (Jensen's inequality). For n = 1 you get 0, the truth is -0.635. The difference is small for the first
        directions of a wide layer, but large for the last ones. And it matters in depth: a layer that keeps the mean
        square still makes the typical signal shrink. The function ψ in the statement takes care of this.
    """,
    source="own",
)

lyapunov_exponents.mistake(
    "growth factors in place of exponents",
    edits=[("return np.array([", "return np.exp([")],
    core=True,
    hint="""
        You return the exponentials, that is the typical factor by which each direction grows per layer. The Lyapunov
        exponent is the log of this factor. Logs are the natural scale here: over k layers the exponents are simply
        multiplied by k, and a sign tells at once whether a direction grows or dies. The exponential of it is easy to
        compute from the exponent, but over many layers it leaves the range of floats. With the default sigma all
        exponents are negative; yours are all positive. Look at the last step of your function.
    """,
    source="own",
)
