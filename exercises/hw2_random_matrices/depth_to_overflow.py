"""`depth_to_overflow(alpha, dtype=np.float32)`: after how many layers is alpha**N no longer a finite, nonzero float?"""

import math

import numpy as np

from exercises.bank import Exercise
from exercises.observation import typed


def _depth_to_overflow(alpha, dtype=np.float32):
    if alpha == 1:
        return math.inf
    n = 1
    while 0 < dtype(alpha) ** n < math.inf:
        n += 1
    return n


# Other right ways ----------------------------------------------------------------------------------------------------


def _exact_fractions(alpha, dtype=np.float32):
    from fractions import Fraction

    if alpha == 1:
        return math.inf
    info = np.finfo(dtype)
    digits = info.nmant + 1
    high = Fraction(2) ** info.maxexp * (1 - Fraction(1, 2 ** (digits + 1)))  # from here on it rounds to inf
    low = Fraction(2) ** (info.minexp - digits)  # half the smallest float: up to here it rounds to 0
    a = Fraction(alpha)

    def gone(n):
        return a**n >= high if a > 1 else a**n <= low

    n = max(1, math.floor((info.maxexp if a > 1 else info.minexp - digits) / math.log2(alpha)) - 1)
    while not gone(n):
        n += 1
    return n


def _mantissa_and_exponent(alpha, dtype=np.float32):
    if alpha == 1.0:
        return math.inf
    info = np.finfo(dtype)
    m, e, n = 0.5, 1, 0  # alpha**n == m * 2**e
    while True:
        m, shift = math.frexp(m * alpha)
        e, n = e + shift, n + 1
        if e > info.maxexp:
            return n
        lowest = info.minexp - info.nmant - 1
        if e < lowest or (e == lowest + 1 and m == 0.5) or e == lowest:
            return n


def _all_powers_at_once(alpha, dtype=np.float32):
    if alpha == 1:
        return math.inf
    powers = np.power(dtype(alpha), np.arange(16000).astype(dtype), dtype=dtype)
    return int(np.argmax(np.isinf(powers) | (powers == 0)))


