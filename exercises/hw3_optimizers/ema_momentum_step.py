"""`ema_momentum_step(w, g, state, lr, beta)`: the lecture's moment method, a corrected average of the gradients."""

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.hw3_optimizers import _hints
from exercises.hw3_optimizers._runs import dense, kinds_of_input, paths, sparse, traces


def _ema_momentum_step(w, g, state, lr, beta):
    w = np.asarray(w)
    if w.dtype.kind != "f":
        w = w.astype(np.float64)
    g = np.asarray(g, dtype=w.dtype)
    if state is None:
        m, t = np.zeros_like(w), 0
    else:
        m, t = state
    t = t + 1
    m = beta * m + (1 - beta) * g
    m_hat = m / (1 - beta**t)
    return w - lr * m_hat, (m, t)


# Other right ways -----------------------------------------------------------------------------------------------------


def _normalised_sums(w, g, state, lr, beta):
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(float)
    total, weight = (0.0, 0.0) if state is None else (state["total"], state["weight"])
    total = beta * total + np.asarray(g, dtype=w.dtype)
    weight = beta * weight + 1.0
    return w - lr * (total / weight), {"total": total, "weight": weight}


def _whole_history(w, g, state, lr, beta):
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(np.float64)
    history = [] if state is None else state
    history = [*history, np.array(g, dtype=w.dtype)]
    weights = [beta ** (len(history) - 1 - k) for k in range(len(history))]
    mean = sum(weight * old for weight, old in zip(weights, history, strict=True)) / sum(weights)
    return w - lr * mean, history


def _average_moves_towards_g(w, g, state, lr, beta):
    # m_hat is itself an average; the newest gradient enters it with the weight (1 - beta)/(1 - beta^t).
    w = np.asarray(w)
    if not np.issubdtype(w.dtype, np.floating):
        w = w.astype(float)
    m_hat, t = (0.0, 0) if state is None else state
    share = (1 - beta) / (1 - beta ** (t + 1))
    m_hat = m_hat + share * (np.asarray(g).astype(w.dtype) - m_hat)
    return w - lr * m_hat, (m_hat, t + 1)


def _memory_object(w, g, state, lr, beta):
    class Memory:
        def __init__(self, m, power):
            self.m, self.power = m, power

    w = torch.tensor(np.asarray(w))
    w = w if w.is_floating_point() else w.double()
    g = torch.tensor(np.asarray(g)).to(w.dtype)
    old = Memory(torch.zeros_like(w), 1.0) if state is None else state
    new = Memory(torch.lerp(g, old.m, beta), old.power * beta)
    return (w - lr / (1 - new.power) * new.m).numpy(), new


ema_momentum_step = Exercise(
    reference=_ema_momentum_step,
    accepted={
        "running sum of gradients over running sum of weights": _normalised_sums,
        "weighted mean of the whole history": _whole_history,
        "corrected average moved towards g": _average_moves_towards_g,
        "an object with torch.lerp": _memory_object,
    },
    banned=("torch.optim",),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@ema_momentum_step.check(
    "the first four steps",
    points=0.5,
    hint="At the first step the corrected average is the gradient itself; work out the second step on paper.",
)
def _first_steps(f, rng):
    hyper = {"lr": float(rng.uniform(0.05, 0.5)), "beta": float(rng.choice([0.6, 0.75, 0.9]))}
    return paths(f, (rng.normal(size=3), dense(rng, steps=4, size=3), hyper))


@ema_momentum_step.check(
    "any shape and dtype, zero gradients, nan, and two parameters in turn",
    points=0.5,
    rtol=2e-6,
    atol=2e-6,  # float32 is among them; here the kind of the result is in question, not its last digit
    hint="Read the common rules at the top of the notebook once more, line by line.",
)
def _any_input(f, rng):
    return kinds_of_input(f, rng, lr=float(rng.uniform(0.05, 0.5)), beta=float(rng.uniform(0.6, 0.9)))


@ema_momentum_step.check(
    "w, g and the old state are left as they were",
    points=1,
    hint="Use one old state twice, with two different gradients, then once more with the first of them.",
)
def _left_alone(f, rng):
    return traces(f, rng, lr=float(rng.uniform(0.05, 0.5)), beta=float(rng.uniform(0.6, 0.9)))


@ema_momentum_step.check(
    "long runs: each step goes along the weighted mean of all gradients so far",
    points=1,
    hint="Try beta = 0, a gradient that is mostly zero, and a learning rate that changes midway.",
)
def _weighted_means(f, rng):
    lr, beta = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.8, 0.95))
    zero = np.zeros(4)
    return [
        paths(f, (zero, dense(rng), {"lr": lr, "beta": beta}, {"lr": lr / 10})),
        paths(f, (zero, sparse(rng), {"lr": lr, "beta": beta})),
        paths(f, (zero, dense(rng), {"lr": lr, "beta": 0.999}), (zero, dense(rng, 10), {"lr": lr, "beta": 0.0})),
        paths(f, (zero, 1e-8 * dense(rng), {"lr": lr, "beta": beta}), scale=1e-8),
    ]


