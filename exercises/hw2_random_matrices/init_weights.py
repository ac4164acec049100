"""`init_weights(shape, std, dist, rng)`: draw the weights of a layer, normal or uniform, with a given spread."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import probe, raised, typed


def _init_weights(shape, std, dist, rng):
    if dist == "normal":
        return rng.normal(0.0, std, size=shape)
    if dist == "uniform":
        limit = math.sqrt(3) * std
        return rng.uniform(-limit, limit, size=shape)
    raise ValueError(f"dist must be 'normal' or 'uniform', not {dist!r}")


# Other right ways ----------------------------------------------------------------------------------------------------


def _standard_then_scaled(shape, std, dist, rng):
    if dist not in ("normal", "uniform"):
        raise ValueError(dist)
    z = rng.standard_normal(shape) if dist == "normal" else math.sqrt(12) * (rng.random(shape) - 0.5)
    return std * z


def _box_muller(shape, std, dist, rng):
    u = rng.random((2, *shape))
    if dist == "normal":
        return std * np.sqrt(-2 * np.log1p(-u[0])) * np.cos(2 * np.pi * u[1])
    if dist == "uniform":
        return (2 * u[0] - 1) * (std * math.sqrt(3))
    raise ValueError("unknown distribution")


def _one_by_one(shape, std, dist, rng):
    draw = {"normal": lambda: rng.normal(scale=std), "uniform": lambda: std * rng.uniform(-(3**0.5), 3**0.5)}.get(dist)
    if draw is None:
        raise ValueError(f"no distribution {dist!r}")
    return np.array([draw() for _ in range(math.prod(shape))]).reshape(shape)


init_weights = Exercise(
    reference=_init_weights,
    accepted={
        "standard numbers, then scaled": _standard_then_scaled,
        "Box-Muller": _box_muller,
        "one by one": _one_by_one,
    },
    banned=("torch.nn", "scipy"),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


SHAPE = (100, 200)  # 20,000 numbers


# Power: every misconception about the spread is off by at least 0.2 in the mean square or 0.5 in the mean.
@init_weights.check(
    "mean 0 and the standard deviation asked for",
    points=0.5,
    rtol=0.0,
    atol=0.07,
    expect=lambda rng: [[0.0, 1.0], [0.0, 1.0]],
    hint="Draw many weights and print their mean and standard deviation, for both distributions.",
)
def _spread(f, rng):
    std = float(rng.uniform(0.05, 0.3))
    seen = []
    for dist in ("normal", "uniform"):
        w = np.asarray(f(SHAPE, std, dist, rng), dtype=float) / std
        seen.append([np.mean(w), np.mean(w**2)])
    return seen


# What theory says of SHAPE draws with standard deviation 1. The bounds, for N = 20,000 and false alarms below 1e-9:
# mean: sd 1/√N = 0.007, 0.07 is 9.9 sd. Mean square of normals: N·q is chi-squared with N degrees of freedom; Chernoff,
# 2·exp(-N/2·(0.07 - ln 1.07)) = 1.4e-10; uniform numbers spread less. Shares: Hoeffding, 6·2·exp(-2Nt²) = 1.7e-10 for t = 0.025.
_SHARES = [[math.erf(b / math.sqrt(2)) for b in (0.5, 1.0, 2.0)], [b / math.sqrt(3) for b in (0.5, 1.0)] + [1.0]]


# Power: a normal in place of a uniform is off by 0.10 in the first share of two; U(-std, std) by 0.42.
@init_weights.check(
    "normal is normal, uniform is uniform",
    points=0.5,
    rtol=0.0,
    atol=0.025,
    expect=lambda rng: {"shares": _SHARES, "some beyond √3·std": False},
    hint="Plot a histogram of each distribution, with many weights.",
)
def _shape_of_the_density(f, rng):
    std = float(rng.uniform(0.05, 0.3))
    seen = []
    for dist in ("normal", "uniform"):
        size = np.abs(np.asarray(f(SHAPE, std, dist, rng), dtype=float)) / std
        # the shares of weights below 1/2, 1 and 2 standard deviations, on either side of zero
        seen.append([np.mean(size < bound) for bound in (0.5, 1.0, 2.0)])
    return {"shares": seen, "some beyond √3·std": bool(np.max(size) > math.sqrt(3) * (1 + 1e-9))}


def _calls(answer, shape, std, seed):
    """Draws from equal and from used generators, whatever numpy's and torch's global generators do."""
    import numpy as np
    import torch

    def states():
        return [str(np.random.get_state(legacy=False)), torch.random.get_rng_state().numpy().tobytes()]

    before = states()
    rng, same, other = (np.random.default_rng(number) for number in (seed, seed, seed + 1))
    first, second = (np.array(answer(shape, std, "normal", rng)) for _ in range(2))
    flat = np.array(answer(shape, std, "uniform", rng))
    again = np.array(answer(shape, std, "normal", same))
    unlike = np.array(answer(shape, std, "normal", other))
    after = states()
    return {
        "shapes": [list(w.shape) for w in (first, second, flat)],
        "same generator state, same weights": bool(np.array_equal(first, again)),
        "the next call draws new weights": not np.array_equal(first, second),
        "another seed, other weights": not np.array_equal(first, unlike),
        "numbers differ within a matrix": len(np.unique(first)) == first.size,
        "global generators untouched": [then == now for then, now in zip(before, after, strict=True)],
    }


@init_weights.check(
    "all randomness comes from rng",
    points=0.5,
    hint="Use the generator that you are given, and no other one.",
)
def _reproducible(f, rng):
    return probe(_calls, f, shape=(4, 3), std=float(rng.uniform(0.5, 2.0)), seed=int(rng.integers(2**31)))


@init_weights.check(
    "shape, dtype, std 0, unknown distribution",
    points=0.5,
    hint="The result is a float64 array of exactly this shape.",
)
def _contract(f, rng):
    seen = []
    for shape in ((3,), (1, 1), (2, 5, 3, 3), (0, 4)):
        for dist in ("normal", "uniform"):
            w = typed(f(shape, 1e-3, dist, rng))
            values = w.pop("values")
            seen.append([w, bool(np.all(np.isfinite(values)) and np.all(values != 0))])
    return [seen, np.asarray(f((2, 2), 0.0, "normal", rng)), raised(f, (2, 2), 1.0, "gaussian", rng)]


# Wrong answers, as students write them --------------------------------------------------------------------------------


init_weights.mistake(
    "uniform from -std to std",
    edits=[("limit = math.sqrt(3) * std", "limit = std")],
    core=True,
    hint="""
        Your uniform weights go from -std to std. The spread of a distribution is not its limit: a uniform number on
        [-a, a] has the variance a²/3, since most of its values are nearer to 0 than the limit is. So your weights have
        a standard deviation of only 0.577·std, and a third of the variance, in every layer. Solve a²/3 = std² for a.
        This very mistake made the first heuristic U(-1/√n, 1/√n) so weak, and it is still in the defaults of torch's
        linear layers.
    """,
    source="COURSE A2.7",
)

init_weights.mistake(
    "std squared",
    edits=[
        ("rng.normal(0.0, std, size=shape)", "rng.normal(0.0, std**2, size=shape)"),
        ("math.sqrt(3) * std", "math.sqrt(3) * std**2"),
    ],
    core=True,
    hint="""
        You square std before you draw. The second argument of normal is called scale, and it is a standard deviation,
        not a variance. In books you read N(0, σ²) with the variance in the second place, in numpy you write normal(0,
        σ): the same idea in two notations. With std = 0.2 your weights have the spread 0.04. With std = 1 nobody would
        see it. The argument that you get here is already the standard deviation, so it can go into the functions as it
        is.
    """,
    source="COURSE A2.7, ERRATA 3",
)

init_weights.mistake(
    "root of std",
    edits=[
        ("rng.normal(0.0, std, size=shape)", "rng.normal(0.0, std**0.5, size=shape)"),
        ("math.sqrt(3) * std", "math.sqrt(3 * std)"),
    ],
    core=True,
    hint="""
        You take the root of std, as if it were a variance. The argument is called std: it is the standard deviation
        already, the root has been taken by whoever calls you (for instance by init_std of the exercise before). For std
        = 0.04 your weights have the spread 0.2, which is 5 times too much; with std = 1 no test would notice. Decide
        once, at the border of each function, whether a number is a variance or a standard deviation, and give it a name
        that says so.
    """,
    source="own",
)


@init_weights.mistake(
    "global generator",
    core=True,
    hint="""
        You draw from np.random, numpy's global generator, and never use the argument rng. Then two calls with equal
        generators give different weights, an experiment cannot be repeated, and your function changes the stream of
        random numbers of everybody else in the program. A generator that is passed as an argument makes the source of
        randomness visible: same state in, same weights out. The methods of rng have nearly the same names as the
        functions of np.random, so the change is small.
    """,
    source="COURSE A2.7",
)
def _global_generator(shape, std, dist, rng):
    if dist == "normal":
        return np.random.normal(0.0, std, size=shape)
    if dist == "uniform":
        limit = math.sqrt(3) * std
        return np.random.uniform(-limit, limit, size=shape)
    raise ValueError(dist)


@init_weights.mistake(
    "torch's global generator",
    core=True,
    hint="""
        You draw with torch, which has a global generator of its own, and never use the argument rng. So the weights
        cannot be repeated by making rng again with the same seed, and your function moves torch's stream of random
        numbers, on which the rest of the program may rely (dropout, shuffling). You may use torch for other things, but
        the random numbers have to come from rng: draw them with its methods, as numpy arrays. Converting an array to a
        tensor afterwards costs nothing, should you need one.
    """,
    source="own",
)
def _torch_draws(shape, std, dist, rng):
    if dist == "normal":
        return (std * torch.randn(*shape, dtype=torch.float64)).numpy()
    if dist == "uniform":
        return (math.sqrt(3) * std * (2 * torch.rand(*shape, dtype=torch.float64) - 1)).numpy()
    raise ValueError(dist)


init_weights.mistake(
    "a seed of its own",
    edits=[('    if dist == "normal":', '    rng = np.random.default_rng(0)\n    if dist == "normal":')],
    core=True,
    hint="""
        You make a new generator with a fixed seed inside of the function. Then every call returns the same numbers: all
        layers of a network with the same shape get identical weights, and the argument rng has no effect. Identical
        layers are not random to each other, so all the theory of this assignment fails for them. A seed belongs to the
        very beginning of an experiment, once. From there one generator is handed on, and each call takes the next
        numbers from it. Use the rng that you are given.
    """,
    source="MISCONCEPTIONS 37",
)

init_weights.mistake(
    "a copy of the generator",
    edits=[('    if dist == "normal":', '    import copy\n\n    rng = copy.deepcopy(rng)\n    if dist == "normal":')],
    core=True,
    hint="""
        You draw from a copy of rng. The copy moves on, the original does not, so the next call with the same rng starts
        at the same place and returns the same weights again. In a network every layer of the same shape would be
        identical. “Never change an argument” is a rule for data; a generator is different: it is meant to be used up,
        and drawing from it is the only way to get new numbers. So call the methods of the generator that was given to
        you, directly.
    """,
    source="own",
)

init_weights.mistake(
    "not centred",
    edits=[("rng.uniform(-limit, limit, size=shape)", "rng.uniform(0, 2 * limit, size=shape)")],
    core=True,
    hint="""
        Your uniform weights have the right spread, but they start at 0: all are positive. Weights must have the mean 0.
        With positive weights only, each unit adds up its inputs with the same sign, so all units of a layer do nearly
        the same, and the mean of the signal grows by a factor of about n in every layer. The interval has to lie
        symmetrically around 0. Its half width decides about the spread: it is √3·std. Print the mean of a large draw;
        it should be close to 0.
    """,
    source="own",
)

init_weights.mistake(
    "the full width for the half",
    edits=[("limit = math.sqrt(3) * std", "limit = math.sqrt(12) * std")],
    core=True,
    hint="""
        Your uniform weights have twice the spread that is asked for. The variance of a uniform number is the width of
        its interval squared, over 12. So the width has to be √12·std. But you use this number as the limit on each
        side, from -√12·std to √12·std, and that interval is twice as wide. Half of √12 is √3. If you look at one side
        only, remember: a uniform number on [-a, a] has the standard deviation a/√3. Draw many weights and look at their
        standard deviation.
    """,
    source="own",
)


@init_weights.mistake(
    "truncated at two standard deviations",
    core=True,
    hint="""
        You draw the normal weights again until none of them is beyond two standard deviations. Such truncated normals
        are in use, but they have a smaller spread: cutting off the tails leaves only 0.88 of the standard deviation,
        and 0.77 of the variance, in each layer. Libraries that truncate divide by this number to make up for it. The
        statement asks for the plain normal distribution, where about 5 % of the weights lie beyond two standard
        deviations. Leave the large ones in.
    """,
    source="own",
)
def _truncated(shape, std, dist, rng):
    if dist == "normal":
        w = rng.normal(0.0, std, size=shape)
        while np.any(np.abs(w) > 2 * std):
            w = np.where(np.abs(w) > 2 * std, rng.normal(0.0, std, size=shape), w)
        return w
    if dist == "uniform":
        limit = math.sqrt(3) * std
        return rng.uniform(-limit, limit, size=shape)
    raise ValueError(dist)


init_weights.mistake(
    "always normal",
    edits=[
        (
            "limit = math.sqrt(3) * std\n        return rng.uniform(-limit, limit, size=shape)",
            "return rng.standard_normal(size=shape) * std",
        )
    ],
    core=True,
    hint="""
        For dist='uniform' you also draw normal numbers. Their mean and their standard deviation are as asked, so those
        two cannot show it; the shape of the distribution is different. A uniform number has a hard limit, √3 standard
        deviations away from 0, and all values up to it are equally likely. A normal number has no limit: about 8 % of
        the values lie beyond √3 standard deviations. Plot a histogram of both. Look at the branch for 'uniform': which
        method of rng draws from an interval?
    """,
    source="own",
)

init_weights.mistake(
    "float32",
    edits=[
        ("return rng.normal(0.0, std, size=shape)", "return rng.normal(0.0, std, size=shape).astype(np.float32)"),
        (
            "return rng.uniform(-limit, limit, size=shape)",
            "return rng.uniform(-limit, limit, size=shape).astype(np.float32)",
        ),
    ],
    hint="""
        Your weights have the right distribution, but they are float32. That is what torch would use, and in practice it
        is a good choice. But the statement pins float64, because the experiments of this assignment multiply hundreds
        of layers, and compare the result with theory to many digits; float32 would add rounding errors of its own and
        leave its range early, at 10³⁸. numpy's generators return float64 by default. Look for the place where you ask
        for another dtype or convert the result.
    """,
    source="own",
)

init_weights.mistake(
    "shape reversed",
    edits=[
        ("return rng.normal(0.0, std, size=shape)", "return rng.normal(0.0, std, size=shape[::-1])"),
        ("return rng.uniform(-limit, limit, size=shape)", "return rng.uniform(-limit, limit, size=shape[::-1])"),
    ],
    core=True,
    hint="""
        The array that you return has its shape in the reverse order. The statement says that the result has exactly the
        given shape: for (100, 50), there are 100 rows and 50 columns. Whether this means (out, in) or (in, out) is a
        matter of the caller, who has to know how the weights are used; a function that turns the axes on its own makes
        it worse. For square layers the difference does not show in the shape at all. Pass the shape to the generator as
        it came in.
    """,
    source="MISCONCEPTIONS 37",
)


@init_weights.mistake(
    "sample forced to the exact std",
    hint="""
        After drawing you subtract the mean of the sample and divide by its standard deviation, so that both come out
        exactly. But std is a property of the distribution, not of the one sample: weights that are corrected like this
        are no longer independent, and each of them depends on all others. For small layers it goes wrong: with one
        weight, you divide 0 by 0. And normal numbers that were made uniform in this way would still have the wrong
        limits. Choose the parameters of the distribution, draw, and return what you have drawn.
    """,
    source="own",
)
def _forced_to_std(shape, std, dist, rng):
    if dist == "normal":
        w = rng.normal(0.0, std, size=shape)
    elif dist == "uniform":
        w = rng.uniform(-1.0, 1.0, size=shape)
    else:
        raise ValueError(dist)
    return (w - w.mean()) / w.std() * std
