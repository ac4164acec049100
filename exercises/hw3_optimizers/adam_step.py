"""`adam_step(...)`: Adam, AdamW and AMSGrad, one step at a time, as torch computes them."""

import math

import numpy as np
import torch

from exercises.bank import Exercise
from exercises.hw3_optimizers import _hints
from exercises.hw3_optimizers._runs import dense, fading, kinds_of_input, paths, sparse, traces


def _adam_step(w, g, state, lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False, amsgrad=False):
    w = np.asarray(w)
    if w.dtype.kind != "f":
        w = w.astype(np.float64)
    g = np.asarray(g, dtype=w.dtype)
    if state is None:
        t, m, v, v_max = 0, np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    else:
        t, m, v, v_max = state
    t = t + 1
    decay = 0.0
    if decoupled:
        decay = weight_decay * w
    else:
        g = g + weight_decay * w
    m = beta1 * m + (1 - beta1) * g
    v = beta2 * v + (1 - beta2) * g**2
    v_max = np.maximum(v_max, v)
    m_hat = m / (1 - beta1**t)
    v_hat = (v_max if amsgrad else v) / (1 - beta2**t)
    w_new = w - lr * m_hat / (np.sqrt(v_hat) + eps) - lr * decay
    return w_new, (t, m, v, v_max)


# Other right ways -----------------------------------------------------------------------------------------------------


def _torch_order(w, g, state, lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False, amsgrad=False):
    class Memory:
        def __init__(self, step, exp_avg, exp_avg_sq, largest):
            self.step, self.exp_avg, self.exp_avg_sq, self.largest = step, exp_avg, exp_avg_sq, largest

    w = torch.tensor(np.asarray(w))
    w = w if w.is_floating_point() else w.double()
    g = torch.tensor(np.asarray(g)).to(w.dtype)
    old = Memory(0, *[torch.zeros_like(w)] * 3) if state is None else state
    if decoupled:
        w = w * (1 - lr * weight_decay)
    elif weight_decay:
        g = g.add(w, alpha=weight_decay)
    step = old.step + 1
    exp_avg = torch.lerp(old.exp_avg, g, 1 - beta1)
    exp_avg_sq = (old.exp_avg_sq * beta2).addcmul(g, g, value=1 - beta2)
    largest = torch.maximum(old.largest, exp_avg_sq)
    step_size = lr / (1 - beta1**step)
    root = (largest if amsgrad else exp_avg_sq).sqrt() / math.sqrt(1 - beta2**step)
    w_new = w.addcdiv(exp_avg, root.add(eps), value=-step_size)
    return w_new.numpy(), Memory(step, exp_avg, exp_avg_sq, largest)


def _running_sums(w, g, state, lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False, amsgrad=False):
    # Sums of gradients and of their weights: a weighted mean needs no correction.
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(float)
    state = dict(state) if state else {"g": 0.0, "g2": 0.0, "weight1": 0.0, "weight2": 0.0, "most": np.zeros_like(w)}
    grad = np.asarray(g).astype(w.dtype)
    if not decoupled:
        grad = grad + weight_decay * w
    state["g"] = beta1 * state["g"] + grad
    state["g2"] = beta2 * state["g2"] + grad * grad
    state["weight1"] = beta1 * state["weight1"] + 1
    state["weight2"] = beta2 * state["weight2"] + 1
    state["most"] = np.where(state["g2"] > state["most"], state["g2"], state["most"])
    squares = state["most"] if amsgrad else state["g2"]
    step = (state["g"] / state["weight1"]) / (np.sqrt(squares / state["weight2"]) + eps)
    if decoupled:
        step = step + weight_decay * w
    return w - lr * step, state


def _whole_history(w, g, state, lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False, amsgrad=False):
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(np.float64)
    g = np.array(g, dtype=w.dtype)
    past, largest = ([], np.zeros_like(w)) if state is None else state
    past = [*past, g if decoupled else g + weight_decay * w]
    ages = np.arange(len(past))[::-1].reshape(-1, *[1] * w.ndim)
    stack = np.stack(past)
    m = np.sum((1 - beta1) * (beta1**ages).astype(w.dtype) * stack, axis=0, dtype=w.dtype)
    v = np.sum((1 - beta2) * (float(beta2) ** ages).astype(w.dtype) * stack**2, axis=0, dtype=w.dtype)
    largest = np.fmax(largest, v)
    m_hat = m / (1 - beta1 ** len(past))
    v_hat = (largest if amsgrad else v) / (1 - beta2 ** len(past))
    kept = w * (1 - lr * weight_decay) if decoupled else w
    return kept - lr * m_hat / (v_hat**0.5 + eps), (past, largest)


def _eps_scaled(w, g, state, lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False, amsgrad=False):
    # Both corrections are drawn into one rate; then eps has to be scaled along.
    w = np.asarray(w)
    w = w if w.dtype.kind == "f" else w.astype(float)
    g = np.asarray(g).astype(w.dtype)
    m, v, largest, power1, power2 = (np.zeros_like(w),) * 3 + (1.0, 1.0) if state is None else state
    if weight_decay and not decoupled:
        g = g + weight_decay * w
    m, v = m + (1 - beta1) * (g - m), v + (1 - beta2) * (g * g - v)
    largest = np.maximum(v, largest)
    power1, power2 = power1 * beta1, power2 * beta2
    root = math.sqrt(1 - power2)
    step = (root / (1 - power1)) * m / (np.sqrt(largest if amsgrad else v) + eps * root)
    decay = weight_decay * w if decoupled else 0.0
    return w - lr * (step + decay), (m, v, largest, power1, power2)