# Wrong answers, as students write them --------------------------------------------------------------------------------


ema_momentum_step.mistake(
    "no bias correction",
    edits=[("m / (1 - beta**t)", "m")],
    core=True,
    hint="""
        You walk along the average m itself. But m starts at 0, and this start is a part of the average: after one step
        m is only the fraction 1 − β of the first gradient, one tenth of it for β = 0.9. So the first steps are far too
        short, and the smaller 1 − β is, the longer that lasts. The correction asks how much weight the gradients have
        had so far, and divides by it. After t steps, the part of the average that still belongs to the zero start is β
        to the power t; the rest belongs to gradients. After the first step, the corrected average is the gradient
        itself. Check that, and look at the second formula of the statement.
    """,
    source="COURSE A3.2; MISCONCEPTIONS 48",
)

ema_momentum_step.mistake(
    "corrected average fed back",
    edits=[("w - lr * m_hat, (m, t)", "w - lr * m_hat, (m_hat, t)")],
    core=True,
    hint="""
        Your first step is right, and from the second on something is off. You keep the corrected average and average on
        from there, so that the next correction is applied to what is corrected already. With β = 0.9 and a gradient
        that is always 1, the corrected average should be 1 for ever; print yours. There are two numbers here with two
        lives. The plain average m lives on from step to step. The corrected one is made afresh from it at every step,
        is used once for the step, and is then forgotten. Look at which of the two you put into the state that you
        return.
    """,
    source="COURSE A3.2; MISCONCEPTIONS 54",
)

ema_momentum_step.mistake(
    "beta on the new gradient",
    edits=[("beta * m + (1 - beta) * g", "(1 - beta) * m + beta * g"), ("(1 - beta**t)", "(1 - (1 - beta) ** t)")],
    core=True,
    hint="""
        You give the weight β to the new gradient and 1 − β to the past. It is the other way round: β is how much of the
        past is kept. With β = 0.9 an average should remember about the last ten gradients, since 1/(1 − β) is 10. Yours
        remembers hardly more than one, so the noise of each minibatch goes straight into the step. Because your
        correction is swapped in the same way, the first step comes out right, and the second one does not. Some fields
        write the exponential average in your way, so always check which of the two weights a text calls β. Compare your
        line for m with the first formula.
    """,
    source="COURSE A3.2; MISCONCEPTIONS 64",
)

ema_momentum_step.mistake(
    "m starts at the first gradient",
    edits=[("m, t = np.zeros_like(w), 0", "m, t = g, 0"), ("m / (1 - beta**t)", "m")],
    core=True,
    hint="""
        You start the average with the first gradient and leave out the correction. This also gives a right first step,
        but a different average afterwards: your first gradient counts as if it had been there for ever. After two steps
        with β = 0.9, it has the weight 0.9 in your average and the second gradient 0.1, while the corrected average
        weighs them 0.474 and 0.526. If the first minibatch was odd, you follow it for a long time. The lecture starts
        with m = 0 and divides by the weight which the gradients have received so far. Follow the three formulas of the
        statement in their order, with m = 0 before the first one.
    """,
    source="COURSE A3.2",
)

