"""`predicted_log10_q(L, fan_in, var_w, act, q0=1.0)`: mean-field theory of the signal's size, in log10."""

import math

from exercises.bank import Exercise
from exercises.observation import raised, typed


def _predicted_log10_q(L, fan_in, var_w, act, q0=1.0):
    if act == "relu":
        kept = 0.5
    elif act == "linear":
        kept = 1.0
    else:
        raise ValueError(f"act must be 'relu' or 'linear', not {act!r}")
    log_q = math.log10(q0) + math.log10(fan_in) + math.log10(var_w)
    for _ in range(L - 1):
        log_q += math.log10(kept) + math.log10(fan_in) + math.log10(var_w)
    return log_q


# Other right ways ----------------------------------------------------------------------------------------------------


def _closed_form(L, fan_in, var_w, act, q0=1.0):
    import numpy as np

    if act not in ("relu", "linear"):
        raise ValueError(act)
    halvings = L - 1 if act == "relu" else 0
    return float(np.log10(q0) + L * (np.log10(fan_in) + np.log10(var_w)) - halvings * np.log10(2))


def _natural_logs(L, fan_in, var_w, act, q0=1.0):
    factor = {"relu": 0.5, "linear": 1.0}.get(act)
    if factor is None:
        raise ValueError(f"unknown activation {act}")
    per_layer = math.log(fan_in) + math.log(var_w) + math.log(factor)
    return (math.log(q0) + L * per_layer - math.log(factor)) / math.log(10)


def _mantissa_and_exponent(L, fan_in, var_w, act, q0=1.0):
    if act not in ("relu", "linear"):
        raise ValueError(act)
    m, e = math.frexp(q0)
    for layer in range(L):
        for factor in (fan_in, var_w, 0.5 if act == "relu" and layer > 0 else 1.0):
            m, shift = math.frexp(m * factor)
            e += shift
    return (math.log2(m) + e) * math.log10(2)


