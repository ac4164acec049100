"""`quarter_circle_pdf(x, sigma=1.0)`: the density of the singular values of one large Gaussian matrix."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _quarter_circle_pdf(x, sigma=1.0):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    inside = (x >= 0) & (x <= 2 * sigma)
    s = np.where(inside, x, 0)
    height = np.sqrt(np.maximum(4 * sigma**2 - s**2, 0)) / (np.pi * sigma**2)
    return np.where(np.isnan(x), x, np.where(inside, height, 0))


# Other right ways ----------------------------------------------------------------------------------------------------


def _boolean_mask(x, sigma=1.0):
    x = np.array(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    p = np.zeros_like(x)
    p[np.isnan(x)] = np.nan
    inside = (x >= 0) & (x < 2 * sigma)
    p[inside] = np.sqrt((2 * sigma - x[inside]) * (2 * sigma + x[inside])) / (np.pi * sigma**2)
    return p


def _clipped_root(x, sigma=1.0):
    x = np.asarray(x, dtype=np.result_type(x, np.float32) if np.asarray(x).dtype.kind == "f" else np.float64)
    u = x / sigma
    return np.sqrt(np.clip(4 - u * u, 0, None)) / np.pi / sigma * (x >= 0)


def _by_angle(x, sigma=1.0):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    angle = np.arcsin(np.clip(x / (2 * sigma), -1, 1))
    height = 2 * np.cos(angle) / (np.pi * sigma)
    return np.where((x < 0) | (x > 2 * sigma), 0, height)


def _one_by_one(x, sigma=1.0):
    x = np.asarray(x)

    def density(value):
        if math.isnan(value):
            return math.nan
        if value < 0 or value > 2 * sigma:
            return 0.0
        return math.sqrt(4 * sigma**2 - value**2) / (math.pi * sigma**2)

    result = np.array([density(float(value)) for value in x.ravel()]).reshape(x.shape)
    return result.astype(x.dtype) if x.dtype.kind == "f" else result


def _torch_where(x, sigma=1.0):
    t = torch.tensor(np.array(x))
    t = t if t.is_floating_point() else t.double()
    p = torch.sqrt(torch.clamp(4 * sigma**2 - t**2, min=0)) / (math.pi * sigma**2)
    return torch.where(t < 0, torch.zeros_like(p), p).numpy()


# Library one-liners --------------------------------------------------------------------------------------------------


def _scipy_semicircle(x, sigma=1.0):
    from scipy.stats import semicircular

    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    p = np.where(x < 0, 0, 2 * semicircular.pdf(x, scale=2 * sigma))
    return p.astype(x.dtype)


quarter_circle_pdf = Exercise(
    reference=_quarter_circle_pdf,
    accepted={
        "boolean mask": _boolean_mask,
        "root of a clipped difference": _clipped_root,
        "by the angle": _by_angle,
        "one by one with math": _one_by_one,
        "torch": _torch_where,
    },
    witnesses={"scipy.stats.semicircular": _scipy_semicircle},
    banned=("scipy",),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@quarter_circle_pdf.check(
    "values inside the support, for several sigma",
    points=0.5,
    hint="Put x = 0 into the formula by hand, for two different sigma.",
)
def _by_hand(f, rng):
    sigma = float(rng.uniform(1.5, 4.0))
    x = np.array([0.0, 0.5, 1.0, 1.5, np.sqrt(3.0), 1.9])
    return [typed(f(x)), typed(f(x * sigma, sigma)), typed(f(x * (sigma / 20), sigma=sigma / 20))]


@quarter_circle_pdf.check(
    "mass 1, mean 8σ/(3π), second moment σ²",
    points=0.5,
    rtol=1e-8,
    hint="Integrate your density numerically; its mass has to be 1 for every sigma.",
)
def _moments(f, rng):
    sigma = float(rng.uniform(0.3, 3.0))
    n = 4000
    angle = (np.arange(n) + 0.5) * (np.pi / 2 / n)
    # s = 2σ sin(angle) makes the integrand smooth, and the midpoint rule exact to many digits
    density = np.asarray(f(2 * sigma * np.sin(angle), sigma)) * 2 * sigma * np.cos(angle) * (np.pi / 2 / n)
    s = 2 * sigma * np.sin(angle)
    return {
        "mass": np.sum(density),
        "mean over sigma": np.sum(density * s) / sigma,
        "second moment over sigma²": np.sum(density * s**2) / sigma**2,
    }


@quarter_circle_pdf.check(
    "0 outside of the support, never nan there",
    points=0.5,
    hint="The support goes from 0 to the edge; on both sides of it the density is 0.",
)
def _outside(f, rng):
    sigma = float(rng.uniform(0.5, 2.0))
    x = np.array([-np.inf, -1e200, -1.0, -0.3, -1e-9, 0.5, 1.2, 2.0 + 1e-9, 2.1, 3.5, 1e200, np.inf]) * sigma
    return typed(f(x, sigma))


@quarter_circle_pdf.check(
    "nan, integers, float32, 0-d and empty arrays",
    points=0.25,
    atol=1e-6,
    hint="Look at the dtype, at the shape, and at what becomes of a nan.",
)
def _kinds(f, rng):
    a = float(rng.uniform(0.2, 1.8))
    x = np.array([[0.3, np.nan, 2.5], [1.1, -1.0, np.nan]])
    single = np.array([0.25, a, 3.0, -1.0], dtype=np.float32)
    return [
        typed(f(x)),
        typed(f(np.array([0, 1, 2, 3, -1]))),
        typed(f(np.array(a))),
        typed(f(np.zeros((0, 2)))),
        typed(f(single)),
    ]


@quarter_circle_pdf.check(
    "the input is left as it was",
    points=0.25,
    hint="The input may be read-only or have gaps in memory; write to arrays of your own.",
)
def _left_alone(f, rng):
    x = rng.uniform(-1.0, 3.0, size=(3, 4))
    return [kept(f, x), kept(f, locked(x)), kept(f, strided(x))]


# Wrong answers, as students write them --------------------------------------------------------------------------------


quarter_circle_pdf.mistake(
    "the whole semicircle",
    edits=[("inside = (x >= 0) &", "inside = (x >= -2 * sigma) &"), ("(np.pi * sigma**2)", "(2 * np.pi * sigma**2)")],
    core=True,
    hint="""
        This is Wigner's semicircle: it reaches from -2σ to 2σ and has half the height. It is the law of the eigenvalues
        of a large symmetric random matrix, which come with both signs. Singular values are lengths, and a length is
        never below 0. So the left half of the circle is folded over to the right: the density is 0 for negative x, and
        twice as high for positive x, so that the mass is 1 again. At x = 0 with σ = 1 you return 0.318, and it should
        be 0.637. Look at the support and at the constant in front.
    """,
    source="COURSE A2.2",
)

quarter_circle_pdf.mistake(
    "half the height",
    edits=[("(np.pi * sigma**2)", "(2 * np.pi * sigma**2)")],
    core=True,
    hint="""
        The support is right, but the density is half as high as it should be: its mass is 1/2, not 1. The factor 1/(2π)
        comes from the semicircle law, which spreads over both signs. A quarter of a circle with radius 2σ has the area
        π(2σ)²/4 = πσ². To turn the curve √(4σ² - x²) into a density, you divide it by the area under it. A density is
        easy to test: sum it over a fine grid and multiply by the step. If the result is not 1, the constant is wrong,
        whatever a book says.
    """,
    source="own",
)

quarter_circle_pdf.mistake(
    "negative values allowed",
    edits=[("inside = (x >= 0) &", "inside = (x >= -2 * sigma) &")],
    core=True,
    hint="""
        For x from 0 to 2σ your density is right, but you return the same height for negative x. Singular values are the
        factors by which a matrix stretches vectors, and these are never negative, so a density of them has no mass on
        the left of 0. As it stands, the total mass is 2. The reason is that x enters only as x², so the formula cannot
        see the sign; the condition must say it. Look at the line that decides where the density is not zero: it has to
        test both ends.
    """,
    source="COURSE A2.2",
)


@quarter_circle_pdf.mistake(
    "no clipping",
    core=True,
    hint="""
        Beyond the edge 2σ the number under the root is negative, and you return nan there. On the left of 0 you return
        a positive height, though no singular value is negative. A density is defined for all x: outside of its support
        it is 0. It matters, since one nan in a curve breaks a plot's limits, and one nan in a sum makes the whole sum
        nan. So decide first which x are inside, and take the root only there, or of a number that you have made
        non-negative before.
    """,
    source="COURSE A2.2",
)
def _no_clip(x, sigma=1.0):
    x = np.asarray(x)
    return np.sqrt(4 * sigma**2 - x**2) / (np.pi * sigma**2)


@quarter_circle_pdf.mistake(
    "Marchenko-Pastur",
    core=True,
    hint="""
        This is the Marchenko–Pastur density: it belongs to the squares of the singular values, that is to the
        eigenvalues of YᵀY. It goes to infinity at 0 and ends at 4σ². The exercise asks for the singular values
        themselves. The two belong together by a change of variable: if t = s², then p(s) = 2s·p(t), and the factor 2s
        takes away the infinity at 0. What remains is a simple curve, a quarter of a circle which ends at 2σ. Look at
        the formula in the statement again, and at where it ends.
    """,
    source="COURSE A2.2",
)
def _marchenko_pastur(x, sigma=1.0):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    inside = (x > 0) & (x <= 4 * sigma**2)
    s = np.where(inside, x, 1)
    height = np.sqrt(np.maximum(s * (4 * sigma**2 - s), 0)) / (2 * np.pi * sigma**2 * s)
    return np.where(np.isnan(x), x, np.where(inside, height, 0))


quarter_circle_pdf.mistake(
    "sigma is ignored",
    edits=[
        ("(x <= 2 * sigma)", "(x <= 2)"),
        ("np.maximum(4 * sigma**2 - s**2, 0)) / (np.pi * sigma**2)", "np.maximum(4 - s**2, 0)) / np.pi"),
    ],
    core=True,
    hint="""
        For σ = 1 you are right, but your function never uses sigma. If all entries of a matrix are multiplied by σ, all
        its singular values are multiplied by σ as well. So the curve becomes σ times as wide, ends at 2σ, and must
        become σ times as low, because the mass stays 1. For σ = 2, the height at 0 is 0.318 and the edge is at 4.
        Whenever a function has an argument with a default value, test it once with another value: the default hides
        many mistakes.
    """,
    source="COURSE A2.2",
)

quarter_circle_pdf.mistake(
    "sigma taken for the variance",
    edits=[
        ("(x <= 2 * sigma)", "(x <= 2 * np.sqrt(sigma))"),
        (
            "np.maximum(4 * sigma**2 - s**2, 0)) / (np.pi * sigma**2)",
            "np.maximum(4 * sigma - s**2, 0)) / (np.pi * sigma)",
        ),
    ],
    core=True,
    hint="""
        You treat sigma as a variance: your curve ends at 2√σ. In this exercise sigma is a standard deviation; the
        entries of the n×n matrix are drawn from N(0, σ²/n). For σ = 1 both readings agree, so only another value shows
        it. With σ = 4 the right edge is 8, and yours is 4. Whether a letter means the spread or its square is a common
        source of trouble in this whole topic (see the slide on initialization). Read the statement's convention again
        and look at each place where sigma comes in.
    """,
    source="own",
)

quarter_circle_pdf.mistake(
    "not divided by sigma squared",
    edits=[(" / (np.pi * sigma**2)", " / np.pi")],
    core=True,
    hint="""
        The support and the shape are right, but the constant in front does not know sigma: the mass of your density is
        σ², not 1. The curve √(4σ² - x²) is a quarter of a circle of radius 2σ, and the area under it grows with σ². You
        have to divide by exactly this area. For σ = 1 nothing is missing, so that value cannot show the mistake. Take σ
        = 2, add up your density on a fine grid, times the step of the grid, and look for the constant that brings the
        sum back to 1.
    """,
    source="own",
)

quarter_circle_pdf.mistake(
    "substituted without the Jacobian",
    edits=[("(np.pi * sigma**2)", "(np.pi * sigma)")],
    core=True,
    hint="""
        You have put x/σ into the density for σ = 1. That stretches the curve to the right width, but it stays as high
        as before, so its mass is σ in place of 1. When a random variable is multiplied by σ, its density is p(x/σ)/σ: σ
        times as wide and σ times as low. The factor 1/σ is the derivative of x/σ, and it is easy to forget since it is
        1 in the standard case. Compare the heights at x = 0 for σ = 1 and σ = 2: the second should be half of the
        first.
    """,
    source="own",
)

quarter_circle_pdf.mistake(
    "the support ends at sigma",
    edits=[
        ("(x <= 2 * sigma)", "(x <= sigma)"),
        (
            "np.maximum(4 * sigma**2 - s**2, 0)) / (np.pi * sigma**2)",
            "np.maximum(sigma**2 - s**2, 0)) * 4 / (np.pi * sigma**2)",
        ),
    ],
    core=True,
    hint="""
        Your curve is a quarter of a circle with mass 1, but its radius is σ, and it should be 2σ. The radius σ belongs
        to the eigenvalues of the matrix, which fill a disc of radius σ (the circular law). The largest singular value
        is about twice that: the best input vector can be chosen freely, it need not be an eigenvector. Check it with
        the second moment. The mean of s² must be σ², since the squares of the singular values add up to the squares of
        all entries, and with your radius it is only σ²/4.
    """,
    source="own",
)


@quarter_circle_pdf.mistake(
    "x clipped into the support",
    core=True,
    hint="""
        You move every x into the support before you compute. On the right that works, because the height at the edge is
        0. On the left it does not: every negative x is moved to 0, where the density is highest, so you return that
        height for all negative numbers, and the mass becomes infinite. Clipping x answers another question, namely what
        the density is at the nearest allowed point. What is wanted outside is 0, on both sides. Clip the number under
        the root if you like, and treat negative x apart.
    """,
    source="own",
)
def _clips_x(x, sigma=1.0):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    s = np.clip(x, 0, 2 * sigma)
    return np.sqrt(np.maximum(4 * sigma**2 - s**2, 0)) / (np.pi * sigma**2)


quarter_circle_pdf.mistake(
    "nan becomes 0",
    edits=[("np.where(np.isnan(x), x, np.where(inside, height, 0))", "np.where(inside, height, 0)")],
    hint="""
        All your numbers are right, but where x is nan you return 0. Each comparison with nan is False, so a nan is
        never inside of the support, and falls into the branch for the outside. Then a broken singular value looks like
        a perfectly good one with density 0, and nobody will notice that something went wrong before. The contract of
        the course says that a nan which comes in goes out again, in its own place. Treat it as a case of its own, or
        choose the conditions such that nan does not end among the zeros.
    """,
    source="own",
)


@quarter_circle_pdf.mistake(
    "result written into an integer array",
    hint="""
        For floats your function is right. For integers the result array has the dtype of the input, as zeros_like makes
        it, and numbers between 0 and 1 that are written into an integer array become 0, without any message. So every
        density is 0 there. A density is a float whatever comes in. Convert an integer input to float64 at the
        beginning, before you make any array from it, and leave float32 as it is. A quick test is x = np.array([0, 1]):
        the first number should be 0.637 for σ = 1.
    """,
    source="own",
)
def _integer_result(x, sigma=1.0):
    x = np.asarray(x)
    p = np.zeros_like(x)
    inside = (x >= 0) & (x <= 2 * sigma)
    p[inside] = np.sqrt(4 * sigma**2 - x[inside] ** 2) / (np.pi * sigma**2)
    p[np.isnan(x)] = np.nan
    return p
