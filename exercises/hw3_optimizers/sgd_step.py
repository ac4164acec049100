"""`sgd_step(w, g, mu, t, kind="constant")`: one step of gradient descent, with a constant rate or with mu/t."""

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.hw3_optimizers import _hints
from exercises.observation import probe, typed


def _sgd_step(w, g, mu, t, kind="constant"):
    if t < 1:
        raise ValueError(f"t counts the steps from 1, it cannot be {t}")
    if kind == "constant":
        rate = mu
    elif kind == "inverse":
        rate = mu / t
    else:
        raise ValueError(f"kind must be 'constant' or 'inverse', not {kind!r}")
    w = np.asarray(w)
    if w.dtype.kind != "f":
        w = w.astype(np.float64)
    return w - rate * np.asarray(g, dtype=w.dtype)


# Other right ways -----------------------------------------------------------------------------------------------------


def _table_of_rates(w, g, mu, t, kind="constant"):
    if t < 1 or kind not in ("constant", "inverse"):
        raise ValueError("t starts at 1; kind is 'constant' or 'inverse'")
    rate = {"constant": mu, "inverse": mu / t}[kind]
    dtype = np.result_type(w, np.float32) if np.asarray(w).dtype.kind == "f" else np.float64
    return np.subtract(w, np.multiply(rate, g), dtype=dtype)


def _one_by_one(w, g, mu, t, kind="constant"):
    if kind not in ("constant", "inverse"):
        raise ValueError("unknown kind")
    if t <= 0:
        raise ValueError("t starts at 1")
    divisor = t if kind == "inverse" else 1
    w = np.asarray(w)
    new = np.empty(w.shape, dtype=w.dtype if w.dtype.kind == "f" else np.float64)
    for index in np.ndindex(w.shape):
        new[index] = w[index] - mu * float(np.asarray(g)[index]) / divisor
    return new


def _in_torch(w, g, mu, t, kind="constant"):
    if t < 1 or kind not in ("constant", "inverse"):
        raise ValueError("t starts at 1; kind is 'constant' or 'inverse'")
    w = torch.tensor(np.asarray(w))
    w = w if w.is_floating_point() else w.double()
    g = torch.tensor(np.asarray(g)).to(w.dtype)
    return torch.sub(w, g, alpha=mu if kind == "constant" else mu / t).numpy()


# A library's own ------------------------------------------------------------------------------------------------------


def _torch_sgd(w, g, mu, t, kind="constant"):
    if t < 1 or kind not in ("constant", "inverse"):
        raise ValueError("t starts at 1; kind is 'constant' or 'inverse'")
    w = torch.tensor(np.asarray(w))
    parameter = torch.nn.Parameter(w if w.is_floating_point() else w.double())
    parameter.grad = torch.tensor(np.asarray(g)).to(parameter.dtype)
    torch.optim.SGD([parameter], lr=mu if kind == "constant" else mu / t).step()
    return parameter.detach().numpy()


