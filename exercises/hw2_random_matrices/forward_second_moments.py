"""`forward_second_moments(x, Ws, act)`: the mean square of the pre-activations of every layer, measured."""

import itertools
import math

import numpy as np
import torch

from exercises.arrays import kept, locked, strided
from exercises.bank import Exercise
from exercises.observation import raised, typed


def _forward_second_moments(x, Ws, act):
    functions: dict = {"relu": lambda z: np.maximum(z, 0), "tanh": np.tanh, "linear": lambda z: z}
    if act not in functions:
        raise ValueError(f"act must be 'relu', 'tanh' or 'linear', not {act!r}")
    h = np.asarray(x, dtype=np.float64)
    moments = []
    for w in Ws:
        z = h @ w.T
        moments.append(np.mean(z**2))
        h = functions[act](z)
    return np.array(moments)


# Other right ways ----------------------------------------------------------------------------------------------------


def _columns(x, Ws, act):
    h = np.array(x, dtype=float).T
    q = np.zeros(len(Ws))
    for layer, w in enumerate(Ws):
        z = np.matmul(w, h)
        q[layer] = np.vdot(z, z) / z.size
        if act == "relu":
            h = np.where(z > 0, z, 0.0)
        elif act == "tanh":
            h = 1 - 2 / (np.exp(2 * z) + 1)
        elif act == "linear":
            h = z
        else:
            raise ValueError(act)
    return q


def _torch_layers(x, Ws, act):
    if act not in ("relu", "tanh", "linear"):
        raise ValueError(act)
    h = torch.tensor(np.array(x), dtype=torch.float64)
    q = []
    for w in Ws:
        z = torch.nn.functional.linear(h, torch.tensor(np.array(w), dtype=torch.float64))
        q.append(z.pow(2).mean().item())
        h = z if act == "linear" else getattr(torch, act)(z)
    return np.array(q)


def _example_by_example(x, Ws, act):
    def activate(value):
        if act == "relu":
            return value if value > 0 else 0.0
        if act == "tanh":
            return math.tanh(value)
        if act == "linear":
            return value
        raise ValueError(act)

    totals = [0.0] * len(Ws)
    for row in np.asarray(x, dtype=float):
        h = row
        for layer, w in enumerate(Ws):
            z = [float(np.dot(weights, h)) for weights in w]
            totals[layer] += math.fsum(value * value for value in z) / (len(z) * len(x))
            h = np.array([activate(value) for value in z])
    return np.array(totals)


forward_second_moments = Exercise(
    reference=_forward_second_moments,
    accepted={
        "one column per example": _columns,
        "torch": _torch_layers,
        "example by example in loops": _example_by_example,
    },
    banned=("scipy",),
)


# Checks: each returns what it saw ------------------------------------------------------------------------------------


ACTS = ("relu", "tanh", "linear")


@forward_second_moments.check(
    "two examples through two layers, by hand",
    points=0.5,
    hint="Write all pre-activations of the first layer on paper, with their signs.",
)
def _by_hand(f, rng):
    a, b, c = (float(v) for v in rng.choice(np.arange(2.0, 8.0), size=3, replace=False))
    x = np.array([[a, -1.0], [-2.0, b]])
    first, second = np.array([[1.0, -1.0], [-c, 0.0]]), np.array([[2.0, 1.0]])
    return [typed(f(x, [first, second], act)) for act in ("relu", "linear")]


@forward_second_moments.check(
    "layers of any shape, all activations",
    points=0.75,
    rtol=1e-8,
    hint="The weights have the shape (out, in), and the activation stands between the layers.",
)
def _rectangles(f, rng):
    sizes = [6, 9, 4, 7, 3]
    x = rng.normal(loc=0.3, size=(5, 6))
    Ws = [rng.normal(size=(m, n)) * 0.6 for n, m in itertools.pairwise(sizes)]
    square = [rng.normal(loc=0.1, size=(4, 4)) for _ in range(3)]
    return [*(f(x, Ws, act) for act in ACTS), *(f(x[:3, :4], square, act) for act in ACTS)]