def _search_by_halving(alpha, dtype=np.float32):
    if alpha == 1:
        return math.inf

    def gone(n):
        with np.errstate(all="ignore"):
            value = np.power(dtype(alpha), dtype(n))
        return bool(np.isinf(value) or value == 0)

    low, high = 0, 1
    while not gone(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if gone(middle) else (middle, high)
    return high


depth_to_overflow = Exercise(
    reference=_depth_to_overflow,
    accepted={
        "exact fractions": _exact_fractions,
        "mantissa and exponent": _mantissa_and_exponent,
        "all powers at once": _all_powers_at_once,
        "search by halving": _search_by_halving,
    },
    bonus=True,
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


def _off_the_step(draw, dtype):
    """An alpha from `draw()` whose power passes the limit clearly, so that each careful way gives the same depth."""
    info = np.finfo(dtype)
    while True:
        alpha = draw()
        limit = info.maxexp if alpha > 1 else info.minexp - info.nmant - 1
        steps = limit / math.log2(alpha)
        if abs(steps - round(steps)) * abs(math.log2(alpha)) > 0.005:
            return alpha


@depth_to_overflow.check(
    "alpha above 1, both dtypes, as an int",
    points=0.75,
    hint="Count the layers until the power is inf in the dtype that is asked for.",
)
def _growing(f, rng):
    draws = (lambda: float(rng.uniform(1.06, 1.3)), lambda: float(rng.uniform(1.4, 5.0)))
    return [typed(f(_off_the_step(draw, dtype), dtype)) for draw in draws for dtype in (np.float32, np.float64)]


@depth_to_overflow.check(
    "alpha below 1, both dtypes",
    points=0.5,
    hint="Below 1 the power shrinks; floats go on below the smallest normal number, with fewer digits.",
)
def _shrinking(f, rng):
    draws = (lambda: float(rng.uniform(0.1, 0.45)), lambda: float(rng.uniform(0.6, 0.94)))
    return [f(_off_the_step(draw, dtype), dtype) for draw in draws for dtype in (np.float32, np.float64)]


@depth_to_overflow.check(
    "powers of two and their reciprocals",
    points=0.5,
    hint="Here the limit is met exactly; ask numpy for the float, not only a logarithm.",
)
def _powers_of_two(f, rng):
    chosen = [2.0**k for k in rng.choice([2, 3, 5, 6], size=2, replace=False)]
    return [f(alpha, dtype) for a in chosen for alpha in (a, 1 / a) for dtype in (np.float32, np.float64)]


@depth_to_overflow.check(
    "alpha = 1, very large and very small alpha, the default dtype",
    points=0.25,
    hint="With alpha = 1 nothing ever changes, so no depth is deep enough.",
)
def _extremes(f, rng):
    large, default = float(10.0 ** rng.uniform(21, 30)), _off_the_step(lambda: float(rng.uniform(2, 5)), np.float32)
    return [f(1.0), f(1.0, np.float64), f(1), f(large), f(1 / large), f(default)]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@depth_to_overflow.mistake(
    "closed form, off by one at powers of two",
    core=True,
    hint="""
        Your closed form is nearly right: you divide the log of the limit by log α, round down and add 1. The trouble
        comes where the division has no remainder. For α = 2 in float64 the log of the largest float is 1024 (rounded),
        and 1024 + 1 is one too much: 2¹⁰²⁴ itself is already inf. The same happens for 4, 8, ½ and their relatives. A
        logarithm cannot tell whether the limit is just met or just missed. Use it to come near, and let the float
        itself decide about the last step.
    """,
    source="COURSE A2.10",
)
def _floor_plus_one(alpha, dtype=np.float32):
    if alpha == 1:
        return math.inf
    info = np.finfo(dtype)
    limit = math.log2(info.max) if alpha > 1 else info.minexp - info.nmant - 1
    return math.floor(limit / math.log2(alpha)) + 1


depth_to_overflow.mistake(
    "smallest normal number",
    edits=[("while 0 < dtype(alpha) ** n < math.inf:", "while np.finfo(dtype).tiny <= dtype(alpha) ** n < math.inf:")],
    core=True,
    hint="""
        For α above 1 you are right. Below 1 you stop too early: finfo(dtype).tiny is the smallest normal float, about
        1.2e-38 in float32. Below it floats go on, as subnormal numbers with fewer and fewer digits, down to 1.4e-45.
        With α = ½ you would lose the last layers: the power becomes 0 after 150 of them. The statement asks for the
        depth at which it is 0, not at which it begins to lose digits. Compare with zero itself.
    """,
    source="own",
)

depth_to_overflow.mistake(
    "smallest subnormal number",
    edits=[
        (
            "while 0 < dtype(alpha) ** n < math.inf:",
            "while np.finfo(dtype).smallest_subnormal < dtype(alpha) ** n < math.inf:",
        )
    ],
    core=True,
    hint="""
        For α above 1 you are right. Below 1 you stop as soon as the power has come down to the smallest float that
        there is. But this number is not yet 0, and what is a little smaller than it is rounded up to it again: only at
        half of it and below the power becomes 0. So your depth is too small, by one for α = ½, and by more for an α
        near 1, where several depths share this last float. The statement asks for the first depth with exactly 0.
    """,
    source="own",
)

depth_to_overflow.mistake(
    "the last finite depth",
    edits=[("    return n\n", "    return n - 1\n")],
    core=True,
    hint="""
        You return the largest depth at which everything is still fine. The statement asks for the next one: the
        smallest N for which α^N is inf (or 0). So all of your results are one too small. Check it with α = 2 in
        float32: the largest float is a little below 2¹²⁸, so 2¹²⁷ is still finite and 2¹²⁸ is inf, and the answer is
        128. Write down in words what your counter means when the loop stops, and compare it with the words of the
        statement.
    """,
    source="own",
)

depth_to_overflow.mistake(
    "dtype ignored",
    edits=[("    n = 1\n", "    dtype = np.float64\n    n = 1\n")],
    core=True,
    hint="""
        You always calculate in float64, whatever dtype is asked for. Python's own numbers and numpy's default are
        double precision, with a range up to 10³⁰⁸; float32 ends at 10³⁸. So for float32, which is also the default
        here, because networks are trained in it, your depths are about eight times too large. For α = 1.5 it is 219 and
        not 1751. The base has to be converted to the dtype before the power is taken, and the result must stay in it.
    """,
    source="own",
)

depth_to_overflow.mistake(
    "only growth",
    edits=[("if alpha == 1:", "if alpha <= 1:")],
    core=True,
    hint="""
        For α above 1 you are right. For α below 1 you return inf, as if nothing could go wrong. But a factor of 0.5 per
        layer is as bad as a factor of 2: after some depth the signal is so small that it is rounded to exactly 0, and
        then every input gives the same output. This is the vanishing side of the story, and the statement asks for the
        smallest N with α^N equal to inf or to 0. Only α = 1 itself goes on for ever.
    """,
    source="COURSE A2.10",
)


@depth_to_overflow.mistake(
    "stuck at the smallest float",
    core=True,
    hint="""
        You multiply step by step, and round at every step. For α between ½ and 1 this product never becomes 0: when it
        has reached the smallest float, α times this number is more than half of it, so it is rounded up to the same
        float again, for ever. The true power α^N does go on shrinking, and the statement asks when this number, rounded
        once, is 0: 987 layers for α = 0.9 in float32. So compute each power afresh, and not from the rounded one
        before.
    """,
    source="ERRATA 11",
)
def _running_product(alpha, dtype=np.float32):
    product = dtype(1)
    for n in range(1, 16001):
        product = product * dtype(alpha)
        if product == 0 or np.isinf(product):
            return n
    return math.inf


@depth_to_overflow.mistake(
    "Python's floats",
    core=True,
    hint="""
        You take powers of Python's own floats and compare with the limits of the dtype. For float32 this works, since
        Python's floats have the larger range. For float64 it cannot: where numpy returns inf, Python's ** raises an
        OverflowError, and your function ends there. No double can be larger than the largest double, so the comparison
        could never succeed anyway. Numpy's scalar types return inf, with a warning at most. Convert α to the dtype
        first, and look at what the power becomes.
    """,
    source="ERRATA 9",
)
def _python_floats(alpha, dtype=np.float32):
    if alpha == 1:
        return math.inf
    info = np.finfo(dtype)
    n = 1
    while float(info.smallest_subnormal) / 2 < alpha**n <= float(info.max):
        n += 1
    return n


depth_to_overflow.mistake(
    "alpha = 1 gives 0",
    edits=[("return math.inf", "return 0")],
    core=True,
    hint="""
        For α = 1 you return 0. Read as an answer, it says that the signal is broken before the first layer, and the
        truth is the opposite: a factor of exactly 1 never breaks anything, at no depth. The smallest N with some
        property, if there is no such N, is by convention infinity: then comparisons such as “is my network of 100
        layers still safe?” come out right without a special case. Return math.inf there, as the statement says.
    """,
    source="COURSE A2.10",
)

depth_to_overflow.mistake(
    "a float in place of an int",
    edits=[("    return n\n", "    return float(n)\n")],
    hint="""
        Your numbers are right, but they are floats: 219.0 in place of 219. A depth is a count, and whoever wants to use
        it, as the argument of range or as an index, gets an error from a float. Results of np.ceil, np.floor and
        np.argmax are numpy numbers, the first two of them floats; math.ceil and math.floor return an int. The one
        exception is α = 1, where the result is math.inf, and this is a float by its nature. Convert the count in the
        last line.
    """,
    source="own",
)
