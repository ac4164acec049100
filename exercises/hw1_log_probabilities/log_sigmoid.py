"""`log_sigmoid(z)`: log σ(z), accurate to the last digits for every logit."""

import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import typed


def _log_sigmoid(z):
    z = np.asarray(z)
    if z.dtype.kind != "f":
        z = z.astype(np.float64)
    return np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))


# Other right ways -----------------------------------------------------------------------------------------------------


def _by_logaddexp(z):
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    return -np.logaddexp(z.dtype.type(0), -z)


def _two_branches(z):
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    return np.where(z > 0, -np.log1p(np.exp(-z)), z - np.log1p(np.exp(z)))


def _masked_halves(z):
    z = np.asarray(z)
    result = np.empty(z.shape, dtype=z.dtype if z.dtype.kind == "f" else np.float64)
    right = z >= 0
    result[right] = -np.log1p(np.exp(-z[right]))
    left = ~right
    result[left] = z[left] - np.log1p(np.exp(z[left]))
    return result


def _pure_loops(z):
    z = np.asarray(z)

    def one(v):
        if v >= 0:
            return -math.log1p(math.exp(-v))
        return v - math.log1p(math.exp(v))

    values = [one(float(v)) for v in z.ravel()]
    return np.array(values, dtype=z.dtype if z.dtype.kind == "f" else np.float64).reshape(z.shape)


# Library one-liners ---------------------------------------------------------------------------------------------------


def _torch_logsigmoid(z):
    t = torch.tensor(np.array(z))
    return torch.nn.functional.logsigmoid(t if t.is_floating_point() else t.double()).numpy()


def _scipy_log_expit(z):
    from scipy.special import log_expit

    z = np.asarray(z)
    return log_expit(z if z.dtype.kind == "f" else z.astype(np.float64))


