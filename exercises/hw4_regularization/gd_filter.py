"""`gd_filter(lam, eta, t)`: what share of each eigendirection gradient descent has learnt after t steps."""

import math

import numpy as np

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _gd_filter(lam, eta, t):
    x = eta * np.asarray(lam, dtype=np.float64)
    share = np.zeros_like(x)
    for _ in range(t):
        share = share + x * (1 - share)  # one step learns the part x of what is still missing
    return share


# Other right ways -----------------------------------------------------------------------------------------------------


def _expm1_and_log1p(lam, eta, t):
    x = eta * np.asarray(lam, dtype=float)
    small = np.minimum(x, 0.5)
    return np.where(x < 0.5, -np.expm1(t * np.log1p(-small)), 1 - (1 - x) ** t)


def _square_and_multiply(lam, eta, t):
    x = eta * np.asarray(lam, dtype=np.float64)
    share = np.zeros_like(x)
    for bit in bin(t)[2:]:
        share = share * (2 - share)  # twice the steps
        if bit == "1":
            share = share + x * (1 - share)
    return share


def _geometric_sum(lam, eta, t):
    x = eta * np.asarray(lam, dtype=np.float64)
    total = np.zeros_like(x)
    term = np.ones_like(x)
    for _ in range(t):
        total += term
        term = term * (1 - x)
    return x * total


def _exact_fractions(lam, eta, t):
    from fractions import Fraction

    lam = np.asarray(lam)
    values = [float(1 - (1 - Fraction(float(eta * v))) ** t) if t < 60 else None for v in lam.ravel()]
    for i, v in enumerate(lam.ravel()):
        if values[i] is None:
            x = eta * float(v)
            values[i] = -math.expm1(t * math.log1p(-x)) if x < 1 else 1 - (1 - x) ** t
    return np.array(values, dtype=np.float64).reshape(lam.shape)


