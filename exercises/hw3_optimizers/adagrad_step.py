"""`adagrad_step(w, g, state, lr, eps=1e-10)`: a learning rate for each parameter, from all its gradients so far."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.hw3_optimizers import _hints
from exercises.hw3_optimizers._runs import dense, kinds_of_input, paths, sparse, traces


def _adagrad_step(w, g, state, lr, eps=1e-10):
    w = np.asarray(w)
    if w.dtype.kind != "f":
        w = w.astype(np.float64)
    g = np.asarray(g, dtype=w.dtype)
    total = np.zeros_like(w) if state is None else state
    total = total + g**2
    return w - lr * g / (np.sqrt(total) + eps), total


# Other right ways -----------------------------------------------------------------------------------------------------


def _whole_history(w, g, state, lr, eps=1e-10):
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(np.float64)
    history = [*(state or []), np.array(g, dtype=w.dtype)]
    size = np.linalg.norm(np.stack(history), axis=0)
    return w - lr * history[-1] / (size + eps), history


def _length_so_far(w, g, state, lr, eps=1e-10):
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(float)
    g = np.asarray(g).astype(w.dtype)
    length = np.abs(g) if state is None else np.hypot(state["length"], g)
    return w - lr * (g / (length + eps)), {"length": length}


def _one_by_one(w, g, state, lr, eps=1e-10):
    w = np.asarray(w)
    new = np.array(w, dtype=w.dtype if w.dtype.kind == "f" else np.float64)
    totals = {} if state is None else dict(state)
    for index in np.ndindex(new.shape):
        gradient = float(np.asarray(g)[index])
        totals[index] = totals.get(index, 0.0) + gradient * gradient
        new[index] -= lr * gradient / (math.sqrt(totals[index]) + eps)
    return new, totals


def _object_in_torch(w, g, state, lr, eps=1e-10):
    class Memory:
        def __init__(self, total):
            self.total = total

    w = torch.tensor(np.asarray(w))
    w = w if w.is_floating_point() else w.double()
    g = torch.tensor(np.asarray(g)).to(w.dtype)
    old = torch.zeros_like(w) if state is None else state.total
    new = torch.addcmul(old, g, g)
    return torch.addcdiv(w, g, new.sqrt().add(eps), value=-lr).numpy(), Memory(new)


# A library's own ------------------------------------------------------------------------------------------------------


def _torch_adagrad(w, g, state, lr, eps=1e-10):
    w = torch.tensor(np.asarray(w))
    parameter = torch.nn.Parameter(w if w.is_floating_point() else w.double())
    parameter.grad = torch.tensor(np.asarray(g)).to(parameter.dtype)
    optimizer = torch.optim.Adagrad([parameter], lr=lr, eps=eps)
    if state is not None:
        optimizer.state[parameter] = {"step": state["step"].clone(), "sum": state["sum"].clone()}
    optimizer.step()
    return parameter.detach().numpy(), optimizer.state[parameter]


adagrad_step = Exercise(
    reference=_adagrad_step,
    accepted={
        "norm of the whole history": _whole_history,
        "length of the gradients so far, by hypot": _length_so_far,
        "one number at a time": _one_by_one,
        "an object with torch's basic operations": _object_in_torch,
    },
    witnesses={"torch.optim.Adagrad": _torch_adagrad},
    banned=("torch.optim",),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@adagrad_step.check(
    "the first four steps",
    points=0.5,
    rtol=1e-7,  # what eps does is the business of a later check
    hint="Whatever the gradient, the first step has the length lr in each place; work out the second on paper.",
)
def _first_steps(f, rng):
    hyper = {"lr": float(rng.uniform(0.05, 0.5)), "eps": 1e-14}
    return paths(f, (rng.normal(size=3), dense(rng, steps=4, size=3), hyper))


@adagrad_step.check(
    "any shape and dtype, zero gradients, nan, and two parameters in turn",
    points=0.5,
    rtol=2e-6,
    atol=2e-6,
    hint="Read the common rules at the top of the notebook once more, line by line.",
)
def _any_input(f, rng):
    return kinds_of_input(f, rng, lr=float(rng.uniform(0.05, 0.5)))


@adagrad_step.check(
    "w, g and the old state are left as they were, and the arrays may be used again",
    points=0.5,
    rtol=1e-7,
    hint="Use one old state twice with two different gradients, then once more with the first of them.",
)
def _left_alone(f, rng):
    return traces(f, rng, lr=float(rng.uniform(0.05, 0.5)), eps=1e-14)


@adagrad_step.check(
    "long runs like torch.optim.Adagrad: dense, sparse and small gradients, lr changed midway",
    points=1,
    hint="Drive torch.optim.Adagrad with the same gradients, and compare the sums of squares after each step.",
)
def _like_torch(f, rng):
    zero, lr = np.zeros(4), float(rng.uniform(0.05, 0.5))
    return [
        paths(f, (zero, dense(rng), {"lr": lr}, {"lr": lr / 10}), (zero, sparse(rng), {"lr": lr})),
        paths(f, (zero, 1e-3 * dense(rng), {"lr": lr, "eps": 1e-8}, {"lr": lr / 10})),
    ]


@adagrad_step.check(
    "where eps stands: tiny gradients and a large eps",
    points=0.5,
    hint="eps is added to the root, outside of it, once; with a large eps you can see it with the naked eye.",
)
def _eps(f, rng):
    zero, lr = np.zeros(4), float(rng.uniform(0.05, 0.5))
    tiny = 1e-8 * dense(rng)
    return paths(
        f,
        (zero, tiny, {"lr": lr, "eps": 1e-8}),
        (zero, tiny, {"lr": lr}),
        (zero, dense(rng), {"lr": lr, "eps": float(rng.uniform(0.05, 0.5))}),
        (zero, sparse(rng), {"lr": lr, "eps": 1e-4}),
    )


# Wrong answers, as students write them --------------------------------------------------------------------------------


adagrad_step.mistake(
    "no eps",
    edits=[("(np.sqrt(total) + eps)", "np.sqrt(total)")],
    core=True,
    hint="""
        You divide by the root alone, as the slide does. Where all gradients so far were 0, the root is 0 too, and 0
        divided by 0 is nan. This is not a rare case: in the digits images of this lecture, some corner pixels are black
        in every picture, so the gradients of their weights are always 0. One step, and these weights are nan; one more,
        and the whole network is. The eps of the statement prevents it: the divisor is never 0, and a gradient of 0
        gives a step of 0. Test with a gradient in which one place is 0. That place of w should stay exactly where it
        is.
    """,
    source="ERRATA 29",
)

adagrad_step.mistake(
    "eps inside the root",
    edits=[("np.sqrt(total) + eps", "np.sqrt(total + eps)")],
    core=True,
    hint="""
        You add eps below the root, and torch adds it to the root. With gradients near 1 and a tiny eps nobody sees a
        difference. Now let the gradients be tiny. The root of eps is much larger than eps: for 1e-10 it is 1e-5. So
        below the root, eps already dominates gradients of 1e-5, and outside of it only those of 1e-10. Both places are
        in use: old versions of Chainer and of JAX had it inside, and programs ported from one to the other have trained
        differently because of it. The statement says outside. Test with a large eps, such as 0.5, where the place is
        easy to see on paper.
    """,
    source="MISCONCEPTIONS 95; ERRATA 29",
)

adagrad_step.mistake(
    "eps outside the fraction",
    edits=[("lr * g / (np.sqrt(total) + eps)", "lr * (g / np.sqrt(total) + eps)")],
    core=True,
    hint="""
        A pair of parentheses is missing. Python divides before it adds, so you divide by the root alone and add eps to
        the quotient. Two things follow. Where the gradient is 0 you still divide 0 by 0 and get nan, so eps does not do
        its work. And everywhere else w creeps in one direction, by lr times eps at each step, with no gradient that
        asks for it. With a tiny eps that is invisible, which is how such a slip could stand in a well-known textbook
        for years. Write root plus eps in parentheses, as the lower part of one fraction, and test with an eps that is
        large.
    """,
    source="MISCONCEPTIONS 58",
)

adagrad_step.mistake(
    "eps argument ignored",
    edits=[("np.sqrt(total) + eps", "np.sqrt(total) + 1e-10")],
    core=True,
    hint="""
        With the default eps you are right; with any other value nothing changes, because a fixed number stands in your
        formula and the argument is never used. Most people never touch eps, so this can stay unseen for long. But it is
        a real knob: with a large eps, places with small gradients take shorter steps, and the method comes closer to
        plain gradient descent. In the lecture, the choice of eps even decides whether an adaptive method generalises on
        a certain data set. Search your function for numbers that are written out, and ask of each of them whether it
        should be an argument.
    """,
    source="own",
)

adagrad_step.mistake(
    "no root",
    edits=[("np.sqrt(total) + eps", "total + eps")],
    core=True,
    hint="""
        You divide by the sum of squares itself; its root is missing. Think of units. If the loss is measured in another
        unit, so that all gradients are 1000 times larger, the sum of squares is a million times larger, and your step
        becomes 1000 times shorter. With the root, the factor cancels: Adagrad's step does not depend on the unit of the
        gradient at all. At the first step you can see it best. The root of g² is the size of g, so that the first step
        has the length lr in every place, be the gradient large or small. Test with g = 4 and g = 0.01 side by side.
    """,
    source="COURSE A3.4; MISCONCEPTIONS 94",
)

adagrad_step.mistake(
    "one sum for the whole array",
    edits=[("total = total + g**2", "total = total + np.sum(g**2)")],
    core=True,
    hint="""
        You add up the squares over the whole array, so that all its places share one number, and one rate. The point of
        Adagrad is that each parameter has a rate of its own. A place that rarely gets a gradient, such as the weight of
        a rare word, keeps a small sum and takes large steps when its turn comes; a busy place takes small ones. On the
        slide, G has the index j twice: it is the j-th number on a diagonal, one for each parameter. So the array of
        sums has the shape of w. At the first step all places should move by the same length lr. Print the shape of your
        sum.
    """,
    source="MISCONCEPTIONS 100",
)

adagrad_step.mistake(
    "average for the sum",
    edits=[("total + g**2", "0.9 * total + 0.1 * g**2")],
    core=True,
    hint="""
        Your memory fades: each step keeps a part of the old squares and mixes in a part of the new one. That is
        RMSprop, the next exercise, which was invented to cure Adagrad's habit of slowing down for ever. Adagrad forgets
        nothing. It adds the square of each gradient to a sum that only grows, so the steps get shorter: for a constant
        gradient the t-th step is lr divided by the root of t. Already at the first step you can tell the two apart.
        Adagrad moves by lr, and yours moves about three times as far, because only a part of the square has arrived.
        Look at the line where the new square joins the old ones.
    """,
    source="MISCONCEPTIONS 99",
)

adagrad_step.mistake(
    "mean of the squares",
    edits=[
        (
            "total = np.zeros_like(w) if state is None else state\n    total = total + g**2\n",
            "total, t = (np.zeros_like(w), 0) if state is None else state\n    total, t = total + g**2, t + 1\n",
        ),
        ("np.sqrt(total) + eps), total", "np.sqrt(total / t) + eps), (total, t)"),
    ],
    core=True,
    hint="""
        You divide the sum of squares by the number of steps, so under the root stands their mean. The first step is the
        same. Afterwards a mean stays about as large as one square, while the sum grows with each step, and this growth
        is just what Adagrad wants: for a constant gradient its steps shrink like one over the root of t, a decaying
        rate that nobody had to tune. With the mean, all steps have the length lr, for ever. Take a constant gradient
        and four steps with lr = 0.1: Adagrad ends at −0.2784, and you end at −0.4. No count of steps is needed here.
    """,
    source="own",
)

adagrad_step.mistake(
    "only the newest gradient",
    edits=[("total = total + g**2", "total = g**2")],
    core=True,
    hint="""
        You divide each gradient by its own size, and the past plays no part. What is left is the sign of the gradient
        times lr: each place moves by lr at every step, whether its gradient is large or hardly more than noise. Near a
        minimum w then jumps to and fro for ever. In Adagrad the sum of the squares grows over all steps so far, this
        one included, and it has to live in the state. At the first step there is nothing to remember, so your result is
        right there. Take two steps with the same gradient: the second should be shorter than the first, by the root of
        2.
    """,
    source="own",
)

adagrad_step.mistake(
    "square of the sum",
    edits=[("total = total + g**2", "total = total + g"), ("np.sqrt(total) + eps", "np.abs(total) + eps")],
    core=True,
    hint="""
        You add up the gradients and take the size of the sum, but the sum of squares is wanted. The order matters,
        because gradients have signs. After +1 and −1, your sum is 0, so that the next step is divided by next to
        nothing and w flies away. The squares are 1 and 1, they add up to 2 and never cancel. What Adagrad wants to know
        is how much has been going on in this place, not in which direction; the direction is left to the newest
        gradient. Square first, then add, and take the root at the end. Test with two gradients of opposite sign.
    """,
    source="own",
)

adagrad_step.mistake(
    "sum of absolute values",
    edits=[("total = total + g**2", "total = total + np.abs(g)"), ("np.sqrt(total) + eps", "total + eps")],
    core=True,
    hint="""
        You add up the sizes of the gradients and divide by that sum, without a root. The first step is right, since the
        root of g² is the size of g. After that your sum grows too fast: for a constant gradient the second step is
        divided by 2, and Adagrad divides it by the root of 2. Your steps fall like 1/t, and Adagrad's like one over the
        root of t. The two rules measure the past in different ways: you add lengths as on a ruler, Adagrad adds squares
        as in Pythagoras. Keep the squares in the sum, and take the root of the sum at the moment of the step.
    """,
    source="MISCONCEPTIONS 97",
)

adagrad_step.mistake(
    "sum before this gradient",
    edits=[("    total = total + g**2\n", ""), ("+ eps), total", "+ eps), total + g**2")],
    core=True,
    hint="""
        You divide by the sum of the gradients before this one. At the first step that sum is 0, only eps is left in the
        divisor, and w is thrown far away: lr times g divided by 1e-10. The newest gradient must be in the sum before
        you divide. Then no step can be longer than lr, since the root of the sum is at least as large as the newest
        gradient. This bound is a handy test for any Adagrad: if a place ever moves by more than lr in one step,
        something is wrong. Update the sum first and use the updated sum in the step and in the state.
    """,
    source="own",
)

adagrad_step.mistake(
    "uphill",
    edits=[("w - lr * g", "w + lr * g")],
    core=True,
    hint=_hints.UPHILL,
    source="MISCONCEPTIONS 102 (a library had this bug)",
)

adagrad_step.mistake(
    "w changed in place",
    edits=[
        (
            "return w - lr * g / (np.sqrt(total) + eps), total",
            "w -= lr * g / (np.sqrt(total) + eps)\n    return w, total",
        )
    ],
    core=True,
    hint=_hints.W_IN_PLACE,
    source="COURSE A3",
)

adagrad_step.mistake(
    "old state changed in place",
    edits=[("total = total + g**2", "total = np.asarray(total)\n    total += g**2")],
    core=True,
    hint=_hints.STATE_IN_PLACE,
    source="COURSE A3",
)

adagrad_step.mistake(
    "g changed in place",
    edits=[("return w - lr * g /", "g *= lr\n    return w - g /")],
    core=True,
    hint=_hints.G_CHANGED,
    source="MISCONCEPTIONS 73",
)

adagrad_step.mistake(
    "float32 comes out as float64",
    edits=[("np.zeros_like(w)", "np.zeros(w.shape)")],
    hint=_hints.FLOAT32_LOST,
    source="own",
)