def _one_by_one(w, g, state, lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False, amsgrad=False):
    w = np.asarray(w)
    new = np.array(w, dtype=w.dtype if w.dtype.kind == "f" else np.float64)
    t = 1 if state is None else state[0] + 1
    memory = {}
    for index in np.ndindex(new.shape):
        old, gradient = float(w[index]), float(np.asarray(g)[index])
        m, v, largest = (0.0, 0.0, 0.0) if state is None else state[1][index]
        if not decoupled:
            gradient += weight_decay * old
        m = beta1 * m + (1 - beta1) * gradient
        v = beta2 * v + (1 - beta2) * gradient * gradient
        largest = max(largest, v)
        memory[index] = (m, v, largest)
        v_hat = (largest if amsgrad else v) / (1 - beta2**t)
        step = m / (1 - beta1**t) / (math.sqrt(v_hat) + eps)
        new[index] = old - lr * (step + (weight_decay * old if decoupled else 0.0))
    return new, (t, memory)


# A library's own ------------------------------------------------------------------------------------------------------


def _torch_adam(w, g, state, lr, beta1, beta2, eps, weight_decay=0.0, decoupled=False, amsgrad=False):
    w = torch.tensor(np.asarray(w))
    parameter = torch.nn.Parameter(w if w.is_floating_point() else w.double())
    parameter.grad = torch.tensor(np.asarray(g)).to(parameter.dtype)
    kind = torch.optim.AdamW if decoupled else torch.optim.Adam
    optimizer = kind([parameter], lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, amsgrad=amsgrad)
    if state is not None:
        optimizer.state[parameter] = {key: value.clone() for key, value in state.items()}
    optimizer.step()
    return parameter.detach().numpy(), optimizer.state[parameter]


adam_step = Exercise(
    reference=_adam_step,
    accepted={
        "torch's order: lerp, addcmul, addcdiv, in an object": _torch_order,
        "weighted means from running sums": _running_sums,
        "sums over the whole history": _whole_history,
        "both corrections in the rate, eps scaled along": _eps_scaled,
        "one number at a time": _one_by_one,
    },
    witnesses={"torch.optim.Adam and AdamW": _torch_adam},
    banned=("torch.optim",),
)


# Checks: each returns what it saw -------------------------------------------------------------------------------------


def _usual(rng):
    return {"lr": float(rng.uniform(0.01, 0.1)), "beta1": 0.9, "beta2": 0.999, "eps": 1e-14}


@adam_step.check(
    "the first step: lr·g/(|g| + eps), for gradients large, tiny and zero",
    points=1,
    hint="At t = 1 both corrections undo the factors 1 − beta, so m_hat is g and v_hat is g².",
)
def _first_step(f, rng):
    sizes = rng.uniform(1, 9, size=8) * 10.0 ** np.array([3, 1, 0, -2, -4, -6, -7, -8])
    g = sizes * rng.permutation([-1, 1, -1, 1, -1, 1, -1, 1])
    g = np.append(g, 0.0)
    usual = {**_usual(rng), "eps": 1e-8}
    other = {**usual, "beta1": float(rng.uniform(0.5, 0.8)), "beta2": float(rng.uniform(0.85, 0.95))}
    return paths(f, (np.zeros(9), [g], usual), (np.zeros(9), [g], other))


@adam_step.check(
    "the first five steps",
    points=0.5,
    hint="Work out two steps on paper, with two different gradients, and print m, v and t after each.",
)
def _first_steps(f, rng):
    other = {**_usual(rng), "beta1": float(rng.uniform(0.6, 0.8)), "beta2": float(rng.uniform(0.9, 0.95))}
    return paths(f, (rng.normal(size=3), dense(rng, steps=5, size=3), other))


@adam_step.check(
    "any shape and dtype, zero gradients, nan, and two parameters in turn",
    points=0.5,
    rtol=2e-6,
    atol=2e-6,
    hint="Read the common rules at the top of the notebook once more, line by line.",
)
def _any_input(f, rng):
    return kinds_of_input(f, rng, **{**_usual(rng), "beta1": 0.7, "beta2": 0.9})


@adam_step.check(
    "w, g and the old state are left as they were, and the arrays may be used again",
    points=0.5,
    hint="Use one old state twice with two different gradients; and look at g after a call with weight decay.",
)
def _left_alone(f, rng):
    hyper = {**_usual(rng), "beta1": 0.7, "beta2": 0.9}
    decay = {**hyper, "weight_decay": float(rng.uniform(0.1, 0.5))}
    return [traces(f, rng, **decay), traces(f, rng, **decay, decoupled=True, amsgrad=True)]


@adam_step.check(
    "long runs like torch.optim.Adam: dense, sparse and small gradients, other betas, lr changed midway",
    points=1,
    hint="Drive torch.optim.Adam with the same gradients; print exp_avg and exp_avg_sq beside your m and v.",
)
def _like_torch(f, rng):
    zero, usual = np.zeros(4), _usual(rng)
    other = {**usual, "beta1": float(rng.uniform(0.5, 0.8)), "beta2": float(rng.uniform(0.9, 0.99))}
    slower = {"lr": usual["lr"] / 10}
    return paths(
        f,
        (zero, dense(rng), usual, slower),
        (zero, dense(rng), other, slower),
        (zero, sparse(rng), {**usual, "eps": 1e-8}),
        (zero, 1e-3 * dense(rng), usual),
    )


@adam_step.check(
    "where eps stands: gradients as tiny as eps, and a large eps",
    points=0.5,
    hint="eps is added to the root of the corrected v, outside of the root, once.",
)
def _eps(f, rng):
    zero, usual = np.zeros(4), _usual(rng)
    return paths(
        f,
        (zero, 1e-8 * dense(rng), {**usual, "eps": 1e-8}),
        (zero, dense(rng), {**usual, "eps": 1e-4}),
        (zero, dense(rng), {**usual, "eps": float(rng.uniform(0.05, 0.5))}, {"lr": usual["lr"] / 10}),
    )