log_sigmoid = Exercise(
    reference=_log_sigmoid,
    accepted={
        "-np.logaddexp(0, -z)": _by_logaddexp,
        "two branches by np.where": _two_branches,
        "two branches by masks": _masked_halves,
        "pure Python loops": _pure_loops,
    },
    witnesses={"torch logsigmoid": _torch_logsigmoid, "scipy.special.log_expit": _scipy_log_expit},
    banned=("torch.nn", "torch.special", "scipy"),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@log_sigmoid.check(
    "logs of odds, by hand",
    points=0.25,
    hint="For z = log(odds), σ(z) is odds/(1 + odds): a fraction that you can write down.",
)
def _by_hand(f, rng):
    odds = rng.choice(np.arange(2.0, 20.0), size=4, replace=False)
    return [typed(f(np.log(np.stack([odds, 1 / odds])))), typed(f(math.log(odds[0])))]


@log_sigmoid.check(
    "large logits of both signs",
    points=0.75,
    rtol=1e-12,
    atol=1e-300,
    hint="Try -1000 and +1000: no exponent that you compute should be above 0.",
)
def _large_logits(f, rng):
    sizes = np.concatenate(
        [rng.uniform(30, 300, size=4), rng.uniform(750, 5000, size=4), rng.uniform(20.2, 22, size=2)]
    )
    return [typed(f(sizes)), typed(f(-sizes)), typed(f(np.concatenate([sizes, -sizes, rng.normal(size=3)])))]


@log_sigmoid.check(
    "the small values for positive logits, to 12 digits",
    points=0.5,
    rtol=1e-12,
    atol=1e-300,
    hint="For z = 40 the answer is about -4.248e-18, not 0.",
)
def _tail(f, rng):
    return typed(f(rng.uniform([5, 15, 21, 25, 30, 34, 38, 60, 200], [15, 21, 25, 30, 34, 38, 60, 200, 600])))


@log_sigmoid.check("+inf, -inf and nan", points=0.25, hint="σ(+inf) = 1 and σ(-inf) = 0; nan stays nan.")
def _special_values(f, rng):
    z = np.array([np.inf, -np.inf, np.nan, rng.normal(), 0.0])
    return typed(f(z[rng.permutation(5)]))


@log_sigmoid.check(
    "dtype of the result, and the input is left as it was",
    points=0.25,
    rtol=1e-6,
    atol=1e-25,
    hint="float32 stays float32, integers become float64, and you may not write into the input.",
)
def _dtypes_and_input(f, rng):
    z = rng.normal(scale=4.0, size=(3, 4))
    single = (z + np.array([[0.0], [40.0], [-200.0]])).astype(np.float32)
    whole = rng.integers(-9, 10, size=(3, 4))
    return [kept(f, array) for array in (z.copy(), locked(z), strided(z), single, whole)]


# Wrong answers, as students write them --------------------------------------------------------------------------------


@log_sigmoid.mistake(
    "log of the sigmoid",
    core=True,
    hint="""
        You compute the sigmoid and take its log. At both ends the sigmoid has already lost what the log needs. For z =
        -1000 the sigmoid underflows to 0 and the log is -inf, although the answer is -1000. For z = 40 the sigmoid is
        rounded to exactly 1 and the log is 0, although the answer is -4.248e-18. That second loss looks small, but a
        gradient or a likelihood ratio can hang on it. Simplify the formula on paper before you write code: the log of
        one over something is minus a log. Then look for a form where no exponent is ever positive.
    """,
    source="COURSE A1.5",
)
def _log_of_sigmoid(z):
    return np.log(1 / (1 + np.exp(-np.asarray(z))))


@log_sigmoid.mistake(
    "log of 1 + exp(-z)",
    core=True,
    hint="""
        You have simplified the formula to minus the log of 1 + e^-z, and this is a good step. Two problems remain. For
        z = -1000 the exponential overflows. For z = 40 the exponential is so small that 1 + e^-40 is rounded to exactly
        1, and the log gives 0 in place of -4.248e-18. Even for smaller z some digits of the exponential get lost in the
        addition to 1. NumPy has a function for the log of one plus a small number that never forms this sum; use it,
        and for negative z write the formula such that the exponent is negative there too.
    """,
    source="own",
)
def _log_of_one_plus(z):
    return -np.log(1 + np.exp(-np.asarray(z)))


@log_sigmoid.mistake(
    "one formula for both signs: -log1p(exp(-z))",
    core=True,
    hint="""
        Your formula is excellent for z ≥ 0: the exponential is at most 1, and log1p keeps all the digits of the small
        results. For negative z the exponent -z is positive, and it grows until the exponential overflows: at z = -1000
        you return -inf in place of -1000. Pull the large part out there. For negative z, 1 + e^-z is e^-z times (1 +
        e^z); take minus the log of this product, and a plain z appears beside a term in which the exponent is negative.
        So you need a formula for each sign, or one that uses the absolute value of z.
    """,
    source="COURSE A1.5",
)
def _right_branch_only(z):
    return -np.log1p(np.exp(-np.asarray(z)))


@log_sigmoid.mistake(
    "one formula for both signs: z - log1p(exp(z))",
    core=True,
    hint="""
        Your formula is excellent for z ≤ 0, where the exponential is at most 1. For large positive z two things go
        wrong. exp(z) overflows at 1000, and you get -inf for a logit that means almost certain. And already at z = 40
        you subtract two nearly equal numbers, 40 and log1p(e^40), and all digits of the small difference are lost: the
        answer is about -4.248e-18, and you return 0. For positive z use the other form of the same function, in which
        the exponent is -z and nothing is subtracted. The sign of z decides which form is safe.
    """,
    source="own",
)
def _left_branch_only(z):
    z = np.asarray(z)
    return z - np.log1p(np.exp(z))


@log_sigmoid.mistake(
    "branches swapped",
    core=True,
    hint="""
        You have both formulas, and each stands on the wrong side. Where z is negative you use the one with the exponent
        -z, which is positive there and overflows; where z is positive you use the one with the exponent z, which
        overflows too. Near zero both formulas agree, so small tests do not notice it. PyTorch once had a bug like this
        in its own loss. The rule is easy to remember: the number that you give to exp must never be positive. Check the
        two branches against this rule with z = -1000 and z = 1000.
    """,
    source="MISCONCEPTIONS 27, pytorch PR 2221",
)
def _branches_swapped(z):
    z = np.asarray(z)
    return np.where(z < 0, -np.log1p(np.exp(-z)), z - np.log1p(np.exp(z)))


log_sigmoid.mistake(
    "maximum in place of the minimum",
    edits=[("np.minimum(z, 0)", "np.maximum(z, 0)")],
    core=True,
    hint="""
        Your second term, the log1p with the absolute value, is right. The first term has the wrong sign of z switched
        on: you keep z where it is positive, and it is needed where it is negative. Think of the two ends. For very
        negative z the sigmoid is about e^z, so its log is about z. For very positive z the sigmoid is about 1, and its
        log is about 0. Your result grows with z on the right side, but the log of a probability can never be above 0.
        The softplus function has this other first term; log σ is minus softplus of -z.
    """,
    source="MISCONCEPTIONS 27",
)

log_sigmoid.mistake(
    "absolute value forgotten",
    edits=[("np.exp(-np.abs(z))", "np.exp(-z)")],
    core=True,
    hint="""
        You have the first term of the stable formula, which is z for negative logits and 0 otherwise. For this term to
        be right, the second one must be log1p(e^-|z|), with the absolute value, and yours has e^-z. For positive z that
        makes no difference. For negative z the part which you have pulled out as z is still inside the exponential, so
        it is counted twice, and for z = -1000 it overflows as well. Write down for a negative z what is left when e^-z
        has been taken out of 1 + e^-z, and look at the sign of the exponent.
    """,
    source="own",
)


@log_sigmoid.mistake(
    "probability clipped",
    core=True,
    hint="""
        You clip the sigmoid away from 0 and 1 before the log, so no infinity can appear. But every logit below about
        -16 then gets the same value, -16.118: a mistake at z = -20 and one at z = -1000 look equally bad, and the
        gradient there is 0, so a model cannot learn from its worst mistakes. On the other side a sure and right answer
        can never get a log-probability of 0. The answer for z = -1000 is about -1000, an ordinary number. It can be
        computed without any probability in between, and then there is nothing to clip.
    """,
    source="COURSE A1.5; MISCONCEPTIONS 25",
)
def _clipped_probability(z):
    p = 1 / (1 + np.exp(-np.asarray(z)))
    return np.log(np.clip(p, 1e-7, 1 - 1e-7))


log_sigmoid.mistake(
    "minus sign lost",
    edits=[("np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))", "np.log1p(np.exp(-np.abs(z))) - np.minimum(z, 0)")],
    core=True,
    hint="""
        Your numbers have the right size, but they are positive. σ(z) is a probability, so it is at most 1 and its log
        is at most 0. What you return is softplus of -z, the loss of a positive example with the logit z; it is minus
        the log-probability. Here the log-probability itself is asked for, and the loss in the next notebook will add
        the minus sign. At z = 0 the answer is the log of one half, about -0.6931, and you return +0.6931. Find the
        place where the fraction turned into a log, and count the signs again.
    """,
    source="own",
)

log_sigmoid.mistake(
    "sign of z",
    edits=[("np.minimum(z, 0)", "np.minimum(-z, 0)")],
    core=True,
    hint="""
        You return the log-probability of the other class: log σ(-z), which is the log of 1 - σ(z). At z = 0 both are
        the same, so this point cannot tell them apart. Think of the direction: a large positive logit means that the
        positive class is almost certain, so its log-probability must come close to 0 there, and yours becomes very
        negative. The reason is one sign in front of z. Write σ(z) as one over 1 + e^-z, check that it grows with z, and
        follow the sign into each of your terms.
    """,
    source="own",
)

log_sigmoid.mistake(
    "log forgotten",
    edits=[
        (
            "return np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))",
            "return np.exp(np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z))))",
        )
    ],
    core=True,
    hint="""
        You return the sigmoid, a probability between 0 and 1. The function asked for is its log, which is never above
        0. You can see it at z = 0, where the sigmoid is 0.5 and its log is about -0.6931. Do not repair this with an
        np.log around what you have: for very negative logits the sigmoid underflows to 0 and for very positive ones it
        is rounded to 1, and in both cases the log cannot find out what the logit was. Go back to the formula, take the
        log there by hand, and simplify before you compute.
    """,
    source="own",
)


@log_sigmoid.mistake(
    "one branch for the whole array",
    core=True,
    hint="""
        You have found both formulas, but you choose one of them for the whole array at once. An ordinary if needs one
        single truth value, so you had to ask whether all logits are positive; a single negative logit then sends all
        the others through the formula that is bad for them. A batch nearly always has logits of both signs. The choice
        must be made for each entry on its own. NumPy does this with np.where, or you find one formula with the absolute
        value of z that needs no choice at all. Test with an array that holds -1000 and 1000 together.
    """,
    source="own",
)
def _one_branch_for_all(z):
    z = np.asarray(z)
    if np.all(z > 0):
        return -np.log1p(np.exp(-z))
    return z - np.log1p(np.exp(z))


@log_sigmoid.mistake(
    "softplus that is cut off at 20",
    hint="""
        For logits below -20 you return z itself. That is the shortcut which PyTorch's softplus takes: beyond its
        threshold of 20 it returns its argument and drops the small rest. At z = -20.5 the rest is about 1.25e-9. In
        float32 nobody can see it, but in double precision it is 100,000 times larger than the rounding error, so this
        is a choice, not a necessity. The statement asks for 12 digits. The stable formula costs the same and is right
        at every z: its exponent is never positive, so there is no need for a special case.
    """,
    source="torch.nn.functional.softplus, threshold=20",
)
def _softplus_with_threshold(z):
    z = np.asarray(z)
    softplus = np.where(-z > 20, -z, np.log1p(np.exp(np.minimum(-z, 20))))
    return -softplus


@log_sigmoid.mistake(
    "0 for all large logits",
    core=True,
    hint="""
        You return exactly 0 for large positive logits, since the sigmoid is nearly 1 there. Nearly is the point: the
        log of a number just below 1 is small, but it is not 0, and a float can hold it with full precision. For z = 40
        it is about -4.248e-18. Logs of probabilities near 1 matter when many of them are added, and when one takes a
        log of them again. Inside the stable formula nothing special happens for large z: log1p of a tiny number is that
        tiny number. Remove the special case, and let log1p do its work.
    """,
    source="own",
)
def _zero_beyond_20(z):
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    stable = np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z)))
    return np.where(z > 20, np.zeros_like(z), stable)


