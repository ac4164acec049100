"""`sgd_momentum_step(w, g, state, lr, momentum, dampening=0.0, nesterov=False)`: momentum like `torch.optim.SGD`."""

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.hw3_optimizers import _hints
from exercises.hw3_optimizers._runs import dense, ends, kinds_of_input, paths, sparse, traces


def _sgd_momentum_step(w, g, state, lr, momentum, dampening=0.0, nesterov=False):
    if nesterov and (momentum <= 0 or dampening != 0):
        raise ValueError("nesterov needs a momentum above 0 and no dampening")
    w = np.asarray(w)
    if w.dtype.kind != "f":
        w = w.astype(np.float64)
    g = np.array(g, dtype=w.dtype)  # a copy: the first buffer must not be the caller's array
    if momentum == 0:
        return w - lr * g, state
    buffer = g
    if state is not None:
        buffer = momentum * state + (1 - dampening) * g
    direction = buffer
    if nesterov:
        direction = g + momentum * buffer
    return w - lr * direction, buffer


# Other right ways -----------------------------------------------------------------------------------------------------


def _dictionary(w, g, state, lr, momentum, dampening=0.0, nesterov=False):
    if nesterov and not (momentum > 0 and dampening == 0):
        raise ValueError("nesterov needs a momentum above 0 and no dampening")
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(float)
    g = np.asarray(g).astype(w.dtype)
    state = dict(state or {"step": 0, "velocity": np.zeros_like(w)})
    state["step"] += 1
    share = 1.0 if state["step"] == 1 or momentum == 0 else 1.0 - dampening
    state["velocity"] = share * g + momentum * state["velocity"]
    ahead = g * 1.0 + state["velocity"] * momentum if nesterov else state["velocity"]
    return w - lr * ahead, state


def _whole_history(w, g, state, lr, momentum, dampening=0.0, nesterov=False):
    if nesterov and (momentum <= 0 or dampening != 0):
        raise ValueError("nesterov needs a momentum above 0 and no dampening")
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(np.float64)
    history = [*(state or []), np.array(g, dtype=w.dtype)]
    if momentum == 0:
        return w - lr * history[-1], history
    last = len(history) - 1
    buffer = np.zeros_like(w)
    for k, old in enumerate(history):
        buffer = buffer + momentum ** (last - k) * (1.0 if k == 0 else 1.0 - dampening) * old
    return w - lr * (history[-1] + momentum * buffer if nesterov else buffer), history


def _object_in_torch(w, g, state, lr, momentum, dampening=0.0, nesterov=False):
    class Memory:
        def __init__(self, buffer):
            self.buffer = buffer

    if nesterov and (momentum <= 0 or dampening != 0):
        raise ValueError("nesterov needs a momentum above 0 and no dampening")
    w = torch.tensor(np.asarray(w))
    w = w if w.is_floating_point() else w.double()
    g = torch.tensor(np.asarray(g)).to(w.dtype)
    if momentum == 0:
        return torch.sub(w, g, alpha=lr).numpy(), state
    buffer = g if state is None else state.buffer.mul(momentum).add(g, alpha=1 - dampening)
    step = torch.add(g, buffer, alpha=momentum) if nesterov else buffer
    return torch.sub(w, step, alpha=lr).numpy(), Memory(buffer)


# A library's own ------------------------------------------------------------------------------------------------------


def _torch_sgd(w, g, state, lr, momentum, dampening=0.0, nesterov=False):
    w = torch.tensor(np.asarray(w))
    parameter = torch.nn.Parameter(w if w.is_floating_point() else w.double())
    parameter.grad = torch.tensor(np.asarray(g)).to(parameter.dtype)
    optimizer = torch.optim.SGD([parameter], lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov)
    if state is not None:
        optimizer.state[parameter]["momentum_buffer"] = state.clone()
    optimizer.step()
    return parameter.detach().numpy(), optimizer.state[parameter].get("momentum_buffer")


