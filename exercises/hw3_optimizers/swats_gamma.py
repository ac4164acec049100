"""`swats_gamma(p, g)`: the SGD learning rate whose step has Adam's step as its shadow."""

import math

import numpy as np
import torch

from exercises.arrays import locked, strided
from exercises.bank import Exercise
from exercises.observation import several, untouched


def _swats_gamma(p, g):
    p = np.asarray(p, dtype=np.float64).ravel()
    g = np.asarray(g, dtype=np.float64).ravel()
    along = float(np.sum(p * g))
    length = float(np.sum(p * p))
    if along == 0:
        return None
    return length / -along


# Other right ways ----------------------------------------------------------------------------------------------------


def _loop(p, g):
    length = along = 0.0
    for a, b in zip(np.asarray(p).flat, np.asarray(g).flat, strict=True):
        length += float(a) * float(a)
        along += float(a) * float(b)
    return None if along == 0 else -length / along


def _torch_vdot(p, g):
    p = torch.tensor(np.array(p)).double().flatten()
    g = torch.tensor(np.array(g)).double().flatten()
    along = torch.vdot(p, g)
    return None if along == 0 else (torch.vdot(p, p) / -along).item()


def _by_the_angle(p, g):
    p, g = np.array(p, dtype=float), np.array(g, dtype=float)
    if np.vdot(p, g) == 0:
        return None
    size_p, size_g = np.linalg.norm(p), np.linalg.norm(g)
    cosine = np.vdot(p / size_p, -g / size_g)
    return float(size_p / (size_g * cosine))