sgd_step = Exercise(
    reference=_sgd_step,
    accepted={
        "a table of rates": _table_of_rates,
        "one number at a time": _one_by_one,
        "torch's basic operations": _in_torch,
    },
    witnesses={"torch.optim.SGD": _torch_sgd},
    banned=("torch.optim",),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _calls(step, calls):
    """The value of each call `(args, kwargs)`, or the name of its exception, with w and g as they are afterwards."""
    results = []
    for args, kwargs in calls:
        try:
            value = step(*args, **kwargs)
        except NotImplementedError:
            raise
        except Exception as error:
            value = next(kind.__name__ for kind in type(error).__mro__ if kind.__module__ == "builtins")
        results.append([value, args[0], args[1]])
    return results


def _descend(step, runs):
    """The path of w on the losses (w - x)²/2, one x per step, for each run `(start, targets, mu, kind)`."""
    import numpy as np

    paths = []
    for start, targets, mu, kind in runs:
        w, path = np.array(start), []
        for t, x in enumerate(targets, 1):
            w = np.array(step(np.array(w), w - x, mu, t, kind=kind), dtype=np.float64)
            path.append(w)
        paths.append(np.array(path))
    return paths


def _values(f, calls):
    values = [one[0] for one in probe(_calls, f, calls=calls)]
    return [value if isinstance(value, str) else typed(value) for value in values]


@sgd_step.check(
    "single steps, constant and inverse; constant is the default",
    points=0.5,
    hint="Take one step on paper, with t = 1 and with t = 2.",
)
def _single_steps(f, rng):
    w, g, mu = rng.normal(size=4), rng.normal(size=4), float(rng.uniform(0.1, 0.9))
    settings = [(1, "constant"), (1, "inverse"), (2, "inverse"), (int(rng.integers(3, 9)), "inverse"), (50, "constant")]
    calls = [([w.copy(), g.copy(), mu, t], {"kind": kind}) for t, kind in settings]
    return _values(f, [*calls, ([w.copy(), g.copy(), mu, 7], {})])


@sgd_step.check(
    "fifty steps on a moving target",
    points=0.5,
    hint="With mu = 1 and the rate mu/t, w is the mean of all targets so far; print t and the rate you use.",
)
def _runs(f, rng):
    targets = rng.normal(size=(50, 3)) + rng.normal(size=3)
    around_zero = targets - targets.mean(axis=0)
    start = rng.normal(size=3) * 5
    mu = float(rng.uniform(0.1, 0.6))
    runs = [(start, targets, 1.0, "inverse"), (start, around_zero, 1.0, "inverse"), (start, targets, mu, "constant")]
    return probe(_descend, f, runs=[*runs, (start, targets, mu, "inverse")])


@sgd_step.check(
    "a t below 1 and an unknown kind are refused with a ValueError",
    points=0.5,
    hint="Before you compute anything, ask whether t and kind are what the statement allows.",
)
def _refused(f, rng):
    w, g, mu = rng.normal(size=3), rng.normal(size=3), float(rng.uniform(0.1, 0.9))
    wrong = [(0, "inverse"), (0, "constant"), (-1, "inverse"), (1, "cosine"), (3, "inverse")]
    return _values(f, [([w.copy(), g.copy(), mu, t], {"kind": kind}) for t, kind in wrong])


@sgd_step.check(
    "any shape and dtype, nan stays in its place, and w and g are left as they were",
    points=0.5,
    rtol=1e-6,
    atol=1e-6,
    hint="Read the list of rules above your function once more, line by line.",
)
def _inputs(f, rng):
    mu, t = float(rng.uniform(0.1, 0.9)), int(rng.integers(2, 6))
    spoilt = rng.normal(size=4)
    spoilt[2] = np.nan
    wide = rng.normal(size=(2, 2, 6))
    locked = wide.copy()
    locked.setflags(write=False)
    pairs = [
        (rng.normal(size=4), rng.normal(size=4)),
        (wide[0, :, ::2], wide[1, :, 1::2]),
        (locked[0], locked[1]),
        (np.array(rng.normal()), np.array(rng.normal())),
        (rng.integers(1, 9, size=3), rng.integers(1, 9, size=3)),
        (rng.normal(size=3).astype(np.float32), rng.normal(size=3).astype(np.float32)),
        (rng.normal(size=4), spoilt),
        (rng.normal(size=2), np.zeros(2)),
    ]
    seen = probe(_calls, f, calls=[([w, g, mu, t], {"kind": "inverse"}) for w, g in pairs])
    return [[value if isinstance(value, str) else typed(value), w, g] for value, w, g in seen]


# Wrong answers, as students write them --------------------------------------------------------------------------------


sgd_step.mistake(
    "uphill",
    edits=[("w - rate *", "w + rate *")],
    core=True,
    hint=_hints.UPHILL,
    source="ERRATA 27",
)

sgd_step.mistake(
    "mu/(t+1)",
    edits=[("mu / t", "mu / (t + 1)")],
    core=True,
    hint="""
        You divide by t + 1. That would be right if the first step had t = 0, as in a Python loop. Here the steps are
        counted from 1, so at the first step the rate is the whole mu, and at the second one half of it. With your rate,
        the first step has only half its size. There is a nice way to see that this matters: with mu = 1 and the rate
        mu/t, the running w is exactly the mean of all targets so far, and the start is forgotten at once. With t + 1
        the start counts as if it were one more target. Check where the count begins before you write a formula with t
        in it.
    """,
    source="COURSE A3.1",
)

sgd_step.mistake(
    "always decays",
    edits=[("        rate = mu\n", "        rate = mu / t\n")],
    core=True,
    hint="""
        Your rate goes down with t for both kinds. For the kind “inverse” that is right. For the kind “constant” the
        rate is mu at every step, at the first as at the thousandth. Both have their use. A rate like mu/t lets the
        noise of the minibatches die out, and in the end w stands still. A constant rate keeps w moving, so that it can
        follow a target that changes, at the price of a jitter which never goes away. In practice people begin with a
        constant rate. Look at how your code uses the argument kind, and at its default value.
    """,
    source="COURSE A3.1",
)

sgd_step.mistake(
    "never decays",
    edits=[("rate = mu / t", "rate = mu")],
    core=True,
    hint="""
        Your rate is mu at every step, also for the kind “inverse”. There the rate must go down: mu at the first step,
        half of it at the second, a third of it at the third. Why one wants this: a minibatch gradient is noisy, and a
        rate that stays the same keeps w jumping about the minimum for ever. A rate that falls like 1/t averages the
        noise away, and still its sum is infinite, so that w can reach any place. Print the rate you use for t = 1, 2, 3
        and both kinds, and compare it with the table in the statement.
    """,
    source="own",
)

sgd_step.mistake(
    "divides by the root of t",
    edits=[("mu / t", "mu / np.sqrt(t)")],
    core=True,
    hint="""
        Your rate falls like one over the square root of t. Such a schedule exists, and theory likes it for losses that
        are convex but not strongly curved. The statement asks for mu/t, which falls faster: after 100 steps it is a
        hundredth of mu, and yours is a tenth. For the first step both are the same, so a test with t = 1 shows nothing.
        Look at t = 4: one quarter of mu is wanted there, and you use one half. A rate that falls like 1/t also has a
        simple meaning, since it turns the steps into a running mean. Take the root away.
    """,
    source="own",
)

sgd_step.mistake(
    "mu to the power t",
    edits=[("mu / t", "mu**t")],
    core=True,
    hint="""
        You raise mu to the power t. That is an exponential schedule, and it falls far too fast: with mu = 0.1 the tenth
        rate is 1e-10, and from then on w stands still wherever it happens to be. The sum of all the rates is finite, so
        there are places which w can never reach, however long you train. The statement asks for mu divided by t. Its
        sum grows without bound, though slowly, and that is what the theory of Robbins and Monro needs. For t = 1 both
        rules agree, so try t = 2 and t = 3 on paper before you run your function again.
    """,
    source="own",
)

sgd_step.mistake(
    "only the update is returned",
    edits=[("return w - rate *", "return -rate *")],
    core=True,
    hint="""
        You return the change of w, and the statement asks for the new w. Your number tells where to go and how far, but
        not where one arrives. The two agree only if w was 0 before the step. Some libraries do work in your way: optax
        returns updates and adds them in a second call. In this notebook each function returns the new weights, so that
        a loop can put them in place of the old ones. Test with a gradient of 0: nothing should move then, so the result
        must be w itself. Look at your return line, and at whether w is in it.
    """,
    source="optax's convention",
)

sgd_step.mistake(
    "t below 1 not refused",
    edits=[('    if t < 1:\n        raise ValueError(f"t counts the steps from 1, it cannot be {t}")\n', "")],
    core=True,
    hint="""
        Your steps are right. What is missing is the answer to a question that makes no sense: which rate belongs to
        step 0? For the kind “inverse” your function divides by zero there, and for a negative t it silently walks
        uphill. A loop that starts at 0 is the most common slip in Python, so a clear message at once is worth more than
        an odd number later. The statement says that t is at least 1, and that anything below raises a ValueError, for
        both kinds. Ask for it in the first line of your function, before anything is computed, and say in the message
        what you got.
    """,
    source="COURSE A3.1",
)

sgd_step.mistake(
    "unknown kind not refused",
    edits=[
        (
            "    else:\n        raise ValueError(f\"kind must be 'constant' or 'inverse', not {kind!r}\")\n",
            "    else:\n        rate = mu\n",
        )
    ],
    hint="""
        A word that your function does not know is treated like “constant”. Think of a typing mistake: someone writes
        “inverze”, trains all night with a constant rate, and never learns why the curve does not settle. A function
        should say so at once when it does not understand its orders. The statement asks for a ValueError for any word
        other than the two. This happens when the last branch of an if chain is a plain else, which catches everything.
        Give each of the two words a branch of its own, and let the else raise the error, with the strange word in its
        message.
    """,
    source="own",
)

sgd_step.mistake(
    "w changed in place",
    edits=[
        ("return w - rate * np.asarray(g, dtype=w.dtype)", "w -= rate * np.asarray(g, dtype=w.dtype)\n    return w")
    ],
    core=True,
    hint=_hints.W_IN_PLACE,
    source="COURSE A3.1",
)

sgd_step.mistake(
    "g scaled in place",
    edits=[
        (
            "return w - rate * np.asarray(g, dtype=w.dtype)",
            "g = np.asarray(g, dtype=w.dtype)\n    g *= rate\n    return w - g",
        )
    ],
    core=True,
    hint=_hints.G_CHANGED,
    source="own",
)

sgd_step.mistake(
    "whole numbers stay whole",
    edits=[
        ("    w = np.asarray(w)\n", "    w = np.asarray(w)\n    kept = w.dtype\n"),
        ("return w - rate * np.asarray(g, dtype=w.dtype)", "return (w - rate * np.asarray(g)).astype(kept)"),
    ],
    hint="""
        For weights with a decimal point you are right. Whole numbers go in and whole numbers come out: you cast the
        result back to the type that w had, and an integer cannot hold a fraction, so it is cut off without a word. With
        a small rate a step is smaller than 1, and the integer weights stand still or jump by a whole unit. The rule of
        the notebook is that whole numbers are promoted to float64, while float32 stays float32. So before you compute,
        ask whether w holds floats, and if it does not, make it float64. Then no cast is needed at the end. Print the
        dtype of your result.
    """,
    source="COURSE A3.1",
)

sgd_step.mistake(
    "float32 comes out as float64",
    edits=[
        (
            'w = np.asarray(w)\n    if w.dtype.kind != "f":\n        w = w.astype(np.float64)',
            "w = np.asarray(w, dtype=np.float64)",
        )
    ],
    hint=_hints.FLOAT32_LOST,
    source="own",
)
