"""`soft_threshold(x, lam)`: shrink towards zero by lam, and stop there. The proximal operator of lam·|w|."""

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _soft_threshold(x, lam):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    size = np.maximum(np.abs(x) - lam, 0.0)
    result = np.sign(x) * size
    return result.astype(x.dtype)


# Other right ways -----------------------------------------------------------------------------------------------------


def _three_cases(x, lam):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(float)
    result = np.where(x > lam, x - lam, np.where(x < -np.asarray(lam), x + lam, 0 * x))
    return result.astype(x.dtype)


def _minus_the_clipped_part(x, lam):
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    return (x - np.clip(x, -np.asarray(lam), lam)).astype(dtype)


def _two_hinges(x, lam):
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(np.float64)
    return (np.maximum(x - lam, 0) - np.maximum(-x - lam, 0)).astype(dtype)


# Library one-liners ---------------------------------------------------------------------------------------------------


def _softshrink(x, lam):
    x = torch.tensor(np.array(x))
    x = x if x.is_floating_point() else x.double()
    width = torch.as_tensor(np.array(lam), dtype=x.dtype)
    shrink = torch.nn.functional.softshrink
    if width.ndim == 0:
        return shrink(x, width.item()).numpy()
    return (torch.where(width > 0, shrink(x / torch.where(width > 0, width, 1), 1.0) * width, x)).numpy()