predicted_log10_q = Exercise(
    reference=_predicted_log10_q,
    accepted={
        "closed form": _closed_form,
        "natural logs, converted": _natural_logs,
        "mantissa and exponent": _mantissa_and_exponent,
    },
    banned=("scipy",),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@predicted_log10_q.check(
    "powers of ten, by hand",
    points=0.5,
    hint="Write q for the first, second and third layer on paper.",
)
def _by_hand(f, rng):
    n = int(rng.integers(3, 9)) * 10
    return [
        typed(f(3, n, 100.0 / n, "linear")),
        typed(f(1, n, 10.0 / n, "relu", 100.0)),
        typed(f(4, n, 20.0 / n, "relu")),
    ]


@predicted_log10_q.check(
    "random widths, depths and variances",
    points=0.5,
    hint="The first layer sees the input itself, all later ones what the activation has left.",
)
def _any_layers(f, rng):
    n, depth = int(rng.integers(20, 300)), int(rng.integers(4, 30))
    var, q0 = float(rng.uniform(0.2, 3.0)) / n, float(rng.uniform(0.1, 20.0))
    return [f(depth, n, var, "relu", q0), f(depth, n, var, "linear", q0=q0), f(depth, n, var, "relu")]


@predicted_log10_q.check(
    "He, the slide's He, Xavier and torch's default",
    points=0.5,
    hint="With He's variance, q must stay the same from the first layer on.",
)
def _schemes(f, rng):
    n, depth = int(rng.integers(100, 900)), int(rng.integers(30, 80))
    return [f(depth, n, c / n, "relu") for c in (2.0, 0.5, 1.0, 1 / 3)]


@predicted_log10_q.check(
    "thousands of layers, tiny numbers, unknown activation",
    points=0.5,
    atol=1e-8,
    hint="Stay in logs all the way; no product may be formed that can underflow.",
)
def _very_deep(f, rng):
    n = int(rng.integers(100, 900))
    return [
        f(int(rng.integers(1500, 3000)), n, 0.5 / n, "relu"),
        f(int(rng.integers(1500, 3000)), n, 8.0 / n, "relu"),
        f(2, n, 1e-200, "linear", 1e-200),
        raised(f, 3, n, 1.0 / n, "sigmoid"),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


predicted_log10_q.mistake(
    "halved in every layer",
    edits=[("math.log10(q0) + math.log10(fan_in)", "math.log10(q0) + math.log10(kept) + math.log10(fan_in)")],
    core=True,
    hint="""
        You apply the factor ½ of the ReLU in every layer, the first one included. But the first layer gets the input x
        itself, and no ReLU has touched it: q₁ = n·Var·q₀. Only from the second layer on the input has gone through a
        ReLU. So there is one factor ½ less than there are layers. (Your number is the mean square after the last ReLU;
        the statement asks for the pre-activation, before it.) With He's variance and q₀ = 1 the result is log10 2 =
        0.301 at any depth, not 0.
    """,
    source="COURSE A2.8",
)


@predicted_log10_q.mistake(
    "logarithm only at the end",
    core=True,
    hint="""
        You multiply the factors of all layers and take the log at the end. For a moderate depth this is right. For a
        very deep network the product leaves the range of floats: it becomes 0, and its log -inf, or it overflows. With
        the slide's variance q falls by 4 per layer, and at 2000 layers it is 10⁻¹²⁰⁴, while the smallest float is
        10⁻³²⁴. The answer itself is a harmless number, -1203.8. So turn every factor into a summand first, and never
        leave the logs; not even for n·Var·q₀.
    """,
    source="COURSE A2.8",
)
def _log_at_the_end(L, fan_in, var_w, act, q0=1.0):
    if act not in ("relu", "linear"):
        raise ValueError(act)
    kept = 0.5 if act == "relu" else 1.0
    q = fan_in * var_w * q0
    for _ in range(L - 1):
        q = fan_in * var_w * kept * q
    return math.log10(q) if q > 0 else -math.inf


predicted_log10_q.mistake(
    "variance after the ReLU",
    edits=[("kept = 0.5", "kept = (math.pi - 1) / (2 * math.pi)")],
    core=True,
    hint="""
        Your factor per ReLU is (π - 1)/(2π) = 0.341. That is the variance of max(0, z) for a standard normal z. What
        the next layer needs is the mean square, E[max(0, z)²], and that is ½. The two differ because the output of a
        ReLU has a mean which is not 0: the mean square is the variance plus the square of the mean. In the sum Σ w_j
        h_j the weights have mean 0, so its variance is n·Var(w)·E[h²], with the full mean square of h. Nothing is
        subtracted.
    """,
    source="COURSE A2.8",
)

predicted_log10_q.mistake(
    "square of the mean",
    edits=[("kept = 0.5", "kept = 1 / (2 * math.pi)")],
    core=True,
    hint="""
        Your factor per ReLU is 1/(2π) = 0.159. That is the square of the mean of max(0, z): first averaged, then
        squared. The next layer needs it the other way round, the mean of the square, E[max(0, z)²]. By symmetry this is
        easy: z² has the mean 1, and the ReLU keeps it for the positive half of the z and makes it 0 for the negative
        half. So exactly one half of the mean square is left. The variance of a sum with random weights of mean 0 only
        knows this number.
    """,
    source="own",
)

predicted_log10_q.mistake(
    "natural logarithm",
    edits=[
        ("    log_q = math.log10(q0)", "    log10 = math.log\n    log_q = log10(q0)"),
        ("+ math.log10(fan_in) + math.log10(var_w)\n    for", "+ log10(fan_in) + log10(var_w)\n    for"),
        (
            "math.log10(kept) + math.log10(fan_in) + math.log10(var_w)\n    return",
            "log10(kept) + log10(fan_in) + log10(var_w)\n    return",
        ),
    ],
    core=True,
    hint="""
        You return the natural logarithm; the name of the function says log10. All your results are larger in size by
        the factor ln 10 = 2.303. Powers of ten are used here because we want to read them: a result of -30 means that
        10⁻³⁰ of the mean square is left. You may calculate with any logarithm, as long as you convert at the end. A
        test by hand: if each layer multiplies q by 10, three linear layers must give exactly 3.
    """,
    source="COURSE A2.8",
)

predicted_log10_q.mistake(
    "activation ignored",
    edits=[("kept = 0.5", "kept = 1.0")],
    core=True,
    hint="""
        Your 'relu' is the same as 'linear': you multiply q by n·Var in each layer and leave out what the activation
        does. A ReLU sets the negative half of its inputs to 0, so only half of the mean square is left for the next
        layer. This factor ½ per layer is the whole difference between Xavier's and He's rule. Without it, the variance
        2/n would seem to explode: you would predict a growth by 2 per layer, 10¹⁵ in 50 layers, while a real ReLU
        network stays where it is.
    """,
    source="own",
)

predicted_log10_q.mistake(
    "one layer too few",
    edits=[("for _ in range(L - 1):", "for _ in range(L - 2):")],
    core=True,
    hint="""
        Your result belongs to a network with one layer less. The input has q₀; the first layer makes q₁ of it, and the
        L-th layer makes q_L. So there are L factors n·Var in all, one for each weight matrix. Off-by-one errors like
        this hide in networks which are well balanced, where all the layers give the same number, so He's variance
        cannot show it. Take linear layers with n·Var = 100: after three of them log10 q is 6. Count how often your loop
        runs, and what happens before it.
    """,
    source="own",
)

predicted_log10_q.mistake(
    "one layer too many",
    edits=[("for _ in range(L - 1):", "for _ in range(L):")],
    core=True,
    hint="""
        Your result belongs to a network with one layer more. You treat the first layer before the loop, and then the
        loop runs L times again, so there are L + 1 weight matrices. The statement asks for q_L, the mean square of the
        pre-activations of layer L: L matrices and, for ReLU, L - 1 activations between them. With L = 1 nothing but q₁
        = n·Var·q₀ may come out, without any loop. Start your test with this smallest case, and then L = 2.
    """,
    source="own",
)

predicted_log10_q.mistake(
    "the amplitude is halved",
    edits=[("kept = 0.5", "kept = 0.25")],
    core=True,
    hint="""
        Your factor per ReLU is ¼: you have halved the amplitude, and q is a mean square, so the factor got squared. But
        the ReLU does not make each value half as large. It leaves half of the values as they are, and makes the others
        0. A mean of squares where half of the terms are gone is half of what it was. So the factor for q is ½, and the
        root of the mean square shrinks by √½ = 0.707. Try it with four numbers on paper, two positive and two negative
        ones.
    """,
    source="own",
)

predicted_log10_q.mistake(
    "root mean square",
    edits=[("return log_q", "return 0.5 * log_q")],
    core=True,
    hint="""
        All your numbers are half as large as they should be: you return the log of the root of q. The root mean square
        is the typical size of a pre-activation and a good thing to plot, but q is the mean square itself, without a
        root. In logs, a root is a factor ½, which is easy to add without noticing, for instance when you start from a
        standard deviation. A test: one linear layer with n·Var = 100 and q₀ = 1 must give 2.
    """,
    source="own",
)

predicted_log10_q.mistake(
    "variance taken for a standard deviation",
    edits=[
        ("math.log10(fan_in) + math.log10(var_w)\n    for", "math.log10(fan_in) + 2 * math.log10(var_w)\n    for"),
        (
            "math.log10(fan_in) + math.log10(var_w)\n    return",
            "math.log10(fan_in) + 2 * math.log10(var_w)\n    return",
        ),
    ],
    core=True,
    hint="""
        You square var_w. The argument is the variance of the weights already, so q grows by the factor n·var_w per
        layer. A square would be right if you had been given the standard deviation. As the variances in question are
        small numbers such as 0.004, squaring makes them tiny, and your prediction falls far too fast. With He's
        variance, 2/n, the result must not depend on the depth; this test shows it at once. Names that end in var or std
        are there to keep the two apart.
    """,
    source="ERRATA 3",
)

predicted_log10_q.mistake(
    "fan-in forgotten",
    edits=[
        (
            "log_q += math.log10(kept) + math.log10(fan_in) + math.log10(var_w)",
            "log_q += math.log10(kept) + math.log10(var_w)",
        )
    ],
    core=True,
    hint="""
        From the second layer on you multiply by the variance of the weights, but not by the number of inputs. Each
        pre-activation is a sum of n products w_j h_j. They are independent with mean 0, so their variances add up: n
        times Var(w)·E[h²]. This n is why the variance of the weights must be of the order 1/n at all. Without it, any
        sensible initialization would seem to vanish within a few layers. With He's variance the factors n, 2/n and ½
        cancel exactly; check that your loop has all three of them.
    """,
    source="own",
)

predicted_log10_q.mistake(
    "q0 forgotten",
    edits=[("math.log10(q0) + ", "")],
    hint="""
        You never use q0, the mean square of the input. With the default 1 its log is 0, so nothing is missing then. But
        inputs have all kinds of scales: pixels from 0 to 255 have a mean square of 10⁴ and more. In a network without
        biases the whole signal scales with the input: an input ten times as large has a hundred times the q₀, and q is
        a hundred times as large in every layer. So log10 q₀ has to be added once. Test the function with q0=100.
    """,
    source="own",
)
