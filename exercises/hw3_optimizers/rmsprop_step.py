"""`rmsprop_step(w, g, state, lr, gamma, eps)`: each parameter's rate from a fading average of its squared gradients."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.hw3_optimizers import _hints
from exercises.hw3_optimizers._runs import dense, kinds_of_input, paths, sparse, traces


def _rmsprop_step(w, g, state, lr, gamma, eps):
    w = np.asarray(w)
    if w.dtype.kind != "f":
        w = w.astype(np.float64)
    g = np.asarray(g, dtype=w.dtype)
    v = np.zeros_like(w) if state is None else state
    v = gamma * v + (1 - gamma) * g**2
    return w - lr * g / (np.sqrt(v) + eps), v


# Other right ways -----------------------------------------------------------------------------------------------------


def _whole_history(w, g, state, lr, gamma, eps):
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(np.float64)
    history = [*(state or []), np.array(g, dtype=w.dtype)]
    weights = [(1 - gamma) * gamma**age for age in reversed(range(len(history)))]
    mean_square = sum(weight * old * old for weight, old in zip(weights, history, strict=True))
    return w - lr * history[-1] / (mean_square**0.5 + eps), history


def _square_moves_towards_g2(w, g, state, lr, gamma, eps):
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(float)
    g = np.asarray(g).astype(w.dtype)
    v = 0.0 if state is None else state["v"]
    v = v + (1 - gamma) * (g * g - v)
    return w - lr * (g / (np.sqrt(v) + eps)), {"v": v}


def _root_kept(w, g, state, lr, gamma, eps):
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(float)
    g = np.asarray(g).astype(w.dtype)
    (rms,) = (np.zeros_like(w),) if state is None else state
    rms = np.hypot(math.sqrt(gamma) * rms, math.sqrt(1 - gamma) * g)
    return w - lr * g / (rms + eps), (rms,)


def _object_in_torch(w, g, state, lr, gamma, eps):
    class Memory:
        def __init__(self, v):
            self.v = v

    w = torch.tensor(np.asarray(w))
    w = w if w.is_floating_point() else w.double()
    g = torch.tensor(np.asarray(g)).to(w.dtype)
    old = torch.zeros_like(w) if state is None else state.v
    new = torch.lerp(g * g, old, gamma)
    return torch.addcdiv(w, g, new.sqrt() + eps, value=-lr).numpy(), Memory(new)


# A library's own ------------------------------------------------------------------------------------------------------


def _torch_rmsprop(w, g, state, lr, gamma, eps):
    w = torch.tensor(np.asarray(w))
    parameter = torch.nn.Parameter(w if w.is_floating_point() else w.double())
    parameter.grad = torch.tensor(np.asarray(g)).to(parameter.dtype)
    optimizer = torch.optim.RMSprop([parameter], lr=lr, alpha=gamma, eps=eps)
    if state is not None:
        optimizer.state[parameter] = {key: value.clone() for key, value in state.items()}
    optimizer.step()
    return parameter.detach().numpy(), optimizer.state[parameter]


rmsprop_step = Exercise(
    reference=_rmsprop_step,
    accepted={
        "weighted mean of the whole history": _whole_history,
        "v moved towards the square": _square_moves_towards_g2,
        "the root kept, by hypot": _root_kept,
        "an object with torch.lerp": _object_in_torch,
    },
    witnesses={"torch.optim.RMSprop": _torch_rmsprop},
    banned=("torch.optim",),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@rmsprop_step.check(
    "the first four steps",
    points=0.5,
    hint="v starts at 0 and is not corrected, so the first step is longer than lr; work it out on paper.",
)
def _first_steps(f, rng):
    hyper = {"lr": float(rng.uniform(0.01, 0.1)), "gamma": float(rng.choice([0.6, 0.75, 0.9])), "eps": 1e-14}
    return paths(f, (rng.normal(size=3), dense(rng, steps=4, size=3), hyper))


@rmsprop_step.check(
    "any shape and dtype, zero gradients, nan, and two parameters in turn",
    points=0.5,
    rtol=2e-6,
    atol=2e-6,
    hint="Read the common rules at the top of the notebook once more, line by line.",
)
def _any_input(f, rng):
    return kinds_of_input(f, rng, lr=float(rng.uniform(0.01, 0.1)), gamma=float(rng.uniform(0.6, 0.9)), eps=1e-14)


@rmsprop_step.check(
    "w, g and the old state are left as they were, and the arrays may be used again",
    points=0.5,
    hint="Use one old state twice with two different gradients, then once more with the first of them.",
)
def _left_alone(f, rng):
    return traces(f, rng, lr=float(rng.uniform(0.01, 0.1)), gamma=float(rng.uniform(0.6, 0.9)), eps=1e-14)


@rmsprop_step.check(
    "long runs like torch.optim.RMSprop: dense, sparse and tiny gradients, a large eps, lr changed midway",
    points=0.5,
    hint="Drive torch.optim.RMSprop with the same gradients; alpha is its name for gamma.",
)
def _like_torch(f, rng):
    zero, lr, gamma = np.zeros(4), float(rng.uniform(0.01, 0.1)), float(rng.uniform(0.8, 0.99))
    usual = {"lr": lr, "gamma": gamma, "eps": 1e-8}
    tiny = 1e-8 * dense(rng)
    return paths(
        f,
        (zero, dense(rng), usual, {"lr": lr / 10}),
        (zero, sparse(rng), usual),
        (zero, 1e-3 * dense(rng), usual),
        (zero, tiny, usual),
        (zero, dense(rng), {**usual, "eps": float(rng.uniform(0.05, 0.5))}, {"lr": lr / 10}),
    )


# Wrong answers, as students write them --------------------------------------------------------------------------------


rmsprop_step.mistake(
    "no eps",
    edits=[("(np.sqrt(v) + eps)", "np.sqrt(v)")],
    core=True,
    hint="""
        You divide by the root of v alone, as the slide does. Where every gradient so far was 0, v is 0, and 0 divided
        by 0 is nan. Units that never fire and pixels that are always black have such gradients, so this happens in real
        networks at the very first step. The eps of the statement keeps the divisor away from 0; a gradient of 0 then
        gives a step of 0, as it should. It does a second thing too: where the gradients are much smaller than eps, the
        step becomes small instead of being blown up to the full size. Test with a gradient in which one place is 0.
    """,
    source="ERRATA 29",
)

rmsprop_step.mistake(
    "eps inside the root",
    edits=[("np.sqrt(v) + eps", "np.sqrt(v + eps)")],
    core=True,
    hint="""
        You add eps below the root; the statement and torch add it to the root. For gradients near 1 it makes no
        difference that anyone could see. But the root of 1e-8 is 1e-4, ten thousand times more than 1e-8. With eps
        inside, all places with gradients below 1e-4 are slowed down strongly, and with eps outside only those below
        1e-8. TensorFlow has it inside and torch outside, and people who ported a published result from one to the other
        have lost days over it. When you describe an experiment, say where your eps stands. Test with a large eps, where
        paper and pencil are enough.
    """,
    source="MISCONCEPTIONS 95",
)

rmsprop_step.mistake(
    "larger of root and eps",
    edits=[("np.sqrt(v) + eps", "np.maximum(np.sqrt(v), eps)")],
    hint="""
        You divide by the root of v or by eps, whichever is larger. That avoids the division by zero too, and for
        gradients far above eps the two agree. They differ where the root and eps are of the same size: if both are
        1e-8, the sum is twice as large as the maximum, so your step is twice as long. The statement adds eps to the
        root, as torch does. A sum has another advantage: it changes smoothly, while a maximum has a corner. Use a large
        eps in your test, about as large as the gradients, and work out one step on paper in both ways.
    """,
    source="own",
)

rmsprop_step.mistake(
    "v starts at the first square",
    edits=[("np.zeros_like(w) if", "g**2 if")],
    core=True,
    hint="""
        You start v with the square of the first gradient. Then the first step has the length lr, which looks
        reasonable, perhaps more so than what the statement asks for. But in torch, and in this exercise, v starts at 0
        and is not corrected. So after the first step v holds only the part 1 − γ of the square, and the step is lr
        divided by the root of 1 − γ: ten times lr for γ = 0.99. Early steps of RMSprop are large, and it is good to
        have felt this once, since it is the reason why Adam has a correction. Put a zero where you now start.
    """,
    source="COURSE A3.5; MISCONCEPTIONS 91",
)

rmsprop_step.mistake(
    "v starts at 1",
    edits=[("np.zeros_like(w) if", "np.ones_like(w) if")],
    core=True,
    hint="""
        You start v at 1. The first TensorFlow did that, which avoids the long first steps, but brings in a strange
        yardstick: it takes for granted that gradients have a size of about 1. If yours are near 0.001, then v needs
        hundreds of steps to forget its start, and until then w hardly moves. In the statement v starts at 0, as in
        torch. Then nothing depends on the unit of the gradients: multiply them all by 1000, and the path stays the same
        up to the tiny influence of eps. That is a nice test. Look at what your function does when the state is None.
    """,
    source="MISCONCEPTIONS 91",
)

rmsprop_step.mistake(
    "bias corrected",
    edits=[
        (
            "v = np.zeros_like(w) if state is None else state\n",
            "v, t = (np.zeros_like(w), 0) if state is None else state\n    t = t + 1\n",
        ),
        ("np.sqrt(v) + eps), v", "np.sqrt(v / (1 - gamma**t)) + eps), (v, t)"),
    ],
    core=True,
    hint="""
        You divide v by the weight that its gradients have had so far. That is Adam's bias correction, and it is a good
        idea, but RMSprop has none. So with a constant gradient your steps all have the length lr, and RMSprop begins
        with longer ones: its first step is lr divided by the root of 1 − γ, three times lr for γ = 0.9 and ten times
        for γ = 0.99. This difference is one of the two between RMSprop and Adam; the other is the average of the
        gradients themselves. Take the correction out. You then need no count of the steps in the state.
    """,
    source="COURSE A3.5; MISCONCEPTIONS 90",
)

rmsprop_step.mistake(
    "gamma on the new square",
    edits=[("gamma * v + (1 - gamma) * g**2", "(1 - gamma) * v + gamma * g**2")],
    core=True,
    hint="""
        You give the weight γ to the new square and 1 − γ to the past; it should be the other way round. γ says how much
        of the old v is kept. With γ = 0.9 the average reaches back about ten steps, and with your version hardly more
        than one, so that each step is divided mostly by its own gradient, and all places move by about lr whatever
        happens. At the first step you can see it on paper: with lr = 0.1 and γ = 0.9, w should move by 0.316, and yours
        moves by 0.105. Compare the two factors in your line for v with the formula.
    """,
    source="MISCONCEPTIONS 93",
)

rmsprop_step.mistake(
    "sum for the average",
    edits=[("gamma * v + (1 - gamma) * g**2", "v + g**2")],
    core=True,
    hint="""
        You add up all the squares. That is Adagrad, the exercise before: its sum only grows, and so its steps only
        shrink. RMSprop forgets. At each step the old v is multiplied by γ, and the new square enters with the rest of
        the weight, 1 − γ. So v follows the size of recent gradients, and when they become small, the steps recover,
        which Adagrad's never do. With a constant gradient, γ = 0.9 and lr = 0.1, ten steps of RMSprop lead to −1.7333,
        and ten of Adagrad to −0.502. Look at where γ appears in your function.
    """,
    source="MISCONCEPTIONS 89",
)

rmsprop_step.mistake(
    "no root",
    edits=[("np.sqrt(v) + eps", "v + eps")],
    core=True,
    hint="""
        You divide by v, and its root is missing. v is an average of squares, so its unit is that of the gradient,
        squared. Dividing a gradient by it leaves one over a gradient: large gradients give short steps, and small ones
        give huge steps. RMS stands for root mean square, and the root comes last: square the gradients, average the
        squares, take the root. What results has the unit of the gradient, so that the quotient is a plain number, and
        the step does not depend on how the loss is scaled. Test with gradients of 4 and 0.01 side by side; the first
        steps must be equally long.
    """,
    source="MISCONCEPTIONS 94",
)

rmsprop_step.mistake(
    "average of the sizes",
    edits=[("(1 - gamma) * g**2", "(1 - gamma) * np.abs(g)"), ("np.sqrt(v) + eps", "v + eps")],
    core=True,
    hint="""
        You average the sizes of the gradients and take no root. It is a sensible measure of how large they are, but a
        different one: the root of an average of squares gives more weight to a single large gradient. And the start
        from 0 shows differently. After the first step your average holds the part 1 − γ of the size, so you move by lr
        divided by 1 − γ, ten times lr for γ = 0.9. With squares it is the root of this part, about three times. The
        letters of the name tell the order: root, mean, square, to be read from the right to the left.
    """,
    source="MISCONCEPTIONS 97",
)

rmsprop_step.mistake(
    "root of the average size",
    edits=[("(1 - gamma) * g**2", "(1 - gamma) * np.abs(g)")],
    hint="""
        Under your root stands an average of the sizes of the gradients, where their squares belong. So the root does
        not undo the square, and what you divide by has the wrong unit: for gradients 100 times larger it grows by 10,
        and your steps get 10 times longer. The whole point of the division is that this factor cancels. With gradients
        of size 1 there is no difference, because 1 is its own square. So never test with gradients of 1; take 4 and
        0.01. Then the first steps should come out equally long. Look at what you average in your line for v.
    """,
    source="MISCONCEPTIONS 97",
)

rmsprop_step.mistake(
    "one average for the whole array",
    edits=[("(1 - gamma) * g**2", "(1 - gamma) * np.mean(g**2)")],
    core=True,
    hint="""
        You average the squares over the array as well as over time, so that all its places share one v and one rate.
        Then a place with a small gradient takes a small step, as in plain gradient descent, and what makes RMSprop
        special is lost: each parameter is measured by its own past. A layer can have gradients that differ by a factor
        of a million from place to place. v must have the shape of w, one number for each parameter, and no mean or sum
        over the array should appear in your function. After one step all places whose gradient is not 0 should have
        moved by the same length.
    """,
    source="MISCONCEPTIONS 100",
)

rmsprop_step.mistake(
    "variance for the square",
    edits=[
        (
            "v = np.zeros_like(w) if state is None else state\n",
            "v, m = (np.zeros_like(w), np.zeros_like(w)) if state is None else state\n"
            "    m = gamma * m + (1 - gamma) * g\n",
        ),
        ("np.sqrt(v) + eps), v", "np.sqrt(v - m**2) + eps), (v, m)"),
    ],
    core=True,
    hint="""
        You also average the gradients, and subtract the square of this average from v. What remains is their variance.
        This version exists: torch has it under the name centered=True. But the plain RMSprop of the lecture, and of
        this exercise, divides by the root of the average square, with nothing subtracted. The difference shows when
        gradients are steady. Then the variance goes to 0, and the steps of the centered version become longer and
        longer, while plain RMSprop settles at the length lr. Leave the second average out, and keep only v in the
        state.
    """,
    source="torch.optim.RMSprop(centered=True)",
)

rmsprop_step.mistake(
    "v before this gradient",
    edits=[("    v = gamma * v + (1 - gamma) * g**2\n", ""), ("+ eps), v", "+ eps), gamma * v + (1 - gamma) * g**2")],
    core=True,
    hint="""
        You divide by the v of the gradients before this one. At the first step this v is 0, only eps is left, and w is
        thrown away by lr times g over 1e-8. The order in the statement is: first bring the new square into v, then
        divide by the root of the new v. In that order no step can ever be longer than lr divided by the root of 1 − γ,
        because the new square is always in v with this share. That bound is a good test to keep. Move the line for v
        up, above the line that makes the step.
    """,
    source="own",
)

rmsprop_step.mistake(
    "uphill",
    edits=[("w - lr * g", "w + lr * g")],
    core=True,
    hint=_hints.UPHILL,
    source="MISCONCEPTIONS 102",
)

rmsprop_step.mistake(
    "w changed in place",
    edits=[("return w - lr * g / (np.sqrt(v) + eps), v", "w -= lr * g / (np.sqrt(v) + eps)\n    return w, v")],
    core=True,
    hint=_hints.W_IN_PLACE,
    source="COURSE A3",
)

rmsprop_step.mistake(
    "old state changed in place",
    edits=[("v = gamma * v + (1 - gamma) * g**2", "v = np.asarray(v)\n    v *= gamma\n    v += (1 - gamma) * g**2")],
    core=True,
    hint=_hints.STATE_IN_PLACE,
    source="COURSE A3",
)

rmsprop_step.mistake(
    "float32 comes out as float64",
    edits=[("np.zeros_like(w)", "np.zeros(w.shape)")],
    hint=_hints.FLOAT32_LOST,
    source="own",
)
