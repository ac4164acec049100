"""`logsumexp(x, axis=-1, keepdims=False)`: log of the sum of exponentials, stable for every float."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _logsumexp(x, axis=-1, keepdims=False):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    m = np.max(x, axis=axis, keepdims=True)
    m_safe = np.where(np.isfinite(m), m, 0)
    total = np.sum(np.exp(x - m_safe), axis=axis, keepdims=True)
    result = np.log(total) + m_safe
    return result if keepdims else np.squeeze(result, axis=axis)


# Other right ways ----------------------------------------------------------------------------------------------------


def _largest_term_apart(x, axis=-1, keepdims=False):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    flat = x.reshape(1, -1) if axis is None else np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    rows = np.arange(len(flat))
    where = np.argmax(flat, axis=1)
    m = flat[rows, where]
    others = np.exp(flat - np.where(np.isfinite(m), m, 0)[:, None])
    others[rows, where] = 0
    result = np.where(np.isfinite(m), m + np.log1p(np.sum(others, axis=1)), m)
    shape = [1] * x.ndim if axis is None else [1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)]
    result = result.reshape(shape).astype(x.dtype)
    return result if keepdims else np.squeeze(result, axis=axis)


def _pure_loops(x, axis=-1, keepdims=False):
    x = np.asarray(x)

    def one(values):
        values = [float(v) for v in values]
        if any(math.isnan(v) for v in values):
            return math.nan
        top = max(values)
        if math.isinf(top):
            return top
        return top + math.log(math.fsum(math.exp(v - top) for v in values))

    flat = x.reshape(1, -1) if axis is None else np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis])
    shape = [1] * x.ndim if axis is None else [1 if i == axis % x.ndim else n for i, n in enumerate(x.shape)]
    result = np.array([one(row) for row in flat], dtype=x.dtype if x.dtype.kind == "f" else np.float64).reshape(shape)
    return result if keepdims else np.squeeze(result, axis=axis)


def _torch_shifted(x, axis=-1, keepdims=False):
    t = torch.tensor(np.array(x))
    t = t if t.is_floating_point() else t.double()
    dims = tuple(range(t.ndim)) if axis is None else (axis,)
    m = t.amax(dim=dims, keepdim=True)
    m = torch.where(torch.isfinite(m), m, torch.zeros_like(m))
    result = m + torch.log(torch.sum(torch.exp(t - m), dim=dims, keepdim=True))
    return (result if keepdims else result.squeeze(dims)).numpy()


def _running_pair(x, axis=-1, keepdims=False):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    slices = x.reshape(-1) if axis is None else np.moveaxis(x, axis, 0)
    m = np.array(slices[0])
    s = np.ones_like(m)
    for v in slices[1:]:
        new = np.maximum(m, v)
        base = np.where(np.isfinite(new), new, 0)
        old = np.where(m == new, s, s * np.exp(m - base))
        s = old + np.where(v == new, 1, np.exp(v - base))
        m = new
    result = m + np.log(s)
    if not keepdims:
        return result
    return result.reshape((1,) * x.ndim) if axis is None else np.expand_dims(result, axis)


# Library one-liners --------------------------------------------------------------------------------------------------


def _np_logaddexp(x, axis=-1, keepdims=False):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    if axis is None:
        result = np.logaddexp.reduce(x.ravel())
        return np.reshape(result, (1,) * x.ndim) if keepdims else result
    return np.logaddexp.reduce(x, axis=axis, keepdims=keepdims)


def _torch_logsumexp(x, axis=-1, keepdims=False):
    t = torch.tensor(np.array(x))
    t = t if t.is_floating_point() else t.double()
    dims = tuple(range(t.ndim)) if axis is None else axis
    return torch.logsumexp(t, dim=dims, keepdim=keepdims).numpy()


def _scipy_logsumexp(x, axis=-1, keepdims=False):
    from scipy.special import logsumexp

    return logsumexp(x, axis=axis, keepdims=keepdims)


logsumexp = Exercise(
    reference=_logsumexp,
    accepted={
        "largest term apart, log1p for the others": _largest_term_apart,
        "pure Python loops": _pure_loops,
        "torch, shifted by amax": _torch_shifted,
        "running pair (maximum, sum)": _running_pair,
    },
    witnesses={
        "np.logaddexp.reduce": _np_logaddexp,
        "torch.logsumexp": _torch_logsumexp,
        "scipy.special.logsumexp": _scipy_logsumexp,
    },
    banned=(
        "np.logaddexp",
        "torch.logsumexp",
        "torch.logaddexp",
        "torch.log_softmax",
        "torch.nn",
        "torch.special",
        "scipy",
    ),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@logsumexp.check(
    "logs of small whole numbers, by hand",
    points=0.5,
    hint="exp undoes the log, so the row is a plain sum that you can do on paper.",
)
def _by_hand(f, rng):
    numbers = np.sort(rng.choice(np.arange(2.0, 40.0), size=9, replace=False)).reshape(3, 3)
    return typed(f(np.log(numbers)))


@logsumexp.check(
    "every axis, with and without keepdims",
    points=0.75,
    hint="Compare the shape you return with the shape that np.sum returns for the same arguments.",
)
def _every_axis(f, rng):
    x = rng.normal(scale=3.0, size=(3, 4, 5))
    square = rng.normal(scale=3.0, size=(3, 3))
    seen = [typed(f(x, axis=axis, keepdims=keep)) for axis in (-1, 0, 1, None) for keep in (False, True)]
    return [*seen, typed(f(x)), typed(f(square))]


@logsumexp.check(
    "rows far from zero, each at its own level",
    points=1.5,
    hint="The exponent that you give to np.exp should never be above 0, in no row.",
)
def _far_from_zero(f, rng):
    x = rng.normal(size=(5, 4))
    levels = np.array([[1.0], [-1.0], [1.0], [-1.0], [0.0]]) * rng.uniform(900, 6000, size=(5, 1))
    gaps = np.zeros((5, 4))
    gaps[4] = rng.permutation([0.0, -800.0, -1600.0, 1200.0])
    return [typed(f(x + levels + gaps)), typed(f(x[:4] + levels[0], axis=0))]


@logsumexp.check("-inf, +inf and nan", points=0.5, hint="Ask what your shift is when the maximum itself is not finite.")
def _infinities_and_nan(f, rng):
    x = rng.normal(scale=2.0, size=(7, 4))
    x[0] = -np.inf
    x[1, rng.integers(4)] = -np.inf
    x[2, rng.integers(4)] = np.inf
    x[3] = [np.inf, -np.inf, np.inf, 0.5]
    x[4, rng.integers(4)] = np.nan
    x[5, 1:3] = [np.nan, np.inf]
    return [typed(f(x)), typed(f(x[:4], axis=1)), typed(f(x[[0, 0]], axis=None))]


@logsumexp.check(
    "integers become float64, float32 stays float32",
    points=0.5,
    rtol=1e-6,
    atol=1e-6,
    hint="Look at the dtype of the result for an integer and for a float32 input.",
)
def _dtypes(f, rng):
    whole = rng.integers(-6, 7, size=(3, 4))
    single = (rng.normal(size=(3, 4)) + np.array([[0.0], [150.0], [-150.0]])).astype(np.float32)
    return [typed(f(whole)), typed(f(single)), typed(f(single, axis=0, keepdims=True))]


@logsumexp.check(
    "the input is left as it was",
    points=0.25,
    hint="The input may be read-only or have gaps in memory; read from it, and write to arrays of your own.",
)
def _left_alone(f, rng):
    x = rng.normal(size=(4, 3))
    return [kept(f, x.copy()), kept(f, locked(x)), kept(f, strided(x)), kept(f, x.T.copy().T, axis=0)]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@logsumexp.mistake(
    "no maximum subtracted",
    core=True,
    hint="""
        Your formula is the definition, and mathematically it is right. The floats are the problem: exp(x) overflows to
        inf above 709.78 in double precision, and it underflows to exactly 0 below about -745. So [1000, 1000] gives inf
        and [-1000, -1000] gives -inf, although both answers are ordinary numbers close to the input. Use the freedom
        that you have: adding a constant to all entries adds the same constant to the result. Choose the constant so
        that the largest exponent becomes 0 in each slice, take the sum there, and undo the shift after the log.
    """,
    source="MISCONCEPTIONS 4",
)
def _naive(x, axis=-1, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


logsumexp.mistake(
    "maximum not added back",
    edits=[("np.log(total) + m_safe", "np.log(total)")],
    core=True,
    hint="""
        You take the maximum out of the exponents, which is just right, but you never put it back. For [1000, 1000] you
        return 0.6931, the answer for [0, 0]. Write the sum with the common factor pulled out: each exp(x) is exp(m)
        times exp(x - m), so the whole sum is exp(m) times a smaller sum. The log of a product is a sum of two logs, and
        one of them is m itself. Your code has the other one only. A quick check for any logsumexp: the result is never
        below the largest entry of its slice.
    """,
    source="MISCONCEPTIONS 5",
)

logsumexp.mistake(
    "infinite maximum",
    edits=[("np.where(np.isfinite(m), m, 0)", "m")],
    hint="""
        Your code is the formula of the slide, and it works for all finite numbers. Look at a slice where the maximum is
        not finite. If all entries are -inf, then x - m is -inf - (-inf), and that is nan. If one entry is +inf, then x
        - m contains inf - inf, again nan. But both answers are clear: a sum of zeros has the log -inf, and a sum with
        an infinite term has the log +inf. Such slices are common, for example a row that is masked completely. Decide
        what to subtract when the maximum is infinite; subtracting nothing is enough.
    """,
    source="MISCONCEPTIONS 13, 14; slide S13 verbatim",
)

logsumexp.mistake(
    "one maximum for the whole array",
    edits=[("m = np.max(x, axis=axis, keepdims=True)", "m = np.max(x)")],
    core=True,
    hint="""
        You subtract one number from the whole array: the largest entry of all. That keeps np.exp from overflowing, but
        think of the slices that lie far below. A row around -1000 beside a row around 0 keeps its level of -1000, all
        its exponentials underflow to 0, and you return -inf for it. Every slice must be shifted by a maximum of its
        own, so that its largest exponential is exactly 1. Then its sum lies between 1 and n and its log is harmless.
        Take the maximum along the same axis along which you sum.
    """,
    source="COURSE A1.2",
)


@logsumexp.mistake(
    "log of exp of the sum",
    core=True,
    hint="""
        The slides write LogExpSum in one place, and that name leads you into a trap: read from the outside to the
        inside it means a log of an exp, and these two cancel, so that only a plain sum of the entries is left. For [0,
        1, 2] you return 3. The name to remember is LogSumExp, also read from the outside: the log is taken last, of one
        sum, and the things in the sum are exponentials. So np.exp must come before np.sum and np.log after it. Check it
        with logs of small whole numbers, which you can add up on paper.
    """,
    source="MISCONCEPTIONS 17; ERRATA 7",
)
def _log_exp_sum(x, axis=-1, keepdims=False):
    return np.sum(np.log(np.exp(x)), axis=axis, keepdims=keepdims)


logsumexp.mistake(
    "epsilon inside the log",
    edits=[("np.log(total)", "np.log(total + 1e-8)")],
    hint="""
        You add a small number before the log, so that it can never see a zero. Here this does harm in two ways. After
        the shift by the maximum the sum is at least 1, so there was no danger, and the addition only spoils the result
        from about the eighth digit on. And a slice with nothing but -inf has the sum 0 and the true answer -inf; you
        return about -18.4 for it, a number that looks quite normal and is wrong. Think about when the sum can really be
        zero after the shift, and let the log say -inf in that case.
    """,
    source="COURSE A1.2",
)


@logsumexp.mistake(
    "input clipped to ±700",
    core=True,
    hint="""
        You clip the input to the range where np.exp gives ordinary numbers. Then nothing overflows, but all that lies
        outside of the range is changed: 1000 becomes 700, so [1000, 1000] gives 700.69 in place of 1000.69, an error of
        300 without any warning. A finite wrong number is worse than inf, since nobody notices it. You can get rid of
        the overflow without losing anything. Only the differences between the entries of a slice matter for the sum;
        their common level can be taken out of the exponentials before and added again after the log.
    """,
    source="MISCONCEPTIONS 15",
)
def _clipped(x, axis=-1, keepdims=False):
    x = np.clip(x, -700, 700)
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


logsumexp.mistake(
    "axis ignored",
    edits=[
        ("m = np.max(x, axis=axis, keepdims=True)", "m = np.max(x, axis=-1, keepdims=True)"),
        ("total = np.sum(np.exp(x - m_safe), axis=axis,", "total = np.sum(np.exp(x - m_safe), axis=-1,"),
        ("np.squeeze(result, axis=axis)", "np.squeeze(result, axis=-1)"),
    ],
    core=True,
    hint="""
        Your function always works along the last axis, whatever the caller asks for. The default is -1, so simple calls
        look fine. With axis=0 the result must have one number per column, and with axis=None one number for the whole
        array, as np.sum does it. You use NumPy functions that have an axis argument themselves, so there is no need to
        treat the cases one by one: hand the argument on. There is more than one place where it is needed, namely
        wherever you reduce an axis or drop one. Go through your code line by line and look for each of them.
    """,
    source="COURSE A1.2",
)

logsumexp.mistake(
    "sums over everything",
    edits=[
        ("m = np.max(x, axis=axis, keepdims=True)", "m = np.max(x, keepdims=True)"),
        ("total = np.sum(np.exp(x - m_safe), axis=axis,", "total = np.sum(np.exp(x - m_safe),"),
        ("np.squeeze(result, axis=axis)", "np.squeeze(result)"),
    ],
    core=True,
    hint="""
        You return a single number for the whole array. Without an axis argument, np.max and np.sum reduce over all
        entries at once, and so your rows are mixed with each other. The statement asks for one number per slice along
        the given axis: an input of shape (2, 3) and axis=-1 gives a result of shape (2,). In deep learning the rows are
        different examples of a batch, and their logits must never meet. Give the axis to each function that reduces,
        and print the shape after every line to see where an axis gets lost.
    """,
    source="COURSE A1.2",
)

logsumexp.mistake(
    "overwrites the input",
    edits=[("total = np.sum(np.exp(x - m_safe)", "x -= m_safe\n    total = np.sum(np.exp(x)")],
    hint="""
        Your numbers are right, but look at the array of the caller after the call: it has changed. x -= m works in
        place, and np.asarray does not copy an array that is already one, so you write into memory that belongs to
        somebody else. The caller may need the logits again, for a gradient or for a second loss, and a read-only input
        raises an error at once. The longer form with a minus sign on the right side makes a new array and leaves the
        old one alone. Keep augmented assignments for arrays that you have made yourself.
    """,
    source="MISCONCEPTIONS 18",
)


@logsumexp.mistake(
    "maximum without keepdims",
    core=True,
    hint="""
        Your maximum has lost its axis. For x of shape (3, 4) the maxima along the last axis have shape (3,), and NumPy
        lines shapes up from the right, so it tries to match 3 with 4 and raises an error. With a square array it is
        worse: the shapes match by luck, and each column is shifted by the maximum of another row, without any message.
        Keep the reduced axis as an axis of length 1, so that the maxima have shape (3, 1) and meet their own rows. Drop
        that axis at the very end, if the caller does not want it.
    """,
    source="MISCONCEPTIONS 8",
)
def _maximum_without_keepdims(x, axis=-1, keepdims=False):
    m = np.max(x, axis=axis)
    return m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=keepdims))


@logsumexp.mistake(
    "maximum over axis 0",
    core=True,
    hint="""
        You take the maximum along axis 0, but you sum along the axis that was asked for. Then the number that you
        subtract differs from entry to entry within one sum, so it is no common factor and cannot be pulled out of the
        sum. For a square array this gives wrong numbers in silence, and for others an error about shapes. The shift
        must be the same for all entries that are added together: one number per slice. So maximum and sum need the same
        axis, and the maximum should keep that axis with length 1, to line up with the rows it came from.
    """,
    source="MISCONCEPTIONS 7",
)
def _maximum_over_axis_0(x, axis=-1, keepdims=False):
    m = np.max(x, axis=0)
    return m + np.log(np.sum(np.exp(x - m), axis=axis, keepdims=keepdims))


logsumexp.mistake(
    "mean in place of the sum",
    edits=[("total = np.sum(", "total = np.mean(")],
    core=True,
    hint="""
        Your result is too small by the same amount everywhere: the log of the number of entries. For [0, 1, 2] you
        return 1.309, and the right value is 2.408; the difference is log 3. That comes from taking the mean of the
        exponentials, which divides the sum by n. A log mean of exponentials is a useful thing too, for example for the
        average of likelihoods over samples, but the normalizer of a softmax needs the sum. Small constants like this
        one hide well, since they cancel in gradients. Look at the line where you reduce the exponentials.
    """,
    source="MISCONCEPTIONS 10",
)

logsumexp.mistake(
    "keepdims always on",
    edits=[("return result if keepdims else np.squeeze(result, axis=axis)", "return result")],
    core=True,
    hint="""
        Your numbers are right, but the result still has the axis over which you have summed, with length 1. Inside of
        the function you need it, so that the maximum lines up with the rows. Outside it does harm: (N, 1) minus (N,)
        broadcasts to (N, N), and a loss that is computed from it is wrong without any error. The statement wants the
        shape that np.sum gives for the same axis and keepdims. So keep the axis while you work, and drop it in the last
        line, unless the caller has asked for keepdims=True. Drop that one axis only, not every axis of length 1.
    """,
    source="MISCONCEPTIONS 9",
)

logsumexp.mistake(
    "shift by the largest absolute value",
    edits=[("m = np.max(x, axis=axis", "m = np.max(np.abs(x), axis=axis")],
    core=True,
    hint="""
        You shift by the largest absolute value. For positive entries that is the maximum and all is well. For a row
        around -1000 the absolute value is +1000, so your shift moves the row down to -2000, further away from zero, all
        exponentials become 0 and you return -inf. The danger is not the size of a number but a large exponent on the
        positive side; and after the shift the largest term must be exp(0) = 1, so that the sum cannot vanish. Only the
        entry furthest to the right does that, sign included.
    """,
    source="own",
)

logsumexp.mistake(
    "float64 whatever comes in",
    edits=[('    if x.dtype.kind != "f":\n        x = x.astype(np.float64)\n', "    x = x.astype(np.float64)\n")],
    hint="""
        Your numbers are right, but a float32 input comes back as float64. The contract of the course is: integers
        become float64, float32 stays float32. In a network one float64 array is enough to turn all that follows into
        float64, which costs twice the memory and makes the float32 parameters disagree with their gradients. The
        conversion is needed only when the input is not a float at all. NumPy keeps float32 through max, exp, sum and
        log without any help from you, so look for the place where you convert, and ask first what kind of dtype there
        is.
    """,
    source="own",
)


@logsumexp.mistake(
    "result written into an integer array",
    hint="""
        For floats your function is right. For integers you make the result array with the dtype of the input, for
        instance through zeros_like, and a value that is written into an integer array loses everything behind the
        point, without a message. So [0, 1, 2] as integers gives 2 in place of 2.408. The log of a sum of exponentials
        is almost never a whole number, so the result must be a float whatever comes in. Make sure of that at the very
        beginning: convert an integer input to float64 first, and everything after it will have the right type.
    """,
    source="own",
)
def _integer_result(x, axis=-1, keepdims=False):
    x = np.asarray(x)
    m = np.max(x, axis=axis, keepdims=True)
    m_safe = np.where(np.isfinite(m), m, 0)
    total = np.sum(np.exp(x - m_safe), axis=axis, keepdims=True)
    result = np.zeros_like(m)
    result[...] = np.log(total) + m_safe
    return result if keepdims else np.squeeze(result, axis=axis)