@adam_step.check(
    "weight decay, coupled (Adam) and decoupled (AdamW)",
    points=1,
    hint="Coupled decay joins the gradient before m and v see it; decoupled decay acts on the old w alone.",
)
def _weight_decay(f, rng):
    start, usual = rng.normal(size=4) * 3, _usual(rng)
    coupled = {**usual, "weight_decay": float(rng.uniform(0.1, 0.5))}
    apart = {**coupled, "decoupled": True}
    gradients = dense(rng)
    return paths(
        f,
        (start, gradients, coupled, {"lr": usual["lr"] / 10}),
        (start, gradients, apart, {"lr": usual["lr"] / 10}),
        (start, sparse(rng), {**apart, "eps": 1e-3}),
        (start, sparse(rng), {**coupled, "eps": 1e-3}),
    )


@adam_step.check(
    "amsgrad",
    points=1,
    hint="Feed a few large gradients, then small ones: the largest v stays in force, and v itself goes on.",
)
def _amsgrad(f, rng):
    zero, hyper = np.zeros(4), {**_usual(rng), "beta2": float(rng.uniform(0.8, 0.95)), "amsgrad": True}
    apart = {**hyper, "weight_decay": float(rng.uniform(0.1, 0.5)), "decoupled": True}
    return paths(
        f,
        (zero, fading(rng), hyper),
        (zero, dense(rng), {**hyper, "eps": 1e-3}),
        (rng.normal(size=4), fading(rng), apart, {"lr": hyper["lr"] / 10}),
    )


# Wrong answers, as students write them --------------------------------------------------------------------------------


# The correction of the start at zero

adam_step.mistake(
    "no bias correction",
    edits=[
        ("m_hat = m / (1 - beta1**t)", "m_hat = m"),
        ("(v_max if amsgrad else v) / (1 - beta2**t)", "v_max if amsgrad else v"),
    ],
    core=True,
    hint="""
        You use m and v as they are, without correcting their start at 0. After one step m holds a tenth of the
        gradient, and v a thousandth of its square, so the root of v is a thirtieth of the size of g. The two errors do
        not cancel: your first step is about √10 times too long, 0.316 instead of 0.1 for lr = 0.1. And they fade at
        different speeds, since m forgets its start within ten steps and v takes a thousand. Divide each of the two by
        the weight its gradients have had so far. A test that always works: the first step of Adam has the length lr,
        whatever the gradient is.
    """,
    source="MISCONCEPTIONS 48",
)

adam_step.mistake(
    "only m corrected",
    edits=[("(v_max if amsgrad else v) / (1 - beta2**t)", "v_max if amsgrad else v")],
    core=True,
    hint="""
        You correct m and not v. Then the upper part of the fraction is right, and the lower part is far too small:
        after one step v holds a thousandth of g², so that its root is about 1/32 of the size of g. Your first step is
        31.6 times too long: 3.16 for lr = 0.1. Of the two averages it is v that needs the correction most, because β₂
        is closer to 1 and its start at 0 is felt for a thousand steps. The same thought applies to both: ask how much
        weight the gradients have had so far, and divide by it. v gets its own power, of β₂.
    """,
    source="MISCONCEPTIONS 49",
)

adam_step.mistake(
    "only v corrected",
    edits=[("m_hat = m / (1 - beta1**t)", "m_hat = m")],
    core=True,
    hint="""
        You correct v and not m. The lower part of the fraction is right. The upper part still carries the start at 0:
        after one step m is only a tenth of the gradient. So your first step is a tenth of lr, and it takes some twenty
        steps until the lengths are right. That looks like a gentle warm-up, and some people like it, but it is not
        Adam: its very first step has the length lr, whatever the gradient is. Divide m by the weight which the
        gradients in it have had so far; after t steps that is 1 minus β₁ to the power t.
    """,
    source="ERRATA 33",
)

adam_step.mistake(
    "t starts at 0",
    edits=[("    t = t + 1\n", ""), ("return w_new, (t, m", "return w_new, (t + 1, m")],
    core=True,
    hint="""
        At the first step you divide by 0, because β to the power 0 is 1, and 1 minus 1 is 0. The first w is nan, and it
        never recovers. Your t counts the steps that lie behind; the correction needs the number of gradients that are
        in m and v by now, with this one included. In this notebook t is 1 at the first call. The comment in a
        well-known course says it in one line: increase t before you use it in any calculation. Move the counting up, to
        the place where the state has just been unpacked, and let the state carry the increased number on.
    """,
    source="MISCONCEPTIONS 51",
)

adam_step.mistake(
    "power t+1",
    edits=[("beta1**t", "beta1 ** (t + 1)"), ("beta2**t", "beta2 ** (t + 1)")],
    core=True,
    hint="""
        Your corrections are one step ahead of the averages. At the first step you use the powers for t = 2, while m and
        v hold one gradient each, and your step comes out 0.744 times as long as it should be. The slide writes t + 1 in
        the exponent, and is right, because there the first step is t = 0. In this notebook the first call has t = 1.
        Kingma and Ba number the steps in this way too. Never copy a formula with t in it without asking where its count
        begins. After the first step, m_hat must be the gradient itself. Check just that.
    """,
    source="ERRATA 33",
)

adam_step.mistake(
    "t never advances",
    edits=[("    t = t + 1\n", "    t = 1\n")],
    core=True,
    hint="""
        Your first step is right, and the later ones are not: t is 1 at every call, so that you always divide by 1 − β₁
        and 1 − β₂. These are the weights after a single gradient. After many steps both averages are full and the
        divisors should be close to 1. In the long run your m_hat is 10 times too large and the root of your v_hat about
        32 times, so the steps end up at a third of their length. The count is a part of the memory: it must come out of
        the old state, be increased, and go into the new one. Print t for three calls in a row.
    """,
    source="own",
)

adam_step.mistake(
    "beta times t",
    edits=[("(1 - beta1**t)", "(1 - beta1 * t)"), ("(1 - beta2**t)", "(1 - beta2 * t)")],
    core=True,
    hint="""
        In the corrections you multiply β by t; the formulas mean a power. On the slide the small raised number is an
        index on m and an exponent on β, so this is easily misread. At t = 1 there is no difference. At t = 2 you divide
        by 1 − 1.8 and by 1 − 1.998, both negative, and the root of a negative number is nan. A power makes sense here:
        with each step, the weight of the start at 0 shrinks by one more factor β, and what is left for the gradients is
        1 minus that. Print both divisors for three steps. They must be between 0 and 1, and rise.
    """,
    source="ERRATA 33",
)