sgd_momentum_step = Exercise(
    reference=_sgd_momentum_step,
    accepted={
        "a dictionary that counts its steps": _dictionary,
        "weighted sum of the whole history": _whole_history,
        "an object with torch's basic operations": _object_in_torch,
    },
    witnesses={"torch.optim.SGD": _torch_sgd},
    banned=("torch.optim",),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


@sgd_momentum_step.check(
    "the first four steps, with and without dampening",
    points=0.5,
    hint="After the first step the buffer is the gradient itself, whatever momentum and dampening are.",
)
def _first_steps(f, rng):
    lr, momentum = float(rng.uniform(0.05, 0.5)), float(rng.uniform(0.6, 0.9))
    w, gradients = rng.normal(size=3), dense(rng, steps=4, size=3)
    plain = {"lr": lr, "momentum": momentum}
    return paths(f, (w, gradients, plain), (w, gradients, {**plain, "dampening": float(rng.uniform(0.2, 0.8))}))


@sgd_momentum_step.check(
    "any shape and dtype, zero gradients, nan, and two parameters in turn",
    points=0.25,
    rtol=2e-6,
    atol=2e-6,
    hint="Read the common rules at the top of the notebook once more, line by line.",
)
def _any_input(f, rng):
    return kinds_of_input(f, rng, lr=float(rng.uniform(0.05, 0.5)), momentum=float(rng.uniform(0.6, 0.9)))


@sgd_momentum_step.check(
    "w, g and the old state are left as they were, and the arrays may be used again",
    points=0.5,
    hint="Use one old state twice with two gradients; and overwrite the array of g after a call.",
)
def _left_alone(f, rng):
    plain = {"lr": float(rng.uniform(0.05, 0.5)), "momentum": float(rng.uniform(0.6, 0.9))}
    return [traces(f, rng, **plain, dampening=float(rng.uniform(0.2, 0.8))), traces(f, rng, **plain, nesterov=True)]


@sgd_momentum_step.check(
    "long runs like torch.optim.SGD: dense, sparse and tiny gradients, lr changed midway",
    points=1,
    hint="Drive torch.optim.SGD with the same gradients, and print both buffers after each step.",
)
def _like_torch(f, rng):
    zero, lr = np.zeros(4), float(rng.uniform(0.05, 0.5))
    plain = {"lr": lr, "momentum": float(rng.uniform(0.8, 0.95))}
    damped = {"lr": lr, "momentum": float(rng.uniform(0.8, 0.95)), "dampening": float(rng.uniform(0.2, 0.8))}
    tiny = 1e-8 * dense(rng)
    return [
        paths(f, (zero, dense(rng), plain, {"lr": lr / 10}), (zero, sparse(rng), plain)),
        paths(f, (zero, dense(rng), damped, {"lr": lr / 10}), (zero, sparse(rng), damped)),
        paths(f, (zero, tiny, plain), (zero, tiny, damped), scale=1e-8),
    ]


@sgd_momentum_step.check(
    "nesterov",
    points=0.5,
    hint="The buffer is the same as without nesterov; only the direction of the step looks one step ahead.",
)
def _nesterov(f, rng):
    zero, lr = np.zeros(4), float(rng.uniform(0.05, 0.5))
    hyper = {"lr": lr, "momentum": float(rng.uniform(0.8, 0.95)), "nesterov": True}
    return paths(f, (zero, dense(rng), hyper, {"lr": lr / 10}), (zero, sparse(rng), hyper))


@sgd_momentum_step.check(
    "momentum 0 is plain gradient descent, and settings that torch refuses raise a ValueError",
    points=0.25,
    hint="Read what the statement says about momentum = 0, and about nesterov with other settings.",
)
def _corners(f, rng):
    w, gradients = rng.normal(size=3), dense(rng, steps=3, size=3)
    settings = [
        {"momentum": 0.0},
        {"momentum": 0.0, "dampening": 0.5},
        {"momentum": 0.5, "dampening": 0.25},
        {"momentum": 0.0, "nesterov": True},
        {"momentum": 0.9, "dampening": 0.5, "nesterov": True},
    ]
    lr = float(rng.uniform(0.05, 0.5))
    return ends(f, *[(w.copy(), [g.copy() for g in gradients], {"lr": lr, **one}) for one in settings])


# Wrong answers, as students write them --------------------------------------------------------------------------------


sgd_momentum_step.mistake(
    "average of the gradients",
    edits=[("buffer = g\n", "buffer = (1 - momentum) * g\n"), ("(1 - dampening) * g", "(1 - momentum) * g")],
    core=True,
    hint="""
        You give the new gradient the weight 1 − μ, so your buffer is an average. That is the moment method of the
        slide, and the exercise before this one. torch's momentum is a sum: the new gradient enters as it is, and the
        old buffer is multiplied by μ. With a constant gradient of 1, a rate of 0.1 and μ = 0.9, torch reaches −0.1,
        −0.29, −0.561, and you reach a tenth of it. Both methods walk the same way if the rate is divided by 1 − μ, but
        a rate from a paper that used the one is ten times wrong for the other. Look at the factor before g.
    """,
    source="MISCONCEPTIONS 76",
)

sgd_momentum_step.mistake(
    "dampening at the first step",
    edits=[("buffer = g\n", "buffer = (1 - dampening) * g\n")],
    core=True,
    hint="""
        You apply the dampening at the first step too. torch does not: its first buffer is the gradient itself, and
        dampening weakens the new gradients from the second step on. One could argue about which is nicer, and with your
        way the buffer would be an average like any other. But the statement asks for torch's own behaviour, so that a
        learning curve can be compared with one from torch digit by digit. Without dampening, nobody sees a difference,
        so test with a dampening of one half. Treat the very first call, where the state is None, in a branch of its
        own.
    """,
    source="MISCONCEPTIONS 80",
)

sgd_momentum_step.mistake(
    "nesterov ignored",
    edits=[("direction = g + momentum * buffer", "direction = buffer")],
    core=True,
    hint="""
        With nesterov=True your steps are the same as without it: no look-ahead has happened. Perhaps you never read the
        flag; perhaps you added μ times the old buffer to the gradient, and that is the new buffer once more, so it is
        ordinary momentum in another dress. Nesterov's idea is to step along what the buffer will be next: the gradient
        plus μ times the buffer that already contains it. At the first step the buffer is g, so that the step has the
        length (1 + μ) times that of ordinary momentum. Use that as a test, and look at which buffer you multiply.
    """,
    source="MISCONCEPTIONS 84",
)

sgd_momentum_step.mistake(
    "always nesterov",
    edits=[("    if nesterov:\n", "    if True:\n")],
    core=True,
    hint="""
        You take Nesterov's step also where ordinary momentum is asked for. With a constant gradient of 1, a rate of 0.1
        and μ = 0.9, ordinary momentum is at −0.1 after the first step, and you are at −0.19. Ordinary momentum, also
        called heavy ball, walks along the buffer. Nesterov's variant walks along the gradient plus μ times the buffer,
        a look one step ahead. On a narrow valley the two can be quite different: the look-ahead brakes earlier. Which
        of them is wanted is said by the argument nesterov, and its default is False. Look at where you use this
        argument.
    """,
    source="MISCONCEPTIONS 83",
)

sgd_momentum_step.mistake(
    "look-ahead with a minus",
    edits=[("g + momentum * buffer", "g - momentum * buffer")],
    core=True,
    hint="""
        In your nesterov step, the sign of the look-ahead is turned around. You subtract μ times the buffer from the
        gradient, so your steps get shorter where they should get longer. At the first step, buffer and gradient are the
        same, and the step should be (1 + μ) times the gradient; yours is (1 − μ) times. The minus sign of gradient
        descent appears once only, at the very end, when the direction is subtracted from w. In the form which textbooks
        use, the velocity already holds that minus, and mixing the two forms gives just this mistake. Stay with torch's
        form: all pluses, and one minus in the last line.
    """,
    source="MISCONCEPTIONS 85",
)

sgd_momentum_step.mistake(
    "look-ahead kept as the buffer",
    edits=[("direction = g + momentum * buffer", "direction = buffer = g + momentum * buffer")],
    core=True,
    hint="""
        Your first nesterov step is right, and the later ones are too long. You keep the look-ahead direction as the new
        buffer, so the next look-ahead is made from something that has looked ahead already. Two things must be kept
        apart: the buffer, which is the memory and obeys the same formula with nesterov and without, and the direction,
        which is made from it for this one step and then forgotten. It is the same trap as with a bias correction that
        is written back. Give them two names, and return the first of them in the state.
    """,
    source="own",
)

sgd_momentum_step.mistake(
    "old buffer used",
    edits=[("    direction = buffer\n", "    direction = np.zeros_like(w) if state is None else state\n")],
    core=True,
    hint="""
        You step along the buffer of the step before, and bring the new gradient in afterwards. So the first step does
        not move at all, and each later one comes one gradient too late. In torch the order is: new buffer first, then
        the step along this new buffer. A delay of one step sounds harmless, but it makes a method less stable: you
        react to a slope that you have already left behind, like someone driving by looking at a photograph of the road.
        Test with a single step from any w and a gradient that is not zero, and see whether w moves.
    """,
    source="COURSE A3.3",
)

sgd_momentum_step.mistake(
    "learning rate inside the buffer",
    edits=[
        ("buffer = g\n", "buffer = lr * g\n"),
        ("(1 - dampening) * g", "(1 - dampening) * lr * g"),
        ("direction = g + momentum * buffer", "direction = lr * g + momentum * buffer"),
        ("return w - lr * direction", "return w - direction"),
    ],
    hint="""
        While the learning rate stays the same, your steps are torch's. You put the rate inside the buffer. This is the
        convention of Sutskever and of Keras, and a good one, but another one: when the rate changes, the old part of
        your buffer still moves at the old rate. torch keeps gradients in the buffer, and multiplies by the rate of the
        moment at the end. After a cut from 0.1 to 0.01, torch slows down at once, and the other convention glides on
        for about 1/(1 − μ) steps. The statement asks for torch's. Test with a rate that changes between two calls,
        since a constant one cannot tell.
    """,
    source="MISCONCEPTIONS 77",
)

sgd_momentum_step.mistake(
    "nothing is remembered",
    edits=[("lr * direction, buffer", "lr * direction, None")],
    core=True,
    hint="""
        Each of your steps is a first step. With a constant gradient of 1, a rate of 0.1 and μ = 0.9 you go to −0.1,
        −0.2, −0.3, as plain gradient descent does, and momentum would go to −0.1, −0.29, −0.561. The buffer that you
        compute is lost, because it does not get into the state that you return, or is not read from the state that you
        are given. The function itself forgets everything when it ends; the state is its only memory. Print the state
        that comes in at the second call. It should hold what the first call put there.
    """,
    source="MISCONCEPTIONS 78",
)

sgd_momentum_step.mistake(
    "dampening ignored",
    edits=[("(1 - dampening) * g", "g")],
    core=True,
    hint="""
        Your buffer is right when dampening is 0, which is its default. With any other value nothing changes in your
        function, so the argument is probably never used. Dampening weakens the new gradient on its way into the buffer:
        from the second step on it enters with the factor 1 minus dampening. With a dampening equal to μ, the buffer
        becomes an average, like in the exercise before, but for the first step, which torch leaves undamped. Few people
        use it, and it is a part of what torch offers, so it is a part of this exercise. Look at the formula for the
        second and all later calls.
    """,
    source="own",
)

sgd_momentum_step.mistake(
    "dampening on the memory",
    edits=[("momentum * state + (1 - dampening) * g", "momentum * (1 - dampening) * state + g")],
    core=True,
    hint="""
        You weaken the old buffer, and dampening is about the new gradient. In torch, the buffer is multiplied by μ and
        by nothing else, and the new gradient is multiplied by 1 minus dampening before it is added. With your formula,
        dampening would be only another way to choose a smaller μ, and it would not need a name of its own. With
        torch's, the length of the memory and the weight of what is new can be chosen each for itself. When dampening is
        0 there is no difference, so test with one half and two steps on paper. Look at where the factor stands.
    """,
    source="own",
)

sgd_momentum_step.mistake(
    "bias corrected",
    edits=[
        ("buffer = g\n", "buffer, t = g, 1\n"),
        (
            "buffer = momentum * state + (1 - dampening) * g\n",
            "buffer, t = momentum * state[0] + (1 - dampening) * g, state[1] + 1\n",
        ),
        ("    direction = buffer\n", "    direction = buffer * (1 - momentum) / (1 - momentum**t)\n"),
        ("lr * direction, buffer", "lr * direction, (buffer, t)"),
    ],
    core=True,
    hint="""
        You correct the buffer for its start at zero. The lecture's moment method does this, and Adam does; torch's SGD
        does not. Its buffer is a sum and not an average: with a constant gradient it is meant to grow, step after step,
        up to 1/(1 − μ) times the gradient. That is how the ball picks up speed. Your correction takes just this growth
        away, and with a constant gradient all your steps have the same length. For a rate of 0.1 and μ = 0.9 the path
        should be −0.1, −0.29, −0.561. Leave the division out, and no count of the steps is needed.
    """,
    source="own",
)

sgd_momentum_step.mistake(
    "uphill",
    edits=[("return w - lr * direction", "return w + lr * direction")],
    core=True,
    hint=_hints.UPHILL,
    source="MISCONCEPTIONS 66",
)

sgd_momentum_step.mistake(
    "dampening without momentum",
    edits=[("    if momentum == 0:\n        return w - lr * g, state\n", "")],
    hint="""
        One corner is different: momentum = 0. Your buffer then forgets all that is old, but the new gradient is still
        weakened by the dampening, so that your steps are shorter than those of plain gradient descent. torch asks first
        whether there is any momentum. If there is none, it keeps no buffer, and the step is w minus the rate times g,
        whatever dampening says. It is a small thing. But someone who scans momentum over 0, 0.5 and 0.9 with dampening
        switched on would compare curves that do not belong together. The statement has a line about momentum = 0.
        Answer this case before all others.
    """,
    source="torch.optim.SGD's source",
)

sgd_momentum_step.mistake(
    "nesterov with dampening not refused",
    edits=[
        (
            "    if nesterov and (momentum <= 0 or dampening != 0):\n"
            '        raise ValueError("nesterov needs a momentum above 0 and no dampening")\n',
            "",
        )
    ],
    hint="""
        Your steps are right. What is missing is a refusal: torch raises a ValueError when nesterov is asked for without
        any momentum, or together with dampening. Looking ahead along a buffer makes no sense if there is no buffer, and
        with dampening the look-ahead would no longer be Nesterov's method, so that the name would promise something it
        does not keep. A function that quietly computes something else lets its user draw conclusions about a method
        that was never run. The statement names both cases. Ask for them at the top of your function, before anything
        else is done.
    """,
    source="MISCONCEPTIONS 88",
)

sgd_momentum_step.mistake(
    "w changed in place",
    edits=[("    return w - lr * direction, buffer", "    w -= lr * direction\n    return w, buffer")],
    core=True,
    hint=_hints.W_IN_PLACE,
    source="COURSE A3.3",
)

sgd_momentum_step.mistake(
    "old state changed in place",
    edits=[
        (
            "buffer = momentum * state + (1 - dampening) * g\n",
            "buffer = np.asarray(state)\n        buffer *= momentum\n        buffer += (1 - dampening) * g\n",
        )
    ],
    core=True,
    hint=_hints.STATE_IN_PLACE,
    source="COURSE A3.3",
)

sgd_momentum_step.mistake(
    "buffer is the caller's g",
    edits=[
        (
            "g = np.array(g, dtype=w.dtype)  # a copy: the first buffer must not be the caller's array",
            "g = np.asarray(g, dtype=w.dtype)",
        )
    ],
    core=True,
    hint="""
        At the first step your buffer is the gradient, and that is right. But it is not a copy: it is the very array
        which the caller handed in, under a second name. In a training loop the caller uses this array again, as torch
        does with .grad: it is filled with zeros or with the next gradient, and in this moment your memory changes too,
        behind your back. The second step is then computed from a wrong past. Note that np.asarray gives back the same
        array if the type already fits. What you keep must belong to you: make a copy of g before you put it into the
        state.
    """,
    source="COURSE A3.3",
)

sgd_momentum_step.mistake(
    "g changed in place",
    edits=[
        (
            "g = np.array(g, dtype=w.dtype)  # a copy: the first buffer must not be the caller's array",
            "g = np.asarray(g, dtype=w.dtype)",
        ),
        ("buffer = g\n", "buffer = g.copy()\n"),
        (
            "buffer = momentum * state + (1 - dampening) * g\n",
            "g *= 1 - dampening\n        buffer = momentum * state + g\n",
        ),
    ],
    hint=_hints.G_CHANGED,
    source="MISCONCEPTIONS 73",
)

sgd_momentum_step.mistake(
    "float32 comes out as float64",
    edits=[("g = np.array(g, dtype=w.dtype)", "g = np.array(g, dtype=np.float64)")],
    hint=_hints.FLOAT32_LOST,
    source="own",
)