@forward_second_moments.check(
    "25 layers, as on the slide and as He",
    points=0.5,
    rtol=1e-8,
    atol=1e-8,
    hint="Print the moments layer by layer, and compare with the prediction of the exercise before.",
)
def _deep(f, rng):
    n, depth = 40, 25
    x = rng.normal(size=(8, n))
    standard = [rng.normal(size=(n, n)) for _ in range(depth)]
    slide, he = ([w * math.sqrt(c / n) for w in standard] for c in (0.5, 2.0))
    return [np.log10(np.asarray(f(x, Ws, "relu"), dtype=float)) for Ws in (slide, he)]


@forward_second_moments.check(
    "inputs as they were, integers, unknown activation",
    points=0.25,
    rtol=1e-8,
    hint="Do not write into x or into the matrices, and complain about an activation that does not exist.",
)
def _left_alone(f, rng):
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(4, 4))
    whole = rng.integers(-3, 4, size=(3, 4))
    return [
        kept(f, x, [w, w], "relu"),
        kept(f, locked(x), [locked(w), strided(w)], "tanh"),
        kept(f, whole, [rng.integers(-2, 3, size=(2, 4))], "relu"),
        raised(f, x, [w], "sigmoid"),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


forward_second_moments.mistake(
    "measured after the activation",
    edits=[
        (
            "moments.append(np.mean(z**2))\n        h = functions[act](z)",
            "h = functions[act](z)\n        moments.append(np.mean(h**2))",
        )
    ],
    core=True,
    hint="""
        You measure after the activation function. The statement asks for the pre-activations z = W h, that is for what
        enters the ReLU and not for what leaves it. The difference is a factor of about 2 for ReLU layers, because half
        of the values have just been set to 0. Both numbers are useful, but the theory of the exercise before is written
        for z, and measurement and prediction must be about the same thing. For 'linear' there is no difference, so test
        with 'relu' and with negative numbers.
    """,
    source="COURSE A2.9",
)

forward_second_moments.mistake(
    "variance in place of the mean square",
    edits=[("np.mean(z**2)", "np.var(z)")],
    core=True,
    hint="""
        You return the variance of the pre-activations: the mean is subtracted before squaring. The second moment is the
        mean of z² as it is. With random weights of mean 0 and large layers the mean of z is near 0, and then both are
        nearly the same; for small layers, or for inputs that are all positive, they are not. The recursion of the
        theory holds for the second moment. If z = [1, 3], the mean of the squares is 5, and the variance is 1. Leave
        out the centring.
    """,
    source="COURSE A2.9",
)

forward_second_moments.mistake(
    "W not transposed",
    edits=[("z = h @ w.T", "z = h @ w")],
    core=True,
    hint="""
        You multiply h by W, and the shapes say that it must be the transpose. A weight matrix has the shape (out, in)
        here, and the batch has one example per row, (B, in). One example is mapped by z = W h; for rows this becomes h
        Wᵀ. For square layers the wrong version gives no error, only other numbers, because columns take the place of
        rows. With random square weights even the statistics look alike. Test with a layer such as (3, 2), or with a
        matrix which is not symmetric, on paper.
    """,
    source="COURSE A2.9",
)

forward_second_moments.mistake(
    "no activation",
    edits=[("h = functions[act](z)", "h = z")],
    core=True,
    hint="""
        You hand z to the next layer as it is; the activation function is never applied. So you always measure a linear
        network. The first number is right, since before the first layer there is no activation, but from the second on
        your moments are too large for 'relu', by a factor of about 2 per layer. Between two layers the chain is: z = W
        h, then record the mean square of z, then h = act(z) for the next layer. Check that the new h, and not z, enters
        the next product.
    """,
    source="COURSE A2.9",
)

forward_second_moments.mistake(
    "activation on the input",
    edits=[("z = h @ w.T", "z = functions[act](h) @ w.T"), ("h = functions[act](z)", "h = z")],
    core=True,
    hint="""
        You apply the activation before each layer, and so to the input x as well. The negative entries of the data are
        gone before the first layer has seen them. The order in a network is: product, activation, product, activation.
        x goes into the first product as it is. If all inputs are positive, a ReLU does not change them, and the mistake
        cannot be seen; with normal inputs your moments are too small by a factor of about 2 in every layer. Move the
        activation behind the product.
    """,
    source="own",
)

forward_second_moments.mistake(
    "square of the mean",
    edits=[("np.mean(z**2)", "np.mean(z) ** 2")],
    core=True,
    hint="""
        You take the mean first and square it afterwards. That is the square of the mean, and for numbers of both signs
        it is nearly 0, as they cancel in the mean. The second moment is the mean of the squares: first square each
        number, so that all are positive, and then average. For z = [1, -1] the second moment is 1, and yours is 0. In
        numpy the two differ only by the place of a bracket, so look carefully at what stands inside of the mean.
    """,
    source="own",
)

forward_second_moments.mistake(
    "mean absolute value",
    edits=[("np.mean(z**2)", "np.mean(np.abs(z))")],
    core=True,
    hint="""
        You return the mean of |z|. It is a measure of size too, but not the second moment: for normal numbers with mean
        square q the mean absolute value is 0.798·√q. The theory is written for squares for a good reason. The variances
        of independent summands add up, so the mean square after a layer follows from the one before by a simple factor;
        for absolute values there is no such rule. If all the weights are doubled, a second moment grows by 4. Check
        this with your function.
    """,
    source="own",
)

forward_second_moments.mistake(
    "sum over the units",
    edits=[("np.mean(z**2)", "np.mean(np.sum(z**2, axis=1))")],
    core=True,
    hint="""
        You add up the squares over the units of a layer and take the mean over the examples only. That is the mean
        squared length of the vectors, and it grows with the width of the layer: a layer with 100 units gets a number
        100 times as large, though each unit is as lively as before. For comparing layers of different widths the
        statement asks for the mean over all entries of z, examples and units alike: one plain mean of the whole array.
    """,
    source="own",
)

forward_second_moments.mistake(
    "root mean square",
    edits=[("np.mean(z**2)", "np.sqrt(np.mean(z**2))")],
    core=True,
    hint="""
        You return the root of the mean square. It has the unit of z itself and is good for plots, but the statement
        asks for the second moment, without the root. In log10 your numbers are just half of what is wanted, and the
        measured lines would have half the slope of the theory. If all weights are doubled, the result for the first
        layer has to grow by 4; yours grows by 2. Leave the square as it is; whoever wants the root can take it later.
    """,
    source="own",
)

forward_second_moments.mistake(
    "the input's moment included",
    edits=[("moments = []", "moments = [np.mean(h**2)]")],
    core=True,
    hint="""
        Your result has one number too many: it begins with the second moment of the input. That one is called q₀ in the
        theory, and the statement asks for q₁ to q_L, one number for each weight matrix, so the result must have the
        length of Ws. With an extra entry in front, all the others are shifted, and a comparison with the prediction for
        layer l would use the wrong layer. Start with an empty list, and append after each product.
    """,
    source="own",
)

forward_second_moments.mistake(
    "always ReLU",
    edits=[("functions[act](z)", 'functions["relu"](z)')],
    core=True,
    hint="""
        Whatever act says, you apply a ReLU to the pre-activations. For 'relu' your numbers are right; for 'tanh' and
        'linear' only the first one is, because no activation comes before it. The three behave very differently in
        depth: a linear network keeps all of the signal, a ReLU half of its mean square per layer, and tanh squeezes
        large values to ±1. Check that the argument named act really chooses the function, and test your function with
        each of the three names.
    """,
    source="own",
)

forward_second_moments.mistake(
    "every layer fed with x",
    edits=[("h = functions[act](z)", "functions[act](z)")],
    core=True,
    hint="""
        Each layer of yours gets x as its input: the result of the activation is computed, but not handed on. For layers
        of different shapes this gives an error in the second product, for square layers only wrong numbers. In a
        network the output of one layer is the input of the next. So the variable which enters the product must be
        replaced in every round of the loop. Write the loop out for two layers, and underline the variable that carries
        the signal from the first to the second.
    """,
    source="own",
)

forward_second_moments.mistake(
    "the list of layers is emptied",
    edits=[("for w in Ws:", "while Ws:\n        w = Ws.pop(0)")],
    hint="""
        Your numbers are right, but after the call the caller's list of matrices is empty. A list is handed over by
        reference: there is only one, and pop takes the items out of it for everybody. The same network will be needed
        again, for another batch or for another activation, and then it has no layers left; the second call returns
        nothing at all. A for loop goes through a list and leaves it as it is. If you need to take things out, take them
        out of a copy of your own.
    """,
    source="own",
)