adam_step.mistake(
    "corrected averages fed back",
    edits=[
        ("    m_hat = m /", "    m = m_hat = m /"),
        (
            "    v_hat = (v_max if amsgrad else v) / (1 - beta2**t)\n",
            "    v = v / (1 - beta2**t)\n    v_hat = np.maximum(v_max, v) if amsgrad else v\n",
        ),
    ],
    core=True,
    hint="""
        The first step is right, and then your steps get shorter and shorter. You write the corrected averages back: the
        next step starts from m_hat and v_hat and corrects them once more, so that v in particular grows far too large.
        The plain m and v live on in the state. The corrected ones are made from them at each step, serve this one step,
        and are forgotten. A telltale sign: with a constant gradient and lr = 0.1, ten steps of Adam go down by 1.0, and
        yours only by about 0.13. Give the corrected values names of their own, and check what you return.
    """,
    source="MISCONCEPTIONS 54",
)

adam_step.mistake(
    "root of v corrected, not v",
    edits=[
        ("(v_max if amsgrad else v) / (1 - beta2**t)", "v_max if amsgrad else v"),
        ("np.sqrt(v_hat) + eps", "np.sqrt(v_hat) / (1 - beta2**t) + eps"),
    ],
    core=True,
    hint="""
        You take the root first and correct afterwards, with the full factor. The correction belongs to v, that is, to
        the square; drawn outside the root it has to become a root itself. At the first step you divide the root by
        0.001 instead of by the root of 0.001, so what stands below the fraction line is about 32 times too large, and
        your step is 0.00316 for lr = 0.1. Do it in the order of the statement: correct v, then take its root, then add
        eps. If you like to save a division, remember that the root of a quotient is the quotient of two roots.
    """,
    source="MISCONCEPTIONS 62",
)

adam_step.mistake(
    "averages start at the first gradient",
    edits=[
        ("0, np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)", "0, g, g**2, np.zeros_like(w)"),
        ("m_hat = m / (1 - beta1**t)", "m_hat = m"),
        ("(v_max if amsgrad else v) / (1 - beta2**t)", "v_max if amsgrad else v"),
    ],
    core=True,
    hint="""
        You start m and v with the first gradient and its square, and need no correction. The first step is then right,
        but what follows is a different method: your first gradient counts as if it had been there for ever. With β₂ =
        0.999 it rules v for a thousand steps. If the first minibatch happened to have a large gradient, you crawl; if
        it happened to have a small one, you fly. Adam starts both averages at 0 and divides by the weight which the
        gradients have had so far, so all of them are treated by the same rule. Start from zeros and bring the
        corrections back.
    """,
    source="MISCONCEPTIONS 91, for Adam",
)

# The averages

adam_step.mistake(
    "weights swapped in both averages",
    edits=[
        ("beta1 * m + (1 - beta1) * g", "(1 - beta1) * m + beta1 * g"),
        ("beta2 * v + (1 - beta2) * g**2", "(1 - beta2) * v + beta2 * g**2"),
    ],
    core=True,
    hint="""
        You give the weight β to what is new and 1 − β to the past. It is the other way round: β says how much of the
        past is kept. With 0.9 and 0.999, m should remember about ten gradients and v about a thousand; yours remember
        hardly one. Since the corrections are made for the right weights, they no longer fit either, so that your first
        step is 0.028 for lr = 0.1 where it should be 0.1. Read the first two formulas aloud: nine tenths of the old
        average, plus one tenth of the new gradient. Then compare that with your two lines.
    """,
    source="MISCONCEPTIONS 64",
)

adam_step.mistake(
    "weights swapped in m",
    edits=[("beta1 * m + (1 - beta1) * g", "(1 - beta1) * m + beta1 * g")],
    core=True,
    hint="""
        v is right, but in m the two weights have changed places: you give β₁ to the new gradient and 1 − β₁ to the
        past. So m keeps a tenth of its past where it should keep nine tenths, and it follows every noisy minibatch. The
        correction, which belongs to the right weights, makes it worse: at the first step it divides 0.9 times the
        gradient by 0.1, so that your step is nine times too long, 0.9 for lr = 0.1. The betas are called decay rates
        because they say what is left of the past after a step. Put β₁ next to the old m, as β₂ stands next to the old
        v.
    """,
    source="MISCONCEPTIONS 64",
)

adam_step.mistake(
    "beta1 and beta2 exchanged",
    edits=[
        ("beta1 * m + (1 - beta1) * g\n", "beta2 * m + (1 - beta2) * g\n"),
        ("beta2 * v + (1 - beta2) * g**2", "beta1 * v + (1 - beta1) * g**2"),
        ("m / (1 - beta1**t)", "m / (1 - beta2**t)"),
        ("else v) / (1 - beta2**t)", "else v) / (1 - beta1**t)"),
    ],
    core=True,
    hint="""
        You have exchanged the two betas. β₁, usually 0.9, belongs to m, the average of the gradients. β₂, usually
        0.999, belongs to v, the average of their squares. The direction should react soon, so that its memory is short;
        the scale should be steady, so that its memory is long. The first step cannot tell, because the corrections hide
        the start, and with equal gradients no step can tell. So take two different gradients and two betas that are far
        apart, such as 0.5 and 0.9, work out the second step on paper, and compare. Look at all four places in which a
        beta occurs.
    """,
    source="own",
)