soft_threshold = Exercise(
    reference=_soft_threshold,
    accepted={
        "three cases with np.where": _three_cases,
        "minus the clipped part": _minus_the_clipped_part,
        "difference of two hinges": _two_hinges,
    },
    witnesses={"torch.nn.functional.softshrink": _softshrink},
    banned=("torch.nn", "torch.softshrink", "pywt", "skimage"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@soft_threshold.check(
    "six numbers by hand, outside and inside the band",
    points=0.25,
    hint="Mark the six numbers and the band from -lam to lam on a line, and move each by hand.",
)
def _by_hand(f, rng):
    lam = float(rng.integers(2, 5))
    far = lam + rng.integers(1, 6, size=2)
    return typed(f(np.array([far[0], -far[1], lam - 0.5, 1 - lam, 0.25, -0.75]), lam))


@soft_threshold.check(
    "one lam for each component",
    points=0.25,
    hint="lam may be an array which numpy can broadcast to the shape of x.",
)
def _one_each(f, rng):
    x = rng.normal(scale=2, size=(3, 4))
    return [
        typed(f(x, rng.uniform(0.2, 2.5, size=(3, 4)))),
        typed(f(x, rng.uniform(0.2, 2.5, size=4))),
        typed(f(strided(x), np.array(rng.uniform(0.5, 1.5)))),
    ]


@soft_threshold.check(
    "exact zeros inside the band, nothing changed at lam = 0, infinities and nan",
    points=0.25,
    hint="Inside the band the result is exactly 0; ±inf stays what it is, and nan stays nan.",
)
def _exact(f, rng):
    x = rng.normal(size=40)
    inside = f(x, 0.6)
    a, b = rng.uniform(1, 3, size=2)
    special = np.array([np.inf, -np.inf, np.nan, a, -b, 0.0])
    # at lam = 0 nothing changes; a component inside the band is 0 and not merely small
    return [
        inside,
        np.asarray(inside) == 0,
        f(x, 0.0),
        f(special, 0.5),
        f(np.array([a, -a]), a),
        f(1e-12 * x, 4e-13) * 1e12,
    ]


@soft_threshold.check(
    "shape and dtype (float32 stays, whole numbers become float64), inputs left as they were",
    points=0.25,
    rtol=1e-6,
    atol=1e-6,  # float32: x - clip(x) loses digits near the edge of the band
    hint="Look at the dtype for float32 and for whole numbers, and at whether x is still what it was.",
)
def _dtypes(f, rng):
    single = rng.normal(scale=2, size=(2, 3)).astype(np.float32)
    return [
        typed(f(single, 0.4)),
        typed(f(rng.integers(-6, 7, size=9), 0.75)),
        typed(f(np.array(rng.normal(scale=3)), 0.5)),
        typed(f(np.zeros((0, 2)), 1.0)),
        kept(f, rng.normal(scale=2, size=8), rng.uniform(0.3, 1.0, size=8)),
        typed(f(locked(rng.normal(scale=2, size=4)), 0.3)),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


soft_threshold.mistake(
    "hard threshold",
    edits=[("np.maximum(np.abs(x) - lam, 0.0)", "np.where(np.abs(x) > lam, np.abs(x), 0.0)")],
    core=True,
    hint="""
        You set small numbers to zero and keep the others as they are. This is the hard threshold, and it exists, but it
        is another operator: it belongs to a penalty that counts the nonzero weights. The L1 penalty costs the same for
        each bit of size, so it pulls on large numbers as well, and each of them gets smaller by lam. You can see it in
        a picture: your function jumps at the edge of the band from 0 to lam, and the soft threshold is continuous, it
        rises from 0 with slope one. For x = 3 and lam = 1 the result is 2.
    """,
    source="COURSE A4.2",
)

soft_threshold.mistake(
    "no stop at zero",
    edits=[("np.maximum(np.abs(x) - lam, 0.0)", "np.abs(x) - lam")],
    core=True,
    hint="""
        Outside of the band you are right: each number moves towards zero by lam. But inside the band you walk past zero
        and come out on the other side. For x = 0.5 and lam = 1 you return -0.5, and a weight that was a little positive
        becomes negative. The L1 penalty has its lowest point at zero, so there is no reason to go on from there:
        whoever reaches zero stays. This stop is the whole point of the operator, because it makes weights exactly zero.
        What is left of the size after subtracting lam can be negative; decide what should happen then.
    """,
    source="COURSE A4.2",
)

soft_threshold.mistake(
    "shrink by a factor",
    edits=[("np.sign(x) * size", "x / (1 + np.asarray(lam))")],
    core=True,
    hint="""
        You divide by 1 + lam. This is the answer for the squared penalty, ridge: every number gets smaller by the same
        percentage, and none ever becomes zero. The L1 penalty is different. Its slope is the same for small and for
        large weights, so each number moves towards zero by the same distance lam, and those that are closer than that
        land on zero exactly. For lam = 1, the number 3 becomes 2 and the number 0.5 becomes 0. Draw both functions over
        x between -3 and 3: the one is a straight line, the other has a flat piece in the middle.
    """,
    source="COURSE A4.2",
)

soft_threshold.mistake(
    "one side only",
    edits=[("np.sign(x) * size", "np.maximum(x - lam, 0.0)")],
    core=True,
    hint="""
        For positive numbers you are right. All negative numbers come out as zero, however large they are. You compare x
        itself with lam, and a negative x is always below it. The penalty treats both signs alike: for x = -3 and lam =
        1 the result is -2. What decides is the distance from zero, the absolute value, and the sign has to be put back
        afterwards; or you write down a second case for the other side. As a test, use the symmetry: if you turn the
        sign of all inputs, the sign of all results should turn, and nothing else.
    """,
    source="COURSE A4.2",
)

soft_threshold.mistake(
    "sign lost",
    edits=[("result = np.sign(x) * size", "result = size")],
    core=True,
    hint="""
        The sizes you return are right, and all of them are positive. You took the absolute value to measure the
        distance from zero, and the sign of x never came back. For x = -3 and lam = 1 the result is -2, and you return
        2. In a lasso this turns each negative weight into a positive one, and the model gets worse with every step.
        Think of the operator in two parts: how far from zero will the number be, and on which side? Your function
        answers the first question. numpy has a function that answers the second one.
    """,
    source="own",
)

soft_threshold.mistake(
    "the clipped part",
    edits=[("result = np.sign(x) * size", "result = np.clip(x, -np.asarray(lam), lam)")],
    core=True,
    hint="""
        You clip x to the band between -lam and lam. So small numbers stay as they are and large numbers are cut down to
        lam: the opposite of what is wanted. The soft threshold kills the small numbers and keeps most of the large
        ones. Your clipped part is still useful: it is exactly what the operator takes away from x. For x = 3 and lam =
        1 it takes away 1 and leaves 2; for x = 0.5 it takes away all of it and leaves 0. So you are one subtraction
        away from the answer.
    """,
    source="own: the projection is the prox of the conjugate",
)

soft_threshold.mistake(
    "lam is halved",
    edits=[("np.abs(x) - lam", "np.abs(x) - np.asarray(lam) / 2")],
    core=True,
    hint="""
        Your threshold is lam / 2. You get this when you minimise the plain square (w - x)² plus lam times |w|: the
        derivative of the square brings a 2, and that halves the threshold. The statement has one half in front of the
        square, which is the usual form, and then the threshold is lam itself. Both are found in books, so it is worth a
        look before you copy a formula. For x = 3 and lam = 1 the result is 2. Take the formula of the statement, set
        its derivative to zero for a positive w, and solve for w.
    """,
    source="factor 2, see ERRATA 45",
)

soft_threshold.mistake(
    "stop after the sign",
    edits=[
        ("np.maximum(np.abs(x) - lam, 0.0)", "np.abs(x) - lam"),
        ("result = np.sign(x) * size", "result = np.maximum(np.sign(x) * size, 0.0)"),
    ],
    core=True,
    hint="""
        Your pieces are the right ones, in the wrong order: you put the sign back first and take the maximum with zero
        afterwards. The maximum then cuts off everything that is negative, so that large negative numbers become zero,
        and small negative numbers even turn into positive ones. The maximum is there to keep the size from becoming
        negative, so it belongs to the size, before any sign is attached. Check the three numbers -3, -0.5 and 0.5 with
        lam = 1: the results should be -2, 0 and 0. Look at where your parentheses close.
    """,
    source="own",
)

soft_threshold.mistake(
    "nan becomes 0",
    edits=[("result = np.sign(x) * size", "result = np.where(np.abs(x) > lam, np.sign(x) * size, 0.0)")],
    hint="""
        Ordinary numbers come out right, but a nan comes out as 0. Comparisons with nan are always false, so nan falls
        through your cases and ends in the one that says zero. A nan in a weight means that something went wrong
        earlier. If your function turns it into a harmless zero, nobody will notice, and the lasso just says that this
        feature does not matter. The contract at the top of the notebook says that a nan that goes in comes out. So let
        the case that sets zero be the one with a condition, or use arithmetic in place of cases; arithmetic keeps nan
        by itself.
    """,
    source="common contract",
)

soft_threshold.mistake(
    "whole numbers stay whole",
    edits=[('    if x.dtype.kind != "f":\n        x = x.astype(np.float64)\n', "")],
    hint="""
        For floats you are right. When x holds whole numbers, your result is put into an array of whole numbers too, and
        what stands behind the decimal point is cut off: 3 with a threshold of 0.75 becomes 2 in place of 2.25. numpy
        does it silently when you fill an array made by zeros_like, or call astype with the dtype of x. The contract at
        the top of the notebook says that whole numbers become float64, and that float32 stays float32. Turn whole
        numbers into floats in the first line, then the rest of your function works as it is.
    """,
    source="own",
)


@soft_threshold.mistake(
    "written into x",
    core=True,
    hint="""
        Your numbers are right, but after the call the array of the caller holds them too: you wrote into x itself. An
        assignment to x[...] and an operator such as -= change the array that was handed in, they do not make a new one.
        In the lasso below, the array is the current weight vector, and an algorithm that still needs the old weights
        would silently use the new ones. The contract at the top of the notebook says that inputs are never changed.
        Build the result from x with plain arithmetic, or make a copy in the first line.
    """,
    source="common contract",
)
def _in_place(x, lam):
    x[np.abs(x) <= lam] = 0
    x -= np.sign(x) * lam
    return x
