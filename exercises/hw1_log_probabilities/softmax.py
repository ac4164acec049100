"""`softmax(z, axis=-1)`: logits to probabilities."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _softmax(z, axis=-1):
    z = np.asarray(z)
    if z.dtype.kind != "f":
        z = z.astype(np.float64)
    m = np.max(z, axis=axis, keepdims=True)
    weights = np.exp(z - m)
    total = np.sum(weights, axis=axis, keepdims=True)
    return weights / total


# Other right ways -----------------------------------------------------------------------------------------------------


def _exp_of_log_probability(z, axis=-1):
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    m = np.max(z, axis=axis, keepdims=True)
    lse = m + np.log(np.sum(np.exp(z - m), axis=axis, keepdims=True))
    return np.exp(z - lse)


def _pure_loops(z, axis=-1):
    z = np.asarray(z)
    rows = np.moveaxis(z, axis, -1)
    result = np.empty(rows.shape, dtype=z.dtype if z.dtype.kind == "f" else np.float64)
    for index in np.ndindex(rows.shape[:-1]):
        values = [float(v) for v in rows[index]]
        top = math.nan if any(math.isnan(v) for v in values) else max(values)
        weights = [math.exp(v - top) for v in values]
        result[index] = [w / math.fsum(weights) for w in weights]
    return np.moveaxis(result, -1, axis)


def _torch_shifted(z, axis=-1):
    t = torch.tensor(np.array(z))
    t = t if t.is_floating_point() else t.double()
    weights = torch.exp(t - t.amax(dim=axis, keepdim=True))
    return (weights / weights.sum(dim=axis, keepdim=True)).numpy()


# Library one-liners ---------------------------------------------------------------------------------------------------


def _torch_softmax(z, axis=-1):
    t = torch.tensor(np.array(z))
    return torch.softmax(t if t.is_floating_point() else t.double(), dim=axis).numpy()


def _scipy_softmax(z, axis=-1):
    from scipy.special import softmax

    return softmax(z, axis=axis)


softmax = Exercise(
    reference=_softmax,
    accepted={
        "exp(z - logsumexp)": _exp_of_log_probability,
        "pure Python loops": _pure_loops,
        "torch, shifted by amax": _torch_shifted,
    },
    witnesses={"torch.softmax": _torch_softmax, "scipy.special.softmax": _scipy_softmax},
    banned=("torch.softmax", "torch.log_softmax", "torch.nn", "torch.special", "scipy"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@softmax.check(
    "logs of small whole numbers, by hand",
    points=0.25,
    hint="exp undoes the log, so each row is a few whole numbers over their sum.",
)
def _by_hand(f, rng):
    numbers = np.sort(rng.choice(np.arange(2.0, 40.0), size=9, replace=False)).reshape(3, 3)
    return typed(f(np.log(numbers)))


@softmax.check(
    "every axis; each slice sums to 1",
    points=0.25,
    hint="Sum your result along the axis that was asked for: every sum must be 1.",
)
def _every_axis(f, rng):
    z = rng.normal(scale=3.0, size=(3, 4, 5))
    seen = [f(z, axis=axis) for axis in (-1, 0, 1, -2)]
    return [[typed(p) for p in seen], [np.sum(p, axis=axis) for p, axis in zip(seen, (-1, 0, 1, -2), strict=True)]]


@softmax.check(
    "logits far from zero, each row at its own level",
    points=1,
    hint="Adding one number to all logits of a row must change nothing, however large it is.",
)
def _far_from_zero(f, rng):
    z = rng.normal(size=(4, 5))
    levels = np.array([[1.0], [-1.0], [1.0], [-1.0]]) * rng.uniform(900, 6000, size=(4, 1))
    gap = rng.permutation([0.0, -800.0, -1600.0, 2.0, 900.0])
    return [typed(f(z + levels)), typed(f(np.stack([z[0], gap, z[1] + levels[1], gap - 1000])))]


@softmax.check(
    "a logit of -inf gets probability 0; nan stays in its own slice",
    points=0.25,
    hint="A masked logit is -inf, and its probability is exactly 0.",
)
def _masked(f, rng):
    z = rng.normal(scale=2.0, size=(4, 5))
    z[0, rng.integers(5)] = -np.inf
    z[1, 1:] = -np.inf
    z[2, rng.integers(5)] = np.nan
    return typed(f(z))


@softmax.check(
    "dtype of the result, and the input is left as it was",
    points=0.25,
    rtol=1e-6,
    atol=1e-7,
    hint="float32 stays float32, integers become float64, and you may not write into the input.",
)
def _dtypes_and_input(f, rng):
    z = rng.normal(scale=2.0, size=(4, 3))
    whole = rng.integers(-4, 5, size=(4, 3))
    arrays = [z.copy(), locked(z), strided(z), z.astype(np.float32), whole]
    return [kept(f, array) for array in arrays]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@softmax.mistake(
    "no maximum subtracted",
    core=True,
    hint="""
        Your softmax is the definition, and it breaks as soon as a logit is large: exp(1000) is too big for a float, so
        it becomes inf, and inf/inf is nan. Very negative rows break as well: all exponentials underflow to 0, and 0/0
        is nan too. A network that has just diverged, or that is very sure, produces such logits. You may subtract any
        number from all logits of a row, because it cancels between the numerator and the sum. Choose it so that the
        largest exponent in each row is exactly 0. Then no exponential overflows and the sum cannot vanish.
    """,
    source="MISCONCEPTIONS 19",
)
def _naive(z, axis=-1):
    weights = np.exp(z)
    return weights / np.sum(weights, axis=axis, keepdims=True)


softmax.mistake(
    "one sum for the whole array",
    edits=[("np.sum(weights, axis=axis, keepdims=True)", "np.sum(weights)")],
    core=True,
    hint="""
        Your probabilities sum to 1 over the whole array, but each slice should sum to 1 on its own. The rows of a batch
        are different examples: how sure the model is about one picture has nothing to do with the other pictures.
        np.sum without an axis adds everything together, so with a batch of ten rows your probabilities are far too
        small. Give the sum the same axis as the function got, and keep this axis with length 1, so that every entry is
        divided by the sum of its own slice. Check it with a sum along the axis.
    """,
    source="MISCONCEPTIONS 21",
)

softmax.mistake(
    "minimum subtracted",
    edits=[("m = np.max(", "m = np.min(")],
    core=True,
    hint="""
        You subtract the minimum of each slice. The result would be the same on paper, since any constant cancels. But
        after your shift the smallest exponent is 0 and all others are positive, so the exponentials can still overflow:
        [1000, 0] stays as it is and gives nan. The dangerous direction is up: a very negative exponent only turns into
        a harmless 0, a large positive one turns into inf. So the shift has to push all exponents to 0 or below. Ask
        which entry of the slice must end up at 0 for that, and subtract this one.
    """,
    source="COURSE A1.3",
)

softmax.mistake(
    "one maximum for the whole array",
    edits=[("m = np.max(z, axis=axis, keepdims=True)", "m = np.max(z)")],
    core=True,
    hint="""
        You subtract the largest logit of the whole array. No exponential overflows then, but look at a row that lies
        far below the others: after the shift all its exponents are very negative, all its exponentials underflow to 0,
        and you divide 0 by 0, which is nan. One confident example in a batch would ruin the other ones. Every slice
        needs a shift of its own, so that its largest exponential is exp(0) = 1 and its sum is at least 1. Use the axis
        for the maximum as you do for the sum, and keep it with length 1.
    """,
    source="own; COURSE A1.2 global max",
)

softmax.mistake(
    "axis ignored",
    edits=[
        ("m = np.max(z, axis=axis,", "m = np.max(z, axis=-1,"),
        ("total = np.sum(weights, axis=axis,", "total = np.sum(weights, axis=-1,"),
    ],
    core=True,
    hint="""
        You normalize along the last axis, whatever axis the caller names. With the default this is right, so the first
        tests look good. But for axis=0 each column has to sum to 1, and yours do not. Classes are not always on the
        last axis: images in PyTorch have shape (batch, classes, height, width), and attention scores are normalized
        along the keys. Both the maximum and the sum take an axis argument, so hand on what you were given, and sum your
        result along that same axis to see whether you get ones.
    """,
    source="own",
)

softmax.mistake(
    "sum without keepdims",
    edits=[("np.sum(weights, axis=axis, keepdims=True)", "np.sum(weights, axis=axis)")],
    core=True,
    hint="""
        Your sum has lost its axis. Weights of shape (2, 3) divided by sums of shape (2,) raise an error, because NumPy
        lines up shapes from the right. With a square array there is no error, and that is worse: each column is divided
        by the sum of another row, and the result looks like probabilities but its rows do not sum to 1. Let the sums
        keep the reduced axis with length 1. Then they have shape (2, 1), and each row meets its own sum. This is the
        most common broadcasting mistake of all, so always test with a square array too.
    """,
    source="MISCONCEPTIONS 8, for softmax",
)


@softmax.mistake(
    "sigmoid of each logit",
    core=True,
    hint="""
        You apply the logistic sigmoid to each logit alone. That is the right function when several labels can be true
        at the same time, with one yes-or-no question per label. Softmax is for one choice out of several: the classes
        compete, so each probability depends on all logits of its slice, and together they sum to 1. Yours do not sum to
        1. The two functions are related: a softmax over the two logits [z, 0] gives the sigmoid of z as its first
        entry. For more classes, compare the exponential of each logit with the sum over its slice.
    """,
    source="own; seen often",
)
def _sigmoid_per_entry(z, axis=-1):
    z = np.asarray(z)
    return 1 / (1 + np.exp(-z))


softmax.mistake(
    "not divided by the sum",
    edits=[("return weights / total", "return weights / np.max(weights, axis=axis, keepdims=True)")],
    core=True,
    hint="""
        You scale the exponentials so that the largest one is 1. These are relative weights: they say how likely each
        class is compared with the best one. Probabilities must also add up to 1, and yours add up to more. After the
        shift by the maximum the largest exponential is already 1, so dividing by the maximum again changes nothing at
        all. What is still missing is the normalization: the total of the slice. Divide by it, along the same axis, and
        then check that the sums along this axis are 1 for any logits.
    """,
    source="own",
)

softmax.mistake(
    "epsilon in the denominator",
    edits=[("return weights / total", "return weights / (total + 1e-8)")],
    hint="""
        You add a small number to the sum, so that you never divide by zero. But after the shift by the maximum one of
        the exponentials is exp(0) = 1, so the sum is at least 1 and there was nothing to fear. What the addition does
        is harm: your probabilities sum to a little less than 1, by about one part in a hundred million. In float32 you
        would not see it, in double precision you do, and over many steps of a long chain such losses add up. First ask
        how small a denominator can get; only then protect it.
    """,
    source="own",
)

softmax.mistake(
    "logits clipped",
    edits=[("m = np.max(z,", "z = np.clip(z, -500, 500)\n    m = np.max(z,")],
    core=True,
    hint="""
        You clip the logits, so that np.exp stays finite. But clipping changes the question: the logits 1000 and 998
        both become 500, and two classes with clearly different probabilities suddenly look equal. A shift does no such
        thing, because only the differences between logits count, and a shift keeps all of them. With the maximum
        subtracted every exponent is 0 or negative, and np.exp of a very negative number is simply 0, without any
        danger. So there is no need for a limit. Remove it, and test with rows that are far from zero but close to each
        other.
    """,
    source="own",
)

softmax.mistake(
    "overwrites the input",
    edits=[("weights = np.exp(z - m)", "z -= m\n    weights = np.exp(z)")],
    hint="""
        Your probabilities are right, but the logits of the caller are not the same after the call. z -= m writes into
        the array itself, and np.asarray gives back the very same array when it already is one. The next line of the
        caller may need the logits, for the loss or for its gradient, and gets shifted numbers; a read-only array raises
        an error. Use an expression that makes a new array for the shifted logits. In-place operations are fine on
        arrays which your own function has created, and on nothing else.
    """,
    source="MISCONCEPTIONS 18",
)


@softmax.mistake(
    "result written into an integer array",
    hint="""
        Your function is right for floats. For integer logits you make an array with zeros_like, and it gets the dtype
        of the input: integers. Every exponential that is written into it loses what stands behind the point, so numbers
        between 0 and 1 become 0, and only the largest logit keeps any weight. Your result looks like a hard choice, a 1
        and zeros. No error is raised. Probabilities are floats whatever the type of the logits, so convert an integer
        input to float64 at the beginning, and then all arrays that you derive from it are floats as well.
    """,
    source="own",
)
def _integer_result(z, axis=-1):
    result = np.zeros_like(z)
    result[...] = np.exp(z - np.max(z, axis=axis, keepdims=True))
    return result / np.sum(result, axis=axis, keepdims=True)