adam_step.mistake(
    "v from the square of m",
    edits=[("(1 - beta2) * g**2", "(1 - beta2) * m**2")],
    core=True,
    hint="""
        You square the average m where the gradient should be squared. v is meant to say how large the gradients are in
        this place, with their noise. m has averaged the noise away already, so that its square is smaller: at the first
        step a hundredth, and your step is then 10 times too long, 1.0 instead of 0.1. In a noisy place m is near 0
        while the gradients are large, and Adam wants to go slowly just there. Yours would run. Both averages are fed by
        the same new gradient, side by side: one gets g, the other its square. Look at the line for v.
    """,
    source="MISCONCEPTIONS 59",
)

adam_step.mistake(
    "average of the sizes",
    edits=[("(1 - beta2) * g**2", "(1 - beta2) * np.abs(g)"), ("np.sqrt(v_hat) + eps", "v_hat + eps")],
    hint="""
        You average the sizes of the gradients, without squares and without a root. For the first step this is the same,
        since the root of g² is the size of g. Afterwards it is another way of measuring: the root of an average of
        squares is never smaller than the average of the sizes, and is larger when the sizes differ much. A rare large
        gradient slows Adam down for long, and your version less. Such a variant can work, but the numbers are different
        from Adam's. Average the squares, correct the average, and take the root last. Test it with gradients of
        different sizes.
    """,
    source="MISCONCEPTIONS 97, for Adam",
)

adam_step.mistake(
    "one v for the whole array",
    edits=[("(1 - beta2) * g**2", "(1 - beta2) * np.mean(g**2)")],
    core=True,
    hint="""
        You take a mean over the array, so all its places share one v and one scale. Then small gradients give small
        steps, as in plain gradient descent. In Adam each number of w has its own v, made from its own past, and that is
        why a first step has the length lr in every place: the place with the gradient 4 and the one with the gradient
        0.01 move equally far. There are serious methods with one scale for a whole layer, and they save memory, but
        they are not Adam. Print the shape of v. It must be the shape of w, so no sum or mean over the array may be in
        its line.
    """,
    source="MISCONCEPTIONS 100, for Adam",
)

adam_step.mistake(
    "old averages used",
    edits=[
        ("return w_new, (t, m, v, v_max)", "return w_new, after"),
        (
            "    m = beta1 * m + (1 - beta1) * g\n"
            "    v = beta2 * v + (1 - beta2) * g**2\n"
            "    v_max = np.maximum(v_max, v)\n",
            "    new_v = beta2 * v + (1 - beta2) * g**2\n"
            "    after = (t, beta1 * m + (1 - beta1) * g, new_v, np.maximum(v_max, new_v))\n",
        ),
    ],
    core=True,
    hint="""
        You take the step with the averages of the call before, and bring the new gradient in afterwards. The first step
        then does not move at all, because both averages are still 0. Every later step comes one gradient too late, and
        its correction, which counts this step, does not fit. The order of the statement is: count the step, bring the
        new gradient into m and v, correct both, and only then move w. A single call with any gradient that is not 0 is
        enough as a test: w must move by lr. Look for the line that makes the new w, and at which m and v it sees.
    """,
    source="own",
)

adam_step.mistake(
    "steps along the gradient, not m",
    edits=[("lr * m_hat /", "lr * g /")],
    core=True,
    hint="""
        You compute m, and then walk along the newest gradient. What you have is RMSprop with a correction: the scale
        has a memory, and the direction has none. The first step agrees with Adam's, because the corrected m is then the
        gradient itself. From the second step on the direction should be a mixture of the last ten gradients or so,
        which is what calms the noise of the minibatches. A constant gradient hides the mistake, since its average is
        the gradient again. Test with two gradients of opposite sign, and look at the upper part of your fraction.
    """,
    source="own",
)

# The root and eps

adam_step.mistake(
    "no root",
    edits=[("np.sqrt(v_hat) + eps", "v_hat + eps")],
    core=True,
    hint="""
        You divide by v_hat, and its root is missing. v_hat is a square: its unit is that of the gradient, squared. So
        large gradients give short steps and small gradients give huge ones. With lr = 0.1, a gradient of 4 moves w by
        0.025, and a gradient of 0.01 by 10. With the root, the unit of the loss cancels, and both move by 0.1. That is
        the heart of Adam: the first step has the length lr, whatever the size of the gradient. A test with a gradient
        of 1 cannot find this, since 1 is its own root. Use 4 and 0.01 side by side.
    """,
    source="MISCONCEPTIONS 61",
)

adam_step.mistake(
    "eps inside the root",
    edits=[("np.sqrt(v_hat) + eps", "np.sqrt(v_hat + eps)")],
    core=True,
    hint="""
        Your eps stands below the root. In the paper's algorithm, and in torch, it is added after the root has been
        taken. It looks like a detail, but below the root 1e-8 acts like 1e-4 outside, since that is its root. Take lr =
        0.1 and a gradient of 1e-6: Adam moves by 0.099, and yours by 0.001. In large networks many gradients are that
        small, and these weights would hardly learn. Some libraries had it inside once and were corrected. Never test
        this with a gradient near 1, where nothing shows; test with a tiny gradient, or with a large eps.
    """,
    source="MISCONCEPTIONS 55",
)

adam_step.mistake(
    "eps not scaled along",
    edits=[
        ("(v_max if amsgrad else v) / (1 - beta2**t)", "v_max if amsgrad else v"),
        ("lr * m_hat / (np.sqrt(v_hat) + eps)", "lr * np.sqrt(1 - beta2**t) * m_hat / (np.sqrt(v_hat) + eps)"),
    ],
    core=True,
    hint="""
        You draw both corrections into the learning rate, as the paper proposes at the end of its section 2, and add eps
        to the root of the uncorrected v. This is a little faster, and nearly the same, but eps now means something
        else: the paper calls it epsilon-hat. Since the uncorrected root is about 32 times smaller at the first step,
        eps is 32 times as strong there. With a gradient of 1e-8 and an eps of 1e-8, the first step should be half of
        lr, and yours is 0.031 of it. Add eps to the root of the corrected v, or multiply eps by the same root as the
        rest.
    """,
    source="ERRATA 34; TensorFlow's form",
)

