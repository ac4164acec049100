"""`log_softmax(z, axis=-1)`: logits to log-probabilities, without ever forming a probability."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _log_softmax(z, axis=-1):
    z = np.asarray(z)
    if z.dtype.kind != "f":
        z = z.astype(np.float64)
    m = np.max(z, axis=axis, keepdims=True)
    shifted = z - m
    log_total = np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
    return shifted - log_total


# Other right ways -----------------------------------------------------------------------------------------------------


def _logit_minus_lse(z, axis=-1):
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    m = np.max(z, axis=axis, keepdims=True)
    lse = m + np.log(np.sum(np.exp(z - m), axis=axis, keepdims=True))
    return z - lse


def _pure_loops(z, axis=-1):
    z = np.asarray(z)
    rows = np.moveaxis(z, axis, -1)
    result = np.empty(rows.shape, dtype=z.dtype if z.dtype.kind == "f" else np.float64)
    for index in np.ndindex(rows.shape[:-1]):
        values = [float(v) for v in rows[index]]
        top = math.nan if any(math.isnan(v) for v in values) else max(values)
        log_total = math.log(math.fsum(math.exp(v - top) for v in values))
        result[index] = [(v - top) - log_total for v in values]
    return np.moveaxis(result, -1, axis)


def _torch_shifted(z, axis=-1):
    t = torch.tensor(np.array(z))
    t = t if t.is_floating_point() else t.double()
    shifted = t - t.amax(dim=axis, keepdim=True)
    return (shifted - shifted.exp().sum(dim=axis, keepdim=True).log()).numpy()


# Library one-liners ---------------------------------------------------------------------------------------------------


def _torch_log_softmax(z, axis=-1):
    t = torch.tensor(np.array(z))
    return torch.log_softmax(t if t.is_floating_point() else t.double(), dim=axis).numpy()


def _scipy_log_softmax(z, axis=-1):
    from scipy.special import log_softmax

    return log_softmax(z, axis=axis)


log_softmax = Exercise(
    reference=_log_softmax,
    accepted={
        "z - logsumexp(z)": _logit_minus_lse,
        "pure Python loops": _pure_loops,
        "torch, shifted by amax": _torch_shifted,
    },
    witnesses={"torch.log_softmax": _torch_log_softmax, "scipy.special.log_softmax": _scipy_log_softmax},
    banned=(
        "np.logaddexp",
        "torch.softmax",
        "torch.log_softmax",
        "torch.logsumexp",
        "torch.nn",
        "torch.special",
        "scipy",
    ),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@log_softmax.check(
    "logs of small whole numbers, by hand",
    points=0.25,
    hint="Each entry is the log of a fraction that you can write down on paper.",
)
def _by_hand(f, rng):
    numbers = np.sort(rng.choice(np.arange(2.0, 40.0), size=9, replace=False)).reshape(3, 3)
    return typed(f(np.log(numbers)))


@log_softmax.check(
    "every axis; the probabilities of each slice sum to 1",
    points=0.25,
    hint="The exponentials of your result, summed along the axis, must be 1.",
)
def _every_axis(f, rng):
    z = rng.normal(scale=3.0, size=(3, 4, 5))
    seen = [f(z, axis=axis) for axis in (-1, 0, 1, -2)]
    totals = [np.sum(np.exp(p), axis=axis) for p, axis in zip(seen, (-1, 0, 1, -2), strict=True)]
    return [[typed(p) for p in seen], totals]


@log_softmax.check(
    "wide gaps between logits, and rows far from zero",
    points=0.75,
    hint="A gap of d between two logits is a gap of exactly d between their log-probabilities.",
)
def _wide_gaps(f, rng):
    z = rng.normal(size=(5, 4))
    z[1] += rng.permutation([0.0, -900.0, -2500.0, -40.0])
    z[2:4] += np.array([[1.0], [-1.0]]) * rng.uniform(900, 6000, size=(2, 1))
    z[4] += rng.permutation([5000.0, -5000.0, 0.0, 4000.0])
    return typed(f(z))


@log_softmax.check(
    "float32 stays float32 and keeps wide gaps too",
    points=0.25,
    rtol=1e-6,
    atol=1e-5,
    hint="Look at the dtype of your result; and in float32 exponentials vanish much earlier.",
)
def _single_precision(f, rng):
    z = rng.normal(size=(3, 4))
    z[1] -= rng.permutation([0.0, 130.0, 300.0, 20.0])
    z[2] -= rng.permutation([0.0, 0.0, 500.0, 110.0])
    return typed(f(z.astype(np.float32)))


@log_softmax.check(
    "a logit of -inf stays -inf; nan stays in its own slice",
    points=0.25,
    hint="The log of probability 0 is -inf, and this is the right answer for a masked class.",
)
def _masked(f, rng):
    z = rng.normal(scale=2.0, size=(4, 5))
    z[0, rng.integers(5)] = -np.inf
    z[1, 1:] = -np.inf
    z[2, rng.integers(5)] = np.nan
    return typed(f(z))


@log_softmax.check(
    "the input is left as it was; integers become float64",
    points=0.25,
    hint="The input may be read-only or have gaps in memory; read from it, and write to arrays of your own.",
)
def _input_kept(f, rng):
    z = rng.normal(scale=2.0, size=(4, 3))
    return [kept(f, array) for array in (z.copy(), locked(z), strided(z), rng.integers(-4, 5, size=(4, 3)))]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@log_softmax.mistake(
    "log of the softmax",
    core=True,
    hint="""
        You compute the probabilities first and then take their log. The shift inside the softmax protects you from
        overflow, but not from underflow: with a gap of 800 between two logits the smaller probability is e^-800, which
        is exactly 0 as a float, and its log is -inf. The right answer, -800, is an ordinary number. What is lost when
        the exponential underflows cannot be brought back by a log. So never form a probability whose log you will take.
        Write the log of the fraction as a difference of two logs; in the first of them log and exp cancel before
        anything is computed.
    """,
    source="MISCONCEPTIONS 22",
)
def _log_of_softmax(z, axis=-1):
    weights = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return np.log(weights / np.sum(weights, axis=axis, keepdims=True))


@log_softmax.mistake(
    "no maximum subtracted",
    core=True,
    hint="""
        You have the right formula: the logit minus the log of the sum of exponentials. But the exponentials in the sum
        overflow for logits above 709.78, then the log is inf and all your log-probabilities are -inf. For very negative
        logits the sum underflows to 0, its log is -inf, and you return +inf. You know the cure from the exercise on
        logsumexp: pull out the largest logit of each slice before you exponentiate, and account for it after the log.
        Then the largest exponent is 0, the sum lies between 1 and the number of classes, and its log is always an
        ordinary number.
    """,
    source="own",
)
def _naive(z, axis=-1):
    return z - np.log(np.sum(np.exp(z), axis=axis, keepdims=True))


@log_softmax.mistake(
    "probability clipped at 1e-7",
    core=True,
    hint="""
        You clip the probabilities at a small number so that the log never sees a 0. Nothing is infinite any more, but
        each log-probability below -16.118 is now reported as -16.118. The more wrong a model is, the more its loss
        should tell it so, and yours stops telling: the loss is flat there, so its gradient is 0, and the model does not
        learn from its worst mistakes. A logit that lies 800 below the others has a log-probability of about -800, which
        is a normal float. Do the subtraction in log space, and then no probability has to be protected.
    """,
    source="COURSE A1.4; MISCONCEPTIONS 25",
)
def _clipped_probability(z, axis=-1):
    weights = np.exp(z - np.max(z, axis=axis, keepdims=True))
    p = weights / np.sum(weights, axis=axis, keepdims=True)
    return np.log(np.clip(p, 1e-7, 1))


@log_softmax.mistake(
    "epsilon added to the probability",
    core=True,
    hint="""
        You add a small number to the probabilities before the log. This sets a floor: with 1e-8 no log-probability can
        be below -18.4, although -800 is a legal answer and is needed for a good gradient. Also, the probabilities that
        belong to your result sum to a little more than 1, so even ordinary entries are wrong from the eighth digit on.
        The trouble begins one step earlier, when a probability is formed at all. Stay with the logits: a
        log-probability is a logit minus one number per slice, and that number can be computed safely. Then no log of 0
        ever occurs.
    """,
    source="own; seen often",
)
def _probability_plus_epsilon(z, axis=-1):
    weights = np.exp(z - np.max(z, axis=axis, keepdims=True))
    p = weights / np.sum(weights, axis=axis, keepdims=True)
    return np.log(p + 1e-8)


@log_softmax.mistake(
    "maximum not added back",
    core=True,
    hint="""
        You use the shifted logits inside the sum, but the logits as they came outside of it. So your result is too
        large by the maximum of the slice: for [1000, 1000] you get 1000 - 0.6931, and a log-probability above 0 would
        be a probability above 1. A shift must be made everywhere or be undone. Take the shifted logits for both parts,
        in the sum and in front of it; the shift then cancels, as it does for softmax. A good habit: after any
        log_softmax, check that no value is above 0 and that the exponentials of a slice sum to 1.
    """,
    source="MISCONCEPTIONS 5, for log_softmax",
)
def _only_log_sum_shifted(z, axis=-1):
    m = np.max(z, axis=axis, keepdims=True)
    return z - np.log(np.sum(np.exp(z - m), axis=axis, keepdims=True))


log_softmax.mistake(
    "one sum for the whole array",
    edits=[("np.sum(np.exp(shifted), axis=axis, keepdims=True)", "np.sum(np.exp(shifted))")],
    core=True,
    hint="""
        You add up the exponentials of the whole array, so that all entries of a batch share one normalizer. Each row is
        an example of its own and must be normalized on its own: the exponentials of your result should sum to 1 in each
        slice along the axis, not over everything. With several rows your log-probabilities are all too low. np.sum adds
        everything when it gets no axis. Give it the axis that the caller asked for, and keep this axis with length 1,
        so that each row gets its own number subtracted.
    """,
    source="own",
)

log_softmax.mistake(
    "axis ignored",
    edits=[
        ("m = np.max(z, axis=axis,", "m = np.max(z, axis=-1,"),
        ("np.sum(np.exp(shifted), axis=axis,", "np.sum(np.exp(shifted), axis=-1,"),
    ],
    core=True,
    hint="""
        You always work along the last axis. The default is the last axis, so most calls give the right answer, but with
        axis=0 it is the columns which must be normalized, and for a stack of images the classes stand on axis 1. Your
        function has the argument and does not use it. Both reductions, the maximum and the sum, need the axis of the
        caller. To test any axis at once: take np.exp of your result, sum it along the same axis, and look whether you
        see ones everywhere. Try it with a shape whose lengths are all different.
    """,
    source="own",
)

log_softmax.mistake(
    "sum without keepdims",
    edits=[("axis=axis, keepdims=True))\n", "axis=axis))\n")],
    core=True,
    hint="""
        The log of your sum has lost its axis: for logits of shape (2, 3) it has shape (2,), and NumPy, which lines up
        shapes from the right, cannot subtract it. For a square array there is no error, but the numbers are wrong: each
        column gets the normalizer of another row. Keep the reduced axis with length 1, so that the shape is (2, 1) and
        every row meets its own normalizer. When a function works for a vector and fails for a matrix, or works for
        square matrices only, look at the shapes of what you reduce first.
    """,
    source="MISCONCEPTIONS 8, for log_softmax",
)

log_softmax.mistake(
    "negative log-probability",
    edits=[("return shifted - log_total", "return log_total - shifted")],
    core=True,
    hint="""
        Your numbers have the right size and the wrong sign. You return the negative log-probability, which is the loss
        of a classifier for each possible class. The function asked for is log_softmax: the log of a probability, and
        since a probability is at most 1, its log is at most 0. Losses carry the minus sign because one wants to
        minimize them; it is added later, at the place where the loss is made. If both places change the sign, a model
        is trained to be as wrong as possible. Look at the order of the last subtraction.
    """,
    source="own",
)

log_softmax.mistake(
    "log forgotten",
    edits=[("return shifted - log_total", "return np.exp(shifted - log_total)")],
    core=True,
    hint="""
        You return probabilities: your values lie between 0 and 1 and sum to 1. That was the last exercise. This one
        asks for their logs, which are 0 or negative, and -800 for a class that lies 800 below the best one. As a
        probability this number does not exist in floating point, it underflows to 0; and that is the reason why
        log_softmax is a function of its own. If you have the log-probabilities already and apply np.exp at the end,
        just leave that step out. Code that needs probabilities can always take the exponential later, when it is safe.
    """,
    source="own",
)

log_softmax.mistake(
    "quotient in place of the difference",
    edits=[("return shifted - log_total", "return shifted / log_total")],
    core=True,
    hint="""
        You divide the logit by the log of the sum. Softmax is a quotient, that is true, but when you take the log of a
        quotient it turns into a difference: log(a/b) is log a minus log b, and not log a divided by log b. Try it with
        whole numbers on paper, for example log(1/4) for a = 1 and b = 4. Your exponentials do not sum to 1 along the
        axis, which is the quickest way to see that something is wrong. Work out the log of the softmax formula line by
        line, and translate the last line.
    """,
    source="own",
)

log_softmax.mistake(
    "-inf replaced by a finite number",
    edits=[("return shifted - log_total", "return np.nan_to_num(shifted - log_total)")],
    hint="""
        You pass the result through nan_to_num, which replaces -inf by the most negative float and nan by 0. Both
        replacements hide the truth. A logit of -inf means that a class is impossible, and the log of probability 0 is
        -inf; code that comes later relies on it, since exp(-inf) is exactly 0. And nan says that something went wrong
        before; a 0 in its place claims that this class has probability 1. A number that looks fine and is not is the
        hardest error to find. Let the special values through. With the right formula they come out right without any
        help.
    """,
    source="own",
)

log_softmax.mistake(
    "overwrites the input",
    edits=[("shifted = z - m", "z -= m\n    shifted = z")],
    hint="""
        Your log-probabilities are right, but the caller's logits are changed by the call. z -= m works in place, and
        np.asarray does not copy what already is an array. In a training loop the same logits are used again for the
        accuracy or for the gradient, and a bug like this shows up far away from its cause; a read-only array raises an
        error at once. Make a new array for the shifted logits, with an ordinary minus sign. Whatever your function has
        made itself it may change, and what it was given it should only read.
    """,
    source="MISCONCEPTIONS 18",
)

log_softmax.mistake(
    "float64 whatever comes in",
    edits=[('    if z.dtype.kind != "f":\n        z = z.astype(np.float64)\n', "    z = z.astype(np.float64)\n")],
    hint="""
        Your log-probabilities are right, but for float32 logits you return float64. The contract says that float32
        stays float32 and integers become float64. You might think that more digits never hurt, yet one float64 array
        turns all that is computed from it into float64: memory doubles, and on a GPU the speed drops a lot. The stable
        formula does not need the extra digits; it is safe in float32 as it stands, since nothing in it overflows. So
        convert an input only if it is not a float yet, and look where your code converts without asking.
    """,
    source="own",
)
