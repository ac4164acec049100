"""`init_std(shape, scheme, mode, gain)`: the standard deviation with which a layer's weights are drawn."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.observation import raised, typed


def _init_std(shape, scheme="he", mode="fan_in", gain=1.0):
    field = 1
    for k in shape[2:]:
        field = field * k
    fan_in = shape[1] * field
    fan_out = shape[0] * field
    fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    if mode not in fans:
        raise ValueError(f"unknown mode {mode!r}")
    if scheme == "he":
        var = 2 / fans[mode]
    elif scheme == "xavier":
        var = 2 / (fan_in + fan_out)
    elif scheme == "lecun":
        var = 1 / fans[mode]
    else:
        raise ValueError(f"unknown scheme {scheme!r}")
    return gain * math.sqrt(var)


# Other right ways ----------------------------------------------------------------------------------------------------


def _table_of_numerators(shape, scheme="he", mode="fan_in", gain=1.0):
    out, inputs, *kernel = shape
    field = int(np.prod(kernel))  # 1 for no kernel at all
    try:
        numerator = {"he": 2, "lecun": 1, "xavier": 1}[scheme]
        weights = {"fan_in": (1, 0), "fan_out": (0, 1), "fan_avg": (0.5, 0.5)}[mode]
    except KeyError as error:
        raise ValueError(error.args[0]) from None
    if scheme == "xavier":
        weights = (0.5, 0.5)
    fan = field * (weights[0] * inputs + weights[1] * out)
    return float(gain * np.sqrt(numerator / fan))


def _variance_first(shape, scheme="he", mode="fan_in", gain=1.0):
    if scheme not in ("he", "xavier", "lecun") or mode not in ("fan_in", "fan_out", "fan_avg"):
        raise ValueError("unknown scheme or mode")
    size = math.prod(shape)
    fan_in, fan_out = size // shape[0], size // shape[1]
    fan = {"fan_in": fan_in, "fan_out": fan_out}.get(mode, (fan_in + fan_out) / 2)
    if scheme == "xavier":
        fan = (fan_in + fan_out) / 2
    return (gain**2 * (2 if scheme == "he" else 1) / fan) ** 0.5


# Library one-liners --------------------------------------------------------------------------------------------------


def _torch_init(shape, scheme="he", mode="fan_in", gain=1.0):
    if scheme not in ("he", "xavier", "lecun") or mode not in ("fan_in", "fan_out", "fan_avg"):
        raise ValueError("unknown scheme or mode")
    weight = torch.empty(tuple(shape), dtype=torch.float64)
    draw, same = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    if scheme == "xavier":
        torch.nn.init.xavier_normal_(weight, gain=gain, generator=draw)
    elif mode == "fan_avg":
        fans = torch.nn.init._calculate_fan_in_and_fan_out(weight)
        return gain * math.sqrt((2 if scheme == "he" else 1) * 2 / sum(fans))
    else:
        options: dict = {"mode": mode, "nonlinearity": "relu" if scheme == "he" else "linear"}
        torch.nn.init.kaiming_normal_(weight, generator=draw, **options)
        weight *= gain
    standard = torch.empty(tuple(shape), dtype=torch.float64).normal_(generator=same)
    return float(weight.flatten()[0] / standard.flatten()[0])


init_std = Exercise(
    reference=_init_std,
    accepted={
        "table of numerators": _table_of_numerators,
        "the number of weights over out and in": _variance_first,
    },
    witnesses={"torch.nn.init, read off a draw": _torch_init},
    banned=("torch.nn", "scipy"),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


@init_std.check(
    "one small layer for each scheme, by hand",
    points=0.75,
    hint="Find the fan of each layer on paper; the shape is (out, in).",
)
def _by_hand(f, rng):
    k = int(rng.integers(2, 6))
    return [
        typed(f((5, 2 * k * k))),
        typed(f((7, k * k), "lecun")),
        typed(f((k * k, 7 * k * k), scheme="xavier")),
    ]


@init_std.check(
    "all schemes with all modes",
    points=0.75,
    hint="he and lecun divide by the fan that the mode names; xavier always uses both fans.",
)
def _modes(f, rng):
    out, inputs = (int(v) for v in rng.choice(np.arange(20, 400), size=2, replace=False))
    schemes, modes = ("he", "xavier", "lecun"), ("fan_in", "fan_out", "fan_avg")
    return [f((out, inputs), scheme, mode) for scheme in schemes for mode in modes]


@init_std.check("convolution kernels", points=0.75, hint="How many inputs does one output number of a convolution see?")
def _kernels(f, rng):
    out, inputs, a, b, c = (int(v) for v in rng.choice(np.arange(2, 12), size=5, replace=False))
    shapes = [(out, inputs, a), (out, inputs, a, b), (out, inputs, a, b, c)]
    return [
        *(f(shape) for shape in shapes),
        *(f(shape, "he", "fan_out") for shape in shapes),
        f(shapes[1], "xavier"),
        f(shapes[1], "lecun", "fan_avg"),
    ]


@init_std.check(
    "the gain multiplies the standard deviation",
    points=0.5,
    hint="With twice the gain, all weights are twice as large.",
)
def _gains(f, rng):
    out, inputs = (int(v) for v in rng.choice(np.arange(20, 400), size=2, replace=False))
    gain = float(rng.uniform(1.2, 3.0))
    return [f((out, inputs), scheme, gain=gain) for scheme in ("he", "xavier", "lecun")]


@init_std.check(
    "unknown names raise a ValueError",
    points=0.25,
    hint="A misspelled scheme or mode must not pass in silence.",
)
def _unknown(f, rng):
    out, inputs = (int(v) for v in rng.choice(np.arange(20, 400), size=2, replace=False))
    return [
        f((out, inputs)),
        raised(f, (out, inputs), "glorot?"),
        raised(f, (out, inputs), "he", "fan"),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


init_std.mistake(
    "He as on the slide",
    edits=[("var = 2 / fans[mode]", "var = 1 / (2 * fans[mode])")],
    core=True,
    hint="""
        You have used the formula of the slide, Var = 1/(2n). The slide is wrong here, and it is good that you can find
        it out. A ReLU sets half of its inputs to zero and so halves the mean square. To make up for it, the weights
        must double it: n·Var/2 = 1, so Var = 2/n. With 1/(2n) every layer keeps only a quarter of the mean square, and
        after 50 layers about 10⁻³⁰ of it is left; a deep network that is started like this does not learn at all.
        Question W1 asks you to measure it.
    """,
    source="COURSE A2.6, MISCONCEPTIONS 32",
)

init_std.mistake(
    "variance in place of standard deviation",
    edits=[("return gain * math.sqrt(var)", "return gain * var")],
    core=True,
    hint="""
        You return the variance, and the statement asks for the standard deviation. The formulas of He, Xavier and LeCun
        are usually given for the variance, since variances add up; but numpy's and torch's functions for normal numbers
        want the standard deviation as their scale. For n = 50, He's variance is 0.04 and the standard deviation 0.2. If
        the variance is passed as the scale, the weights are far too small, and the signal is gone after two or three
        layers. Look at the last line: a root is missing.
    """,
    source="COURSE A2.6, MISCONCEPTIONS 34",
)

init_std.mistake(
    "fans swapped",
    edits=[
        ("fan_in = shape[1] * field", "fan_in = shape[0] * field"),
        ("fan_out = shape[0] * field", "fan_out = shape[1] * field"),
    ],
    core=True,
    hint="""
        You read the shape as (in, out). In this course, as in torch, a weight matrix has the shape (out, in): each row
        belongs to one output unit and holds a weight for every input, so that y = W x. The fan-in is the number of
        terms that are added up for one output, the length of a row. For a square layer the two orders agree, and xavier
        is symmetric anyway, so test with he and a layer such as (100, 50), whose fan-in is 50. (Keras stores its
        matrices the other way round; this is where the mix-up often comes from.)
    """,
    source="COURSE A2.6",
)

init_std.mistake(
    "Xavier with one fan",
    edits=[("var = 2 / (fan_in + fan_out)", "var = 1 / fan_in")],
    core=True,
    hint="""
        For 'xavier' you use 1/fan_in, as the slide has it. That is LeCun's rule: it keeps the variance of the signal on
        its way forward. Glorot and Bengio looked at the gradient too, which flows the other way and would need
        1/fan_out. As both cannot be had at once, they took the compromise with the sum of both fans, 2/(fan_in +
        fan_out). For square layers all three agree. For a layer from 784 to 100 units, the slide's rule makes the
        variance of the gradient 8 times smaller per layer.
    """,
    source="COURSE A2.6, ERRATA 2",
)

init_std.mistake(
    "He without the 2",
    edits=[("var = 2 / fans[mode]", "var = 1 / fans[mode]")],
    core=True,
    hint="""
        Your 'he' is the same as 'lecun': the variance 1/n keeps the mean square of the signal when the layer is linear
        (or nearly, as tanh for small inputs). He's rule is made for ReLU layers. A ReLU keeps the positive half of its
        inputs only, and this halves the mean square. So the weights have to double it, with a variance that is twice as
        large. Without the 2 you lose a factor of 2 per layer, a factor of 10¹⁵ in 50 layers. Look at the numerator of
        the scheme.
    """,
    source="MISCONCEPTIONS 33",
)

init_std.mistake(
    "receptive field ignored",
    edits=[("field = field * k", "field = 1")],
    hint="""
        For dense layers you are right, but you look only at the first two numbers of the shape. In a convolution with
        the weight shape (out, in, k₁, k₂), one output number is a sum over all input channels and over all positions of
        the kernel: in·k₁·k₂ products. This is its fan-in. If you leave out the kernel, a 3×3 convolution gets weights
        that are 3 times too large, and its output has 9 times the variance that you wanted. The same factor belongs to
        the fan-out. Use all the numbers of the shape, however many there are.
    """,
    source="COURSE A2.6",
)


@init_std.mistake(
    "receptive field only for the inputs",
    hint="""
        Your fan-in counts the kernel positions, but your fan-out does not. The fan-out is the number of outputs that
        one input number takes part in: as the kernel slides over the image, an input pixel is touched by each kernel
        position once, for each output channel. So the fan-out is out·k₁·k₂; it matters for the gradient, which flows
        from all these outputs back to the input. For dense layers there is no kernel, and the difference does not show.
        It spoils mode='fan_out', mode='fan_avg' and xavier for convolutions.
    """,
    source="own",
)
def _field_only_for_the_inputs(shape, scheme="he", mode="fan_in", gain=1.0):
    fan_in = int(np.prod(shape[1:]))
    fan_out = shape[0]
    fans = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}
    if mode not in fans or scheme not in ("he", "xavier", "lecun"):
        raise ValueError("unknown scheme or mode")
    var = {"he": 2 / fans[mode], "xavier": 2 / (fan_in + fan_out), "lecun": 1 / fans[mode]}[scheme]
    return gain * math.sqrt(var)


init_std.mistake(
    "gain squared",
    edits=[("return gain * math.sqrt(var)", "return gain**2 * math.sqrt(var)")],
    core=True,
    hint="""
        You multiply the standard deviation by the square of the gain. The gain is a factor for the weights themselves:
        with gain 2, all the weights, and so their standard deviation, are twice as large. It is the variance that gets
        the square, because a variance is a square: Var = gain²·2/n. If you take the root of this variance, the gain
        comes out of it once. With the default gain 1 nothing shows. Test with gain 3: the result must be three times
        the one with gain 1.
    """,
    source="own",
)

init_std.mistake(
    "the root of the gain",
    edits=[("return gain * math.sqrt(var)", "return math.sqrt(gain * var)")],
    core=True,
    hint="""
        You multiply the variance by the gain, and then take the root of both. So the standard deviation grows only with
        the root of the gain. The statement's convention, the same as torch's, is that the gain multiplies the standard
        deviation: gain 2 means weights that are twice as large. In the variance it would have to appear as a square.
        With gain 1, the default, both agree, so only another value shows it. Test with gain 4: the result must be 4
        times as large as before, and yours is 2 times as large.
    """,
    source="own",
)

init_std.mistake(
    "gain ignored",
    edits=[("return gain * math.sqrt(var)", "return math.sqrt(var)")],
    core=True,
    hint="""
        The argument gain is never used in your function. It scales the weights by a chosen factor, to make up for what
        an activation function does to the size of the signal: torch recommends 5/3 for tanh, for instance. Its default
        is 1, so a call without it cannot show that something is missing. When you write a function with several
        options, test each of them once with a value that is not the default. Here: with gain 2 the result must be twice
        as large as with gain 1, for each of the three schemes.
    """,
    source="own",
)

init_std.mistake(
    "mode ignored",
    edits=[("var = 2 / fans[mode]", "var = 2 / fan_in"), ("var = 1 / fans[mode]", "var = 1 / fan_in")],
    core=True,
    hint="""
        You always divide by the fan-in, whatever the mode is. The mode says which direction shall be kept in balance:
        'fan_in' keeps the size of the signal on its way forward, 'fan_out' the size of the gradient on its way back,
        and 'fan_avg' is the compromise with the mean of both. It makes a difference only for layers which are not
        square. For the shape (100, 50) and he, 'fan_in' gives 0.2 and 'fan_out' gives 0.141. Make sure that he and
        lecun both use the number which the mode names.
    """,
    source="own",
)

init_std.mistake(
    "the ReLU gain counted twice",
    edits=[("var = 2 / fans[mode]", "var = 4 / fans[mode]")],
    core=True,
    hint="""
        Your 'he' is too large by √2. There are two ways to write He's rule: as std = √(2/n), or as a gain of √2 times
        the plain √(1/n). You have used both at once, so the 2 is in there twice, and each layer doubles the mean square
        of the signal; after 50 layers it has grown by a factor of 10¹⁵. In this exercise the factor belongs to the
        scheme, and the argument gain, with its default 1, is an extra factor of the caller. Take one of the two away.
    """,
    source="own",
)

init_std.mistake(
    "the bound of the uniform distribution",
    edits=[("var = 2 / (fan_in + fan_out)", "var = 6 / (fan_in + fan_out)")],
    core=True,
    hint="""
        For 'xavier' you return √(6/(fan_in + fan_out)). This is the limit a of Glorot's uniform distribution on [-a,
        a], not its standard deviation. The two differ by √3, because a uniform number on [-a, a] has the standard
        deviation a/√3. So 6 becomes 2 when you go from the limit to the standard deviation. The function here returns a
        standard deviation, whatever distribution the weights are drawn from later; the next exercise turns it into a
        limit for the uniform case. Look at the numerator.
    """,
    source="MISCONCEPTIONS 38",
)

init_std.mistake(
    "the sum of the fans for their mean",
    edits=[("(fan_in + fan_out) / 2}", "fan_in + fan_out}")],
    hint="""
        For mode='fan_avg' you divide by the sum of both fans. The name says average: (fan_in + fan_out)/2. With the
        sum, a square layer gets a fan of 2n where both single fans are n, so the weights come out too small by √2. A
        mean of two equal numbers must be this number, and that is a good test: for a square layer, all three modes have
        to give the same result. In Xavier's formula 2/(fan_in + fan_out) the 2 in the numerator is just this halving of
        the sum.
    """,
    source="own",
)

init_std.mistake(
    "unknown names pass in silence",
    edits=[
        ('raise ValueError(f"unknown mode {mode!r}")', 'mode = "fan_in"'),
        ('raise ValueError(f"unknown scheme {scheme!r}")', "var = 2 / fans[mode]"),
    ],
    hint="""
        All your numbers are right, but a scheme or a mode that does not exist is treated as if it were the default. So
        a caller who writes 'glorot' or 'fanin' gets he with fan_in, and never learns about it; the network trains a bit
        worse, and the reason is hard to find. The statement asks for a ValueError in this case. A chain of if and elif
        should end with an else that complains, for the scheme and for the mode, also where xavier does not need the
        mode.
    """,
    source="own",
)