adam_step.mistake(
    "no eps",
    edits=[("(np.sqrt(v_hat) + eps)", "np.sqrt(v_hat)")],
    core=True,
    hint="""
        There is no eps in your divisor. Where all gradients so far were 0, both m and v are 0, and 0 divided by 0 is
        nan. In the digits images of this lecture there are pixels that are black in every picture, so their weights
        have a gradient of 0 at each step, and a network with your function is nan after the first one. With eps, the
        quotient is 0 and these weights rest. It also keeps gradients that are nothing but rounding noise, such as
        1e-12, from being blown up to full steps. Test with a gradient in which one place is exactly 0.
    """,
    source="MISCONCEPTIONS 57",
)

adam_step.mistake(
    "eps outside the fraction",
    edits=[("lr * m_hat / (np.sqrt(v_hat) + eps)", "lr * (m_hat / np.sqrt(v_hat) + eps)")],
    core=True,
    hint="""
        A pair of parentheses is missing around root plus eps. As it stands, Python divides by the root alone and adds
        eps to the quotient. So a gradient of 0 still gives 0 divided by 0, and everywhere else w creeps down by lr
        times eps at every step, whatever the gradients say. With 1e-8 nobody notices the creeping; a widely read
        textbook had this slip in its code. eps belongs to the divisor, because its task is to keep the divisor away
        from 0. Put the root and eps together below the fraction line. Then test with an eps of 0.5, where you can
        follow each term on paper.
    """,
    source="MISCONCEPTIONS 58",
)

adam_step.mistake(
    "larger of root and eps",
    edits=[("(np.sqrt(v_hat) + eps)", "np.maximum(np.sqrt(v_hat), eps)")],
    hint="""
        You divide by the larger of the two, the root and eps. That keeps the divisor away from 0 as well, and for
        gradients far above eps there is no difference. Where the two have the same size there is: a gradient of 1e-8
        with an eps of 1e-8 moves w by the whole of lr in your version, and by half of it in Adam, because the sum is
        twice as large. With a large eps, as some people use for image networks, all steps are affected. The formula
        adds. Try an eps of about the size of your gradients, and compare with the first step on paper, which is lr
        times g over the size of g plus eps.
    """,
    source="own",
)

# The step

adam_step.mistake(
    "uphill",
    edits=[("w_new = w - lr * m_hat", "w_new = w + lr * m_hat")],
    core=True,
    hint=_hints.UPHILL,
    source="MISCONCEPTIONS 66",
)

adam_step.mistake(
    "learning rate inside m",
    edits=[("(1 - beta1) * g\n", "(1 - beta1) * lr * g\n"), ("w - lr * m_hat /", "w - m_hat /")],
    hint="""
        You multiply the gradients by the learning rate when they enter m, and not at the end. As long as the rate stays
        the same, nobody can tell. But rates are lowered during training in nearly every real run, and then the old part
        of your m still carries the old rate, so that w goes on with long steps for about ten more. In Adam the averages
        are made of gradients alone, and the rate of this very step multiplies the finished quotient. To test for it,
        change lr between two calls. Move the factor lr from the line of m to the line in which w is changed.
    """,
    source="MISCONCEPTIONS 77, for Adam",
)

# Weight decay

adam_step.mistake(
    "decay always coupled",
    edits=[("    if decoupled:\n        decay", "    if False:\n        decay")],
    core=True,
    hint="""
        With decoupled=True nothing changes in your function: the decay still joins the gradient and goes through m and
        v. That is Adam with an L2 penalty. AdamW keeps the two apart, and the reason is surprising. In Adam everything
        in the gradient is divided by its own size, the decay too. If the loss has no gradient, the first step with
        coupled decay is lr times the sign of w, be the weight_decay 1 or 0.0001. Decoupled, it shrinks w by the factor
        1 − lr·weight_decay, as one would expect. So for decoupled=True, leave g alone and act on w directly.
    """,
    source="ERRATA 46",
)

adam_step.mistake(
    "decay always decoupled",
    edits=[("    if decoupled:\n        decay", "    if True:\n        decay")],
    core=True,
    hint="""
        Your weight decay always acts on w directly. That is AdamW, and it is right for decoupled=True. The default is
        decoupled=False: there the decay is the gradient of an L2 penalty, and it is added to g before m and v see it.
        It is then averaged, squared and divided like any other gradient. Experience speaks for your version, which is
        why AdamW was invented, but the name Adam with weight_decay means the coupled form in torch, and one has to know
        both in order to read results. Let the flag decide which of the two places the term goes to, never both.
    """,
    source="MISCONCEPTIONS 67",
)

adam_step.mistake(
    "decoupled decay without lr",
    edits=[("- lr * decay", "- decay")],
    core=True,
    hint="""
        Your decoupled decay takes the whole of weight_decay times w at each step, and the learning rate has no part in
        it. The paper on AdamW writes it in this way, with a separate schedule, and optax warns of the difference. torch
        multiplies by lr, and so does the statement: the old w shrinks by the factor 1 − lr·weight_decay. With lr = 0.1
        and weight_decay = 0.1 a weight of 1 should go to 0.99 by the decay alone, and yours goes to 0.9. With the usual
        rate of 0.001, your weights would be gone after a few steps. Look at the factor in front of your decay.
    """,
    source="MISCONCEPTIONS 69",
)

adam_step.mistake(
    "decay after the step",
    edits=[
        (
            "w_new = w - lr * m_hat / (np.sqrt(v_hat) + eps) - lr * decay",
            "w_new = w - lr * m_hat / (np.sqrt(v_hat) + eps)\n"
            "    if decoupled:\n        w_new = w_new * (1 - lr * weight_decay)",
        )
    ],
    hint="""
        You first move w and then shrink the result, so that the fresh step is shrunk as well. torch does it the other
        way round: it shrinks the old w and then moves. The difference is small, lr² times weight_decay in each step,
        and both orders could be defended. But a number that is off in the fourth digit makes it hard to find out
        whether two programs do the same, so the statement fixes the order: both the decay and the step start from the
        old w. Write both terms as something that is subtracted from the old w, and they cannot get into each other's
        way.
    """,
    source="MISCONCEPTIONS 70",
)