ema_momentum_step.mistake(
    "t starts at 0",
    edits=[("    t = t + 1\n", ""), ("m_hat, (m, t)", "m_hat, (m, t + 1)")],
    core=True,
    hint="""
        At the first step you divide by zero: 1 minus β to the power 0 is 0. The first w is infinite, or nan where the
        gradient is 0, and it never recovers; a whole network follows within one pass. Your t is the number of steps
        before this one, and the correction wants the number of gradients in the average, with this one included. So t
        must be 1 when the first correction is made. The warning that Python prints is easy to miss in a notebook. Count
        the step first, and use the count afterwards: after the line that brings the new gradient into m, ask yourself
        how many gradients are in it.
    """,
    source="MISCONCEPTIONS 51",
)

ema_momentum_step.mistake(
    "power t+1",
    edits=[("beta**t", "beta ** (t + 1)")],
    core=True,
    hint="""
        Your correction is one step ahead. At the first step you divide by 1 − β², but there is only one gradient in the
        average, with the weight 1 − β. For β = 0.9 your first step is 0.526 of what it should be. The slide has t + 1
        in this place, and that is right there, because on the slide the first step is t = 0 and the new average is
        called m with the index t + 1. In this notebook t is 1 at the first call, so the power is t. A good test: after
        one step, the corrected average must be the gradient itself, whatever β is.
    """,
    source="ERRATA 33",
)

ema_momentum_step.mistake(
    "beta times t",
    edits=[("(1 - beta**t)", "(1 - beta * t)")],
    core=True,
    hint="""
        You multiply β by t, and the formula means a power. The slide is easy to misread here, since the small raised
        number means two things on it: on m it is only an index, and on β it is an exponent. At the first step there is
        no difference. At the second, with β = 0.9, you divide by 1 − 1.8, a negative number, and your step turns around
        and goes uphill. A power of β makes sense: at each step the weight of the zero start is multiplied by β once
        more. Print your divisor for the first three steps: it should rise from 1 − β towards 1.
    """,
    source="ERRATA 33",
)

ema_momentum_step.mistake(
    "torch's momentum, or t stays 1",
    edits=[("beta * m + (1 - beta) * g", "beta * m + g"), ("m / (1 - beta**t)", "m")],
    core=True,
    hint="""
        In effect you add the whole new gradient to β times the old memory: either you wrote it that way, or your t
        stays 1, so that you divide by 1 − β at every step, which comes to the same. That is the momentum of
        torch.optim.SGD, and it is the next exercise. Here the memory is an average: after the correction all the
        weights together make 1. The two conventions differ in size: with a gradient that is always the same, torch's
        memory grows to 1/(1 − β) times the gradient, ten times for β = 0.9, while an average stays as large as the
        gradient. Neither is wrong, but a learning rate tuned for one does not fit the other. Print t and m for three
        calls in a row, and compare them with the statement.
    """,
    source="ERRATA 32",
)

ema_momentum_step.mistake(
    "learning rate inside the average",
    edits=[("(1 - beta) * g", "(1 - beta) * lr * g"), ("w - lr * m_hat", "w - m_hat")],
    hint="""
        As long as the learning rate stays the same, your numbers are right. You multiply each gradient by the rate when
        it enters the average. When the rate changes midway, and in practice it always does, the old gradients in your
        memory still carry the old rate. After a cut from 0.1 to 0.01 your w goes on with long steps for a while. In the
        statement, the average is made of gradients only, and the rate of this very step multiplies the result. Keep the
        two apart: the memory knows nothing of the rate. To test it, change lr between two calls.
    """,
    source="MISCONCEPTIONS 77",
)

ema_momentum_step.mistake(
    "uphill",
    edits=[("w - lr * m_hat", "w + lr * m_hat")],
    core=True,
    hint=_hints.UPHILL,
    source="MISCONCEPTIONS 66",
)