@log_sigmoid.mistake(
    "result written into an integer array",
    hint="""
        For float logits your function is right. For integer logits you create the result with zeros_like, and so it has
        an integer dtype, and each value that is written into it loses what stands behind the point: log σ(0) = -0.6931
        becomes 0. NumPy does this without a warning. Values of log σ are hardly ever whole numbers, so the result must
        be a float array for every input. Convert an integer input to float64 in the first line of the function, and all
        arrays that you make after it with its dtype will be right.
    """,
    source="own",
)
def _integer_result(z):
    z = np.asarray(z)
    result = np.zeros_like(z)
    right = z >= 0
    result[right] = -np.log1p(np.exp(-z[right]))
    result[~right] = z[~right] - np.log1p(np.exp(z[~right]))
    return result


@log_sigmoid.mistake(
    "written into the input",
    hint="""
        Your numbers are right, but you write them into the array that the caller gave you. np.asarray returns the same
        array when it is one already, so after the call the logits are gone and log-probabilities stand in their place.
        The caller may need the logits for the gradient. With a read-only array your function even raises an error. Make
        an array of your own for the results, of the same shape and with a float dtype, and fill that one. The input
        should only ever stand on the right side of an assignment.
    """,
    source="MISCONCEPTIONS 18",
)
def _written_into_the_input(z):
    z = np.asarray(z)
    z = z if z.dtype.kind == "f" else z.astype(np.float64)
    right = z >= 0
    left = ~right
    z[right] = -np.log1p(np.exp(-z[right]))
    z[left] = z[left] - np.log1p(np.exp(z[left]))
    return z