adam_step.mistake(
    "decoupled decay divided by the root",
    edits=[("lr * m_hat / (np.sqrt(v_hat) + eps) - lr * decay", "lr * (m_hat + decay) / (np.sqrt(v_hat) + eps)")],
    hint="""
        In the decoupled case you add the decay to the corrected m, so that it escapes the averages but is still divided
        by the root of v. Weights with large gradients are then hardly decayed, and weights with tiny gradients are
        decayed violently. Decoupled means apart from all that: the decay shrinks each weight by the same factor, 1 −
        lr·weight_decay, whatever its gradients are. In the formula it is a term of its own, beside the fraction and not
        in it. Test with a gradient of 0 everywhere: w should shrink gently by that factor, and your w jumps.
    """,
    source="own",
)

adam_step.mistake(
    "coupled decay in m only",
    edits=[("(1 - beta2) * g**2", "(1 - beta2) * (g if decoupled else g - weight_decay * w) ** 2")],
    hint="""
        For the coupled decay, you add weight_decay times w to what goes into m, while v still gets the square of the
        bare gradient. An L2 penalty is a part of the loss, so its gradient is a part of the gradient, and both averages
        must see the same sum. With your form, a weight whose loss gradient is 0 has v = 0, and its decay is divided by
        eps alone: w is thrown far away. In torch the sum is formed first, and everything afterwards knows only this
        sum. Make a new g in one line, before the lines of m and v, and use it in both.
    """,
    source="own",
)

adam_step.mistake(
    "decay with the wrong sign",
    edits=[("g = g + weight_decay * w", "g = g - weight_decay * w"), ("- lr * decay", "+ lr * decay")],
    core=True,
    hint="""
        Your weight decay makes the weights grow. The decay is the gradient of a penalty on large weights, and that
        gradient points away from 0, along w itself. It is added to the gradient of the loss; the one minus sign of
        gradient descent then turns it into a pull towards 0. In the decoupled form, the same term is subtracted from w.
        Probably one sign too many came in, because decay sounds like minus. Test with a gradient of 0 and a weight of
        1: after a step it must be smaller than 1, in the coupled form and in the decoupled one.
    """,
    source="own",
)

adam_step.mistake(
    "decay twice as strong",
    edits=[
        ("decay = weight_decay * w", "decay = 2 * weight_decay * w"),
        ("g = g + weight_decay * w", "g = g + 2 * weight_decay * w"),
    ],
    core=True,
    hint="""
        Your decay is twice as strong as it should be. You have differentiated the penalty c·w², whose gradient is 2c·w,
        and put weight_decay in the place of c. The slide writes the penalty in this way, but torch adds weight_decay
        times w, without the 2, which is the gradient of half of the penalty. So weight_decay is 2c. It is a convention,
        and a factor of 2 between a paper and a program often comes from just here. The statement says which term is
        added. In the first coupled step you cannot see it, because Adam divides the size away; test with
        decoupled=True.
    """,
    source="ERRATA 45",
)

# AMSGrad

adam_step.mistake(
    "amsgrad ignored",
    edits=[("v_max if amsgrad else v", "v")],
    core=True,
    hint="""
        With amsgrad=True your function does the same as without. AMSGrad is a small change with a good reason: v
        forgets. A rare, large and important gradient is forgotten after a while, and the steps become long again in
        between, so that many small wrong gradients can win against the rare right one. AMSGrad keeps beside v the
        largest v so far, place by place, and divides by the root of that. v itself goes on as before. As long as v
        rises the two agree, so test with one large gradient followed by a few small ones. You need one more array in
        the state.
    """,
    source="Reddi, Kale and Kumar 2018",
)

adam_step.mistake(
    "amsgrad: largest corrected v",
    edits=[
        ("v_max = np.maximum(v_max, v)", "v_max = np.maximum(v_max, v / (1 - beta2**t))"),
        ("(v_max if amsgrad else v) / (1 - beta2**t)", "v_max if amsgrad else v / (1 - beta2**t)"),
    ],
    hint="""
        For amsgrad you correct v first and keep the largest of the corrected values. That is a sensible reading, and
        optax does it like that. torch, and the statement, do it in the other order: the largest of the plain v is kept,
        and it is corrected at the moment of the step, with the power of this t. The orders differ because the
        correction shrinks with time: a corrected value from the first step is large, and in your version it rules for
        ever. Compare them on paper for one large gradient followed by small ones. Keep the maximum of v itself, and
        divide by 1 − β₂ᵗ afterwards.
    """,
    source="optax's convention",
)

adam_step.mistake(
    "amsgrad: maximum written into v",
    edits=[
        ("    v_max = np.maximum(v_max, v)\n", "    v_max = np.maximum(v_max, v)\n    v = v_max if amsgrad else v\n")
    ],
    hint="""
        For amsgrad you put the maximum back into v, so the next average starts from it. Then a later square, even a
        small one, is added on top of a value that has not faded, and your v creeps up where it should fall. There must
        be two arrays. v is the ordinary fading average, exactly as without amsgrad. The other one remembers how large v
        has ever been. Only this second array stands below the root. It is the same trap as writing m_hat back into m:
        what is made for a step must not get into the memory. Keep both in the state.
    """,
    source="own",
)