ema_momentum_step.mistake(
    "steps along the gradient",
    edits=[("w - lr * m_hat", "w - lr * g")],
    core=True,
    hint="""
        You compute the average with care, put it into the state, and then walk along the newest gradient alone. The
        memory is never used, so this is plain gradient descent. At the first step nobody can tell, because the
        corrected average of one gradient is that gradient. From the second step on the direction should be a mixture of
        the old ones and the new one: that is what smooths the noise of minibatches and damps the zigzag in a narrow
        valley. Look at the last formula of the statement, and at the name in your last line. Test with two different
        gradients; two equal ones show nothing.
    """,
    source="own",
)

ema_momentum_step.mistake(
    "old average used",
    edits=[
        ("    m = beta * m + (1 - beta) * g\n    m_hat = m / (1 - beta**t)\n", "    m_hat = m / (1 - beta**t)\n"),
        ("w - lr * m_hat, (m, t)", "w - lr * m_hat, (beta * m + (1 - beta) * g, t)"),
    ],
    core=True,
    hint="""
        You take the step first and bring the new gradient into the average afterwards. So every step uses a memory that
        is one gradient too old, and the first step does not move at all, because the memory is still 0. Steps along an
        old direction are not harmless: they come late at every turn of the valley, and with a large rate the delay
        makes w oscillate. The order in the statement matters: first the new average, then its correction, then the
        step. Try a single step from w = 1 with any gradient that is not zero. Did w move?
    """,
    source="own",
)

ema_momentum_step.mistake(
    "w changed in place",
    edits=[("return w - lr * m_hat, (m, t)", "w -= lr * m_hat\n    return w, (m, t)")],
    core=True,
    hint=_hints.W_IN_PLACE,
    source="COURSE A3.2",
)

ema_momentum_step.mistake(
    "old state changed in place",
    edits=[
        ("m, t = np.zeros_like(w), 0", "state = {'m': np.zeros_like(w), 't': 0}"),
        ("    else:\n        m, t = state\n", ""),
        (
            "    t = t + 1\n    m = beta * m + (1 - beta) * g\n",
            "    state['t'] += 1\n    t = state['t']\n    state['m'] = m = beta * state['m'] + (1 - beta) * g\n",
        ),
        ("m_hat, (m, t)", "m_hat, state"),
    ],
    core=True,
    hint=_hints.STATE_IN_PLACE,
    source="COURSE A3.2",
)

ema_momentum_step.mistake(
    "old average overwritten",
    edits=[("    m = beta * m + (1 - beta) * g\n", "    m = np.asarray(m)\n    m *= beta\n    m += (1 - beta) * g\n")],
    core=True,
    hint="""
        Your numbers are right as long as each state is used only once. You count the steps in a new number, but you
        write the new average into the old array, with operators such as times-equals. The tuple that you return is new,
        and yet its array is the one of the old state, so that both states show the same average. Going back to an older
        state, as a line search does, then fails. A constant gradient cannot show it: the corrected average of equal
        gradients is always the same. Use one state twice with two different gradients. Compute the average in one
        ordinary expression, which makes a new array by itself.
    """,
    source="COURSE A3.2",
)

ema_momentum_step.mistake(
    "g changed in place",
    edits=[("    m = beta * m + (1 - beta) * g\n", "    g *= 1 - beta\n    m = beta * m + g\n")],
    core=True,
    hint=_hints.G_CHANGED,
    source="MISCONCEPTIONS 73",
)

ema_momentum_step.mistake(
    "float32 comes out as float64",
    edits=[("np.zeros_like(w)", "np.zeros(w.shape)")],
    hint=_hints.FLOAT32_LOST,
    source="own",
)

ema_momentum_step.mistake(
    "one count for all parameters",
    edits=[
        ("m, t = np.zeros_like(w), 0", "m, _ema_momentum_step.t = np.zeros_like(w), 0"),
        (
            "        m, t = state\n    t = t + 1\n",
            "        (m,) = state\n    _ema_momentum_step.t += 1\n    t = _ema_momentum_step.t\n",
        ),
        ("m_hat, (m, t)", "m_hat, (m,)"),
    ],
    hint=_hints.ONE_MEMORY_FOR_ALL,
    source="MISCONCEPTIONS 53",
)
