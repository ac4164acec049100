"""`minimum_jerk(t, T, x0, xf)`: the smoothest way from rest to rest (Flash and Hogan 1985)."""

import math

import numpy as np

from exercises.arrays import locked, strided
from exercises.bank import Exercise
from exercises.observation import several, typed, untouched


def _minimum_jerk(t, T, x0, xf):
    t = np.asarray(t, dtype=np.float64)
    x0 = np.asarray(x0, dtype=np.float64)
    xf = np.asarray(xf, dtype=np.float64)
    tau = np.clip(t / T, 0.0, 1.0)
    s = 10 * tau**3 - 15 * tau**4 + 6 * tau**5
    s = np.reshape(s, t.shape + (1,) * x0.ndim)
    return x0 + (xf - x0) * s


# Other right ways ----------------------------------------------------------------------------------------------------


def _six_equations(t, T, x0, xf):
    powers = np.arange(6)

    def row(at, order):  # the order-th derivative of 1, s, ..., s^5
        factors = np.array([math.perm(k, order) for k in powers], dtype=float)
        return factors * float(at) ** np.maximum(powers - order, 0)

    matrix = np.array([row(at, order) for at in (0, 1) for order in (0, 1, 2)])
    coefficients = np.linalg.solve(matrix, [0.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    tau = np.minimum(np.maximum(np.asarray(t, dtype=float) / T, 0.0), 1.0)
    s = np.sum(coefficients * tau[..., None] ** powers, axis=-1)
    x0, xf = np.asarray(x0, dtype=float), np.asarray(xf, dtype=float)
    return x0 + np.multiply.outer(s, xf - x0)


def _horner_in_python(t, T, x0, xf):
    def one(at):
        if math.isnan(at):
            return at
        tau = 0.0 if at <= 0 else 1.0 if at >= T else at / T
        return tau * tau * tau * (10.0 + tau * (-15.0 + 6.0 * tau))

    times, start, way = np.asarray(t), np.asarray(x0, dtype=float), np.asarray(xf, dtype=float) - np.asarray(x0)
    rows = [start + one(float(at)) * way for at in times.ravel()]
    return np.array(rows, dtype=float).reshape(times.shape + start.shape)


def _bernstein(t, T, x0, xf):
    # The chance of at least 3 heads among 5 coins with probability tau.
    tau = np.clip(np.asarray(t, dtype=np.float64) / T, 0, 1)
    s = sum(math.comb(5, k) * tau**k * (1 - tau) ** (5 - k) for k in (3, 4, 5))
    x0, xf = np.asarray(x0, dtype=np.float64), np.asarray(xf, dtype=np.float64)
    if x0.ndim == 1:
        s = s[..., np.newaxis]
    return (1 - s) * x0 + s * xf


# Library one-liner ---------------------------------------------------------------------------------------------------


def _scipy_betainc(t, T, x0, xf):
    from scipy.special import betainc

    x0 = np.asarray(x0, dtype=float)
    return x0 + np.multiply.outer(betainc(3, 3, np.clip(np.asarray(t) / T, 0, 1)), xf - x0)


minimum_jerk = Exercise(
    reference=_minimum_jerk,
    accepted={
        "six equations for six coefficients": _six_equations,
        "Horner's scheme in pure Python": _horner_in_python,
        "Bernstein polynomials": _bernstein,
    },
    witnesses={"scipy.special.betainc": _scipy_betainc},
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@minimum_jerk.check(
    "the position on the way",
    points=0.5,
    hint="Compute tau first, then the polynomial of tau, then the way from x0 to xf.",
)
def _on_the_way(f, rng):
    T = float(rng.uniform(0.4, 5.0))
    x0, xf = float(rng.normal()), float(rng.normal() + 4.0)
    times = T * np.sort(rng.uniform(0.02, 0.98, size=9))
    there, back, one = several(f, (times.copy(), T, x0, xf), (times, T, xf, x0), (0.3 * T, T, x0, xf))
    return [np.asarray(there), np.asarray(back), float(one)]


@minimum_jerk.check(
    "at rest before 0 and after T",
    points=0.25,
    hint="Before the start it is at x0, after the end at xf; think about what tau should be there.",
)
def _outside(f, rng):
    T = float(rng.uniform(0.4, 5.0))
    x0, xf = float(rng.normal()), float(rng.normal() + 4.0)
    times = np.array([-1.0, -0.1, 0.0, 0.4, 1.0, 1.2, 5.0]) * T
    return [np.asarray(path) for path in several(f, (times, T, x0, xf), (np.array([-np.inf, np.inf]), T, x0, xf))]


@minimum_jerk.check(
    "a number or many times, a number or a point in space",
    points=0.5,
    hint="The shape of the result is the shape of t followed by the shape of x0.",
)
def _shapes(f, rng):
    T = float(rng.uniform(0.4, 5.0))
    n = int(rng.integers(5, 9))
    times = np.linspace(0.1, 0.9, n) * T
    x0, xf = rng.normal(size=2), rng.normal(size=2) + 3.0
    paths = several(
        f,
        (times.copy(), T, x0, xf),
        (times[:3].copy(), T, np.zeros(3), np.array([1.0, -2.0, 3.0]) * x0[0]),
        (0.3 * T, T, x0, xf),
        (0.3 * T, T, 0.0, 1.0),
        (times.copy(), T, 0.0, 1.0),
        (times[:0], T, 0.0, 1.0),
    )
    return [typed(path) for path in paths]


def _smoothness_in_theory(rng):
    return {
        "start and end": np.array([0.0, 1.0]),
        "speed in the middle": 15 / 8,
        "speed at the ends": np.zeros(2),
        "acceleration at the ends": np.zeros(2),
        "cost": 720.0,
    }


@minimum_jerk.check(
    "peak speed 15/8 of the mean, cost 720, no speed and no acceleration at the ends",
    points=0.5,
    rtol=1e-6,
    atol=1e-6,
    expect=_smoothness_in_theory,
    hint="Of all paths that start and end at rest there is only one polynomial of degree 5.",
)
def _smoothness(f, rng):
    """A polynomial of degree 7 through the path: speed in the middle, speed and acceleration at the ends, cost."""
    from numpy.polynomial import Chebyshev, Polynomial

    T = float(rng.uniform(0.5, 4.0))
    x0, way = float(rng.normal()), float(rng.uniform(1.0, 4.0))
    tau = (1 - np.cos(np.pi * np.arange(25) / 24)) / 2
    path = (np.asarray(f(tau * T, T, x0, x0 + way)) - x0) / way
    curve = Chebyshev.fit(tau, path, 7, domain=[0, 1]).convert(kind=Polynomial, domain=[-1, 1], window=[-1, 1])
    speed, bend, jerk = curve.deriv(1), curve.deriv(2), curve.deriv(3)
    cost = (jerk * jerk).integ()
    ends = np.array([0.0, 1.0])
    return {
        "start and end": curve(ends),
        "speed in the middle": float(speed(0.5)),
        "speed at the ends": speed(ends),
        "acceleration at the ends": bend(ends),
        "cost": float(cost(1.0) - cost(0.0)),
    }


@minimum_jerk.check(
    "whole numbers, read-only arrays, nan; nothing is changed",
    points=0.25,
    hint="Make float64 arrays of your own before you compute.",
)
def _inputs(f, rng):
    times, ends = rng.uniform(-1.0, 4.0, size=6), rng.normal(size=(2, 3))
    whole = np.arange(-1, 7)
    return [
        untouched(f, times, 3.0, ends[0], ends[1]),
        untouched(f, whole, 5, 2, 7),
        *map(
            typed,
            several(
                f,
                (locked(times), 3.0, locked(ends[0]), locked(ends[1])),
                (whole, 5, 2, 7),
                (strided(times), 2, -1, 4),
                (np.array([0.5, np.nan]), 2.0, 0.0, 1.0),
            ),
        ),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


minimum_jerk.mistake(
    "cubic",
    edits=[("10 * tau**3 - 15 * tau**4 + 6 * tau**5", "3 * tau**2 - 2 * tau**3")],
    core=True,
    hint="""
        Your path is the cubic: it starts and ends with speed 0, but not with acceleration 0. This is the path with the
        smallest total squared acceleration. A hand that moved like this would have to switch its force on in an instant
        at the start. The jerk is the derivative of the acceleration, so making it small also means that the
        acceleration has to start at 0. Six conditions must hold: position, speed and acceleration, at both ends. A
        cubic has four coefficients and can meet four of them; count how many coefficients you need. In the visible test
        your value after a quarter of the time is 0.15625, and 0.10352 is right.
    """,
    source="COURSE A3.12",
)

minimum_jerk.mistake(
    "straight line",
    edits=[("10 * tau**3 - 15 * tau**4 + 6 * tau**5", "tau")],
    core=True,
    hint="""
        Your path moves with constant speed. On its way it has no jerk at all, which looks perfect; but it starts and
        stops in an instant. At these two moments the speed jumps, the acceleration is infinite, and so is the jerk. A
        real hand or leg starts at rest and ends at rest. The conditions at the ends are what makes the problem
        interesting: position given, speed zero, acceleration zero, on both sides. These are six conditions, and the
        simplest function with six free numbers that can meet them is a polynomial of degree 5 in tau.
    """,
    source="COURSE A3.12",
)

minimum_jerk.mistake(
    "degree 7",
    edits=[("10 * tau**3 - 15 * tau**4 + 6 * tau**5", "35 * tau**4 - 84 * tau**5 + 70 * tau**6 - 20 * tau**7")],
    core=True,
    hint="""
        Your polynomial has degree 7. It is the path of minimum snap, which is one derivative further: its jerk is also
        zero at both ends. Robots and drones use it, since their motors do not like jumps of the jerk. But fixing more
        at the ends costs something in the middle: the path has to hurry more, its peak speed is 2.19 times the mean and
        not 1.875, and its total squared jerk is larger. Least jerk is asked for here. With position, speed and
        acceleration given at both ends there are six conditions, so count the coefficients of your polynomial.
    """,
    source="COURSE A3.12",
)

minimum_jerk.mistake(
    "cosine",
    edits=[("10 * tau**3 - 15 * tau**4 + 6 * tau**5", "(1 - np.cos(np.pi * tau)) / 2")],
    core=True,
    hint="""
        You use half a wave of a cosine. It is smooth on the way and has no speed at the ends, and animation programs
        like it for this reason. But its acceleration is largest exactly at the start and at the end: it jumps from zero
        to its maximum when the motion begins. With the jerk as the cost, this jump is forbidden. In the visible test
        you get 0.1464 after a quarter of the time where 0.1035 is right, so your path starts too quickly. The optimum
        follows from calculus: the sixth derivative of the path is zero, and that leaves a polynomial of degree 5.
    """,
    source="own",
)

minimum_jerk.mistake(
    "speed returned",
    edits=[("10 * tau**3 - 15 * tau**4 + 6 * tau**5", "30 * tau**2 - 60 * tau**3 + 30 * tau**4")],
    core=True,
    hint="""
        Your polynomial is the derivative of the one that is asked for: it is the shape of the speed, a bell that is
        zero at both ends and highest in the middle. The function should return the position. It begins at x0 and ends
        at xf, so the polynomial has to be 0 at the start and 1 at the end, and 1/2 in the middle because the motion is
        symmetric. Yours is 0 at both ends and 1.875 in the middle. That number is a useful one: it is the peak speed as
        a multiple of the mean speed. Take one derivative less.
    """,
    source="own",
)

minimum_jerk.mistake(
    "time is not divided by T",
    edits=[("np.clip(t / T, 0.0, 1.0)", "np.clip(t, 0.0, 1.0)")],
    core=True,
    hint="""
        You put the time t itself into the polynomial, as if every motion took one second. The duration T never appears.
        A motion with T = 2 should be in the middle of its way at t = 1, and yours has already arrived. The polynomial
        is written for the share of the time that has passed, a number between 0 and 1 without a unit, and that is what
        the Greek letter in the statement stands for. All durations have the same shape of motion; only the clock runs
        faster or slower. Work out this share first, and let the polynomial see nothing else.
    """,
    source="COURSE A3.12",
)

minimum_jerk.mistake(
    "goes on after the end",
    edits=[("np.clip(t / T, 0.0, 1.0)", "t / T")],
    core=True,
    hint="""
        Between 0 and T your path is right. Outside you go on with the polynomial, and polynomials of degree 5 explode:
        at t = 2T your motion would be 32 times as far as it should be, and before the start it comes from far away on
        the other side. The motion begins and ends at rest, so the body waits at x0 before and stays at xf after. Since
        the polynomial is right for a share of time between 0 and 1, it is enough to make sure that it never sees
        anything else.
    """,
    source="COURSE A3.12",
)

minimum_jerk.mistake(
    "clamped at the end only",
    edits=[("np.clip(t / T, 0.0, 1.0)", "np.minimum(t / T, 1.0)")],
    core=True,
    hint="""
        After T your path stays at xf, as it should. For times before 0 you still use the polynomial, and for negative
        arguments it is far off: a tenth of the duration before the start it is already visibly below x0, and further
        back it runs away. Times before the start do occur, for instance if several movements are added with different
        starting times, which is a usual model of how people correct a reach on the way. Both ends of the time have to
        be treated in the same way. You have one half of it; what is the mirror image?
    """,
    source="own",
)

minimum_jerk.mistake(
    "zero after the end",
    edits=[("np.clip(t / T, 0.0, 1.0)", "np.where((t < 0) | (t > T), 0.0, t / T)")],
    core=True,
    hint="""
        Outside of the interval from 0 to T you set the share of the time to zero, on both sides. Before the start that
        is right: the body waits at x0. But after the end it should stay where it has arrived, at xf, and yours jumps
        back to x0 in an instant. (Setting a thing to zero outside of its range is a good habit for signals like a
        speed. A position does not vanish.) Think of the motion as a film: what does one see after the last frame? Treat
        the two sides separately, each with its own value.
    """,
    source="own",
)

minimum_jerk.mistake(
    "start is not subtracted",
    edits=[("x0 + (xf - x0) * s", "x0 + xf * s")],
    core=True,
    hint="""
        You add the polynomial times xf to the start. That is right only if the start is 0: otherwise you end at x0 +
        xf. For a motion from 1 to 3 you arrive at 4. What has to be covered is the way between the two points, and xf
        is the second point and not the way. A path of this kind can always be tested at its ends, without any formula:
        at t = 0 it must return x0 and at t = T it must return xf. With a start different from zero this test finds the
        mistake at once.
    """,
    source="own",
)

minimum_jerk.mistake(
    "start is forgotten",
    edits=[("x0 + (xf - x0) * s", "(xf - x0) * s")],
    core=True,
    hint="""
        You return how far the motion has come, measured from its start: it begins at 0 and ends at xf - x0. The
        function should return where it is. Both agree only if x0 is 0. For a motion from 1 to 3 your path starts at 0
        and ends at 2, so it is in the wrong place by 1 all the time. Test such a function at its two ends first: for t
        = 0 the result should be x0, for t = T it should be xf. One term is missing in your last line.
    """,
    source="own",
)

minimum_jerk.mistake(
    "start and end exchanged",
    edits=[("x0 + (xf - x0) * s", "xf + (x0 - xf) * s")],
    core=True,
    hint="""
        Your motion runs backwards: it starts at xf and ends at x0. The shape is right, and in the middle of the time
        you are even in the right place, since the path is symmetric; at all other times you are not. Check the two
        ends: for t = 0 the share of time is 0 and so is the polynomial, and then x0 must be left over; for t = T the
        polynomial is 1, and xf must come out. Two names are exchanged in your last line, or the order of the arguments
        in the first one.
    """,
    source="own",
)

minimum_jerk.mistake(
    "points in space do not fit",
    edits=[("    s = np.reshape(s, t.shape + (1,) * x0.ndim)\n", "")],
    hint="""
        For a single number as start and end your function works. If they are points in space, with d coordinates, and
        there are n times, you multiply n numbers by d numbers entry by entry. If n and d differ, numpy stops with an
        error about broadcasting. If they happen to be equal, it is worse: nothing stops, and the first coordinate gets
        the first time, the second one the second time. What is wanted is a table with a row for each time and a column
        for each coordinate. Give the polynomial's values one more axis at the end, so that they stand as a column.
    """,
    source="own",
)

minimum_jerk.mistake(
    "a column for each time",
    edits=[("return x0 + (xf - x0) * s", "return np.transpose(x0 + (xf - x0) * s)")],
    hint="""
        Your numbers are right, but the table lies on its side: you return one row for each coordinate, and the
        statement wants one row for each time. The rule is that the shape of the result is the shape of t followed by
        the shape of x0. With n times and points in the plane this is (n, 2). It is the usual order in numpy and torch,
        first the number of samples and then the coordinates, so that `path[i]` is the place at time i. If n and d are
        equal, the wrong order raises no error and just mixes up times and coordinates.
    """,
    source="own",
)

minimum_jerk.mistake(
    "a time given as a number comes back as an array",
    edits=[("t = np.asarray(t, dtype=np.float64)", "t = np.atleast_1d(np.asarray(t, dtype=np.float64))")],
    hint="""
        For an array of times your result is right. For a single time you return an array with one row in place of just
        the place: shape (1,) instead of (), or (1, 2) instead of (2,). Turning everything into at least one dimension
        is a handy trick inside of a function, but the extra axis must be gone in the end. The rule of the statement is
        that the result has the shape of t followed by the shape of x0; a single number has the empty shape (). In this
        exercise the trick is not needed at all, since arithmetic with 0-d arrays works like with any other.
    """,
    source="own",
)

minimum_jerk.mistake(
    "times are changed",
    edits=[("    tau = np.clip(t / T, 0.0, 1.0)\n", "    t /= T\n    tau = np.clip(t, 0.0, 1.0, out=t)\n")],
    hint="""
        Your path is right, but afterwards the caller's array of times holds shares between 0 and 1. An operator with an
        equals sign writes into the array on its left, and `np.asarray` makes no copy if the array has the right dtype
        already, so it is the caller's own array that you write into. The next line of their program, say a plot over t,
        shows nonsense. And with a read-only array your function stops with an error. The rule of the notebook is that
        inputs are never changed. Give the result of the division a name of its own.
    """,
    source="own",
)