adam_step.mistake(
    "amsgrad: maximum of the squares",
    edits=[
        ("v_max = np.maximum(v_max, v)", "v_max = np.maximum(v_max, g**2)"),
        ("(v_max if amsgrad else v) / (1 - beta2**t)", "v_max if amsgrad else v / (1 - beta2**t)"),
    ],
    core=True,
    hint="""
        For amsgrad you keep the largest square of a gradient. The rule is to keep the largest v, and v is an average. A
        single wild gradient enters v with the small weight 1 − β₂ only, so it is damped; in your version it counts in
        full and for ever, and one bad minibatch stops this weight for the rest of the training. First bring the square
        into v as usual, then compare the new v with the largest one so far, and keep the larger. The correction for the
        start at 0 is then applied to this largest v. Look at what you hand to the maximum.
    """,
    source="own",
)

adam_step.mistake(
    "amsgrad: largest m as well",
    edits=[
        (
            "m_hat = m / (1 - beta1**t)",
            "m_max = m if state is None or abs(m).max() >= abs(state[1]).max() else state[1]\n"
            "    m_hat = (m_max if amsgrad else m) / (1 - beta1**t)",
        )
    ],
    hint="""
        For amsgrad you also keep the larger of two m. Only v is treated in this way. m is the direction, and a
        direction has to be able to turn around: what was right some steps ago may be wrong now. v is a scale, and
        AMSGrad does not want this scale to shrink, so that no step can become longer because something was forgotten.
        So m goes on as in ordinary Adam, with its correction, and the maximum is taken over v alone. Test with a large
        gradient of one sign, and then small ones of the other: after a while the steps must turn around.
    """,
    source="own",
)

# What is left behind

adam_step.mistake(
    "w changed in place",
    edits=[
        (
            "w_new = w - lr * m_hat / (np.sqrt(v_hat) + eps) - lr * decay",
            "w -= lr * m_hat / (np.sqrt(v_hat) + eps) + lr * decay\n    w_new = w",
        )
    ],
    core=True,
    hint=_hints.W_IN_PLACE,
    source="COURSE A3",
)

adam_step.mistake(
    "decay added to the caller's g",
    edits=[("        g = g + weight_decay * w\n", "        g += weight_decay * w\n")],
    core=True,
    hint="""
        Your numbers are right, but for the coupled decay you add weight_decay times w into the array g itself, with
        plus-equals. That array is the caller's. Whoever looks at the gradient afterwards, to plot its norm or to give
        it to a second optimizer, sees a gradient with the decay in it; and whoever uses it twice decays twice. Most
        public test suites look at the weights only and never notice. Write g as a new array, the sum of the old one and
        the decay, and then print the array that you passed in before and after a call with a weight decay.
    """,
    source="MISCONCEPTIONS 73",
)

adam_step.mistake(
    "old state changed in place",
    edits=[
        (
            "    m = beta1 * m + (1 - beta1) * g\n    v = beta2 * v + (1 - beta2) * g**2\n",
            "    m, v = np.asarray(m), np.asarray(v)\n"
            "    m *= beta1\n    m += (1 - beta1) * g\n    v *= beta2\n    v += (1 - beta2) * g**2\n",
        )
    ],
    core=True,
    hint=_hints.STATE_IN_PLACE,
    source="COURSE A3",
)

adam_step.mistake(
    "old dictionary updated",
    edits=[
        (
            "t, m, v, v_max = 0, np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)",
            "state = dict(t=0, m=np.zeros_like(w), v=np.zeros_like(w), v_max=np.zeros_like(w))",
        ),
        (
            "    else:\n        t, m, v, v_max = state\n    t = t + 1\n",
            "    state['t'] += 1\n    t, m, v, v_max = (state[key] for key in ('t', 'm', 'v', 'v_max'))\n",
        ),
        ("return w_new, (t, m, v, v_max)", "state.update(m=m, v=v, v_max=v_max)\n    return w_new, state"),
    ],
    core=True,
    hint="""
        Your numbers are right as long as every state is used once. But you write t, m and v into the dictionary that
        you were given, and return the same dictionary. So there is only one state: whoever kept the old one finds that
        it has moved on. A caller who tries a step, does not like the result, and starts again from the old w and the
        old state, gets a step with the wrong count and the wrong averages. A run straight ahead never shows it. Use one
        state twice, with two different gradients, and then once more with the first. Build a new dictionary from the
        new values in the last line, and leave the old one alone.
    """,
    source="COURSE A3",
)

adam_step.mistake(
    "m and v are one array",
    edits=[
        ("0, np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)", "0, *[np.zeros_like(w)] * 3"),
        (
            "    m = beta1 * m + (1 - beta1) * g\n    v = beta2 * v + (1 - beta2) * g**2\n",
            "    m, v = np.asarray(m), np.asarray(v)\n"
            "    m *= beta1\n    m += (1 - beta1) * g\n    v *= beta2\n    v += (1 - beta2) * g**2\n",
        ),
    ],
    core=True,
    hint="""
        You make one array of zeros and give it two names, by multiplying a list with a number or by writing m = v =
        zeros. Both names then mean the same place in memory. When you write the new average into m, v has changed as
        well, and the square is mixed into m. A star behind a list does not copy what is in it; it only notes the same
        object several times. Make a fresh array of zeros for each average. And prefer ordinary expressions to operators
        such as times-equals here: they make a new array each time, so that two names cannot get in each other's way,
        and the old state stays as it was.
    """,
    source="MISCONCEPTIONS 71",
)

adam_step.mistake(
    "one count for all parameters",
    edits=[
        ("        t, m, v, v_max = 0,", "        _adam_step.t, m, v, v_max = 0,"),
        (
            "        t, m, v, v_max = state\n    t = t + 1\n",
            "        m, v, v_max = state\n    _adam_step.t += 1\n    t = _adam_step.t\n",
        ),
        ("return w_new, (t, m", "return w_new, (m"),
    ],
    hint=_hints.ONE_MEMORY_FOR_ALL,
    source="MISCONCEPTIONS 53",
)

adam_step.mistake(
    "float32 comes out as float64",
    edits=[
        (
            "0, np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)",
            "0, np.zeros(w.shape), np.zeros(w.shape), np.zeros(w.shape)",
        )
    ],
    hint=_hints.FLOAT32_LOST,
    source="own",
)
