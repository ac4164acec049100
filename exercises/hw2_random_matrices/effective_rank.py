"""`effective_rank(s, kind="participation")`: how many directions of a spectrum carry weight."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import raised, typed


def _effective_rank(s, kind="participation"):
    if kind not in ("participation", "entropy"):
        raise ValueError(f"kind must be 'participation' or 'entropy', not {kind!r}")
    s = np.asarray(s, dtype=np.float64)
    if not np.any(s):
        return 0.0
    s = s / np.max(s)
    p = s**2 / np.sum(s**2)
    if kind == "participation":
        return float(1 / np.sum(p**2))
    p = p[p != 0]
    return float(np.exp(-np.sum(p * np.log(p))))


# Other right ways ----------------------------------------------------------------------------------------------------


def _in_logs(s, kind="participation"):
    if kind not in {"participation", "entropy"}:
        raise ValueError(kind)
    s = np.asarray(s, dtype=np.float64)
    s = s[s != 0]
    if s.size == 0:
        return 0.0
    log_s = np.log(s)
    log_p = 2 * log_s - np.logaddexp.reduce(2 * log_s)
    if kind == "participation":
        return float(np.exp(-np.logaddexp.reduce(2 * log_p)))
    return math.exp(-float(np.exp(log_p) @ log_p))


def _sums_of_powers(s, kind="participation"):
    s = [float(v) for v in s]
    top = max(s, default=0.0)
    if top == 0:
        if kind in ("participation", "entropy"):
            return 0.0
        raise ValueError("unknown kind")
    squares = [(v / top) ** 2 for v in s]
    if any(math.isnan(v) for v in s):
        return math.nan
    total = math.fsum(squares)
    if kind == "participation":
        return total**2 / math.fsum(v * v for v in squares)
    if kind == "entropy":
        return total * math.exp(-math.fsum(v * math.log(v) for v in squares if v > 0) / total)
    raise ValueError("unknown kind")


def _torch_xlogy(s, kind="participation"):
    t = torch.tensor(np.array(s, dtype=np.float64))
    if kind not in ("participation", "entropy"):
        raise ValueError(kind)
    if t.numel() == 0 or t.max() == 0:
        return 0.0
    t = t / t.max()
    p = t**2 / torch.sum(t**2)
    if kind == "participation":
        return 1 / torch.sum(p * p).item()
    return torch.exp(-torch.special.xlogy(p, p).sum()).item()


# Library one-liners --------------------------------------------------------------------------------------------------


def _scipy_entropy(s, kind="participation"):
    from scipy.stats import entropy

    if kind not in ("participation", "entropy"):
        raise ValueError(kind)
    s = np.asarray(s, dtype=np.float64)
    if not np.any(s):
        return 0.0
    p = (s / np.max(s)) ** 2
    p = p / p.sum()
    return float(1 / (p @ p)) if kind == "participation" else float(np.exp(entropy(p)))


effective_rank = Exercise(
    reference=_effective_rank,
    accepted={
        "all in logs": _in_logs,
        "sums of powers in loops": _sums_of_powers,
        "torch, xlogy": _torch_xlogy,
    },
    witnesses={"scipy.stats.entropy": _scipy_entropy},
    banned=("scipy",),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


KINDS = ("participation", "entropy")


@effective_rank.check(
    "equal values and two values, by hand",
    points=0.75,
    hint="k equal values have the effective rank k, of either kind.",
)
def _by_hand(f, rng):
    k = int(rng.integers(3, 9))
    flat = rng.permutation(np.concatenate([np.full(k, rng.uniform(1, 5)), np.zeros(4)]))
    pair = np.sqrt(np.array([1.0, float(rng.integers(2, 8))]))
    return [typed(f(s, kind)) for s in (flat, pair) for kind in KINDS]


@effective_rank.check(
    "random spectra, both kinds",
    points=0.75,
    hint="Compute the shares p first and print them: they must add up to 1.",
)
def _spectra(f, rng):
    spectra = [rng.gamma(0.7, size=12), rng.uniform(0.1, 3.0, size=30), np.array([0.3])]
    return [*(f(s, kind=kind) for s in spectra for kind in KINDS), f(spectra[0])]


@effective_rank.check(
    "the scale of the spectrum does not matter",
    points=0.5,
    hint="Squares of very large or very small numbers leave the range of floats.",
)
def _scales(f, rng):
    s = rng.gamma(1.0, size=8) + 0.1
    mixed = s.copy()
    mixed[:3] *= 1e-200
    return [f(x, kind) for x in (s * 1e200, s * 1e-200, s * 1e-7, mixed) for kind in KINDS]


@effective_rank.check(
    "zeros, only zeros, nothing at all",
    points=0.5,
    hint="A direction with weight 0 adds nothing to either sum.",
)
def _zeros(f, rng):
    s = rng.permutation(np.concatenate([rng.uniform(0.5, 2.0, size=3), np.zeros(3)]))
    nothing = [f(x, kind) for x in (np.zeros(4), np.zeros(0)) for kind in KINDS]
    return [f(s, "participation"), f(s, "entropy"), nothing]


@effective_rank.check(
    "a product of three random layers",
    points=0.25,
    hint="The spectrum of a product has many small values; they must count by the squares of their size.",
)
def _deep_product(f, rng):
    n = 40
    product = np.eye(n)
    for _ in range(3):
        product = rng.normal(scale=n**-0.5, size=(n, n)) @ product
    s = np.linalg.svd(product, compute_uv=False)
    return [f(s, kind) for kind in KINDS]


@effective_rank.check(
    "nan, integers, unknown kind; the input is left as it was",
    points=0.25,
    hint="An unknown kind raises a ValueError, and a nan that goes in comes out.",
)
def _contract(f, rng):
    s = rng.uniform(0.5, 3.0, size=6)
    bad = s.copy()
    bad[2] = np.nan
    return [
        kept(f, s),
        kept(f, locked(s)),
        kept(f, strided(s), "entropy"),
        kept(f, rng.integers(1, 9, size=5), "entropy"),
        [f(bad, kind) for kind in KINDS],
        raised(f, s, "rank"),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


effective_rank.mistake(
    "shares of s, not of its square",
    edits=[("p = s**2 / np.sum(s**2)", "p = s / np.sum(s)")],
    core=True,
    hint="""
        Your shares are proportional to s, and the statement wants them proportional to s². The square is what adds up:
        the sum of the squared singular values is the sum of the squares of all entries, and the mean squared length of
        the output is spread over the directions like s². With s itself small values count too much, so your rank comes
        out too large. (A well-known paper by Roy and Vetterli uses s, so you may meet both; always say which.) For s =
        [3, 4] the shares are 9/25 and 16/25.
    """,
    source="COURSE A2.5",
)

effective_rank.mistake(
    "squares out of range",
    edits=[("    s = s / np.max(s)\n", "")],
    hint="""
        Your formula is right, but you square s as it comes. Singular values of deep products can be very large or very
        small, and the square of 1e200 is inf, while that of 1e-200 is 0. Then you divide inf by inf, or 0 by 0, and get
        nan. The effective rank only depends on the ratios of the singular values: ten times all of them is the same
        spectrum. So you may choose the scale before you square. Think about which scaling makes the largest square
        equal to 1.
    """,
    source="COURSE A2.5",
)

effective_rank.mistake(
    "entropy without the exponential",
    edits=[("float(np.exp(-np.sum(p * np.log(p))))", "float(-np.sum(p * np.log(p)))")],
    core=True,
    hint="""
        For the kind 'entropy' you return the entropy itself, in nats. The effective rank is its exponential. An entropy
        is a log of a number of possibilities: k equal shares have the entropy ln k, and the rank which we want to read
        off is k. So for seven equal singular values you return 1.946, and a rank of 7 is wanted. Exponentiating brings
        the number back to the scale of counting directions, on which both kinds can be compared. Look at the last step.
    """,
    source="COURSE A2.5",
)

effective_rank.mistake(
    "nan at zeros",
    edits=[("    p = p[p != 0]\n", "")],
    core=True,
    hint="""
        As soon as one singular value is 0, your entropy is nan. The term p·log p then is 0 times -inf, and floats call
        this nan. As p goes to 0, p·log p goes to 0: a direction that carries nothing adds nothing. Singular matrices
        are common, and in deep products the smallest values underflow to 0, so this case is the rule and not the
        exception. You can leave out the zeros before you take the log, or make the product 0 where p is 0. A zero also
        must not become a small positive number.
    """,
    source="COURSE A2.5",
)


@effective_rank.mistake(
    "epsilon below the fraction",
    hint="""
        You add a small number such as 1e-12 to be safe from a division by zero or from log 0. It changes the answer
        whenever the spectrum itself is small: for singular values around 1e-7 the sum of squares is even below 1e-12,
        so your shares no longer add up to 1, and for 1e-200 they are all 0. The last layers of a deep network live at
        such scales. A rank may not depend on the unit in which s is measured. Treat the one true exception, all zeros,
        as a case of its own, and scale before squaring.
    """,
    source="own",
)
def _epsilon_below(s, kind="participation"):
    if kind not in ("participation", "entropy"):
        raise ValueError(kind)
    s = np.asarray(s, dtype=np.float64)
    p = s**2 / (np.sum(s**2) + 1e-12)
    if kind == "participation":
        return float(1 / (np.sum(p**2) + 1e-12))
    return float(np.exp(-np.sum(p * np.log(p + 1e-12))))


effective_rank.mistake(
    "bits and nats mixed",
    edits=[("p * np.log(p)", "p * np.log2(p)")],
    core=True,
    hint="""
        You take the entropy in bits, with log2, and then exponentiate with base e. The two must have the same base: exp
        undoes the natural log, and 2 to the power undoes log2. With eight equal values the entropy is 3 bits or 2.079
        nats; both 2³ and e^2.079 are 8, but e³ is 20.1, more than there are directions. A rank that is larger than the
        number of singular values is a sure sign that something is wrong. Look at the logarithm and at the exponential,
        and give both the same base.
    """,
    source="own",
)


@effective_rank.mistake(
    "number of values above a threshold",
    core=True,
    hint="""
        You count the singular values above some share of the largest one. That is a numerical rank, and it is useful
        too, but it jumps: a value just above the threshold counts fully, one just below not at all, and the threshold
        is a choice of yours. The effective rank is smooth and has no parameter: it weighs every direction by its share
        of the squares. For [3, 4] both values are large, and still the answer is less than 2, because they are not
        equal. Compute the shares p first, then the formula of the statement.
    """,
    source="own",
)
def _threshold(s, kind="participation"):
    if kind not in ("participation", "entropy"):
        raise ValueError(kind)
    s = np.asarray(s, dtype=np.float64)
    return float(np.sum(s > 0.01 * np.max(s, initial=0.0)))


effective_rank.mistake(
    "reciprocal forgotten",
    edits=[("float(1 / np.sum(p**2))", "float(np.sum(p**2))")],
    core=True,
    hint="""
        For the kind 'participation' you return Σp², and the statement asks for one over it. The sum of the squared
        shares is a concentration: it is 1 if one direction has everything, and 1/k if k directions share equally. So it
        falls where the rank rises. Turned upside down, it counts: k equal shares give k. A result between 0 and 1
        cannot be a rank, except for the empty case. Physicists meet both quantities as “inverse participation ratio”
        and “participation ratio”, and the words are often mixed up.
    """,
    source="own",
)

effective_rank.mistake(
    "only zeros give nan",
    edits=[("    if not np.any(s):\n        return 0.0\n", "")],
    hint="""
        If all singular values are 0, you divide 0 by 0 and return nan, and for an empty spectrum the maximum does not
        exist. The statement pins this case: a layer that sends everything to zero has no direction left, so its
        effective rank is 0. Such spectra do occur, for instance when all units of a ReLU layer are dead. Before you
        divide, ask whether there is anything at all to divide by. The test must not catch a nan, however: a broken
        spectrum is not the same as a zero one.
    """,
    source="COURSE A2.5",
)

effective_rank.mistake(
    "stable rank",
    edits=[("float(1 / np.sum(p**2))", "float(1 / np.max(p))")],
    core=True,
    hint="""
        For the kind 'participation' you return Σs² / max s². This is the stable rank, another measure of the same
        family: it only looks at the largest direction and at the sum of all. The participation ratio (Σs²)² / Σs⁴ looks
        at all directions, by their own weights. They agree if all values are equal. For s = [3, 4] the stable rank is
        1.5625 and the participation ratio 1.855. Look at the denominator: the statement has the sum of all squared
        shares there, not the largest share.
    """,
    source="own",
)

effective_rank.mistake(
    "kind is ignored",
    edits=[('if kind == "participation":', 'if kind != "nothing":')],
    core=True,
    hint="""
        You return the participation ratio whatever the kind is. With kind='entropy' the statement asks for exp(-Σ p log
        p). The two agree for equal values, so a test with ones does not show it; for other spectra the entropy kind is
        always the larger one, because it gives more weight to the small shares. For s = [3, 4] they are 1.855 and
        1.922. Check that your function really reaches the second formula, and that the string you compare with is
        spelled as in the statement.
    """,
    source="own",
)

effective_rank.mistake(
    "the sign of the entropy",
    edits=[("np.exp(-np.sum(p * np.log(p)))", "np.exp(np.sum(p * np.log(p)))")],
    core=True,
    hint="""
        For the kind 'entropy' a minus sign is missing. Shares are below 1, so their logs are negative, and so is Σ p
        log p. The entropy is defined with a minus in front, to make it a positive number. Without it, the exponential
        gives one over the rank: 1/7 for seven equal values in place of 7. Whenever your “number of directions” lies
        between 0 and 1, ask yourself whether it stands upside down. Compare the line with the formula in the statement,
        sign by sign.
    """,
    source="own",
)

effective_rank.mistake(
    "entropy divided by its maximum",
    edits=[("float(np.exp(-np.sum(p * np.log(p))))", "float(-np.sum(p * np.log(p)) / np.log(s.size))")],
    core=True,
    hint="""
        For the kind 'entropy' you divide the entropy by its largest possible value, log n. That gives a share between 0
        and 1, sometimes called evenness: it tells how equal the values are, not how many directions carry weight. It
        also depends on the number of zeros at the end of the spectrum, since n counts them. The effective rank of k
        equal values and any number of zeros is k. To get from an entropy to a number of directions, use the function
        that undoes the logarithm.
    """,
    source="own",
)


@effective_rank.mistake(
    "scales the input in place",
    hint="""
        Your numbers are right, but the caller's array has changed: after the call it is divided by its largest value.
        The operator /= writes into the array that it is given, and asarray makes no copy if its argument already is an
        array. The next function that uses the spectrum then works with other numbers, and a read-only or an integer
        array raises an error. Write the division with a new name on the left, or as s = s / ..., which makes a new
        array. Only change arrays in place that you have made yourself.
    """,
    source="own",
)
def _scaled_in_place(s, kind="participation"):
    if kind not in ("participation", "entropy"):
        raise ValueError(kind)
    s = np.asarray(s)
    if not np.any(s):
        return 0.0
    s /= np.max(s)
    p = s**2 / np.sum(s**2)
    if kind == "participation":
        return float(1 / np.sum(p**2))
    p = p[p != 0]
    return float(np.exp(-np.sum(p * np.log(p))))
