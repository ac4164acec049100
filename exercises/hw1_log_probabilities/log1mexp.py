"""`log1mexp(x)`: log(1 - e^x) for x ≤ 0, accurate to the last digits for every x."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _log1mexp(x):
    x = np.asarray(x)
    if x.dtype.kind != "f":
        x = x.astype(np.float64)
    near_zero = x > -math.log(2)
    return np.where(near_zero, np.log(-np.expm1(x)), np.log1p(-np.exp(x)))


# Other right ways -----------------------------------------------------------------------------------------------------


def _two_masks(x):
    x = np.asarray(x)
    result = np.empty(x.shape, dtype=x.dtype if x.dtype.kind == "f" else np.float64)
    near = x > -1.0  # any place between about -0.2 and -2 will do
    result[near] = np.log(-np.expm1(x[near]))
    result[~near] = np.log1p(-np.exp(x[~near]))
    return result


def _pure_loops(x):
    x = np.asarray(x)

    def one(v):
        if v == 0:
            return -math.inf
        return math.log(-math.expm1(v)) if v > -0.5 else math.log1p(-math.exp(v))

    values = [one(float(v)) for v in x.ravel()]
    return np.array(values, dtype=x.dtype if x.dtype.kind == "f" else np.float64).reshape(x.shape)


def _torch_where(x):
    t = torch.tensor(np.array(x))
    t = t if t.is_floating_point() else t.double()
    return torch.where(t > -math.log(2), torch.log(-torch.expm1(t)), torch.log1p(-torch.exp(t))).numpy()


def _by_tanh(x):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    t = np.tanh(-x / 2)  # 1 - e^x = 2t / (1 + t)
    return np.where(x > -1, np.log(2 * t / (1 + t)), np.log1p(-np.exp(x)))


log1mexp = Exercise(
    reference=_log1mexp,
    accepted={
        "two masks, another place to switch": _two_masks,
        "pure Python loops": _pure_loops,
        "torch.where": _torch_where,
        "through tanh": _by_tanh,
    },
    banned=("torch.nn", "torch.special", "torch.distributions", "scipy"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@log1mexp.check(
    "logs of fractions, by hand",
    points=0.25,
    hint="For x = log(p) the answer is log(1 - p), which you can work out on paper.",
)
def _by_hand(f, rng):
    parts = rng.choice(np.arange(3.0, 20.0), size=4, replace=False)
    return [typed(f(np.log(np.stack([1 / parts, 1 - 1 / parts])))), typed(f(-math.log(parts[0])))]


def _exact(x):
    """log(1 - e^x) in decimal arithmetic with at least 35 digits to spare, rounded once."""
    from decimal import Decimal, localcontext

    with localcontext() as context:
        result = []
        for v in x:
            context.prec = 60 + math.ceil(-v / 2)  # e^-700 has 304 zeros behind the point
            result.append(float((1 - Decimal(float(v)).exp()).ln()))
        return np.array(result)


def _near_zero(rng):
    return -(10.0 ** rng.uniform([-20, -17, -14, -11.5, -9.5, -7, -4, -2.5], [-17, -14, -11.5, -9.5, -7, -4, -2.5, -1]))


@log1mexp.check(
    "x just below 0, to 13 digits",
    points=0.5,
    rtol=1e-13,
    atol=1e-315,
    expect=lambda rng: _exact(_near_zero(rng)),
    hint="For tiny x, exp(x) is rounded to 1 and 1 - exp(x) has lost its digits.",
)
def _just_below_zero(f, rng):
    return f(_near_zero(rng))


def _far_from_zero(rng):
    return -rng.uniform([2, 10, 19.2, 22, 34, 38, 100, 400], [10, 19.2, 22, 34, 36, 100, 400, 700])


@log1mexp.check(
    "x far below 0, to 13 digits",
    points=0.5,
    rtol=1e-13,
    atol=1e-315,
    expect=lambda rng: _exact(_far_from_zero(rng)),
    hint="For very negative x the answer is close to -exp(x): tiny, but not 0.",
)
def _far_below_zero(f, rng):
    return f(_far_from_zero(rng))


@log1mexp.check(
    "small and large x mixed in one array",
    points=0.25,
    rtol=1e-13,
    atol=1e-315,
    hint="The formula must be chosen for each entry on its own.",
)
def _mixed(f, rng):
    return typed(f(np.concatenate([_near_zero(rng), _far_from_zero(rng)])[rng.permutation(16)].reshape(4, 4)))


@log1mexp.check("0, -inf and nan", points=0.25, hint="e^0 = 1 and e^-inf = 0; nan stays nan.")
def _special_values(f, rng):
    x = np.array([0.0, -np.inf, np.nan, -rng.uniform(0.1, 3)])
    return typed(f(x[rng.permutation(4)]))


@log1mexp.check(
    "dtype of the result, and the input is left as it was",
    points=0.25,
    rtol=1e-5,
    atol=1e-20,
    hint="float32 stays float32, integers become float64, and you may not write into the input.",
)
def _dtypes_and_input(f, rng):
    x = -rng.uniform(0.01, 4, size=(3, 4))
    single = (x * np.array([[1e-6], [1.0], [8.0]])).astype(np.float32)
    whole = -rng.integers(1, 30, size=(3, 4))
    return [kept(f, array) for array in (x.copy(), locked(x), strided(x), single, whole)]


# Wrong answers, as students write them --------------------------------------------------------------------------------


# Branches swapped is the same program, but for a last bit now and then.
@log1mexp.mistake(
    "digits lost at both ends",
    core=True,
    hint="""
        Your result loses its digits at both ends, as the plain formula log(1 - exp(x)) does. For x close to 0, exp(x)
        is rounded to a number close to 1, and after the subtraction only the rounding error is left: at x = -1e-20 you
        get log(0) = -inf in place of -46.05. For x far below 0, 1 minus a tiny number is rounded to exactly 1, and the
        log is 0, although the answer is about -exp(x). NumPy has two functions for these cases: expm1 saves one end and
        log1p the other. If you have both in your code already, each stands on the wrong side.
    """,
    source="COURSE A1.9",
)
def _naive(x):
    return np.log(1 - np.exp(np.asarray(x)))


@log1mexp.mistake(
    "only log1p(-exp(x))",
    core=True,
    hint="""
        Your formula is right to the last digit for x far below 0, because log1p knows what to do with a tiny argument.
        Look at the other end. For x = -1e-20 the exponential is rounded to exactly 1, and then log1p(-1) is -inf, but
        the answer is about -46.05. The digits were lost in exp, before log1p could help. Near 0 you need a function
        that gives exp(x) - 1 directly, without rounding to 1 first. So there are two formulas for two ranges; a good
        place to switch is where exp(x) is one half.
    """,
    source="COURSE A1.9",
)
def _only_log1p(x):
    return np.log1p(-np.exp(np.asarray(x)))


@log1mexp.mistake(
    "only log(-expm1(x))",
    core=True,
    hint="""
        Your formula is right to the last digit for x close to 0, because expm1 keeps the small difference from 1. Look
        at the other end. For x = -40 the value of -expm1(x) should be 1 - 4.25e-18, but the floats just below 1 are
        about 1e-16 apart, so it is rounded to 1 and its log is 0. The answer is about -4.25e-18, and a float can hold
        that easily. When the argument of the log is close to 1, use the function that takes only the small part of it.
        So there are two formulas for two ranges, and you need both.
    """,
    source="COURSE A1.9",
)
def _only_expm1(x):
    return np.log(-np.expm1(np.asarray(x)))


log1mexp.mistake(
    "switches only right beside zero",
    edits=[("x > -math.log(2)", "x > -1e-10")],
    hint="""
        You switch to expm1 only for x extremely close to 0. But digits are lost long before that. At x = -1e-6 the
        exponential is 0.999999, rounded at the sixteenth digit; after the subtraction from 1 only about ten good digits
        are left. Each power of ten closer to 0 costs one more digit. The formula with expm1 is accurate in that whole
        range, and further down as well, so there is no reason to come so late. The natural place to switch is where the
        two dangers are equally far away: where exp(x) is one half.
    """,
    source="own",
)

log1mexp.mistake(
    "switches far too late",
    edits=[("x > -math.log(2)", "x > -20")],
    hint="""
        You use expm1 down to -20, and only then log1p. But for x below about -1, -expm1(x) comes close to 1, and there
        floats are about 1e-16 apart, while the information sits in the small distance from 1. At x = -19 this distance
        is 5.6e-9, so only about seven of its digits survive, and the log has only these seven digits too. log1p is
        given the small number itself and keeps all digits. Move your switch much closer to 0: at the place where exp(x)
        is one half, both formulas lose nothing.
    """,
    source="own",
)

log1mexp.mistake(
    "first-order formula near zero",
    edits=[("x > -math.log(2)", "x > -1e-2"), ("np.log(-np.expm1(x))", "np.log(-x)")],
    core=True,
    hint="""
        Near 0 you replace 1 - exp(x) by -x, the first term of its series. For x = -1e-20 this is as good as exact. For
        larger x it is not: the next term is x²/2, so the error of your log is about half of the size of x, and at x =
        -1e-3 you have only a few correct digits. Between the range where the series is good and the range where log1p
        is good there is a gap. You do not need a series at all: NumPy has a function for exp(x) - 1 that is accurate
        for every x.
    """,
    source="own",
)

log1mexp.mistake(
    "plus sign",
    edits=[("np.log(-np.expm1(x)), np.log1p(-np.exp(x))", "np.log(2 + np.expm1(x)), np.log1p(np.exp(x))")],
    core=True,
    hint="""
        You compute log(1 + e^x), the softplus function. The name of this exercise hides a letter: log1mexp has an m for
        minus. With log p = x the function gives log(1 - p), the log-probability of the opposite event. This must be 0
        or negative, as every log-probability is, and yours is positive. Check it with a fair coin: for x = -log 2 the
        opposite event has the probability one half too, so the answer equals x. Look for the sign in front of the
        exponential in each of your branches.
    """,
    source="own",
)

log1mexp.mistake(
    "log of a negative number",
    edits=[("np.log(-np.expm1(x))", "np.log(np.expm1(x))")],
    core=True,
    hint="""
        Near 0 you return nan. expm1(x) is exp(x) - 1, in this order, and for x < 0 it is negative; the log of a
        negative number is nan. The formula wants 1 - exp(x), the other way round, so there is a minus sign to put in
        front before you take the log. Your other branch is fine. Whenever nan appears for an ordinary input, look for
        one of three things: a log or a root of a negative number, 0/0, or inf - inf. Print what goes into the log for
        one bad entry, and you will see it.
    """,
    source="own",
)

log1mexp.mistake(
    "sign of x",
    edits=[("    near_zero", "    x = -x\n    near_zero")],
    core=True,
    hint="""
        You compute log(1 - e^-x). Some books define this function for positive arguments, and then the minus sign
        belongs there. In this course x is a log-probability, so x ≤ 0 already, and e^x is the probability itself. With
        one more minus sign the exponential is larger than 1, the difference is negative, and its log is nan for every x
        below 0. Read the signature and the range of the argument in the statement again: the formula needs e to the
        power of x, just as it comes in.
    """,
    source="own; Mächler's log1mexp takes a > 0",
)


@log1mexp.mistake(
    "epsilon inside the log",
    core=True,
    hint="""
        You add a small number before the log, so that it never sees a 0. That hides the symptom and keeps the illness.
        At x = -1e-20 you return about -27.6, which is the log of your own small number and has nothing to do with x;
        the answer is -46.05. Far below 0 the exponential is lost in 1 - exp(x), and your small number, not the
        exponential, decides the result. And at x = 0 the right answer is -inf. Do not protect the log; see to it that
        the difference from 1 is computed without loss in the first place. NumPy has functions for that.
    """,
    source="own",
)
def _probability_plus_epsilon(x):
    return np.log(1 - np.exp(np.asarray(x)) + 1e-12)


@log1mexp.mistake(
    "probability clipped",
    core=True,
    hint="""
        You clip 1 - exp(x) at a small number, so all x close to 0 give the same answer, -16.118. But here the value
        carries information over a huge range: at x = -1e-20 the answer is -46.05, and a float has no trouble with such
        a number. At x = 0 the opposite event is impossible and the answer is -inf, which is right and needed. Clipping
        also does nothing for x far below 0, where your result is rounded to 0. Compute the small difference directly,
        with a function that is made for it, and then no value has to be protected.
    """,
    source="own",
)
def _probability_clipped(x):
    return np.log(np.clip(1 - np.exp(np.asarray(x)), 1e-7, 1))


@log1mexp.mistake(
    "one branch for the whole array",
    hint="""
        You have both formulas, and you choose one of them for the whole array. A plain if wants a single truth value,
        so you ask whether any entry is close to 0, and one such entry decides for all the others: those far below 0
        then lose their digits. For an array of one kind everything looks right, and this makes the mistake hard to
        find. Each entry needs its own choice. np.where takes a condition array and two result arrays and picks entry by
        entry; it computes both branches everywhere, and that is fine here. Test it with -1e-20 and -40 in one array.
    """,
    source="own",
)
def _one_branch_for_all(x):
    x = np.asarray(x)
    if np.any(x > -math.log(2)):
        return np.log(-np.expm1(x))
    return np.log1p(-np.exp(x))


@log1mexp.mistake(
    "result written into an integer array",
    hint="""
        For floats your function is right. For an array of integers, such as -1 and -2, you make the result with
        zeros_like; it becomes an integer array too, and each value that you write into it is cut to a whole number.
        log(1 - e^-1) = -0.4587 turns into 0, and a 0 says that the opposite event is certain. There is no warning. The
        contract says that integers become float64. Convert the input in the first line if it is not a float array, and
        let all later arrays take their dtype from the converted one.
    """,
    source="own",
)
def _integer_result(x):
    x = np.asarray(x)
    result = np.zeros_like(x)
    near = x > -math.log(2)
    result[near] = np.log(-np.expm1(x[near]))
    result[~near] = np.log1p(-np.exp(x[~near]))
    return result


@log1mexp.mistake(
    "written into the input",
    hint="""
        Your numbers are right, but afterwards the caller's array holds your results in place of the log-probabilities
        that were in it. np.asarray does not copy an array; it returns the very same one, so an assignment to some of
        its entries changes the caller's data. With a read-only array your function raises an error. Create a new array
        for the results, with the same shape and a float dtype, and write there. A function with clean manners reads its
        arguments and never writes to them; then nobody has to wonder in which order to call things.
    """,
    source="MISCONCEPTIONS 18",
)
def _written_into_the_input(x):
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    near = x > -math.log(2)
    far = ~near
    x[near] = np.log(-np.expm1(x[near]))
    x[far] = np.log1p(-np.exp(x[far]))
    return x
