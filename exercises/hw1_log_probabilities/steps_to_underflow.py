"""`steps_to_underflow(p, dtype=np.float64)`: after how many factors is a running product of probabilities exactly 0?"""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import probe, typed


def _steps_to_underflow(p, dtype=np.float64):
    p = dtype(p)
    product = dtype(1)
    n = 0
    while product > 0:
        product = product * p
        n += 1
    return n


# Other right ways ----------------------------------------------------------------------------------------------------


def _by_cumprod(p, dtype=np.float64):
    return int(np.argmax(np.cumprod(np.full(1200, p, dtype=dtype)) == 0)) + 1


def _rounded_at_each_step(p, dtype=np.float64):
    factor = float(dtype(p))  # exact in double precision, and so is each product before it is rounded
    product, n = 1.0, 0
    while product != 0:
        product = float(dtype(product * factor))
        n += 1
    return n


def _by_torch(p, dtype=np.float64):
    product = torch.ones((), dtype=getattr(torch, np.dtype(dtype).name))
    factor = torch.tensor(p, dtype=product.dtype)
    for n in range(1, 1200):
        product = product * factor
        if product.item() == 0:
            return n


steps_to_underflow = Exercise(
    reference=_steps_to_underflow,
    accepted={
        "np.cumprod": _by_cumprod,
        "Python floats, rounded at each step": _rounded_at_each_step,
        "torch tensors": _by_torch,
    },
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


# p = k/1024 has no rounding of its own in any dtype. Both lists were found by running all k.
# STEPWISE: neither the power p**n nor logarithms give the step. BELOW_HALF: the power does, logarithms do not.
STEPWISE = {
    "float64": (110, 181, 189, 268, 270, 277, 309, 312, 319),
    "float32": (57, 86, 181, 186, 260, 265, 270, 274, 279, 288, 314, 318),
    "float16": (57, 86, 179, 180, 181, 264, 266, 268, 270, 296, 320, 322),
}
BELOW_HALF = {
    "float64": (43, 82, 122, 159, 192, 222, 254, 299, 339, 384, 426, 473),
    "float32": (44, 102, 139, 172, 203, 233, 266, 308, 344, 385, 419, 459),
    "float16": (58, 93, 150, 182, 194, 225, 272, 308, 352, 395, 436, 480),
}


def _call_with(answer, ps, dtype):
    import numpy as np

    return [answer(p, getattr(np, dtype)) for p in ps]


def _counts(f, rng, dtype):
    chosen = [*rng.choice(STEPWISE[dtype], 2), *rng.choice(BELOW_HALF[dtype], 2), *rng.integers(41, 513, size=2)]
    return probe(_call_with, f, ps=[int(k) / 1024 for k in chosen], dtype=dtype)


@steps_to_underflow.check(
    "a power of 1/2 in float16, by hand, as an integer",
    points=0.5,
    hint="Write the powers of p on paper, and return the count as an int.",
)
def _by_hand(f, rng):
    (n,) = probe(_call_with, f, ps=[2.0 ** -int(rng.integers(3, 6))], dtype="float16")
    return typed(n)


@steps_to_underflow.check(
    "the right count in float64",
    points=0.5,
    hint="Multiply factor by factor and count until the product is exactly 0.",
)
def _in_float64(f, rng):
    return _counts(f, rng, "float64")


@steps_to_underflow.check(
    "the right count in float32",
    points=0.5,
    hint="Both the factor and the running product must have this dtype.",
)
def _in_float32(f, rng):
    return _counts(f, rng, "float32")


@steps_to_underflow.check(
    "the right count in float16",
    points=0.5,
    hint="Both the factor and the running product must have this dtype.",
)
def _in_float16(f, rng):
    return _counts(f, rng, "float16")


# Wrong answers, as students write them --------------------------------------------------------------------------------


steps_to_underflow.mistake(
    "off by one",
    edits=[("product = dtype(1)", "product = p")],
    core=True,
    hint="""
        Your count is one too small, always. Think about what the counter means: after n rounds of the loop, how many
        factors p are in the product? When you start with the product equal to p, one factor is already in it, but your
        counter still says zero. So at each moment the counter is one behind. Try it on paper with p = 0.25 and half
        precision and write the product and the counter side by side, line by line. Start from the empty product, the
        number that changes nothing when you multiply by it, and let each multiplication add one to the counter.
    """,
    source="COURSE A1.1",
)

steps_to_underflow.mistake(
    "ignores dtype",
    edits=[("p = dtype(p)", "p = float(p)"), ("product = dtype(1)", "product = 1.0")],
    core=True,
    hint="""
        Your function gives the same count for every dtype, so the argument has no effect. A plain Python float is
        always a float64, with 11 bits for the exponent. float32 has 8 of them and float16 only 5, so a product of the
        same factors reaches zero much earlier there: for p = 0.5 the visible test shows 1075 steps in double precision,
        and single precision needs far fewer. Make sure that both the factor and the running product are numbers of the
        dtype that was asked for, before the loop begins. After a multiplication of two such numbers, NumPy keeps the
        dtype for you.
    """,
    source="COURSE A1.1",
)

steps_to_underflow.mistake(
    "smallest normal number",
    edits=[("product > 0", "product >= np.finfo(dtype).tiny")],
    core=True,
    hint="""
        You stop when the product falls below np.finfo(dtype).tiny. That is the smallest normal number, and it is not
        the end. Below it there are the subnormal numbers: the exponent stays at its lowest value and the leading bits
        become zero one after the other, so the floats go on down to zero in equal little steps. Precision gets lost
        there, but the product is not yet 0. In double precision this adds 52 more halvings for p = 0.5. The question
        asks when the product is exactly equal to zero, so compare with zero and with nothing else.
    """,
    source="COURSE A1.1",
)

steps_to_underflow.mistake(
    "machine epsilon",
    edits=[("product > 0", "product > np.finfo(dtype).eps")],
    core=True,
    hint="""
        You stop at np.finfo(dtype).eps. Machine epsilon tells how far the next float after 1 is away; it is about
        relative precision. It says nothing about how small a float can be. A float keeps an exponent of its own, so
        1e-20 or 1e-200 are stored just as precisely as 1.0 in double precision, although they are far below epsilon. A
        sum 1 + 1e-20 forgets its small part, but a product does not. Here we only multiply. So look for the moment when
        the product itself is exactly zero, and let the loop run that long.
    """,
    source="seen often: eps read as the smallest float",
)

steps_to_underflow.mistake(
    "close to zero is not zero",
    edits=[("product > 0", "not np.isclose(product, 0)")],
    core=True,
    hint="""
        You ask whether the product is close to zero. np.isclose has a fixed absolute tolerance of 1e-8, so it says yes
        to every number below that, and your loop ends after a few dozen factors at most, in every dtype. But 1e-8 is a
        perfectly good number: its logarithm is about -18, and nothing is lost so far. Underflow means that the stored
        number is exactly 0, and that its logarithm is -inf from there on. Comparing floats with == is often a bad idea;
        here it is the right one, because exact zero is what the question is about.
    """,
    source="own",
)


@steps_to_underflow.mistake(
    "p ** n instead of a running product",
    hint="""
        You compute the power p ** n anew for each n. A power is rounded once, at the end. A running product is rounded
        after each factor, and close to zero this matters: among the subnormal numbers only a few bits are left, and
        rounding to the nearest one may go up. Then the product stays above zero for a step longer than the exact power
        would. Your count is right for many p, and one off for others. The statement asks what happens when you multiply
        factor after factor, because that is how a likelihood is computed. Keep one product and multiply it by p in each
        round.
    """,
    source="COURSE A1.1, statement read as p**n",
)
def _power(p, dtype=np.float64):
    n = 1
    while dtype(p) ** n > 0:
        n += 1
    return n


@steps_to_underflow.mistake(
    "closed form with logarithms",
    hint="""
        You divide two logarithms to get the count. That is a good estimate, but it treats floats as if they stopped at
        the smallest positive number. They do not: rounding decides. A product that is above half of the smallest
        positive number is rounded up to it, and one below is rounded to zero; and among the subnormal numbers each
        multiplication is rounded, so that small errors add up. So the estimate is right for p = 0.5 and one off for
        about half of the other factors. Do not predict the rounding, let it happen: multiply in the asked dtype, factor
        after factor, and count.
    """,
    source="own; measured: 45 % of p = k/1024 are one off",
)
def _closed_form(p, dtype=np.float64):
    smallest = float(np.finfo(dtype).smallest_subnormal)
    return math.floor(math.log(smallest) / math.log(p)) + 1


@steps_to_underflow.mistake(
    "rounded only for the comparison",
    hint="""
        Your running product is a double precision number, and you convert it to the asked dtype only for the
        comparison. So the product never feels the small dtype: all its bits are kept from step to step. A real product
        in float16 or float32 is rounded after every factor, and among the subnormal numbers this rounding changes the
        result, often enough to move the count by one. For float64 your answer is right, which is why it looks fine at
        first. Let the running product itself have the asked dtype, from the first step on; then each multiplication
        rounds as the real computation does.
    """,
    source="own",
)
def _rounded_only_at_the_end(p, dtype=np.float64):
    product = 1.0
    n = 0
    while dtype(product) > 0:
        product = product * p
        n += 1
    return n