swats_gamma = Exercise(
    reference=_swats_gamma,
    accepted={
        "one loop, two sums": _loop,
        "torch.vdot": _torch_vdot,
        "lengths and the angle": _by_the_angle,
    },
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


def _number(value):
    return value if value is None else float(value)


def _numbers(f, *pairs):
    return [_number(value) for value in several(f, *pairs)]


@swats_gamma.check(
    "short vectors, by hand",
    points=0.5,
    hint="Compute the two sums of products on paper: p with p, and p with g.",
)
def _by_hand(f, rng):
    a, b, c = (float(v) for v in rng.choice(np.arange(1.0, 9.0), size=3, replace=False))
    return _numbers(
        f,
        (np.array([-1.0, -2.0]), np.array([a, b])),
        (np.array([-a, 1.0, -2.0]), np.array([b, 1.0, c])),
    )


@swats_gamma.check(
    "a sign step like Adam's, arrays of any shape",
    points=0.5,
    hint="Treat arrays of any shape as one long vector.",
)
def _sign_step(f, rng):
    g = rng.normal(size=(3, 4))
    lr = float(rng.uniform(1e-3, 1e-2))
    return _numbers(
        f,
        (-lr * np.sign(g), g),
        (-lr * np.sign(g) * 0.5, 0.5 * np.sign(g)),
        (-lr * rng.uniform(0.1, 1.0, size=(2, 3, 2)), rng.uniform(0.5, 2.0, size=(2, 3, 2))),
        (np.array(-lr), np.array(0.25)),
        (strided(-lr * np.sign(g)), g.T.copy().T),
    )


def _shadow_in_theory(rng):
    return [1.0, 1.0, 1.0, 1.0, 1.0, -1.0]


@swats_gamma.check(
    "the shadow of the SGD step on p is p",
    points=0.25,
    rtol=1e-9,
    expect=_shadow_in_theory,
    hint="Multiply your result by -g, project that on p, and compare with p.",
)
def _shadow(f, rng):
    """The part of SGD's step -γ g along p, in units of p. It is 1, also where p points uphill."""
    pairs = []
    for shape, turn in (((5,), 1.0), ((4, 3), 1.0), ((6,), -1.0)):
        g = rng.normal(size=shape)
        pairs.append((turn * (-0.01 * g + 0.004 * rng.normal(size=shape)), g))
    seen = []
    for (p, g), gamma in zip(pairs, several(f, *pairs), strict=True):
        seen += [float(np.vdot(p, -gamma * g) / np.vdot(p, p)), math.copysign(1.0, gamma)]
    return seen


@swats_gamma.check(
    "None at a right angle, and only there",
    points=0.5,
    hint="If p and g are at a right angle, no rate can do it; that is also so if one of them is zero.",
)
def _right_angle(f, rng):
    k = float(rng.integers(1, 9))
    return _numbers(
        f,
        (np.array([k, 0.0]), np.array([0.0, 3.0])),
        (np.array([2.0, -1.0]), np.array([k, 2 * k])),
        (np.zeros(3), rng.normal(size=3)),
        (rng.normal(size=(2, 2)), np.zeros((2, 2))),
        (np.array([-k, 0.0]), np.array([2.0, 1.0])),
    )


@swats_gamma.check(
    "tiny steps, float32, whole numbers, nan; a Python float; nothing changed",
    points=0.25,
    rtol=1e-6,
    hint="Compute in float64 and return a Python float; compare with 0 exactly.",
)
def _kinds(f, rng):
    g = rng.normal(size=4)
    tiny = (-1e-25 * np.sign(g)).astype(np.float32)
    a, b = locked(rng.normal(size=3)), locked(rng.normal(size=3) + 5.0)
    values = several(
        f,
        (tiny, g.astype(np.float32)),
        (-rng.integers(1, 9, size=4), rng.integers(1, 9, size=4)),
        (-1e-9 * np.sign(g), g),
        (-np.sign(g), g),
        (a, b),
        (np.array([1.0, np.nan]), np.array([1.0, 2.0])),
    )
    small, whole, smaller, plain, frozen, spoilt = values
    return [
        _number(small) * 1e25,
        _number(whole),
        _number(smaller) * 1e9,
        type(plain).__name__,
        untouched(f, -np.sign(g), g),
        _number(frozen),
        _number(spoilt),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


swats_gamma.mistake(
    "projected on the wrong vector",
    edits=[
        ("length = float(np.sum(p * p))", "length = float(np.sum(g * g))"),
        ("if along == 0", "if length == 0"),
        ("length / -along", "-along / length"),
    ],
    core=True,
    hint="""
        You project Adam's step on the gradient: your rate makes the SGD step as close to p as possible. SWATS does it
        the other way round. It asks for an SGD step whose shadow on p is p itself, so the SGD step is the longer one,
        and its projection on the direction of p gives p. Draw the two arrows with an angle between them. Your answer
        ends where a line from the tip of p meets the direction of -g at a right angle; the one that is wanted ends
        where a line from the tip of p, at a right angle to p, meets it. Only if both point the same way is it the same.
    """,
    source="COURSE A3.11",
)

swats_gamma.mistake(
    "sign forgotten",
    edits=[("length / -along", "length / along")],
    core=True,
    hint="""
        Your learning rate has the wrong sign: it comes out negative for a step that goes downhill. The step p is what
        Adam adds to the weights, so usually it points against the gradient, and the product of p and g is negative.
        SGD's step is minus the rate times g. If the two steps are to agree, the rate must be positive in this usual
        case: for p = -0.002 and g = 0.5 it is 0.004. Write down the condition from the statement with the minus sign of
        SGD's step in it, and solve it for γ once more.
    """,
    source="COURSE A3.11",
)

swats_gamma.mistake(
    "ratio of the lengths",
    edits=[("length / -along", "math.sqrt(length) / math.sqrt(float(np.sum(g * g)))")],
    core=True,
    hint="""
        You divide the length of p by the length of g. So the SGD step gets the same length as Adam's step. That is a
        reasonable idea, and if both point in the same direction it gives the same number. But Adam scales each weight
        by itself and its step points elsewhere than the gradient. SWATS wants the shadow of the SGD step on p to be p,
        and a shadow is shorter than the stick, so the SGD step must be longer than p, and the more so the larger the
        angle is. Your rate is too small by the cosine of this angle, and its sign is lost.
    """,
    source="COURSE A3.11",
)

swats_gamma.mistake(
    "division by zero at a right angle",
    edits=[
        (
            "    if along == 0:\n        return None\n    return length / -along",
            "    return float(np.float64(length) / -along)",
        )
    ],
    core=True,
    hint="""
        You divide without asking whether the denominator is zero. If p and g are at a right angle, the product is 0 and
        your result is inf, or nan if p is zero as well. No learning rate can help there: however long the SGD step is,
        its shadow on p is a point. SWATS then skips this step, and the statement asks for None, so that the caller can
        see it. An inf or nan would get into the running average of all later rates and stay in there for ever. It also
        happens with a zero gradient, for instance in layers whose units are all dead.
    """,
    source="COURSE A3.11",
)

swats_gamma.mistake(
    "0 at a right angle",
    edits=[("return None", "return 0.0")],
    core=True,
    hint="""
        If p and g are at a right angle you return 0.0. But 0 is a learning rate: it says “do not move at all”, and the
        caller takes it into the running average, where it pulls the estimate down. What you want to say is something
        else, namely that this step gives no estimate. In Python the value for “no answer” is None, and the statement
        asks for it. The same distinction appears in all of data analysis: a measurement of zero and a missing
        measurement are two things, and they must not share a value.
    """,
    source="own",
)

swats_gamma.mistake(
    "zero for everything small",
    edits=[("if along == 0:", "if abs(along) < 1e-8:")],
    hint="""
        You return None whenever the product of p and g is small, not only when it is zero. Adam's steps are small by
        nature: the learning rate is 0.001 or less, gradients near a minimum are small too, and the product of the two
        is far below your threshold, although the angle between them is fine. Then your function never gives an
        estimate, and the switch to SGD never comes. A threshold on a product with units always means something else at
        another scale. The quotient itself is harmless for tiny numbers; only an exact zero is a problem, so compare
        with zero.
    """,
    source="own",
)

swats_gamma.mistake(
    "epsilon in the denominator",
    edits=[
        ("    if along == 0:\n        return None\n    return length / -along", "    return length / (-along + 1e-8)")
    ],
    core=True,
    hint="""
        You add a small constant to the denominator, so that it is never zero. Two things go wrong. At a right angle the
        statement wants None, and you return a number, one that depends on your constant and means nothing. And for
        small steps the constant is not small: with Adam's learning rate 0.001 and small gradients near the end of
        training, the product of p and g is below 1e-8 itself, and your estimate is much too low. A constant of this
        kind is safe only if the typical size of the denominator is known. Ask whether the product is exactly zero
        instead.
    """,
    source="own",
)

swats_gamma.mistake(
    "entry by entry, then averaged",
    edits=[
        (
            "    if along == 0:\n        return None\n    return length / -along",
            "    if along == 0:\n        return None\n    return float(np.mean(-p / g))",
        )
    ],
    core=True,
    hint="""
        You divide p by g entry by entry and take the mean. Each quotient is Adam's own rate for this weight, and their
        mean looks like a natural summary. But a weight whose gradient happens to be almost zero has a huge quotient and
        rules the mean, and a gradient of exactly zero makes it inf or nan. In SWATS the sums are taken first, and there
        is a single division at the end; so weights with large entries count more, and tiny gradients do no harm. Go
        back to the picture of two arrows: the rate is about their lengths and their angle, not about single entries.
    """,
    source="own",
)

swats_gamma.mistake(
    "sums instead of products",
    edits=[
        ("along = float(np.sum(p * g))", "along = float(np.sum(g))"),
        ("length = float(np.sum(p * p))", "length = float(np.sum(p))"),
    ],
    core=True,
    hint="""
        You divide the sum of the entries of p by the sum of the entries of g. In a sum the signs cancel: gradients are
        positive for about half of the weights and negative for the others, so both sums are close to zero by accident,
        and their quotient can be anything. The formula has inner products: each entry of p is multiplied by the entry
        of the same weight in p or g before anything is added. The products of p with itself are all positive, and those
        of p and g nearly all negative. In the formula the small T between two vectors stands for this.
    """,
    source="own",
)

swats_gamma.mistake(
    "upside down",
    edits=[("length / -along", "-along / length"), ("if along == 0", "if along == 0 or length == 0")],
    core=True,
    hint="""
        Your fraction is upside down. Units help to see it: a learning rate times a gradient is a step, so a learning
        rate has the unit of a step divided by the unit of a gradient. Yours is a gradient divided by a step. For p =
        -0.002 and g = 0.5 the answer is 0.004, because 0.004 times 0.5 gives a step of 0.002; you return 250. For a
        check without a calculator: if Adam's step were twice as long in the same direction, the rate that imitates it
        would have to be twice as large, and yours becomes half as large.
    """,
    source="own",
)

swats_gamma.mistake(
    "always positive",
    edits=[("length / -along", "length / abs(along)")],
    core=True,
    hint="""
        You take the absolute value of the product, so your rate is always positive. In the usual case that is right,
        because p goes downhill. But through its momentum Adam sometimes moves uphill for a step or two, after the
        gradient has turned. Then the product of p and g is positive, and the only SGD rate which fits this step is a
        negative one. That is worth knowing: the caller sees that this step is no good example and can leave it out.
        With the absolute value you report an ordinary rate for a step in the opposite direction.
    """,
    source="own",
)

swats_gamma.mistake(
    "None for every uphill step",
    edits=[("if along == 0:", "if along >= 0:")],
    hint="""
        You return None for all steps in which p points uphill, that is, if the product of p and g is positive. The
        statement asks for None only if the product is exactly zero. For an uphill step there is an answer, a negative
        rate, and the caller may decide what to do with it; the published method puts it into the average like any
        other. (You may well find your rule more sensible. Then it belongs in the loop that calls this function, and not
        in a function that computes a projection.) Look at the comparison in front of your None.
    """,
    source="own",
)


@swats_gamma.mistake(
    "works for vectors only",
    core=True,
    hint="""
        Your function is right for vectors, but weights of a layer are usually a matrix. For two matrices `np.dot` is
        the matrix product: its result is a matrix, not a number, and if they are not square it stops with an error
        about the shapes. What you need is the inner product over all entries: multiply entry by entry, and add
        everything up. For that the shape plays no role, since the weights are just a long list of numbers that someone
        has put into rows. So make one long vector of each array first, in the same order, and the rest of your code can
        stay.
    """,
    source="COURSE A3.11",
)
def _not_flattened(p, g):
    p, g = np.asarray(p, dtype=np.float64), np.asarray(g, dtype=np.float64)
    along = np.dot(p, g)
    if along == 0:
        return None
    return float(np.dot(p, p) / -along)


swats_gamma.mistake(
    "computed in float32",
    edits=[
        (
            "    p = np.asarray(p, dtype=np.float64).ravel()\n    g = np.asarray(g, dtype=np.float64).ravel()\n",
            "    p = np.asarray(p).ravel()\n    g = np.asarray(g).ravel()\n",
        )
    ],
    hint="""
        You compute in the dtype that comes in. For float32 there is a trap: the smallest positive number is about
        1e-45, and your formula squares the steps. A step of 1e-25, which float32 can hold without trouble, has the
        square 1e-50, and this is rounded to zero. So your rate is 0 although the quotient would be an ordinary number.
        Products and squares need twice the range of the numbers themselves. The statement asks for float64 inside;
        convert both arrays before the first product, not the result after the last one.
    """,
    source="own",
)