gd_filter = Exercise(
    reference=_gd_filter,
    accepted={
        "expm1 and log1p": _expm1_and_log1p,
        "square and multiply": _square_and_multiply,
        "geometric sum": _geometric_sum,
        "exact fractions": _exact_fractions,
    },
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@gd_filter.check(
    "one, two and a few steps by hand",
    points=0.25,
    hint="Follow one direction on paper: each step learns the share eta·lam of what is still missing.",
)
def _by_hand(f, rng):
    eta = float(rng.choice([0.25, 0.5]))
    lam = np.array([0.5, 1.0, 2.0])
    return [typed(f(lam, eta, t)) for t in (1, 2, int(rng.integers(3, 6)))]


@gd_filter.check(
    "the same as running gradient descent",
    points=0.5,
    hint="Run gradient descent on lam·(w - 1)²/2 from w = 0, and compare w after t steps.",
)
def _grid(f, rng):
    lam = rng.uniform(0.001, 1, size=(3, 5))
    return [f(lam, eta, t) for eta, t in ((0.02, 40), (0.3, 7), (0.9, 12), (0.001, 600))]


@gd_filter.check(
    "full precision for tiny eta·lam·t",
    points=0.5,
    hint="For tiny eta·lam the result is close to eta·lam·t; divide by that and look at the ratio.",
)
def _tiny(f, rng):
    lam = np.concatenate([10.0 ** rng.uniform(-19, -15, size=4), 10.0 ** rng.uniform(-11, -8, size=3)])
    # in units of the first-order value eta·lam·t, which all of these are close to
    return [np.asarray(f(lam, eta, t)) / (eta * lam * t) for eta, t in ((0.5, 3), (0.1, 300))]


@gd_filter.check(
    "nothing learnt for lam = 0 or t = 0",
    points=0.25,
    hint="After no step nothing is learnt, whatever eta·lam is, also for eta·lam = 1.",
)
def _nothing(f, rng):
    lam = np.array([0.0, rng.uniform(0.1, 0.9), 1.0, 2.0, 3.0])
    eta = float(rng.choice([0.5, 1.0]))
    return [f(lam, eta, 0), f(np.zeros(3), eta, 5), f(lam, 1.0, 1)]


@gd_filter.check(
    "eta·lam of 1 and above: overshoot and divergence",
    points=0.25,
    hint="Above 1 the remaining part changes its sign at each step; the formula still holds.",
)
def _beyond_one(f, rng):
    x = np.array([1.0, *rng.uniform(1.05, 1.95, size=3), 2.0, *rng.uniform(2.05, 2.8, size=2)])
    eta = 0.5
    return [f(x / eta, eta, t) for t in (1, 2, 5, 6)]


@gd_filter.check(
    "shape, float64, and lam left as it was",
    points=0.25,
    hint="The result is a new float64 array in the shape of lam, also for whole numbers.",
)
def _arrays(f, rng):
    lam = rng.uniform(0.05, 0.6, size=6)
    return [
        kept(f, lam, 0.5, 9),
        typed(f(strided(locked(lam)), 0.7, 4)),
        typed(f(np.array(rng.uniform(0.1, 0.9)), 0.3, 5)),
        typed(f(rng.integers(1, 9, size=(2, 3)), 0.03, 5)),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@gd_filter.mistake(
    "formula as printed: digits cancel",
    core=True,
    hint="""
        Your formula is right on paper. In the computer it loses small directions: when eta·lam is 1e-17, the number 1 -
        1e-17 is rounded to exactly 1, its power is 1, and 1 - 1 is 0. Your function says that nothing is learnt, ever,
        though after a long time it would be. Even at 1e-9 about half of the digits are gone. The rule is the one from
        the first assignment: do not subtract two numbers that are nearly equal. Either work with the learnt share
        directly, step by step, without the detour over what is missing; or look for the numpy functions that were made
        for numbers close to 1.
    """,
    source="COURSE A4.7",
)
def _as_printed(lam, eta, t):
    return 1 - (1 - eta * np.asarray(lam, dtype=np.float64)) ** t


@gd_filter.mistake(
    "ridge filter",
    core=True,
    hint="""
        You return lam / (lam + 1 / (eta·t)). This is the filter of ridge regression, with the penalty that corresponds
        to t steps. The two are close relatives: for small eta·lam·t they agree to first order, and both let strong
        directions through and hold weak ones back. This is the sense in which early stopping is like an L2 penalty. But
        they are not equal: with eta·lam = 0.5, one step of gradient descent has learnt 0.5, and your filter says 1/3.
        The exercise asks what gradient descent does exactly. Write down what is still missing after one step, and after
        two.
    """,
    source="COURSE A4.7; THEORY T18",
)
def _ridge(lam, eta, t):
    lam = np.asarray(lam, dtype=np.float64)
    return lam / (lam + 1 / (eta * t)) if t else np.zeros_like(lam)


@gd_filter.mistake(
    "gradient flow",
    core=True,
    hint="""
        You use the exponential function. That is what happens in continuous time, in the limit of infinitely many
        infinitely small steps. For a small eta·lam it is a fine approximation, and it keeps its digits for tiny values,
        so you thought about precision. But real gradient descent takes steps of a finite size. For eta·lam = 0.5, one
        step learns 0.5, while the exponential says 0.39; and for eta·lam above 1 the real iteration overshoots, which
        the exponential never does. Write down what one step of size eta does with the missing part, and what t of them
        do.
    """,
    source="own",
)
def _gradient_flow(lam, eta, t):
    return -np.expm1(-eta * np.asarray(lam, dtype=np.float64) * t)


gd_filter.mistake(
    "what is missing, not what is learnt",
    edits=[("return share", "return 1 - share")],
    core=True,
    hint="""
        You return the part that is still missing after t steps. At t = 0 you return 1, and with more and more steps it
        goes to zero. The filter is the other part: the share that has been learnt. It begins at 0, for the weights
        start at zero, and goes to 1 as they reach their goal. The two add up to one, so the step is short, but take
        care on the way: if you subtract from one at the end, small shares lose their digits. Compare with the
        statement's example of one step with eta·lam = 0.5, where both are equal, and then with two steps.
    """,
    source="own",
)

gd_filter.mistake(
    "one step too many",
    edits=[("range(t)", "range(t + 1)")],
    core=True,
    hint="""
        Your result is the one for t + 1 steps. After zero steps nothing can have been learnt, so the filter is 0 for t
        = 0, and yours is eta·lam there. Off-by-one mistakes in a number of steps come from the question of whether the
        starting point counts as a step. Here it does not: w starts at 0, and t counts how often it was updated since
        then. Test the two smallest cases first: t = 0 gives 0, and t = 1 gives eta·lam. If these two are right, the
        others follow.
    """,
    source="own",
)

gd_filter.mistake(
    "straight line up to one",
    edits=[
        (
            "    share = np.zeros_like(x)\n    for _ in range(t):\n        share = share + x * (1 - share)",
            "    share = np.minimum(x * t, 1.0)",
        )
    ],
    core=True,
    hint="""
        You let the learnt share grow by eta·lam at each step until it reaches 1. This is right for the first step only.
        The gradient is proportional to what is still missing, so the steps get smaller as the goal comes near: with
        eta·lam = 0.5 the share goes 0.5, 0.75, 0.875, and it never arrives completely. A straight line would be the
        path of a method whose steps always have the same size. Write the missing part after one step as a multiple of
        the missing part before it; that multiple is the same at each step.
    """,
    source="own",
)

gd_filter.mistake(
    "one step of size eta·t",
    edits=[
        (
            "    share = np.zeros_like(x)\n    for _ in range(t):\n        share = share + x * (1 - share)",
            "    share = x * t",
        )
    ],
    hint="""
        You return eta·lam·t, without any limit. This is the first-order value, good as long as it is much smaller than
        1, and it is what one single step with a learning rate of eta·t would do. But t steps are not one large step.
        After each of them the gradient is computed anew, and it has become smaller, because less is missing. With
        eta·lam = 0.5, two steps give 0.75, and yours gives 1; ten steps should be just below 1, and yours gives 5.
        Write down what is missing after each step, and look for the pattern.
    """,
    source="own",
)

gd_filter.mistake(
    "twice the learning rate",
    edits=[("x = eta * np.asarray", "x = 2 * eta * np.asarray")],
    core=True,
    hint="""
        A factor of 2 has come in: your filter belongs to twice the learning rate. You get it when you take lam·(w - 1)²
        as the loss, without the one half in front. Then the gradient has a 2 in it, and each step is twice as long. The
        statement has one half in front, so that lam is the curvature: the second derivative of the loss, the eigenvalue
        of its Hessian. With this meaning, gradient descent is stable up to eta·lam = 2, and your version would already
        fail at 1. Check it with one step: the share is eta·lam.
    """,
    source="ERRATA 45, factor 2",
)


@gd_filter.mistake(
    "nan above one",
    hint="""
        For eta·lam below 1 your function is right, and precise also for tiny values. Above 1 it returns nan, since you
        take the logarithm of 1 - eta·lam, which is negative there. But nothing is wrong with the iteration itself:
        between 1 and 2 it overshoots and comes back from the other side, and beyond 2 it diverges. This happens in
        practice all the time, for the steepest directions of a network. The precise form is needed only for small
        eta·lam. So use each form where it works, and put the two together.
    """,
    source="COURSE A4.7",
)
def _logs_everywhere(lam, eta, t):
    x = eta * np.asarray(lam, dtype=np.float64)
    return -np.expm1(t * np.log1p(-x)) if t else np.zeros_like(x)


@gd_filter.mistake(
    "sign lost above one",
    hint="""
        For eta·lam above 1 you take the absolute value of 1 - eta·lam, probably to save the logarithm. The sign gets
        lost with it. It matters: there the missing part is negative after an odd number of steps, so that the learnt
        share is above 1 (the iteration has overshot), and positive again after an even number. Your function is right
        for even t and wrong for odd t. At eta·lam = 1.5, one step has learnt 1.5, and you say 0.5. Either put the sign
        back, depending on whether t is odd, or do not use logarithms in this range.
    """,
    source="own",
)
def _logs_of_the_absolute_value(lam, eta, t):
    x = eta * np.asarray(lam, dtype=np.float64)
    big = np.maximum(np.abs(1 - x), 1e-300)
    logs = np.where(x < 1, np.log1p(-np.minimum(x, 0.999999)), np.log(big))
    logs = np.where((x >= 0.999999) & (x < 1), np.log(big), logs)
    return -np.expm1(t * logs)


@gd_filter.mistake(
    "nan for t = 0 at eta·lam = 1",
    hint="""
        One corner is left: for t = 0 and eta·lam = 1, you return nan. There the logarithm of 1 - eta·lam is minus
        infinity, and zero times infinity is not a number. But the question has a plain answer: after zero steps nothing
        has been learnt, whatever the learning rate. In the formula, zero to the power of zero counts as 1, as it does
        in numpy's power. It is the price of logarithms that such a case must be treated by hand. Look at which values
        may go into the logarithm, and at what you do when t is 0.
    """,
    source="own",
)
def _zero_times_log_zero(lam, eta, t):
    x = eta * np.asarray(lam, dtype=np.float64)
    share = -np.expm1(t * np.log1p(-np.minimum(x, 1)))
    return np.where(x > 1, 1 - (1 - x) ** t, share)


gd_filter.mistake(
    "clipped to [0, 1]",
    edits=[("return share", "return np.clip(share, 0.0, 1.0)")],
    hint="""
        You force the result into the range from 0 to 1, as a share should be. For eta·lam up to 1 this changes nothing.
        Above 1 gradient descent really overshoots: with eta·lam = 1.5, the first step goes half as far again as it
        should, so the filter is 1.5, and beyond 2 the values grow without limit, because the iteration diverges. This
        is the most useful thing that the filter can tell you about a learning rate. Clipping hides it, and then every
        learning rate looks safe. Return what gradient descent does, also where it is ugly.
    """,
    source="own",
)

gd_filter.mistake(
    "whole numbers are cut",
    edits=[
        ("np.zeros_like(x)", "np.zeros_like(lam)"),
        ("share = share + x * (1 - share)", "share[...] = share + x * (1 - share)"),
        ("    x = eta", "    lam = np.asarray(lam)\n    x = eta"),
    ],
    hint="""
        When lam holds whole numbers, your result is made of whole numbers too: everything behind the decimal point is
        cut off, and nearly all shares become 0. The reason is an array that takes over the dtype of lam, for instance
        from zeros_like or empty_like, and that you fill afterwards; numpy rounds towards zero without telling you.
        Eigenvalues are often typed in as whole numbers, so this does happen. The statement asks for float64 in every
        case. Convert lam to floats in the first line, before you make any array like it.
    """,
    source="own",
)
